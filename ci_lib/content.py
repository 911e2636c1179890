"""Digest of rows by content: column names, kinds and values in row order.

Independent of how a file stores them: Parquet bytes change with the writer's version, the digest does not.
"""

import hashlib
import struct
from typing import TYPE_CHECKING

import numpy as np

from ci_lib.dataset import Kind

if TYPE_CHECKING:
    import pandas as pd

MISSING = -1
"""Length of a text that is not there."""


def kind(values: "pd.Series") -> Kind:
    """Return what a column holds: numbers, booleans, times, or else categories (text)."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    if pd.api.types.is_bool_dtype(values) and not isinstance(values.dtype, pd.CategoricalDtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    return "time" if pd.api.types.is_datetime64_any_dtype(values) else "category"


def digest(frame: "pd.DataFrame") -> str:
    """Return ``sha256:…`` of the content.

    Numbers are hashed as little-endian 64-bit integers or IEEE doubles (one NaN, no negative zero), times as
    nanoseconds of UTC in 128 bits, text as UTF-8 with its length before it.
    """
    sha = hashlib.sha256(b"rows 1\0" + struct.pack("<QQ", *frame.shape))
    for name in frame.columns:
        what = kind(frame[name])
        for part in (str(name), what):
            sha.update(struct.pack("<q", len(part.encode())) + part.encode())
        sha.update(_values(frame[name], what))
    return f"sha256:{sha.hexdigest()}"


def _values(values: "pd.Series", what: Kind) -> bytes:
    if what == "number":
        return _numbers(values)
    if what == "boolean":
        return b"b" + bytes(values.to_numpy(dtype="u1"))
    if what == "time":
        return _times(values)
    texts = (
        None if missing else str(value).encode("utf-8", "surrogatepass")
        for value, missing in zip(values, values.isna(), strict=True)
    )
    return b"t" + b"".join(
        struct.pack("<q", MISSING) if text is None else struct.pack("<q", len(text)) + text for text in texts
    )


def _numbers(values: "pd.Series") -> bytes:
    array = values.to_numpy()
    if array.dtype.kind == "u":
        return b"u" + bytes(array.astype("<u8"))
    if array.dtype.kind == "i":
        return b"i" + bytes(array.astype("<i8"))
    doubles = array.astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
    doubles[np.isnan(doubles)] = np.nan
    return b"f" + bytes(doubles)


def _times(values: "pd.Series") -> bytes:
    """Write each time as nanoseconds since 1970, whatever unit the column keeps it in; 128 bits hold any year."""
    zoned = values.dt.tz is not None
    array = (values.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else values).to_numpy()
    unit = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[np.datetime_data(array.dtype)[0]]
    ticks = array.astype("i8").tolist()
    missing = np.isnat(array).tolist()
    nothing = (-(2**127)).to_bytes(16, "little", signed=True)
    parts = [
        nothing if gone else (tick * unit).to_bytes(16, "little", signed=True)
        for tick, gone in zip(ticks, missing, strict=True)
    ]
    return (b"z" if zoned else b"n") + b"".join(parts)
