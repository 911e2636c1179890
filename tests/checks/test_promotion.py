"""What is released in the environment before goes further, as long as no rollback left it there."""

import pytest
from doubles.entries import history

from ci_lib import checks


@pytest.mark.parametrize(
    ("content", "steps"),
    [
        ("A", ("A",)),
        ("A", ("A", "B")),
        ("A", ("A", "B", 1)),
        ("B", ("A", "B", 1, "B")),
    ],
    ids=["the head", "replaced by a newer one", "brought back", "released again after a rollback"],
)
def test_bytes_that_are_or_were_released_there_go_further(content: str, steps: tuple[str | int, ...]) -> None:
    checks.check_promotion(history(content)[0].manifest, "staging", history(*steps))
