from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ci_lib.measure import bootstrap


def mean(means: NDArray[Any]) -> NDArray[Any]:
    return means[:, 0]


def test_draws_of_a_mean_spread_as_the_mean_does() -> None:
    values = np.random.default_rng(1).normal(size=(400, 1))
    drawn = bootstrap.of_means(values, mean, seed=0)
    assert len(drawn) == bootstrap.DRAWS
    assert np.mean(drawn) == pytest.approx(values.mean(), abs=0.01)
    assert np.std(drawn) == pytest.approx(values.std() / np.sqrt(401), rel=0.05)


def test_blocks_of_many_rows_spread_as_the_rows_do() -> None:
    values = np.random.default_rng(1).exponential(size=(3 * bootstrap.BLOCKS + 7, 1))
    drawn = bootstrap.of_means(values, mean, seed=0)
    assert np.mean(drawn) == pytest.approx(values.mean(), abs=0.001)
    assert np.std(drawn) == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.06)


@pytest.mark.parametrize(("rows", "draws"), [(1, 2000), (20_000, 2000), (40_000, 1000), (10_000_000, 500)])
def test_many_rows_are_drawn_less_often_but_never_less_than_500_times(rows: int, draws: int) -> None:
    assert bootstrap.draws_of(rows) == draws


def test_rows_are_drawn_in_parts() -> None:
    sizes = []
    rows = bootstrap.CHUNK // 300
    drawn = bootstrap.of_rows(lambda weights: sizes.append(weights.shape) or weights.mean(1), rows, seed=0)
    assert len(drawn) == bootstrap.DRAWS
    assert len(sizes) > 1
    assert max(size[0] * size[1] for size in sizes) <= bootstrap.CHUNK


def test_the_order_of_rows_does_not_matter() -> None:
    values = np.random.default_rng(1).normal(size=(50, 2))
    there = bootstrap.of_means(values, mean, seed=3)
    back = bootstrap.of_means(values[::-1], mean, seed=3)
    assert there == pytest.approx(back, abs=1e-12)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(1).normal(size=(50, 1))
    first, again, other = (bootstrap.of_means(values, mean, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_counts_are_drawn_from_their_posterior() -> None:
    """Of Beta(30 + 0.5, 0 + 0.5), the posterior of a share under Jeffreys' prior."""
    drawn = bootstrap.of_cells(np.array([30.5, 0.5]), lambda cells: cells[:, 0] / cells.sum(1), seed=0)
    assert stats.kstest(drawn, stats.beta(30.5, 0.5).cdf).pvalue > 0.01


def test_counts_in_many_cells_are_drawn_in_parts() -> None:
    cells = bootstrap.CHUNK // 1000
    drawn = bootstrap.of_cells(np.full(cells, 2.0), lambda part: part.sum(1), seed=0)
    assert len(drawn) == bootstrap.DRAWS
    assert np.mean(drawn) == pytest.approx(2 * cells, rel=0.01)


def test_percentiles_of_few_rows_are_those_of_students_t() -> None:
    normal = stats.norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    plain = bootstrap.percentiles(0, normal, 0.95)
    expanded = bootstrap.percentiles(0, normal, 0.95, rows=12)
    assert plain.high == pytest.approx(1.96, abs=0.01)
    assert expanded.high == pytest.approx(stats.t.ppf(0.975, 11) * np.sqrt(13 / 11), abs=0.03)


def test_percentiles_are_widened_to_hold_the_value() -> None:
    drawn = np.linspace(0, 1, 100)
    assert bootstrap.percentiles(1.5, drawn, 0.9).high == 1.5
    assert bootstrap.percentiles(-0.5, drawn, 0.9).low == -0.5
