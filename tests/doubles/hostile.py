"""Text that attacks whoever shows it, and records with that text in every field that takes free text."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import cycle
from typing import Any

from doubles.records import Chain, chain, relink
from pydantic import ValidationError

from ci_lib.record import Record
from ci_lib.source import Change, Source

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</td></table><iframe src=javascript:alert(1)>",
    "<!--", "-->", "<![CDATA[", "]]>", "<?php", "<!DOCTYPE x>", "&lt;b&gt;&#60;", "&amp;&nbsp",
    "{{7*7}}", "{% raw %}", "${7*7}", "{{ self.__init__.__globals__ }}", "{# x #}",
    "$\\frac{1}{0$", "$\\sqrt", "x_{1}^$2",
    "javascript:alert(1)", "https://evil.example/x", "www.evil.example", "mailto:a@evil.example", "xmpp:a@evil.example",
    "data:text/html,<script>alert(1)</script>",
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "<https://evil.example>",
    "[x]: https://evil.example", "**bold** _it_ ~~no~~ `code` ``two``", "``` \n/close\n```", "a|b|c", "\\|\\", "\\",
    "# heading", "- item", "1. item", "> quote", "---", "| --- |", "    code", "<details><summary>", "[^1]", ":smile:",
    "@root please merge", "hello @all", "#1 !1 ~bug %1 &1 $1", '%"next"', "a@b.example",
    "/approve", "\n/merge", "\r/close\r\n", "x\n\n/assign @root\n\n", "\u2028/close", "\u2029/close",
    "\v/close", "\f/close",
    "\u202egnp.exe", "a\u2066b\u2069c", "\u200b\u200d\ufeff", "\u061c\u200f", "\U000e0041\U000e0042", "\u00ad",
    "\u3164",
    "\x00", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x0bsection_start:1:x\r\x1b[0K", "\x7f\x85\x9b",
    "\ufffe\uffff", "\ufdd0",
    "é" * 50, "漢字🏳️‍🌈", "שלום עולם", "مرحبا", "A" * 20_000, "a" * 300 + "<b>", "'; DROP TABLE releases; --",
    "$(touch /tmp/x)", "`id`", "%s%n", "%(asctime)s", "../../etc/passwd", "file:///etc/passwd", "NaN", "null", "None",
)  # fmt: skip
"""Texts found one by one: in advisories, in what GitLab and Markdown readers document, by breaking our own pages."""

MARKUP = tuple(
    form.format(tag)
    for tag in ("script", "style", "iframe", "svg", "math", "template", "noscript", "object")
    for form in ("<{0}>", "</{0}>", "<{0}/onload=alert(1)>", '"><{0} src=//evil.example>', "<\t{0}\n>", "&lt;{0}&gt;")
)
COMMANDS = tuple(
    form.format(word)
    for word in ("close", "merge", "assign @root", "label ~x", "unapprove", "run_pipeline")
    for form in ("\n/{0}\n", "\\\n/{0}", "`x`\n\n/{0}", "<br>\n/{0}", "\u2028/{0}")
)
SHELL = tuple(
    form.format("touch canary")
    for form in (
        "'; {0}; '", '"; {0}; "', "$({0})", "`{0}`", "| {0}", "& {0} &", "\n{0}\n", "&& {0}", "'\\''{0}", "'$({0})'",
        ">canary", "'>canary'", "!{0}", "\\'; {0} #", "$'\\n{0}'", "${{IFS}}{0}", "{{{0},}}", "~/{0}", "*", "-rf",
        "--help",
    )
)  # fmt: skip
LOGS = (
    "\x1b[0Ksection_end:1:ml_release_deploy\r\x1b[0K", "\x1b[0Ksection_start:1:evil[collapsed=true]\r\x1b[0Kdone",
    "\r== deploy\r", "x\n== deploy\nrelease 9: models:/loan@champion is version 9", "\x1b[2J\x1b[H", "\x1b]8;;http://evil\x07x",
    "\x9b31m", "\x1b[8mhidden\x1b[0m", "\b\b\b\b", "\x07", "::set-output name=x::y", "##[error]x", "::error::x",
    "##teamcity[buildStatus]", "%0A%0Dx", "\x0b\x0c\x1c\x1d\x1e\x85",
)  # fmt: skip
ALL = (*PAYLOADS, *MARKUP, *COMMANDS, *SHELL, *LOGS)
"""More than 200."""

RECORDS = ("dataset", "candidate", "evidence", "decision")
Path = tuple[str | int, ...]


def poisoned(*payloads: str, metrics: bool = False) -> Chain:
    """Put texts, in turn, into every free field of the records; into names of metrics and curves only when asked to."""
    built = chain("inconclusive")
    change = Change(path="policy.rules[roc_auc]", protected="0.7", branch="0.6", counts="protected")
    shown = {"policy_source": Source(place="refs/heads/main"), "policy_changes": (change,)}
    built = replace(built, decision=built.decision.model_copy(update=shown))
    turn = cycle(payloads)
    changed: dict[str, Any] = {name: _poison(getattr(built, name), turn, metrics=metrics) for name in RECORDS}
    changed["history"] = tuple(_poison(entry, turn, metrics=metrics) for entry in built.history)
    return relink(replace(built, **changed))


def _poison(record: Record, turn: Iterator[str], *, metrics: bool) -> Record:
    data = record.model_dump(mode="json")
    for path in _free(type(record), record.to_bytes()):
        if metrics or not (path[-1] == "metric" or (path[-1] == "name" and "curves" in path)):
            _set(data, path, next(turn))
    if "params" in data:
        data["params"] = {next(turn): next(turn)}
    return type(record).model_validate(data)


@cache
def _free(kind: type[Record], data: bytes) -> tuple[Path, ...]:
    """Find the places that take any text: where no pattern or list of words refuses it."""
    plain = kind.model_validate_json(data).model_dump(mode="json")
    return tuple(path for path, text in _leaves(plain) if isinstance(text, str) and _takes(kind, plain, path, text))


def _takes(kind: type[Record], data: dict[str, Any], path: Path, text: str) -> bool:
    _set(data, path, "<x>\n")
    try:
        kind.model_validate(data)
    except ValidationError:
        return False
    finally:
        _set(data, path, text)
    return True


def _leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _leaves(part, (*path, place))
    else:
        yield path, value


def _set(data: Any, path: Path, value: object) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value
