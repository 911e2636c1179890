"""Target and attributes -> arrays of numbers and texts, the same for candidate, champion and dummy."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput
from ci_lib.labels import label_text


def target(values: "pd.Series[Any]", dataset: Dataset) -> NDArray[Any]:
    """Encode a target: 0 and 1 for binary, indices into the labels for multiclass, floats for regression.

    Raises:
        BadInput: a label that the model was never trained on.
    """
    if not dataset.labels:
        return np.asarray(values, dtype=np.float64)
    index = {label: number for number, label in enumerate(dataset.labels)}
    texts = [label_text(value) for value in values.to_numpy()]
    if unknown := sorted(set(texts) - index.keys()):
        message = f"column {dataset.target!r} has labels that the model does not know: {', '.join(unknown[:5])}"
        raise BadInput(message, f"the labels are: {', '.join(dataset.labels)}")
    encoded = np.array([index[text] for text in texts], dtype=np.int64)
    if dataset.positive is None:
        return encoded
    return np.asarray(encoded == index[dataset.positive], dtype=np.int64)


def attributes(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return sensitive columns as arrays of texts, as `frames.sensitive` groups them."""
    return {str(column): np.asarray(frame[column], dtype=str) for column in frame.columns}
