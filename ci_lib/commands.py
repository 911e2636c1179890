"""The commands that need no release: init, schema, metrics, doctor."""

import json
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from ci_lib.errors import Exit


def run(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Run one of them."""
    return {"init": _init, "schema": _schema, "metrics": _metrics, "doctor": _doctor, "keys": _keys}[args.command](
        args, env, out
    )


def _init(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib import starter  # noqa: PLC0415

    del env
    for path in starter.init(args.directory, args.example):
        print(f"   {path}", file=out)
    print(f"next: cd {args.directory} && ml-release run", file=out)
    return Exit.DONE


def _schema(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib.schema import json_schema  # noqa: PLC0415

    del args, env
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False), file=out)
    return Exit.DONE


def _metrics(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    from ci_lib.measure.catalogue import CATALOGUE  # noqa: PLC0415

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
    from ci_lib import keys  # noqa: PLC0415

    del env
    if args.action == "new":
        public = keys.new(args.file)
        print(f"   {args.file} is the private key: give it to the approve job alone, as a file", file=out)
    else:
        public = keys.public_text(keys.private_key(args.file).public_key())
    print(public, file=out)
    return Exit.DONE


def _doctor(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Look at this machine; a project is looked at as well where there is one."""
    from ci_lib import doctor  # noqa: PLC0415

    project = args.config.absolute().parent

    def reach(address: str) -> object:
        from ci_lib.registry import Registry  # noqa: PLC0415 -- imports MLflow

        return Registry(address, project).alias("ml-release-doctor", "champion")

    machine = doctor.Machine(
        python=(sys.version_info.major, sys.version_info.minor, sys.version_info.micro),
        which=shutil.which,
        version=doctor.installed_version,
        requires=doctor.requirements(),
        writable=lambda path: None if os.access(path, os.W_OK) else "no permission to write",
        free=lambda path: shutil.disk_usage(path).free,
        reach=reach,
    )
    checks = doctor.doctor(machine, project, _registries(args, env))
    if args.json:
        print(json.dumps([check.model_dump() for check in checks], indent=2, ensure_ascii=False), file=out)
    else:
        print("\n".join(doctor.lines(checks)), file=out)
    return doctor.verdict(checks)


def _registries(args: Namespace, env: Mapping[str, str]) -> set[str]:
    """Return every MLflow address that release.yml and the environment name; none without a release.yml."""
    from ci_lib import reading  # noqa: PLC0415

    path: Path = args.config
    if not path.exists():
        return {env["MLFLOW_TRACKING_URI"]} if env.get("MLFLOW_TRACKING_URI") else set()
    config = reading.load(path, args.overrides)
    default = config.registry or env.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    return {default, *(target.registry for target in config.environments.values() if target.registry)}
