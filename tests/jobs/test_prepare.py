"""`prepare`, from release.yml to the files of the chain."""

import io
from argparse import Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ci_lib.jobs.prepare import main

from ci_lib import frames
from ci_lib.approval import Assurance
from ci_lib.candidate import Person
from ci_lib.config import Config
from ci_lib.console import Console
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.job import Job

ROWS = 120


class Nobody:
    """A CI system that `prepare` must not ask anything."""

    name = "local"
    assurance: Assurance = "self-declared"

    def pipeline(self) -> str:
        raise NotImplementedError

    def authors(self) -> Sequence[Person]:
        raise NotImplementedError

    def actor(self) -> Person:
        raise NotImplementedError

    def approver(self, claimed: str | None) -> Person:
        raise NotImplementedError


def no_registry(uri: str) -> Any:
    raise NotImplementedError(uri)


def table() -> pd.DataFrame:
    """Rows with a leak, a gap, a constant, a proxy-free group and both classes."""
    numbers = range(ROWS)
    return pd.DataFrame(
        {
            "y": [number % 2 for number in numbers],
            "leak": ["paid" if number % 2 else "open" for number in numbers],
            "x": [number * 7 % 101 for number in numbers],
            "one": 1,
            "sex": ["f" if number % 3 else "m" for number in numbers],
            "gone": 0,
        }
    )


def job(project: Path, data: dict[str, Any], task: str = "binary") -> tuple[Job, io.StringIO]:
    out = io.StringIO()
    config = Config.model_validate({"model": "m", "task": task, "data": {"target": "y", "sensitive": ("sex",), **data}})
    made = Job(
        config=config,
        project=project,
        chain=project / "release",
        environment="production",
        args=Namespace(),
        env={},
        console=Console(out),
        ci=Nobody(),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        open_registry=no_registry,
    )
    return made, out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    table().to_csv(tmp_path / "d.csv", index=False)
    return tmp_path


def test_the_record_and_both_sides_are_written_and_summed_up(project: Path) -> None:
    made, out = job(project, {"source": "d.csv", "drop": ("gone",), "split": {"holdout": 0.25, "seed": 3}})
    assert main(made) == 0
    dataset = Dataset.read(project / "release" / "dataset.json")
    assert (dataset.train.rows, dataset.holdout.rows) == (90, 30)
    assert dataset.train.balance == {"0": 45, "1": 45}
    assert (dataset.labels, dataset.positive) == (("0", "1"), "1")
    assert dataset.features == ("leak", "x", "one")
    assert dataset.source == "d.csv"
    assert dataset.source_digest is not None
    said = out.getvalue()
    assert "90 rows to train on, 30 held out (25% holdout, stratified by y, seed 3)" in said
    assert "3 features, target y: 0 50.0%, 1 50.0%, 1 counts as positive" in said
    assert "leak suspect: leak, leak_score 1.00" in said
    assert "constant columns: 1 (one)" in said


def test_the_rows_come_back_as_they_were_split(project: Path) -> None:
    made, _ = job(project, {"source": "d.csv", "drop": ("gone",)})
    main(made)
    dataset = Dataset.read(made.chain / "dataset.json")
    train, holdout = frames.load_split(made.chain, dataset, "train"), frames.load_split(made.chain, dataset, "holdout")
    both = pd.concat([train, holdout]).sort_values("x", ignore_index=True)
    assert len(both) == ROWS
    assert list(frames.features(train, dataset).columns) == ["leak", "x", "one"]
    assert frames.target(train, dataset).value_counts().to_dict() == dict(
        zip((0, 1), dataset.train.balance.values(), strict=True)
    )
    assert set(frames.sensitive(holdout, dataset)["sex"]) == {"f", "m"}


def test_the_same_input_gives_the_same_bytes(project: Path) -> None:
    made, _ = job(project, {"source": "d.csv"})
    main(made)
    first = (made.chain / "dataset.json").read_bytes()
    main(made)
    assert (made.chain / "dataset.json").read_bytes() == first


def test_parquet_and_csv_of_the_same_rows_give_the_same_splits(project: Path) -> None:
    table().to_parquet(project / "d.parquet")
    found = []
    for source in ("d.csv", "d.parquet"):
        made, _ = job(project, {"source": source})
        main(made)
        dataset = Dataset.read(made.chain / "dataset.json")
        found.append((dataset.train.sha256, dataset.holdout.sha256))
    assert found[0] == found[1]


