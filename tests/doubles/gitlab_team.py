"""A team that releases with the component: its project, GitLab (the double), a runner, and a real MLflow server.

The project is what `ml-release init` writes, with the registry, the approvers and the keys of the team; ml-release
itself is installed already. It includes the component by version from a project of its own, which has the templates of
this checkout.
"""

import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from doubles.gitlab import Server
from doubles.gitlab_runner import Runner
from doubles.gitlab_world import DEVELOPER, MAINTAINER, Commit, Job, MergeRequest, Pipeline, Project, Variable
from doubles.project import Ran
from doubles.repository import Git
from ruamel.yaml import YAML

from ci_lib import __version__, cli, keys, starter

CHECKOUT = Path(__file__).parents[2]
COMPONENT = "ml-platform/ml-release"
NUMBER = 7
"""Of the team's project."""
PEOPLE = {"ana": "Ana Ruiz", "ben": "Ben Bauer", "cleo": "Cleo Chan", "dan": "Dan Diaz"}
BOT = "project_7_bot_1f2e"
BROKEN = "spec: {inputs: {install: {type: boolean, default: true}}}\n---\nold: {script: [this is not the newest]}\n"
FORMAT = "%H%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%B%x01"


@dataclass
class Team:
    """Ana develops; Ben and Cleo approve, and Ana is listed too; Dan develops; a bot does chores."""

    server: Server
    root: Path
    mlflow: str
    runner: Runner = field(init=False)
    project: Project = field(init=False)

    def __post_init__(self) -> None:
        world = self.server.world
        for username, name in PEOPLE.items():
            world.add_user(username, name)
            world.add_token(f"{username}-own", username)
        world.add_user(BOT, "ci bot", bot=True)
        world.add_token("read", BOT, kind="project", scopes="read_api")
        world.add_token("note", BOT, kind="project", scopes="api")
        roles = dict.fromkeys(("ana", "ben", "cleo", BOT), MAINTAINER) | {"dan": DEVELOPER}
        self.project = world.add_project("ml/loans", (), roles, id_=NUMBER)
        world.add_project(COMPONENT, (), {}).public = True
        self.runner = Runner(self.server, self.root / "runner")
        self._publish_component()
        self._start_project()

    # The component's project.

    def _publish_component(self) -> None:
        """Tag the templates of this checkout, as 1.2.0 as well, after a 1.1.0 that nobody should get for ``@1``."""
        git = Git(self.root / "component").start()
        old = git.root / "templates/release.yml"
        old.parent.mkdir()
        old.write_text(BROKEN)
        git.commit()
        git("tag", "1.1.0")
        old.unlink()
        for name in ("release", "rollback"):
            (git.root / "templates" / name).mkdir(parents=True)
            shutil.copy(CHECKOUT / f"templates/{name}/template.yml", git.root / f"templates/{name}/template.yml")
        git.commit()
        git("tag", "1.2.0")
        git("tag", __version__)
        self.runner.serve(COMPONENT, self._bare(git, "component.git"))

    def _bare(self, git: Git, name: str) -> Path:
        bare = self.root / name
        git("clone", "--quiet", "--bare", ".", str(bare))
        git("remote", "add", "server", str(bare))
        Git(bare)("config", "uploadpack.allowFilter", "true")
        Git(bare)("config", "uploadpack.allowAnySHA1InWant", "true")
        return bare

    # The team's own project.

    def _start_project(self) -> None:
        self.work = Git(self.root / "work").start()
        starter.init(self.work.root)
        gate, deployer = (self._key(name, scope) for name, scope in (("gate", "approval"), ("deployer", "")))
        self.project.variables += [
            Variable(key="ML_RELEASE_GITLAB_TOKEN", value="read", protected=True),
            Variable(key="ML_RELEASE_GITLAB_NOTE_TOKEN", value="note", protected=True),
        ]
        mine = self.work.root / ".gitlab-ci.yml"
        text = mine.read_text().replace("inputs: {action:", "inputs: {install: false, action:")
        assert "install: false" in text
        mine.write_text(text)
        self.change(
            registry=self.mlflow,
            policy__approval={
                "approvers": ["ben", "cleo", "ana"], "assurance": "ci-verified",
                "gitlab": {"url": self.server.url, "project": NUMBER},
                "keys": [{"name": "gate", "public": gate}, {"name": "deployer", "public": deployer, "role": "deploy"}],
            },
        )  # fmt: skip
        self.work.commit()
        self.runner.serve("ml/loans", self._bare(self.work, "loans.git"))
        self.push("ana")

    def _key(self, name: str, scope: str) -> str:
        """Make a key, and give its private half to the jobs of one environment alone, as a file."""
        path = self.root / f"{name}.pem"
        public = keys.new(path)
        environment = f"production/{scope}".rstrip("/")
        self.project.variables.append(
            Variable(
                key="ML_RELEASE_SIGNING_KEY", value=path.read_text(), environment=environment, protected=True, file=True
            )
        )
        return public

    def include(self, how: Mapping[str, Any]) -> None:
        """Write the project's .gitlab-ci.yml: one include, and nothing else."""
        self.write({"include": [how]}, ".gitlab-ci.yml")

    def write(self, content: Mapping[str, Any], name: str) -> None:
        """Write a YAML file of the project."""
        with (self.work.root / name).open("w") as file:
            YAML(typ="safe").dump(dict(content), file)

    def change(self, **values: Any) -> None:
        """Replace keys of release.yml; ``policy__rules`` is policy.rules."""
        content = YAML(typ="safe").load((self.work.root / "release.yml").read_text())
        for dotted, value in values.items():
            *path, last = dotted.split("__")
            place = content
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
        self.write(content, "release.yml")

    def push(self, who: str, branch: str = "main") -> str:
        """Commit what changed, as somebody, and push it; return the commit."""
        name, email = PEOPLE[who], f"{who}@corp.example"
        self.work("add", "--all")
        self.work("-c", f"user.name={name}", "commit", "--quiet", "--allow-empty", "--message", "A change",
                  "--author", f"{name} <{email}>")  # fmt: skip
        self.work("push", "--quiet", "--force", "server", f"HEAD:{branch}")
        self._learn()
        return self.project.branches[branch]

    def _learn(self) -> None:
        """Let the server know the commits and branches of its repository."""
        log = self.work("log", "--all", f"--format={FORMAT}")
        for entry in filter(None, (part.strip("\n") for part in log.split("\x01"))):
            sha, parents, author, email, committer, committed, message = entry.split("\0")
            made = Commit(sha, (author, email), (committer, committed), message.strip(), tuple(parents.split()))
            self.project.commits[sha] = made
        header, _, body = (self.work.root / ".gitlab-ci.yml").read_text().partition("\n---\n")
        asked = YAML(typ="safe").load(header)["spec"]["inputs"] if body else {}
        self.project.inputs = frozenset(asked)
        heads = Git(self.root / "loans.git")("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        self.project.branches = dict(line.split() for line in heads.splitlines())

    def asks_to_merge(self, who: str, sha: str) -> MergeRequest:
        """Open a merge request that brought a commit."""
        self.project.requests.append(MergeRequest(len(self.project.requests) + 1, self.server.world.users[who], (sha,)))
        return self.project.requests[-1]

    # What people do.

    def start(self, who: str = "ana", **more: Any) -> Pipeline:
        """Have a pipeline made, as after a push; nothing runs yet."""
        return self.server.world.start(self.project, who, **more)

    def play(self, pipeline: Pipeline, name: str, who: str, **words: str) -> Job:
        """Play a job on the pipeline's page, and let the runner work until nothing is pending."""
        before = pipeline.job(name)
        self.server.world.play(before, self.server.world.users[who], words, {})
        played = pipeline.job(name)
        self.runner.work(pipeline)
        return played

    def terminal(self, who: str, *arguments: str) -> Ran:
        """Run ml-release at somebody's terminal, in a clone of the project and with their own token."""
        out, err = io.StringIO(), io.StringIO()
        env = {"PATH": os.defpath, "ML_RELEASE_REVIEWER_TOKEN": f"{who}-own", "MLFLOW_TRACKING_URI": self.mlflow}
        where = ["--config", str(self.work.root / "release.yml")]
        with self.runner.on_duty():
            code = cli.start([*arguments, *where], env, out=out, err=err)
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())

    def history(self) -> list[dict[str, Any]]:
        """Return the ledger, as anybody reads it."""
        ran = self.terminal("ana", "history", "--json")
        assert ran.code == 0, ran.err
        found: list[dict[str, Any]] = json.loads(ran.out)
        return found

    def champion(self) -> str | None:
        """Return the version that MLflow's alias points to, as MLflow itself says."""
        asked = {"name": "breast-cancer", "alias": "champion"}
        found = requests.get(f"{self.mlflow}/api/2.0/mlflow/registered-models/alias", params=asked, timeout=30)
        return str(found.json()["model_version"]["version"]) if found.ok else None

    def url(self, pipeline: Pipeline) -> str:
        """Return a pipeline's address."""
        return f"{self.server.url}/{self.project.path}/-/pipelines/{pipeline.id}"
