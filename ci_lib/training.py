"""The user's training code, called once: what goes in, what must come out, and how long it took."""

import inspect
import random
import time
from collections.abc import Callable, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ci_lib.config import Train
from ci_lib.entrypoint import users_code
from ci_lib.errors import BadInput

TRIED_ROWS = 5
"""A fitted model predicts so many training rows before it is stored."""


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
        BadInput: the function raises, does not take the parameters, or returns something that does not predict.
    """
    np.random.seed(train.seed)  # noqa: NPY002 -- scikit-learn's default generator is the global one
    random.seed(train.seed)
    started = time.perf_counter()
    model = _call(function, train, rows, project)
    seconds = time.perf_counter() - started
    _need(model, "predict", train)
    _try(model, rows.features.head(TRIED_ROWS), train, project)
    return Fitted(model=model, seconds=seconds)


def _call(function: Callable[..., Any], train: Train, rows: Rows, project: Path) -> Any:  # noqa: ANN401 -- a model
    names = inspect.signature(function).parameters
    if {"X", "y"} <= names.keys():
        more = {"sensitive": rows.sensitive} if "sensitive" in names else {}
        with users_code(train.entrypoint, project):
            return function(rows.features, rows.target, dict(train.params), **more)
    _takes(function, train)
    with users_code(train.entrypoint, project):
        model = function(**train.params)
    _need(model, "fit", train)
    with users_code(f"fitting the {type(model).__name__} that {train.entrypoint} returned", project):
        fitted = model.fit(rows.features, rows.target)
    return model if fitted is None else fitted


def _takes(function: Callable[..., Any], train: Train) -> None:
    """Refuse parameters that the function does not take, before Python says so about a line of ours."""
    try:
        inspect.signature(function).bind(**train.params)
    except TypeError as error:
        message = f"{train.entrypoint} cannot be called with train.params: {error}"
        known = ", ".join(inspect.signature(function).parameters) or "no parameters"
        raise BadInput(message, f"correct train.params in release.yml; the function takes {known}") from error


def _need(model: object, method: str, train: Train) -> None:
    if isinstance(model, type):
        message = f"{train.entrypoint} returned the class {model.__name__} itself, not a model made of it"
        raise BadInput(message, f"return {model.__name__}(...)")
    if not callable(getattr(model, method, None)):
        message = f"{train.entrypoint} returned {type(model).__name__}, which has no {method} method"
        hint = "return a scikit-learn estimator from build(), or a fitted model from train(X, y, params)"
        raise BadInput(message, hint)


def _try(model: Any, rows: pd.DataFrame, train: Train, project: Path) -> None:  # noqa: ANN401
    """Have the model predict a few rows: one that cannot is not worth storing."""
    what = f"predict of the {type(model).__name__} that {train.entrypoint} returned"
    with users_code(f"{what}, tried on {len(rows)} training rows,", project):
        found = model.predict(rows)
    given = len(found) if isinstance(found, Sized) else None
    if given != len(rows):
        gave = type(found).__name__ if given is None else f"{given} values"
        message = f"{what} gave {gave} for {len(rows)} rows"
        raise BadInput(message, "predict returns one value a row")
