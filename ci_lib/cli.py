"""argv and environ -> Job: the only place that reads them, and the only one that turns an error into an exit code."""

import errno
import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ci_lib.arguments import STAGES, parser
from ci_lib.errors import BadInput, Exit, ReleaseError

if TYPE_CHECKING:
    from ci_lib.config import Config
    from ci_lib.job import Job
    from ci_lib.registry import Registry

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

ISSUES = "please report it with the output of the same command and --debug"

DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "read-only file system",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command with the process's own arguments, environment and terminal."""
    return start(sys.argv[1:] if argv is None else argv, os.environ, out=sys.stdout, err=sys.stderr)


def start(argv: Sequence[str], env: Mapping[str, str], *, out: TextIO, err: TextIO) -> int:
    """Run one command and return its exit code; whatever goes wrong becomes one line on `err`."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return int(dispatch(args, env, out))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains while it exits
        return Exit.DONE
    except KeyboardInterrupt:
        text, code = "interrupted: nothing is half done, run the same command again", INTERRUPTED
    except ReleaseError as error:
        text, code = str(error), int(error.exit_code)
    except Exception as error:  # noqa: BLE001 -- the last line of defence: a bug of ours ends in one line and code 1
        text, code = _unforeseen(error)
    if args.debug:
        traceback.print_exc(file=err)
    print(f"ml-release {args.command}: {text}", file=err, flush=True)
    return code


def _unforeseen(error: Exception) -> tuple[str, int]:
    """Return sentence and code of what is no `ReleaseError`: the disk's fault, or ours."""
    if isinstance(error, OSError) and error.errno in DISK:
        where = f" at {error.filename}" if error.filename else ""
        return f"{DISK[error.errno]}{where}\n  next: df -h, make room, then the same command again", Exit.BAD_INPUT
    frame = traceback.extract_tb(error.__traceback__)[-1]
    lines = str(error).splitlines() or [""]
    at = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"a bug of ours: {type(error).__name__}: {lines[0]} ({at})\n  next: {ISSUES}", Exit.BUG


def dispatch(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Call the command's function."""
    if args.command in {"init", "schema", "metrics", "doctor", "keys"}:
        return int(import_module("ci_lib.commands").run(args, env, out))
    job = build(args, env, out)
    if args.command in STAGES:
        return _stage(job)
    module = {"run": "running"}.get(args.command, args.command)
    return int(import_module(f"ci_lib.{module}").main(job))


def _stage(job: "Job") -> int:
    """Run one stage: alone in the chain directory if it changes what an approval is about."""
    from ci_lib import workspace  # noqa: PLC0415

    stage = job.args.command
    main_of = import_module(f"ci_lib.jobs.{stage}").main
    with job.console.stage(stage):
        if stage not in workspace.WRITERS:
            return int(main_of(job))
        with workspace.writing(job.chain):
            workspace.forget_after(stage, job.chain, tuple(job.config.environments))
            return int(main_of(job))


def build(args: Namespace, env: Mapping[str, str], out: TextIO) -> "Job":
    """Read release.yml and put together what the command is given."""
    from ci_lib import consoles, reading  # noqa: PLC0415
    from ci_lib.ci.local import Local  # noqa: PLC0415
    from ci_lib.job import Job  # noqa: PLC0415

    config = reading.load(args.config, args.overrides)
    project = args.config.absolute().parent

    def open_registry(uri: str) -> "Registry":
        from ci_lib.registry import Registry  # noqa: PLC0415 -- imports MLflow, which takes seconds

        return Registry(uri, project)

    return Job(
        config=config,
        project=project,
        chain=(args.chain or project / "release").absolute(),
        environment=_environment(args.environment, config),
        args=args,
        env=env,
        console=consoles.choose(out, env),
        ci=Local(project, env),
        clock=lambda: datetime.now(UTC),
        open_registry=open_registry,
    )


def _environment(asked: str | None, config: "Config") -> str:
    names = list(config.environments)
    if asked is None:
        return "production" if "production" in names else names[0]
    if asked not in names:
        message = f"release.yml has no environment {asked!r}"
        raise BadInput(message, f"choose one of: {', '.join(names)}")
    return asked
