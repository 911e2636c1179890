"""The project's own Jenkinsfile on the small Jenkins: a real git repository, MLflow server, engine and command line."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from doubles.groovy_jvm import ROOT, Groovy
from doubles.jenkins import Server, jenkins
from doubles.jenkins_engine import Engine, Settings, start
from doubles.jenkins_world import BUILD, CANCEL, READ, Build, Job, Parameter, World
from doubles.project import MODEL, RELEASE, binary
from doubles.repository import Git
from ruamel.yaml import YAML

from ci_lib import keys

JOB = "ml/loans"
STARTER = "templates/starter/basic"
PROGRAM = Path(sys.executable).with_name("ml-release")
PARAMETERS = (Parameter("ACTION", ("release", "rollback", "audit")), Parameter("TO"), Parameter("REASON"))
PYTHON = """#!/bin/sh
# A machine without an index: a virtual environment is made, and has this checkout's ml-release whatever is installed.
[ "$1 $2 $3" = "-m venv --clear" ] || exit 1
mkdir -p "$4/bin"
printf '#!/bin/sh\\n[ "$2" != ci_lib.locks ] || echo lock.txt\\n' > "$4/bin/python"
printf '#!/bin/sh\\nexec {program} "$@"\\n' > "$4/bin/ml-release"
chmod +x "$4/bin/python" "$4/bin/ml-release"
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A team's Jenkins with one job. Ada develops, the reviewer approves, Dan may build, and the robot reads."""

    server: Server
    job: Job
    engine: Engine
    repository: Git
    home: Path
    registry: str

    def start(self, who: str | None = None, **parameters: str) -> Build:
        """Start a build."""
        with self.server.world.lock:  # an executor must not take it as well
            return self.server.world.start(self.job, who, **parameters)

    def url(self, build: Build) -> str:
        """Return a build's address."""
        return f"{self.server.url}/{build.path}"

    def waits(self, build: Build) -> dict[str, Any]:
        """Return the input that a build waits at, as people see it."""
        self._until(build, lambda: bool(build.pending) or not build.building)
        assert build.pending, build.console.decode()
        return self.engine.asked[-1]

    def answer(self, build: Build, who: str, **words: str) -> requests.Response:
        """Fill in the input's page."""
        form = json.dumps({"parameter": [{"name": name, "value": value} for name, value in words.items()]})
        url = f"{self.url(build)}input/MlRelease/proceed"
        return requests.post(url, data={"json": form}, auth=(who, f"{who}-token"), timeout=10, allow_redirects=False)

    def says(self, who: str, *arguments: str, code: int = 0) -> str:
        """Run ml-release at somebody's terminal, in their clone; return what it prints."""
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "ML_RELEASE_REVIEWER_TOKEN": f"{who}:{who}-token",
        }
        done = subprocess.run(
            [str(PROGRAM), *arguments], cwd=self.repository.root / STARTER, env=env,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def ended(self, build: Build) -> str:
        """Return a build's result, when there is one."""
        self._until(build, lambda: not build.building)
        return build.result or ""

    def codes(self, build: Build) -> dict[str, int]:
        """Return how the commands of a build ended, by its log."""
        found = re.findall(r"^\[ml-release\] (\w+) ended with exit code (\d+)$", build.console.decode(), re.MULTILINE)
        return {stage: int(code) for stage, code in found}

    @staticmethod
    def _until(build: Build, met: Any) -> None:
        for _ in range(6000):
            if met():
                return
            time.sleep(0.1)
        message = f"ten minutes passed\n{build.console.decode()}"
        raise AssertionError(message)


@contextmanager
def site(groovy: Groovy, home: Path, registry: str) -> Iterator[Site]:
    """Set it up, and take it down."""
    with ExitStack() as stack:
        server = stack.enter_context(jenkins())
        for user in ("ada", "reviewer", "dan"):
            server.world.add_user(user, "", READ, BUILD, *([CANCEL] if user == "reviewer" else []))
        server.world.add_user("robot", "", READ)
        job = server.world.add_job(JOB, *PARAMETERS)
        private = home / "gate.pem"
        public = keys.new(private)
        repository = _repository(home / "origin", server.url, registry, public)
        settings = Settings(
            home=home / "controller", repository=repository.root, job=JOB, url=server.url, agent_env=_agent(home),
            credentials={
                "ml-release-jenkins": {"kind": "usernamePassword", "username": "robot", "password": "robot-token"},
                "ml-release-gate": {"kind": "file", "text": private.read_text(), "name": "gate.pem"},
            },
        )  # fmt: skip
        settings.home.mkdir()
        log = stack.enter_context((home / "jvm.log").open("w"))
        job.engine = start(groovy, settings, (ROOT / "Jenkinsfile").read_text(), server.world, stack, log)
        stack.enter_context(_executors(server.world))
        yield Site(
            server=server, job=job, engine=job.engine, repository=repository, home=home, registry=registry,
        )  # fmt: skip


@contextmanager
def _executors(world: World) -> Iterator[None]:
    """Take what waits in the queue, as long as this lasts."""
    over = threading.Event()

    def take() -> None:
        while not over.wait(0.1):
            with world.lock:
                for item in [each for each in world.queue.values() if each.build is None and not each.cancelled]:
                    world.leave_queue(item)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def _agent(home: Path) -> dict[str, str]:
    """Return what agents have: a Python that installs from nowhere, git, and no settings of whoever runs this."""
    path = home / "bin/python3"
    path.parent.mkdir()
    path.write_text(PYTHON.replace("{program}", str(PROGRAM)))
    path.chmod(0o755)
    (home / "agent").mkdir()
    passed = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {
        "PATH": f"{path.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home / "agent"), "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null", "MLFLOW_DISABLE_TELEMETRY": "true", **passed,
    }  # fmt: skip


def _repository(root: Path, url: str, registry: str, public: str) -> Git:
    """Make the repository: the project's Jenkinsfile and library, the starter's place, and its own checks as stubs."""
    starter = root / STARTER
    shutil.copytree(ROOT / "templates/jenkins", root / "templates/jenkins")
    starter.mkdir(parents=True)
    shutil.copy(ROOT / "Jenkinsfile", root / "Jenkinsfile")
    binary().to_csv(starter / "rows.csv", index=False)
    (starter / "model.py").write_text(MODEL)
    approval = {
        "approvers": ["reviewer"], "assurance": "ci-verified", "keys": [{"name": "gate", "public": public}],
        "jenkins": {"url": url, "job": JOB},
    }  # fmt: skip
    config = RELEASE | {"registry": registry, "policy": RELEASE["policy"] | {"approval": approval}}
    with (starter / "release.yml").open("w") as file:
        YAML().dump(config, file)
    (root / ".ci").mkdir()
    (root / ".ci/run").write_text("#!/bin/sh\necho checked\n")
    (root / ".ci/run").chmod(0o755)
    (root / "Makefile").write_text("dist:\n\tmkdir -p dist && echo wheel > dist/ml_release-0-py3-none-any.whl\n")
    git = Git(root).start()
    git.commit()
    return git
