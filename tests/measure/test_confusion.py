from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from ci_lib.measure import confusion


@st.composite
def decided(draw: st.DrawFn) -> tuple[Any, ...]:
    classes = draw(st.integers(2, 5))
    rows = draw(st.integers(2, 40))
    labels = st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)
    truth, decisions = draw(labels), draw(labels)
    return classes, np.array([0, 1, *truth]), np.array([0, 0, *decisions])  # scikit-learn warns of a single label


@given(decided())
def test_macro_f1_and_matthews_are_sklearns(case: Any) -> None:
    classes, truth, decisions = case
    counts = confusion.margins(truth, decisions, classes)
    assert confusion.macro_f1(counts) == pytest.approx(
        metrics.f1_score(truth, decisions, average="macro", zero_division=0), abs=1e-12
    )
    assert confusion.matthews(counts) == pytest.approx(metrics.matthews_corrcoef(truth, decisions), abs=1e-12)


def test_precision_without_positive_decisions_is_not_a_number() -> None:
    counts = confusion.margins(np.array([0, 1]), np.array([0, 0]), 2)
    assert np.isnan(confusion.precision(counts))


@pytest.mark.parametrize("name", confusion.STATISTICS)
def test_draws_of_decisions_that_are_all_right_leave_room_for_error(name: str) -> None:
    truth = np.array([0, 1] * 15)
    drawn = confusion.draws(confusion.STATISTICS[name], truth, truth, 2, seed=0)
    assert drawn.max() <= 1
    assert 0.7 < np.quantile(drawn, 0.025) < 0.97


def test_draws_centre_on_the_value_where_rows_are_many() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 3, 3000)
    decisions = np.where(generator.random(3000) < 0.7, truth, generator.integers(0, 3, 3000))
    value = float(confusion.macro_f1(confusion.margins(truth, decisions, 3)))
    drawn = confusion.draws(confusion.macro_f1, truth, decisions, 3, seed=0)
    assert np.mean(drawn) == pytest.approx(value, abs=0.003)
    assert np.std(drawn) == pytest.approx(np.sqrt(value * (1 - value) / 3000), rel=0.1)


def test_paired_draws_of_the_same_decisions_stay_near_0_and_shared_errors_cancel() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 500)
    decisions = np.where(generator.random(500) < 0.7, truth, 1 - truth)
    single = confusion.draws(confusion.f1, truth, decisions, 2, seed=0)
    paired = confusion.paired_draws(confusion.f1, truth, decisions, decisions, 2, seed=0)
    assert abs(np.mean(paired)) < 0.001
    assert 0 < np.std(paired) < 0.2 * np.std(single)


def test_paired_draws_change_sign_with_the_models() -> None:
    generator = np.random.default_rng(1)
    truth, first, second = generator.integers(0, 3, (3, 4000))
    there = confusion.paired_draws(confusion.macro_f1, truth, first, second, 3, seed=0)
    back = confusion.paired_draws(confusion.macro_f1, truth, second, first, 3, seed=1)
    assert np.mean(there) == pytest.approx(-np.mean(back), abs=0.002)
