"""Dividing rows into train and holdout: by chance with a seed, by entity, or by time.

Which rows go where depends on the values, the seed and nothing else. The random numbers are PCG64's raw output, the
only stream that NumPy promises not to change between versions (NEP 19); `Generator.permutation` may.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ci_lib.complaints import did_you_mean
from ci_lib.config import Data
from ci_lib.errors import BadInput
from ci_lib.measure.catalogue import Task

if TYPE_CHECKING:
    import pandas as pd

Rows = npt.NDArray[np.int64]


def split(frame: "pd.DataFrame", data: Data, task: Task) -> tuple[Rows, Rows]:
    """Return the row numbers of train and holdout, each ascending, together all rows once.

    Args:
        frame: all rows.
        data: the part of release.yml that says how; its `split.holdout` must be a share.
        task: classes are stratified, numbers are not.

    Raises:
        BadInput: a column is missing or has missing values, a side would be empty, or a class has one row.
    """
    how = data.split
    if isinstance(how.holdout, str):
        message = "the split is given by files; there is nothing to divide"
        raise BadInput(message, "read the files of data.split instead")
    if len(frame) < 2:  # noqa: PLR2004 -- one row a side
        message = f"{len(frame)} row cannot be divided into train and holdout"
        raise BadInput(message, "add rows to data.source")
    if how.group:
        held = _by_group(frame, how.group, how.holdout, how.seed)
    elif how.time:
        held = _by_time(frame, how.time, how.holdout)
    elif task == "regression":
        held = _random(len(frame), how.holdout, how.seed)
    else:
        held = _stratified(frame, data.target, how.holdout, how.seed)
    return np.flatnonzero(~held).astype(np.int64), np.flatnonzero(held).astype(np.int64)


def words(data: Data, task: Task) -> str:
    """Say how rows are divided, for the record and the report."""
    how = data.split
    if isinstance(how.holdout, str):
        return f"given: {how.train} and {how.holdout}"
    share = f"{how.holdout:.0%} holdout"
    if how.group:
        return f"{share}, whole groups by {how.group}, seed {how.seed}"
    if how.time:
        return f"{share}, the latest by {how.time}"
    return f"{share}, {'at random' if task == 'regression' else f'stratified by {data.target}'}, seed {how.seed}"


def column(frame: "pd.DataFrame", name: str, key: str) -> "pd.Series":
    """Return a column, or say which key of release.yml names one that is not there.

    Raises:
        BadInput: no such column.
    """
    if name in frame.columns:
        return frame[name]
    message = f"{key} names {name!r}, and the data has no such column{did_you_mean(name, map(str, frame.columns))}"
    raise BadInput(message, f"correct {key} in release.yml")


def row_numbers(mask: Any, most: int = 5) -> str:  # noqa: ANN401 -- a boolean array or Series
    """Name the first rows of a mask, counted from 1 as in the file without its header."""
    rows = np.flatnonzero(np.asarray(mask))
    shown = ", ".join(str(row + 1) for row in rows[:most])
    return f"row{'s' if len(rows) > 1 else ''} {shown}{', …' if len(rows) > most else ''}"


def _order(count: int, seed: int) -> Rows:
    """Return 0…count-1 in an order that depends on the seed alone."""
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable").astype(np.int64)


def _count(rows: int, share: float) -> int:
    """Rows of the holdout: the share, rounded, and at least one on each side."""
    return min(max(round(rows * share), 1), rows - 1)


def _random(rows: int, share: float, seed: int) -> npt.NDArray[np.bool_]:
    held = np.zeros(rows, dtype=bool)
    held[_order(rows, seed)[: _count(rows, share)]] = True
    return held


def _stratified(frame: "pd.DataFrame", target: str, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Give each class the same share. Classes are visited in order of their text, rows in a seeded order."""
    labels = np.asarray([str(label) for label in column(frame, target, "data.target")])
    order = _order(len(labels), seed)
    held = np.zeros(len(labels), dtype=bool)
    for label in sorted(set(labels.tolist())):
        rows = order[labels[order] == label]
        if len(rows) < 2:  # noqa: PLR2004 -- one row a side
            where = row_numbers(labels == label)
            message = (
                f"target {target!r}: label {label!r} has one row only ({where}); it cannot be in train and in holdout"
            )
            raise BadInput(message, f"add rows of {label!r}, remove that row, or merge the label with another")
        held[rows[: _count(len(rows), share)]] = True
    return held


def _by_group(frame: "pd.DataFrame", name: str, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Hold out whole groups, taken in a seeded order, so that the rows come near to the share."""
    values = _complete(column(frame, name, "data.split.group"), "data.split.group")
    groups, codes, sizes = np.unique([str(value) for value in values], return_inverse=True, return_counts=True)
    if len(groups) < 2:  # noqa: PLR2004 -- one group a side
        message = f"data.split.group: {name!r} has one value only ({groups[0]!r}); train or holdout would be empty"
        raise BadInput(message, "name a column with more values, or remove data.split.group")
    chosen = _nearest(sizes, _order(len(groups), seed), share * len(codes))
    held: npt.NDArray[np.bool_] = np.isin(codes, chosen)
    return held


def _nearest(sizes: npt.NDArray[Any], order: Rows, wanted: float) -> list[int]:
    """Choose groups in the given order, each if it brings the sum nearer to what is wanted; never none, never all."""
    chosen: list[int] = []
    total = 0
    for group in order.tolist():
        if abs(total + sizes[group] - wanted) < abs(total - wanted):
            chosen.append(group)
            total += int(sizes[group])
    smallest = int(np.argmin(sizes))
    if not chosen:
        return [smallest]
    return [group for group in chosen if group != smallest] if len(chosen) == len(sizes) else chosen


def _by_time(frame: "pd.DataFrame", name: str, share: float) -> npt.NDArray[np.bool_]:
    """Hold out the latest rows; rows of the same moment stay together."""
    times = _moments(_complete(column(frame, name, "data.split.time"), "data.split.time"))
    moments, first = np.unique(np.sort(times), return_index=True)
    if len(moments) < 2:  # noqa: PLR2004 -- one moment a side
        message = f"data.split.time: {name!r} has one value only; train or holdout would be empty"
        raise BadInput(message, "name a column with more values, or remove data.split.time")
    cut = int(np.argmin(np.abs((len(times) - first[1:]) - share * len(times)))) + 1
    held: npt.NDArray[np.bool_] = times >= moments[cut]
    return held


def _moments(values: "pd.Series") -> npt.NDArray[Any]:
    """Read numbers, times, or text in ISO 8601."""
    import pandas as pd  # noqa: PLC0415 -- heavy, and only needed here

    if pd.api.types.is_numeric_dtype(values):
        numbers: npt.NDArray[Any] = values.to_numpy()
        return numbers
    moments = pd.to_datetime(values, format="ISO8601", errors="coerce", utc=True)
    if moments.isna().any():
        first = values[moments.isna()].iloc[0]
        message = f"data.split.time: {values.name!r} holds {first!r} in {row_numbers(moments.isna())}, which is no time"
        raise BadInput(message, "write times in ISO 8601, e.g. 2026-01-31 or 2026-01-31T09:30:00Z")
    found: npt.NDArray[Any] = moments.to_numpy()
    return found


def _complete(values: "pd.Series", key: str) -> "pd.Series":
    missing = values.isna()
    if missing.any():
        message = f"{key}: {values.name!r} is missing in {int(missing.sum())} rows ({row_numbers(missing)})"
        raise BadInput(message, "fill the column, or remove those rows")
    return values
