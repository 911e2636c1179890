"""Killed, and killed again while recovering, at every pair of points; then one more run.

In memory, where a pair takes milliseconds; `test_crash_matrix` kills for real.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from doubles.deadly import Points, vanish
from doubles.faulty import Killed
from doubles.memory_registry import MemoryRegistry, State, open_memory
from doubles.scenes import SCENES, Scene, look
from doubles.small_chain import World
from torture.sizes import size

FIRST, SECOND = size(5, 10_000), size(3, 10_000)
"""How many points of the operation, and of its recovery; the full numbers mean all."""


@dataclass(frozen=True)
class Backup:
    """A registry, and the files of the job."""

    state: State
    files: dict[Path, bytes]


@dataclass
class Stage:
    """One scene in memory, that can be played from any backup."""

    scene: Scene
    project: Path
    state: State = field(default_factory=State)

    def backup(self) -> Backup:
        paths = [path for path in (self.project / "release").rglob("*") if path.is_file()]
        return Backup(copy.deepcopy(self.state), {path: path.read_bytes() for path in paths})

    def restore(self, backup: Backup) -> None:
        self.state = copy.deepcopy(backup.state)
        for path in (self.project / "release").rglob("*.json"):
            if path not in backup.files:
                path.unlink()
        for path, content in backup.files.items():
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)

    def world(self, points: Points | None = None) -> World:
        return World(project=self.project, open_registry=open_memory(MemoryRegistry(self.state), self.project, points))

    def play(self, backup: Backup, at: int = 0) -> Points:
        """Run the operation from a backup, and die at a point."""
        self.restore(backup)
        points = Points(at, die=vanish)
        try:
            assert self.scene.act(self.world(points)) in self.scene.done
        except Killed:
            return points
        assert at == 0
        return points

    def check(self) -> None:
        seen = look(self.world())
        assert (seen.releases, seen.operations) == (self.scene.after, len(self.scene.after))
        assert (seen.champion, seen.versions) == (self.scene.after[-1], self.scene.versions)
        assert (seen.problems, seen.moved) == ((), False)


@pytest.mark.parametrize("name", SCENES)
def test_killed_twice_it_is_done_once(tmp_path: Path, figure: Callable[..., None], name: str) -> None:
    stage = Stage(SCENES[name], tmp_path)
    stage.scene.prepare(stage.world())
    fresh, pairs = stage.backup(), 0
    total = len(stage.play(fresh).seen)
    for first in range(1, total + 1, max(total // FIRST, 1)):
        stage.play(fresh, first)
        left = stage.backup()
        recovery = len(stage.play(left).seen)
        stage.check()
        for second in range(1, recovery + 1, max(recovery // SECOND, 1)):
            stage.play(left, second)
            stage.play(stage.backup())
            stage.check()
            pairs += 1
    figure("double crash in memory", "{} pairs of points, each done once after one more run", pairs)
