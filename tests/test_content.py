"""The digest of rows says what they are, not how a file keeps them."""

import io
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_lib.content import digest

EARLIEST, LATEST = datetime.fromisoformat("1700-01-01"), datetime.fromisoformat("2200-01-01")
COLUMN = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.floats(width=64), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=4) | st.none(), min_size=3, max_size=3),
    st.lists(st.datetimes(EARLIEST, LATEST) | st.none(), min_size=3, max_size=3),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(COLUMN, min_size=1, max_size=4))
def test_a_round_trip_through_parquet_keeps_the_digest(columns: list[list[Any]]) -> None:
    frame = pd.DataFrame({f"c{number}": values for number, values in enumerate(columns)})
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    assert digest(pd.read_parquet(buffer)) == digest(frame)


def test_the_digest_is_the_same_on_every_machine_and_version() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "f": [0.5, np.nan],
            "t": ["é", None],
            "b": [True, False],
            "d": pd.to_datetime(["2026-01-31", None]),
        }
    )
    assert digest(frame) == "sha256:e2e2033415c7c9d021c5d0c15b63ec1d1a48ffd1bcf9d3d225404e384707273f"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype="category")),
        (pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype=object)),
        (pd.Series([1, 2], dtype="int64"), pd.Series([1, 2], dtype="int8")),
        (pd.Series([0.5, 1.5]), pd.Series([0.5, 1.5], dtype="float32")),
        (pd.Series([0.0, 1.0]), pd.Series([-0.0, 1.0])),
        (
            pd.to_datetime(pd.Series(["2026-01-01"])).dt.as_unit("s"),
            pd.to_datetime(pd.Series(["2026-01-01"])).dt.as_unit("ns"),
        ),
        (
            pd.to_datetime(pd.Series(["2026-01-01T12:00+00:00"])),
            pd.to_datetime(pd.Series(["2026-01-01T12:00+00:00"])).dt.tz_convert("Asia/Tokyo"),
        ),
    ],
)
def test_how_values_are_kept_does_not_matter(one: pd.Series, other: pd.Series) -> None:
    assert digest(pd.DataFrame({"a": one})) == digest(pd.DataFrame({"a": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": [1, 2]}, {"b": [1, 2]}),
        ({"a": [1], "b": [2]}, {"b": [2], "a": [1]}),
        ({"a": ["1"]}, {"a": [1]}),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": [True]}, {"a": [1]}),
        ({"a": [None, "x"]}, {"a": ["", "x"]}),
        ({"a": ["ab", "c"]}, {"a": ["a", "bc"]}),
        ({"a": [np.nan, 1.0]}, {"a": [0.0, 1.0]}),
        ({"a": np.array([2**63], dtype="u8")}, {"a": np.array([-(2**63)], dtype="i8")}),
        ({"a": pd.to_datetime(["2026-01-01"])}, {"a": pd.to_datetime(["2026-01-01T00:00:00.000000001"])}),
        ({"a": pd.to_datetime(["2026-01-01"])}, {"a": pd.to_datetime(["2026-01-01T00:00Z"])}),
        ({"a": pd.to_datetime(["2026-01-01"])}, {"a": pd.to_datetime([None])}),
    ],
)
def test_a_changed_value_name_kind_or_order_changes_the_digest(one: Any, other: Any) -> None:
    assert digest(pd.DataFrame(one)) != digest(pd.DataFrame(other))
