"""A team on GitLab: who is who, one project with ml-release's jobs, and a pipeline that waits at its gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from doubles.gitlab import Server
from doubles.gitlab_world import DEVELOPER, MAINTAINER, REPORTER, Commit, Job, MergeRequest, Pipeline, Project, Spec

from ci_lib.ci.gitlab.adapter import GitLab
from ci_lib.vouching import GitLabServer

OLD, FIRST, SECOND, TIP = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
ANA, BEN, DAN = (
    ("Ana Ruiz", "ana@corp.example"), ("Ben Bauer", "ben@corp.example"), ("Dan Diaz", "dan@corp.example"),
)  # fmt: skip

WORDS = {"decision": {"options": ["approve", "reject"]}, "reason": {}, "accept": {}, "code": {}}
SPECS = (
    Spec("prepare"),
    Spec("train", needs=("prepare",)),
    Spec("validate", needs=("train",)),
    Spec("report", needs=("validate",)),
    Spec("approve", manual=True, needs=("report",), inputs=WORDS),
    Spec("reject", manual=True, needs=("report",)),
    Spec("deploy", needs=("approve",)),
    Spec("rollback", manual=True),
)


@dataclass
class Scene:
    """The double with a team in it. Ana develops, Ben and Cleo approve, Dan reviews code, the bot does chores."""

    server: Server
    directory: Path
    project: Project = field(init=False)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.server.world
        for username, name in (
            ("ana", "Ana Ruiz"), ("ben", "Ben Bauer"), ("cleo", "Cleo Chan"), ("dan", "Dan Diaz"), ("eve", "Eve Ender"),
        ):  # fmt: skip
            world.add_user(username, name)
        world.add_user("project_7_bot_1f2e", "ci bot", bot=True)
        roles = {
            "ana": MAINTAINER, "ben": MAINTAINER, "cleo": MAINTAINER, "dan": DEVELOPER, "eve": REPORTER,
            "project_7_bot_1f2e": MAINTAINER,
        }  # fmt: skip
        self.project = world.add_project("ml/loans", SPECS, roles, id_=7)
        self.project.commits = {
            OLD: Commit(OLD, DAN, DAN, "Before"),
            FIRST: Commit(FIRST, ANA, ANA, "Better features", (OLD,)),
            TIP: Commit(TIP, ANA, ANA, "Tune", (FIRST,)),
        }
        self.project.branches = {"main": TIP}
        self.project.requests = [MergeRequest(5, world.users["ana"], (TIP,))]
        world.add_token("bens-own", "ben")
        world.add_token("read", "project_7_bot_1f2e", kind="project", scopes="read_api")
        world.add_token("note", "project_7_bot_1f2e", kind="project", scopes="api")

    def at_the_gate(self, who: str = "ana", **more: Any) -> Pipeline:
        """Start a pipeline and run it up to its gate."""
        pipeline = self.server.world.start(self.project, who, **more)
        self.server.world.finish_to_the_gate(pipeline)
        return pipeline

    def played(self, pipeline: Pipeline, who: str = "ben", name: str = "approve", **variables: str) -> Job:
        """Have somebody play a job, and a runner take it."""
        job = self.server.world.play(pipeline.job(name), self.server.world.users[who], variables, {})
        self.server.world.run(job)
        return job

    def adapter(self, job: Job, env: Mapping[str, str] | None = None, settings: GitLabServer | None = None) -> GitLab:
        """Return the adapter as a job gets it; it says things into the job's own log."""
        found = self.server.env(job) if env is None else dict(env)

        def say(text: str) -> None:
            self.said.append(text)
            job.trace += text.encode() + b"\n"

        return GitLab(
            server=settings or self.settings(), project=self.directory, env=found,
            clock=lambda: datetime.now(UTC), say=say, sleep=lambda _: None,
        )  # fmt: skip

    def settings(self, **changes: Any) -> GitLabServer:
        """Return what release.yml says of this server."""
        return GitLabServer.model_validate({"url": self.server.url, "project": 7} | changes)
