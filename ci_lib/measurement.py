"""Measurement: one number with its interval, row count, scope and method. Evidence is a flat list of them."""

from typing import Annotated, Literal

from pydantic import Field

from ci_lib.record import Record

Of = Literal["candidate", "champion", "dummy", "candidate - champion", "candidate - dummy", "data", "batch"]
Scale = Literal["identity", "log", "logit"]


class Scope(Record):
    """What a number is about."""

    of: Of
    attribute: str = ""
    """Sensitive attribute or slice column."""
    group: str = ""
    """Its value."""
    reference: str = ""
    """The group it is compared with."""
    feature: str = ""
    """The column it is about."""

    def __str__(self) -> str:
        """Give the scope in words, e.g. ``candidate, black=1 against black=0``."""
        words: str = self.of
        if self.attribute:
            words += f", {self.attribute}={self.group}"
        if self.reference:
            words += f" against {self.attribute}={self.reference}"
        if self.feature:
            words += f", column {self.feature}"
        return words


class Measurement(Record):
    """One number."""

    metric: str
    """A name of the catalogue (`ml-release metrics`), e.g. ``roc_auc``."""
    scope: Scope
    value: float | None
    """None: not assessable, and `note` says why. Never NaN."""
    low: float | None = None
    high: float | None = None
    """Ends of the interval at `confidence`; None where the method gives none (a count, a size)."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    scale: Scale = "identity"
    """On which scale the interval is close to normal; used to widen it when many groups are judged together."""
    n: int
    """Rows it rests on."""
    method: str
    """How value and interval were computed, e.g. ``wilson``, ``delong``, ``newcombe``, ``bootstrap``, ``count``."""
    note: str = ""
