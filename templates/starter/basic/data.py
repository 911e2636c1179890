"""The rows: scikit-learn's built-in breast cancer data (Street, Wolberg & Mangasarian 1993): 569 biopsies.

The columns on the nuclei's size and outline are left out: each alone tells nearly everything, which `prepare` would
rightly ask about.
"""

import pandas as pd
from sklearn.datasets import load_breast_cancer

TELLTALE = ("radius", "perimeter", "area", "concavity", "concave points")


def load() -> pd.DataFrame:
    """Return features and target in one table; put your own query or file here."""
    table: pd.DataFrame = load_breast_cancer(as_frame=True).frame
    kept = [name for name in table if not any(word in name for word in TELLTALE)]
    return table[kept].rename(columns={"target": "benign"})
