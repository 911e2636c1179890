"""The ledger over a store in memory: appending once, and noticing every change."""

import hashlib
import json
import re
from typing import Any

import pytest
from doubles.entries import entry, history, text
from doubles.memory_store import MemoryStore
from doubles.small_chain import MODEL
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.ledger import Ledger, Store, copied
from ci_lib.record import digest
from ci_lib.release import Release
from ci_lib.signing import INTRUDER


def ledger(store: Store | None) -> Ledger:
    return Ledger(store, model=MODEL, environment="production")


def filled(*steps: str | int) -> MemoryStore:
    store = MemoryStore()
    for made in history(*steps):
        ledger(store).append(made.op, lambda _, made=made: made)
    return store


def test_without_a_store_it_reads_as_empty_and_takes_nothing() -> None:
    assert (ledger(None).entries(), ledger(None).head(), ledger(None).notes()) == ((), None, {})
    assert (ledger(None).recent(), ledger(None).find(digest(b"op"))) == ((), None)
    with pytest.raises(Refused) as error:
        ledger(None).append(digest(b"op"), entry)
    assert error.value.what == "there is no ledger to append to"
    assert error.value.hint == "run the deploy job again"


def test_entries_come_back_as_written_oldest_first() -> None:
    store = filled("A", "B", 1)
    assert ledger(store).entries() == history("A", "B", 1)
    assert ledger(store).head() == history("A", "B", 1)[-1]
    assert [key for key in store.texts if key.startswith("op-")] == ["op-000001", "op-000002", "op-000003"]


def test_an_operation_appends_once_however_often_it_runs() -> None:
    store = filled("A")
    first = history("A")[0]
    before = dict(store.texts)
    again = ledger(store).append(first.op, lambda head: entry(head, "other"))
    assert again == first
    assert store.texts == before


def test_whoever_loses_the_race_appends_after_the_winner() -> None:
    store = filled("A")
    winner = entry(history("A")[0], "winner")

    def other_writer() -> None:
        store.before_put = None
        ledger(store).append(winner.op, lambda _: winner)

    store.before_put = other_writer
    op = digest(b"loser")
    mine = ledger(store).append(op, lambda head: entry(head, "loser", op=op))
    assert (mine.number, mine.previous) == (3, winner.digest())
    assert [made.number for made in ledger(store).entries()] == [1, 2, 3]


def test_the_loser_may_give_up_when_the_head_is_not_what_it_expected() -> None:
    store = filled("A")

    def stale(head: Release | None) -> Release:
        message = "stale"
        if head is not None and head.number > 1:
            raise Refused(message)
        return entry(head, "loser")

    def other_writer() -> None:
        store.before_put = None
        winner = entry(history("A")[0], "winner")
        ledger(store).append(winner.op, lambda _: winner)

    store.before_put = other_writer
    with pytest.raises(Refused, match="stale"):
        ledger(store).append(digest(b"loser"), stale)


def test_losing_every_race_ends_as_unavailable() -> None:
    class Unlucky(MemoryStore):
        def put_once(self, key: str, value: str, segment: int = 1) -> bool:
            return not key.startswith("op-") and super().put_once(key, value, segment)

    with pytest.raises(Unavailable) as error:
        ledger(Unlucky()).append(digest(b"op"), entry)
    assert error.value.what == "the ledger of loan is written by others all the time"
    assert error.value.hint == "run the job again"


def test_a_store_that_cuts_long_texts_is_noticed() -> None:
    class Cutting(MemoryStore):
        def put_once(self, key: str, value: str, segment: int = 1) -> bool:
            return super().put_once(key, value[:100], segment)

    store = Cutting()
    with pytest.raises(Refused, match="entry 1 is not a release"):
        ledger(store).append(digest(b"op"), lambda head: entry(head, op=digest(b"op")))


