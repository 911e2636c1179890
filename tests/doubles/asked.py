"""One question at the gate, and answers to it that hold until a test changes them."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from doubles.small_chain import AUTHOR, MODEL, NAMED, NOW, approval, chain, config

from ci_lib import checks
from ci_lib.approval import Approval, Waiver
from ci_lib.candidate import Person
from ci_lib.chain import Chain
from ci_lib.config import ApprovalPolicy
from ci_lib.evidence import Champion
from ci_lib.keys import public_text
from ci_lib.manifest import File, Manifest
from ci_lib.record import digest
from ci_lib.trusted import VerifyKey

OTHER = digest(b"another")
MANIFEST = Manifest(files=(File(path="MLmodel", size=1, sha256=digest(b"x")),))
POLICY = config().policy
KEY = VerifyKey(name="gate", public=public_text(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()))
ROLES = {"approvers": {"data-science": ("ana", "cleo"), "risk": ("ben",)}, "required": {"data-science": 1, "risk": 1}}

PASSED, OPEN, FAILED = 0.8, 0.6, 0.4
"""What `small_chain.decide` makes of these: a pass, inconclusive, a fail."""


def whole(value: float = PASSED, champion: Champion | None = None) -> Chain:
    """Records that rest on each other, with the one finding that this value gives."""
    return chain(MANIFEST, model_uri="models:/m-1", value=value, champion=champion, policy=POLICY)


def replaced(**changes: dict[str, Any]) -> Chain:
    """Return the chain with fields of some records replaced, and nothing else adapted."""
    made = whole()
    records = {name: getattr(made, name).model_copy(update=update) for name, update in changes.items()}
    return Chain(**{**vars(made), **records})


def check(answer: Approval, *, value: float = OPEN, **changes: Any) -> None:
    """Hold an answer against the question about a chain of this value."""
    about = whole(value)
    given: dict[str, Any] = {
        "policy": POLICY.approval,
        "subjects": about.subjects(POLICY.fingerprint()),
        "authors": [AUTHOR],
        "environment": "production",
        "model": MODEL,
        "destination": config().destination("production"),
        "decision": about.decision,
        "now": NOW,
        "used": {},
    }
    checks.check_approval(answer, **given | changes)


def answer(*, value: float = OPEN, **changes: Any) -> Approval:
    """Ana's yes to it, which accepts what is open, with some fields replaced."""
    accepted = (NAMED,) if value == OPEN else ()
    return approval(whole(value), POLICY, **{"accepted": accepted} | changes)


def person(name: str) -> Person:
    """Somebody whom GitLab knows."""
    return Person(id=name, known_from="gitlab")


def by(name: str, **changes: Any) -> Approval:
    """Somebody else's yes."""
    return answer(approver=person(name), **changes)


def policy(**changes: Any) -> ApprovalPolicy:
    """Return who must say yes, with some fields replaced."""
    return ApprovalPolicy(**POLICY.approval.model_dump() | changes)


def waiver(**changes: Any) -> Waiver:
    """Return a waiver of the finding, until the 20th of December."""
    given = {"finding": NAMED, "reason": "rare", "owner": "risk team", "expires_at": NOW.replace(month=12, day=20)}
    return Waiver(**given | changes)
