"""Keys for signing ledgers."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ci_lib import keys
from ci_lib.signing import ROLE, Signing
from ci_lib.trusted import VerifyKey

ALPHA, BETA = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def named(
    key: Ed25519PrivateKey, name: str = "deployer", *, since: datetime | None = None, until: datetime | None = None
) -> VerifyKey:
    """Return a key as the policy names it."""
    public = keys.public_text(key.public_key())
    return VerifyKey(name=name, public=public, role=ROLE, not_before=since, not_after=until)


def signing(key: Ed25519PrivateKey | None, *trusted: VerifyKey, unsigned_until: str | None = None) -> Signing:
    """Return what a job knows that has this private key, and trusts these."""
    return Signing(keys=trusted, load=lambda: key, unsigned_until=unsigned_until)
