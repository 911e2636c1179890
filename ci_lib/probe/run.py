"""Ask a child process: rows and request go out as files, within a time limit the answer comes back as one."""

import json
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.probe import children
from ci_lib.probe.request import Answer, Request, Trouble

SECONDS = 900
"""Time limit of one child."""

LIMIT = "ML_RELEASE_MODEL_SECONDS"
"""The variable that sets another one."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What came back."""

    answer: Answer
    scores: NDArray[np.float64] | None


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

    def ask(
        self,
        model: Path,
        dataset: Dataset,
        *,
        rows: pd.DataFrame | None = None,
        truth: NDArray[np.float64] | None = None,
        golden: str | None = None,
        single_rows: int = 0,
        shuffles: int = 0,
        seed: int = 0,
    ) -> Probed:
        """Load a model in a child process and have it score rows.

        Raises:
            Refused: the policy does not allow the model's format.
            BadInput: it does not load, does not predict what the task needs, or takes too long.
        """
        out = self.scratch / "scores.npz"
        request = Request(
            model=str(model),
            task=self.config.task,
            labels=dataset.labels,
            positive=dataset.positive,
            rows=self._rows(rows),
            golden=golden,
            single_rows=single_rows,
            shuffles=shuffles,
            truth=self._truth(truth),
            seed=seed,
            formats=self.config.policy.formats,
            out=str(out),
        )
        answer = self._run(request)
        if rows is None:
            return Probed(answer=answer, scores=None)
        with np.load(out, allow_pickle=False) as found:
            return Probed(answer=answer, scores=found["scores"])

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

    def _run(self, request: Request) -> Answer:
        asked, answered = self.scratch / "request.json", self.scratch / "answer.json"
        request.write(asked)
        answered.unlink(missing_ok=True)
        child = self.child or children.start(self.env, self.scratch)
        code = self._wait(child, asked, answered)
        if not answered.exists():
            said = child.last_words()
            words = f"; it said last: {said}" if said else ""
            message = f"the process that loads the model {_death(code)} before it answered{words}"
            raise BadInput(message, "load the model by hand: mlflow.sklearn.load_model(URI); is there enough memory?")
        return _read(answered.read_bytes())

    def _wait(self, child: children.Child, asked: Path, answered: Path) -> int:
        seconds = self._seconds()
        try:
            return child.ask(asked, answered, seconds)
        except subprocess.TimeoutExpired as error:
            message = f"the model did not answer within {seconds:g} s"
            raise BadInput(message, f"try predict by hand on a few rows, or allow more: {LIMIT}=3600") from error

    def _seconds(self) -> float:
        """Return the time limit: how long a model may take depends on the machine, so the environment may say."""
        if self.seconds is not None:
            return self.seconds
        given = self.env.get(LIMIT) or str(SECONDS)
        if given.isdecimal() and int(given) > 0:
            return int(given)
        message = f"{LIMIT} is {given!r}, which is no number of seconds"
        raise BadInput(message, f"{LIMIT}={SECONDS}")


def own_time(answers: Iterable[Answer]) -> str:
    """Say how much of a job's time was the models' own."""
    kept = tuple(answers)
    load, predict = (sum(answer.load_seconds for answer in kept), sum(answer.predict_seconds for answer in kept))
    return f"the models' own time: {load:.2f} s to load, {predict:.2f} s to predict"


def _death(code: int) -> str:
    """Say how a process ended; negative codes are signals."""
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was killed by {signal.Signals(-code).name}"


def _read(data: bytes) -> Answer:
    if json.loads(data)["kind"] == "answer":
        return Answer.from_bytes(data, "the child's answer")
    trouble = Trouble.from_bytes(data, "the child's answer")
    if trouble.step == "format":
        raise Refused(trouble.sentence, "train again with a format that the policy allows, or change policy.formats")
    what = "the model does not load" if trouble.step == "load" else "the model does not predict"
    message = f"{what}: {trouble.sentence}"
    raise BadInput(message, "try it by hand: load the model and call predict on a few rows of the holdout")
