"""Every exit code of the table, each from a real command; and the table is the same wherever it stands."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ci_lib.jobs import report
from doubles.project import Project

from ci_lib import cli
from ci_lib.arguments import parser
from ci_lib.errors import Exit


@pytest.fixture
def gate(approved: Project, tmp_path: Path) -> Project:
    """Return a project at the gate that nobody has answered for."""
    project = approved.copied(tmp_path)
    shutil.rmtree(project.root / "release" / "production" / "approvals")
    return project


def limit(value: float) -> Callable[[Project], None]:
    return lambda project: project.change(policy__rules=[{"metric": "roc_auc", "at_least": value}])


def no_release_yml(project: Project) -> None:
    (project.root / "release.yml").unlink()


def edited_record(project: Project) -> None:
    path = project.root / "release" / "evidence.json"
    path.write_text(json.dumps(json.loads(path.read_text())))


def no_server(project: Project) -> None:
    project.change(registry="http://127.0.0.1:9")


def ctrl_c(project: Project) -> None:
    (project.root / "rows_of_ours.py").write_text("def load(): raise KeyboardInterrupt")
    project.change(data__source="rows_of_ours:load")


def as_it_is(project: Project) -> None:
    """Change nothing."""


NO = ("approve", "--as", "ben", "--reject", "--reason", "too few rows")


@pytest.mark.parametrize(
    ("code", "prepare", "command"),
    [
        (Exit.DONE, as_it_is, ("status",)),
        (Exit.BAD_INPUT, no_release_yml, ("status",)),
        (Exit.REFUSED, edited_record, ("deploy",)),
        (Exit.UNAVAILABLE, no_server, ("status",)),
        (Exit.FAIL, limit(0.99), ("validate",)),
        (Exit.INCONCLUSIVE, limit(0.85), ("validate",)),
        (Exit.NO_APPROVAL, as_it_is, ("deploy",)),
        (Exit.REJECTED, as_it_is, NO),
        (cli.INTERRUPTED, ctrl_c, ("prepare",)),
    ],
)
def test_every_code_has_a_command_that_ends_with_it(
    gate: Project,
    code: int,
    prepare: Callable[[Project], None],
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.syspath_prepend(gate.root)
    prepare(gate)
    gate.must(*command, code=code)


def test_a_bug_of_ours_ends_with_1_and_says_how_to_report_it(gate: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> dict[str, bytes]:
        message = "index out of range\nand more"
        raise IndexError(message)

    monkeypatch.setattr(report.report, "render", broken)
    ran = gate.must("report", code=Exit.BUG)
    assert re.match(
        r"ml-release report: a bug of ours: IndexError: index out of range \(test_exit_codes\.py:\d+\)", ran.err
    )
    assert "please report it with the output of the same command and --debug" in ran.err
    monkeypatch.undo()
    gate.must("report")


def test_ctrl_c_is_128_and_the_signals_number() -> None:
    assert cli.INTERRUPTED == 130


def test_the_help_names_every_code() -> None:
    found = {int(number) for number in re.findall(r"\b\d+\b", str(parser().epilog))}
    assert found == {*Exit, cli.INTERRUPTED}
