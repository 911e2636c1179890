import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ci_lib.measure.intervals import (
    Interval,
    mover_difference,
    mover_mean,
    newcombe,
    order_statistics,
    ratio,
    tango,
    values_needed,
    wilson,
    z_of,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.5, 0.9, 0.95, 0.999])


def test_z_is_the_two_sided_normal_quantile() -> None:
    assert z_of(0.95) == pytest.approx(stats.norm.ppf(0.975), abs=1e-12)


@given(counts, confidences)
def test_wilson_is_scipys(count: tuple[int, int], confidence: float) -> None:
    ci = stats.binomtest(*count).proportion_ci(confidence, method="wilson")
    low, high = wilson(*count, confidence)[1:]
    assert (low, high) == pytest.approx((ci.low, ci.high), abs=1e-9)


@given(counts)
def test_wilson_has_width_and_holds_the_value_even_at_0_and_1(count: tuple[int, int]) -> None:
    value, low, high = wilson(*count, 0.95)
    assert 0 <= low <= value <= high <= 1
    assert high - low > 0.001


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062)],
)
def test_newcombe_gives_the_published_examples(first: Any, second: Any, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873-890, table II, method 10."""
    assert newcombe(first, second, 0.95)[1:] == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_newcombe_turns_its_sign_with_the_groups(first: Any, second: Any) -> None:
    value, low, high = newcombe(first, second, 0.95)
    assert newcombe(second, first, 0.95) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert -1 <= low <= value <= high <= 1
    assert high > low


@given(counts.filter(lambda count: count[0] > 0), counts.filter(lambda count: count[0] > 0))
def test_ratio_inverts_with_the_groups(first: Any, second: Any) -> None:
    value, low, high = ratio(first, second, 0.95)
    assert 0 < low <= value <= high
    assert high > low
    assert ratio(second, first, 0.95) == pytest.approx((1 / value, 1 / high, 1 / low), rel=1e-9)


def test_ratio_of_no_success_starts_at_0_and_is_bounded() -> None:
    value, low, high = ratio((0, 40), (30, 60), 0.95)
    assert (value, low) == (0, 0)
    assert ratio((1, 40), (30, 60), 0.95).high > high > wilson(0, 40, 0.95).high / 0.5


def test_ratio_is_close_to_katz_where_counts_are_large() -> None:
    """Katz et al. 1978, computed here from its formula."""
    deviation = math.sqrt(1 / 3000 - 1 / 6000 + 1 / 4000 - 1 / 6000)
    reach = math.exp(1.959964 * deviation)
    assert ratio((3000, 6000), (4000, 6000), 0.95)[1:] == pytest.approx((0.75 / reach, 0.75 * reach), rel=1e-3)


def test_tango_gives_the_published_example() -> None:
    """Airway hyper-responsiveness, Fagerland, Lydersen & Laake 2014: 1 and 7 discordant of 21."""
    assert tango(1, 7, 21, 0.95) == pytest.approx((-0.286, -0.517, -0.026), abs=5e-4)


@given(st.integers(1, 300), st.data())
def test_tango_inverts_its_own_score_test(n: int, data: st.DataObject) -> None:
    gained = data.draw(st.integers(0, n))
    lost = data.draw(st.integers(0, n - gained))
    value, low, high = tango(gained, lost, n, 0.95)
    assert -1 <= low <= value <= high <= 1
    assert tango(lost, gained, n, 0.95) == pytest.approx((-value, -high, -low), abs=1e-9)
    for end in (low, high):
        if abs(end) < 1 - 1e-9:
            assert abs(_tango_score(gained, lost, n, end)) == pytest.approx(1.959964, abs=1e-3)


def _tango_score(gained: int, lost: int, n: int, delta: float) -> float:
    """Likelihood of the discordant shares under a fixed difference, maximised on a grid refined by SciPy."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 -- the oracle's only

    def unlikely(share: float) -> float:
        parts = [(lost, share), (gained, share + delta), (n - gained - lost, 1 - 2 * share - delta)]
        return -sum(count * math.log(max(part, 1e-300)) for count, part in parts)

    bounds = max(0.0, -delta), (1 - delta) / 2
    found = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    share = min((found.x, *bounds), key=unlikely)
    return (gained - lost - n * delta) / math.sqrt(n * (2 * share + delta * (1 - delta)))


@pytest.mark.parametrize("n", [1, 5, 100])
def test_tango_does_not_take_agreement_for_certainty(n: int) -> None:
    z2 = z_of(0.95) ** 2
    assert tango(0, 0, n, 0.95) == pytest.approx((0, -z2 / (n + z2), z2 / (n + z2)), abs=1e-9)


def test_mover_mean_of_one_part_is_that_part() -> None:
    part = Interval(0.4, 0.1, 0.6)
    assert mover_mean([part]) == pytest.approx(part)


def test_mover_difference_of_symmetric_parts_adds_variances() -> None:
    found = mover_difference(Interval(5, 2, 8), Interval(1, -3, 5))
    assert found == pytest.approx((4, -1, 9))


def test_clamped_widens_to_hold_the_value_and_cuts_to_the_range() -> None:
    assert Interval(0.5, 0.6, 1.2).clamped(0, 1) == (0.5, 0.5, 1)
    assert Interval(0.5, -1, 0.4).clamped(0, 1) == (0.5, 0, 0.5)


@settings(max_examples=60)
@given(st.integers(1, 300), st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.99]), st.sampled_from([0.8, 0.95]))
def test_order_statistics_cover_the_quantile_by_the_binomial_law(n: int, quantile: float, confidence: float) -> None:
    found = order_statistics(list(range(1, n + 1)), quantile, confidence)
    if found is None:
        assert n < values_needed(quantile, confidence)
        return
    tail = (1 - confidence) / 2 + 1e-12
    below, above = int(found.low), int(found.high)
    assert stats.binom.cdf(below - 1, n, quantile) <= tail
    assert stats.binom.sf(above - 1, n, quantile) <= tail
    assert stats.binom.cdf(below, n, quantile) >= tail - 2e-12  # one place further in would miss too often
    assert found.low <= found.value <= found.high


def test_order_statistics_give_the_inverted_distribution_function() -> None:
    values = np.sort(np.random.default_rng(1).exponential(size=401))
    for quantile in (0.25, 0.5, 0.9):
        found = order_statistics(values.tolist(), quantile, 0.95)
        assert found is not None
        assert found.value == np.quantile(values, quantile, method="inverted_cdf")


@pytest.mark.parametrize(("quantile", "needed"), [(0.5, 6), (0.99, 368), (0.01, 368)])
def test_a_quantile_needs_enough_values_for_both_ends(quantile: float, needed: int) -> None:
    assert values_needed(quantile, 0.95) == needed
    assert order_statistics(list(range(needed - 1)), quantile, 0.95) is None
    assert order_statistics(list(range(needed)), quantile, 0.95) is not None
