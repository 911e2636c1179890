"""What each stage costs by itself, as a multiple of importing MLflow and opening its store. Run by `make bench`.

The project is the demo's: real mortgage applications, the mitigated model, an SQLite registry. Every turn is a release
on top of the last one, so `validate` scores a champion as well, and measures the yardstick among the stages.

A stage's own cost is its wall time without the user's: `fit` (train writes its seconds into candidate.json) and
`predict` (the child process measures it, validate and monitor print it). The last column also leaves out loading the
model, which is mostly the import of scikit-learn and skops in each fresh child: whoever serves the model pays it too.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ci_lib.candidate import Candidate
from ci_lib.decision import Decision

PROGRAM = str(Path(sys.executable).parent / "ml-release")
TURNS = 3
LIMIT = 2.0

OPEN = """
import mlflow
address = "sqlite:///mlflow.db"
mlflow.MlflowClient(tracking_uri=address, registry_uri=address).get_experiment_by_name("none")
"""
YARDSTICK = [sys.executable, "-c", OPEN]
WITHOUT_EXIT = [sys.executable, "-c", f"{OPEN}import os; os._exit(0)"]
"""Nearly half of the yardstick is Python collecting garbage while it exits, which ml-release does without."""

SETTINGS = {
    "data.drop": "[action, reject, typur, white]",
    "data.use_sensitive": "false",
    "train.params.recipe": "reweighed",
}
"""What the demo edits after its first candidate failed."""

MODELS = re.compile(r"the models' own time: ([0-9.]+) s to load, ([0-9.]+) s to predict")
MAY_END_WITH = {"validate": {0, 11}}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of one stage, once."""

    wall: float
    user: float
    """In the user's fit and predict."""
    load: float


def main() -> int:
    """Print a line a stage."""
    with tempfile.TemporaryDirectory(prefix="ml-release-bench-") as scratch:
        project = Path(scratch) / "loans"
        run(["init", str(project), "--example", "loans"], Path(scratch), settings=False)
        list(turn(project, 0))  # the first release: makes the database, and a champion for the turns to come
        costs: dict[str, list[Cost]] = {}
        for number in range(1, TURNS + 1):
            for name, cost in turn(project, number):
                costs.setdefault(name, []).append(cost)
    show(costs)
    return 0


def turn(project: Path, number: int) -> Iterator[tuple[str, Cost]]:
    """Release once, and give the cost of each stage."""
    yield "yardstick", Cost(wall=timed(YARDSTICK, project, {0})[0], user=0, load=0)
    yield "without its exit", Cost(wall=timed(WITHOUT_EXIT, project, {0})[0], user=0, load=0)
    yield "prepare", stage(project, "prepare")
    yield "train", stage(project, "train", "--set", f"train.seed={number}")
    yield "validate", stage(project, "validate")
    yield "report", stage(project, "report")
    accepted = [word for name in undecided(project) for word in ("--accept", name)]
    yield "approve", stage(project, "approve", "--as", "reviewer", "--reason", "bench", *accepted)
    yield "deploy", stage(project, "deploy")
    yield "monitor", stage(project, "monitor")
    yield "status", stage(project, "status")
    if number:
        yield "rollback", stage(project, "rollback", "--reason", f"bench {number}")


def stage(project: Path, name: str, *more: str) -> Cost:
    """Run one stage as a command of its own, as a CI job does."""
    wall, said = run([name, *more], project)
    load, user = (
        (sum(map(float, found)) for found in zip(*MODELS.findall(said), strict=True))
        if MODELS.search(said)
        else (0.0, 0.0)
    )
    if name == "train":
        user = Candidate.read(project / "release" / "candidate.json").seconds
    return Cost(wall=wall, user=user, load=load)


def run(arguments: list[str], directory: Path, *, settings: bool = True) -> tuple[float, str]:
    """Run ml-release, and return its wall time and what it said."""
    words = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")] if settings else []
    return timed([PROGRAM, *arguments, *words], directory, MAY_END_WITH.get(arguments[0], {0}))


def timed(command: list[str], directory: Path, codes: set[int]) -> tuple[float, str]:
    """Run a command that must end with one of the exit codes."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode not in codes:
        sys.exit(f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds, done.stdout


def undecided(project: Path) -> tuple[str, ...]:
    """Return what the reviewer must accept by name."""
    return Decision.read(project / "release" / "decision.json").inconclusive


def show(costs: dict[str, list[Cost]]) -> None:
    """Print medians as multiples of the yardstick's."""
    yardstick = statistics.median(cost.wall for cost in costs.pop("yardstick"))
    print(f"yardstick: a Python that imports mlflow and opens its SQLite store; medians of {TURNS}; limit {LIMIT:g} x")
    print(f"{'stage':<18}{'wall':>8}{'own: without fit and predict':>32}{'without load too':>20}")
    for name, found in costs.items():
        wall = statistics.median(cost.wall for cost in found) / yardstick
        own = statistics.median(cost.wall - cost.user for cost in found) / yardstick
        less = statistics.median(cost.wall - cost.user - cost.load for cost in found) / yardstick
        over = "  over" if own > LIMIT else ""
        print(f"{name:<18}{wall:>6.2f} x{own:>30.2f} x{less:>18.2f} x{over}")


if __name__ == "__main__":
    sys.exit(main())
