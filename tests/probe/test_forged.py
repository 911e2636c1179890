"""What a model's process leaves behind is its own word: read with care, never taken for more than its own scores."""

import io
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from doubles.records import chain

from ci_lib.errors import BadInput, Refused
from ci_lib.probe import run
from ci_lib.probe.children import Ended
from ci_lib.probe.request import Answer, Trouble
from ci_lib.probe.run import Probe

ROWS = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
GOLDEN = str(ROWS.to_json(orient="split", index=False))
SCORES = [0.1, 0.2, 0.3]


def npy(scores: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(scores), allow_pickle=True)
    return file.getvalue()


class Forger:
    """A child whose model took the process over."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.answer = Answer(load_seconds=0.1, predict_seconds=0.1, golden=tuple(SCORES), peak_mb=1).to_bytes()
        self.scores: bytes = npy(SCORES)
        self.meddle: Callable[[Path], None] = lambda _: None

    def put(self, request: Path, answer: Path, seconds: float) -> None:
        del seconds
        answer.write_bytes(self.answer)
        Path(json.loads(request.read_text())["out"]).write_bytes(self.scores)
        self.meddle(self.scratch)

    def wait(self, seconds: float) -> Ended:
        del seconds
        return Ended(code=0)

    def last_words(self) -> str:
        return ""


@pytest.fixture
def forger(tmp_path: Path) -> Forger:
    return Forger(tmp_path)


def ask(forger: Forger) -> run.Probed:
    built = chain("pass")
    probe = Probe(config=built.config, env={}, scratch=forger.scratch, child=forger)  # type: ignore[arg-type] # a fake
    return probe.ask(forger.scratch, built.dataset, rows=ROWS, golden=GOLDEN)


def test_what_an_honest_process_leaves_is_read(forger: Forger) -> None:
    found = ask(forger)
    assert found.scores is not None
    assert found.scores.tolist() == SCORES
    assert found.answer.golden == tuple(SCORES)


@pytest.mark.parametrize(
    "scores",
    [
        npy([0.1, 0.2]),
        npy([0.1] * 4),
        npy([[0.1], [0.2], [0.3]]),
        npy([0.1, float("nan"), 0.3]),
        npy([0.1, float("inf"), 0.3]),
        npy(["a", "b", "c"]),
        npy([1, 2, 3]),
        npy(np.array([0.1, None, {}], dtype=object)),
        npy(SCORES)[:-1],
        npy([0.1] * 100_000),
        b"",
        b"PK\x03\x04 a bomb",
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }\n",
    ],
)
def test_scores_that_are_not_one_number_a_row_are_bad_input(forger: Forger, scores: bytes) -> None:
    forger.scores = scores
    with pytest.raises(BadInput, match="left no score for each of the 3 rows"):
        ask(forger)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"{", b"[]", b"null", b'"answer"', b'{"kind": "answer"}', b'{"kind": "trouble"}', b'{"kind": 1}',
        b"[" * 100_000, b"\xff", b'{"kind": "answer", "load_seconds": NaN}', b" " * (run.LARGEST + 1),
        Trouble(step="load", sentence="x").to_bytes() + b" ",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_bad_input(forger: Forger, answer: bytes) -> None:
    forger.answer = answer
    with pytest.raises(BadInput, match="left no answer that can be read"):
        ask(forger)


@pytest.mark.parametrize("golden", [(), (0.1,), (0.1, 0.2, 0.3, 0.4)])
def test_golden_predictions_for_other_rows_than_asked_are_bad_input(forger: Forger, golden: tuple[float, ...]) -> None:
    """Otherwise a model could leave none, and every later check would find all of none repeated."""
    forger.answer = Answer(load_seconds=0.1, predict_seconds=0.1, golden=golden, peak_mb=1).to_bytes()
    with pytest.raises(BadInput, match=f"answered {len(golden)} of 3 golden rows"):
        ask(forger)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("odd", [fifo, link, folder])
@pytest.mark.parametrize("name", ["answer.json", "scores.npy"])
def test_only_a_plain_file_is_read(forger: Forger, odd: Callable[[Path], None], name: str) -> None:
    """A named pipe would be waited for without end, a link lead to a file that only the parent can read."""
    forger.meddle = lambda scratch: odd(scratch / name)
    with pytest.raises(BadInput, match="left no"):
        ask(forger)


def test_a_format_that_is_refused_is_still_refused(forger: Forger) -> None:
    forger.answer = Trouble(step="format", sentence="no").to_bytes()
    with pytest.raises(Refused, match="no"):
        ask(forger)


@pytest.mark.parametrize(("code", "words"), [(3, "exit code 3"), (-9, "SIGKILL"), (-signal.SIGRTMIN - 1, "signal 35")])
def test_every_death_has_words(code: int, words: str) -> None:
    assert words in run._death(code)
