"""The structure of a report without its texts: what a hostile text must not change."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree as ET

import html5lib
from doubles.markup import xml
from doubles.records import Chain
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ci_lib import report
from ci_lib.text import HIDDEN

Skeleton = Counter[tuple[str, tuple[str, ...]]]

SAMPLE = re.compile(r'ml_release_measurement\{(\w+="([^"\\]|\\\\|\\")*",?)+\} -?[0-9.e+-]+')
"""OpenMetrics 1.0: a quote or backslash in a label's value is escaped."""


def files(built: Chain) -> dict[str, str]:
    rendered = report.render(
        built.config, built.dataset, built.candidate, built.evidence, built.decision, history=built.history
    )
    return {name: data.decode() for name, data in rendered.items() if not name.startswith("records/")}


LINKS = ("href", "src", "action", "formaction", "srcdoc", "style", "poster", "data", "xlink:href")


def links(text: str) -> set[str]:
    """Return where a page leads or loads from, and its inline styles; places in itself are left out."""
    root = html5lib.HTMLParser(namespaceHTMLElements=False).parse(text)
    named = {value for part in root.iter() for name, value in part.attrib.items() if str(name).lower() in LINKS}
    return {value for value in named if not value.startswith("#")}


def html_skeleton(text: str) -> Skeleton:
    """Elements with the names of their attributes; within drawings only which there are, for their ticks may differ."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root = parser.parse(text)
    inside = {id(part) for svg in root.iter("svg") if svg.get("class") == "chart" for part in svg.iter()}
    outer = Counter(shape(part) for part in root.iter() if isinstance(part.tag, str) and id(part) not in inside)
    for part in root.iter():
        if id(part) in inside:
            outer[part.tag, ()] = 1
    assert not [part for part in root.iter() if not isinstance(part.tag, str)], "a comment came in"
    return outer


def shape(part: ET.Element) -> tuple[str, tuple[str, ...]]:
    return part.tag, tuple(sorted(part.attrib))


def markdown_skeleton(text: str) -> list[str]:
    """Return what a reader makes of it, with HTML allowed and without."""
    parsers = [MarkdownIt("commonmark", {"html": html}).enable(["table", "strikethrough"]) for html in (True, False)]
    return [token.type for parser in parsers for token in flat(parser.parse(text)) if token.type != "text"]


def flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or ())


def check(found: dict[str, str], harmless: dict[str, str]) -> None:
    assert html_skeleton(found["index.html"]) == html_skeleton(harmless["index.html"])
    assert not {link for link in links(found["index.html"]) - links(harmless["index.html"]) if "word" not in link}
    assert markdown_skeleton(found["report.md"]) == markdown_skeleton(harmless["report.md"])
    assert markdown_skeleton(found["note.md"]) == markdown_skeleton(harmless["note.md"])
    assert found["gate.txt"].count("\n") == harmless["gate.txt"].count("\n")
    assert junit_skeleton(found["junit.xml"]) == junit_skeleton(harmless["junit.xml"])
    check_lines(found, harmless)


def junit_skeleton(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [shape(element) for element in xml(text).iter()]


def check_lines(found: dict[str, str], harmless: dict[str, str]) -> None:
    head, kind, *samples, end, last = found["metrics.txt"].split("\n")
    assert (head[:6], kind[:6], end, last) == ("# HELP", "# TYPE", "# EOF", "")
    assert all(SAMPLE.fullmatch(sample) for sample in samples)
    for name in ("report.md", "note.md"):
        check_markdown(found[name], harmless[name])
    for name, text in found.items():
        joiner = "\u2060" if name.endswith(".md") else "\n"
        hidden = {c for c in text if unicodedata.category(c) in HIDDEN} - {"\n", joiner}
        assert not hidden, name


def check_markdown(markdown: str, harmless: str) -> None:
    assert markdown.count("\n") == harmless.count("\n")
    assert not re.search(r"^\s*/", markdown, re.MULTILINE), "GitLab would run it as a command"
    outside_code = re.sub(r"`[^`\n]*`", "", markdown)
    assert not re.search(r"@[\w-]", outside_code), "GitLab would notify somebody"
    assert not re.search(r"(://|www)[^\s\u2060]", outside_code, re.IGNORECASE), "a link by itself"
