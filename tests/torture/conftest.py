"""What the torture tests share: the figures that they reach."""

from collections.abc import Callable

import pytest

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
