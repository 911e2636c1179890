"""Ask the child process: a scrubbed environment, a scratch directory, a time limit; answers come back as files."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.probe.request import Answer, Request, Trouble

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "LD_LIBRARY_PATH")
"""Variables the child may see. No token, no address, no PYTHONPATH."""

SECONDS = 900
"""Time limit of one child."""

LIMIT = "ML_RELEASE_MODEL_SECONDS"
"""The variable that sets another one."""

SAID = "said.txt"
"""What the child prints, in its scratch directory."""

TAIL = 300
"""Bytes of it that are repeated when the child dies."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What came back."""

    answer: Answer
    scores: NDArray[np.float64] | None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Loads models in child processes."""

    config: Config
    env: Mapping[str, str]
    scratch: Path
    """An empty directory for this probe alone."""
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
        code = self._spawn([sys.executable, "-I", "-m", "ci_lib.probe.child", str(asked), str(answered)])
        if not answered.exists():
            message = f"the process that loads the model {_death(code)} before it answered{self._last_words()}"
            raise BadInput(message, "load the model by hand: mlflow.sklearn.load_model(URI); is there enough memory?")
        return _read(answered.read_bytes())

    def _spawn(self, command: Sequence[str]) -> int:
        """Run the child in its own process group; however this ends, nothing of the group stays behind.

        What it prints goes to a file: a pipe would fill our memory, and be held open by whatever the model started.
        """
        seconds = self._seconds()
        env = {name: self.env[name] for name in KEPT if name in self.env}
        env |= {"HOME": str(self.scratch), "TMPDIR": str(self.scratch), "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (
            (self.scratch / SAID).open("wb") as said,
            subprocess.Popen(
                command,
                cwd=self.scratch,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as child,
        ):
            try:
                return child.wait(seconds)
            except subprocess.TimeoutExpired as error:
                message = f"the model did not answer within {seconds:g} s"
                raise BadInput(message, f"try predict by hand on a few rows, or allow more: {LIMIT}=3600") from error
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def _seconds(self) -> float:
        """Return the time limit: how long a model may take depends on the machine, so the environment may say."""
        if self.seconds is not None:
            return self.seconds
        given = self.env.get(LIMIT) or str(SECONDS)
        if given.isdecimal() and int(given) > 0:
            return int(given)
        message = f"{LIMIT} is {given!r}, which is no number of seconds"
        raise BadInput(message, f"{LIMIT}={SECONDS}")

    def _last_words(self) -> str:
        with (self.scratch / SAID).open("rb") as said:
            said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return f"; it said last: {lines[-1]}" if lines else ""


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
