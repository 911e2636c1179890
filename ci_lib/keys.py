"""Keys: an ed25519 pair. The private half is a file that only the signing job has, the public half is in the policy.

A private key is named by a variable that holds a *path* (as GitLab's file variables and Jenkins' secret files do):
never by its text, and never on a command line, which every process of the machine can read.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from ci_lib.errors import BadInput
from ci_lib.trusted import PREFIX, RAW

VARIABLE = "ML_RELEASE_SIGNING_KEY"
"""Environment variable that holds the path of the private key."""


def new(path: Path) -> str:
    """Write a fresh private key (PKCS #8, PEM, readable by its owner alone) and return its public half.

    Raises:
        BadInput: the file is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        message = f"{path} is there already, and a key that is overwritten is lost"
        raise BadInput(message, f"ml-release keys new {path}.new") from error
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise BadInput(message, f"ls -ld {path.parent}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    return public_text(key.public_key())


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        BadInput: there is no such file, or it holds no ed25519 key. What it holds is never part of the message.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        message = f"the signing key {path} cannot be read: {error.strerror}"
        raise BadInput(message, f"ml-release keys new {path}") from error
    except (ValueError, TypeError) as error:
        message = f"{path} holds no private key in PEM without a password"
        raise BadInput(message, "ml-release keys new KEYFILE") from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path} holds a private key of another kind than ed25519"
        raise BadInput(message, "ml-release keys new KEYFILE")
    return key


def from_environment(env: Mapping[str, str]) -> Ed25519PrivateKey | None:
    """Return the signing key that the environment names; None where it names none.

    Raises:
        BadInput: the variable holds the key itself, or the file holds none.
    """
    named = env.get(VARIABLE)
    if not named:
        return None
    if "PRIVATE KEY" in named:
        message = f"{VARIABLE} holds a key; it must hold the path of a file with the key"
        raise BadInput(message, "use a file variable (GitLab) or a secret file (Jenkins)")
    return private_key(Path(named))


def public_text(key: Ed25519PublicKey) -> str:
    """Return a public key as the policy writes it."""
    return PREFIX + base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """Read a public key as the policy writes it.

    Raises:
        BadInput: it is none.
    """
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.startswith(PREFIX) or len(raw) != RAW:
        message = f"{text[:60]!r} is no public key: {PREFIX} and {RAW} bytes in Base64"
        raise BadInput(message, "ml-release keys show KEYFILE")
    return Ed25519PublicKey.from_public_bytes(raw)


def key_id(public: str) -> str:
    """Return the id of a public key: SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(base64.b64decode(public.removeprefix(PREFIX))).hexdigest()
