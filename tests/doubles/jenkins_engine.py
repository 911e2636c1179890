"""The Groovy harness as the engine behind a job of the double: together a small Jenkins that needs no network.

The real Jenkinsfile runs in a JVM. What it prints, checks out, archives and asks shows in the double over HTTP while it
happens, and an answer that comes over HTTP goes back to where the script waits.
"""

import json
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from doubles.groovy_jvm import ROOT, Groovy, environment
from doubles.jenkins_world import Build, Input, Parameter, World

THE_DOUBLES_OWN = ("Input requested", "Approved by ", "Rejected by ", "Finished: ")
"""Lines that the double prints itself."""


@dataclass
class Engine:
    """A JVM that runs one build after the other."""

    world: World
    process: "subprocess.Popen[str]"
    jenkinsfile: str
    repository: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Inputs as the script asked them, with the executors and locks that were held."""
    done: dict[int, dict[str, Any]] = field(default_factory=dict)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, build: Build) -> None:
        """Run a build to its end."""
        with self._one:
            self._send({"number": build.number, "params": build.parameters, "jenkinsfile": self.jenkinsfile})
            try:
                while not self._event(build, self._read()):
                    pass
            except (EOFError, TimeoutError) as error:
                build.log(f"the engine stopped: {error}")
                self.world.finish(build, "FAILURE")

    def _event(self, build: Build, event: dict[str, Any]) -> bool:
        match event["event"]:
            case "log":
                if not event["line"].startswith(THE_DOUBLES_OWN):
                    build.log(event["line"])
            case "checkout":
                build.revisions.append((self.repository, event["commit"]))
            case "artifacts":
                root = Path(event["root"])
                build.artifacts |= {name: (root / name).read_bytes() for name in event["files"]}
            case "input":
                self.asked.append(event)
                self._send(self._answer(build, event))
            case "done":
                self.done[build.number] = event
                build.description = event["description"] or build.description
                self._finish(build, event["result"])
                return True
        return False

    def _answer(self, build: Build, event: dict[str, Any]) -> dict[str, Any]:
        parameters = tuple(Parameter(each["name"], tuple(each["choices"])) for each in event["parameters"])
        pending = self.world.pend(
            build,
            Input(
                id=event["id"], message=event["message"], submitter=event["submitter"],
                submitter_parameter=event["submitterParameter"], parameters=parameters, ok="Answer",
            ),
        )  # fmt: skip
        settled = pending.wait(600)
        return {"abort": settled.by} if settled.rejected else {"value": settled.value}

    def _finish(self, build: Build, result: str) -> None:
        if build.interruptions:
            self.world.finish_interrupted(build)
        else:
            self.world.finish(build, result)

    def _send(self, what: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            message = "its JVM is gone"
            raise EOFError(message)
        found: dict[str, Any] = json.loads(line)
        return found


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a controller and its agents are."""

    home: Path
    repository: Path
    job: str
    url: str
    agent_env: Mapping[str, str]
    credentials: Mapping[str, Mapping[str, str]]


def start(groovy: Groovy, settings: Settings, jenkinsfile: str, world: World, stack: ExitStack, log: IO[str]) -> Engine:
    """Start the JVM; the stack ends it."""
    process = subprocess.Popen(
        groovy.command("Live.main(args)"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        env=environment(), cwd=settings.home,
    )  # fmt: skip
    stack.callback(_stop, process)
    engine = Engine(world, process, jenkinsfile, str(settings.repository))
    engine._send(
        {
            "home": str(settings.home), "repository": str(settings.repository), "agentEnv": dict(settings.agent_env),
            "credentials": {name: dict(each) for name, each in settings.credentials.items()},
            "jobEnv": {"JOB_NAME": settings.job, "JENKINS_URL": f"{settings.url}/"},
            "libraries": {"ml-release": str(ROOT / "templates/jenkins")},
        }
    )  # fmt: skip
    return engine


def _stop(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
