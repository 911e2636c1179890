"""Text from outside is inert in HTML, Markdown and JUnit, whatever field it comes in by."""

import pytest
from doubles.hostile import PAYLOADS, poisoned
from doubles.skeleton import check, files
from playwright.sync_api import Browser

TURNS = 5
"""So many times each text moves on to other fields; `tests/torture/test_hostile.py` has every text in every field."""

NASTY = PAYLOADS[:14:3] + PAYLOADS[21:22] + PAYLOADS[-30::9]


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
