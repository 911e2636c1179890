"""The model of deploy, rollback and reconcile: all that several can do at once, and that the jobs do the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doubles.memory_registry import MemoryRegistry, open_memory
from doubles.release_model import STEPS, Job, Process, Step, World, begin, path, search
from doubles.scenes import SCENES
from doubles.small_chain import World as Project
from torture.sizes import FULL, size

from ci_lib.errors import Exit
from ci_lib.production import open_production
from ci_lib.registry import Registry

JOBS = {
    "deploy": Job("deploy", "three", "A", "n1", 2),
    "another deploy": Job("deploy", "four", "A", "n2", 2),
    "second use": Job("deploy", "five", "B", "n1"),
    "early deploy": Job("deploy", "six", "A", "n3"),
    "rollback": Job("rollback", "back"),
    "another rollback": Job("rollback", "further back"),
    "reconcile": Job("reconcile"),
}
SLICE = (("deploy", "rollback"), ("deploy", "second use"), ("rollback", "another rollback", "reconcile"))
ALL = (
    ("deploy", "deploy", "another deploy"),
    ("deploy", "deploy", "rollback"),
    ("deploy", "another deploy", "rollback"),
    ("deploy", "rollback", "rollback"),
    ("deploy", "rollback", "another rollback"),
    ("deploy", "second use", "rollback"),
    ("deploy", "early deploy", "second use"),
    ("early deploy", "early deploy", "rollback"),
    ("early deploy", "second use", "rollback"),
    ("early deploy", "rollback", "another rollback"),
    ("early deploy", "rollback", "reconcile"),
    ("rollback", "rollback", "another rollback"),
)
"""Three writers each. "early deploy" goes to an environment that asks for no comparison with its champion, "second use"
is another operation on an approval of "deploy"."""
SETS = ALL if FULL else SLICE
CRASHES = size(1, 2)


def start(names: tuple[str, ...], crashes: int = CRASHES) -> Any:
    return begin(*(JOBS[name] for name in names), crashes=crashes)


@pytest.mark.parametrize("names", SETS, ids=" + ".join)
def test_no_order_of_steps_breaks_an_invariant(names: tuple[str, ...], figure: Callable[..., None]) -> None:
    """A job that is there twice is a job that CI runs again while the first run still works."""
    states, broken = search(start(names))
    assert broken == set()
    figure("exhaustive model", "{} states of {} sets of jobs, no invariant broken", states, 1)


# ---- mistakes that the search must find


def without(*left_out: str, **others: Step) -> dict[str, Any]:
    """Return the steps, with some that do nothing but go on, and some that do something else."""
    follows = {"claim": "aim", "moved": "read back", "noted": "made", "made": "register"}

    def skip(name: str) -> Step:
        return lambda world, me: (world, me._replace(step=follows[name]))

    changed = {name: (STEPS[name][0], skip(name)) for name in left_out}
    return STEPS | changed | {name: (STEPS[name][0], step) for name, step in others.items()}


def blindly(world: World, me: Process) -> tuple[World, Process]:
    """Append without compare-and-swap."""
    longer = me._replace(length=len(world.ledger))
    world, after = STEPS["append"][1](world, longer)
    *before, last = world.ledger
    return world._replace(ledger=(*before, last._replace(replaces=me.length))), after._replace(length=me.length)


def trusting(world: World, me: Process) -> tuple[World, Process]:
    """Set the alias and believe it."""
    world, _ = STEPS["point"][1](world, me)
    return world, me._replace(step=me.back)


def alias_first(world: World, me: Process) -> tuple[World, Process]:
    """Remember the copy, and put it into production before the ledger says so."""
    world, after = STEPS["remember"][1](world, me)
    return world._replace(alias=after.version), after


def only_head(name: str) -> Step:
    """Look for the operation's own entry at the head only."""

    def step(world: World, me: Process) -> tuple[World, Process]:
        hidden = tuple(entry._replace(op="hidden") for entry in world.ledger[:-1])
        _, after = STEPS[name][1](world._replace(ledger=(*hidden, world.ledger[-1])), me)
        return world, after

    return step


