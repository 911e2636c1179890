"""The command line, as argparse sees it. Imports nothing of ours but the version: `--help` must be quick."""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ci_lib import __version__

Parser = argparse.ArgumentParser

STAGES: dict[str, str] = {
    "prepare": "read the data, split them, look for leaks and overlaps",
    "train": "call the project's training code and log the model to MLflow",
    "adopt": "take a model that is in MLflow already, instead of train",
    "validate": "measure candidate and champion on the holdout; the policy decides",
    "report": "write the signoff report",
    "approve": "record a person's decision about exactly this candidate",
    "deploy": "check the whole chain, then put the approved bytes into production",
    "monitor": "check what is in production, and a new batch of rows",
    "rollback": "put an earlier release back",
}
"""One word a stage, the same word as the job file."""

OTHERS: dict[str, str] = {
    "init": "write a starter project",
    "run": "prepare, train, validate, report, then the human gate; once approved, deploy and monitor",
    "status": "what is in production, and what waits at the gate",
    "history": "the ledger",
    "audit": "hold alias, ledger, approvals and bytes against each other",
    "resolve": "say which version is in production, by the ledger",
    "metrics": "the metrics that a rule may name",
    "schema": "print the JSON Schema of release.yml",
    "doctor": "what is missing here, and how to get it",
    "keys": "make a signing key, or show its public half",
    "trigger": "have GitLab or Jenkins deploy or roll back, and follow the job",
    "lint": "find what undoes the gate in a .gitlab-ci.yml",
}


def parser() -> Parser:
    """Return the parser of all commands."""
    top = Parser(
        prog="ml-release",
        description="No model reaches production unless the exact bytes that were validated were approved.",
        epilog="exit codes: 0 done or pass, 2 bad input, 3 refused, 4 a service did not answer, 1 a bug of ours, "
        "10 verdict fail, 11 inconclusive, 12 no approval yet, 13 rejected, 130 interrupted",
    )
    top.add_argument("--version", action="version", version=f"ml-release {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in {**OTHERS, **STAGES}.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        command.add_argument("--debug", action="store_true", help="show tracebacks")
        if name in _MORE:
            _MORE[name](command)
        if name not in {"init", "schema", "metrics", "keys", "lint"}:
            _project(command)
    return top


def _project(command: Parser) -> None:
    command.add_argument(
        "--config", type=Path, default=Path("release.yml"), metavar="FILE", help="default: release.yml"
    )
    command.add_argument(
        "--chain", type=Path, default=None, metavar="DIR", help="where the records are; default: release/"
    )
    command.add_argument(
        "--environment", default=None, metavar="NAME", help="default: production, or the first there is"
    )
    command.add_argument(
        "--policy-from", default=None, metavar="REF|FILE",
        help="the policy that judges, e.g. origin/main; default: ML_RELEASE_POLICY_FROM, else release.yml itself",
    )  # fmt: skip
    command.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="override one key of release.yml, e.g. train.seed=3; repeat it for more",
    )  # fmt: skip


def _init(command: Parser) -> None:
    command.add_argument("directory", type=Path, metavar="DIR", help="new, or empty; . is the current one")
    command.add_argument(
        "--example", default="basic", metavar="NAME", help="basic (default), or loans: the demo's real data"
    )


def _run(command: Parser) -> None:
    page = command.add_mutually_exclusive_group()
    page.add_argument("--page", action="store_true", help="serve the signoff page even without a terminal")
    page.add_argument("--no-page", action="store_true", help="stop at the gate and print the commands that go on")
    command.add_argument(
        "--adopt", dest="model_uri", default=None, metavar="URI", help="a model in MLflow, instead of train"
    )


def _adopt(command: Parser) -> None:
    command.add_argument(
        "--model-uri", required=True, metavar="URI", help="models:/NAME/VERSION, models:/m-… or runs:/ID/PATH"
    )


def _approve(command: Parser) -> None:
    command.add_argument(
        "--as", dest="approver", default=None, metavar="NAME", help="who you are (a laptop cannot know)"
    )
    command.add_argument("--reason", default="", help="why; kept in the approval")
    command.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="FINDING",
        help="take responsibility for an inconclusive finding; repeat it",
    )
    command.add_argument(
        "--waive", action="append", default=[], metavar="FINDING",
        help="let a failed finding pass for a while, if the policy allows it; repeat it; needs --owner and --until",
    )  # fmt: skip
    command.add_argument("--owner", default="", metavar="WHO", help="who sees to what was waived")
    command.add_argument("--until", type=_day, default=None, metavar="YYYY-MM-DD", help="last day of the waiver (UTC)")
    command.add_argument("--waive-reason", default="", metavar="TEXT", help="why it may be waived; default: --reason")
    command.add_argument(
        "--condition", action="append", default=[], metavar="TEXT",
        help="what you expect of those who release it; kept in the approval; repeat it for more",
    )  # fmt: skip
    command.add_argument("--reject", action="store_true", help="say no; it stops whatever is not released yet")
    command.add_argument(
        "--pipeline", default=None, metavar="URL", help="show what is at the gate of a GitLab pipeline, and play it"
    )
    command.add_argument(
        "--build", default=None, metavar="URL", help="show what is at the gate of a Jenkins build, and answer its input"
    )
    _token(command)
    _records(command)
    command.add_argument("--page", action="store_true", help="show the report and the form in a browser instead")


