from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ci_lib.measure.levels import text_of, texts_of


@pytest.mark.parametrize("value", [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT, ""])
def test_missing_is_missing_in_every_type(value: Any) -> None:
    assert text_of(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (1, "1"), (1.0, "1"), (1.5, "1.5"), (True, "True"), (date(2026, 1, 2), "2026-01-02"),
     (float("inf"), "inf")],
)  # fmt: skip
def test_values_read_as_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_column_of_integers_reads_the_same_once_a_value_is_missing() -> None:
    whole, gappy = pd.Series([0, 1, 1]), pd.Series([0, 1, None])
    assert texts_of(whole.to_numpy()) == ["0", "1", "1"]
    assert texts_of(gappy.to_numpy()) == ["0", "1", None]
