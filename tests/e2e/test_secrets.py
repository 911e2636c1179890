"""Canary secrets in variables, addresses and headers: nothing that a command says has them, also when it fails."""

import base64
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from doubles.faults import Fault, FaultServer, Request, reply, reset, serving
from doubles.project import RELEASE, Project

from ci_lib import cli

SECRET = "c4nary+w0rd/of?ana&=="
TOKEN = "glpat-c4naryTOKEN12345"
ENV = {
    "MLFLOW_TRACKING_USERNAME": "ana",
    "MLFLOW_TRACKING_PASSWORD": SECRET,
    "CI_JOB_TOKEN": TOKEN,
    "JENKINS_API_EXTRA_HEADERS": f"X-Door: {TOKEN}-door",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
LEAKS = (
    SECRET, quote(SECRET), quote(SECRET, safe=""), "c4nary",
    base64.b64encode(SECRET.encode()).decode()[:20], base64.b64encode(f"ana:{SECRET}".encode()).decode()[8:24],
)  # fmt: skip
"""How it could be shown, the middle of its Base64 forms included."""

MODEL = """\
import logging, os, sys, warnings
from sklearn.linear_model import LogisticRegression

def build(C=1.0):
    secret = os.environ["MLFLOW_TRACKING_PASSWORD"]
    print("training with", secret)
    print("to stderr", secret, file=sys.stderr)
    logging.getLogger("mine").warning("logged %s", secret)
    warnings.warn(f"warned {secret}")
    if C > 1:
        raise ValueError(f"https://ana:{secret}@mlflow refused {secret}")
    return LogisticRegression(C=C)
"""


@dataclass(frozen=True)
class Shown:
    """What a command ended with and all that it said."""

    code: int
    text: str


class Runner:
    """Runs `cli.main` in this process, with its environment and streams."""

    def __init__(self, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.monkeypatch = monkeypatch
        self.capsys = capsys
        monkeypatch.chdir(project.root)
        for name, value in {**project.env, **ENV}.items():
            monkeypatch.setenv(name, value)

    def __call__(self, *argv: str) -> Shown:
        code = cli.main(argv)
        said = self.capsys.readouterr()
        return Shown(code, said.out + said.err)


@pytest.fixture
def run(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], process_settings: None
) -> Runner:
    del process_settings
    return Runner(project, monkeypatch, capsys)


def leaks(text: str) -> list[str]:
    return [leak for leak in LEAKS if leak in text]


def written(root: Path) -> dict[str, bytes]:
    """Everything a project holds but what its owner wrote."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in {"model.py", "release.yml"} and "__pycache__" not in path.parts
    }


def test_what_the_users_code_prints_logs_and_raises_is_redacted(project: Project) -> None:
    """In a process of its own, since libraries write to the process's own streams."""
    (project.root / "model.py").write_text(MODEL)
    assert project.run("prepare").code == 0

    def train(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "import sys; from ci_lib.cli import main; sys.exit(main())", "train", *argv],
            cwd=project.root, env={**os.environ, **project.env, **ENV}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = train()
    assert good.returncode == 0, good.stderr
    assert "training with [redacted]" in good.stdout
    assert good.stderr.count("[redacted]") >= 3
    bad = train("--set", "train.params.C=2", "--debug")
    assert bad.returncode == 2
    assert "Traceback" in bad.stderr
    assert "ValueError: https://[redacted]@mlflow refused [redacted]" in bad.stderr
    assert leaks(good.stdout + good.stderr + bad.stdout + bad.stderr) == []
    assert {name for name, content in written(project.root).items() if b"c4nary" in content} == set()


@pytest.mark.parametrize("command", ["status", "history", "audit", "doctor"])
@pytest.mark.parametrize("where", ["release.yml", "--set", "MLFLOW_TRACKING_URI"])
def test_an_address_with_a_password_is_refused_without_repeating_it(run: Runner, where: str, command: str) -> None:
    address = f"http://ana:{SECRET}@127.0.0.1:1"
    release = {key: value for key, value in RELEASE.items() if key != "registry"}
    run.project.release({**release, "registry": address} if where == "release.yml" else release)
    if where == "MLFLOW_TRACKING_URI":
        run.monkeypatch.setenv(where, address)
    shown = run(command, "--debug", *(["--set", f"registry={address}"] if where == "--set" else []))
    assert shown.code == 2, shown.text
    assert "user name, password or token" in shown.text
    assert leaks(shown.text) == []


def echo(server: FaultServer, sock: socket.socket, request: Request) -> bool:
    """Answer with an error that repeats the request's headers, as debugging servers do."""
    message = f"{request.headers} {SECRET} {'x' * 200} {SECRET}"
    return reply(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})(server, sock, request)


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize(
    "fault", [echo, reply(401, {"message": SECRET}), reply(500, SECRET.encode()), reset(commits=False)]
)
def test_what_mlflow_and_its_server_say_is_redacted(run: Runner, fault: Fault, debug: list[str]) -> None:
    with serving(*[fault] * 9) as server:
        run.project.release({**RELEASE, "registry": server.address})
        shown = run("status", *debug)
        assert shown.code in {2, 4}, shown.text
        assert leaks(shown.text) == []
        sent = {request.headers.get("authorization") for request in server.requests}
        assert sent == {"Basic " + base64.b64encode(f"ana:{SECRET}".encode()).decode()}
    assert ("Traceback" in shown.text) == bool(debug)


@pytest.mark.parametrize(
    "argv",
    [
        ["status", SECRET],
        ["status", "--set", f"train.seed={SECRET}"],
        ["status", "--environment", SECRET],
        [TOKEN],
    ],
)
def test_what_the_command_line_repeats_is_redacted(run: Runner, argv: list[str]) -> None:
    shown = run(*argv)
    assert shown.code == 2
    assert leaks(shown.text) == []