def test_an_entry_longer_than_the_store_keeps_is_bad_input() -> None:
    with pytest.raises(BadInput, match="6,000") as error:
        ledger(MemoryStore()).append(digest(b"op"), lambda head: entry(head, reason="x" * 6000))
    assert "--reason" in error.value.hint


def test_a_reason_in_any_script_survives() -> None:
    reason = "Modell läuft 模型 \U0001f4c9\n'\"\\"
    store = MemoryStore()
    made = ledger(store).append(digest(b"op"), lambda head: entry(head, reason=reason, op=digest(b"op")))
    assert ledger(store).entries() == (made,)
    assert all(text.isascii() for text in store.texts.values())


def test_notes_are_written_once_and_are_no_entries() -> None:
    store = filled("A")
    assert ledger(store).note("copy-1", "first") == "first"
    assert ledger(store).note("copy-1", "second") == "first"
    assert ledger(store).notes() == {"copy-1": "first"}
    assert len(ledger(store).entries()) == 1


def test_an_approval_is_claimed_by_one_operation() -> None:
    store = MemoryStore()
    ledger(store).claim(["nonce"], digest(b"one"))
    ledger(store).claim(["nonce"], digest(b"one"))
    with pytest.raises(Refused) as error:
        ledger(store).claim(["other", "nonce"], digest(b"two"))
    assert error.value.what == "an approval was already used for another release"
    assert error.value.hint == "ask again: ml-release approve"


def test_the_notes_of_an_operation_are_known_by_what_every_ledger_calls_them() -> None:
    """With another key, an approval could be used again, and a job that is run again would make a second copy."""
    store = MemoryStore()
    op = digest(b"op")
    ledger(store).claim(["nonce"], op)
    number = op.removeprefix("sha256:")
    assert store.texts == {f"nonce-{hashlib.sha256(b'nonce').hexdigest()}": op, f"aims-1-{number}": "1"}
    assert copied(op) == f"copy-{number}"


def change(which: int, **changes: object) -> dict[str, str]:
    texts = dict(filled("A", "B", "C").texts)
    key = f"op-{which:06d}"
    found = json.loads(texts[key])
    texts[key] = json.dumps(found | {"entry": found["entry"] | changes}, sort_keys=True, separators=(",", ":"))
    return texts


def without(number: int) -> dict[str, str]:
    texts = dict(filled("A", "B", "C").texts)
    del texts[f"op-{number:06d}"]
    return texts


def swapped() -> dict[str, str]:
    texts = dict(filled("A", "B", "C").texts)
    texts["op-000001"], texts["op-000002"] = texts["op-000002"], texts["op-000001"]
    return texts


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (change(1, reason="edited"), "entry 2 does not rest on entry 1 as it is now"),
        (change(2, manifest=digest(b"evil")), "entry 3 does not rest on entry 2"),
        (change(3, previous=digest(b"evil")), "entry 3 does not rest on entry 2"),
        (change(1, previous=digest(b"evil")), "entry 1 does not rest on entry 0"),
        (change(2, number=3), "entry 2 calls itself 3"),
        (change(2, model="other"), "entry 2 is about other in production"),
        (change(3, environment="staging"), "entry 3 is about loan in staging"),
        (change(2, unknown="key"), "entry 2 is not a release"),
        (without(1), "entry 1 is missing"),
        (without(2), "entry 2 is missing"),
        (swapped(), "entry 1 calls itself 2"),
        ({"op-000001": json.dumps(json.loads(change(2)["op-000001"]))}, "entry 1 is not written as ml-release writes"),
        ({"op-000001": "junk"}, "entry 1 is not a release"),
        ({"op-0000001": "{}"}, "entry 1 is not a release"),
    ],
)
def test_every_change_is_refused_and_names_the_entry(texts: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=re.escape(f"the ledger does not hold: {sentence}")) as caught:
        ledger(MemoryStore(texts)).entries()
    named = "give each environment of release.yml its own name:"
    assert caught.value.hint == (named if " is about " in sentence else INTRUDER)
    with pytest.raises(Refused, match=re.escape(sentence)):
        ledger(MemoryStore(texts)).recent()


