"""Real processes: interrupted, out of disk, cut off from their reader, or in each other's way. Nothing is lost."""

import io
import re
import signal
import sys
from pathlib import Path

import pytest
from doubles.process import FULL, SECONDS, left_behind, read_until, start
from doubles.project import Project

from ci_lib import cli


@pytest.fixture(scope="module")
def twice(approved: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with two releases: for copies only."""
    project = approved.copied(tmp_path_factory.mktemp("twice"))
    project.must("deploy")
    project.change(train__params={"C": 0.01})
    project.deployed()
    return project


def releases(project: Project) -> list[str]:
    """Return what the ledger says was done, oldest first, after the ledger was checked."""
    project.must("audit")
    rows = project.must("history").out.splitlines()[1:]
    return [re.split(r" {2,}", row)[2] for row in reversed(rows)]


# ---- Ctrl-C


def interrupted(project: Project, *arguments: str, at: str, by: int = signal.SIGINT) -> str:
    """Start a command, interrupt it after the line with a text, and return what it said on standard error."""
    with start(project, *arguments) as process:
        read_until(process, at)
        process.send_signal(by)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 128 + by, err
    assert err == f"ml-release {arguments[0]}: interrupted: nothing is half done, run the same command again\n"
    assert left_behind(project) == []
    return err


SLOW = """
import pathlib, time
import pandas as pd
def load():
    print("reading", flush=True)
    if pathlib.Path("slow").exists(): time.sleep(600)
    return pd.read_csv("{rows}")
"""


def test_prepare(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    (project.root / "slow_rows.py").write_text(SLOW.format(rows=project.root / "rows.csv"))
    (project.root / "slow").touch()
    project.change(data__source="slow_rows:load")
    interrupted(project, "prepare", at="reading")
    assert not (project.root / "release" / "dataset.json").exists()
    (project.root / "slow").unlink()
    try:
        project.must("prepare")
    finally:
        sys.path.remove(str(project.root))


@pytest.mark.parametrize(
    ("stage", "line", "record"),
    [
        ("train", "log the model", "candidate.json"),
        ("validate", "score", "evidence.json"),
        ("report", "draw the report", "report/junit.xml"),
    ],
)
def test_a_stage_writes_its_record_whole_or_not_at_all(
    approved: Project, tmp_path: Path, stage: str, line: str, record: str
) -> None:
    project = approved.copied(tmp_path)
    interrupted(project, stage, at=line)
    assert not (project.root / "release" / record).exists()
    assert not list((project.root / "release" / "production" / "approvals").glob("*")), "it was about the old candidate"
    project.must(stage)
    assert (project.root / "release" / record).is_file()


def test_deploy(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    interrupted(project, "deploy", at="copying the model")
    assert "release 1: models:/loan@champion is version 1" in project.must("deploy").out
    assert releases(project) == ["deploy"]


def test_rollback(twice: Project, tmp_path: Path) -> None:
    project = twice.copied(tmp_path)
    interrupted(project, "rollback", "--reason", "slower than it was", at="checking the bytes")
    project.must("rollback", "--reason", "slower than it was")
    assert releases(project) == ["deploy", "deploy", "rollback to 1"]
    assert project.must("resolve").out.strip() == "models:/loan/1"


def test_a_cancelled_ci_job_leaves_no_process_and_no_file_behind(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    interrupted(project, "validate", at="score", by=signal.SIGTERM)


# ---- the gate


def test_while_a_run_waits_others_are_told_and_an_answer_lets_it_go_on(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    with start(project, "run", "--page") as waiting:
        read_until(waiting, "or in a terminal")
        for command in (["run", "--no-page"], ["train"], ["prepare"]):
            ran = project.run(*command)
            assert ran.code == 2
            assert f"another run (process {waiting.pid}) uses" in ran.err
            assert "answer it: ml-release approve" in ran.err
        assert "waiting" in project.must("status").out
        project.approve()
        out, err = waiting.communicate(timeout=SECONDS)
    assert (waiting.returncode, err) == (0, "")
    assert "in production: models:/loan@champion, release 1, version 1, approved by ben" in out
    assert releases(project) == ["deploy"]


def test_ctrl_c_at_the_signoff_page_says_how_to_go_on_without_it(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    with start(project, "run", "--page") as waiting:
        read_until(waiting, "or in a terminal")
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 130
    assert err.startswith("ml-release run: interrupted")
    assert "ml-release approve --as ben" in out
    project.approve()
    project.must("deploy")
    assert releases(project) == ["deploy"]


# ---- a full disk


@pytest.mark.parametrize(
    ("command", "size", "where"),
    [
        (["prepare"], 1000, "release/data/train.parquet cannot be written"),
        (["train"], 1000, "release/environment.txt cannot be written"),
        (["train"], 20_000, "mlflow.db cannot be written: disk I/O error"),
        (["report"], 1000, "release/report/index.html cannot be written"),
        (["approve", "--as", "cora", "--reason", "read it"], 100, "release/production/approvals/cora-"),
    ],
)
def test_a_full_disk(approved: Project, tmp_path: Path, command: list[str], size: int, where: str) -> None:
    project = approved.copied(tmp_path)
    for answer in (project.root / "release" / "production" / "approvals").iterdir():
        answer.unlink()
    with start(project, *command, program=FULL.format(size=size)) as process:
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 2, err
    assert where in err.splitlines()[-2]
    assert "df -h" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert left_behind(project) == []
    assert not list((project.root / "release").rglob(".*.json*")), "no half-written file"
    project.must(*command)


def test_output_that_cannot_be_written_is_no_success(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    for command in ("history", "schema", "--version"):
        with Path("/dev/full").open("w") as full, start(project, command, stdout=full) as process:
            _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 2
        assert "df -h" in err
        assert "Exception ignored" not in err


# ---- a reader that went away


@pytest.mark.parametrize("command", ["history", "metrics", "--help"])
def test_head_reads_what_it_wants_and_nobody_complains(approved: Project, tmp_path: Path, command: str) -> None:
    with start(approved.copied(tmp_path), command) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_a_deploy_goes_on_when_nobody_reads_its_log(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    with start(project, "deploy") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(SECONDS) == 0
    assert releases(project) == ["deploy"]


@pytest.mark.usefixtures("process_settings")
def test_without_standard_output_a_command_does_its_work(approved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert cli.main(["status", "--config", str(approved.root / "release.yml")]) == 0
