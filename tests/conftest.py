"""Options and fixtures that all tests share."""

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from coverage import Coverage
from doubles.small_chain import World
from playwright.sync_api import Browser, sync_playwright

from ci_lib.registry import Registry


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write what the code gives now as what is expected")


SLOW = ("torture", "packaging", "e2e", "jobs", "signoff", "probe")
"""Folders whose files take longest. One that is begun last keeps a core waiting (`--no-loadscope-reorder`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    rank = {name: number for number, name in enumerate(SLOW)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(tests).parts[0], len(SLOW)))


UNMEASURED = ("torture", "packaging", "e2e")
"""Folders whose tests run without coverage: they go where others have been, over and over."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    measured = Coverage.current()
    if measured is None or item.path.relative_to(Path(__file__).parent).parts[0] not in UNMEASURED:
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> "Golden":
    """Hold text against a file below tests/golden."""
    return Golden(root=Path(__file__).parent / "golden", update=request.config.getoption("--update-goldens"))


class Golden:
    """Expected files."""

    def __init__(self, root: Path, *, update: bool) -> None:
        self.root = root
        self.update = update

    def check(self, name: str, found: str) -> None:
        """Compare, or write when asked to."""
        path = self.root / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; run pytest with --update-goldens and read the difference"
        assert found == path.read_text(encoding="utf-8"), "if this is meant, run pytest with --update-goldens"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, one for a module."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("chromium is not on PATH; the pages are tested in a real browser (apt-get install chromium)")
    quiet = (
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    )  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(quiet))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty MLflow database: making one takes seconds, copying it milliseconds."""
    project = tmp_path_factory.mktemp("migrated")
    Registry("sqlite:///mlflow.db", project).ledger("none")
    return project / "mlflow.db"


@pytest.fixture
def open_registry(tmp_path: Path, migrated: Path) -> Callable[[str], Registry]:
    """Return what opens an embedded registry in the test's own directory."""
    shutil.copy(migrated, tmp_path / "mlflow.db")
    opened: dict[str, Registry] = {}

    def open_one(uri: str) -> Registry:
        if uri not in opened:
            opened[uri] = Registry(uri, tmp_path)
        return opened[uri]

    return open_one


@pytest.fixture
def process_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what `ci_lib.cli.main` sets for its whole process."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def world(tmp_path: Path, open_registry: Callable[[str], Registry]) -> World:
    """Return a project with an embedded registry."""
    return World(project=tmp_path, open_registry=open_registry)
