"""Somebody swaps bytes between any two steps of a deploy: it refuses, or what is in production was approved.

A step is a call to MLflow, downloads among them. Three places are tampered with: the candidate's files, the production
copy's files, and the alias.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy
from doubles.small_chain import World, decide
from mlflow.artifacts import download_artifacts
from torture.sizes import size

from ci_lib import chain as chains
from ci_lib.audit import audit
from ci_lib.errors import Exit, Refused
from ci_lib.manifest import scan
from ci_lib.registry import Registry

EVIL = "EVIL BYTES"


class Meddled:
    """Passes calls on to an MLflow client, and calls `meddle` once, before the n-th."""

    def __init__(self, client: Any, before: int, meddle: Callable[[], None]) -> None:
        self._client, self._before, self._meddle = client, before, meddle
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return self.watch(getattr(self._client, name))

    def watch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self._before:
                self._meddle()
            return call(*args, **kwargs)

        return watched


def world_in(root: Path, migrated: Path) -> World:
    root.mkdir()
    shutil.copy(migrated, root / "mlflow.db")
    registry = Registry("sqlite:///mlflow.db", root)
    return World(project=root, open_registry=lambda _: registry)


def swap(root: Path, chosen: Callable[[Path], bool]) -> None:
    for path in (root / "mlartifacts").rglob("model.skops"):
        if chosen(path):
            path.write_text(EVIL)


def meddlers(world: World, candidate: str) -> dict[str, Callable[[], None]]:
    root = world.project
    return {
        "candidate": lambda: swap(root, lambda path: candidate in path.parts),
        "production copy": lambda: swap(root, lambda path: candidate not in path.parts),
        "alias": lambda: evil_alias(world),
    }


def evil_alias(world: World) -> None:
    """Register other bytes as a version of the production model, and point the alias to them."""
    registry = Registry("sqlite:///mlflow.db", world.project)
    saved = world.project / "evil"
    shutil.copytree(world.project / "saved", saved, dirs_exist_ok=True)
    (saved / "model.skops").write_text(EVIL)
    logged = registry.upload_model(registry.experiment("training"), saved)
    if registry.registered("loan", "champion").exists:
        version = registry.create_version("loan", logged.model_id, logged.run_id)
        registry.set_alias("loan", "champion", version)


def deployed(world: World, before: int, where: str) -> tuple[int | None, int]:
    """Deploy with somebody at work before the n-th call; return the exit code, None for a refusal, and the calls."""
    made = world.train("GOOD")
    world.approve(made)
    meddle = meddlers(world, made.candidate.model_uri.removeprefix("models:/"))[where]
    watched = Meddled(Registry("sqlite:///mlflow.db", world.project)._client, before, meddle)
    registry = Registry("sqlite:///mlflow.db", world.project, client=watched, fetch=watched.watch(download_artifacts))
    world.open_registry = lambda _: registry
    try:
        return deploy.main(world.job(), decide=decide), watched.calls
    except Refused:
        return None, watched.calls


def unharmed(world: World, scratch: Path) -> bool:
    """Say whether a consumer gets the approved bytes, or nothing, or an audit says what is wrong."""
    world.open_registry = lambda _: Registry("sqlite:///mlflow.db", world.project)
    problems = audit(world.job())
    registry = world.registry
    seen = registry.alias("loan", "champion") if registry.registered("loan", "champion").exists else None
    if seen is None:
        return True
    found = scan(registry.download("models:/loan@champion", scratch)).digest()
    good = chains.read(world.project / "release").candidate.manifest.digest()
    return found == good or bool(problems)


@pytest.mark.parametrize("where", ["candidate", "production copy", "alias"])
def test_bytes_swapped_between_any_two_steps_never_pass_for_the_approved_ones(
    tmp_path: Path, migrated: Path, where: str, figure: Callable[..., None]
) -> None:
    code, steps = deployed(world_in(tmp_path / "whole", migrated), 0, where)
    assert code == Exit.DONE
    tried = sorted(set(range(1, steps + 1, size(40, 1))) | {steps})
    refused = 0
    for step in tried:
        world = world_in(tmp_path / str(step), migrated)
        code, _ = deployed(world, step, where)
        refused += code is None
        assert unharmed(world, tmp_path / f"consumer-{step}"), f"before call {step}"
    if where == "candidate":
        assert refused, "a swap before the download is refused"
    figure(
        "tampering",
        "{} swaps between two steps of a deploy, {} refused at once, all others found by audit or too late to matter",
        len(tried),
        refused,
    )
