"""Intervals hold the truth as often as they say: exactly, by counting, where that is possible, else simulated."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ci_lib.measure import bootstrap, confusion, losses
from ci_lib.measure.intervals import Interval, newcombe, order_statistics, ratio, tango, wilson
from ci_lib.measure.predictions import Predictions
from ci_lib.measure.ranking import auc_difference, auc_interval, placements


def likely(n: int, share: float) -> list[tuple[int, float]]:
    """Return counts that are at all likely, with their probabilities."""
    law = stats.binom(n, share)
    return [(count, law.pmf(count)) for count in range(int(law.ppf(1e-5)), int(law.ppf(1 - 1e-5)) + 1)]


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


@pytest.mark.parametrize("n", [20, 60, 300])
def test_wilson(n: int) -> None:
    shares = np.linspace(0.05, 0.95, 37)
    coverage = [sum(p for count, p in likely(n, share) if holds(wilson(count, n, 0.95), share)) for share in shares]
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)
    assert min(coverage) > 0.9


PAIRS = [(30, 0.9, 300, 0.95), (40, 0.3, 60, 0.5), (100, 0.68, 500, 0.9), (60, 0.1, 200, 0.1)]


@pytest.mark.parametrize("interval", [newcombe, ratio])
@pytest.mark.parametrize(("n", "share", "m", "other"), PAIRS)
def test_differences_and_ratios_of_shares(
    interval: Callable[..., Interval], n: int, share: float, m: int, other: Any
) -> None:
    truth = share - other if interval is newcombe else share / other
    coverage = sum(
        p * q
        for x, p in likely(n, share)
        for y, q in likely(m, other)
        if y and holds(interval((x, n), (y, m), 0.95), truth)
    )
    assert 0.93 < coverage < 0.975


@pytest.mark.parametrize(("n", "gain", "loss"), [(60, 0.1, 0.1), (200, 0.02, 0.05), (400, 0.1, 0.04)])
def test_tango(n: int, gain: float, loss: float) -> None:
    draws = np.random.default_rng(1).multinomial(n, [gain, loss, 1 - gain - loss], size=1000)
    coverage = np.mean([holds(tango(int(x), int(y), n, 0.95), gain - loss) for x, y, _ in draws])
    assert 0.93 < coverage < 0.975


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_order_statistics_hold_at_least_as_often(quantile: float) -> None:
    generator = np.random.default_rng(1)
    truth = stats.expon.ppf(quantile)
    found = [order_statistics(np.sort(generator.exponential(size=80)).tolist(), quantile, 0.95) for _ in range(1000)]
    assert 0.94 < np.mean([holds(interval, truth) for interval in found]) < 0.985


def scored(
    generator: np.random.Generator, positives: int, negatives: int, noise: tuple[float, float]
) -> tuple[Any, ...]:
    """Truth and scores of two models that share part of their error; areas by the normal law."""
    truth = np.repeat([1, 0], [positives, negatives])
    shared = generator.normal(size=len(truth))
    own = [spread * generator.normal(size=len(truth)) for spread in noise]
    return truth, [truth * 1.5 + shared + each for each in own]


@pytest.mark.parametrize(("positives", "negatives"), [(8, 30), (30, 30), (20, 200)])
def test_areas_and_their_paired_difference(positives: int, negatives: int) -> None:
    generator = np.random.default_rng(1)
    noise = (0.5, 1.0)
    areas = [stats.norm.cdf(1.5 / np.sqrt(2 * (1 + spread**2))) for spread in noise]
    single, paired = [], []
    for _ in range(1500):
        truth, scores = scored(generator, positives, negatives, noise)
        first, second = (placements(truth, each) for each in scores)
        single.append(holds(auc_interval(first, 0.95)[0], areas[0]))
        paired.append(holds(auc_difference(first, second, 0.95)[0], areas[0] - areas[1]))
    assert 0.93 < np.mean(single) < 0.98
    assert np.mean(paired) > 0.93  # with few positives more: the models are then taken as independent


def test_draws_of_counts() -> None:
    """Macro F1 of three classes, 60 rows."""
    generator = np.random.default_rng(1)
    law = np.array([[20, 4, 2], [3, 15, 3], [1, 2, 10]]) / 60
    truth = float(confusion.macro_f1(confusion.Margins(np.diag(law), law.sum(1), law.sum(0))))
    held = []
    for _ in range(250):
        cells = generator.choice(9, 60, p=law.ravel())
        actual, decided = cells // 3, cells % 3
        value = float(confusion.macro_f1(confusion.margins(actual, decided, 3)))
        drawn = confusion.draws(confusion.macro_f1, actual, decided, 3, seed=0)
        held.append(holds(bootstrap.percentiles(value, drawn, 0.95), truth))
    assert 0.92 < np.mean(held) < 0.98


def test_draws_of_rows() -> None:
    """Mean absolute error of 25 rows with normal errors."""
    generator = np.random.default_rng(1)
    loss = losses.LOSSES["mean_absolute_error"]
    held = []
    for _ in range(300):
        model = Predictions(task="regression", scores=generator.normal(size=25))
        columns = loss.columns(np.zeros(25), model)
        drawn = bootstrap.of_means(columns, loss.combine, seed=0)
        held.append(holds(bootstrap.percentiles(loss.value(columns), drawn, 0.95, rows=25), np.sqrt(2 / np.pi)))
    assert 0.92 < np.mean(held) < 0.98
