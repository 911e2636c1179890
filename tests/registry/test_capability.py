"""What a server cannot promise is found in two requests, and nobody's credentials go where they are not asked for."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from doubles.listening import Listening, Said, listening

from ci_lib.errors import BadInput, ReleaseError, Unavailable
from ci_lib.registry import Registry
from ci_lib.registry.capability import PROBE, Answer, Ask, Weakness, is_loopback, over_http, weaknesses

ELSEWHERE = "http://mlflow.example:5000"
API, VERSION = "/api/2.0/mlflow/registered-models/search", "/version"
OPEN: Said = (200, '{"registered_models": []}')
LOGIN: Said = (401, "You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth")
PAGE: Said = (200, "<!doctype html><title>Sign in</title>")
BEHIND_LOGIN = {API: LOGIN, VERSION: LOGIN, f"{VERSION} login": (200, "3.17.2")}


def through(server: Listening) -> Ask:
    """Send what goes to any address to the test's own server."""

    def ask(address: str, path: str, *, login: bool) -> Answer:
        assert address == ELSEWHERE
        return over_http(server.address, path, login=login)

    return ask


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have some, in both places where they are looked for."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "deployer")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret-Canary")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login deployer password s3cret-Canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def found(answers: Mapping[str, Said]) -> tuple[tuple[Weakness, ...], list[tuple[str, str | None]]]:
    with listening(answers) as server:
        return weaknesses(ELSEWHERE, through(server)), server.asked


def test_a_present_server_behind_a_login_is_asked_twice_and_has_no_weakness() -> None:
    weak, asked = found(BEHIND_LOGIN)
    assert weak == ()
    assert [(path, login is not None) for path, login in asked] == [(PROBE, False), (VERSION, True)]


@pytest.mark.parametrize(
    ("version", "risk", "words"),
    [
        ("3.17.0", None, ""),
        ("3.18.0", None, ""),
        ("4.0.0", None, ""),
        ("3.16.1", "old-server", "is 3.16.1: whoever reaches it can read its files (CVE-2026-116690)"),
        ("3.17.0.dev0", "old-server", "is 3.17.0.dev0"),
        ("3.0.0", "old-server", "is 3.0.0"),
        ("2.22.1", "never", "is 2.22.1, and the models of a release need MLflow 3"),
        ("", "old-server", "does not say its version at /version (HTTP 200)"),
        ("<html>3.17.2</html>", "old-server", "does not say its version"),
        ("9" * 5000, "old-server", "does not say its version"),
        (" 3.17.2\n", None, ""),
    ],
)
def test_the_version_is_read_and_what_is_none_is_not_taken_for_a_good_one(
    version: str, risk: str | None, words: str
) -> None:
    weak, _ = found({**BEHIND_LOGIN, f"{VERSION} login": (200, version)})
    if risk is None:
        assert weak == ()
    else:
        (one,) = weak
        assert one.risk == (None if risk == "never" else risk)
        assert words in one.what
        assert ELSEWHERE in one.what
        assert one.hint


def test_a_server_that_answers_to_nobody_in_particular_is_open_and_is_sent_no_credentials() -> None:
    weak, asked = found({API: OPEN, VERSION: (200, "3.17.2")})
    assert [each.risk for each in weak] == ["unauthenticated"]
    assert "answers without credentials" in weak[0].what
    assert asked == [(PROBE, None), (VERSION, None)]


def test_an_old_open_server_is_both() -> None:
    weak, _ = found({API: OPEN, VERSION: (200, "3.10.0")})
    assert [each.risk for each in weak] == ["old-server", "unauthenticated"]


@pytest.mark.parametrize(
    "said",
    [LOGIN, (403, "no"), (404, "{}"), (302, "https://sso.example/login"), PAGE, (200, "[]"), (200, "[" * 99_999)],
)
def test_a_login_page_or_a_way_to_one_is_no_answer(said: Said) -> None:
    weak, asked = found({**BEHIND_LOGIN, API: said})
    assert weak == ()
    assert len(asked) == 2  # the redirect was not followed


@pytest.mark.parametrize("status", [429, 500, 502, 503])
@pytest.mark.parametrize("path", [API, f"{VERSION} login"])
def test_a_server_in_trouble_is_unavailable_and_not_judged(
    status: int, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with listening({**BEHIND_LOGIN, path: (status, "")}) as server, pytest.raises(Unavailable) as caught:
        Registry(ELSEWHERE, Path(), ask=through(server)).weaknesses()
    assert caught.value.hint


def test_wrong_credentials_are_said_to_be_wrong() -> None:
    with pytest.raises(BadInput, match="does not let us: HTTP 401") as caught:
        found({API: LOGIN, VERSION: LOGIN})
    assert "MLFLOW_TRACKING_USERNAME" in caught.value.hint


def test_a_proxy_that_hides_the_version_leaves_it_unknown() -> None:
    (weak,), _ = found({API: LOGIN, VERSION: (403, "")})
    assert weak.risk == "old-server"
    assert "(HTTP 403)" in weak.what


@pytest.mark.parametrize("login", [False, True])
def test_nobody_at_the_address_is_unavailable(login: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with listening({}) as server:
        pass

    def ask(address: str, path: str, *, login: bool = login) -> Answer:
        assert address == ELSEWHERE
        return over_http(server.address, path, login=login)

    registry = Registry(ELSEWHERE, Path(), ask=lambda address, path, **_: ask(address, path))
    with pytest.raises(Unavailable, match="connection refused"):
        registry.weaknesses()


def no_request(address: str, path: str, *, login: bool) -> Answer:
    del login
    message = f"{address}{path} was asked"
    raise AssertionError(message)


@pytest.mark.parametrize(
    "address",
    [
        "https://gitlab.example/api/v4/projects/7/ml/mlflow",
        "https://gitlab.example/sub/api/v4/projects/group%2Fproject/ml/mlflow/",
        "http://127.0.0.1:8080/api/v4/projects/7/ml/mlflow",
    ],
)
def test_gitlabs_own_registry_is_known_by_its_address(address: str) -> None:
    (weak,) = weaknesses(address, no_request)
    assert weak.risk is None
    assert "GitLab's own model registry, which has no aliases" in weak.what
    assert "3.17.0" in weak.hint


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////srv/mlflow.db", "postgresql://db/mlflow", "http://localhost:5000", "http://127.0.0.1:5000",
        "http://127.8.9.1", "http://[::1]:5000", "https://mlflow.localhost", "http://LOCALHOST.:5000",
        "http://[::ffff:127.0.0.1]:5000",
    ],
)  # fmt: skip
def test_a_database_and_this_machine_are_asked_nothing(address: str) -> None:
    assert weaknesses(address, no_request) == ()


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://0.0.0.0:5000", "http://10.0.0.1",
        "http://mlflow", "http://[::]:5000", "http://127.0.0.1.:5000", "http://x/localhost",
    ],
)  # fmt: skip
def test_what_only_looks_like_this_machine_is_elsewhere(address: str) -> None:
    assert is_loopback(address) == (address == "http://127.0.0.1.:5000")


def test_the_error_never_repeats_the_credentials() -> None:
    with listening(dict.fromkeys((API, VERSION), LOGIN)) as server, pytest.raises(ReleaseError) as caught:
        weaknesses(ELSEWHERE, through(server))
    assert "Canary" not in str(caught.value)
