"""Ask a child process: rows and request go out as files, within a time limit the answer comes back as one."""

import errno
import io
import json
import math
import os
import signal
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.probe import children, limits, watch
from ci_lib.probe.request import Answer, Request, Trouble

SECONDS = 900
"""Time limit of one child."""

LARGEST = 64 << 20
"""Bytes of an answer: it has a few numbers a column."""

HEADER = 1024
"""Bytes before the numbers in a NumPy file."""

BY_HAND = "try it by hand: load the model and call predict on a few rows of the holdout"

LIMIT = "ML_RELEASE_MODEL_SECONDS"
"""The variable that sets another one."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What came back."""

    answer: Answer
    scores: NDArray[np.float64] | None
    left_open: tuple[str, ...] = ()
    """What the machine did not let the process cut off."""


class Asked(TypedDict, total=False):
    """What a model is asked besides to load."""

    rows: pd.DataFrame | None
    """To score."""
    truth: NDArray[np.float64] | None
    """Of these rows, for permutation importance."""
    golden: str | None
    """Rows whose predictions others must repeat, as ``dataframe_split`` JSON."""
    single_rows: int
    """How many one-row predictions to time."""
    shuffles: int
    """How often each column is shuffled."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Loads one model in a child process."""

    config: Config
    env: Mapping[str, str]
    scratch: Path
    """An empty directory for this probe alone."""
    child: children.Child | None = None
    """One that waits already, with `scratch` for its directory; None: it is started when asked."""
    seconds: float | None = None
    """Time limit of one child; None: what the environment says, or 900."""

    def ask(self, model: Path, dataset: Dataset, **what: Unpack[Asked]) -> Probed:
        """Load a model in a child process, have it score rows, and wait until it has.

        Raises:
            Refused: the policy does not allow the model's format.
            BadInput: it does not load, does not predict what the task needs, or takes too long.
        """
        return self.begin(model, dataset, **what)()

    def begin(self, model: Path, dataset: Dataset, **what: Unpack[Asked]) -> Callable[[], Probed]:
        """Do the same, and return what waits for the answer: there may be other things to do meanwhile.

        Raises:
            BadInput: the environment sets a limit that is none.
        """
        rows, golden, out = what.get("rows"), what.get("golden"), self.scratch / "scores.npy"
        request = Request(
            model=str(model),
            task=self.config.task,
            labels=dataset.labels,
            positive=dataset.positive,
            rows=self._rows(rows),
            golden=golden,
            single_rows=what.get("single_rows", 0),
            shuffles=what.get("shuffles", 0),
            truth=self._truth(what.get("truth")),
            formats=self.config.policy.formats,
            out=str(out),
        )
        seconds = self._seconds()
        child = self.child or children.start(self.env, self.scratch, [model])
        asked, answered = request.write(self.scratch / "request.json"), self.scratch / "answer.json"
        answered.unlink(missing_ok=True)
        child.put(asked, answered, seconds)

        def finish() -> Probed:
            ended = self._wait(child, seconds)
            answer = self._answer(child, ended.code, answered)
            wanted = len(json.loads(golden)["data"]) if golden is not None else 0
            if len(answer.golden) != wanted:
                message = f"the process that loads the model answered {len(answer.golden)} of {wanted} golden rows"
                raise BadInput(message, BY_HAND)
            scores = None if rows is None else self._scores(out, len(rows), dataset)
            return Probed(answer=answer, scores=scores, left_open=ended.left_open)

        return finish

    def _scores(self, path: Path, rows: int, dataset: Dataset) -> NDArray[np.float64]:
        """Return what the child wrote: its own word, so checked again here."""
        shape = (rows, len(dataset.labels)) if self.config.task == "multiclass" else (rows,)
        try:
            content = _content(path, math.prod(shape) * 8 + HEADER)
            found = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
            sound = found.dtype == np.float64 and found.shape == shape and bool(np.isfinite(found).all())
        except (OSError, ValueError, EOFError, MemoryError):
            sound = False
        if not sound:
            message = f"the process that loads the model left no score for each of the {rows:,} rows"
            raise BadInput(message, BY_HAND)
        return np.asarray(found)

    def _rows(self, rows: pd.DataFrame | None) -> str | None:
        if rows is None:
            return None
        path = self.scratch / "rows.parquet"
        rows.to_parquet(path, index=False)
        return str(path)

    def _truth(self, truth: NDArray[np.float64] | None) -> str | None:
        if truth is None:
            return None
        path = self.scratch / "truth.npy"
        np.save(path, truth, allow_pickle=False)
        return str(path)

    def _wait(self, child: children.Child, seconds: float) -> children.Ended:
        try:
            return child.wait(seconds)
        except TimeoutError as error:
            message = f"the model did not answer within {seconds:g} s"
            raise BadInput(message, f"try predict by hand on a few rows, or allow more: {LIMIT}=3600") from error
        except watch.TooMuch as error:
            message = f"the model {error}, and was stopped"
            raise BadInput(message, "find out what it does: a model reads rows and returns scores") from error
        finally:
            if self.child is None:
                child.end()

    def _answer(self, child: children.Child, code: int, answered: Path) -> Answer:
        if not answered.exists():
            said = child.last_words()
            words = f"; it said last: {said}" if said else ""
            message = f"the process that loads the model {_death(code)} before it answered{words}"
            raise BadInput(
                message, f"load the model by hand: mlflow.sklearn.load_model(URI); is {limits.MEMORY} enough?"
            )
        return _read(answered)

    def _seconds(self) -> float:
        """Return the time limit: how long a model may take depends on the machine, so the environment may say."""
        if self.seconds is not None:
            return self.seconds
        return limits.number(self.env, LIMIT, SECONDS)


