"""The GitLab components as text, as documents, and as gitlab-ci-local expands them for a team's project."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from doubles.gitlab_ci_local import GitLabCI
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
NAMES = ("release", "rollback", "audit")
GATES = ("approve", "reject")
PRIVILEGED = (*GATES, "deploy", "rollback", "audit")
"""Jobs that hold keys."""
OPEN = ("prepare", "train", "validate", "report")
"""Jobs that run the project's own code."""
SCRIPTS = ("before_script", "script", "after_script")


def path(name: str) -> Path:
    """Return where a component is."""
    return ROOT / "templates" / name / "template.yml"


@cache
def documents(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a component's inputs and its jobs, with what GitLab pastes still to be pasted."""
    header, body = YAML(typ="safe", pure=True).load_all(path(name).read_text())
    return header["spec"]["inputs"], body


def lines(job: Mapping[str, Any], *keys: str) -> Iterator[str]:
    """Yield the lines of a job's scripts."""
    for key in keys or SCRIPTS:
        for command in job.get(key, ()):
            yield from str(command).splitlines()


@dataclass(frozen=True)
class Team:
    """A team's repository, which has the components in folders of its own."""

    root: Path
    program: GitLabCI

    @classmethod
    def new(cls, folder: Path) -> "Team":
        """Make one."""
        root = folder / "team"
        for name in NAMES:
            (root / name).mkdir(parents=True)
            (root / name / "template.yml").write_text(path(name).read_text())
        team = cls(root, GitLabCI(folder / "home"))
        team.git("init", "--quiet", "--initial-branch", "main")
        team.git("remote", "add", "origin", "http://127.0.0.1:8929/ml/team.git")
        team.git("update-ref", "--no-deref", "refs/remotes/origin/main", team.commit())
        team.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        return team

    def git(self, *arguments: str) -> str:
        """Run git there."""
        who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"]
        command = ["git", *who, *arguments]
        done = subprocess.run(command, cwd=self.root, env=self.program.env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit all files."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A pipeline")
        return self.git("rev-parse", "HEAD")

    def expand(self, text: str, *options: str, variables: Mapping[str, str] | None = None) -> str:
        """Return what a .gitlab-ci.yml comes to."""
        (self.root / ".gitlab-ci.yml").write_text(text)
        self.git("add", "--all")  # only tracked files are seen
        return self.program.ask(self.root, *(options or ("--preview",)), variables=variables)


def include(name: str, inputs: Mapping[str, object]) -> dict[str, object]:
    """Return an entry of ``include``."""
    return {"local": f"{name}/template.yml", "inputs": dict(inputs)}


FIRST: dict[str, dict[str, object]] = {"release": {}, "audit": {}}
"""What the simplest team writes; `rollback` is in `release`."""
COMBINED: dict[str, tuple[str, dict[str, object]]] = {
    "waived-": ("release", {"waivers": True, "requirements": "requirements.txt", "expire_in": "never"}),
    "baked-": ("release", {"install": False, "image": "registry.example.com/ml/train@sha256:00", "version": "1.2.0rc1",
                           "privileged-image": "registry.example.com/ml/release:1"}),
    "tagged-": ("release", {"privileged-runners": True, "privileged-tags": ["vault", "eu, west"], "audience": "https://x"}),
    "asking-": ("release", {"job-inputs": True}),
    "deep-": ("release", {"config": "models/fraud/release.yml", "chain": "models/fraud/release",
                          "environment": "staging", "policy-from": "origin/releases/2027:models/fraud/release.yml"}),
    "file-": ("release", {"policy-from": "/etc/ml-release/policy.yml"}),
    "staged-": ("release", {f"stage-{name}": ".pre" for name in
                            ("prepare", "train", "validate", "report", "approve", "deploy", "monitor")}),
    "back-": ("release", {"action": "rollback", "to": "3",
                          "reason": "it's `wrong`; the scores are <50% # {a: [b]} & | über"}),
    "alone-": ("rollback", {"job-inputs": True, "privileged-runners": True}),
    "away-": ("rollback", {"stage": "test", "action": "rollback", "config": "a/b.yml"}),
    "nightly-": ("audit", {"stage": "test", "expire_in": "10 years", "privileged-runners": True}),
}  # fmt: skip
"""Prefix -> component and its inputs: whatever changes the form of a job, once at least."""


@dataclass(frozen=True)
class Pipeline:
    """An expanded .gitlab-ci.yml."""

    path: Path

    @cached_property
    def jobs(self) -> dict[str, dict[str, Any]]:
        whole = YAML(typ="safe", pure=True).load(self.path.read_text())
        return {name: job for name, job in whole.items() if isinstance(job, dict)}
