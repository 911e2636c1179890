"""The rows beside a Dataset record: written by `prepare`, read back by `train` and `validate`, checked each time."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ci_lib import columns, content
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.files import write_atomically

if TYPE_CHECKING:
    import pandas as pd

Side = Literal["train", "holdout"]


def store(frame: "pd.DataFrame", path: Path) -> None:
    """Write rows as Parquet, whole or not at all.

    Raises:
        BadInput: a column cannot be written, the directory cannot be written, or the disk is full.
    """
    import pyarrow as pa  # noqa: PLC0415 -- heavy

    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer, index=False)
    except (pa.ArrowException, UnicodeError) as error:
        message = f"the rows cannot be written as Parquet: {str(error).splitlines()[0]}"
        raise BadInput(message, "correct that column, or list it under data.drop") from error
    write_atomically(path, buffer.getvalue())


def load_split(chain: Path, dataset: Dataset, side: Side) -> "pd.DataFrame":
    """Return one side's rows, with all columns that were not dropped.

    Raises:
        BadInput: the file is not there.
        Refused: it is not the rows that the record names.
    """
    import pandas as pd  # noqa: PLC0415 -- heavy
    import pyarrow as pa  # noqa: PLC0415

    split = dataset.train if side == "train" else dataset.holdout
    path = chain / split.file
    if not path.is_file():
        message = f"{path} is not there: the {side} rows that dataset.json names"
        raise BadInput(message, "ml-release prepare")
    try:
        frame = pd.read_parquet(path)
        found = content.digest(frame)
    except (pa.ArrowException, ValueError, TypeError, OSError) as error:
        message = f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}"
        raise Refused(message, "ml-release prepare") from error
    if found != split.sha256:
        message = f"{path} does not hold the {side} rows that dataset.json names: it was changed after prepare"
        raise Refused(message, "ml-release prepare, then train and validate again")
    return frame


def features(frame: "pd.DataFrame", dataset: Dataset) -> "pd.DataFrame":
    """Return what the model sees, in the order of the record."""
    return frame[list(dataset.features)]


def target(frame: "pd.DataFrame", dataset: Dataset) -> "pd.Series":
    """Return the target: numbers for regression; integers, booleans or text for classes, their `str` the labels."""
    return frame[dataset.target]


def sensitive(frame: "pd.DataFrame", dataset: Dataset) -> "pd.DataFrame":
    """Return the sensitive columns as text groups; a value that is not known is the group ``missing``."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    return pd.DataFrame({name: columns.groups(frame[name]) for name in dataset.sensitive}, index=frame.index)
