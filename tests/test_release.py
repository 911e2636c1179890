"""Which release a rollback chooses, and what makes two operations the same."""

import json

import pytest
from doubles.entries import history
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.errors import BadInput
from ci_lib.record import digest
from ci_lib.release import choose, deploy_op, restorable, rollback_op, shortened

M, E = digest(b"m"), digest(b"e")


@pytest.mark.parametrize(
    ("steps", "chosen"),
    [
        (["A", "B"], 1),
        (["A", "B", "C"], 2),
        (["A", "B", "B"], 1),  # the same bytes released twice are no way back
        (["A", "B", "C", 2], 1),  # C was left, B is what is there
        (["A", "B", "C", 2, "D"], 4),  # the rollback itself is the last good release
        (["A", "B", "C", 1, "D"], 4),
        (["A", "B", "C", 2, 1, "D"], 5),
        (["A", "B", 1, "B", "C"], 4),  # left once, approved again since
    ],
)
def test_a_rollback_goes_to_the_last_release_with_other_bytes_that_none_has_left(
    steps: list[str | int], chosen: int
) -> None:
    assert choose(history(*steps), None).number == chosen


@pytest.mark.parametrize(
    "steps",
    [["A", "A"], ["A", "B", 1], ["A", "B", "B", 1], ["A", "B", "C", 2, 1], ["A", "A", 1, "B"]],
)
def test_nothing_to_go_back_to_is_bad_input_that_names_the_way_out(steps: list[str | int]) -> None:
    with pytest.raises(BadInput, match="no good release") as error:
        choose(history(*steps), None)
    message = f"there is no good release to go back to before release {len(steps)}"
    assert error.value.what == f"{message}: each was left by a rollback, or has the same bytes"
    assert error.value.hint == ("ml-release history, then name one yourself: ml-release rollback --to N --reason …")


def test_before_the_first_release_there_is_only_another_candidate() -> None:
    with pytest.raises(BadInput, match="before release 1: it is the first") as error:
        choose(history("A"), None)
    assert error.value.hint == "ml-release run trains another candidate"


def test_an_empty_ledger_has_nothing_to_roll_back() -> None:
    assert restorable(()) == ()
    with pytest.raises(BadInput) as error:
        choose((), 1)
    assert error.value.what == "nothing has been released yet, so there is nothing to roll back"
    assert error.value.hint == "ml-release status"


@pytest.mark.parametrize("to", [0, -1, 4])
def test_a_release_that_never_was_is_bad_input(to: int) -> None:
    with pytest.raises(BadInput, match=f"no release {to}; the ledger has 1 to 3") as error:
        choose(history("A", "B", "C"), to)
    assert error.value.hint == "ml-release history"


def test_a_named_release_is_taken_even_if_it_was_left() -> None:
    assert choose(history("A", "B", 1), 2).number == 2


@given(st.lists(st.sampled_from(["A", "B", "C", "back"]), max_size=12))
def test_rolling_back_again_and_again_never_returns_to_bytes_that_were_left(steps: list[str]) -> None:
    """After deploys and default rollbacks, each further default rollback ends, without visiting any bytes twice."""
    made: list[str | int] = []
    for step in steps:
        if step != "back":
            made.append(step)
        elif ways := restorable(history(*made)):
            made.append(ways[0].number)
    visited: list[str] = []
    while ways := restorable(history(*made)):
        assert ways[0].manifest != history(*made)[-1].manifest
        visited.append(ways[0].manifest)
        made.append(ways[0].number)
        assert len(visited) == len(set(visited)) <= len(steps)


def test_a_deploy_is_known_by_its_bytes_and_its_approvals_in_any_order() -> None:
    one = deploy_op(environment="production", model="loan", manifest=M, evidence=E, nonces=["a", "b"])
    assert one == deploy_op(environment="production", model="loan", manifest=M, evidence=M, nonces=["b", "a"])
    others = [
        deploy_op(environment="staging", model="loan", manifest=M, evidence=E, nonces=["a", "b"]),
        deploy_op(environment="production", model="loans", manifest=M, evidence=E, nonces=["a", "b"]),
        deploy_op(environment="production", model="loan", manifest=E, evidence=E, nonces=["a", "b"]),
        deploy_op(environment="production", model="loan", manifest=M, evidence=E, nonces=["a"]),
        deploy_op(environment="production", model="loan", manifest=M, evidence=E, nonces=[]),
        deploy_op(environment="production", model="loan", manifest=M, evidence=M, nonces=[]),
    ]
    assert len({one, *others}) == 7


def test_a_rollback_is_known_by_what_it_leaves_why_and_from_which_pipeline() -> None:
    base = {"environment": "production", "model": "loan", "to": None, "leaves": M, "reason": "bad", "pipeline": "p1"}
    others = [
        {"environment": "staging"}, {"model": "loans"}, {"to": 3}, {"to": 4}, {"leaves": E}, {"reason": "worse"},
        {"pipeline": "p2"},
    ]  # fmt: skip
    assert len({rollback_op(**base | other) for other in [{}, *others]}) == 8


def test_an_operations_identity_is_the_hash_of_what_it_is_known_by() -> None:
    """It stands in every ledger: with another one, a job that is run again after an update would release twice."""

    def hashed(*parts: str) -> str:
        return digest(json.dumps(parts, indent=2).encode() + b"\n")

    known = {"environment": "production", "model": "loan"}
    deploys = deploy_op(**known, manifest=M, evidence=E, nonces=["b", "a"])
    assert deploys == hashed("deploy", "production", "loan", M, "a", "b")
    why = {"leaves": E, "reason": "bad", "pipeline": "p1"}
    assert rollback_op(**known, to=3, **why) == hashed("rollback", "production", "loan", "3", E, "bad", "p1")
    assert rollback_op(**known, to=None, **why) == hashed("rollback", "production", "loan", "last good", E, "bad", "p1")


@pytest.mark.parametrize(
    ("letter", "given", "kept"),
    [("x", 1998, 1998), ("ä", 333, 333), ("x", 1999, 1799), ("x", 2220, 1998), ("x", 100_000, 1821), ("ä", 334, 300)],
)
def test_a_reason_is_cut_only_where_it_is_longer_than_the_ledger_keeps(letter: str, given: int, kept: int) -> None:
    assert shortened(letter * given) == letter * kept + (" …" if kept < given else "")
