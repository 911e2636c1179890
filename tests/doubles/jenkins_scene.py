"""A team on Jenkins: who is who, one job with a real git clone, and what the shared library does around the gate."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from doubles.jenkins import Server
from doubles.jenkins_world import ADMINISTER, BUILD, CANCEL, READ, UPDATE, Build, Input, Job, Parameter, Pending
from doubles.repository import ENV

from ci_lib.ci.jenkins.adapter import Jenkins
from ci_lib.vouching import JenkinsServer

ANA, DAN = "Ana Ruiz <ana@corp.example>", "Dan Diaz <dan@corp.example>"
REMOTE = "https://git.example.com/ml/loans.git"
JOB = "folder/loans"
PARAMETERS = (
    Parameter("ACTION", ("release", "rollback", "audit")), Parameter("TO"), Parameter("REASON"),
)  # fmt: skip
WORDS = ("reason", "accept", "waive", "owner", "until", "waive_reason", "condition")
READER = {"ML_RELEASE_JENKINS_USER": "reader", "ML_RELEASE_JENKINS_TOKEN": "reader-token"}


def gate(**changes: Any) -> Input:
    """Return the gate's input, as the library asks it."""
    asked: dict[str, Any] = {
        "id": "MlRelease", "message": "Release loan-approval?", "submitter": "ben,cleo,ana",
        "submitter_parameter": "approver",
        "parameters": (Parameter("decision", ("approve", "reject")), *(Parameter(name) for name in WORDS)),
    }  # fmt: skip
    return Input(**asked | changes)


def passed_on(value: Any, before: str = "") -> dict[str, str]:
    """Return the variables that the library makes of what `input` returned; `before`: of earlier inputs."""
    answer = value if isinstance(value, dict) else {"approver": value or ""}
    who = ";".join(part for part in (before, str(answer.get("approver", ""))) if part)
    words = {f"ML_RELEASE_{name.upper()}": str(answer.get(name, "")) for name in ("decision", *WORDS)}
    return {"ML_RELEASE_APPROVER": who, **words}


@dataclass
class Scene:
    """The double with a team in it. Ana develops, Ben and Cleo approve, Dan reviews code, root administrates."""

    server: Server
    directory: Path
    job: Job = field(init=False)
    said: list[str] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        world = self.server.world
        for user, name in (("ana", "Ana Ruiz"), ("dan", "Dan Diaz"), ("eve", "Eve Ender")):
            world.add_user(user, name, READ, BUILD)
        for user, name in (("ben", "Ben Bauer"), ("cleo", "Cleo Chan")):
            world.add_user(user, name, READ, BUILD, CANCEL)
        world.add_user("root", "Admin", ADMINISTER)
        world.add_user("reader", "ml-release", READ)
        world.add_user("scribe", "", READ, UPDATE)
        self.job = world.add_job(JOB, *PARAMETERS)
        self.git("init", "--quiet", "--initial-branch", "main")
        for author, message in ((DAN, "Before"), (ANA, "Better features"), (ANA, "Tune")):
            self.commit(author, message)

    # The clone.

    def git(self, *arguments: str, **env: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.directory, env=ENV | env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, author: str, message: str = "A change", committer: str = "") -> str:
        """Commit in somebody's name, and let that be what the job checks out."""
        env = {}
        for role, who in (("AUTHOR", author), ("COMMITTER", committer or author)):
            name, _, mail = who.removesuffix(">").partition(" <")
            env |= {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail}
        self.git("commit", "--quiet", "--allow-empty", "--message", message, **env)
        self.commits.append(self.git("rev-parse", "HEAD"))
        self.job.revision = (REMOTE, self.commits[-1])
        return self.commits[-1]

    @property
    def old(self) -> str:
        """The commit of the last release, before Ana's."""
        return self.commits[0]

    @property
    def tip(self) -> str:
        return self.commits[-1]

    # The pipeline.

    def start(self, who: str | None = None, **parameters: str) -> Build:
        """Start a build; None: a change did."""
        return self.server.world.start(self.job, who, **parameters)

    def post(self, build: Build, path: str, who: str = "", **fields: str) -> requests.Response:
        """Send a form to a build in somebody's name."""
        auth = (who, f"{who}-token") if who else None
        url = f"{self.server.url}/{build.path}{path}"
        return requests.post(url, data=fields, auth=auth, timeout=5, allow_redirects=False)

    def answer(self, pending: Pending, who: str = "ben", **words: str) -> Any:
        """Fill in the page of an input, and return what the script gets."""
        return self.answer_only(pending, who, **{"decision": "approve", "reason": "read it"} | words)

    def answer_only(self, pending: Pending, who: str = "ben", **words: str) -> Any:
        """Send these parameters and no others."""
        parameters = [{"name": name, "value": value} for name, value in words.items()]
        form = json.dumps({"parameter": parameters})
        sent = self.post(pending.build, f"input/{pending.input.id}/proceed", who, json=form)
        assert sent.status_code == 200, sent.headers.get("X-Error")
        return pending.wait(1).value

    def answered(self, build: Build, who: str = "ben", before: str = "", **words: str) -> dict[str, str]:
        """Have somebody answer the gate's input, and return what the library passes on."""
        return passed_on(self.answer(self.server.world.pend(build, gate()), who, **words), before)

    def adapter(self, build: Build, env: Mapping[str, str] | None = None, **more: Any) -> Jenkins:
        """Return the adapter as an agent's ``sh`` gets it; it says things into the build's own log."""
        found = self.server.env(build, **READER) | dict(env or {})

        def say(text: str) -> None:
            self.said.append(text)
            build.log(text)

        given: dict[str, Any] = {
            "server": self.settings(), "project": self.directory, "env": found, "say": say, "sleep": lambda _: None,
        }  # fmt: skip
        return Jenkins(**given | more)

    def settings(self, **changes: Any) -> JenkinsServer:
        """Return what release.yml says of this server."""
        return JenkinsServer.model_validate({"url": self.server.url, "job": JOB} | changes)
