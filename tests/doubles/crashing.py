"""Tasks of children that die: each opens a registry of its own, as a CI job does."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
from doubles.deadly import Deadly, Points
from doubles.scenes import SCENES, Left, Seen, leftovers, look
from doubles.small_chain import World, config
from mlflow.artifacts import download_artifacts

from ci_lib.errors import ReleaseError
from ci_lib.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Place:
    """One production model of its own, in one registry."""

    address: str
    root: Path
    """Where an embedded registry keeps its files."""
    name: str
    desk: str = ""
    """Tells the directories of several jobs apart."""

    @property
    def project(self) -> Path:
        """The job's directory."""
        return self.root / f"{self.name}{self.desk}"


def world(place: Place, points: Points | None = None) -> World:
    """Return the place's world; with `points`, its calls may die."""

    def open_one(uri: str) -> Registry:
        if points is None:
            return Registry(uri, place.root)
        address = Registry(uri, place.root).address
        client = Deadly(mlflow.MlflowClient(tracking_uri=address, registry_uri=address), points)
        return Registry(uri, place.root, client=client, fetch=points.watch("download_artifacts", download_artifacts))

    place.project.mkdir(exist_ok=True)
    environments = {place.name: {"name": place.name}}
    return World(
        project=place.project,
        open_registry=open_one,
        config=config(registry=place.address, environments=environments),
        environment=place.name,
    )


def prepare(places: list[Place], scene: str) -> None:
    """Do in each place what comes before the operation."""
    for place in places:
        SCENES[scene].prepare(world(place))


def act(place: Place, scene: str, at: int = 0) -> tuple[int, list[str]]:
    """Run the operation and die at a point; without one return the exit code and the points."""
    points = Points(at)
    doomed = world(place, points)
    points.files(place.project / "release")
    code = SCENES[scene].act(doomed)
    points.reach("the end")
    return code, points.seen


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What a run left that was killed, and what the next one made of it."""

    left: Left
    code: int
    seen: Seen
    points: int
    """How many points the recovery had."""


def recover(place: Place, scene: str) -> Recovered:
    """Look, run the operation once more, to its end, and look again."""
    points = Points()
    there = world(place, points)
    left = leftovers(there)
    points.seen.clear()
    points.files(place.project / "release")
    code, reached = SCENES[scene].act(there), len(points.seen)
    return Recovered(left=left, code=code, points=reached, seen=look(world(place)))


def finish(place: Place, scene: str) -> Seen:
    """Run the operation to its end, and look."""
    there = world(place)
    SCENES[scene].act(there)
    return look(there)


IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "1",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
}
"""A job that does not wait long for a server."""


def attempt(place: Place, scene: str) -> str:
    """Run the operation over a bad line; return ``done``, or the kind of error and its sentence."""
    os.environ.update(IMPATIENT)
    there = replace(world(place), open_registry=lambda uri: Registry(uri, place.root, pause=lambda _: None))
    try:
        code = SCENES[scene].act(there)
    except ReleaseError as error:
        return f"{type(error).__name__}: {error.what}"
    return "done" if code in SCENES[scene].done else f"exit code {code}"
