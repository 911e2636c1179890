"""What MLflow's own client does when a server fails, with the settings that we give it."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.authority import Authority
from doubles.faults import Fault, html, redirect, reply, serving, silent
from urllib3 import Retry
from urllib3.exceptions import ConnectTimeoutError

from ci_lib.errors import BadInput, Unavailable
from ci_lib.registry import Registry


@pytest.fixture(autouse=True)
def _one_retry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first retry comes at once; those after it would wait."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    return


@pytest.mark.parametrize(
    ("fault", "words", "times"),
    [
        (html(), "a login page or proxy answered in its place", 1),
        (redirect("http://127.0.0.1:1/login"), "it sends us to another address, or a login page", 1),
        (reply(503, Retry_After="21600"), "did not answer", 2),
        (reply(429, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"), "did not answer", 2),
        (reply(429, Retry_After="soon"), "did not answer", 2),
    ],
)
def test_mlflow_gives_up_soon_and_says_why(tmp_path: Path, fault: Fault, words: str, times: int) -> None:
    with serving(*[fault] * 5) as server:
        with pytest.raises(Unavailable, match=words):
            Registry(server.address, tmp_path).registered("loan", "champion")
        assert len(server.requests) == times


def test_a_server_that_never_answers_is_named_while_we_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(silent, silent) as server, pytest.raises(Unavailable, match="no reply in time"):
        Registry(server.address, tmp_path).registered("loan", "champion")
    said = [record.getMessage() for record in caplog.records if record.name.startswith("ci_lib")]
    assert said == [f"   MLflow at 127.0.0.1:{server.port} has not answered in time; trying again ..."]


def test_a_refused_connection_is_not_worth_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable, match="connection refused"):
        Registry("http://127.0.0.1:1", tmp_path).registered("loan", "champion")
    assert [record for record in caplog.records if record.name.startswith("ci_lib")] == []


def test_a_host_that_swallows_connections_is_worth_one(caplog: pytest.LogCaptureFixture) -> None:
    """As urllib3 2.8 logs it (`connectionpool.py`, `urlopen`): no host on the loopback swallows connections."""
    error = ConnectTimeoutError("<connection>", "Connection to mlflow timed out. (connect timeout=30)")
    log = logging.getLogger("urllib3.connectionpool")
    log.warning("Retrying (%r) after connection broken by '%r': %s", Retry(3), error, "/api")
    log.warning("Something else: %s", "x")
    log.warning("Nothing")
    said = [record.getMessage() for record in caplog.records if record.name.startswith("ci_lib")]
    assert said == ["   MLflow cannot be connected to in time; trying again ..."]


def test_certificates_are_checked_and_cannot_be_left_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    with serving(*[reply(404)] * 5, tls=authority.server()) as server:
        with pytest.raises(Unavailable, match="its certificate is not trusted"):
            Registry(server.address, tmp_path).registered("loan", "champion")
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        with pytest.raises(BadInput, match="MLFLOW_TRACKING_INSECURE_TLS"):
            Registry(server.address, tmp_path)
        assert server.requests == []


def test_openssls_variable_names_the_authorities_that_mlflow_trusts(tmp_path: Path) -> None:
    """In a process of its own: it is read where MLflow is imported."""
    authority = Authority(tmp_path)
    ask = "import sys; from pathlib import Path; from ci_lib.registry import Registry\n"
    ask += "Registry(sys.argv[1], Path()).version('a', '1')"
    missing = reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})
    env = {name: value for name, value in os.environ.items() if not name.endswith("_CA_BUNDLE")}
    env["SSL_CERT_FILE"] = str(authority.file)
    with serving(missing, tls=authority.server()) as server:
        subprocess.run([sys.executable, "-c", ask, server.address], env=env, check=True)
        assert len(server.requests) == 1
