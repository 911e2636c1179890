"""gitlab-ci-local: what a .gitlab-ci.yml comes to, and its jobs run by a real shell.

It expands includes, inputs, ``extends`` and ``rules`` as GitLab does, and runs a script; when a job runs, and with
which predefined variables and tokens, it does not know (its gaps: section 1). The double and the runner say that.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doubles.gitlab_world import Spec
from ruamel.yaml import YAML

PROGRAM = Path(sys.prefix) / "tools/node_modules/.bin/gitlab-ci-local"
ENDED = re.compile(r"^(?P<job>\S.*?) +finished in .*?(?:(?P<how>WARN|FAIL) +(?P<code>\d+) *)?$")
"""What it says of a job at its end: its own exit code is 0 or 1."""
DATA = YAML(typ="safe")


class GitLabCI:
    """The program, in an environment of its own: no settings of whoever runs the tests, no credentials."""

    def __init__(self, home: Path) -> None:
        self.env = {
            "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
        }  # fmt: skip
        home.mkdir(parents=True, exist_ok=True)

    def ask(self, cwd: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
        """Return what it prints about the .gitlab-ci.yml of a repository."""
        with tempfile.TemporaryFile("w+", encoding="utf-8") as out:  # it ends before a pipe has taken more than 64 KiB
            done = subprocess.run(
                [str(PROGRAM), "--no-color", *arguments, *_given(variables or {})],
                cwd=cwd, env=self.env, stdout=out, stderr=subprocess.PIPE, text=True, check=False,
            )  # fmt: skip
            out.seek(0)
            said = out.read()
        if done.returncode:
            raise RefusedError(done.stderr.strip() or said.strip())
        return said

    def run(
        self, job: str, cwd: Path, *, file: Path, state: Path, variables: Mapping[str, str],
        heard: Callable[[str], None],
    ) -> int:  # fmt: skip
        """Run one job of an expanded pipeline, and return the exit code of its script.

        Args:
            job: its name.
            cwd: what it is to find: a clone, or a directory with nothing.
            file: the expanded pipeline.
            state: where builds and artifacts are, for all jobs of a pipeline.
            variables: all that is in its environment, but what .gitlab-ci.yml says.
            heard: is told each line of its log.
        """
        (scratch := state / "scratch").mkdir(parents=True, exist_ok=True)
        # With an image it takes the shell for a container of that image, and names the directory there.
        variables = {**variables, "CI_PROJECT_DIR": str(state / "builds" / job)}
        own = ["--shell-isolation", "--force-shell-executor", "--no-artifacts-to-source"]
        where = ["--file", os.path.relpath(file, cwd), "--state-dir", os.path.relpath(state, cwd)]
        line = re.compile(rf"^{re.escape(job)} +([$>]) (.*)$")
        code, said = None, []
        with subprocess.Popen(
            [str(PROGRAM), "--no-color", *own, *where, *_given(variables), job],
            cwd=cwd, env=self.env | {"TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for raw in process.stdout:
                text = raw.decode(errors="replace").rstrip("\n")
                said.append(text)
                if match := line.match(text):
                    heard(match[2] if match[1] == ">" else f"$ {match[2]}")
                elif (match := ENDED.match(text)) and match["job"] == job:
                    code = int(match["code"] or 0)
        if code is None:
            raise RefusedError("\n".join(said))
        return code


class RefusedError(Exception):
    """It refuses a .gitlab-ci.yml, as GitLab would: an input that is missing, a stage that is not there."""


def _given(variables: Mapping[str, str]) -> list[str]:
    """Return variables as arguments, as they are, without its warnings about predefined ones."""
    kept = {name: value.replace("$", "$$") for name, value in variables.items()}  # it looks for references, too
    words = [word for name, value in kept.items() for word in ("--variable", f"{name}={value}")]
    return ["--ignore-predefined-vars", ",".join(variables), *words] if variables else []


@dataclass(frozen=True)
class Compiled:
    """A pipeline's jobs, and the expanded file to run them from."""

    specs: tuple[Spec, ...]
    text: str


def compiled(
    program: GitLabCI, cwd: Path, variables: Mapping[str, str], inputs: Mapping[str, str] | None = None
) -> Compiled:
    """Return what GitLab makes of the .gitlab-ci.yml of a clone when it makes a pipeline.

    Args:
        program: gitlab-ci-local.
        cwd: the clone.
        variables: the pipeline's, and the predefined ones that rules ask for.
        inputs: the pipeline's, for ``spec: inputs`` at the top of the file; texts only.
    """
    given = [word for name, value in (inputs or {}).items() for word in ("--input", f"{name}={json.dumps(value)}")]
    text = program.ask(cwd, "--preview", *given, variables=variables)
    whole = DATA.load(text)
    listed = {each["name"]: each for each in json.loads(program.ask(cwd, "--list-json", *given, variables=variables))}
    stages = list(whole["stages"])
    specs = [_spec(name, whole[name], each, stages) for name, each in listed.items() if each["when"] != "never"]
    return Compiled(tuple(sorted(specs, key=lambda spec: spec.stage)), text)


def _spec(name: str, job: Mapping[str, Any], listed: Mapping[str, Any], stages: list[str]) -> Spec:
    allowed, needs = listed["allow_failure"], listed.get("needs")
    environment = job.get("environment") or {}
    reports = (job.get("artifacts") or {}).get("reports") or {}
    codes = allowed["exit_codes"] if isinstance(allowed, dict) else []
    return Spec(
        name,
        manual=listed["when"] == "manual",
        needs=tuple(each["job"] for each in needs or ()),
        inputs=dict(job.get("inputs") or {}),
        stage=stages.index(listed["stage"]),
        runs=listed["when"] if listed["when"] != "manual" else "on_success",
        allow_failure=frozenset([codes] if isinstance(codes, int) else codes) if codes else bool(allowed),
        rootless=needs == [],
        environment=environment.get("name", ""),
        prepares=environment.get("action", "start") != "start",
        id_tokens={variable: token["aud"] for variable, token in (job.get("id_tokens") or {}).items()},
        git_strategy=(job.get("variables") or {}).get("GIT_STRATEGY", "fetch"),
        reports={kind: path for kind, path in reports.items() if isinstance(path, str)},
    )
