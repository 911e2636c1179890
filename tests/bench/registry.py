"""What deploy and rollback ask of MLflow, with 10 and with 1,000 versions, and 1 and 3 segments of the ledger more.

Run by `make bench`, or ``PYTHONPATH=tests python tests/bench/registry.py``. It starts a real `mlflow server` with one
worker and prints the calls of its client API, the HTTP requests behind them, and their time as a ratio of the same job
at 10 versions. A server that is not on this machine gets two requests more in each job (`ci_lib.registry.capability`).
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import requests
from ci_lib.jobs import deploy, rollback
from doubles.faulty import Watched
from doubles.server import mlflow_server
from doubles.small_chain import World, config, decide
from mlflow.artifacts import download_artifacts

from ci_lib.champion import compared, resolve
from ci_lib.job import Job
from ci_lib.production import open_production
from ci_lib.registry import Registry
from ci_lib.registry.connection import SEGMENT as ENTRIES

VERSIONS = (10, 1000)
SEGMENTS = (2, 3, 5)
SEGMENT = 8
"""Entries a segment here. A deploy reads the newest segment, so with 1,000 a segment it is 1.5 MB at most."""
REPEATS = 5
LISTS = {"get_registered_model", "get_latest_versions"}


def main() -> int:
    """Print the calls; 1 when they differ between few and many versions."""
    with tempfile.TemporaryDirectory(prefix="ml-release-bench-") as scratch:
        root = Path(scratch)
        with mlflow_server(root) as address:
            measured = [measure(root / str(count), address, count) for count in VERSIONS]
            rotated = segments(root / "segments", address)
    few, many = measured
    for name in ("deploy", "rollback"):
        calls, wire, seconds = few[name]
        _say(f"\n{name}: {len(calls)} calls, {wire} HTTP requests")
        for call, times in Counter(calls).items():
            _say(f"  {times} x {call}")
        more = many[name]
        grown = "the same" if more[:2] == (calls, wire) else f"{len(more[0])} calls, {more[1]} HTTP requests"
        _say(f"  at {VERSIONS[1]:,} versions: {grown}")
        _say(f"  time at {VERSIONS[1]:,} versions: {more[2] / seconds:.2f} x that at {VERSIONS[0]}")
    for count, (calls, wire, size) in zip(SEGMENTS, rotated, strict=True):
        _say(f"\ndeploy into segment {count}: {len(calls)} calls, {wire} HTTP requests, {size / 1024:.0f} KiB received")
    different = any(few[name][:2] != many[name][:2] for name in few)
    different = different or any(each[:2] != rotated[0][:2] for each in rotated)
    called = {call for measures in measured for calls, _, _ in measures.values() for call in calls}
    listed = called & LISTS
    _say(f"\ncalls that read every version: {sorted(listed) or 'none'}")
    return 1 if different or listed else 0


def measure(project: Path, address: str, versions: int) -> dict[str, tuple[list[str], int, float]]:
    """Return calls, HTTP requests and best time of a second deploy and of a rollback."""
    project.mkdir()
    name = f"loan-{versions}"
    environments = {"production": {"name": name}}
    world = World(
        project=project,
        open_registry=lambda uri: Registry(uri, project),
        config=config(registry=address, environments=environments),
    )
    world.approve(world.train("first"))
    deploy.main(world.job(), decide=decide)
    release = resolve(open_production(world.job()))
    for _ in range(versions):
        world.open_registry(address).create_version(name, release.model_id)
    best: dict[str, tuple[list[str], int, float]] = {}
    for turn in range(REPEATS):
        head = resolve(open_production(world.job()))
        world.approve(world.train(f"model {turn}", champion=compared(head)))
        _keep(best, "deploy", *_run(world, lambda job: deploy.main(job, decide=decide)))
        world.ci.session = f"p{turn}"
        _keep(best, "rollback", *_run(world, rollback.main))
    return best


def segments(project: Path, address: str) -> list[tuple[list[str], int, int]]:
    """Return calls, HTTP requests and bytes of the second deploy of several segments."""
    project.mkdir()
    world = World(
        project=project,
        open_registry=lambda uri: Registry(uri, project, segment=SEGMENT),
        config=config(registry=address, environments={"production": {"name": "loan-segments"}}),
    )
    found = []
    last = SEGMENT * (max(SEGMENTS) - 1) + 2
    for number in range(1, last + 1):
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(f"model {number}", champion=compared(head) if head else None))
        calls, wire, size, _ = _watch(world, lambda job: deploy.main(job, decide=decide), SEGMENT)
        if number in {SEGMENT * (segment - 1) + 2 for segment in SEGMENTS}:
            found.append((calls, wire, size))
    return found


def _run(world: World, act: Callable[[Job], int]) -> tuple[list[str], int, float]:
    calls, wire, _, seconds = _watch(world, act, ENTRIES)
    return calls, wire, seconds


def _watch(world: World, act: Callable[[Job], int], segment: int) -> tuple[list[str], int, int, float]:
    calls: list[str] = []
    address = world.job().registry_uri()

    def open_one(uri: str) -> Registry:
        client = Watched(mlflow.MlflowClient(tracking_uri=address, registry_uri=address), calls)
        fetch = client.watch("download_artifacts", download_artifacts)
        return Registry(uri, world.project, client=client, fetch=fetch, segment=segment)

    job = Job(**{**vars(world.job(reason="bench")), "open_registry": open_one})
    with _counted() as wire:
        start = time.perf_counter()
        act(job)
        return calls, len(wire), sum(wire), time.perf_counter() - start


def _keep(
    best: dict[str, tuple[list[str], int, float]], name: str, calls: list[str], wire: int, seconds: float
) -> None:
    before = best.get(name)
    best[name] = (calls, wire, min(seconds, before[2]) if before else seconds)


@contextmanager
def _counted() -> Iterator[list[int]]:
    """Count the bytes of each answer to an HTTP request of this process; those of a stream count as none."""
    plain = requests.Session.request
    wire: list[int] = []

    def counting(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        answer = plain(self, method, url, **more)
        wire.append(0 if more.get("stream") else len(answer.content))
        return answer

    requests.Session.request = counting  # type: ignore[assignment, method-assign]
    try:
        yield wire
    finally:
        requests.Session.request = plain  # type: ignore[method-assign]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
