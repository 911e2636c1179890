"""The chain directory: one writer, and nothing out of date."""

import subprocess
import sys
from pathlib import Path

import pytest

from ci_lib import workspace
from ci_lib.errors import BadInput

HOLD = "from pathlib import Path; from ci_lib import workspace\nwith workspace.writing(Path({!r})):"


def test_a_second_writer_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    code = f"{HOLD.format(str(tmp_path))}\n    print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BadInput, match=f"process {holder.pid}") as caught, workspace.writing(tmp_path):
            pass
        assert "ml-release approve" in caught.value.hint
        holder.communicate("\n")
    with workspace.writing(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_a_writer_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    code = f"import os, signal\n{HOLD.format(str(tmp_path))}\n    os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], check=False)
    with workspace.writing(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"), workspace.writing(tmp_path / "file" / "release"):
        pass


FILES = [
    "dataset.json",
    "data/train.parquet",
    "candidate.json",
    "environment.txt",
    "evidence.json",
    "decision.json",
    "report/index.html",
    "production/approvals/ben.json",
]


@pytest.mark.parametrize(
    ("stage", "kept"),
    [("prepare", 0), ("train", 2), ("adopt", 2), ("validate", 4), ("report", 6)],
)
def test_a_stage_removes_what_it_makes_untrue(tmp_path: Path, stage: str, kept: int) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    (tmp_path / "production" / "release.json").write_text("what is in production stays")
    workspace.forget_after(stage, tmp_path, ("production",))
    assert [name for name in FILES if (tmp_path / name).exists()] == FILES[:kept]
    assert (tmp_path / "production" / "release.json").exists()


def test_forgetting_what_was_never_there_is_no_error(tmp_path: Path) -> None:
    workspace.forget_after("prepare", tmp_path, ("production", "staging"))
