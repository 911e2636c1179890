"""Keys: made, shown, read; and never shown by accident."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from ci_lib import keys
from ci_lib.errors import BadInput
from ci_lib.trusted import VerifyKey

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    keys.new(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def test_a_new_key_is_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    public = keys.new(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert keys.public_text(keys.private_key(tmp_path / "key.pem").public_key()) == public
    assert keys.public_text(keys.public_key(public)) == public


def test_a_key_is_never_overwritten(made: Path) -> None:
    before = made.read_bytes()
    with pytest.raises(BadInput, match="there already"):
        keys.new(made)
    assert made.read_bytes() == before


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written"):
        keys.new(tmp_path / "missing" / "key.pem")


def test_the_signing_key_is_named_by_path(made: Path) -> None:
    assert keys.from_environment({}) is None
    assert keys.from_environment({keys.VARIABLE: ""}) is None
    found = keys.from_environment({keys.VARIABLE: str(made)})
    assert found is not None
    assert found.public_key() == keys.private_key(made).public_key()


def test_a_key_in_the_variable_itself_is_refused_and_not_repeated(made: Path) -> None:
    text = made.read_text()
    with pytest.raises(BadInput, match="must hold the path") as caught:
        keys.from_environment({keys.VARIABLE: text})
    assert text.splitlines()[1] not in str(caught.value)


def test_a_file_without_a_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("password: hunter2")
    with pytest.raises(BadInput, match="holds no private key") as caught:
        keys.private_key(tmp_path / "key.pem")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(BadInput, match="cannot be read"):
        keys.private_key(tmp_path / "missing.pem")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "key.pem").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BadInput, match="another kind than ed25519"):
        keys.private_key(tmp_path / "key.pem")


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 43 + "=", "A" * 43 + "="])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no public key"):
        keys.public_key(text)
    with pytest.raises(ValidationError):
        VerifyKey(name="ana", public=text)


@pytest.mark.parametrize(
    ("before", "after", "valid"),
    [
        (None, None, True),
        (-1, None, True),
        (1, None, False),
        (None, 1, True),
        (None, -1, False),
        (-1, 1, True),
        (1, 2, False),
    ],
)
def test_a_key_counts_within_its_time_only(made: Path, before: int | None, after: int | None, *, valid: bool) -> None:
    public = keys.public_text(keys.private_key(made).public_key())
    window = [None if days is None else NOW + timedelta(days=days) for days in (before, after)]
    key = VerifyKey(name="ana", public=public, not_before=window[0], not_after=window[1])
    assert key.valid_at(NOW) is valid


def test_key_ids_are_sha256_of_the_raw_key(made: Path) -> None:
    public = keys.public_text(keys.private_key(made).public_key())
    assert len(keys.key_id(public)) == 64
    assert keys.key_id(public) != keys.key_id(keys.new(made.with_name("other.pem")))