def test_given_files_are_taken_as_they_are(project: Path) -> None:
    table()[:80].to_csv(project / "t.csv", index=False)
    table()[80:][["sex", "x", "y", "leak", "one", "gone"]].to_csv(project / "h.csv", index=False)
    made, _ = job(project, {"split": {"train": "t.csv", "holdout": "h.csv"}})
    main(made)
    dataset = Dataset.read(made.chain / "dataset.json")
    assert (dataset.train.rows, dataset.holdout.rows, dataset.split) == (80, 40, "given: t.csv and h.csv")
    assert (dataset.source, dataset.source_digest) == ("t.csv, h.csv", None)
    holdout = frames.load_split(made.chain, dataset, "holdout")
    assert holdout["x"].tolist() == table()["x"][80:].tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": ["x"]}, "h.csv lacks 'x', which the other file of data.split has"),
        ({"add": "more"}, "t.csv lacks 'more', which the other file of data.split has"),
        ({"text": "x"}, "column 'x' is category in one file of data.split and number in the other"),
    ],
)
def test_given_files_must_have_the_same_columns(project: Path, change: dict[str, Any], words: str) -> None:
    holdout = table()[80:].drop(columns=change.get("drop", []))
    if "add" in change:
        holdout[change["add"]] = 1
    if "text" in change:
        holdout[change["text"]] = "word"
    table()[:80].to_csv(project / "t.csv", index=False)
    holdout.to_csv(project / "h.csv", index=False)
    made, _ = job(project, {"split": {"train": "t.csv", "holdout": "h.csv"}})
    with pytest.raises(BadInput) as caught:
        main(made)
    assert caught.value.what == words


def test_a_column_that_is_empty_in_one_file_is_no_other_kind(project: Path) -> None:
    holdout = table()[80:].assign(leak=None)
    table()[:80].to_csv(project / "t.csv", index=False)
    holdout.to_csv(project / "h.csv", index=False)
    made, _ = job(project, {"split": {"train": "t.csv", "holdout": "h.csv"}})
    assert main(made) == 0


def test_regression_from_a_function_has_no_labels(project: Path) -> None:
    (project / "rows_of_prepare.py").write_text(
        "import pandas as pd\ndef load():\n    return pd.read_csv('%s')\n" % (project / "d.csv")
    )
    made, out = job(project, {"source": "rows_of_prepare:load", "target": "x"}, "regression")
    assert main(made) == 0
    dataset = Dataset.read(made.chain / "dataset.json")
    assert (dataset.labels, dataset.positive, dataset.train.balance, dataset.source_digest) == ((), None, {}, None)
    assert "target x\n" in out.getvalue()


def test_a_directory_that_cannot_be_written_is_bad_input(project: Path) -> None:
    made, _ = job(project, {"source": "d.csv"})
    made.chain.write_text("a file where the directory should be")
    with pytest.raises(BadInput, match="cannot be written"):
        main(made)


def test_a_failed_run_leaves_the_record_before_as_it_was(project: Path) -> None:
    made, _ = job(project, {"source": "d.csv"})
    main(made)
    before = (made.chain / "dataset.json").read_bytes()
    table().assign(y=1).to_csv(project / "d.csv", index=False)
    with pytest.raises(BadInput, match="constant"):
        main(made)
    assert (made.chain / "dataset.json").read_bytes() == before
    frames.load_split(made.chain, Dataset.from_bytes(before), "train")


# --- reading the rows back


@pytest.fixture
def chain(project: Path) -> tuple[Path, Dataset]:
    made, _ = job(project, {"source": "d.csv"})
    main(made)
    return made.chain, Dataset.read(made.chain / "dataset.json")


def test_changed_rows_are_refused(chain: tuple[Path, Dataset]) -> None:
    path, dataset = chain
    file = path / dataset.holdout.file
    frame = pd.read_parquet(file)
    frame.loc[0, "x"] += 1
    frame.to_parquet(file)
    with pytest.raises(Refused, match=r"does not hold the holdout rows that dataset\.json names"):
        frames.load_split(path, dataset, "holdout")
    assert len(frames.load_split(path, dataset, "train")) == dataset.train.rows


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_a_broken_file_is_refused(chain: tuple[Path, Dataset], content: bytes) -> None:
    path, dataset = chain
    (path / dataset.train.file).write_bytes(content)
    with pytest.raises(Refused, match="cannot be read as Parquet"):
        frames.load_split(path, dataset, "train")


def test_the_same_rows_written_anew_are_accepted(chain: tuple[Path, Dataset]) -> None:
    path, dataset = chain
    file = path / dataset.train.file
    pd.read_parquet(file).to_parquet(file, compression="gzip")
    assert len(frames.load_split(path, dataset, "train")) == dataset.train.rows


def test_a_missing_file_says_which_stage_writes_it(chain: tuple[Path, Dataset]) -> None:
    path, dataset = chain
    (path / dataset.train.file).unlink()
    with pytest.raises(BadInput) as caught:
        frames.load_split(path, dataset, "train")
    assert caught.value.hint == "ml-release prepare"


def test_rows_that_parquet_cannot_hold_are_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be written as Parquet"):
        frames.store(pd.DataFrame({"a": pd.Series(["\ud800"], dtype=object)}), tmp_path / "a.parquet")
