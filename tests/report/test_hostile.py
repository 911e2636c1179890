"""Text from outside is inert in HTML, Markdown and JUnit, whatever field it comes in by."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree as ET

import html5lib
import pytest
from doubles.hostile import PAYLOADS, poisoned
from doubles.markup import xml
from doubles.records import Chain
from markdown_it import MarkdownIt
from markdown_it.token import Token
from playwright.sync_api import Browser

from ci_lib import report
from ci_lib.text import HIDDEN

Skeleton = Counter[tuple[str, tuple[str, ...]]]


def files(built: Chain) -> dict[str, str]:
    rendered = report.render(
        built.config, built.dataset, built.candidate, built.evidence, built.decision, history=built.history
    )
    return {name: data.decode() for name, data in rendered.items() if not name.startswith("records/")}


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
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return [token.type for token in flat(parser.parse(text)) if token.type != "text"]


def flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or ())


TURNS = 16
"""So many times each text moves on to other fields."""

SAMPLE = re.compile(r'ml_release_measurement\{(\w+="([^"\\]|\\\\|\\")*",?)+\} -?[0-9.e+-]+')
"""OpenMetrics 1.0: a quote or backslash in a label's value is escaped."""

NASTY = PAYLOADS[:14] + PAYLOADS[21:23] + PAYLOADS[-30::3]


@pytest.fixture(scope="module")
def plain() -> dict[str, str]:
    """The report with a harmless word in every free field."""
    return files(poisoned("word"))


@pytest.fixture(scope="module")
def plain_metrics() -> dict[str, str]:
    """The same, with that word for every metric and curve too."""
    return files(poisoned("word", metrics=True))


@pytest.mark.parametrize("turn", range(TURNS))
def test_text_changes_no_structure(plain: dict[str, str], turn: int) -> None:
    start = turn * len(PAYLOADS) // TURNS
    check(files(poisoned(*PAYLOADS[start:], *PAYLOADS[:start])), plain)


@pytest.mark.parametrize("payload", NASTY, ids=ascii)
def test_the_name_of_a_metric_changes_no_structure(plain_metrics: dict[str, str], payload: str) -> None:
    check(files(poisoned(payload, metrics=True)), plain_metrics)


def check(found: dict[str, str], harmless: dict[str, str]) -> None:
    assert html_skeleton(found["index.html"]) == html_skeleton(harmless["index.html"])
    assert markdown_skeleton(found["report.md"]) == markdown_skeleton(harmless["report.md"])
    assert markdown_skeleton(found["note.md"]) == markdown_skeleton(harmless["note.md"])
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


def test_the_whole_corpus_at_once_in_a_browser_runs_nothing_and_asks_for_nothing(browser: Browser) -> None:
    built = poisoned(*PAYLOADS)
    page = browser.new_page()
    noticed: list[str] = []
    page.on("dialog", lambda dialog: (noticed.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: noticed.append(request.url))
    page.on("console", lambda message: noticed.append(message.text))
    page.set_content(files(built)["index.html"])
    page.wait_for_load_state("networkidle")
    for element in page.query_selector_all("main *")[:50]:
        element.dispatch_event("mouseover")
    assert noticed == []
    assert page.locator("h1").inner_text() == "loan-approval"
    page.close()
