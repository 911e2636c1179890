from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import iqr, wasserstein_distance

from ci_lib.evidence import Profile
from ci_lib.measure import drift


def measured(profile: Profile, values: Any, seed: int = 0, confidence: float = 0.95) -> Any:
    return drift.measure(profile, np.asarray(values), seed=seed, confidence=confidence)


def normal(rows: int, seed: int = 0, shift: float = 0.0) -> NDArray[Any]:
    return np.random.default_rng(seed).normal(loc=shift, size=rows)


def letters(rows: int, seed: int = 0, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> NDArray[Any]:
    return np.random.default_rng(seed).choice(list("abc"), rows, p=shares)


NUMBERS = drift.profile("income", normal(2000), "number")
LETTERS = drift.profile("region", letters(2000), "category")


def test_a_profile_sums_up_numbers() -> None:
    found = drift.profile("income", np.array([3.0, np.nan, 1.0, 2.0, np.inf]), "number")
    assert (found.column, found.kind, found.n, found.missing) == ("income", "number", 5, 2)
    assert found.quantiles == pytest.approx(np.quantile([1, 2, 3], np.linspace(0, 1, 201)))


def test_a_profile_sums_up_categories_with_the_most_frequent_first() -> None:
    found = drift.profile("region", np.array(["b", "a", None, "b"], dtype=object), "category")
    assert (found.n, found.missing, found.counts) == (4, 1, {"b": 2, "a": 1})
    assert list(found.counts) == ["b", "a"]


def test_a_profile_pools_rare_levels() -> None:
    found = drift.profile("id", np.arange(300), "category")
    assert len(found.counts) == 201
    assert found.counts[drift.OTHER] == 100


def test_a_profile_of_nothing_is_empty() -> None:
    assert drift.profile("x", np.array([np.nan]), "number").quantiles == ()
    assert drift.profile("x", np.array([None]), "category").counts == {}


@pytest.mark.parametrize("rows", [20, 200, 3000])
@pytest.mark.parametrize("shift", [0, 0.3, 2])
def test_the_distance_is_scipys_over_the_interquartile_range(rows: int, shift: float) -> None:
    batch = normal(rows, seed=1, shift=shift)
    expected = wasserstein_distance(normal(2000), batch) / iqr(normal(2000))
    assert measured(NUMBERS, batch).value == pytest.approx(expected, abs=0.01)


def test_the_distance_does_not_depend_on_the_unit() -> None:
    batch = normal(200, seed=1, shift=0.5)
    pounds = drift.profile("income", normal(2000) * 1e6 + 5, "number")
    there, back = measured(NUMBERS, batch), measured(pounds, batch * 1e6 + 5)
    assert (there.value, there.low, there.high) == pytest.approx((back.value, back.low, back.high), rel=1e-6)


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.2), (0.2, 0.2, 0.6), (0, 0, 1)])
def test_the_distance_of_categories_is_scipys(shares: tuple[float, ...]) -> None:
    batch = letters(300, seed=1, shares=shares)
    reference = [LETTERS.counts[name] for name in "abc"]
    expected = jensenshannon(reference, [np.sum(batch == name) for name in "abc"], base=2)
    assert measured(LETTERS, batch).value == pytest.approx(expected, abs=1e-9)


def test_levels_that_share_nothing_are_at_distance_1() -> None:
    found = measured(LETTERS, ["z"] * 50)
    assert (found.value, found.high) == (pytest.approx(1), pytest.approx(1))
    assert "50 rows with levels that the reference does not have" in found.note


def test_rare_levels_are_pooled_in_the_batch_too() -> None:
    ids = np.arange(6000) % 300
    reference = drift.profile("id", np.concatenate([ids, ids[ids < 200]]), "category")
    found = measured(reference, np.concatenate([ids, ids[ids < 200], ["new"] * 10]))
    assert found.value < 0.03
    assert found.note == ""


def test_metric_scope_and_rows_are_those_of_the_column() -> None:
    found = measured(NUMBERS, normal(50))
    assert (found.metric, found.scope.of, found.scope.feature, found.n) == (
        "wasserstein_distance", "batch", "income", 50
    )  # fmt: skip
    assert measured(LETTERS, letters(50)).metric == "jensen_shannon_distance"


@pytest.mark.parametrize("rows", [50, 200, 2000, 20_000])
def test_without_drift_no_rule_is_broken_and_many_rows_show_it(rows: int) -> None:
    for found in (measured(NUMBERS, normal(rows, seed=5)), measured(LETTERS, letters(rows, seed=5))):
        assert found.low < 0.02
        assert rows != 50 or found.high > 0.1
        assert rows < 2000 or found.high < 0.1


