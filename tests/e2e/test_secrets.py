"""Canary secrets in variables, addresses and headers: nothing that a command says or writes has them, also when it fails."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from doubles.faults import FaultServer, Fault, reply, reset, serving
from doubles.project import RELEASE, Project

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


def run(project: Project, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process of its own, since libraries write to the process's own streams."""
    return subprocess.run(
        [sys.executable, "-m", "ci_lib", *argv],
        cwd=project.root, env={**os.environ, **project.env, **ENV, **env}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def leaks(text: str) -> list[str]:
    return [leak for leak in LEAKS if leak in text]


def written(root: Path) -> dict[str, bytes]:
    """Everything a project holds but what its owner wrote."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name not in {"model.py", "release.yml"} and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_what_the_users_code_prints_logs_and_raises_is_redacted(project: Project, debug: list[str]) -> None:
    (project.root / "model.py").write_text(MODEL)
    assert run(project, "prepare").returncode == 0
    good = run(project, "train", *debug)
    assert good.returncode == 0, good.stderr
    assert "training with [redacted]" in good.stdout
    assert good.stderr.count("[redacted]") >= 3
    bad = run(project, "train", "--set", "train.params.C=2", *debug)
    assert bad.returncode == 2
    assert "[redacted]" in bad.stderr
    assert ("Traceback" in bad.stderr) == bool(debug)
    assert leaks(good.stdout + good.stderr + bad.stdout + bad.stderr) == []
    assert {name for name, content in written(project.root).items() if b"c4nary" in content} == set()


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize("where", ["release.yml", "--set", "MLFLOW_TRACKING_URI"])
def test_an_address_with_a_password_is_refused_without_repeating_it(
    project: Project, where: str, debug: list[str]
) -> None:
    address = f"http://ana:{SECRET}@127.0.0.1:1"
    release = {key: value for key, value in RELEASE.items() if key != "registry"}
    project.release({**release, "registry": address} if where == "release.yml" else release)
    more = ["--set", f"registry={address}"] if where == "--set" else []
    env = {"MLFLOW_TRACKING_URI": address} if where == "MLFLOW_TRACKING_URI" else {}
    for command in ("status", "history", "doctor", "audit", "train"):
        shown = run(project, command, *more, *(debug if command != "doctor" else []), **env)
        assert shown.returncode in {2, 3}, shown.stderr
        assert leaks(shown.stdout + shown.stderr) == []


def echo(server: FaultServer, sock: object, request: object) -> bool:
    """Answer with an error that repeats the request's headers, as debugging servers do."""
    headers = request.headers  # type: ignore[attr-defined]
    body = {"error_code": "INVALID_PARAMETER_VALUE", "message": f"{headers} {SECRET} {'x' * 200} {SECRET}"}
    return reply(400, body)(server, sock, request)  # type: ignore[arg-type]


@pytest.mark.parametrize("debug", [[], ["--debug"]])
@pytest.mark.parametrize(
    "fault", [echo, reply(401, {"message": SECRET}), reply(500, SECRET.encode()), reset(commits=False)]
)
def test_what_mlflow_and_its_server_say_is_redacted(project: Project, fault: Fault, debug: list[str]) -> None:
    with serving(*[fault] * 9) as server:
        project.release({**RELEASE, "registry": server.address})
        shown = run(project, "status", *debug)
        assert shown.returncode in {2, 4}, shown.stderr
        assert leaks(shown.stdout + shown.stderr) == []
        sent = {request.headers.get("authorization") for request in server.requests}
        assert sent == {"Basic " + base64.b64encode(f"ana:{SECRET}".encode()).decode()}
    assert ("Traceback" in shown.stderr) == bool(debug)


def test_what_the_command_line_repeats_is_redacted(project: Project) -> None:
    for argv in (["status", SECRET], ["status", "--set", f"{SECRET}=1"], ["status", "--environment", SECRET], [TOKEN]):
        shown = run(project, *argv)
        assert shown.returncode == 2
        assert leaks(shown.stdout + shown.stderr) == []
