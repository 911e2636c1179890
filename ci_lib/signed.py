"""An approval as a file: an in-toto Statement in a DSSE envelope, signed where there is a key.

The statement (in-toto Attestation Framework, Statement v1) names as subjects, by digest, what was approved, and holds
the rest of the `Approval` as its predicate. Any tool that reads in-toto statements can read it, and any that verifies
DSSE can verify it. On a laptop without a key the envelope has no signature, and says so by having none.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ci_lib import dsse, keys
from ci_lib.approval import Approval, Subjects
from ci_lib.dsse import Envelope
from ci_lib.errors import Refused
from ci_lib.record import Digest, canonical
from ci_lib.trusted import Role, VerifyKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "tag:ml-release,2026:approval/v1"
"""A tag URI (RFC 4151): it names the format and its version, and is no address."""

HINT = "use the file that ml-release approve wrote"
PREFIX = "sha256:"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """An approval, and the envelope it came in."""

    approval: Approval
    envelope: Envelope

    def digest(self) -> Digest:
        """Return ``sha256:…`` of the file."""
        return self.envelope.digest()

    def write(self, path: Path) -> Path:
        """Write the envelope."""
        return self.envelope.write(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read an envelope, signed or not.

        Raises:
            Refused: it is no approval in the one form that `seal` gives it.
        """
        envelope = Envelope.read(path)
        payload = dsse.opened(envelope, PAYLOAD_TYPE)
        approval = _approval(payload, str(path))
        if canonical(statement(approval)) != payload:
            message = f"{path} is no approval in canonical form: something other than ml-release wrote or changed it"
            raise Refused(message, HINT)
        return cls(approval=approval, envelope=envelope)

    def signers(self, known: Sequence[VerifyKey], role: Role) -> tuple[str, ...]:
        """Return the names of the policy's keys of a role that signed it, and counted when it was given."""
        counted = [key for key in known if key.role == role and key.valid_at(self.approval.issued_at)]
        return dsse.signers(self.envelope, [(key.name, keys.public_key(key.public)) for key in counted])


def seal(approval: Approval, key: Ed25519PrivateKey | None) -> Signed:
    """Put an approval into its envelope, signed if there is a key."""
    pairs = [] if key is None else [(keys.key_id(keys.public_text(key.public_key())), key)]
    return Signed(approval=approval, envelope=dsse.sign(PAYLOAD_TYPE, canonical(statement(approval)), pairs))


def statement(approval: Approval) -> dict[str, Any]:
    """Return the in-toto Statement of an approval."""
    predicate = approval.model_dump(mode="json", exclude={"subjects"})
    named = approval.subjects.model_dump(mode="json")
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": named[name].removeprefix(PREFIX)}} for name in sorted(named)],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }


def _approval(payload: bytes, where: str) -> Approval:
    """Read a statement back; whatever is odd about it ends in one sentence."""
    try:
        found = json.loads(payload)
        if (found["_type"], found["predicateType"]) != (STATEMENT, PREDICATE):
            message = f"{where} is a statement of another type: {str(found['predicateType'])[:80]!r}"
            raise Refused(message, HINT)
        named = {subject["name"]: PREFIX + subject["digest"]["sha256"] for subject in found["subject"]}
        return Approval.model_validate({**found["predicate"], "subjects": Subjects.model_validate(named)})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{where} is no approval: {type(error).__name__}"
        raise Refused(message, HINT) from error
