"""The public keys that a policy trusts, for one role and some time. Part of release.yml: needs no cryptography."""

import base64
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from ci_lib.record import Record

PREFIX = "ed25519:"
RAW = 32
"""Bytes of an ed25519 public key (RFC 8032)."""

Role = Literal["approve", "deploy"]
Public = Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")]


class VerifyKey(Record):
    """A public key that the policy trusts, for one role and for some time."""

    name: str
    public: Public
    """``ed25519:`` and 32 bytes in Base64: what `ml-release keys show` prints."""
    role: Role = "approve"
    person: str | None = None
    """An approver whose own key it is: it vouches for their answers only. Default: the gate's, for everybody's."""
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_one_form(self) -> Self:
        raw = base64.b64decode(self.public.removeprefix(PREFIX))
        if len(raw) != RAW or PREFIX + base64.b64encode(raw).decode() != self.public:
            message = "that is no public key: write what ml-release keys show prints"
            raise ValueError(message)
        return self

    def valid_at(self, moment: datetime) -> bool:
        """Say whether a signature of this moment counts."""
        early = self.not_before is not None and moment < self.not_before
        late = self.not_after is not None and moment > self.not_after
        return not early and not late