@pytest.mark.parametrize("rows", [100, 1000])
def test_clear_drift_breaks_the_rule(rows: int) -> None:
    assert measured(NUMBERS, normal(rows, seed=5, shift=1)).low > 0.1
    assert measured(LETTERS, letters(rows, seed=5, shares=(0.1, 0.2, 0.7))).low > 0.1


def test_a_tiny_shift_of_very_many_rows_is_significant_but_no_effect() -> None:
    reference = drift.profile("x", normal(200_000), "number")
    found = measured(reference, normal(200_000, seed=1, shift=0.03))
    assert 0 < found.low < found.high < 0.1


def test_false_alarms_stay_rare_over_many_columns() -> None:
    """A low end above 0 without drift, in 60 columns of 60 rows, where a limit on the distance alone alarms in most."""
    alarms = sum(
        measured(drift.profile("x", normal(1000, seed=seed), "number"), normal(60, seed=1000 + seed)).low > 0
        for seed in range(60)
    )
    assert alarms <= 4


def test_a_batch_that_spreads_more_than_the_reference_has_its_own_uncertainty() -> None:
    wide = normal(40, seed=3) * 20
    narrow = measured(NUMBERS, normal(40, seed=3))
    assert measured(NUMBERS, wide).high - measured(NUMBERS, wide).value > 3 * (narrow.high - narrow.value)


def test_a_small_reference_widens_the_interval() -> None:
    small = drift.profile("x", normal(100), "number")
    batch = normal(1000, seed=1)
    found, certain = measured(small, batch), measured(NUMBERS, batch)
    assert found.high - found.value > 1.5 * (certain.high - certain.value)


@pytest.mark.parametrize(
    ("profile", "values", "says"),
    [
        (NUMBERS, normal(19), "19 values, 20 needed"),
        (LETTERS, letters(19), "19 values, 20 needed"),
        (NUMBERS, [], "0 values, 20 needed"),
        (NUMBERS, [np.nan] * 30, "0 values, 20 needed; missing: 30 of 30, in the reference 0 of 2000"),
        (NUMBERS, [np.inf] * 30, "infinite values"),
        (NUMBERS, ["high"] * 30, "not numbers"),
        (NUMBERS, np.array([object()] * 30), "not numbers"),
        (NUMBERS, [1e308, -1e308] * 15, "not finite"),
        (drift.profile("x", np.full(50, np.nan), "number"), normal(30), "the reference has no values"),
        (drift.profile("x", np.array([None] * 50), "category"), letters(30), "the reference has no values"),
        (drift.profile("x", np.full(50, 7.0), "number"), [7.0] * 20 + [8.0] * 10, "10 of 30 rows differ"),
    ],
)
def test_what_cannot_be_assessed_is_none_with_the_reason(profile: Profile, values: Any, says: str) -> None:
    found = measured(profile, values)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.note.startswith("not assessable: ")
    assert says in found.note


def test_missing_values_are_left_out_and_counted() -> None:
    batch = np.concatenate([normal(50), [np.nan] * 5])
    found = measured(NUMBERS, batch)
    assert (found.n, found.value) == (50, measured(NUMBERS, normal(50)).value)
    assert found.note == "missing: 5 of 55, in the reference 0 of 2000"
    assert measured(LETTERS, np.array([*letters(50), None], dtype=object)).n == 50


def test_a_column_that_is_constant_in_its_middle_is_scaled_by_its_deviation() -> None:
    rare = drift.profile("x", np.array([0.0] * 9000 + [1.0] * 1000), "number")
    found = measured(rare, [0.0] * 45 + [1.0] * 45)
    assert found.value == pytest.approx(0.4 / 0.3, abs=0.05)


def test_a_constant_that_stays_so_has_not_drifted() -> None:
    found = measured(drift.profile("x", np.full(50, 7.0), "number"), [7.0] * 30)
    assert (found.value, found.low, found.high, found.method) == (0, 0, 0, "constant")


def test_integers_read_as_floats_are_the_same_levels() -> None:
    reference = drift.profile("children", np.array([0, 1, 2] * 30), "category")
    batch = pd.Series([0, 1, 2, None] * 30).to_numpy()
    assert measured(reference, batch).value == pytest.approx(0, abs=1e-7)


@settings(max_examples=25)
@given(st.lists(st.floats(-1e6, 1e6), min_size=20, max_size=60), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter_and_the_interval_holds_the_value(values: Any, seed: int) -> None:
    there, back = (measured(NUMBERS, batch, seed=seed) for batch in (values, sorted(values)))
    assert there == back
    assert 0 <= there.low <= there.value <= there.high
