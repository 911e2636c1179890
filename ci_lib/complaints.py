"""What is wrong with release.yml, one sentence a problem: from pydantic's errors to words with a "did you mean"."""

import difflib
import math
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ci_lib.config import Config
from ci_lib.document import Path
from ci_lib.measure.catalogue import CATALOGUE

SHOWN = 60
"""So many characters of a wrong value are quoted."""
LISTED = 12
"""So many possible words are listed when none is close."""

PATTERNS = {
    ":": "must be module:function, e.g. model:build",
    "a-z]": "must start with a lower-case letter, then lower-case letters, digits, - and _, at most 64 in all",
    "A-Za-z0-9]": "must start with a letter or a digit, then letters, digits, '.', '-' and '_', at most 64 in all",
}
"""What the patterns of `config` mean, found by a piece of them."""

USUAL_NAMES = {
    "acc": "accuracy", "ap": "average_precision", "auc": "roc_auc", "auroc": "roc_auc", "auprc": "average_precision",
    "demographic_parity_difference": "statistical_parity_difference", "disparate_impact": "impact_ratio",
    "equalized_odds_difference": "average_odds_difference", "f1_macro": "macro_f1", "mae": "mean_absolute_error",
    "mcc": "matthews_correlation", "r_squared": "r2", "rmse": "root_mean_squared_error", "tpr": "recall",
    "tnr": "specificity",
}  # fmt: skip
"""What people and other libraries also call a metric; too far from our name for `difflib`."""

Problem = tuple[Path, str]
"""Where and what; the path may name a key that is not there."""


def dotted(path: Path) -> str:
    """Write a path as in the messages: ``policy.rules[2].metric``, list items counted from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or the list of words when it is short, or nothing."""
    known = sorted(set(words))
    folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {folded[close[0]]!r}?"
    return f"; it can be {', '.join(known)}" if 0 < len(known) <= LISTED else ""


def _metric_meant(word: str) -> str:
    usual = USUAL_NAMES.get(word.casefold().replace("-", "_").replace(" ", "_"))
    near = f"; did you mean {usual!r}?" if usual else did_you_mean(word, CATALOGUE)
    return near or "; `ml-release metrics` lists them"


def quoted(value: object) -> str:
    """Show a value in a message, cut when it is long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def from_pydantic(error: ValidationError, data: object) -> list[Problem]:
    """Turn pydantic's errors into problems: one a path, in our words."""
    found: dict[Path, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        found.setdefault(_walked(each, data), []).append(each)
    return [(path, _sentence(path, errors)) for path, errors in found.items()]


def not_finite(value: object, path: Path = ()) -> list[Problem]:
    """Find every NaN and infinity: compared with anything, they decide nothing."""
    if isinstance(value, float):
        return [] if math.isfinite(value) else [(path, f"must be a finite number, not {value}")]
    items: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [problem for key, each in items for problem in not_finite(each, (*path, key))]


def _walked(error: ErrorDetails, data: object) -> Path:
    """Keep the parts of pydantic's location that are in the file: it adds names of union branches and ``[key]``."""
    path: list[str | int] = []
    for part in error["loc"]:
        if _holds(data, part):
            data = data[part]  # type: ignore[index] # _holds has looked
        elif not (error["type"] == "missing" and part == error["loc"][-1]):
            continue
        path.append(part)
    return tuple(path)


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(part, int) and part < len(data)
    return isinstance(data, Mapping) and part in data


def _sentence(path: Path, errors: list[ErrorDetails]) -> str:
    first = errors[0]
    if first["input"] is None and first["type"] not in ("extra_forbidden", "missing"):
        return "is empty; give it a value or remove the key"
    # Of a union's branches, the one whose type fits knows best what is wrong.
    fitting = [each for each in errors if not each["type"].endswith("_type")] or errors
    return ", or ".join(dict.fromkeys(_one(path, each) for each in fitting))


def _one(path: Path, error: ErrorDetails) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return unknown_key(path)
    if kind == "literal_error":
        words = [word for word in str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ") if word]
        return f"{quoted(value)} is not possible{did_you_mean(str(value), words)}"
    if kind == "value_error":
        return f"{context['error']}{_metric_meant(str(value)) if path[-1:] == ('metric',) else ''}"
    if kind == "string_pattern_mismatch":
        meaning = next((words for piece, words in PATTERNS.items() if piece in context["pattern"]), error["msg"])
        return f"{meaning}; it is {quoted(value)}"
    return _type_sentence(kind, value, context, error["msg"])


def _type_sentence(kind: str, value: object, context: Mapping[str, Any], message: str) -> str:
    """Word the errors about types and bounds."""
    bounds = {"greater_than": "above", "greater_than_equal": "at least", "less_than": "below"}
    if kind in bounds:
        limit = next(iter(context.values()))
        return f"must be {bounds[kind]} {limit:g}; it is {quoted(value)}"
    wanted = {
        "string_type": "text",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "tuple_type": "a list",
        "dict_type": "a mapping of keys to values",
        "model_type": "a mapping of keys to values",
        "finite_number": "a finite number",
        "time_delta_type": "a duration such as '7 days'",
        "time_delta_parsing": "a duration such as '7 days'",
    }.get(kind)
    if wanted is None:
        return f"{message[:1].lower()}{message[1:]}; it is {quoted(value)}"
    return f"must be {wanted}, not {quoted(value)}"


def unknown_key(path: Path) -> str:
    """Say what key was meant, or where a key of this name belongs."""
    key = str(path[-1])
    here = model_at(path[:-1])
    near = did_you_mean(key, here.model_fields if here else ())
    if near.startswith("; did"):
        return f"unknown key{near}"
    elsewhere = [dotted(where) for where, model in _models(Config, ()) if key in model.model_fields]
    if elsewhere:
        return f"unknown key here; {key!r} belongs under {' or '.join(elsewhere)}"
    return f"unknown key{near}"


def model_at(path: Path) -> type[BaseModel] | None:
    """Return the model that describes the mapping at a path; None where there is none."""
    generic = tuple("*" if isinstance(part, int) else part for part in path)
    for where, model in _models(Config, ()):
        if len(where) == len(generic) and all(a in ("*", b) for a, b in zip(where, generic, strict=True)):
            return model
    return None


def _models(model: type[BaseModel], path: Path) -> list[tuple[Path, type[BaseModel]]]:
    """List every model below one, with its path; ``*`` stands for a list item or a free key."""
    found = [(path, model)]
    for name, info in model.model_fields.items():
        for inner, many in _inner(info.annotation):
            found += _models(inner, (*path, name, "*") if many else (*path, name))
    return found


def _inner(annotation: Any) -> list[tuple[type[BaseModel], bool]]:  # noqa: ANN401 -- any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, False)]
    origin = get_origin(annotation)
    parts = [part for each in get_args(annotation) for part in _inner(each)]
    single = origin in (Union, UnionType, Annotated)
    return [(model, many or not single) for model, many in parts]
