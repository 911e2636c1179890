"""release.yml -> Config: every problem at once, each with file, line, dotted path and a "did you mean"."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ci_lib import document
from ci_lib.coherence import problems
from ci_lib.complaints import Problem, dotted, from_pydantic, not_finite
from ci_lib.config import Config
from ci_lib.errors import BadInput
from ci_lib.overrides import put
from ci_lib.text import visible

LIMIT = 1 << 20
"""Bytes of a release.yml; a larger file is a mistake, and is not read."""
REPORTED = 50
"""So many problems are listed, the rest is counted."""


def load(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check release.yml.

    Args:
        path: the file.
        overrides: ``path=value`` pairs of `--set`, applied in order before anything is checked.

    Raises:
        BadInput: it is missing or unreadable, no YAML, or any key of it is wrong. The text lists every problem.
    """
    return parse(file_text(path), path, overrides)


def parse(text: str, path: Path, overrides: Sequence[str] = (), base: Mapping[str, Any] | None = None) -> Config:
    """Check the text of a release.yml.

    Args:
        text: of the file.
        path: what it is called in messages.
        overrides: ``path=value`` pairs of `--set`.
        base: values of top-level keys that the file leaves out, see `ci_lib.configuration`.

    Raises:
        BadInput: it is no YAML, or any key of it is wrong.
    """
    found = values(text, path)
    value, origins = _overridden({**(base or {}), **found.value}, overrides)
    return _checked(value, _Places(path, found.lines, origins), found.odd)


def values(text: str, path: Path) -> document.Document:
    """Return what the text says before anybody has checked what it means: a mapping of keys.

    Raises:
        BadInput: it is no YAML, or no mapping.
    """
    try:
        found = document.parse(text)
    except document.Broken as error:
        at = f"{error.line}:{error.column}" if error.column else f"{error.line}"
        message = f"{path}:{at}: {error.what}"
        raise BadInput(message, f"correct line {error.line} of {path}") from error
    if not isinstance(found.value, dict):
        what = "is empty" if found.value is None else f"is a {_noun(found.value)} at top level, not a mapping of keys"
        message = f"{path} {what}"
        raise BadInput(message, "ml-release init DIR writes a release.yml that works")
    return found


def file_text(path: Path) -> str:
    """Return what a file says.

    Raises:
        BadInput: it cannot be read, is larger than 1 MiB, or no UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except FileNotFoundError as error:
        message = f"there is no {path.name} in {path.absolute().parent}"
        raise BadInput(message, "cd to the project, or start one: ml-release init DIR") from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise BadInput(message, f"ls -l {path}") from error
    return decoded(data, path)


def decoded(data: bytes, path: Path) -> str:
    """Return bytes as text.

    Raises:
        BadInput: more than 1 MiB, or no UTF-8.
    """
    if len(data) > LIMIT:
        message = f"{path} is larger than 1 MiB; that is no release.yml"
        raise BadInput(message, f"ls -l {path}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"{path}:{line}: not UTF-8 text (byte 0x{data[error.start]:02x} at offset {error.start})"
        raise BadInput(message, f"iconv -f latin1 -t utf-8 {path}") from error


def _noun(value: object) -> str:
    return "list" if isinstance(value, list) else "single value"


def _overridden(value: Any, overrides: Sequence[str]) -> tuple[Any, dict[document.Path, str]]:  # noqa: ANN401
    """Apply the overrides and remember which path came from which."""
    origins: dict[document.Path, str] = {}
    for override in overrides:
        try:
            value, path = put(value, override)
        except document.Broken as error:
            message = f"--set {override}: {error.what}"
            raise BadInput(message, "ml-release schema lists every key") from error
        origins[path] = f"--set {override}"
    return value, origins


class _Places:
    """Where each path was written: a line of the file, or an override."""

    def __init__(self, path: Path, lines: Mapping[document.Path, int], origins: Mapping[document.Path, str]) -> None:
        self.path = path
        self._lines = lines
        self._origins = origins

    def order(self, path: document.Path) -> int:
        """Sort by line; overrides come last."""
        return 1 << 30 if self._override(path) else self._line(path)

    def of(self, path: document.Path) -> str:
        """Give ``release.yml:12``, or ``--set key=value``."""
        return self._override(path) or f"{self.path}:{self._line(path)}"

    def _override(self, path: document.Path) -> str | None:
        return next((self._origins[up] for up in _upwards(path) if up in self._origins), None)

    def _line(self, path: document.Path) -> int:
        return next((self._lines[up] for up in _upwards(path) if up in self._lines), 1)


def _upwards(path: document.Path) -> list[document.Path]:
    return [path[:end] for end in range(len(path), -1, -1)]


def _checked(value: Any, places: _Places, odd: Sequence[tuple[document.Path, int, str]]) -> Config:  # noqa: ANN401
    duplicates: list[Problem] = [(path, sentence) for path, _, sentence in odd]
    lines = {(path, sentence): line for path, line, sentence in odd}
    config, wrong = _validated(value)
    found = [*duplicates, *not_finite(value), *wrong]
    spoken = {path for path, _ in found}
    # A path that has the wrong type needs no second sentence about what it means.
    found += [problem for problem in problems(value) if problem[0] not in spoken]
    if found or config is None:
        raise _bad(list(dict.fromkeys(found)), places, lines)
    return config


def _validated(value: Any) -> tuple[Config | None, list[Problem]]:  # noqa: ANN401
    # Strict JSON: "0.7", true and 1 stay what they are, and lists still become tuples.
    try:
        return Config.model_validate_json(json.dumps(value), strict=True), []
    except ValidationError as error:
        return None, from_pydantic(error, value)


def _bad(found: list[Problem], places: _Places, lines: Mapping[Problem, int]) -> BadInput:
    def place(problem: Problem) -> tuple[int, str]:
        path, _ = problem
        if problem in lines:
            return lines[problem], f"{places.path}:{lines[problem]}"
        return places.order(path), places.of(path)

    texts: dict[str, int] = {}
    for problem in found:
        order, where = place(problem)
        # One line each, whatever keys and values of the file are in it: a line break would forge another complaint.
        texts.setdefault(visible(f"{where}: {dotted(problem[0])}: {problem[1]}", None), order)
    ordered = sorted(texts, key=lambda text: texts[text])
    shown = ordered[:REPORTED]
    if len(ordered) > REPORTED:
        shown.append(f"and {len(ordered) - REPORTED} more")
    return BadInput("\n".join(shown), f"edit {places.path}; `ml-release schema` describes every key")
