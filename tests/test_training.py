"""The user's training code: what goes in and what must come out."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ci_lib import training
from ci_lib.config import Train
from ci_lib.errors import BadInput

PROJECT = Path(__file__).parent


@pytest.fixture
def rows() -> training.Rows:
    generator = np.random.default_rng(0)
    features = pd.DataFrame(generator.normal(size=(60, 2)), columns=["a", "b"])
    target = (features["a"] > 0).astype(int)
    return training.Rows(features=features, target=target, sensitive=pd.DataFrame({"group": ["x", "y"] * 30}))


def fit(function: Any, rows: training.Rows, **keys: Any) -> training.Fitted:
    return training.fit(function, Train(entrypoint="model:build", **keys), rows, PROJECT)


def test_build_gets_the_parameters_and_its_estimator_is_fitted(rows: training.Rows) -> None:
    fitted = fit(lambda C: LogisticRegression(C=C), rows, params={"C": 0.5})  # noqa: N803
    assert fitted.model.C == 0.5
    assert fitted.model.score(rows.features, rows.target) > 0.9
    assert fitted.seconds > 0


def test_train_gets_rows_parameters_and_if_it_wants_them_the_sensitive_columns(rows: training.Rows) -> None:
    seen: dict[str, Any] = {}

    def train(X: pd.DataFrame, y: Any, params: dict[str, Any], sensitive: pd.DataFrame) -> Any:  # noqa: N803
        seen.update(params=params, groups=list(sensitive["group"].unique()), columns=list(X.columns))
        return LogisticRegression().fit(X, y)

    assert fit(train, rows, params={"recipe": "plain"}).model.coef_.shape == (1, 2)
    assert seen == {"params": {"recipe": "plain"}, "groups": ["x", "y"], "columns": ["a", "b"]}


def test_train_may_do_without_the_sensitive_columns(rows: training.Rows) -> None:
    def train(X: Any, y: Any, params: Any) -> Any:  # noqa: N803
        return LogisticRegression(**params).fit(X, y)

    assert fit(train, rows, params={"C": 2.0}).model.C == 2.0


def test_the_seed_makes_global_generators_repeat(rows: training.Rows) -> None:
    def draw(X: Any, y: Any, params: Any) -> Any:  # noqa: N803
        model = LogisticRegression().fit(X, y)
        model.drawn = (params, np.random.random(), random.random())  # noqa: NPY002, S311
        return model

    drawn = [fit(draw, rows, seed=seed).model.drawn for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def boom() -> Any:
    message = "no\nsuch data"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (boom, r"model:build failed at .*test_training\.py:\d+: RuntimeError: no such data"),
        (lambda wanted: wanted, "cannot be called with train.params: missing a required argument"),
        (lambda: None, "returned NoneType, which has no fit method"),
        (lambda: LogisticRegression, "model:build"),
        (lambda X, y, params: "a text", "returned str, which has no predict method"),  # noqa: ARG005, N803
        (lambda: exit(3), r"it called sys\.exit\(3\)"),  # noqa: PLR1722
    ],
)
def test_code_that_fails_or_returns_the_wrong_thing_is_bad_input(
    rows: training.Rows, function: Any, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        fit(function, rows)


def test_ctrl_c_in_the_users_code_is_no_error_of_theirs(rows: training.Rows) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, rows)
