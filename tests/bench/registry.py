"""What deploy and rollback ask of MLflow, with 10 and with 1,000 versions of the production model.

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

VERSIONS = (10, 1000)
REPEATS = 5
LISTS = {"get_registered_model", "get_latest_versions"}


def main() -> int:
    """Print the calls; 1 when they differ between few and many versions."""
    with tempfile.TemporaryDirectory(prefix="ml-release-bench-") as scratch:
        root = Path(scratch)
        with mlflow_server(root) as address:
            measured = [measure(root / str(count), address, count) for count in VERSIONS]
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
    different = any(few[name][:2] != many[name][:2] for name in few)
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


def _run(world: World, act: Callable[[Job], int]) -> tuple[list[str], int, float]:
    calls: list[str] = []
    address = world.job().registry_uri()

    def open_one(uri: str) -> Registry:
        client = Watched(mlflow.MlflowClient(tracking_uri=address, registry_uri=address), calls)
        return Registry(uri, world.project, client=client, fetch=client.watch("download_artifacts", download_artifacts))

    job = Job(**{**vars(world.job(reason="bench")), "open_registry": open_one})
    with _counted() as wire:
        start = time.perf_counter()
        act(job)
        return calls, len(wire), time.perf_counter() - start


def _keep(
    best: dict[str, tuple[list[str], int, float]], name: str, calls: list[str], wire: int, seconds: float
) -> None:
    before = best.get(name)
    best[name] = (calls, wire, min(seconds, before[2]) if before else seconds)


@contextmanager
def _counted() -> Iterator[list[str]]:
    """Count HTTP requests of this process."""
    plain = requests.Session.request
    wire: list[str] = []

    def counting(self: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        wire.append(url)
        return plain(self, method, url, **more)

    requests.Session.request = counting  # type: ignore[assignment, method-assign]
    try:
        yield wire
    finally:
        requests.Session.request = plain  # type: ignore[method-assign]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
