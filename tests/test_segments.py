"""A ledger of several segments: what stands where, what is read, and what holds over the boundaries."""

import re
from collections.abc import Callable, Mapping

import pytest
from doubles.entries import entry, history, text
from doubles.memory_store import MemoryStore
from doubles.signers import ALPHA, named, signing
from doubles.small_chain import MODEL
from doubles.turns import Shared, Turns
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_lib.entry import sign
from ci_lib.errors import Refused, Unavailable
from ci_lib.ledger import Ledger, copied
from ci_lib.record import digest
from ci_lib.release import Release
from ci_lib.segments import SEAM, Store, place
from ci_lib.signing import INTRUDER

SIZE = 3


def ledger(store: Store) -> Ledger:
    return Ledger(store, model=MODEL, environment="production")


def fill(store: MemoryStore, count: int) -> tuple[Release, ...]:
    """Append until there are so many."""
    there = len(ledger(store).entries())
    for number in range(there, count):
        op = digest(str(number).encode())
        ledger(store).append(op, lambda head, op=op: entry(head, str(number), op=op))  # noqa: B023 -- called here
    return ledger(store).entries()


def filled(count: int) -> MemoryStore:
    store = MemoryStore(size=SIZE)
    fill(store, count)
    return store


def numbers(entries: tuple[Release, ...]) -> list[int]:
    return [each.number for each in entries]


class Counting(MemoryStore):
    """Remembers which segments were read."""

    def __init__(self, segments: list[dict[str, str]]) -> None:
        super().__init__(size=SIZE)
        self.segments = segments
        self.was_read: list[int] = []

    def read(self, segment: int = 1) -> dict[str, str]:
        self.was_read.append(segment)
        return dict(super().read(segment))


