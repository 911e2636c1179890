"""Everything that may happen to one production model, in any order, against a model of forty lines.

Deploys, rollbacks and audits, killed or not; versions deleted, the registered model deleted and made again, the alias
moved by hand, bytes changed, the ledger deleted and restored, the clock turned between approval and deploy.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.deadly import Deadly, Points, vanish
from doubles.faulty import Killed
from doubles.memory_registry import MemoryRegistry, open_memory
from doubles.small_chain import World, decide
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from mlflow.artifacts import download_artifacts
from torture.sizes import size

from ci_lib import audit
from ci_lib.champion import compared
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.production import open_production
from ci_lib.registry import Registry
from ci_lib.release import Release

NAME, ALIAS = "loan", "champion"
CONTENTS = ("A", "B", "C")
GONE = "m-" + "0" * 32


@dataclass
class Model:
    """What must be true. A copy is known by MLflow's id, a version by its number."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)
    """Bytes, copy and version of each release."""
    good: list[str] = field(default_factory=list)
    """Bytes that a rollback may choose, the best last."""
    live: dict[str, str] = field(default_factory=dict)
    """Version -> copy."""
    alias: str | None = None
    tampered: set[str] = field(default_factory=set)
    """Copies whose bytes somebody changed."""
    lost: bool = False
    """Whether the ledger is deleted."""

    def whole(self) -> bool:
        """Tell whether the head's version is what it was."""
        return bool(self.entries) and self.live.get(self.entries[-1][2]) == self.entries[-1][1]

    def reconcile(self) -> None:
        self.alias = self.entries[-1][2] if self.whole() else self.alias

    def appended(self, content: str, copy: str, version: str) -> None:
        self.entries.append((content, copy, version))
        self.good.append(content)
        self.live[version] = copy
        self.reconcile()

    def target(self) -> str | None:
        """Return the bytes that a rollback goes back to."""
        rest = [content for content in self.good if content != self.entries[-1][0]] if self.entries else []
        return rest[-1] if rest else None

    def copy_of(self, content: str) -> str:
        """Return the copy that a rollback to some bytes brings back: the last of them."""
        return next(copy for bytes_, copy, _ in reversed(self.entries) if bytes_ == content)

    def rolled_back(self, content: str, copy: str, version: str) -> None:
        self.good = [other for other in self.good if other != self.entries[-1][0]]
        self.appended(content, copy, version)

    def forget(self, version: str) -> None:
        self.live.pop(version, None)
        self.alias = None if self.alias == version else self.alias


