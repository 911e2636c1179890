"""The commands that need no release: init, schema, metrics, doctor, keys, lint."""

import json
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ci_lib.errors import BadInput, Exit

if TYPE_CHECKING:
    from ci_lib.config import Risk
    from ci_lib.needs import Stage
    from ci_lib.registry import Registry


def run(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Run one of them."""
    every = {"init": _init, "schema": _schema, "metrics": _metrics, "doctor": _doctor, "keys": _keys, "lint": _lint}
    return every[args.command](args, env, out)


def _init(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib import starter  # noqa: PLC0415 -- other commands do not pay for it

    del env
    for path in starter.init(args.directory, args.example):
        print(f"   {path}", file=out)
    print(f"next: {starter.go(args.directory)}", file=out)
    return Exit.DONE


def _schema(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib.schema import json_schema  # noqa: PLC0415 -- other commands do not pay for it

    del args, env
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False), file=out)
    return Exit.DONE


def _metrics(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib.measure.catalogue import CATALOGUE  # noqa: PLC0415 -- other commands do not pay for it

    del env
    if args.json:
        print(json.dumps({name: asdict(metric) for name, metric in CATALOGUE.items()}, indent=2), file=out)
        return Exit.DONE
    for name, metric in CATALOGUE.items():
        print(
            f"{name}  ({metric.section}; {', '.join(metric.tasks)}; {metric.range}; better: {metric.better})", file=out
        )
        print(f"    {metric.definition}", file=out)
        print(f"    interval: {metric.method}{'; ' + metric.source if metric.source else ''}", file=out)
    return Exit.DONE


def _keys(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Make a key or show its public half; the private half is never printed."""
    from ci_lib import keys  # noqa: PLC0415 -- other commands do not pay for it

    del env
    if args.action == "new":
        public = keys.new(args.file)
        print(f"   {args.file} is the private key: give it to the one job that signs with it, as a file", file=out)
    else:
        public = keys.public_text(keys.private_key(args.file).public_key())
    print(public, file=out)
    return Exit.DONE


def _lint(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Print what undoes the gate, each with its line and what to type."""
    from ci_lib import lint  # noqa: PLC0415 -- other commands do not pay for it

    del env
    found = lint.lint(args.file)
    if args.json:
        print(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False), file=out)
    else:
        print("\n".join([str(each) for each in found] or [f"{args.file}: nothing undoes the gate"]), file=out)
    return Exit.BAD_INPUT if found else Exit.DONE


def _doctor(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Look at this machine; a project is looked at as well where there is one."""
    from ci_lib import doctor, needs  # noqa: PLC0415 -- other commands do not pay for it

    project = args.config.absolute().parent

    @cache
    def registry(address: str) -> "Registry":
        from ci_lib.registry import Registry  # noqa: PLC0415 -- imports MLflow

        return Registry(address, project)

    stages = _stages(args.stages, needs.STAGES)
    machine = doctor.Machine(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        which=shutil.which,
        version=doctor.installed_version,
        requires=doctor.requirements(),
        writable=_why_not_writable,
        free=lambda path: shutil.disk_usage(next(at for at in (path, *path.parents) if at.exists())).free,
        reach=lambda address: registry(address).alias("ml-release-doctor", "champion"),
        weaknesses=lambda address: registry(address).weaknesses(),
    )
    registries, accepted = _registries(args, env)
    checks = doctor.doctor(machine, project, registries, stages, accepted)
    if args.json:
        print(json.dumps([check.model_dump() for check in checks], indent=2), file=out)
    else:
        print("\n".join(doctor.lines(checks)), file=out)
    return doctor.verdict(checks)


def _stages(asked: str | None, known: "Sequence[Stage]") -> "Sequence[Stage]":
    """Return the stages to look for, all of them by default."""
    if asked is None:
        return known
    names = [name.strip() for name in asked.split(",")]
    if unknown := [name for name in names if name not in known]:
        message = f"no stage is called {', '.join(map(repr, unknown))}"
        raise BadInput(message, f"ml-release doctor --stages, with some of: {','.join(known)}")
    return [stage for stage in known if stage in names]


def _why_not_writable(path: Path) -> str | None:
    """Try it: permissions alone do not tell, for root has all of them on a read-only file system too."""
    try:
        with tempfile.TemporaryFile(dir=path):
            return None
    except OSError as error:
        return error.strerror or "no reason given"


def _registries(args: Namespace, env: Mapping[str, str]) -> "tuple[set[str], dict[str, set[Risk]]]":
    """Return every MLflow address that release.yml and the environment name, and what is accepted of which.

    An address of several environments is accepted what all of them accept.
    """
    from ci_lib import configuration  # noqa: PLC0415 -- other commands do not pay for it
    from ci_lib.ci.detect import policy_from  # noqa: PLC0415 -- other commands do not pay for it

    path: Path = args.config
    if not path.exists():
        return ({env["MLFLOW_TRACKING_URI"]} if env.get("MLFLOW_TRACKING_URI") else set()), {}
    config = configuration.read(args, env, lambda: policy_from(env)).config
    default = config.registry or env.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    accepted: dict[str, set[Risk]] = {}
    for target in config.environments.values():
        address = target.registry or default
        accepted[address] = accepted.get(address, set(target.accept)) & set(target.accept)
    return {default, *accepted}, accepted