@pytest.mark.parametrize(("number", "segment"), [(1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_a_number_has_one_place(number: int, segment: int) -> None:
    assert place(number, SIZE) == segment
    store = filled(number)
    assert f"op-{number:06d}" in store.segments[segment - 1]
    assert len(store.segments) == segment


@pytest.mark.parametrize("count", range(11))
def test_they_read_as_one_ledger(count: int) -> None:
    store = filled(count)
    assert numbers(ledger(store).entries()) == list(range(1, count + 1))
    head = ledger(store).head()
    assert (head.number if head else 0) == count


@pytest.mark.parametrize(
    ("count", "recent", "read"),
    [(2, [1, 2], [1]), (3, [1, 2, 3], [1]), (4, [3, 4], [2]), (6, [3, 4, 5, 6], [2]), (10, [9, 10], [4])],
)
def test_the_head_and_what_is_recent_take_the_newest_segment_alone(
    count: int, recent: list[int], read: list[int]
) -> None:
    store = Counting(filled(count).segments)
    assert numbers(ledger(store).recent()) == recent
    assert store.was_read == read


def test_an_older_release_is_read_from_its_segment_on() -> None:
    store = Counting(filled(10).segments)
    assert ledger(store).at(5).number == 5
    assert sorted(store.was_read) == [2, 3, 4]
    for number in (0, 11):
        with pytest.raises(Refused) as caught:
            ledger(store).at(number)
        assert caught.value.what == f"the ledger does not hold: entry {number} is missing"
        assert caught.value.hint == INTRUDER


def test_an_append_reads_and_writes_as_much_in_the_second_segment_as_in_the_twentieth() -> None:
    seen = []
    for count in (4, 58):
        store = Counting(filled(count).segments)
        op = digest(b"new")
        ledger(store).claim(["nonce"], op)
        ledger(store).append(op, lambda head, op=op: entry(head, op=op))
        newest = len(store.segments)
        seen.append([segment == newest for segment in store.was_read])
    assert seen[0] == seen[1] == [True] * len(seen[0])


def tampered(count: int, change: Callable[[list[dict[str, str]]], None]) -> MemoryStore:
    store = filled(count)
    change(store.segments)
    return store


def forged(after: int) -> str:
    return text(entry(history(*"ABCDEFGHIJ")[after - 1], "EVIL"))


@pytest.mark.parametrize(
    ("change", "words", "recent_too"),
    [
        (lambda all_: all_[2].pop(SEAM), "entry 6 is not a release that ml-release wrote", True),
        (lambda all_: all_[2].update({SEAM: all_[1]["op-000005"]}), "entry 6 calls itself 5", True),
        (lambda all_: all_[2].update({SEAM: forged(5)}), "entry 6 as it is now", True),
        (lambda all_: all_[2].pop("op-000007"), "entry 7 is missing", True),
        (lambda all_: all_[2].update({"op-000005": all_[1]["op-000005"]}), "entry 7 is missing", True),
        (lambda all_: all_[2].update({"op-000009": "junk"}), "entry 9 is not a release", True),
        (lambda all_: all_[1].pop("op-000006"), "entry 6 is missing", False),
        (lambda all_: all_[1].update({"op-000006": forged(5)}), "segment 3 does not begin with entry 6", False),
        (lambda all_: all_[1].update({"op-000005": forged(4)}), "entry 5 does not rest on entry 4", False),
        (lambda all_: all_[0].pop("op-000001"), "entry 1 is missing", False),
        (lambda all_: all_[0].update({"op-000004": all_[1]["op-000004"]}), "entry 4 stands in segment 1", False),
    ],
)
def test_every_change_is_refused(change: Callable[[list[dict[str, str]]], None], words: str, recent_too: bool) -> None:
    """By whoever reads it all; and by a deploy, where it is in what a deploy reads."""
    store = tampered(8, change)
    with pytest.raises(Refused, match=re.escape(words)):
        ledger(store).entries()
    if recent_too:
        with pytest.raises(Refused, match=re.escape(words)):
            ledger(store).recent()
    else:
        assert numbers(ledger(store).recent()) == [6, 7, 8]


def test_a_forged_seam_does_not_hold_where_entries_are_signed() -> None:
    signs = signing(ALPHA, named(ALPHA))
    store = MemoryStore(size=1)
    for content in "AB":
        op = digest(content.encode())
        Ledger(store, model=MODEL, environment="production", signing=signs).append(
            op, lambda head, op=op: entry(head, op=op)
        )
    store.segments[1] = {SEAM: sign(entry(None, "EVIL"), None).text()}
    with pytest.raises(Refused, match=r"entry 1 is unsigned, and release.yml names keys"):
        Ledger(store, model=MODEL, environment="production", signing=signs).head()


def test_a_rollback_that_restores_what_is_not_read_is_held_against_it_by_whoever_reads_it_all() -> None:
    store = filled(4)
    head = ledger(store).head()
    assert head is not None
    back = {"action": "rollback", "approvals": (), "restores": 1, "model_id": "m-1"}
    made = entry(head, "EVIL", **back)
    ledger(store).append(made.op, lambda _: made)
    assert numbers(ledger(store).recent()) == [3, 4, 5]
    with pytest.raises(Refused, match="entry 5 is no rollback that ml-release makes"):
        ledger(store).entries()


def test_an_approval_is_used_once_whatever_segment_the_releases_fall_into() -> None:
    store = filled(2)
    ledger(store).claim(["nonce"], digest(b"one"))
    fill(store, 8)
    with pytest.raises(Refused, match="already used for another release"):
        ledger(store).claim(["nonce"], digest(b"two"))
    assert ledger(store).claim(["nonce"], digest(b"one")).segment == 3


def test_an_operation_that_ran_in_an_earlier_segment_finds_its_entry() -> None:
    store = filled(2)
    op = digest(b"mine")
    first = ledger(store).append(op, lambda head: entry(head, "mine", op=op))
    fill(store, 8)
    assert op not in {each.op for each in ledger(store).recent()}
    assert ledger(store).aim(op).made == first
    assert ledger(store).append(op, lambda head: entry(head, "mine", op=op)) == first
    assert len(ledger(store).entries()) == 8


def test_an_operation_that_was_stopped_before_its_entry_appends_in_a_later_segment_and_finds_its_copy() -> None:
    store = filled(2)
    op = digest(b"mine")
    aim = ledger(store).claim(["nonce"], op)
    ledger(store).note(copied(op), "the copy", aim.segment)
    fill(store, 8)
    again = ledger(store).aim(op)
    assert (aim.segment, again.segment, again.made) == (1, 3, None)
    assert again.notes[copied(op)] == "the copy"
    assert ledger(store).append(op, lambda head: entry(head, "mine", op=op)).number == 9


@pytest.mark.parametrize("junk", ["junk", "0", "-1", "02", "4", "9", "²", "001", "1" * 5000, ""])
def test_whoever_writes_into_an_operations_slots_stops_it(junk: str) -> None:
    store = filled(4)
    op = digest(b"mine")
    store.texts[f"aims-1-{op.removeprefix('sha256:')}"] = junk
    with pytest.raises(Refused) as caught:
        ledger(store).append(op, lambda head: entry(head, op=op))
    slot = f"aims-1-{op.removeprefix('sha256:')}"
    assert caught.value.what == f"the ledger does not hold: {slot} is {junk[:20]!r}, which is no segment"
    assert caught.value.hint == INTRUDER


@pytest.mark.parametrize(("count", "size", "aimed"), [(1, 3, "2"), (4, 3, "3"), (8, 1, "10")])
def test_a_run_that_has_seen_a_newer_head_is_waited_for_and_is_no_forgery(count: int, size: int, aimed: str) -> None:
    """Somebody's next segment may not be open yet."""
    store = MemoryStore(size=size)
    fill(store, count)
    op = digest(b"mine")
    store.texts[f"aims-1-{op.removeprefix('sha256:')}"] = aimed
    with pytest.raises(Unavailable, match="written by others all the time"):
        ledger(store).append(op, lambda head: entry(head, op=op))


class Opening(MemoryStore):
    """Remembers which segments were asked to be opened."""

    opened: tuple[int, ...] = ()

    def add(self, segment: int, texts: Mapping[str, str]) -> None:
        self.opened += (segment,)
        super().add(segment, texts)


@pytest.mark.parametrize(("count", "opened"), [(0, ()), (1, ()), (2, ()), (3, (2,)), (4, ()), (5, ()), (6, (3,))])
def test_a_segment_is_opened_once_the_one_before_is_full(count: int, opened: tuple[int, ...]) -> None:
    store = Opening(size=SIZE)
    store.segments = filled(count).segments
    ledger(store).aim(digest(b"mine"))
    assert store.opened == opened


def test_an_operation_finds_what_it_noted_in_each_segment_that_it_aimed_at() -> None:
    store = filled(2)
    op = digest(b"mine")
    for count, segment in ((2, 1), (4, 2), (7, 3)):
        fill(store, count)
        assert ledger(store).aim(op).segment == segment
        assert ledger(store).note(f"note {segment}", "text", segment) == "text"
        assert store.segments[segment - 1][f"note {segment}"] == "text"
    assert set(ledger(store).aim(op).notes) == {"note 1", "note 2", "note 3"}


def test_what_is_noted_in_a_full_segment_is_not_of_an_operation_that_never_aimed_there() -> None:
    store = filled(3)
    ledger(store).note("another's", "text")
    assert ledger(store).aim(digest(b"mine")).notes == {}


def test_all_are_read_also_where_each_entry_has_a_segment_of_its_own() -> None:
    """The seam of the second segment repeats the first entry, and is no reason not to read the first."""
    store = MemoryStore(size=1)
    fill(store, 3)
    assert numbers(ledger(store).entries()) == [1, 2, 3]
    store.segments[0]["op-000001"] = "junk"
    for read in (ledger(store).entries, ledger(store).signed, lambda: ledger(store).entries(1)):
        with pytest.raises(Refused, match="entry 1 is not a release"):
            read()


def test_what_was_taken_over_need_not_be_in_the_segments_that_are_read() -> None:
    store = MemoryStore(size=1)
    first = fill(store, 1)[0]
    signs = Ledger(
        store,
        model=MODEL,
        environment="production",
        signing=signing(ALPHA, named(ALPHA), unsigned_until=first.digest()),
    )
    op = digest(b"mine")
    for number in range(3):
        signs.aim(op)
        made = digest(f"signed {number}".encode())
        signs.append(made, lambda head, made=made: entry(head, op=made))
    assert numbers(signs.recent()) == [3, 4]
    assert signs.aim(op).segment == 5


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=90), st.integers(0, 3))
def test_whatever_turns_they_take_one_approval_makes_one_release(schedule: list[int], there: int) -> None:
    """Two runs of one job, and another operation with the same approval, at every place around a boundary."""
    store = Shared(size=2)
    fill(store, there)
    turns = Turns(schedule)
    store.turns = turns
    one, two = digest(b"one"), digest(b"two")

    def release(op: str) -> Callable[[], Release]:
        def act() -> Release:
            ledger(store).claim(["nonce"], op)
            return ledger(store).append(op, lambda head: entry(head, op, op=op))

        return act

    def others() -> None:
        for number in range(3):
            op = digest(f"other {number}".encode())
            ledger(store).append(op, lambda head, op=op: entry(head, op, op=op))

    ended = turns.run(release(one), release(one), release(two), others)
    store.turns = None
    entries = ledger(store).entries()
    made = [each for each in entries if each.op in {one, two}]
    assert len(made) == 1
    assert len(entries) == there + 4
    winners = ended[:2] if made[0].op == one else ended[2:3]
    assert winners == made * len(winners)
    losers = ended[2:3] if made[0].op == one else ended[:2]
    assert [type(each) for each in losers] == [Refused] * len(losers)