class Machine(RuleBasedStateMachine):
    """The jobs on one side, the model on the other. `opened` gives a client, a fetch and a way to change bytes."""

    opened: Callable[[Path], "Backend"]

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory(prefix="ml-release-states-")
        self.project = Path(self.scratch.name)
        self.backend = type(self).opened(self.project)
        self.model = Model()
        self.reasons = 0
        self.head: Release | None = None
        self.world = self.with_points(None)

    def teardown(self) -> None:
        self.scratch.cleanup()

    def with_points(self, points: Points | None) -> World:
        now = self.world.now if hasattr(self, "world") else World.now
        return World(project=self.project, open_registry=self.backend.open(points), now=now)

    def entries(self) -> tuple[Release, ...]:
        return open_production(self.world.job()).ledger.entries()

    # ---- operations

    @initialize()
    def first(self) -> None:
        self.deploy("A", timedelta(0), 0)

    @rule(
        content=st.sampled_from(CONTENTS), later=st.sampled_from([0, 0, 0, -10, -4, 1380, 1500]), at=st.integers(0, 120)
    )
    def deploy_later(self, content: str, later: int, at: int) -> None:
        self.deploy(content, timedelta(minutes=later), at if at < 90 else 0)

    def deploy(self, content: str, later: timedelta, at: int) -> None:
        """Approve, turn the clock, deploy, and die at a point if the deploy comes that far."""
        head = self.head
        made = self.world.train(content, champion=compared(head) if head else None)
        approved = self.world.now
        self.world.approve(made, issued_at=approved, expires_at=approved + timedelta(days=1))
        self.world.now += later
        valid = timedelta(minutes=-5) <= later < timedelta(days=1)
        refused = self.model.lost or not valid
        self.act(lambda world: deploy.main(world.job(), decide=decide), at, {Refused} if refused else set(), content)
        self.world.now = max(approved, self.world.now) + timedelta(minutes=10)

    @rule(at=st.integers(0, 60))
    def rollback(self, at: int) -> None:
        content = self.model.target()
        if self.model.lost or (content and self.model.copy_of(content) in self.model.tampered):
            errors: set[type[BaseException]] = {Refused}
        else:
            errors = set() if content else {BadInput}
        self.reasons += 1
        act = lambda world: rollback.main(world.job(reason=f"reason {self.reasons}"))  # noqa: E731 -- one expression
        self.act(act, at if at < 45 else 0, errors, content, back=True)

    def act(
        self,
        act: Callable[[World], int],
        at: int,
        errors: set[type[BaseException]],
        content: str | None,
        *,
        back: bool = False,
    ) -> None:
        """Run a job, and hold what it did against what the model says."""
        points = Points(at, die=vanish)
        world = self.with_points(points)
        raised: type[BaseException] | None = None
        try:
            assert act(world) == Exit.DONE
        except (Killed, BadInput, Refused) as error:
            raised = type(error)
        assert raised in ({Killed} | (errors or {None})), (raised, errors)
        if not self.model.lost:
            self.settle(content, killed=raised is Killed, refused=bool(errors), back=back)

    def settle(self, content: str | None, *, killed: bool, refused: bool, back: bool) -> None:
        """Tell the model what the job did; one that was killed may have done any of it, in order."""
        model = self.model
        aliases = {model.alias}
        model.reconcile()
        aliases.add(model.alias)
        new = self.entries()[len(model.entries) :]
        assert len(new) <= 1 if killed else len(new) == (not refused)
        for entry in new:
            assert content is not None
            assert not refused
            (model.rolled_back if back else model.appended)(content, entry.model_id, entry.model_version)
            aliases.add(model.alias)
        if killed:
            seen = open_production(self.world.job()).seen()
            model.alias = seen.number if seen else None
            assert model.alias in aliases

    @rule()
    def look(self) -> None:
        """Audit: everything holds, or it says that something does not."""
        model = self.model
        good = not model.lost and model.whole() and model.alias == model.entries[-1][2]
        good = good and model.entries[-1][1] not in model.tampered
        assert audit.main(self.world.job()) == (Exit.DONE if good else Exit.REFUSED)
        if not model.lost:
            model.reconcile()

    # ---- what others do

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def delete_version(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.model.live)))
        self.backend.client.delete_model_version(NAME, version)
        self.model.forget(version)

    @rule(impostors=st.integers(0, 2))
    def delete_and_recreate(self, impostors: int) -> None:
        """Numbers start at 1 again, and somebody may register other bytes under them."""
        self.backend.client.delete_registered_model(NAME)
        self.backend.client.create_registered_model(NAME)
        self.model.live, self.model.alias = {}, None
        for _ in range(impostors):
            foreign = self.world.train("foreign").candidate.model_uri.removeprefix("models:/")
            self.model.live[self.world.registry.create_version(NAME, foreign)] = foreign

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def move_alias(self, data: st.DataObject) -> None:
        version = data.draw(st.sampled_from(sorted(self.model.live)))
        self.backend.client.set_registered_model_alias(NAME, ALIAS, version)
        self.model.alias = version

    @rule(data=st.data(), mend=st.booleans())
    def tamper(self, data: st.DataObject, mend: bool) -> None:
        """Change the bytes of a production copy, or put them back."""
        content, copy, _ = data.draw(st.sampled_from(self.model.entries))
        self.backend.write(copy, content if mend else "EVIL")
        self.model.tampered = self.model.tampered - {copy} if mend else self.model.tampered | {copy}

    @precondition(lambda self: not self.model.lost)
    @rule()
    def delete_the_ledger(self) -> None:
        run = open_production(self.world.job()).run
        assert run is not None
        self.backend.client.delete_run(run.run_id)
        self.model.lost = True

    @precondition(lambda self: self.model.lost)
    @rule()
    def restore_the_ledger(self) -> None:
        run = open_production(self.world.job()).run
        assert run is not None
        self.backend.client.restore_run(run.run_id)
        self.model.lost = False

    # ---- what always holds

    @invariant()
    def agree(self) -> None:
        if not self.model.entries:
            return
        production = open_production(self.world.job())
        seen = production.seen()
        assert (seen.number if seen else None) == self.model.alias
        if self.model.alias:
            assert seen is not None
            assert seen.model_id == self.model.live[self.model.alias]
        if self.model.lost:
            with pytest.raises(Refused, match="deleted the ledger"):
                production.ledger.entries()
            return
        entries = production.ledger.entries()
        self.head = entries[-1]
        assert [(entry.model_id, entry.model_version) for entry in entries] == [
            known[1:] for known in self.model.entries
        ]
        for entry, (content, _, _) in zip(entries, self.model.entries, strict=True):
            assert entry.manifest == self.world.saved(content)[1].digest()
        assert len({entry.op for entry in entries}) == len(entries)