@pytest.mark.parametrize(
    ("changes", "words"), [({"model": "other"}, "other in production"), ({"environment": "staging"}, "loan in staging")]
)
def test_a_ledger_is_about_one_model_in_one_environment_whichever_it_is(changes: dict[str, Any], words: str) -> None:
    store = filled("A")
    store.texts["op-000002"] = text(entry(history("A")[0], "B", **changes))
    with pytest.raises(Refused) as caught:
        Ledger(store, model=None, environment=None).entries()
    assert caught.value.what == f"the ledger does not hold: entry 2 is about {words}"
    assert caught.value.hint == "give each environment of release.yml its own name:"


@given(st.integers(0, 2), st.data())
def test_no_changed_character_before_the_last_entry_goes_unnoticed(which: int, data: st.DataObject) -> None:
    texts = dict(filled("A", "B", "C", "D").texts)
    key = f"op-{which + 1:06d}"
    place = data.draw(st.integers(0, len(texts[key]) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda new: new != texts[key][place]))
    changed = texts[key][:place] + letter + texts[key][place + 1 :]
    with pytest.raises(Refused):
        ledger(MemoryStore(texts | {key: changed})).entries()


@pytest.mark.parametrize(("model", "environment"), [("other", "production"), (MODEL, "staging")])
def test_a_whole_ledger_of_something_else_is_refused(model: str, environment: str) -> None:
    with pytest.raises(Refused) as caught:
        Ledger(filled("A", "B"), model=model, environment=environment).head()
    assert caught.value.what == "the ledger does not hold: entry 1 is about loan in production"
    assert caught.value.hint == "give each environment of release.yml its own name:"


FORGED_DEPLOY = "entry 3 is no deploy that ml-release makes"
FORGED_ROLLBACK = "entry 3 is no rollback that ml-release makes"
BACK = {"action": "rollback", "approvals": (), "restores": 1, "model_id": "m-1", "manifest": digest(b"A")}


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        ({"approvals": ()}, FORGED_DEPLOY),
        ({"automatic": True}, FORGED_DEPLOY),
        ({"restores": 1}, FORGED_DEPLOY),
        ({"replaces": 1}, "entry 3 replaces release 1, which is not the one before"),
        ({"replaces": None}, "entry 3 replaces release None"),
        (BACK | {"restores": None}, FORGED_ROLLBACK),
        (BACK | {"restores": 3}, FORGED_ROLLBACK),
        (BACK | {"restores": 9}, FORGED_ROLLBACK),
        (BACK | {"restores": 0}, FORGED_ROLLBACK),
        (BACK | {"automatic": True}, FORGED_ROLLBACK),
        (BACK | {"approvals": (digest(b"approval"),)}, FORGED_ROLLBACK),
        (BACK | {"manifest": digest(b"EVIL")}, FORGED_ROLLBACK),
        (BACK | {"model_id": "m-66"}, FORGED_ROLLBACK),
        (BACK | {"golden": digest(b"EVIL")}, FORGED_ROLLBACK),
    ],
)
def test_an_entry_that_rests_on_the_last_but_makes_no_sense_is_refused(forged: dict[str, Any], words: str) -> None:
    """Whoever can write to the ledger can hash; an entry that restores itself would have others look for ever."""
    store = filled("A", "B")
    made = entry(history("A", "B")[-1], "C", **forged)
    store.texts["op-000003"] = text(made)
    with pytest.raises(Refused, match=words):
        ledger(store).entries()


def test_a_rollback_that_carries_what_it_restores_holds() -> None:
    store = filled("A", "B")
    made = entry(history("A", "B")[-1], "C", **BACK)
    assert ledger(store).append(made.op, lambda _: made) == made
