"""A batch against its reference: each column is compared as the reference keeps it, and none is left out."""

from typing import Any

import numpy as np
import pandas as pd

from ci_lib import columns
from ci_lib.config import Data
from ci_lib.dataset import Dataset, Split
from ci_lib.evidence import Profile
from ci_lib.measurement import Measurement, Scope
from ci_lib.reference import Values, drift, profiles, values

NOTHING = "sha256:" + "0" * 64


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "n": [1.5, None],
            "t": ["a", None],
            "b": [True, False],
            "d": pd.to_datetime(["1970-01-01T00:01", None]),
            "y": [0, 1],
        }
    )


def dataset() -> Dataset:
    side = Split(file="data/train.parquet", rows=2, sha256=NOTHING, balance={})
    described = columns.describe(frame(), Data(source="d.csv", target="y"))
    return Dataset(
        model="m", source="d.csv", source_digest=None, target="y", labels=("0", "1"), positive="1", columns=described,
        train=side, holdout=side, split="at random", measurements=(),
    )  # fmt: skip


def summary(name: str, values: Values, kind: Any) -> Profile:
    return Profile(column=name, kind=kind, n=len(values), missing=int(pd.isna(values).sum()))


class Recorder:
    """A distance that keeps what it was given."""

    def __init__(self) -> None:
        self.given: dict[str, list[Any]] = {}

    def __call__(self, reference: Profile, values: Values, *, seed: int, confidence: float) -> Measurement:
        self.given[reference.column] = values.tolist()
        scope = Scope(of="batch", feature=reference.column)
        return Measurement(
            metric="x", scope=scope, value=float(seed), confidence=confidence, n=len(values), method="fake"
        )


def test_each_feature_gets_a_profile_of_its_kind() -> None:
    found = profiles(frame(), dataset(), summary)
    assert [(each.column, each.kind, each.missing) for each in found] == [
        ("n", "number", 1),
        ("t", "category", 1),
        ("b", "category", 0),
        ("d", "number", 1),
    ]


def test_each_column_is_measured_and_a_missing_one_is_not_assessable() -> None:
    recorder = Recorder()
    found = drift(
        profiles(frame(), dataset(), summary), frame().drop(columns=["t", "d"]), recorder, seed=4, confidence=0.9
    )
    assert [(each.scope.feature, each.value, each.confidence) for each in found] == [
        ("n", 4, 0.9),
        ("t", None, 0.9),
        ("b", 4, 0.9),
        ("d", None, 0.9),
    ]
    assert {each.metric for each in found if each.value is None} == {"jensen_shannon_distance", "wasserstein_distance"}
    assert {each.note for each in found if each.value is None} == {"the batch has no such column"}
    assert recorder.given["b"] == [True, False]


def test_times_are_seconds_and_text_among_numbers_stays_text() -> None:
    assert values(frame()["d"], "number").tolist()[0] == 60.0
    assert np.isnan(values(frame()["d"], "number")[1])
    assert values(pd.Series([True, False]), "number").tolist() == [1.0, 0.0]
    assert values(pd.Series(["1", "x"]), "number").tolist() == ["1", "x"]
