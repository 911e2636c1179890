"""The head anchor: a tail that was cut off, or rewritten, shows against what was kept elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.entries import entry
from doubles.memory_store import MemoryStore
from doubles.signers import ALPHA, BETA, named, signing
from doubles.small_chain import MODEL, World, decide

from ci_lib import anchor, audit
from ci_lib.champion import compared
from ci_lib.dsse import Envelope
from ci_lib.entry import opened
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.ledger import Ledger
from ci_lib.production import open_production
from ci_lib.record import digest
from ci_lib.signing import Signing


def filled(contents: str, signs: Signing | None = None, size: int = 2) -> Ledger:
    ledger = Ledger(MemoryStore(size=size), model=MODEL, environment="production", signing=signs)
    for content in contents:
        op = digest(content.encode())
        ledger.append(op, lambda head, content=content, op=op: entry(head, content, op=op))
    return ledger


def kept(ledger: Ledger, directory: Path) -> str:
    anchor.keep(ledger.signed_head(), directory)
    return str(directory / anchor.NAME)


def check(named_: str, ledger: Ledger, signs: Signing | None = None) -> None:
    anchor.check(anchor.of(named_, signs or Signing()), ledger, MODEL, "production")


def test_it_is_the_newest_entry_as_an_envelope(tmp_path: Path) -> None:
    ledger = filled("AB", signing(ALPHA, named(ALPHA)))
    found = opened(Envelope.read(Path(kept(ledger, tmp_path))))
    assert found == ledger.signed_head()
    assert found.signed_by(named(ALPHA).public)


@pytest.mark.parametrize("grown", ["AB", "ABC", "ABCDEFG"])
def test_a_ledger_that_still_has_the_entry_holds(tmp_path: Path, grown: str) -> None:
    check(kept(filled("AB"), tmp_path), filled(grown))


@pytest.mark.parametrize("contents", ["", "A", "AB"])
def test_a_tail_that_was_cut_off_shows(tmp_path: Path, contents: str) -> None:
    path = kept(filled("ABC"), tmp_path)
    with pytest.raises(Refused, match=f"the ledger was cut after release {len(contents)}: .* is release 3") as error:
        check(path, filled(contents))
    assert "restore it from a backup" in error.value.hint


@pytest.mark.parametrize("contents", ["ABX", "ABXDE", "XBCDEF"])
def test_a_rewritten_ledger_shows(tmp_path: Path, contents: str) -> None:
    path = kept(filled("ABC"), tmp_path)
    with pytest.raises(Refused, match="rewritten: its release 3 is not the one that"):
        check(path, filled(contents))


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_a_digest_alone_is_an_anchor(prefix: str) -> None:
    ledger = filled("ABC")
    found = prefix + ledger.entries()[1].digest().removeprefix("sha256:")
    check(found, ledger)
    with pytest.raises(Refused, match="no release is the one that --head"):
        check(found, filled("AXC"))


def test_release_json_is_an_anchor_too(tmp_path: Path) -> None:
    ledger = filled("ABC")
    path = ledger.entries()[-1].write(tmp_path / "release.json")
    check(str(path), ledger)
    with pytest.raises(Refused, match="cut after release 2"):
        check(str(path), filled("AB"))


@pytest.mark.parametrize("text", ["nonsense", "ab" * 31, "/no/such/head.json"])
def test_what_is_neither_file_nor_digest_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        anchor.of(text, Signing())


@pytest.mark.parametrize("content", ["", "{}", '{"payloadType": "x", "payload": "", "signatures": []}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "head.json"
    path.write_text(content)
    with pytest.raises(Refused, match="is no entry of a ledger"):
        anchor.of(str(path), Signing())


def test_one_of_another_ledger_is_bad_input(tmp_path: Path) -> None:
    path = kept(filled("A"), tmp_path)
    with pytest.raises(BadInput, match="is of loan in production, not of loan in staging"):
        anchor.check(anchor.of(path, Signing()), filled("A"), MODEL, "staging")


def test_one_whose_signature_does_not_hold_is_refused(tmp_path: Path) -> None:
    path = Path(kept(filled("A", signing(ALPHA, named(ALPHA))), tmp_path))
    with pytest.raises(Refused, match=r"a key that release.yml does not name"):
        anchor.of(str(path), Signing(keys=(named(BETA),)))
    found = Envelope.read(path)
    other = opened(Envelope.read(Path(kept(filled("B", signing(ALPHA, named(ALPHA))), tmp_path / "other"))))
    found.model_copy(update={"signatures": other.signatures}).write(path)
    with pytest.raises(Refused, match="the signature of entry 1 is not that of its key"):
        anchor.of(str(path), Signing(keys=(named(ALPHA),)))


def ship(world: World, contents: str) -> None:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=compared(head) if head else None))
        assert deploy.main(world.job(), decide=decide) == Exit.DONE


def delete_param(world: World, *keys: str) -> None:
    """Do what no call of MLflow does, and its database's administrator can."""
    import sqlite3  # noqa: PLC0415 -- for this test alone

    with sqlite3.connect(world.project / "mlflow.db") as database:
        for key in keys:
            database.execute("delete from params where key = ?", (key,))


