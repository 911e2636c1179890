"""The report job: what it writes, what it prints, how it ends."""

import io
import os
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import report
from doubles.entries import text
from doubles.memory_store import MemoryStore
from doubles.records import NOW, Chain, chain, relink, sha

from ci_lib.announcement import Announcement
from ci_lib.candidate import Person
from ci_lib.config import Environment
from ci_lib.console import Console
from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.findings import Outcome
from ci_lib.job import Job
from ci_lib.release import Release


class NoCI:
    """The report asks nothing of CI, but to announce it."""

    name = "local"
    assurance = "self-declared"

    def pipeline(self) -> str:
        raise NotImplementedError

    def authors(self) -> Sequence[Person]:
        raise NotImplementedError

    def actor(self) -> Person:
        raise NotImplementedError

    def approver(self, claimed: str | None) -> Person:
        raise NotImplementedError

    def announce(self, about: Announcement) -> Sequence[str]:
        assert about.note.startswith("## ")
        return ["announced"]


def write(built: Chain, where: Path) -> None:
    for name in ("dataset", "candidate", "evidence", "decision"):
        getattr(built, name).write(where / f"{name}.json")


class Shelf:
    """The registry as the report sees it: a ledger to read, a run to log to."""

    def __init__(self, history: Sequence[Release] = ()) -> None:
        self.history = history
        self.logged: list[str] = []

    def ledger(self, name: str) -> "MemoryStore":
        assert name == "loan-approval"
        return MemoryStore({f"op-{number:06d}": text(made) for number, made in enumerate(self.history, start=1)})

    def log_files(self, run_id: str, paths: Sequence[Path], folder: str) -> None:
        self.logged += [f"{run_id}:{folder}/{path.name}" for path in paths]


def job(built: Chain, root: Path, out: io.StringIO | None = None, shelf: Shelf | None = None) -> Job:
    def open_registry(address: str) -> Any:
        if shelf is None:
            message = f"{address} does not answer"
            raise Unavailable(message, "start it")
        return shelf

    return Job(
        config=built.config, project=root, chain=root / "release", environment="production", args=Namespace(), env={},
        console=Console(out or io.StringIO()), ci=NoCI(), clock=lambda: NOW, open_registry=open_registry,
    )  # fmt: skip


@pytest.mark.parametrize("verdict", ["pass", "inconclusive", "fail"])
def test_the_report_is_written_whatever_the_verdict(tmp_path: Path, verdict: Outcome) -> None:
    built = chain(verdict)
    write(built, tmp_path / "release")
    out = io.StringIO()
    assert report.main(job(built, tmp_path, out)) == 0
    written = tmp_path / "release" / "report"
    assert f"<title>{verdict}: loan-approval".encode() in (written / "index.html").read_bytes()
    assert (written / "records" / "dataset.json").read_bytes() == (tmp_path / "release" / "dataset.json").read_bytes()
    assert str(written / "index.html") in out.getvalue()
    assert f"verdict: {verdict.capitalize()}: " in out.getvalue()


def test_a_second_run_writes_the_same_bytes(tmp_path: Path) -> None:
    built = chain()
    write(built, tmp_path / "release")
    page = tmp_path / "release" / "report" / "index.html"
    report.main(job(built, tmp_path))
    first = page.read_bytes()
    report.main(job(built, tmp_path))
    assert page.read_bytes() == first


def test_earlier_releases_are_shown_and_the_report_is_logged(tmp_path: Path) -> None:
    built = chain()
    write(built, tmp_path / "release")
    shelf = Shelf(built.history)
    report.main(job(built, tmp_path, shelf=shelf))
    assert "drift in obrat" in (tmp_path / "release" / "report" / "report.md").read_text(encoding="utf-8")
    assert shelf.logged == [f"{built.candidate.run_id}:ml-release/report"]


def test_without_mlflow_the_report_is_written_and_says_what_it_lacks(tmp_path: Path) -> None:
    built = chain()
    write(built, tmp_path / "release")
    out = io.StringIO()
    assert report.main(job(built, tmp_path, out)) == 0
    assert "the report goes without earlier releases" in out.getvalue()
    assert "the report is not logged to MLflow" in out.getvalue()


def test_a_model_without_a_run_has_nowhere_to_log_to(tmp_path: Path) -> None:
    built = chain()
    built = relink(replace(built, candidate=built.candidate.model_copy(update={"run_id": None})))
    write(built, tmp_path / "release")
    shelf = Shelf(built.history)
    report.main(job(built, tmp_path, shelf=shelf))
    assert shelf.logged == []


@pytest.mark.parametrize(
    ("name", "stage"),
    [("dataset", "prepare"), ("candidate", "train"), ("evidence", "validate"), ("decision", "validate")],
)
def test_a_missing_record_names_the_stage_to_run(tmp_path: Path, name: str, stage: str) -> None:
    built = chain()
    write(built, tmp_path / "release")
    (tmp_path / "release" / f"{name}.json").unlink()
    with pytest.raises(BadInput) as caught:
        report.main(job(built, tmp_path))
    assert caught.value.hint == f"ml-release {stage}"


def test_mixed_records_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    built = chain()
    write(built, tmp_path / "release")
    built.decision.model_copy(update={"evidence": sha("other")}).write(tmp_path / "release" / "decision.json")
    with pytest.raises(Refused):
        report.main(job(built, tmp_path))
    assert not (tmp_path / "release" / "report").exists()


def test_an_unwritable_directory_is_bad_input(tmp_path: Path) -> None:
    built = chain()
    write(built, tmp_path / "release")
    (tmp_path / "release" / "report").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(BadInput, match=os.fspath(tmp_path / "release" / "report")):
        report.main(job(built, tmp_path))


@pytest.mark.parametrize("broken", [False, True])
def test_releases_to_other_environments_are_shown_and_their_trouble_is_only_said(tmp_path: Path, broken: bool) -> None:
    built = chain()
    environments = {"staging": Environment(), **built.config.environments}
    built = replace(built, config=built.config.model_copy(update={"environments": environments}))
    write(built, tmp_path / "release")
    there = built.history[0].model_copy(update={"environment": "staging", "reason": "tried it", "number": 1 + broken})

    class Both(Shelf):
        def ledger(self, name: str) -> MemoryStore:
            mine = name == "loan-approval"
            return Shelf(built.history if mine else [there]).ledger("loan-approval")

    out = io.StringIO()
    assert report.main(job(built, tmp_path, out, shelf=Both())) == 0
    text = (tmp_path / "release" / "report" / "report.md").read_text(encoding="utf-8")
    assert ("| staging | deploy |" in text, "replace release 1" in text) == (not broken, not broken)
    assert ("goes without earlier releases to staging: the ledger does not hold" in out.getvalue()) == broken
    assert "| production | rollback to 1 |" in text
