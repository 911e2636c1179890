"""The rows: scikit-learn's built-in breast cancer data (Street, Wolberg & Mangasarian 1993), 569 rows, 30 columns."""

import pandas as pd
from sklearn.datasets import load_breast_cancer


def load() -> pd.DataFrame:
    """Return features and target in one table; put your own query or file here."""
    table: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    return table.rename(columns={"target": "benign"})
