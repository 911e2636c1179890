"""Evidence: what was measured on the holdout, one flat list of measurements."""

from typing import Literal

from ci_lib.measurement import Measurement, Scope
from ci_lib.record import Digest, Record


class Champion(Record):
    """The release that the candidate was compared with."""

    environment: str
    release: int
    """Its number in the ledger."""
    manifest: Digest
    commit: str | None = None
    """What it was trained from: who wrote commits since is an author of the candidate."""


class Golden(Record):
    """Predictions that whoever loads these bytes must repeat."""

    inputs: str
    """MLflow ``dataframe_split`` JSON of a few holdout rows."""
    outputs: tuple[float | str, ...]
    """What the model answered: the positive score, the label, or the value."""
    tolerance: float = 1e-6
    """Largest absolute difference that still counts as equal, for numbers."""


class Curve(Record):
    """Points for the report to draw; no rule reads them."""

    name: str
    """``roc``, ``precision_recall``, ``calibration``, ``score_histogram``, ``confusion``, ``residuals``."""
    scope: Scope
    x: tuple[float, ...]
    y: tuple[float, ...]
    labels: tuple[str, ...] = ()


class Profile(Record):
    """One feature of the reference rows, summed up so that drift needs no reference rows."""

    column: str
    kind: Literal["number", "category"]
    n: int
    missing: int
    quantiles: tuple[float, ...] = ()
    """At 0, 1/200, …, 1 (numbers)."""
    counts: dict[str, int] = {}
    """Rows by level (categories)."""


class Evidence(Record):
    """What `validate` measured."""

    kind: Literal["evidence"] = "evidence"
    version: Literal[1] = 1
    model: str
    task: Literal["binary", "multiclass", "regression"]
    dataset: Digest
    candidate: Digest
    """Digest of the Candidate record."""
    manifest: Digest
    """Digest of the model's manifest: the bytes that were measured."""
    champion: Champion | None
    threshold: float | None
    measurements: tuple[Measurement, ...]
    golden: Golden
    left_open: tuple[str, ...] = ()
    """What the machine did not let the models' processes be cut off from; empty: from all that SECURITY.md names."""
    curves: tuple[Curve, ...] = ()
    reference: tuple[Profile, ...] = ()
