"""The user's training code, called once: what goes in, what must come out, and how long it took."""

import inspect
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ci_lib.config import Train
from ci_lib.entrypoint import users_code
from ci_lib.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted model."""

    model: Any
    """Has `predict`; scikit-learn's estimator API."""
    seconds: float
    """Wall time of the fit."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What the user's code may see: the training rows."""

    features: pd.DataFrame
    target: "pd.Series[Any]"
    sensitive: pd.DataFrame
    """For mitigation while training only; the model is asked without it."""


def fit(function: Callable[..., Any], train: Train, rows: Rows, project: Path) -> Fitted:
    """Call the user's function and return a fitted model.

    Args:
        function: ``train(X, y, params[, sensitive]) -> fitted model`` when it takes ``X`` and ``y``, else
            ``build(**params) -> unfitted estimator``, which is then fitted.
        train: its parameters, and the seed that NumPy's and Python's global generators get first.
        rows: the training rows.
        project: the user's directory, to name the line of their code that failed.

    Raises:
        BadInput: the function raises, does not take the parameters, or returns something that cannot predict.
    """
    np.random.seed(train.seed)  # noqa: NPY002 -- scikit-learn's default generator is the global one
    random.seed(train.seed)
    names = inspect.signature(function).parameters
    started = time.perf_counter()
    with users_code(train.entrypoint, project):
        if {"X", "y"} <= names.keys():
            more = {"sensitive": rows.sensitive} if "sensitive" in names else {}
            model = function(rows.features, rows.target, dict(train.params), **more)
        else:
            model = function(**train.params)
            _need(model, "fit", train)
            model = model.fit(rows.features, rows.target)
    seconds = time.perf_counter() - started
    _need(model, "predict", train)
    return Fitted(model=model, seconds=seconds)


def _need(model: object, method: str, train: Train) -> None:
    if not callable(getattr(model, method, None)):
        message = f"{train.entrypoint} returned {type(model).__name__}, which has no {method} method"
        hint = "return a scikit-learn estimator from build(), or a fitted model from train(X, y, params)"
        raise BadInput(message, hint)
