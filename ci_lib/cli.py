"""argv and environ -> Job: the only place that reads them, and the only one that turns an error into an exit code."""

import errno
import gc
import os
import signal
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ci_lib import needs, secrets
from ci_lib.arguments import STAGES, parser
from ci_lib.errors import BadInput, Exit, ReleaseError
from ci_lib.text import printable

if TYPE_CHECKING:
    from ci_lib.config import Config
    from ci_lib.job import Job
    from ci_lib.registry import Registry

INTERRUPTED = 128 + signal.SIGINT
"""As shells have it. A CI system that cancels a job sends SIGTERM, and gets 143."""

ISSUES = "please report it with the output of the same command and --debug"

DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "read-only file system",
    errno.EFBIG: "a file may not grow any larger (ulimit -f)",
    errno.EIO: "the disk does not work",
}

NO_SCRATCH = "No usable temporary directory"
"""What `tempfile` says when all its candidates are full or read-only; it calls that a file not found."""

SCRATCH = "TMPDIR=DIRECTORY and the same command"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command with the process's own arguments, environment and terminal."""
    # A cancelled CI job, a lost connection: Python would end at once, and leave child processes and scratch files.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, _terminate)
    given = sys.argv[1:] if argv is None else argv
    if "--debug" not in given:
        sys.unraisablehook = _quiet
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        out, err = sys.stdout or nowhere, sys.stderr or nowhere  # None where the caller closed them (>&-)
        # What libraries and the user's own code print and log goes the same way as what we say.
        redact = secrets.known(os.environ)
        with redirect_stdout(secrets.guard(out, redact)), redirect_stderr(secrets.guard(err, redact)):
            code = start(given, os.environ, out=out, err=err)
        # Python collects garbage while it exits: with MLflow imported that takes half a second, for nothing.
        gc.freeze()
        if _flushed(out) or code:
            return code
        print("ml-release: the output cannot be written\n  next: df -h", file=err)
        return Exit.BAD_INPUT


def _quiet(unraisable: "sys.UnraisableHookArgs") -> None:
    """Say nothing of what fails in a finalizer: an interrupted library complains there, after we have said it all."""
    del unraisable


def _flushed(out: TextIO) -> bool:
    """Print what is left to print, and tell whether somebody could have read it; Python would complain while it exits.

    A reader that went away (``| head``) has read what it wanted.
    """
    try:
        out.flush()
    except OSError as error:
        with suppress(OSError, ValueError):  # not a file
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
        return isinstance(error, BrokenPipeError)
    return True


class Terminated(KeyboardInterrupt):
    """A signal that ends the process, taken as Ctrl-C is."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _terminate(number: int, frame: object) -> None:
    del frame
    raise Terminated(number)


def start(argv: Sequence[str], env: Mapping[str, str], *, out: TextIO, err: TextIO) -> int:
    """Run one command and return its exit code; whatever goes wrong becomes one line on `err`, without secrets."""
    redact = secrets.known(env)
    out, err = secrets.guard(out, redact), secrets.guard(err, redact)
    try:
        args = parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        return int(dispatch(args, env, out))
    except BrokenPipeError:
        return Exit.DONE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 -- the last line of defence
        text, code = _ending(error)
        if args.debug:
            traceback.print_exception(error, file=err)
    print(printable(f"ml-release {args.command}: {text}"), file=err, flush=True)
    return code


def _ending(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code of whatever ended the command."""
    if isinstance(error, KeyboardInterrupt):
        code = 128 + error.number if isinstance(error, Terminated) else INTERRUPTED
        return "interrupted: nothing is half done, run the same command again", code
    if isinstance(error, ModuleNotFoundError):
        error = needs.explain(error) or error
    if isinstance(error, ReleaseError):
        return str(error), error.exit_code
    return _surroundings(error) or _bug(error)


def _surroundings(error: BaseException) -> tuple[str, int] | None:
    """Return what is the machine's fault."""
    if isinstance(error, OSError) and error.errno in DISK:
        where = f" at {error.filename}" if error.filename else ""
        return f"{DISK[error.errno]}{where}\n  next: df -h, make room, then the same command again", Exit.BAD_INPUT
    if isinstance(error, OSError) and NO_SCRATCH in str(error):
        return f"no directory for temporary files can be written\n  next: df -h /tmp; or {SCRATCH}", Exit.BAD_INPUT
    if isinstance(error, MemoryError):
        return "there is not enough memory\n  next: free -h; give the job more, or fewer rows", Exit.BAD_INPUT
    return None