@pytest.mark.parametrize(
    "act",
    [
        lambda world: deploy.main(world.job(), decide=decide),
        lambda world: rollback.main(world.job(reason="bad")),
    ],
    ids=["deploy", "rollback"],
)
def test_deploy_and_rollback_stop_before_anything_moves(world: World, act: Callable[[World], int]) -> None:
    ship(world, "ABC")
    before = world.registry.alias("loan", "champion")
    delete_param(world, "op-000003")
    with pytest.raises(Refused, match="the ledger was cut after release 2"):
        act(world)
    assert world.registry.alias("loan", "champion") == before


def test_a_rollback_leaves_an_anchor_too(world: World) -> None:
    ship(world, "AB")
    rollback.main(world.job(reason="bad"))
    found = opened(Envelope.read(world.here / "head.json")).entry
    assert (found.number, found.action) == (3, "rollback")


def test_an_older_anchor_is_fine(world: World) -> None:
    ship(world, "A")
    old = (world.here / "head.json").read_bytes()
    ship(world, "B")
    (world.here / "head.json").write_bytes(old)
    assert rollback.main(world.job(reason="bad")) == Exit.DONE


def test_a_ledger_that_is_gone_altogether_is_missed(world: World) -> None:
    ship(world, "A")
    client = mlflow.MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)
    for name in ("ledger--loan", "loan"):
        client.delete_registered_model(name)
    with pytest.raises(Refused, match=r"the ledger was cut after release 0: .* is release 1") as error:
        deploy.main(world.job(), decide=decide)
    assert "if you yourself began a new ledger, remove" in error.value.hint


def test_an_audit_takes_several_anchors_and_moves_nothing_when_one_does_not_hold(world: World, tmp_path: Path) -> None:
    ship(world, "AB")
    entries = open_production(world.job()).ledger.entries()
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes((world.here / "head.json").read_bytes())
    heads = [str(elsewhere), entries[0].digest(), str(world.here / "release.json")]
    assert audit.main(world.job(head=heads)) == Exit.DONE
    delete_param(world, "op-000002")
    for path in world.here.glob("*.json"):
        path.unlink()
    world.heard()
    assert audit.main(world.job(head=[entries[0].digest(), str(elsewhere)], json=True)) == Exit.REFUSED
    (problem,) = json.loads(world.heard())
    assert "the ledger was cut after release 1" in problem["what"]
    assert problem["hint"]
    seen = world.registry.alias("loan", "champion")
    assert seen is not None
    assert seen.number == "2"


def test_an_audit_that_finds_nothing_leaves_an_anchor_and_one_that_finds_something_does_not(world: World) -> None:
    ship(world, "AB")
    (world.here / "head.json").unlink()
    world.registry.set_alias("loan", "champion", "1")
    assert audit.main(world.job()) == Exit.REFUSED
    assert not (world.here / "head.json").exists()
    assert audit.main(world.job()) == Exit.DONE
    assert opened(Envelope.read(world.here / "head.json")).entry.number == 2
