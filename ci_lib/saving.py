"""A fitted model -> files, in a format that the policy allows. Needs scikit-learn and MLflow."""

import importlib.metadata
import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import mlflow.sklearn
import pandas as pd
import skops.io
from mlflow.models import infer_signature
from mlflow.models.signature import ModelSignature

from ci_lib.config import Train
from ci_lib.errors import BadInput
from ci_lib.formats import Formats

EXAMPLE_ROWS = 5
ALWAYS = ("mlflow", "numpy", "pandas", "scikit-learn")
"""Requirements of every model; MLflow's own inference of them loads the model again and takes 2.5 s."""

COVERED = frozenset({"mlflow", "numpy", "pandas", "sklearn"})
"""What those are imported as."""


def save(model: Any, features: pd.DataFrame, train: Train, formats: Formats, into: Path) -> tuple[str, ...]:  # noqa: ANN401
    """Save a model in MLflow's scikit-learn flavour and return its requirements.

    Args:
        model: a fitted estimator.
        features: rows to take the signature and the input example from.
        train: serialization and entry point.
        formats: what the policy allows.
        into: a directory that does not exist yet.

    Raises:
        BadInput: a format or a type that the policy does not allow, or that cannot be stored.
    """
    if train.serialization not in formats.serialization:
        message = f"train.serialization is {train.serialization}, and policy.formats.serialization does not allow it"
        raise BadInput(message, f"add {train.serialization} to policy.formats.serialization, or use skops")
    types = skops_types(model, formats) if train.serialization == "skops" else []
    if train.serialization == "cloudpickle":
        _carry_the_code(train)
    needed = requirements(types, train.serialization)
    signature = _signature(model, features.head(EXAMPLE_ROWS))
    try:
        mlflow.sklearn.save_model(
            model,
            str(into),
            serialization_format=train.serialization,
            skops_trusted_types=types or None,
            signature=signature,
            pip_requirements=list(needed),
        )
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        message = f"{train.serialization} cannot store this {type(model).__name__}: {str(error).splitlines()[0]}"
        raise BadInput(message, "keep locks, connections, open files and local functions out of the model") from error
    return needed


def skops_types(model: Any, formats: Formats) -> list[str]:  # noqa: ANN401
    """Return the types that storing this model with skops needs, all of which the policy allows.

    Raises:
        BadInput: one that the policy does not allow, or a model that skops cannot store.
    """
    try:
        found = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    except (TypeError, ValueError, AttributeError, NotImplementedError, RecursionError) as error:
        message = f"skops cannot store this {type(model).__name__}: {error}"
        raise BadInput(message, "use train.serialization: cloudpickle, and allow it in policy.formats") from error
    denied = sorted(name for name in found if not formats.allows(name))
    if denied:
        message = f"the model has types that policy.formats.types does not allow: {', '.join(denied)}"
        raise BadInput(message, "add their prefix to policy.formats.types, or use scikit-learn's own parts")
    return sorted(found)


def requirements(types: list[str], serialization: str) -> tuple[str, ...]:
    """Return pinned requirements of a model, from the packages that its types come from."""
    roots = {name.split(".")[0] for name in types} - COVERED
    # Finding an owner reads the file lists of all that is installed, a quarter of a second: only when it must be.
    owners = importlib.metadata.packages_distributions() if roots else {}
    packages = {*ALWAYS, serialization, *(owner for root in roots for owner in owners.get(root, ()))}
    return tuple(f"{package}=={importlib.metadata.version(package)}" for package in sorted(packages))


def _carry_the_code(train: Train) -> None:
    """Pickle the entry point's module by value: whoever loads the model has no project directory."""
    module = sys.modules.get(train.entrypoint.split(":")[0])
    if module is not None:
        cloudpickle.register_pickle_by_value(module)


def _signature(model: Any, example: pd.DataFrame) -> ModelSignature:  # noqa: ANN401
    with warnings.catch_warnings():
        # "integer columns cannot represent missing values": true, and said in the docs of our own.
        warnings.simplefilter("ignore", UserWarning)
        return infer_signature(example, model.predict(example))
