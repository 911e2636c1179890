"""Which release a rollback chooses, and what makes two operations the same."""

import pytest
from doubles.entries import history
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.errors import BadInput
from ci_lib.record import digest
from ci_lib.release import choose, deploy_op, restorable, rollback_op

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
    [["A", "A"], ["A", "B", 1], ["A", "B", "B", 1], ["A", "B", "C", 2, 1]],
)
def test_nothing_to_go_back_to_is_bad_input_that_names_the_way_out(steps: list[str | int]) -> None:
    with pytest.raises(BadInput, match="no good release") as error:
        choose(history(*steps), None)
    assert "--to N" in error.value.hint


def test_before_the_first_release_there_is_only_another_candidate() -> None:
    with pytest.raises(BadInput, match="before release 1: it is the first") as error:
        choose(history("A"), None)
    assert "ml-release run" in error.value.hint


def test_an_empty_ledger_has_nothing_to_roll_back() -> None:
    assert restorable(()) == ()
    with pytest.raises(BadInput, match="nothing has been released"):
        choose((), 1)


@pytest.mark.parametrize("to", [0, -1, 4])
def test_a_release_that_never_was_is_bad_input(to: int) -> None:
    with pytest.raises(BadInput, match=f"no release {to}; the ledger has 1 to 3"):
        choose(history("A", "B", "C"), to)


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
    others = [{"environment": "staging"}, {"to": 3}, {"leaves": E}, {"reason": "worse"}, {"pipeline": "p2"}]
    assert len({rollback_op(**base | other) for other in [{}, *others]}) == 6
