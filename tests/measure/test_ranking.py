import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from ci_lib.measure.ranking import (
    auc_difference,
    auc_interval,
    newcombe_auc,
    placements,
    precision_recall,
    same_ranks,
)


@st.composite
def scored(draw: st.DrawFn, fewest: int = 1) -> tuple[Any, ...]:
    """Truth with both classes, and scores with many ties."""
    positives, negatives = draw(st.integers(fewest, 30)), draw(st.integers(fewest, 30))
    rows = positives + negatives
    scores = draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    return np.array([1] * positives + [0] * negatives), np.array(scores, dtype=float) / 8


def delong_by_definition(truth: NDArray[Any], *scores: NDArray[Any]) -> NDArray[Any]:
    """Covariance matrix of areas from all pairs, as DeLong, DeLong & Clarke-Pearson 1988 write it."""
    wins = [(s[truth == 1][:, None] > s[truth == 0]) + 0.5 * (s[truth == 1][:, None] == s[truth == 0]) for s in scores]
    of_positives, of_negatives = (np.array([w.mean(axis=axis) for w in wins]) for axis in (1, 0))
    return np.cov(of_positives) / of_positives.shape[1] + np.cov(of_negatives) / of_negatives.shape[1]


@given(scored())
def test_area_is_sklearns(case: Any) -> None:
    truth, scores = case
    assert placements(truth, scores).auc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)


@given(scored(fewest=2))
def test_variance_is_delongs_by_definition(case: Any) -> None:
    truth, scores = case
    assert placements(truth, scores).variance == pytest.approx(float(delong_by_definition(truth, scores)), abs=1e-12)


@given(scored(fewest=2), st.randoms(use_true_random=False))
def test_paired_variance_is_delongs_by_definition(case: Any, random: Random) -> None:
    truth, scores = case
    other = np.array([random.choice([score, random.random()]) for score in scores])
    cov = delong_by_definition(truth, scores, other)
    expected = cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]
    difference = placements(truth, scores).minus(placements(truth, other))
    assert difference.variance == pytest.approx(expected, abs=1e-12)


@given(scored())
def test_average_precision_is_sklearns(case: Any) -> None:
    truth, scores = case
    found = precision_recall(truth, scores).average_precision(np.ones((1, len(truth))))
    assert found[0] == pytest.approx(average_precision_score(truth, scores), abs=1e-9)


@given(scored(), st.integers(0, 1000))
def test_average_precision_takes_weights_as_sklearn_does(case: Any, seed: int) -> None:
    truth, scores = case
    weights = np.random.default_rng(seed).exponential(size=(2, len(truth)))
    found = precision_recall(truth, scores).average_precision(weights)
    expected = [average_precision_score(truth, scores, sample_weight=row) for row in weights]
    assert found == pytest.approx(expected, abs=1e-9)


@given(scored(), st.sampled_from([0.8, 0.95]))
def test_area_interval_holds_the_value_and_is_never_certain_unless_scores_are_constant(
    case: Any, confidence: float
) -> None:
    truth, scores = case
    (value, low, high), method = auc_interval(placements(truth, scores), confidence)
    assert 0 <= low <= value <= high <= 1
    assert (high > low) == (method != "constant scores")


def test_constant_scores_are_exactly_one_half() -> None:
    interval, method = auc_interval(placements(np.array([0, 1, 1]), np.full(3, 0.2)), 0.95)
    assert (interval, method) == ((0.5, 0.5, 0.5), "constant scores")


def test_delong_interval_is_normal_on_the_logit_scale() -> None:
    generator = np.random.default_rng(3)
    truth = np.repeat([0, 1], 60)
    places = placements(truth, generator.normal(size=120) + truth)
    (value, low, high), method = auc_interval(places, 0.95)
    deviation = math.sqrt(places.variance) / (value * (1 - value))
    by_student = [stats.t.ppf(0.975, freedom) for freedom in (118, 59)]  # Welch's lie between pooled and smaller class

    def logit(share: float) -> float:
        return math.log(share / (1 - share))

    assert method == "delong, logit"
    assert by_student[0] * deviation <= logit(high) - logit(value) <= by_student[1] * deviation
    assert logit(value) - logit(low) == pytest.approx(logit(high) - logit(value), rel=1e-9)


def test_full_separation_is_not_taken_for_certainty() -> None:
    truth = np.repeat([0, 1], 12)
    (value, low, high), method = auc_interval(placements(truth, truth.astype(float)), 0.95)
    assert (value, high, method) == (1, 1, "newcombe 2006")
    assert 0.7 < low < 0.9


@given(st.floats(0, 1), st.integers(1, 200), st.integers(1, 200))
def test_newcombe_area_solves_its_own_equation(value: Any, positives: int, negatives: int) -> None:
    found = newcombe_auc(value, positives, negatives, 0.95)
    mean = (positives + negatives) / 2 - 1
    for end in found[1:]:
        if 1e-6 < end < 1 - 1e-6:
            inner = 1 + mean * ((1 - end) / (2 - end) + end / (1 + end))
            variance = end * (1 - end) * inner / (positives * negatives)
            assert abs(end - value) == pytest.approx(1.959964 * math.sqrt(variance), abs=1e-5)


def test_few_rows_of_a_class_make_the_paired_interval_wider_not_narrower() -> None:
    truth = np.array([1, 1, 1] + [0] * 40)
    generator = np.random.default_rng(1)
    first, second = (placements(truth, generator.normal(size=43) + truth) for _ in range(2))
    interval, method = auc_difference(first, second, 0.95)
    assert method == "mover"
    assert interval.high - interval.low > 0.2


def test_paired_interval_is_narrower_than_two_single_ones() -> None:
    generator = np.random.default_rng(2)
    truth = np.repeat([0, 1], 200)
    shared = generator.normal(size=400) + truth
    first, second = (placements(truth, shared + 0.1 * generator.normal(size=400)) for _ in range(2))
    interval, method = auc_difference(first, second, 0.95)
    single = auc_interval(first, 0.95)[0]
    assert method == "paired delong"
    assert interval.high - interval.low < 0.5 * (single.high - single.low)


def test_ranks_are_the_same_under_a_rising_function_only() -> None:
    scores = np.array([0.1, 0.4, 0.4, 0.9])
    assert same_ranks(scores, scores**3)
    assert not same_ranks(scores, -scores)
    assert not same_ranks(scores, np.array([0.1, 0.4, 0.5, 0.9]))