@dataclass
class Backend:
    """A registry that the machine plays with."""

    client: Any
    open: Callable[[Points | None], Callable[[str], Registry]]
    write: Callable[[str, str], None]
    """copy, content: change the copy's bytes."""


def in_memory(project: Path) -> Backend:
    memory = MemoryRegistry()

    def write(copy: str, content: str) -> None:
        memory.state.files[f"{memory.state.models[copy].artifact_location}/model.skops"] = content.encode()

    return Backend(client=memory, open=lambda points: open_memory(memory, project, points), write=write)


def embedded(migrated: Path) -> Callable[[Path], Backend]:
    def opened(project: Path) -> Backend:
        (project / "mlflow.db").write_bytes(migrated.read_bytes())
        address = Registry("sqlite:///mlflow.db", project).address
        client = mlflow.MlflowClient(tracking_uri=address, registry_uri=address)

        def open_with(points: Points | None) -> Callable[[str], Registry]:
            if points is None:
                return lambda uri: Registry(uri, project, client=client)
            fetch = points.watch("download_artifacts", download_artifacts)
            return lambda uri: Registry(uri, project, client=Deadly(client, points), fetch=fetch)

        def write(copy: str, content: str) -> None:
            (Path(client.get_logged_model(copy).artifact_location) / "model.skops").write_text(content)

        return Backend(client=client, open=open_with, write=write)

    return opened


def play(opened: Callable[[Path], Backend], runs: int, steps: int, *, seed: int) -> None:
    """Run the machine; the same runs every time."""
    machine = hypothesis.seed(seed)(type("Played", (Machine,), {"opened": staticmethod(opened)}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs, stateful_step_count=steps, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("part", range(size(1, 20)))
def test_in_memory(figure: Callable[..., None], part: int) -> None:
    runs, steps = size(10, 100), size(25, 50)
    play(in_memory, runs, steps, seed=part)
    figure("state machine in memory", f"{{}} runs of up to {steps} steps, no divergence", runs)


def test_against_mlflow(migrated: Path, figure: Callable[..., None]) -> None:
    runs, steps = size(1, 40), size(15, 50)
    play(embedded(migrated), runs, steps, seed=0)
    figure("state machine against MLflow", f"{{}} runs of up to {steps} steps, no divergence", runs)
