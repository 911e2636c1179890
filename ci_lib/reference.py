"""A new batch of rows against the reference that the Evidence keeps: drift, column by column.

Pure: the distances themselves are `ci_lib.measure.drift`, handed in by the caller.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from ci_lib.content import kind
from ci_lib.dataset import Dataset
from ci_lib.evidence import Profile
from ci_lib.measurement import Measurement, Scope

if TYPE_CHECKING:
    import pandas as pd

Values = npt.NDArray[Any]


class Summary(Protocol):
    """Sums up one column of the reference: `ci_lib.measure.drift.profile`."""

    def __call__(self, name: str, values: Values, kind: Literal["number", "category"]) -> Profile:
        """Return the profile."""


class Distance(Protocol):
    """Measures one column of a batch against its profile: `ci_lib.measure.drift.measure`."""

    def __call__(self, reference: Profile, values: Values, *, seed: int, confidence: float) -> Measurement:
        """Return the distance with its interval."""


def profiles(frame: "pd.DataFrame", dataset: Dataset, summary: Summary) -> tuple[Profile, ...]:
    """Sum up each feature of the reference rows. Times are numbers (seconds since 1970), booleans are categories."""
    found = []
    for name in dataset.features:
        what: Literal["number", "category"] = "number" if kind(frame[name]) in ("number", "time") else "category"
        found.append(summary(name, values(frame[name], what), what))
    return tuple(found)


def drift(
    reference: Sequence[Profile], batch: "pd.DataFrame", distance: Distance, *, seed: int, confidence: float
) -> list[Measurement]:
    """Measure each column of the reference on a batch.

    A column that the batch does not have is measured as None, with a note: it can never pass a rule.
    """
    found = []
    for profile in reference:
        if profile.column in batch.columns:
            column = values(batch[profile.column], profile.kind)
            found.append(distance(profile, column, seed=seed, confidence=confidence))
        else:
            found.append(_not_there(profile, len(batch), confidence))
    return found


def values(column: "pd.Series", what: Literal["number", "category"]) -> Values:
    """Return a column as the distances take it: doubles with NaN, or the levels as they are.

    A column of numbers that holds text in the batch stays text, so that the distance can say so.
    """
    found: Values
    if what == "number" and kind(column) == "time":
        found = np.where(column.isna(), np.nan, column.dt.as_unit("us").astype("int64") / 1e6)
    elif what == "number" and kind(column) != "category":
        found = column.to_numpy(dtype=np.float64)
    else:
        found = column.astype(object).to_numpy()
    return found


def _not_there(profile: Profile, rows: int, confidence: float) -> Measurement:
    number = profile.kind == "number"
    return Measurement(
        metric="wasserstein_distance" if number else "jensen_shannon_distance",
        scope=Scope(of="batch", feature=profile.column),
        value=None,
        confidence=confidence,
        n=rows,
        method="not measured",
        note="the batch has no such column",
    )
