"""`--set train.params.C=0.5`: one value of release.yml, replaced on the command line before anything is checked."""

import re
from typing import Any

from ci_lib.document import Broken, Path, parse

STEP = re.compile(r"[^.\[\]=]+|\[[0-9]+\]")
FORM = re.compile(r"[^.\[\]=]+(\[[0-9]+\]|\.[^.\[\]=]+)*")


def put(value: Any, override: str) -> tuple[Any, Path]:  # noqa: ANN401 -- any YAML value
    """Return the values with one of them replaced, and the path of it.

    Mappings on the way are made as needed; a list item must be there already, or be the next one.

    Raises:
        Broken: the override is not ``path=value``, or the path runs through something that holds no values.
    """
    name, equals, text = override.partition("=")
    if not equals or not FORM.fullmatch(name.strip()):
        message = "an override is written path=value, e.g. train.params.C=0.5"
        raise Broken(message, 1)
    path = tuple(int(step[1:-1]) if step.startswith("[") else step for step in STEP.findall(name.strip()))
    return _put(value, path, parse(text).value), path


def _put(value: Any, path: Path, new: Any) -> Any:  # noqa: ANN401
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        value = [] if value is None else value
        if not isinstance(value, list) or head > len(value):
            message = f"there is no list item [{head}] in it"
            raise Broken(message, 1)
        inner = value[head] if head < len(value) else None
        return [*value[:head], _put(inner, rest, new), *value[head + 1 :]]
    if value is not None and not isinstance(value, dict):
        message = f"nothing called {head!r} can be set there: that is no mapping"
        raise Broken(message, 1)
    return {**(value or {}), head: _put((value or {}).get(head), rest, new)}
