"""What the parent asks of the child process that loads the model, and what comes back. Files, no pickles."""

from typing import Literal

from ci_lib.formats import Formats
from ci_lib.measure.catalogue import Task
from ci_lib.record import Record


class Request(Record):
    """One model to load and what to do with it."""

    model: str
    """Path of the model directory."""
    task: Task
    labels: tuple[str, ...]
    """Target labels as text, in the dataset's order; empty for regression."""
    positive: str | None
    rows: str | None = None
    """Parquet file with the feature rows to score; None: only the golden rows."""
    golden: str | None = None
    """``dataframe_split`` JSON of rows whose predictions others must repeat."""
    single_rows: int = 0
    """How many one-row predictions to time."""
    shuffles: int = 0
    """How often each column is shuffled for permutation importance."""
    shuffle_seconds: float = 20.0
    """Wall time after which no further shuffle of all columns is begun."""
    truth: str | None = None
    """``.npy`` file with the encoded target, for permutation importance."""
    seed: int = 0
    formats: Formats
    """What may be loaded, by the policy."""
    out: str
    """``.npy`` file for the scores."""


class Importance(Record):
    """How much the lead metric falls when a column is shuffled: one number a shuffle."""

    column: str
    drops: tuple[float, ...]


class Answer(Record):
    """What the child measured."""

    kind: Literal["answer"] = "answer"
    load_seconds: float
    """Until the model can be asked, with the import of what it needs."""
    predict_seconds: float
    """Inside the model's predict, all calls together."""
    golden: tuple[float | str, ...] = ()
    latencies: tuple[float, ...] = ()
    """Seconds of one-row predictions."""
    importance: tuple[Importance, ...] = ()
    mismatches: tuple[str, ...] = ()
    """Requirements of the model that this process does not meet."""
    peak_mb: float
    """Largest resident memory of the process, MB."""


class Trouble(Record):
    """Why the child stopped."""

    kind: Literal["trouble"] = "trouble"
    step: Literal["format", "load", "predict"]
    sentence: str
