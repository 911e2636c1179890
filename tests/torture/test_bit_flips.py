"""One bit turned over in whatever a release rests on: approval, records, report, model and ledger. None is accepted."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from doubles.entries import entry
from doubles.memory_store import MemoryStore
from doubles.signers import ALPHA, named, signing
from doubles.small_chain import AUTHOR, MODEL, NOW, approval, chain, config, decide, rules
from torture.sizes import size

from ci_lib import chain as chains
from ci_lib import checks
from ci_lib.entry import Entry
from ci_lib.errors import BadInput, Refused
from ci_lib.keys import public_text
from ci_lib.ledger import Ledger
from ci_lib.manifest import scan
from ci_lib.record import digest
from ci_lib.signed import seal

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CONFIG = config(policy=rules(keys=[{"name": "gate", "public": public_text(KEY.public_key())}]))
MODELS = {"MLmodel": b"flavors: {}\n", "model.skops": bytes(range(256)) * 8}

FILES = {
    "approval": "approvals/ana.json",
    "dataset": "dataset.json",
    "candidate with its manifest": "candidate.json",
    "evidence": "evidence.json",
    "decision": "decision.json",
    "report": "report/index.html",
    "model": "model/model.skops",
    "MLmodel": "model/MLmodel",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All files of a release that would be let pass."""
    for name, content in MODELS.items():
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_bytes(b"<html>")
    made = chain(scan(tmp_path / "model"), model_uri="models:/m-1", policy=CONFIG.policy)
    for record in (made.dataset, made.candidate, made.evidence, made.decision):
        record.write(tmp_path / f"{record.kind}.json")
    seal(approval(made, CONFIG.policy), KEY).write(tmp_path / "approvals" / "ana.json")
    return tmp_path


def passes(folder: Path) -> bool:
    """Say whether what deploy asks of files would let this release pass; a refusal is how it says no."""
    try:
        found = chains.read(folder)
        (signed,) = chains.read_approvals(folder / "approvals")
        checks.check_chain(found, CONFIG, decide)
        checks.check_approval(
            signed.approval,
            signed_by=signed.signers(CONFIG.policy.approval.keys, "approve"),
            policy=CONFIG.policy.approval,
            subjects=found.subjects(CONFIG.policy.fingerprint()),
            authors=[AUTHOR],
            environment="production",
            destination=CONFIG.destination("production"),
            model=MODEL,
            decision=found.decision,
            now=NOW,
            used={},
        )
        return scan(folder / "model") == found.candidate.manifest
    except (Refused, BadInput):
        return False


def turned(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def bits(content: bytes, count: int, seed: str) -> list[int]:
    """Return so many of the content's bits, each once as long as there are enough."""
    every = range(len(content) * 8)
    return random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311 -- which bits, not a secret


@pytest.mark.parametrize("what", FILES)
def test_a_release_with_one_bit_turned_over_is_not_let_pass(
    folder: Path, what: str, figure: Callable[..., Any]
) -> None:
    assert passes(folder)
    path = folder / FILES[what]
    whole = path.read_bytes()
    tried = bits(whole, size(60, 1_500), what)
    for bit in tried:
        path.write_bytes(turned(whole, bit))
        assert not passes(folder), f"bit {bit} of {FILES[what]}"
    figure("bit flips", "{} single bits turned over, none accepted", len(tried))


def test_a_ledger_with_one_bit_turned_over_does_not_hold(figure: Callable[..., Any]) -> None:
    signs = signing(ALPHA, named(ALPHA))
    store = MemoryStore()
    ledger = Ledger(store, model=MODEL, environment="production", signing=signs)
    for content in ("A", "B", "C"):
        op = digest(content.encode())
        ledger.append(op, lambda head, content=content, op=op: entry(head, content, op=op))  # type: ignore[misc] # both are bound now
    assert len(ledger.entries()) == 3
    tried = 0
    for key, text in list(store.texts.items()):
        if not key.startswith("op-"):
            continue
        for bit in bits(text.encode(), size(60, 1_000), key):
            store.texts[key] = turned(text.encode(), bit).decode("latin-1")
            with pytest.raises(Refused):
                ledger.entries()
            tried += 1
        store.texts[key] = text
    assert isinstance(ledger.signed()[0], Entry)
    figure("bit flips", "{} single bits turned over, none accepted", tried)