def _records(command: Parser) -> None:
    command.add_argument(
        "--records", default=None, metavar="JOB", help="in GitLab: read the records of this job of the pipeline first"
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no day; write it as 2027-01-31"
        raise argparse.ArgumentTypeError(message) from error


def _token(command: Parser) -> None:
    command.add_argument(
        "--token-file", type=Path, default=None, metavar="FILE",
        help="your own token (Jenkins: USER:TOKEN); default: the variable ML_RELEASE_REVIEWER_TOKEN",
    )  # fmt: skip


def _trigger(command: Parser) -> None:
    command.add_argument("action", choices=["deploy", "rollback"], help="which job")
    command.add_argument(
        "--pipeline", default=None, metavar="URL", help="GitLab: whose job; a rollback without it starts a pipeline"
    )
    command.add_argument(
        "--ref", default="main", metavar="BRANCH", help="GitLab: where a pipeline is started; default: main"
    )
    command.add_argument(
        "--job", default=None, metavar="NAME", help="the job's name, where it is another; of Jenkins: FOLDER/JOB"
    )
    command.add_argument("--to", type=int, default=None, metavar="N", help="rollback: release to put back")
    command.add_argument("--reason", default="", help="why; kept in the ledger")
    _token(command)


def _lint(command: Parser) -> None:
    _json(command)
    command.add_argument("file", type=Path, metavar="FILE", help="a .gitlab-ci.yml, or a template")


def _rollback(command: Parser) -> None:
    command.add_argument(
        "--to", type=int, default=None, metavar="N", help="release to put back; default: the last good one"
    )
    command.add_argument("--reason", default="", help="why; kept in the ledger")


def _monitor(command: Parser) -> None:
    command.add_argument(
        "--batch", default=None, metavar="SOURCE", help="new rows: a CSV or Parquet file, or module:function"
    )


def _keys(command: Parser) -> None:
    command.add_argument(
        "action", choices=["new", "show"], help="new: write a private key; show: print the public half"
    )
    command.add_argument("file", type=Path, metavar="KEYFILE", help="the private key")


def _json(command: Parser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _doctor(command: Parser) -> None:
    _json(command)
    command.add_argument(
        "--stages", default=None, metavar="STAGE,…", help="what this machine is for, e.g. approve,deploy,rollback"
    )


def _audit(command: Parser) -> None:
    _json(command)
    _head(command)


def _head(command: Parser) -> None:
    command.add_argument(
        "--head", action="append", default=[], metavar="FILE|DIGEST",
        help="a head.json, release.json or entry digest kept elsewhere, which the ledger must still have; repeat it",
    )  # fmt: skip


def _resolve(command: Parser) -> None:
    _json(command)
    _head(command)
    command.add_argument(
        "name", nargs="?", default=None, metavar="NAME", help="registered model; default: release.yml's"
    )
    command.add_argument(
        "--registry", default=None, metavar="URI", help="MLflow address of NAME, where there is no release.yml"
    )
    command.add_argument(
        "--key", dest="trusted", action="append", default=[], metavar="ed25519:…",
        help="without release.yml: public key that releases must be signed with; repeat it for more",
    )  # fmt: skip
    command.add_argument(
        "--download", type=Path, default=None, metavar="DIR", help="fetch the model, its bytes checked"
    )
    command.add_argument(
        "--verify", action="store_true", help="with --download: check the bytes that are in DIR already"
    )


_MORE: dict[str, Callable[[Parser], None]] = {
    "init": _init,
    "run": _run,
    "adopt": _adopt,
    "approve": _approve,
    "deploy": _records,
    "rollback": _rollback,
    "monitor": _monitor,
    "status": _json,
    "history": _json,
    "audit": _audit,
    "resolve": _resolve,
    "metrics": _json,
    "keys": _keys,
    "doctor": _doctor,
    "trigger": _trigger,
    "lint": _lint,
}
