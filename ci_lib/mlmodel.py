"""An MLflow model's own description, the ``MLmodel`` file: read as plain YAML, nothing in it is run or trusted."""

import json
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ci_lib.errors import BadInput

LARGEST = 1 << 20
"""Bytes; an MLmodel file has a few kilobytes, an input example is a file of its own."""


@dataclass(frozen=True, kw_only=True)
class Info:
    """What the file says. A claim of whoever wrote it: only the manifest identifies a model."""

    flavors: tuple[str, ...]
    model_id: str | None
    run_id: str | None
    serialization: str
    """``skops``, ``cloudpickle``, …, as the flavour says; empty when it does not."""
    inputs: tuple[str, ...] = ()
    """Columns of the model's signature; empty when it has none, or none with names."""


def read(path: Path) -> Info:
    """Read an ``MLmodel`` file, or the one in a model directory.

    Raises:
        BadInput: it is missing, too large, or no MLmodel file.
    """
    if path.is_dir():
        path /= "MLmodel"
    try:
        if path.stat().st_size > LARGEST:
            message = f"{path} is larger than an MLmodel file can be"
            raise BadInput(message, "check the model URI")
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise BadInput(message, "check the model URI: an MLflow model has an MLmodel file") from error
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"{path} is not YAML"
        raise BadInput(message, "log the model again with MLflow") from error
    return _info(loaded, path)


def _info(loaded: object, path: Path) -> Info:
    flavors = loaded.get("flavors") if isinstance(loaded, dict) else None
    if not isinstance(loaded, dict) or not isinstance(flavors, dict) or not flavors:
        message = f"{path} names no flavour: it is no MLmodel file"
        raise BadInput(message, "log the model again with MLflow")
    formats = [
        str(flavor["serialization_format"])
        for flavor in flavors.values()
        if isinstance(flavor, dict) and flavor.get("serialization_format")
    ]
    return Info(
        flavors=tuple(sorted(str(flavor) for flavor in flavors)),
        model_id=_text(loaded.get("model_id")),
        run_id=_text(loaded.get("run_id")),
        serialization=formats[0] if formats else "",
        inputs=_inputs(loaded.get("signature")),
    )


def _inputs(signature: object) -> tuple[str, ...]:
    """Return the names in a signature, which MLflow keeps as JSON inside the YAML."""
    text = signature.get("inputs") if isinstance(signature, dict) else None
    try:
        columns = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return ()
    if not isinstance(columns, list):
        return ()
    return tuple(str(column["name"]) for column in columns if isinstance(column, dict) and "name" in column)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
