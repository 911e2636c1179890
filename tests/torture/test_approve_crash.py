"""Approve, killed by SIGKILL before every line that checks or writes an answer; then the same answer once more."""

from collections.abc import Callable
from pathlib import Path

import pytest
from doubles import answering
from doubles.answering import SCENES
from doubles.warm import Died, Warm
from torture.sizes import FULL


@pytest.mark.parametrize("name", SCENES)
def test_killed_at_any_line_the_answer_is_given_once(
    warm: Warm, tmp_path: Path, figure: Callable[..., None], name: str
) -> None:
    scene = SCENES[name]
    whole = tmp_path / "whole"
    warm.run(answering.prepare, whole, name)
    points = warm.run(answering.act, whole, name)
    writes = [number for number, point in enumerate(points, start=1) if point.startswith("files.py")]
    assert len(writes) >= 10
    tried = range(1, len(points) + 1) if FULL else writes[::3]
    for number in tried:
        root = tmp_path / str(number)
        warm.run(answering.prepare, root, name)
        assert warm.run(answering.act, root, name, number) is Died
        found = warm.run(answering.again, root, name)
        where = f"killed at point {number}: {points[number - 1]}"
        assert (found.state, found.answers) == (scene.state, scene.answers), where
        assert found.files == len(scene.answers), where
    figure("crash matrix of approve", "{} points, the answer given once after one re-run", len(tried))