def left_open(probed: Iterable[Probed]) -> tuple[str, ...]:
    """Return what the machine did not let the processes cut off, each thing once."""
    return tuple(dict.fromkeys(line for each in probed for line in each.left_open))


def cut_off(probed: Iterable[Probed]) -> tuple[str, ...]:
    """Say the same in a log."""
    return tuple(f"the process that loads the model: {line}" for line in left_open(probed))


def own_time(answers: Iterable[Answer]) -> str:
    """Say how much of a job's time was the models' own."""
    kept = tuple(answers)
    load, predict = (sum(answer.load_seconds for answer in kept), sum(answer.predict_seconds for answer in kept))
    return f"the models' own time: {load:.2f} s to load, {predict:.2f} s to predict"


def _death(code: int) -> str:
    """Say how a process ended; negative codes are signals, not all of which have a name."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was killed by {names.get(-code, f'signal {-code}')}"


def _content(path: Path, most: int) -> bytes:
    """Return what is in a file of the child's, if it is a plain one that is not too large.

    Raises:
        OSError: it is a link, a pipe (which would be waited for without end), too large, or not there.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_size > most:
            raise OSError(errno.EINVAL, "not a plain file of that size", str(path))
        return file.read(most)


def _read(path: Path) -> Answer:
    """Read the child's answer.

    Raises:
        Refused: the policy does not allow the model's format.
        BadInput: the model does not load or predict, or the answer is none.
    """
    try:
        content = _content(path, LARGEST)
        kind = Trouble if json.loads(content)["kind"] == "trouble" else Answer
        answer = kind.from_bytes(content, "the child's answer")
    except (OSError, ValueError, TypeError, LookupError, RecursionError, Refused) as error:
        message = f"the process that loads the model left no answer that can be read: {type(error).__name__}"
        raise BadInput(message, BY_HAND) from error
    if isinstance(answer, Answer):
        return answer
    if answer.step == "format":
        raise Refused(answer.sentence, "train again with a format that the policy allows, or change policy.formats")
    what = "the model does not load" if answer.step == "load" else "the model does not predict"
    message = f"{what}: {answer.sentence}"
    raise BadInput(message, BY_HAND)
