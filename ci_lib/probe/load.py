"""A model directory -> something that scores rows. Runs in the child process only.

What may be loaded is the policy's, never the model's own word: MLflow reads the list of trusted types from the model's
MLmodel file, so a model could trust itself (facts: a `FunctionTransformer(os.system)` with its own trusted list loads).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib import mlmodel
from ci_lib.formats import Formats
from ci_lib.labels import label_text
from ci_lib.probe.request import Request

Scores = NDArray[np.float64]

ROUNDING = 1e-6
"""A probability may be outside 0 and 1 by so much: models that add up in single precision are."""


CODE = ("code", "model_code_path")
"""What a flavour calls Python files of its own, which are run when it is loaded (`mlflow/pyfunc/__init__.py`)."""


class FormatError(Exception):
    """The policy does not allow this model to be loaded."""


class PredictError(Exception):
    """The model does not predict what the task needs."""


def load(request: Request) -> Callable[[pd.DataFrame], Scores]:
    """Load a model and return its scoring function.

    Returns:
        A function from n rows to scores: positive score (n,), class scores (n, k), or values (n,).

    Raises:
        FormatError: the policy does not allow the model's format or one of its types.
    """
    root = Path(request.model)
    flavors = mlmodel.document(root / "MLmodel")["flavors"]
    if odd := [str(name) for name, each in flavors.items() if not isinstance(each, dict)]:
        message = f"the model's MLmodel says nothing about the flavour {', '.join(sorted(odd))} that could be followed"
        raise FormatError(message)
    if "sklearn" in flavors:
        _refuse_other_ways(flavors, request.formats)
        return _scorer(_sklearn(root, flavors["sklearn"], request), request)
    if "cloudpickle" not in request.formats.serialization:
        message = (
            f"the model has the flavours {', '.join(sorted(flavors))}: loading them can run any code, "
            "and policy.formats.serialization allows cloudpickle, which can too, nowhere"
        )
        raise FormatError(message)
    import mlflow.pyfunc  # noqa: PLC0415 -- slow, and only for other flavours

    return _scorer(mlflow.pyfunc.load_model(str(root)), request)


def _refuse_other_ways(flavors: dict[str, Any], formats: Formats) -> None:
    """Refuse a model that consumers would load in another way than it is measured here.

    Consumers take what ``python_function`` or another flavour names: another file, another loader, code of its own.

    Raises:
        FormatError: they would.
    """
    flavor, served = flavors["sklearn"], flavors.get("python_function", {})
    others = sorted(map(str, flavors.keys() - {"sklearn", "python_function"}))
    ways = [f"the flavour {name}" for name in others]
    if served:
        expected = {"loader_module": "mlflow.sklearn", "model_path": flavor.get("pickled_model")}
        ways += [f"python_function's {key}" for key, value in expected.items() if served.get(key) != value]
    if "cloudpickle" not in formats.serialization:
        named = {"sklearn": flavor, "python_function": served}
        ways += [f"{name}'s {key}" for name, each in named.items() for key in CODE if each.get(key)]
    if ways:
        message = f"the model's MLmodel has another way to load it than the one that is measured: {', '.join(ways)}"
        raise FormatError(message)


def _sklearn(root: Path, flavor: dict[str, Any], request: Request) -> Any:  # noqa: ANN401 -- an estimator
    stored = str(flavor.get("serialization_format", ""))
    file = _inside(root, str(flavor.get("pickled_model", "")))
    if stored not in request.formats.serialization:
        message = f"the model is stored with {stored or 'an unnamed format'}, and policy.formats.serialization allows "
        raise FormatError(message + ", ".join(request.formats.serialization))
    if stored == "skops":
        return _skops(file, request.formats)
    import mlflow.sklearn  # noqa: PLC0415

    return mlflow.sklearn.load_model(str(root))


def _inside(root: Path, name: str) -> Path:
    file = (root / name).resolve()
    if not file.is_relative_to(root.resolve()) or not file.is_file():
        message = f"the model's MLmodel names the file {name!r}, which is not inside the model"
        raise FormatError(message)
    return file


def _skops(file: Path, formats: Formats) -> Any:  # noqa: ANN401
    import skops.io  # noqa: PLC0415

    found = skops.io.get_untrusted_types(file=file)
    denied = sorted(name for name in found if not formats.allows(name))
    if denied:
        message = f"the model has types that policy.formats.types does not allow: {', '.join(denied)}"
        raise FormatError(message)
    return skops.io.load(file, trusted=found)


def _scorer(model: Any, request: Request) -> Callable[[pd.DataFrame], Scores]:  # noqa: ANN401
    def score(rows: pd.DataFrame) -> Scores:
        found = _scores(model, rows, request)
        if len(found) != len(rows):
            message = f"predict returned {len(found)} values for {len(rows)} rows"
            raise PredictError(message)
        if odd := len(found) - int(np.isfinite(found).reshape(len(found), -1).all(axis=1).sum()):
            message = f"predict gave NaN or infinity for {odd} of {len(rows)} rows"
            raise PredictError(message)
        return found

    return score


def _scores(model: Any, rows: pd.DataFrame, request: Request) -> Scores:  # noqa: ANN401
    if request.task == "regression":
        return _numbers(model.predict(rows))
    if hasattr(model, "predict_proba"):
        return _probabilities(model, rows, request)
    found = np.asarray(model.predict(rows))
    if found.dtype.kind == "f" and request.task == "binary":
        return _numbers(found)
    return _from_labels(found, request)


def _numbers(found: Any) -> Scores:  # noqa: ANN401
    try:
        return np.asarray(found, dtype=np.float64).reshape(len(found))
    except (TypeError, ValueError) as error:
        message = f"predict does not return one number a row: {error}"
        raise PredictError(message) from error


def _probabilities(model: Any, rows: pd.DataFrame, request: Request) -> Scores:  # noqa: ANN401
    known = [label_text(label) for label in model.classes_]
    found = np.asarray(model.predict_proba(rows), dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != len(known):  # noqa: PLR2004 -- rows and labels
        message = f"predict_proba returned an array of {found.shape} for {len(rows)} rows and {len(known)} labels"
        raise PredictError(message)
    if ((found < -ROUNDING) | (found > 1 + ROUNDING)).any():
        message = f"predict_proba returned values from {found.min():g} to {found.max():g}: those are no probabilities"
        raise PredictError(message)
    unknown = sorted(set(known) - set(request.labels))
    if unknown:
        message = f"the model knows the labels {', '.join(unknown)}, which the data do not have"
        raise PredictError(message)
    scores = np.zeros((len(found), len(request.labels)))
    for column, label in enumerate(known):
        scores[:, request.labels.index(label)] = found[:, column]
    if request.task == "binary":
        return np.asarray(scores[:, request.labels.index(str(request.positive))])
    return scores


def _from_labels(found: NDArray[Any], request: Request) -> Scores:
    """Turn predicted labels into scores of 0 and 1."""
    texts = [label_text(label) for label in found.reshape(len(found))]
    unknown = sorted(set(texts) - set(request.labels))
    if unknown:
        message = f"predict returned {', '.join(unknown[:5])}, which is no label of the target"
        raise PredictError(message)
    indices = np.array([request.labels.index(text) for text in texts])
    if request.task == "binary":
        return np.asarray(indices == request.labels.index(str(request.positive)), dtype=np.float64)
    return np.asarray(np.eye(len(request.labels))[indices], dtype=np.float64)
