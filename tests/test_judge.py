"""The judge: one interval against one limit."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ci_lib import judge
from ci_lib.judge import Limit
from ci_lib.measurement import Measurement, Scale, Scope


def measured(
    value: float | None, low: float | None = None, high: float | None = None, scale: Scale = "identity", n: int = 100
) -> Measurement:
    return Measurement(
        metric="roc_auc", scope=Scope(of="candidate"), value=value, low=low, high=high, scale=scale, n=n, method="test"
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "limit", "expected"),
    [
        (0.80, 0.75, 0.85, (0.70, None), "pass"),
        (0.80, 0.65, 0.85, (0.70, None), "across"),
        (0.60, 0.55, 0.65, (0.70, None), "fail"),
        (0.60, 0.55, 0.75, (0.70, None), "across"),
        (5.0, 4.0, 6.0, (None, 10.0), "pass"),
        (12.0, 11.0, 13.0, (None, 10.0), "fail"),
        (0.0, -0.05, 0.05, (-0.1, 0.1), "pass"),
        (0.2, 0.15, 0.25, (-0.1, 0.1), "fail"),
        (-0.2, -0.25, -0.15, (-0.1, 0.1), "fail"),
        (3.0, None, None, (None, 0.0), "fail"),
        (0.0, None, None, (None, 0.0), "pass"),
        (0.85 - 0.80, None, None, (0.05, None), "pass"),
    ],
)
def test_an_interval_on_one_side_of_the_limit_settles_it(
    value: float, low: float | None, high: float | None, limit: Limit, expected: str
) -> None:
    found = measured(value, low, high)
    passes, fails = judge.is_pass(found, limit), judge.failing([(found, limit)], 0.95)[0]
    assert (passes, fails) == (expected == "pass", expected == "fail")


def test_a_number_that_is_not_there_neither_passes_nor_fails() -> None:
    found = measured(None)
    assert not judge.is_pass(found, (0.0, None))
    assert judge.failing([(found, (0.0, None))], 0.95) == [False]
    assert judge.rows_needed(found, (0.0, None)) is None


def test_one_of_many_must_be_clearer_to_fail_than_one_alone() -> None:
    barely = measured(0.60, 0.505, 0.695)
    assert judge.failing([(barely, (0.70, None))], 0.95) == [True]
    fine = measured(0.80, 0.75, 0.85)
    assert judge.failing([(barely, (0.70, None))] + [(fine, (0.70, None))] * 9, 0.95)[0] is False


def test_a_clear_fail_makes_room_for_the_next_one() -> None:
    clear, barely = measured(0.2, 0.15, 0.25), measured(0.60, 0.505, 0.695)
    together = judge.failing([(barely, (0.70, None)), (clear, (0.70, None))], 0.95)
    assert together == [True, True]


def test_the_log_scale_is_used_where_the_measurement_names_it() -> None:
    ratio = measured(0.5, 0.5 / 1.5, 0.5 * 1.5, scale="log")
    expected = math.log(0.8 / 0.5) / math.log(1.5) * 1.959963984540054
    assert judge.badness(ratio, (0.8, None)) == pytest.approx(expected)


def test_a_zero_on_a_log_scale_falls_back_to_the_plain_distance() -> None:
    nothing = measured(0.0, 0.0, 0.1, scale="log")
    assert judge.badness(nothing, (0.8, None)) > 10


def test_the_logit_scale_is_used_where_the_measurement_names_it() -> None:
    share = measured(0.9, 0.8, 0.95, scale="logit")
    half = math.log(0.95 / 0.05) - math.log(0.9 / 0.1)
    assert judge.badness(share, (0.97, None)) == pytest.approx(
        (math.log(0.97 / 0.03) - math.log(9)) / half * 1.95996, rel=1e-4
    )


@pytest.mark.parametrize("confidence", [0.0, 1.0, 2.0, -0.5])
def test_a_confidence_that_is_none_cannot_be_written_down(confidence: float) -> None:
    with pytest.raises(ValidationError, match="confidence"):
        Measurement(
            metric="roc_auc", scope=Scope(of="candidate"), value=0.5, n=1, method="test", confidence=confidence
        )  # fmt: skip


def test_rows_needed_grow_with_the_square_of_the_width() -> None:
    found = measured(0.75, 0.65, 0.85, n=100)
    assert judge.rows_needed(found, (0.70, None)) == 400


@pytest.mark.parametrize(
    "found",
    [measured(0.70, 0.65, 0.75), measured(0.90, 0.85, 0.95), measured(0.7000001, 0.2, 0.9, n=10_000_000)],
    ids=["on the limit", "settled already", "beyond any data set"],
)
def test_no_number_of_rows_is_named_where_none_makes_sense(found: Measurement) -> None:
    assert judge.rows_needed(found, (0.70, None)) is None


def test_no_limit_means_no_number_of_rows() -> None:
    assert judge.rows_needed(measured(0.7, 0.6, 0.8), (None, None)) is None


numbers = st.floats(-10, 10, allow_nan=False)


@given(numbers, st.floats(0, 5), st.floats(0, 5), numbers, st.floats(0, 5))
def test_a_tighter_limit_never_turns_no_into_yes(
    value: float, down: float, up: float, limit: float, tighter: float
) -> None:
    found = measured(value, value - down, value + up)
    if judge.is_pass(found, (limit + tighter, None)):
        assert judge.is_pass(found, (limit, None))
    if judge.failing([(found, (limit, None))], 0.95)[0]:
        assert judge.failing([(found, (limit + tighter, None))], 0.95)[0]


@given(numbers, st.floats(0, 5), st.floats(0, 5), numbers)
def test_nothing_both_passes_and_fails(value: float, down: float, up: float, limit: float) -> None:
    found = measured(value, value - down, value + up)
    assert not (judge.is_pass(found, (limit, None)) and judge.failing([(found, (limit, None))], 0.95)[0])


shares = st.floats(0, 1, allow_nan=False)


@given(st.sampled_from(["identity", "log", "logit"]), st.lists(shares, min_size=3, max_size=3), shares, st.booleans())
@example("log", [0.0, 0.5, 1.0], 0.3, False)
@example("logit", [0.985, 0.99, 0.995], 1.0, True)
@example("log", [0.4, 0.5, 0.6], 0.0, False)
def test_one_alone_fails_when_its_whole_interval_is_outside_and_never_else(
    scale: Scale, ends: list[float], bound: float, least: bool
) -> None:
    """On every scale, also where an end or the limit has no finite image on it."""
    low, value, high = sorted(ends)
    found = measured(value, low, high, scale=scale)
    outside = high < bound if least else low > bound
    near = min(abs(high - bound), abs(low - bound)) < 1e-6
    failed = judge.failing([(found, (bound, None) if least else (None, bound))], 0.95)[0]
    assert near or failed == outside


def test_float_noise_does_not_take_a_number_off_its_limit() -> None:
    assert judge.inside(0.0, (judge.SLACK, None))
    assert judge.inside(0.0, (None, -judge.SLACK))
    assert not judge.inside(0.0, (2 * judge.SLACK, None))
    assert not judge.inside(0.0, (None, -2 * judge.SLACK))


@pytest.mark.parametrize("value", [None, 0.7, 0.8])
def test_what_is_not_on_the_bad_side_is_not_bad(value: float | None) -> None:
    assert judge.badness(measured(value), (0.7, None)) == 0


@pytest.mark.parametrize("limit", [(7.0, None), (None, 5.0)])
def test_an_interval_that_ends_on_the_limit_does_not_fail(limit: Limit) -> None:
    """Ends belong to the good side, so not all of it is on the bad side."""
    found = measured(6.0, 5.0, 7.0)
    assert judge.failing([(found, limit)], 0.95) == [False]
    assert not judge.is_pass(found, limit)


@pytest.mark.parametrize(
    ("found", "limit", "rows"),
    [
        (measured(0.75, 0.35, 0.80), (0.65, None), 1600),  # from the end that points to the limit
        (measured(0.75, 0.70, 1.15), (None, 0.85), 1600),
        (measured(0.75, 0.65, 0.85), (0.0, 0.80), 400),  # to the nearer of two limits
        (measured(0.75, 0.65, 0.85), (0.70, 2.0), 400),
        (measured(4.0, 1.0, 16.0, scale="log"), (2.0, None), 400),
        (measured(6.0, 5.0, 7.0), (5.0, None), None),  # it ends on the limit, which is settled
        (measured(6.0, 4.0, 8.0, n=250_000_000), (5.0, None), 1_000_000_000),
        (measured(6.0, 4.0, 8.0, n=250_000_001), (5.0, None), None),
    ],
)
def test_rows_needed_are_told_by_the_nearer_limit_and_the_half_that_points_to_it(
    found: Measurement, limit: Limit, rows: int | None
) -> None:
    assert judge.rows_needed(found, limit) == pytest.approx(rows, abs=1), "rounded up"


@pytest.mark.parametrize(
    ("value", "low", "high", "limit"),
    [
        (0.0, 0.0, 0.2, (0.5, None)),
        (1.0, 0.8, 1.0, (None, 0.5)),
        (0.4, 0.0, 0.6, (None, 0.2)),
        (0.5, 0.4, 1.0, (0.9, None)),
        (0.5, 0.2, 0.7, (None, 0.0)),
        (0.5, 0.2, 0.7, (1.0, None)),
    ],
)
def test_a_share_of_none_or_all_falls_back_to_the_plain_distance(
    value: float, low: float, high: float, limit: Limit
) -> None:
    """The value, the limit or the end of the interval: none of them may be 0 or 1 on a logit scale."""
    plain = judge.badness(measured(value, low, high), limit)
    assert judge.badness(measured(value, low, high, scale="logit"), limit) == plain > 0
