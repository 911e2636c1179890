"""`ml-release doctor`: what is missing here, and how to get it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ci_lib.config import Risk
from ci_lib.errors import Exit, ReleaseError
from ci_lib.needs import DISTRIBUTION, NEEDED_BY, STAGES, Stage, install
from ci_lib.record import Record

PYTHON = (3, 11)
ROOM = 500_000_000
"""Bytes: a chain with its data, the model's two copies and MLflow's database fit several times over."""


NAMELESS = "a candidate will name no commit, and as its author only the account that trained it"


class Check(Record):
    """One thing that was looked at."""

    name: str
    ok: bool
    required: bool = True
    """False: everything works without, but a record will say less."""
    found: str
    hint: str = ""
    """What to type; empty when all is well."""


class Weakness(Protocol):
    """What an MLflow server cannot promise, as `ci_lib.registry` finds it."""

    @property
    def what(self) -> str:
        """Return the sentence."""

    @property
    def hint(self) -> str:
        """Return what to do about it."""

    @property
    def risk(self) -> Risk | None:
        """Return what an environment may accept; None: nothing can be deployed there."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The questions the doctor asks; the command line passes the real answers, tests their own."""

    python: tuple[int, int, int]
    which: Callable[[str], str | None]
    """Program -> path, as `shutil.which`."""
    version: Callable[[str], str | None]
    """Distribution -> installed version, None when it is not."""
    requires: Sequence[str]
    """What we ask for, as in the wheel's metadata: the ranges stand there and nowhere else."""
    writable: Callable[[Path], str | None]
    """Directory -> why it cannot be written, None when it can."""
    free: Callable[[Path], int]
    """Directory -> free bytes."""
    reach: Callable[[str], object]
    """MLflow address -> anything; raises a ReleaseError when it does not answer."""
    weaknesses: Callable[[str], Sequence[Weakness]] = lambda _: ()
    """MLflow address -> what the server there cannot promise; raises a ReleaseError when it does not answer."""


def doctor(
    machine: Machine,
    project: Path,
    registries: Collection[str],
    stages: Collection[Stage] = STAGES,
    accepted: Mapping[str, Collection[Risk]] = MappingProxyType({}),
) -> tuple[Check, ...]:
    """Look at everything the given stages need.

    Args:
        machine: where the answers come from.
        project: the directory of release.yml.
        registries: MLflow addresses that release.yml and the environment name.
        stages: a job that only deploys needs less than a laptop does.
        accepted: address of an environment -> weaknesses of its server that release.yml accepts. Where only candidates
            live, a weakness is advice: their bytes are held against digests.
    """
    return (
        _python(machine),
        *_packages(machine, stages),
        _git(machine),
        _repository(project),
        _writable(machine, project),
        _room(machine, project),
        *(check for address in sorted(set(registries)) for check in _registry(machine, address, accepted)),
    )


def verdict(checks: Collection[Check]) -> Exit:
    """Return DONE when all that is required is there, BAD_INPUT otherwise (and when nothing was checked)."""
    return Exit.DONE if checks and all(check.ok or not check.required for check in checks) else Exit.BAD_INPUT


def lines(checks: Sequence[Check]) -> Iterator[str]:
    """Yield the checks as text, what is missing with the command that brings it."""
    width = max((len(check.name) for check in checks), default=0)
    for check, after in zip_longest(checks, checks[1:]):
        word = "ok" if check.ok else "MISSING" if check.required else "advice"
        yield f"{word:<7} {check.name:<{width}}  {check.found}"
        if check.hint and (after is None or after.hint != check.hint):  # once for all that one command brings
            yield f"        {'':<{width}}  next: {check.hint}"
    if not checks:
        yield "nothing was checked"
        return
    missing = sum(check.required and not check.ok for check in checks)
    yield (
        f"{missing} of {len(checks)} checks found something missing" if missing else "nothing that is needed is missing"
    )


def _python(machine: Machine) -> Check:
    found = ".".join(str(part) for part in machine.python)
    ok = machine.python[:2] >= PYTHON
    return Check(name="Python", ok=ok, found=found, hint="" if ok else "install Python 3.11 or newer")


def _packages(machine: Machine, stages: Collection[Stage]) -> Iterator[Check]:
    ranges = {requirement.name: requirement.specifier for requirement in map(Requirement, machine.requires)}
    for name, needed_by in NEEDED_BY.items():
        users = [stage for stage in needed_by if stage in stages]
        if users:
            yield _package(name, machine.version(name), ranges[name], users)


def _package(name: str, installed: str | None, wanted: SpecifierSet, users: Sequence[Stage]) -> Check:
    if installed is None:
        found = f"not installed; needed by {', '.join(users)}"
    elif not wanted.contains(installed, prereleases=True):
        found = f"{installed}, {wanted} is needed"
    else:
        return Check(name=name, ok=True, found=installed)
    return Check(name=name, ok=False, found=found, hint=install(name))


def _git(machine: Machine) -> Check:
    path = machine.which("git")
    hint = "" if path else "sudo apt-get install -y git"
    found = path or f"not on PATH: {NAMELESS}"
    return Check(name="git", ok=path is not None, required=False, found=found, hint=hint)


def _repository(project: Path) -> Check:
    root = next((folder for folder in (project, *project.parents) if (folder / ".git").exists()), None)
    if root is None:
        found = f"{project} is in no git repository: {NAMELESS}"
        hint = f"cd {project} && git init && git add . && git commit -m 'First candidate'"
        return Check(name="repository", ok=False, required=False, found=found, hint=hint)
    return Check(name="repository", ok=True, found=str(root))


def _writable(machine: Machine, project: Path) -> Check:
    problem = machine.writable(project)
    found = f"{project} can be written" if problem is None else f"{project} cannot be written: {problem}"
    return Check(name="directory", ok=problem is None, found=found, hint="" if problem is None else f"ls -ld {project}")


def _room(machine: Machine, project: Path) -> Check:
    free = machine.free(project)
    ok = free >= ROOM
    found = f"{free / 1e9:.1f} GB free" if ok else f"{free / 1e6:.0f} MB free, {ROOM / 1e6:.0f} MB are needed"
    return Check(name="disk", ok=ok, found=found, hint="" if ok else f"df -h {project}")


def _registry(machine: Machine, address: str, accepted: Mapping[str, Collection[Risk]]) -> Iterator[Check]:
    try:
        found = machine.weaknesses(address)
        if all(each.risk for each in found):  # otherwise it would only stumble over the same thing
            machine.reach(address)
            yield Check(name="registry", ok=True, found=f"{address} answers")
    except ReleaseError as error:
        yield Check(name="registry", ok=False, found=error.what, hint=error.hint or f"check that {address} runs")
        return
    for each in found:
        if each.risk and each.risk in accepted.get(address, ()):
            yield Check(name="registry", ok=True, found=f"accepted by release.yml: {each.what}")
        else:
            required = each.risk is None or address in accepted
            yield Check(name="registry", ok=False, required=required, found=each.what, hint=each.hint)


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def requirements() -> tuple[str, ...]:
    """Return our own requirements and those of the extra `full`, from the installed metadata."""
    found = (Requirement(line) for line in metadata.requires(DISTRIBUTION) or ())
    wanted = (each for each in found if each.marker is None or each.marker.evaluate({"extra": "full"}))
    return tuple(f"{each.name}{each.specifier}" for each in wanted)
