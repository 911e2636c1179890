"""What a job goes by: release.yml as it lies there, judged by the protected one where the job names one.

Where the policy comes from is the job's setting, ``ML_RELEASE_POLICY_FROM`` or `--policy-from`, or the protected
default branch that the CI system names; never release.yml's own. It is a ref (``origin/main``, with ``:PATH`` for
another path) or a file of somebody else's. What cannot be read there ends the job: there is no silent way back to the
branch's own.

A file without `model` is a policy file, for several models: it may leave keys in `SUBJECT` to the release.yml that it
judges, which in turn may leave out what judges. All other keys it leaves out have their defaults.
"""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_lib import protected, reading
from ci_lib.ci.revision import Repository
from ci_lib.coherence import problems
from ci_lib.complaints import dotted
from ci_lib.config import Config
from ci_lib.errors import BadInput
from ci_lib.source import HERE, Change, Source

VARIABLE = "ML_RELEASE_POLICY_FROM"
SUBJECT = ("model", "task", "threshold", "data", "train")
JUDGING = ("registry", "policy", "monitor", "environments")
SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What a job goes by, and where it came from."""

    config: Config
    source: Source = HERE
    changes: tuple[Change, ...] = ()


def read(args: Namespace, env: Mapping[str, str], otherwise: Callable[[], str | None]) -> Configuration:
    """Read release.yml, and what judges it.

    Args:
        args: `config`, `overrides` and `policy_from` of the command line.
        env: of the job.
        otherwise: asked for the place when the job names none, see `ci_lib.ci.detect.policy_from`.

    Raises:
        BadInput: either file is not there or not right, or the two do not fit together.
    """
    wanted = place(args.policy_from, env, otherwise)
    if wanted is None:
        return Configuration(config=reading.load(args.config, args.overrides))
    text, source = _protected(wanted, args.config, env)
    there, own = _name(source), reading.file_text(args.config)
    mine = reading.values(own, args.config).value
    with _broken(there):
        judges = reading.values(text, there).value
        lent, left = _lent(judges, mine)
        by = reading.parse(text, there, base=lent)
    branch = reading.parse(own, args.config, args.overrides, base=left)
    return Configuration(
        config=_fitting(protected.combine(by, branch), there),
        source=source,
        changes=protected.differences(by, branch),
    )


@contextmanager
def _broken(there: Path) -> Iterator[None]:
    """Say whose file it is that is wrong: not the one that lies here."""
    try:
        yield
    except BadInput as error:
        message = f"the policy that judges is broken: {error.what}"
        raise BadInput(message, f"those who may change {there} must correct it there") from error


def place(asked: str | None, env: Mapping[str, str], otherwise: Callable[[], str | None]) -> str | None:
    """Return where the policy is read, None for release.yml as it lies there.

    Raises:
        BadInput: it is set to nothing, or to two places: whoever may write the command line must not move the job's.
    """
    named = {"--policy-from": asked, VARIABLE: env.get(VARIABLE)}
    given = {name: value.strip() for name, value in named.items() if value is not None}
    for name, value in given.items():
        if not value:
            message = f"{name} is empty: it must say where the policy is read"
            raise BadInput(message, f"{name}{'=' if name == VARIABLE else ' '}origin/main, or leave it out")
    if len(set(given.values())) > 1:
        message = f"--policy-from says {given['--policy-from']}, and the job's {VARIABLE} says {given[VARIABLE]}"
        raise BadInput(message, "leave --policy-from out: the job's setting counts")
    return next(iter(given.values()), None) or otherwise()


def _protected(wanted: str, config: Path, env: Mapping[str, str]) -> tuple[str, Source]:
    """Return the text that judges, and where it was read."""
    repository = Repository(config.absolute().parent, env)
    if ":" in wanted or not (wanted.endswith(SUFFIXES) or wanted.startswith(("/", "./", "../"))):
        found = repository.read(wanted, config.name)
        return reading.decoded(found.data, _name(found.source)), found.source
    file = Path(os.path.abspath(wanted))  # noqa: PTH100 -- Path.resolve would follow links, and both ends are looked at
    home = repository.top() or repository.directory.resolve()
    if any(path.is_relative_to(top) for path in (file, file.resolve()) for top in (home, repository.directory)):
        message = f"{wanted} lies in the directory that it is to judge, where the author of a change can change it too"
        raise BadInput(message, f"name it at a protected branch: {VARIABLE}=origin/main:PATH")
    return reading.file_text(file), Source(place=str(file))


def _name(source: Source) -> Path:
    """Return what the protected file is called in messages."""
    return Path(f"{source.place}:{source.path}" if source.path else source.place)


def _lent(judges: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a policy file takes from the release.yml that it judges, and what that one takes from it."""
    if "model" in judges:
        return {}, {}
    subject = {name: own[name] for name in SUBJECT if name in own}
    return subject, {name: judges[name] for name in JUDGING if name in judges}


def _fitting(config: Config, there: Path) -> Config:
    """Return the combination if its parts make sense together, e.g. each rule's groups are in the branch's data.

    Raises:
        BadInput: they do not.
    """
    value = config.model_dump(mode="json", exclude_unset=True)
    if found := problems(value):
        lines = "\n".join(f"{dotted(path)}: {sentence}" for path, sentence in found)
        message = f"this branch's own part of release.yml and what judges it, {there}, do not fit together:\n{lines}"
        raise BadInput(message, f"bring the branch up to date with {there}, or change that first")
    return config
