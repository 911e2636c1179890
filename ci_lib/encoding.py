"""Target and attributes -> arrays of numbers and texts, the same for candidate, champion and dummy."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.dataset import Dataset
from ci_lib.labels import label_text


def target(values: "pd.Series[Any]", dataset: Dataset) -> NDArray[Any]:
    """Encode a target: 0 and 1 for binary, indices into the labels for multiclass, floats for regression.

    Raises:
        KeyError: a label that the dataset does not have.
    """
    if not dataset.labels:
        return values.to_numpy(dtype=np.float64)
    index = {label: number for number, label in enumerate(dataset.labels)}
    encoded = np.array([index[label_text(value)] for value in values.to_numpy()])
    if dataset.positive is None:
        return encoded
    return (encoded == index[dataset.positive]).astype(np.int64)


def attributes(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return sensitive columns as texts; a missing value is the group ``missing``."""
    return {str(column): np.array([_text(value) for value in frame[column].to_numpy()]) for column in frame.columns}


def _text(value: object) -> str:
    return "missing" if pd.isna(value) else label_text(value)  # type: ignore[call-overload]
