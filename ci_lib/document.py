"""YAML text -> plain values and the line each came from.

Built from ruamel.yaml's parse events, not from its constructors: no tag is ever resolved, no object built, no node
visited twice, so `!!python/object`, `!!int ''`, a date such as 2001-99-99 or a recursive alias cannot do anything.
What a plain scalar means is YAML 1.2's core schema (yaml.org/spec/1.2.2, section 10.3.2): ``yes`` is text.
"""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

Path = tuple[str | int, ...]

DEPTH = 20
"""So deep may values nest; release.yml itself needs six."""
VALUES = 20_000
"""So many values a file may hold; more than that is no policy, and would only be slow."""
DIGITS = 40
"""So long a number may be written; beyond that Python's own conversion takes quadratic time."""

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NAMED: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}


class Broken(Exception):  # noqa: N818 -- never leaves the package: the callers turn it into a complaint
    """Not YAML, or YAML that we refuse as a whole.

    Args:
        what: one sentence.
        line: counted from 1.
        column: counted from 1; 0 when it says nothing.
    """

    def __init__(self, what: str, line: int, column: int = 0) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.column = column


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file says, where, and what is odd about its form."""

    value: Any
    lines: dict[Path, int]
    """Line of each key or list item, counted from 1."""
    odd: tuple[tuple[Path, int, str], ...]
    """Duplicate keys and the like: path, line, sentence."""


@dataclass
class _Open:
    """A mapping or list that is being filled."""

    path: Path
    value: dict[str, Any] | list[Any]
    key: str | None = None
    first: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> Document:
    """Read one YAML document.

    Raises:
        Broken: it is not YAML, or uses anchors, aliases, tags, several documents, or nests deeper than 20.
    """
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    return Document(value=builder.value, lines=builder.lines, odd=tuple(builder.odd))


def scalar(text: str) -> Any:  # noqa: ANN401 -- any YAML scalar
    """Return what a plain scalar means in YAML 1.2's core schema.

    Raises:
        ValueError: a number of more than 40 characters.
    """
    if text in NAMED:
        return NAMED[text]
    if not (INTEGER.fullmatch(text) or FLOAT.fullmatch(text)):
        return text
    if len(text) > DIGITS:
        message = "a number this long is not supported; quote it if it is text"
        raise ValueError(message)
    if INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    return float(text)


def _events(text: str) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=True).parse(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        sentence = " ".join(part for part in (error.context, error.problem) if part)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 0)
        raise Broken(_plain(sentence), line, column) from error
    except YAMLError as error:
        raise Broken(_plain(str(error).split("\n", maxsplit=1)[0]), 1) from error
    except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # Landmines of the scanner itself, e.g. "\Uffffffff": OverflowError.
        message = f"the YAML scanner gave up: {error}"
        raise Broken(message, 1) from error


def _plain(sentence: str) -> str:
    """Put the scanner's words on one line and in our terms."""
    words = " ".join(sentence.replace("<stream end>", "the end of the file").split())
    if r"'\t'" in words:
        return "a tab cannot indent YAML; use spaces"
    return words.removeprefix("while ") or "not YAML"


class _Builder:
    """Fills dicts and lists from events, one at a time, without recursion."""

    def __init__(self) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self.odd: list[tuple[Path, int, str]] = []
        self._stack: list[_Open] = []
        self._documents = 0
        self._values = 0

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1
        self._refuse(event, line)
        match event:
            case ScalarEvent():
                self._scalar(event, line)
            case MappingStartEvent():
                self._open({}, line)
            case SequenceStartEvent():
                self._open([], line)
            case MappingEndEvent() | SequenceEndEvent():
                self._stack.pop()
            case DocumentStartEvent():
                self._documents += 1
            case DocumentEndEvent() | _:
                pass

    def _refuse(self, event: Event, line: int) -> None:
        """Refuse what no release.yml needs and what makes YAML hard to read and to trust."""
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            message = "anchors and aliases (& and *) are not supported; write the value out"
            raise Broken(message, line)
        if getattr(event, "tag", None):
            message = "tags (!) are not supported; write the plain value"
            raise Broken(message, line)
        if isinstance(event, DocumentStartEvent) and self._documents:
            message = "a second document starts here; one file is one document"
            raise Broken(message, line)
        self._values += 1
        if self._values > VALUES:
            message = f"more than {VALUES:,} values; that is no release.yml"
            raise Broken(message, line)

    def _open(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if len(self._stack) >= DEPTH:
            message = f"nested deeper than {DEPTH} levels"
            raise Broken(message, line)
        if self._awaits_key():
            message = "a key must be plain text, not a list or a mapping"
            raise Broken(message, line)
        self._stack.append(_Open(self._place(value, line), value))

    def _scalar(self, event: ScalarEvent, line: int) -> None:
        text = str(event.value)
        # A lone surrogate has no UTF-8 form; NUL ends a file name for the operating system.
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
            message = "a character that cannot be written as text (NUL or a lone surrogate)"
            raise Broken(message, line)
        if self._awaits_key():
            self._key(text, line)
            return
        try:
            value = scalar(text) if event.implicit[0] else text
        except ValueError as error:
            raise Broken(str(error), line) from error
        self._place(value, line)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].value, dict) and self._stack[-1].key is None

    def _key(self, text: str, line: int) -> None:
        top = self._stack[-1]
        if text in top.first:
            self.odd.append(((*top.path, text), line, f"the same key stands in line {top.first[text]} already"))
        top.first.setdefault(text, line)
        self.lines.setdefault((*top.path, text), line)
        top.key = text

    def _place(self, value: Any, line: int) -> Path:  # noqa: ANN401 -- any YAML value
        if not self._stack:
            self.value = value
            self.lines.setdefault((), line)
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            path: Path = (*top.path, len(top.value))
            top.value.append(value)
            self.lines[path] = line
            return path
        key = str(top.key)
        top.value.setdefault(key, value)
        top.key = None
        return (*top.path, key)
