"""An MLflow model's own description, the ``MLmodel`` file: read as plain YAML, nothing in it is run or trusted."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from ci_lib.errors import BadInput

MOST_ALIASES = 10
"""MLflow writes one where two flavours share a list."""

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
    return _info(document(path), path)


def document(path: Path) -> dict[str, Any]:
    """Return the whole content of an ``MLmodel`` file, which names at least one flavour.

    Raises:
        BadInput: it is missing, too large, or no MLmodel file.
    """
    try:
        if path.stat().st_size > LARGEST:
            message = f"{path} is larger than an MLmodel file can be"
            raise BadInput(message, "check the model URI")
        text = path.read_text(encoding="utf-8")
        if "*" in text and _aliases(text) > MOST_ALIASES:
            message = f"{path} refers to itself more often than an MLmodel file does"
            raise BadInput(message, "log the model again with MLflow")
        loaded = YAML(typ="safe", pure=True).load(text)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise BadInput(message, "check the model URI: an MLflow model has an MLmodel file") from error
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"{path} is not YAML"
        raise BadInput(message, "log the model again with MLflow") from error
    flavors = loaded.get("flavors") if isinstance(loaded, dict) else None
    if not isinstance(loaded, dict) or not isinstance(flavors, dict) or not flavors:
        message = f"{path} names no flavour: it is no MLmodel file"
        raise BadInput(message, "log the model again with MLflow")
    return loaded


def _aliases(text: str) -> int:
    """Count the references to anchors: a few dozen of them, nested, stand for more values than any memory holds."""
    return sum(isinstance(event, AliasEvent) for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)))


def _info(loaded: dict[str, Any], path: Path) -> Info:
    flavors = loaded["flavors"]
    if not all(isinstance(name, str) for name in flavors):
        message = f"{path} names a flavour that is no name"
        raise BadInput(message, "log the model again with MLflow")
    stored = [flavor.get("serialization_format") for flavor in flavors.values() if isinstance(flavor, dict)]
    formats = [name for name in stored if isinstance(name, str) and name]
    return Info(
        flavors=tuple(sorted(flavors)),
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
    except (ValueError, RecursionError):
        return ()
    if not isinstance(columns, list):
        return ()
    return tuple(str(column["name"]) for column in columns if isinstance(column, dict) and "name" in column)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
