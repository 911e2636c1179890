"""What the child process does: load one model, answer one request. `ci_lib.probe.start` shuts it in first."""

import importlib.metadata
import resource
import time
import traceback
import warnings
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
from packaging.requirements import InvalidRequirement, Requirement

from ci_lib.probe import importance, limits
from ci_lib.probe.load import FormatError, PredictError, Scores, load
from ci_lib.probe.request import Answer, Importance, Request, Trouble
from ci_lib.record import Record


@dataclass(kw_only=True)
class Timed:
    """A scoring function that adds up its own time."""

    score: importance.Score
    seconds: float = 0.0

    def __call__(self, rows: pd.DataFrame) -> Scores:
        """Score rows."""
        started = time.perf_counter()
        try:
            return self.score(rows)
        finally:
            self.seconds += time.perf_counter() - started


def main(request_file: str, answer_file: str) -> int:
    """Answer one request; whatever goes wrong in the model becomes a `Trouble`."""
    request = Request.read(Path(request_file))
    answer: Record
    try:
        answer = respond(request)
    except FormatError as error:
        answer = Trouble(step="format", sentence=str(error))
    except PredictError as error:
        answer = Trouble(step="predict", sentence=str(error))
    except Exception as error:  # noqa: BLE001 -- the model is somebody else's code: anything can come out of it
        answer = Trouble(step="load", sentence=_told(error))
    answer.write(Path(answer_file))
    return 0


def respond(request: Request) -> Answer:
    """Load the model and do what is asked."""
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    score = Timed(score=load(request))
    loaded = time.perf_counter() - started
    latencies: list[float] = []
    found: tuple[Importance, ...] = ()
    if request.rows is not None:
        rows = pd.read_parquet(request.rows)
        scores = _predict(score, rows)
        np.save(request.out, scores)
        latencies = _latencies(score, rows, request)
        if request.shuffles and request.truth is not None:
            found = importance.measure(score, rows, np.load(request.truth), scores, request)
    golden = _golden(score, request)
    return Answer(
        load_seconds=loaded,
        predict_seconds=score.seconds,
        golden=golden,
        latencies=tuple(latencies),
        importance=found,
        mismatches=tuple(mismatches(Path(request.model) / "requirements.txt")),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
    )


def _predict(score: importance.Score, rows: pd.DataFrame) -> Scores:
    try:
        return score(rows)
    except PredictError:
        raise
    except Exception as error:
        message = f"predict failed: {_told(error)}"
        raise PredictError(message) from error


def _latencies(score: importance.Score, rows: pd.DataFrame, request: Request) -> list[float]:
    """Time one-row predictions, rows in a seeded order; the first one, which fills caches, is not counted."""
    if not request.single_rows:
        return []
    order = np.random.Generator(np.random.PCG64(request.seed)).integers(0, len(rows), request.single_rows + 1)
    seconds = []
    for index in order:
        row = rows.iloc[[int(index)]]
        started = time.perf_counter()
        score(row)
        seconds.append(time.perf_counter() - started)
    return seconds[1:]


def _golden(score: importance.Score, request: Request) -> tuple[float | str, ...]:
    if request.golden is None:
        return ()
    rows = pd.read_json(StringIO(request.golden), orient="split", convert_dates=False, precise_float=True)
    scores = _predict(score, rows)
    if scores.ndim == 1:
        return tuple(float(value) for value in scores)
    return tuple(request.labels[index] for index in scores.argmax(axis=1))


def mismatches(requirements: Path) -> list[str]:
    """Return the lines of a requirements file that this process does not meet.

    An option (``--extra-index-url …``) or an address is never met: who serves the model would install from there.
    """
    if not requirements.is_file():
        return ["the model has no requirements.txt"]
    unmet = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = line.strip() if "://" in line else line.split("#")[0].strip()
        if text and not _met(text):
            unmet.append(text)
    return unmet


def _met(text: str) -> bool:
    try:
        wanted = Requirement(text)
        installed = importlib.metadata.version(wanted.name)
    except (InvalidRequirement, importlib.metadata.PackageNotFoundError):
        return False
    return wanted.url is None and wanted.specifier.contains(installed, prereleases=True)


def _told(error: BaseException) -> str:
    """Say in one line what a model raised, where, and whether it ran into one of our limits."""
    found = f"{type(error).__name__}: {_first_line(error)} ({_where(error)})"
    limit = limits.explain(error)
    return f"{found}: {limit}" if limit else found


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else "no message"
