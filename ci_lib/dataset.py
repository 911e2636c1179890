"""Dataset: these rows, this schema, these digests; train and holdout do not overlap."""

from typing import Literal

from ci_lib.measurement import Measurement
from ci_lib.record import Digest, Record

Role = Literal["feature", "target", "sensitive", "entity", "time", "dropped"]
Kind = Literal["number", "category", "boolean", "time"]


class Column(Record):
    """One column as it was read."""

    name: str
    kind: Kind
    dtype: str
    role: Role
    also_feature: bool = False
    """True for a sensitive column that the model may see too (`data.use_sensitive`)."""
    missing: int
    distinct: int


class Split(Record):
    """One side of the split, kept as a Parquet file beside this record."""

    file: str
    """Path relative to the chain directory, e.g. ``data/train.parquet``."""
    rows: int
    sha256: Digest
    """SHA-256 of the *content* (column names, kinds and values in row order), not of the Parquet bytes."""
    balance: dict[str, int]
    """Rows by target label; empty for regression."""


class Dataset(Record):
    """What `prepare` writes."""

    kind: Literal["dataset"] = "dataset"
    version: Literal[1] = 1
    model: str
    source: str
    """As written in release.yml."""
    source_digest: Digest | None
    """SHA-256 of the source file; None for `module:function`."""
    target: str
    labels: tuple[str, ...]
    """Target labels as text, sorted; empty for regression."""
    positive: str | None
    """The label that counts as positive, as text; None unless the task is binary."""
    columns: tuple[Column, ...]
    train: Split
    holdout: Split
    split: str
    """How rows were split, in words."""
    measurements: tuple[Measurement, ...]
    """What was found in the data: overlap, leak suspects, missing and constant columns, duplicates."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that the model sees, in order."""
        return tuple(c.name for c in self.columns if c.role == "feature" or c.also_feature)

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Names of the sensitive columns, in order."""
        return tuple(c.name for c in self.columns if c.role == "sensitive")
