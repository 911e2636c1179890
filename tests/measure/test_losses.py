from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from ci_lib.measure.losses import LOSSES
from ci_lib.measure.predictions import Predictions

GENERATOR = np.random.default_rng(1)
WEIGHTS = GENERATOR.exponential(size=(3, 40))
OUTCOMES = GENERATOR.integers(0, 2, 40)
SCORES = GENERATOR.random(40)
KINDS = GENERATOR.integers(0, 3, 40)
SHARES = GENERATOR.dirichlet([1, 1, 1], 40)
VALUES = GENERATOR.normal(5, 2, 40)
GUESSES = VALUES + GENERATOR.normal(size=40)

BINARY = Predictions(task="binary", scores=SCORES, threshold=0.5)
MULTICLASS = Predictions(task="multiclass", scores=SHARES, labels=("a", "b", "c"))
NUMBERS = Predictions(task="regression", scores=GUESSES)


@pytest.mark.parametrize(
    ("name", "truth", "predictions", "oracle"),
    [
        ("log_loss", OUTCOMES, BINARY, metrics.log_loss),
        ("log_loss", KINDS, MULTICLASS, metrics.log_loss),
        ("brier", OUTCOMES, BINARY, metrics.brier_score_loss),
        ("mean_absolute_error", VALUES, NUMBERS, metrics.mean_absolute_error),
        ("root_mean_squared_error", VALUES, NUMBERS, metrics.root_mean_squared_error),
        ("r2", VALUES, NUMBERS, metrics.r2_score),
    ],
)
def test_a_loss_of_weighted_means_is_sklearns_with_weights(
    name: str, truth: Any, predictions: Predictions, oracle: Callable[..., float]
) -> None:
    columns = LOSSES[name].columns(truth.astype(float), predictions)
    found = LOSSES[name].combine((WEIGHTS @ columns) / WEIGHTS.sum(axis=1, keepdims=True))
    expected = [oracle(truth, predictions.scores, sample_weight=weights) for weights in WEIGHTS]
    assert found == pytest.approx(expected, abs=1e-9)
