"""Train and holdout: all rows once, the same for the same seed, and a clear word when it cannot be done."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.config import Data, Split
from ci_lib.errors import BadInput
from ci_lib.measure.catalogue import Task
from ci_lib.splitting import row_numbers, split, words


def data(**how: Any) -> Data:
    return Data(source="d.csv", target="y", split=Split(**how))


def bad(frame: pd.DataFrame, task: Task = "binary", **how: Any) -> str:
    with pytest.raises(BadInput) as caught:
        split(frame, data(**how), task)
    assert caught.value.hint
    return caught.value.what


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=60), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_every_row_is_on_one_side_and_classes_keep_their_share(labels: list[str], share: float, seed: int) -> None:
    frame = pd.DataFrame({"y": labels})
    counts = {label: labels.count(label) for label in set(labels)}
    if 1 in counts.values():
        assert "has one row only" in bad(frame, holdout=share, seed=seed)
        return
    train, holdout = split(frame, data(holdout=share, seed=seed), "binary")
    assert sorted([*train, *holdout]) == list(range(len(labels)))
    assert list(train) == sorted(train)
    assert list(holdout) == sorted(holdout)
    for label, count in counts.items():
        held = sum(labels[row] == label for row in holdout)
        assert held == min(max(round(share * count), 1), count - 1)


def test_the_same_seed_gives_the_same_rows_for_ever() -> None:
    frame = pd.DataFrame({"y": [0, 1] * 10, "e": [number // 3 for number in range(20)]})
    assert split(frame, data(holdout=0.3, seed=7), "regression")[1].tolist() == [3, 4, 6, 10, 11, 12]
    assert split(frame, data(holdout=0.3, seed=7), "binary")[1].tolist() == [3, 4, 6, 11, 12, 13]
    assert split(frame, data(holdout=0.3, seed=7, group="e"), "binary")[1].tolist() == [9, 10, 11, 18, 19]


def test_another_seed_gives_other_rows() -> None:
    frame = pd.DataFrame({"y": [0, 1] * 50})
    found = {tuple(split(frame, data(seed=seed), "binary")[1]) for seed in range(10)}
    assert len(found) == 10


@given(st.lists(st.integers(0, 6), min_size=2, max_size=50), st.floats(0.05, 0.95), st.integers(0, 100))
def test_groups_stay_whole(groups: list[int], share: float, seed: int) -> None:
    frame = pd.DataFrame({"y": range(len(groups)), "g": groups})
    if len(set(groups)) == 1:
        assert "has one value only" in bad(frame, "regression", holdout=share, seed=seed, group="g")
        return
    train, holdout = split(frame, data(holdout=share, seed=seed, group="g"), "regression")
    assert len(train) > 0
    assert len(holdout) > 0
    assert {groups[row] for row in train}.isdisjoint({groups[row] for row in holdout})


@pytest.mark.parametrize(
    ("groups", "share", "held"),
    [
        ("aaaaaaaaab", 0.2, 1),
        ("aaaaaaaaab", 0.8, 9),
        ("abcdefghij", 0.3, 3),
        ("aaabbbcc", 0.01, 2),
        ("aaabbbcc", 0.99, 6),
    ],
)
def test_groups_come_near_to_the_share_whatever_the_seed(groups: str, share: float, held: int) -> None:
    frame = pd.DataFrame({"y": range(len(groups)), "g": list(groups)})
    for seed in range(10):
        assert len(split(frame, data(holdout=share, seed=seed, group="g"), "regression")[1]) == held


@given(st.lists(st.integers(0, 9), min_size=2, max_size=50), st.floats(0.05, 0.95))
def test_the_latest_rows_are_held_out_and_ties_stay_together(times: list[int], share: float) -> None:
    frame = pd.DataFrame({"y": range(len(times)), "t": times})
    if len(set(times)) == 1:
        assert "has one value only" in bad(frame, "regression", holdout=share, time="t")
        return
    train, holdout = split(frame, data(holdout=share, time="t"), "regression")
    assert max(times[row] for row in train) < min(times[row] for row in holdout)


@pytest.mark.parametrize(
    "times",
    [
        ["2026-01-03", "2026-01-01", "2026-01-04", "2026-01-02"],
        ["2026-01-03T00:00Z", "2026-01-01", "2026-01-04T10:00:00+09:00", "2026-01-02"],
        pd.to_datetime(["2026-01-03", "2026-01-01", "2026-01-04", "2026-01-02"]),
        [3.5, 1.0, 4.0, 2.0],
    ],
)
def test_time_may_be_text_times_or_numbers(times: Any) -> None:
    frame = pd.DataFrame({"y": range(4), "t": times})
    assert split(frame, data(holdout=0.5, time="t"), "regression")[1].tolist() == [0, 2]


def test_a_class_with_one_row_is_named_with_its_row() -> None:
    frame = pd.DataFrame({"y": ["a", "a", "b", "a"]})
    expected = "target 'y': label 'b' has one row only (row 3); it cannot be in train and in holdout"
    assert bad(frame) == expected


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"group": "gruop"}, "data.split.group names 'gruop', and the data has no such column; did you mean 'group'?"),
        ({"time": "tme"}, "data.split.time names 'tme', and the data has no such column; did you mean 'time'?"),
        ({"group": "gaps"}, "data.split.group: 'gaps' is missing in 1 rows (row 2)"),
        ({"time": "gaps"}, "data.split.time: 'gaps' is missing in 1 rows (row 2)"),
        ({"time": "group"}, "data.split.time: 'group' holds 'x' in rows 1, 3, which is no time"),
    ],
)
def test_a_column_that_cannot_divide_the_rows_is_named(how: dict[str, str], words: str) -> None:
    frame = pd.DataFrame(
        {"y": [0, 1, 0], "group": ["x", "2026-01-01", "z"], "gaps": ["a", None, "b"], "time": [1, 2, 3]}
    )
    assert bad(frame, "binary", **how) == words


def test_one_row_cannot_be_divided_and_given_files_need_not_be() -> None:
    assert bad(pd.DataFrame({"y": [1]})) == "1 row cannot be divided into train and holdout"
    assert "given by files" in bad(pd.DataFrame({"y": [1, 2]}), holdout="h.csv", train="t.csv")


def test_how_rows_were_divided_is_said_in_words() -> None:
    assert words(data(holdout=0.4, seed=7), "binary") == "40% holdout, stratified by y, seed 7"
    assert words(data(), "regression") == "20% holdout, at random, seed 0"
    assert words(data(group="g"), "binary") == "20% holdout, whole groups by g, seed 0"
    assert words(data(time="t"), "binary") == "20% holdout, the latest by t"
    assert words(data(holdout="h.csv", train="t.csv"), "binary") == "given: t.csv and h.csv"


def test_only_the_first_rows_are_named() -> None:
    assert row_numbers(np.ones(9, dtype=bool)) == "rows 1, 2, 3, 4, 5, …"
