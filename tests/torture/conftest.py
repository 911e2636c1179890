"""What the torture tests share: a warm process to fork from, registries, and the figures that they reach."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from doubles.crashing import Place
from doubles.postgres import postgres
from doubles.server import mlflow_server
from doubles.warm import Warm

PROPERTY = "figure"


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Say what was reached; the session ends with a list.

    ``figure("fuzz", "20000 files, 0 tracebacks")`` is one line; ``figure("crash matrix", "{} points", 98)`` from
    several tests is one line with the sums.
    """

    def say(name: str, text: str, *numbers: int) -> None:
        record_property(PROPERTY, (name, text, list(numbers)))

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the figures: properties of reports, so that they arrive from pytest-xdist's workers, too."""
    sums: dict[tuple[str, str], list[int]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == PROPERTY:
                title, text, numbers = value
                before = sums.get((title, text), [0] * len(numbers))
                sums[title, text] = [one + other for one, other in zip(before, numbers, strict=True)]
    if sums:
        terminalreporter.section("figures")
        for (title, text), numbers in sorted(sums.items()):
            shown = text.format(*(f"{number:,}" for number in numbers)) if numbers else text
            terminalreporter.write_line(f"{title}: {shown}")


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Warm]:
    """Return a process that has imported MLflow, to fork from."""
    directory = tmp_path_factory.mktemp("warm")
    (directory / "mlflow.db").write_bytes(migrated.read_bytes())
    with Warm(directory) as started:
        yield started


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Callable[[str], Place]]:
    """Return what gives a registry by the name of its kind, each started once; its places are told apart by `name`."""
    with ExitStack() as running:
        started: dict[str, Place] = {}

        def start(kind: str) -> Place:
            root = tmp_path_factory.mktemp(kind.replace(" ", "-"))
            if kind != "server on PostgreSQL":
                (root / "mlflow.db").write_bytes(migrated.read_bytes())
            if kind == "embedded SQLite":
                return Place(address=f"sqlite:///{root}/mlflow.db", root=root, name="")
            database = running.enter_context(postgres()) if kind == "server on PostgreSQL" else None
            return Place(address=running.enter_context(mlflow_server(root, database)), root=root, name="")

        def one(kind: str) -> Place:
            if kind not in started:
                started[kind] = start(kind)
            return started[kind]

        yield one
