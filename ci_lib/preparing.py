"""From a data source to a Dataset record and the two frames that it describes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ci_lib import columns, content, leaks, rows, splitting
from ci_lib.config import Config, Data
from ci_lib.dataset import Dataset, Split
from ci_lib.errors import BadInput
from ci_lib.labels import positive

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "data/train.parquet"
HOLDOUT = "data/holdout.parquet"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The record, and the rows that it speaks of."""

    dataset: Dataset
    train: "pd.DataFrame"
    holdout: "pd.DataFrame"


def prepare(config: Config, project: Path) -> Prepared:
    """Read, check, divide and measure the rows.

    Args:
        config: release.yml.
        project: its directory; paths and entry points start there.

    Raises:
        BadInput: the rows cannot be read, or nothing could be learned from or judged on them.
    """
    data = config.data
    frame, given = _frame(data, project)
    everything, frame = frame, columns.keep(frame, data)
    frame[data.target] = columns.target(frame, data, config.task)
    columns.check_groups(frame, data)
    train, holdout = given or splitting.split(frame, data, config.task)
    columns.check_sides(frame[data.target], train, holdout, config.task)
    # The holdout keeps the dropped columns: a champion that was trained with one of them must be scored on these rows.
    dropped = everything[list(data.drop)]
    sides = [frame.iloc[train], frame.join(dropped).iloc[holdout]]
    sides = [side.reset_index(drop=True) for side in sides]
    digests = [content.digest(side) for side in sides]
    classes = config.task != "regression"
    labels = columns.labels(frame[data.target]) if classes else ()
    dataset = Dataset(
        model=config.model,
        source=data.source or f"{data.split.train}, {data.split.holdout}",
        source_digest=_file_digest(project / data.source) if data.source else None,
        target=data.target,
        labels=labels,
        positive=positive(labels, data.positive) if config.task == "binary" else None,
        columns=(*columns.describe(frame, data), *columns.describe(dropped, data)),
        train=_split(TRAIN, sides[0], digests[0], data.target, classes=classes),
        holdout=_split(HOLDOUT, sides[1], digests[1], data.target, classes=classes),
        split=splitting.words(data, config.task),
        measurements=leaks.measure(frame, train, holdout, data, config.task),
    )
    return Prepared(dataset=dataset, train=sides[0], holdout=sides[1])


def _frame(data: Data, project: Path) -> "tuple[pd.DataFrame, tuple[splitting.Rows, splitting.Rows] | None]":
    """Read the source; or the two given files, one below the other, and say which rows are whose."""
    if data.split.train is None:
        return rows.read(str(data.source), project), None
    import pandas as pd  # noqa: PLC0415 -- heavy

    train, holdout = rows.read(data.split.train, project), rows.read(str(data.split.holdout), project)
    _refuse_different(train, holdout, data)
    frame = pd.concat([train, holdout[list(train.columns)]], ignore_index=True)
    return frame, (np.arange(len(train)), np.arange(len(train), len(frame)))


def _refuse_different(train: "pd.DataFrame", holdout: "pd.DataFrame", data: Data) -> None:
    """Both files must have the same columns of the same kinds."""
    for here, there, path in ((train, holdout, data.split.holdout), (holdout, train, data.split.train)):
        missing = [name for name in here.columns if name not in there.columns]
        if missing:
            message = f"{path} lacks {', '.join(map(repr, missing))}, which the other file of data.split has"
            raise BadInput(message, "give both files the same columns")
    for name in train.columns:
        kinds = {content.kind(each[name]) for each in (train, holdout) if each[name].notna().any()}
        if len(kinds) > 1:
            message = f"column {name!r} is {' in one file of data.split and '.join(sorted(kinds))} in the other"
            raise BadInput(message, "write the column alike in both files")


def _split(file: str, frame: "pd.DataFrame", digest: str, target: str, *, classes: bool) -> Split:
    labels = [str(label) for label in frame[target].tolist()] if classes else []
    balance = {label: labels.count(label) for label in sorted(set(labels))}
    return Split(file=file, rows=len(frame), sha256=digest, balance=balance)


def _file_digest(path: Path) -> str | None:
    """Return the digest of the source file; None for ``module:function``."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
