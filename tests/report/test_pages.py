"""The report's two pages in a real Chromium: one file by itself, and one under the headers that Jenkins sends."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from doubles.records import chain
from playwright.sync_api import Browser

from ci_lib import report

JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
"""What Jenkins sends with the files of a build, unless an administrator changes it (`DirectoryBrowserSupport`)."""

ACCENT = "getComputedStyle(document.querySelector('.verdict')).borderLeftStyle"
"""``solid`` where the style sheet counts, ``none`` where it does not."""


class Jenkins(SimpleHTTPRequestHandler):
    """Serves a build's files."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", JENKINS)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built, target = chain("inconclusive"), tmp_path_factory.mktemp("report")
    files = report.render(
        built.config, built.dataset, built.candidate, built.evidence, built.decision, history=built.history
    )
    for name in ("index.html", "jenkins.html", "report.css"):
        (target / name).write_bytes(files[name])
    return target


@pytest.fixture(scope="module")
def jenkins(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Jenkins, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def look(browser: Browser, address: str) -> tuple[str, str, list[str]]:
    """Open a page; return how its verdict is set, all of its text, and what the browser complained of."""
    context = browser.new_context()
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    seen = page.evaluate(ACCENT), page.inner_text("body"), said
    context.close()
    return seen


def test_under_jenkins_headers_the_page_with_the_sheet_beside_is_styled_and_nothing_is_blocked(
    browser: Browser, jenkins: str
) -> None:
    style, _, complaints = look(browser, f"{jenkins}/jenkins.html")
    assert (style, complaints) == ("solid", [])


def test_under_jenkins_headers_the_page_in_one_file_is_not_styled(browser: Browser, jenkins: str) -> None:
    """The reason for the other one."""
    style, _, complaints = look(browser, f"{jenkins}/index.html")
    assert style == "none"
    assert complaints


@pytest.mark.parametrize("name", ["index.html", "jenkins.html"])
def test_from_a_disk_both_are_styled(browser: Browser, folder: Path, name: str) -> None:
    style, _, complaints = look(browser, (folder / name).as_uri())
    assert (style, complaints) == ("solid", [])


def test_a_sheet_that_somebody_puts_beside_the_page_that_is_signed_for_changes_nothing(
    browser: Browser, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_bytes((folder / "index.html").read_bytes())
    (tmp_path / "report.css").write_text(".verdict { display: none; border: 0 }")
    style, text, _ = look(browser, (tmp_path / "index.html").as_uri())
    assert style == "solid"
    assert "cannot be settled" in text


def test_both_pages_say_the_same(browser: Browser, folder: Path) -> None:
    one, other = (look(browser, (folder / name).as_uri())[1] for name in ("index.html", "jenkins.html"))
    assert one == other