def _bug(error: BaseException) -> tuple[str, int]:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    lines = str(error).splitlines() or [""]
    at = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"a bug of ours: {type(error).__name__}: {lines[0]} ({at})\n  next: {ISSUES}", Exit.BUG


def dispatch(args: Namespace, env: Mapping[str, str], out: TextIO) -> int:
    """Call the command's function."""
    if args.command in {"init", "schema", "metrics", "doctor", "keys", "lint"}:
        return int(import_module("ci_lib.commands").run(args, env, out))
    needs.check(args.command)
    if remote := _remote(args):
        from ci_lib.consoles import choose  # noqa: PLC0415 -- other commands do not pay for it

        return int(import_module(remote).main(args, env, choose(out, env)))
    if args.command == "resolve" and args.name and (args.registry or not args.config.exists()):
        return int(import_module("ci_lib.consumer").main(args, env, out, _opener(Path.cwd())))
    job = build(args, env, out)
    if args.command in STAGES:
        return _stage(job)
    module = {"run": "running"}.get(args.command, args.command)
    return int(import_module(f"ci_lib.{module}").main(job))


def _remote(args: Namespace) -> str:
    """Return the module that has a CI server do the command; empty when it is done here."""
    if args.command == "approve" and args.build:
        return "ci_lib.ci.jenkins.review"
    if args.command == "approve" and args.pipeline:
        return "ci_lib.ci.gitlab.review"
    return "ci_lib.trigger" if args.command == "trigger" else ""


def _stage(job: "Job") -> int:
    """Run one stage: alone in the chain directory if it changes what an approval is about."""
    from ci_lib import workspace  # noqa: PLC0415 -- other commands do not pay for it

    stage = job.args.command
    main_of = import_module(f"ci_lib.jobs.{stage}").main
    with job.console.stage(stage):
        if getattr(job.args, "records", None):
            import_module("ci_lib.ci.gitlab.records").fetch(job)
        if stage not in workspace.WRITERS:
            return int(main_of(job))
        with workspace.writing(job.chain):
            workspace.forget_after(stage, job.chain, tuple(job.config.environments))
            return int(main_of(job))


def build(args: Namespace, env: Mapping[str, str], out: TextIO) -> "Job":
    """Read release.yml and put together what the command is given."""
    from ci_lib import configuration, consoles  # noqa: PLC0415 -- other commands do not pay for it
    from ci_lib.ci.detect import detect, policy_from  # noqa: PLC0415 -- other commands do not pay for it
    from ci_lib.job import Job  # noqa: PLC0415 -- other commands do not pay for it

    project = args.config.absolute().parent
    read = configuration.read(args, env, lambda: policy_from(env))
    config, console = read.config, consoles.choose(out, env)
    # A line that proves which build this is must reach the log, and not what somebody parses.
    say = (consoles.choose(sys.stderr, env) if getattr(args, "json", False) else console).say

    def clock() -> datetime:
        return datetime.now(UTC)

    return Job(
        config=config,
        project=project,
        chain=(args.chain or project / "release").absolute(),
        environment=_environment(args.environment, config),
        args=args,
        env=env,
        console=console,
        ci=detect(env, config.policy.approval, project, clock=clock, say=say),
        clock=clock,
        open_registry=_opener(project),
        policy_source=read.source,
        policy_changes=read.changes,
    )


def _opener(project: Path) -> "Callable[[str], Registry]":
    """Return what opens MLflow addresses, each once; relative ones start at a directory."""

    @cache
    def open_registry(uri: str) -> "Registry":
        from ci_lib.registry import Registry  # noqa: PLC0415 -- imports MLflow, which takes seconds

        return Registry(uri, project)

    return open_registry


def _environment(asked: str | None, config: "Config") -> str:
    names = list(config.environments)
    if asked is None:
        return "production" if "production" in names else names[0]
    if asked not in names:
        message = f"release.yml has no environment {asked!r}"
        raise BadInput(message, f"choose one of: {', '.join(names)}")
    return asked
