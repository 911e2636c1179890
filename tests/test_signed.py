"""Approvals as files: in-toto statements in signed envelopes."""

import base64
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from doubles.small_chain import NOW, SOME

from ci_lib import dsse, keys
from ci_lib.approval import Approval, Subjects
from ci_lib.candidate import Person
from ci_lib.errors import Refused
from ci_lib.record import canonical, digest
from ci_lib.signed import PAYLOAD_TYPE, Signed, seal, statement
from ci_lib.trusted import VerifyKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
APPROVAL = Approval(
    model="loan",
    environment="production",
    destination=SOME,
    subjects=Subjects(
        manifest=digest(b"model"),
        candidate=SOME,
        evidence=digest(b"evidence"),
        decision=SOME,
        report=digest(b"report"),
        policy=SOME,
    ),
    decision="approved",
    reason="looks right: ä ⟨🙂⟩",
    accepted=("roc_auc",),
    approver=Person(id="ana", known_from="self-declared"),
    assurance="self-declared",
    authors=(Person(id="ada", known_from="git"),),
    pipeline="p1",
    nonce="n",
    issued_at=NOW,
    expires_at=NOW + timedelta(days=1),
)

SUBJECTS = statement(APPROVAL)["subject"]


def trusted(key: Ed25519PrivateKey = KEY, **changes: Any) -> VerifyKey:
    return VerifyKey(**{"name": "gate", "public": keys.public_text(key.public_key()), **changes})


@pytest.mark.parametrize("key", [KEY, None], ids=["signed", "unsigned"])
def test_an_approval_comes_back_as_it_was_written(tmp_path: Path, key: Ed25519PrivateKey | None) -> None:
    sealed = seal(APPROVAL, key)
    path = sealed.write(tmp_path / "ana.json")
    assert Signed.read(path) == sealed
    assert digest(path.read_bytes()) == sealed.digest()


def test_the_statement_is_in_totos_and_names_its_subjects_by_digest() -> None:
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor  # noqa: PLC0415 -- protobuf, slow
    from in_toto_attestation.v1.statement import Statement  # noqa: PLC0415 -- for this test alone

    made = statement(APPROVAL)
    subjects = [ResourceDescriptor(name=each["name"], digest=each["digest"]).pb for each in made["subject"]]
    Statement(subjects, predicate_type=made["predicateType"], predicate=made["predicate"]).validate()
    named = {each["name"]: each["digest"]["sha256"] for each in made["subject"]}
    assert list(named) == ["candidate", "decision", "evidence", "manifest", "policy", "report"]
    assert named["report"] == digest(b"report").removeprefix("sha256:")
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert "subjects" not in made["predicate"], "said once"


def test_who_signed_is_named_by_the_policys_key() -> None:
    assert seal(APPROVAL, KEY).signers([trusted(OTHER, name="other"), trusted()], "approve") == ("gate",)
    assert seal(APPROVAL, OTHER).signers([trusted()], "approve") == ()
    assert seal(APPROVAL, None).signers([trusted()], "approve") == ()


@pytest.mark.parametrize(
    "changes",
    [{"role": "deploy"}, {"not_before": NOW + timedelta(seconds=1)}, {"not_after": NOW - timedelta(seconds=1)}],
    ids=["another role", "not yet", "no longer"],
)
def test_a_key_of_another_role_or_time_does_not_count(changes: dict[str, Any]) -> None:
    assert seal(APPROVAL, KEY).signers([trusted(**changes)], "approve") == ()


def envelope(payload: bytes, kind: str = PAYLOAD_TYPE) -> dsse.Envelope:
    return dsse.sign(kind, payload, [("x", KEY)])


def changed(**keys_: Any) -> bytes:
    return canonical({**statement(APPROVAL), **keys_})


SLSA = "https://slsa.dev/verification_summary/v1"
CANONICAL = "{} is no approval in canonical form: something other than ml-release wrote or changed it"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            envelope(changed(_type="https://in-toto.io/Statement/v0.1")),
            "{} is a statement of another type: 'tag:ml-release,2026:approval/v1'",
        ),
        (envelope(changed(predicateType=SLSA)), f"{{}} is a statement of another type: '{SLSA}'"),
        (envelope(changed(predicateType="x" * 100)), f"{{}} is a statement of another type: '{'x' * 80}'"),
        (envelope(changed(subject=[])), "{} is no approval: ValidationError"),
        (
            envelope(changed(subject=[*SUBJECTS, {"name": "x", "digest": {"sha256": "0" * 64}}])),
            "{} is no approval: ValidationError",
        ),
        (envelope(changed(subject=list(reversed(SUBJECTS)))), CANONICAL),
        (envelope(changed(more=1)), CANONICAL),
        (
            envelope(changed(predicate={**statement(APPROVAL)["predicate"], "admin": True})),
            "{} is no approval: ValidationError",
        ),
        (envelope(json.dumps(statement(APPROVAL)).encode()), CANONICAL),
        (envelope(b"[" * 100_000), "{} is no approval: RecursionError"),
        (envelope(b"null"), "{} is no approval: TypeError"),
        (envelope(b"{}"), "{} is no approval: KeyError"),
        (envelope(b"\xff"), "{} is no approval: UnicodeDecodeError"),
        (
            envelope(canonical(statement(APPROVAL)), "text/plain"),
            "the envelope holds 'text/plain', not 'application/vnd.in-toto+json'",
        ),
    ],
)
def test_a_signed_file_of_any_other_kind_is_no_approval(tmp_path: Path, made: dsse.Envelope, sentence: str) -> None:
    path = made.write(tmp_path / "ana.json")
    with pytest.raises(Refused) as caught:
        Signed.read(path)
    assert (caught.value.what, caught.value.hint) == (
        sentence.format(path),
        "use the file that ml-release approve wrote",
    )


def test_a_changed_word_is_no_longer_signed(tmp_path: Path) -> None:
    sealed = seal(APPROVAL, KEY)
    other = canonical(statement(APPROVAL.model_copy(update={"decision": "rejected"})))
    forged = sealed.envelope.model_copy(update={"payload": base64.b64encode(other).decode()})
    assert Signed.read(forged.write(tmp_path / "ana.json")).signers([trusted()], "approve") == ()


def test_no_flipped_bit_is_accepted_as_signed(tmp_path: Path) -> None:
    sealed = seal(APPROVAL, KEY)
    data = sealed.envelope.to_bytes()
    generator = random.Random(0)  # noqa: S311 -- which bits to turn, not a secret
    for number in range(500):
        position, bit = generator.randrange(len(data)), 1 << generator.randrange(8)
        path = tmp_path / f"{number}.json"
        path.write_bytes(data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :])
        try:
            found = Signed.read(path)
        except Refused:
            continue
        if found.signers([trusted()], "approve"):
            assert found.approval == APPROVAL, "only the key id, a hint, may differ"
