"""What is shown has no secret in it, in whatever spelling a library repeats it."""

import base64
import html
import io
import json
import traceback
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_lib.errors import BadInput
from ci_lib.secrets import REDACTED, guard, keep_out, known
from ci_lib.text import printable

CANARY = "s3cr/t+wör?d&<'\"\\x%zz"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\nabcdefghijklmnop\n-----END PRIVATE KEY-----\n"

SPELLINGS = {
    "plain": lambda secret: secret,
    "as the console shows it": printable,
    "percent": lambda secret: quote(secret, safe=""),
    "percent, slashes kept": quote,
    "plus": quote_plus,
    "lower-case percent": lambda secret: "".join(
        f"%{byte:02x}" if not chr(byte).isalnum() or byte > 127 else chr(byte) for byte in secret.encode()
    ),
    "repr": repr,
    "json": json.dumps,
    "json, letters kept": lambda secret: json.dumps(secret, ensure_ascii=False),
    "html": html.escape,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "cut off": lambda secret: secret[:-3] + "…",
    "cut off and counted": lambda secret: secret[:-3] + " … (20 characters)",
}


@pytest.mark.parametrize(
    "name",
    [
        "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "CI_JOB_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY",
        "GITLAB_PAT", "JENKINS_API_KEY", "api_key", "DB_PASSWD", "HTTP_AUTHORIZATION", "CI_JOB_JWT", "NPM_AUTH",
        "SIGNING_PASSPHRASE", "AZURE_CLIENT_SECRET", "GOOGLE_CREDENTIALS", "SESSION_COOKIE",
    ],
)  # fmt: skip
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_by_its_variables_name_in_every_spelling(name: str, spelling: str) -> None:
    shown = known({name: CANARY})(f"before {SPELLINGS[spelling](CANARY)} after")
    assert REDACTED in shown
    assert shown.startswith("before ")
    assert "after" in shown or "…" in SPELLINGS[spelling](CANARY)
    for known_part in ("s3cr", "zz", "wör", "w%C3", "UzNj"):
        assert known_part not in shown


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "ana.lyst"])
def test_a_password_inside_a_basic_header_is_found_whatever_the_user(user: str) -> None:
    text = base64.b64encode(f"{user}:correct-horse".encode()).decode()
    shown = known({"MLFLOW_TRACKING_PASSWORD": "correct-horse"})(f"sent {text}")
    assert REDACTED in shown
    left = shown.removeprefix("sent ").partition(REDACTED)[0]
    decoded = base64.b64decode(left[: len(left) // 4 * 4])
    assert b"corr" not in decoded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ML_RELEASE_SIGNING_KEY", "/keys/gate.pem"),
        ("MLFLOW_TRACKING_TOKEN_FILE", "/run/secrets/token"),
        ("SSH_AUTH_SOCK", "/run/ssh-x/agent.1"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://tokens.example"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("MLFLOW_TRACKING_AUTH", "kubernetes"),
        ("MLFLOW_TRACKING_USERNAME", "ana.lyst"),
        ("PWD", "/home/ana/project"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("API_TOKEN", "short"),
        ("API_TOKEN", ""),
        ("HOME", "/home/ana"),
    ],
)
def test_what_is_no_secret_stays_readable(name: str, value: str) -> None:
    assert known({name: value})(f"see {value} there") == f"see {value} there"


@pytest.mark.parametrize(
    "text",
    [
        "http://ana:canary@mlflow:5000/api",
        "postgresql+psycopg2://ana:canary@db/x",
        "https://ana:can/ary?@#@host/path",
        "https://canary@host",
        "Authorization: Basic canary",
        "Authorization: Bearer canary",
        "authorization=canary",
        "{'Authorization': 'Basic canary', 'a': 1}",
        '{"Authorization": "Bearer canary"}',
        "{b'Authorization': b'Basic canary'}",
        "('Authorization', 'Basic canary')",
        "Proxy-Authorization: Basic canary",
        "PRIVATE-TOKEN: canary",
        "{'JOB-TOKEN': 'canary'}",
        "Deploy-Token: canary",
        "Jenkins-Crumb: canary",
        "Cookie: JSESSIONID=canary; other=canary",
        "Set-Cookie: a=canary; Path=/",
        "GET /api?private_token=canary&page=2",
        "GET /trigger?page=2&TOKEN=canary",
        "https://h/x?X-Amz-Signature=1&sig=canary",
        "glpat-canary12345",
        "glcbt-64_canary_12345",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIcanary.canary_-x",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----\ncanary",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_though_no_variable_holds_it(text: str) -> None:
    shown = known({})(text)
    assert "canary" not in shown.replace("can/ary?@#", "canary")
    assert REDACTED in shown


@pytest.mark.parametrize(
    "text",
    [
        "models:/loan@champion",
        "Ana <ana@example.org>",
        "https://mlflow.example:5000/api/2.0?name=loan&page_token_size=3 ana@example.org",
        "the token is not valid",
        "author=ana, key=3",
        "a single-token model passes; the signature differs",
        "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
        "== validate\n   roc_auc 0.88 [0.86, 0.90]",
        "",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert known({})(text) == text


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "DATABASE_URL", "MLFLOW_TRACKING_URI"])
def test_a_password_in_any_address_of_the_environment_is_found_alone(name: str) -> None:
    redact = known({name: "http://ana:correct%2Fhorse@proxy:3128"})
    assert redact("tried correct/horse, correct%2Fhorse") == f"tried {REDACTED}, {REDACTED}"
    assert redact(base64.b64encode(b"ana:correct/horse").decode()) == REDACTED


def test_each_line_of_a_key_and_each_value_of_headers_is_found_alone() -> None:
    redact = known({"GATE_PRIVATE_KEY": PEM, "JENKINS_API_EXTRA_HEADERS": "X-Door: open-sesame\nX-A: 1"})
    assert redact("abcdefghijklmnop and open-sesame") == f"{REDACTED} and {REDACTED}"
    assert "MC4C" not in redact(PEM)


def test_a_secret_with_characters_that_the_console_makes_visible_is_found() -> None:
    secret = "ca\tna\u200bry-word"
    assert known({"A_TOKEN": secret})(printable(f"at {secret} there")) == f"at {REDACTED} there"


def test_the_longest_secret_goes_first() -> None:
    assert known({"A_TOKEN": "abcdef", "B_TOKEN": "abcdefghi"})("abcdefghi abcdef") == f"{REDACTED} {REDACTED}"


def test_a_stream_redacts_what_is_written_and_is_otherwise_itself() -> None:
    out = io.StringIO()
    stream = guard(out, known({"A_TOKEN": "canary-1"}))
    print("a", "canary-1", {"x": "canary-1"}, file=stream, flush=True)
    stream.writelines(["canary-1\n", "b\n"])
    assert stream.write("canary-1") == len("canary-1")
    assert out.getvalue() == f"a {REDACTED} {{'x': '{REDACTED}'}}\n{REDACTED}\nb\n{REDACTED}"
    assert not stream.isatty()


def test_a_traceback_is_redacted_with_all_of_its_causes() -> None:
    out = io.StringIO()
    error = RuntimeError("at http://ana:canary-2@host")
    error.__cause__ = ValueError(PEM)
    error.add_note("with canary-3")
    traceback.print_exception(error, file=guard(out, known({"KEY_SECRET": PEM, "A_TOKEN": "canary-3"})))
    shown = out.getvalue()
    assert "RuntimeError: at http://[redacted]@host" in shown
    assert not any(part in shown for part in ("canary-2", "canary-3", "MC4C", "abcdefgh"))


SECRETS = st.text(
    st.characters(codec="utf-8", exclude_characters="…", exclude_categories=("Cs", "Cc", "Z")), min_size=12
)


@settings(max_examples=300, deadline=None)
@given(
    secret=SECRETS,
    before=st.binary(max_size=5),
    after=st.binary(max_size=5),
    spelling=st.sampled_from(sorted(SPELLINGS)),
)
def test_no_secret_survives_in_any_spelling(secret: str, before: bytes, after: bytes, spelling: str) -> None:
    redact = known({"X_TOKEN": secret})
    if spelling != "lower-case percent":
        assert secret not in redact(SPELLINGS[spelling](secret))
        assert REDACTED in redact(SPELLINGS[spelling](secret))
    inside = base64.b64encode(before + secret.encode() + after).decode()
    assert REDACTED in redact(inside)


@pytest.mark.parametrize("text", [CANARY, f"because of {CANARY}!", quote(CANARY)])
def test_what_somebody_says_does_not_keep_a_secret_for_good(text: str) -> None:
    with pytest.raises(BadInput, match="holds a secret of this job") as caught:
        keep_out(["fine", text], {"CI_JOB_TOKEN": CANARY})
    assert CANARY not in str(caught.value)


def test_what_somebody_says_without_a_secret_is_let_pass() -> None:
    keep_out(["I read it, $CI_JOB_TOKEN and all", ""], {"CI_JOB_TOKEN": CANARY})
    keep_out([CANARY], {})