def impatient(world: World, me: Process) -> tuple[World, Process]:
    """Start without a reconcile, and end where the entry is found."""
    return world, me._replace(step="done" if world.mine(me.job.op) else "entries", length=len(world.ledger))


MISTAKES = {
    "no compare-and-swap": (without(append=blindly), ("rollback", "another rollback"), "two heads"),
    "no claim": (without("claim"), ("deploy", "second use"), "used twice"),
    "no second look": (without(point=trusting), ("rollback", "early deploy"), "not the head"),
    "alias before the ledger": (without(remember=alias_first), ("deploy",), "never released"),
    "a re-run that looks for itself at the head only": (
        without(**{name: only_head(name) for name in ("entries", "rest on")}),
        ("rollback", "second use"),
        "done twice",
    ),
    "a re-run that does not reconcile": (without(open=impatient), ("deploy",), "not the head"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_search_finds_a_mistake(mistake: str) -> None:
    steps, names, problem = MISTAKES[mistake]
    _, broken = search(start(names, crashes=1), steps)
    assert any(problem in said for said in broken), broken
    assert search(start(names, crashes=1))[1] == set()


# ---- the model and the jobs


class Recorder:
    """Passes calls on, and writes down what the model calls them."""

    UPLOAD = frozenset({"create_run", "create_logged_model", "log_model_artifacts", "finalize_logged_model"})
    NAMES = {
        "get_run": "read the ledger",
        "get_model_version_by_alias": "read the alias",
        "set_registered_model_alias": "set the alias",
        "search_model_versions": "look for the copy",
        "create_model_version": "register the copy",
        "log_artifact": "attach the records",
        "download_artifacts": "download",
        **dict.fromkeys(UPLOAD, "upload"),
    }
    WRITES = {
        "op": "append", "nonce": "claim the approval", "copy": "remember the copy", "aims": "settle the segment",
    }  # fmt: skip
    LOCAL = frozenset({
        "get_experiment_by_name", "get_logged_model", "list_artifacts", "get_model_version_download_uri",
        "set_terminated",
    })  # fmt: skip
    """They ask for what never changes, or tell what nobody reads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return the client's method, recorded."""
        return self.watch(name, getattr(self._client, name))

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            said = self.name(name, args, str(kwargs.get("artifact_uri", "")))
            if said and self.calls[-1:] != [said]:
                self.calls.append(said)
            return call(*args, **kwargs)

        return recorded

    def name(self, name: str, args: tuple[Any, ...], fetched: str) -> str | None:
        if name == "log_param":
            kind = args[1].partition("-")[0]
            return self.WRITES[kind]
        if name == "get_model_version":
            return "read the ledger" if args[0].startswith("ledger--") else "look at the version"
        records = "/releases/" in fetched  # of an earlier release, kept beside the ledger: they never change
        return None if name in self.LOCAL or records else self.NAMES[name]


def reconciling(world: Project) -> int:
    open_production(world.job()).reconcile()
    return Exit.DONE


@pytest.mark.parametrize(
    ("scene", "act", "job", "alias"),
    [
        ("second deploy", SCENES["second deploy"].act, Job("deploy", "x", "A", "n"), 2),
        ("rollback", SCENES["rollback"].act, JOBS["rollback"], 2),
        ("reconcile", reconciling, JOBS["reconcile"], 1),
    ],
)
def test_the_jobs_make_the_models_calls(
    tmp_path: Path, scene: str, act: Callable[[Project], int], job: Job, alias: int
) -> None:
    memory = MemoryRegistry()
    SCENES[scene].prepare(Project(project=tmp_path, open_registry=open_memory(memory, tmp_path)))
    recorder = Recorder(memory)
    fetch = recorder.watch("download_artifacts", memory.fetch)
    world = Project(project=tmp_path, open_registry=lambda uri: Registry(uri, tmp_path, client=recorder, fetch=fetch))
    assert act(world) == Exit.DONE
    begun = begin(job, crashes=0)
    calls = path(begun._replace(world=begun.world._replace(alias=alias)))
    assert recorder.calls == [name for place, name in enumerate(calls) if calls[:place][-1:] != [name]]
