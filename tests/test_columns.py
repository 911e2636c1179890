"""Roles, the target and the groups: what cannot be learned from or judged is refused with its place."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ci_lib import columns
from ci_lib.config import Data, Split
from ci_lib.errors import BadInput
from ci_lib.labels import positive
from ci_lib.measure.catalogue import Task


def frame(**more: Any) -> pd.DataFrame:
    return pd.DataFrame({"y": [0, 1, 0, 1], "x": [1.5, 2.5, None, 4.5], "sex": ["f", "m", "f", "m"], **more})


def data(**more: Any) -> Data:
    return Data(**{"source": "d.csv", "target": "y", "sensitive": ("sex",), **more})


def test_each_column_has_one_role_and_its_gaps_are_counted() -> None:
    wide = frame(
        who=[1, 1, 2, 2], when=pd.to_datetime(["2026-01-01"] * 4), ok=[True, False, True, True], text=list("abca")
    )
    found = columns.describe(wide, data(split=Split(group="who")))
    assert [(each.name, each.role, each.kind) for each in found] == [
        ("y", "target", "number"),
        ("x", "feature", "number"),
        ("sex", "sensitive", "category"),
        ("who", "entity", "number"),
        ("when", "feature", "time"),
        ("ok", "feature", "boolean"),
        ("text", "feature", "category"),
    ]
    assert (found[1].missing, found[1].distinct) == (1, 3)
    assert columns.describe(wide, data(split=Split(time="when")))[4].role == "time"
    assert not found[2].also_feature
    assert columns.describe(wide, data(use_sensitive=True))[2].also_feature


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"target": "z"}, "data.target names 'z', and the data has no such column; it can be sex, x, y"),
        ({"drop": ("sxe",)}, "data.drop names 'sxe', and the data has no such column; did you mean 'sex'?"),
        ({"sensitive": ("Sex",)}, "data.sensitive names 'Sex', and the data has no such column; did you mean 'sex'?"),
        (
            {"split": Split(group="w")},
            "data.split.group names 'w', and the data has no such column; it can be sex, x, y",
        ),
        ({"split": Split(time="w")}, "data.split.time names 'w', and the data has no such column; it can be sex, x, y"),
        ({"drop": ("x",)}, "no column is left for the model to learn from"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_its_key(more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        columns.keep(frame(), data(**more))
    assert caught.value.what == words


def test_dropped_columns_are_gone() -> None:
    assert list(columns.keep(frame(z=1), data(drop=("z",))).columns) == ["y", "x", "sex"]


def test_a_sensitive_column_alone_can_be_learned_from_only_when_allowed() -> None:
    assert list(columns.keep(frame(), data(drop=("x",), use_sensitive=True)).columns) == ["y", "sex"]


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        ([0, 1, 1], "binary", [0, 1, 1]),
        ([0.0, 1.0, 1.0], "binary", [0, 1, 1]),
        ([True, False, True], "binary", [True, False, True]),
        (["no", "yes", "no"], "binary", ["no", "yes", "no"]),
        (pd.Categorical(["no", "yes", "no"]), "binary", ["no", "yes", "no"]),
        ([3, 1, 2], "multiclass", [3, 1, 2]),
        ([0.5, 1.0, 2.0], "regression", [0.5, 1.0, 2.0]),
    ],
)
def test_a_target_that_fits_is_given_back_as_its_labels_read(values: Any, task: Task, expected: list[Any]) -> None:
    found = columns.target(pd.DataFrame({"y": values}), data(), task)
    assert found.tolist() == expected
    assert [type(each) for each in found.tolist()] == [type(each) for each in expected]


@pytest.mark.parametrize(
    ("values", "task", "words"),
    [
        ([0, None, 1, None], "binary", "target 'y' is missing in 2 rows (rows 2, 4)"),
        ([None, None], "regression", "target 'y' is missing in 2 rows (rows 1, 2)"),
        ([0.0, np.inf, 1.0], "regression", "target 'y' is infinite in row 2"),
        ([1, 1, 1], "binary", "target 'y' is constant: every row is 1"),
        ([0.5, 0.5], "regression", "target 'y' is constant: every row is 0.5"),
        (["a", "b"], "regression", "task: regression, but target 'y' holds category values"),
        ([True, False], "regression", "task: regression, but target 'y' holds boolean values"),
        ([0, 1, 2], "binary", "task: binary, but target 'y' has 3 labels: '0', '1', '2'"),
        ([9, 8, 7, 6, 5, 4, 10], "binary", "task: binary, but target 'y' has 7 labels: '4', '5', '6', '7', '8', …"),
        ([0.0, 1.5, 1.0], "multiclass", "task: multiclass, but target 'y' holds 1.5 in row 2"),
        (list(range(101)), "multiclass", "task: multiclass, but target 'y' has 101 labels"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "binary", "task: binary, but target 'y' holds times"),
    ],
)
def test_a_target_that_does_not_fit_is_refused_with_its_rows(values: Any, task: Task, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        columns.target(pd.DataFrame({"y": values}), data(), task)
    assert caught.value.what == words
    assert caught.value.hint


def test_labels_come_in_the_order_of_their_values() -> None:
    assert columns.labels(pd.Series([10, 9, 10])) == ("9", "10")
    assert columns.labels(pd.Series([True, False])) == ("False", "True")
    assert columns.labels(pd.Series(["b", "a"])) == ("a", "b")


@pytest.mark.parametrize(
    ("names", "wanted", "expected"),
    [
        (("0", "1"), None, "1"),
        (("1", "2"), None, "1"),
        (("False", "True"), None, "True"),
        (("Yes", "no"), None, "Yes"),
        (("bad", "good"), None, "good"),
        (("0", "1"), 0, "0"),
        (("0", "1"), 1.0, "1"),
        (("0", "1"), True, "1"),
        (("False", "True"), 1, "True"),
        (("False", "True"), False, "False"),
        (("False", "True"), "true", "True"),
        (("bad", "good"), "bad", "bad"),
    ],
)
def test_the_positive_label(names: tuple[str, ...], wanted: Any, expected: str) -> None:
    assert positive(names, wanted) == expected


def test_a_positive_label_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data\.positive is 'good', and the target's labels are '0', '1'"):
        positive(("0", "1"), "good")


def test_groups_read_as_they_are_written_and_the_unknown_is_a_group() -> None:
    assert columns.groups(pd.Series([0.0, 1.0, None])).tolist() == ["0", "1", "missing"]
    assert columns.groups(pd.Series(["a", None])).tolist() == ["a", "missing"]
    assert columns.groups(pd.Series([True, False])).tolist() == ["True", "False"]
    assert columns.groups(pd.Series([0.5])).tolist() == ["0.5"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["f"] * 60, "sensitive column 'sex' has one group only ('f'): there is nothing to compare"),
        (["f"] * 59 + [None], "sensitive column 'sex' has one group only ('f'): there is nothing to compare"),
        ([None] * 60, "sensitive column 'sex' has no known value: there is nothing to compare"),
        (list(range(60)), "sensitive column 'sex' has 60 values: those are no groups"),
    ],
)
def test_a_sensitive_column_without_groups_to_compare_is_refused(values: list[Any], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        columns.check_groups(pd.DataFrame({"sex": values}), data())
    assert caught.value.what == words


@pytest.mark.parametrize(
    ("train", "holdout", "words"),
    [
        ([], [0, 1], "the train side of the split is empty"),
        ([0, 1], [], "the holdout side of the split is empty"),
        ([0, 2], [1, 3], "the train side of the split holds only the label 'a'"),
        ([0, 1], [2, 6], "the holdout side of the split holds only the label 'a'"),
        ([0, 1], [2, 4, 5], "labels in the holdout that train does not have: 'c', 'd'"),
    ],
)
def test_a_split_that_cannot_be_judged_is_refused(train: list[int], holdout: list[int], words: str) -> None:
    values = pd.Series(list("ababdca"))
    with pytest.raises(BadInput) as caught:
        columns.check_sides(values, np.array(train, dtype=int), np.array(holdout, dtype=int), "multiclass")
    assert caught.value.what == words


def test_numbers_need_no_label_on_both_sides() -> None:
    columns.check_sides(pd.Series([1.0, 2.0, 3.0]), np.array([0, 1]), np.array([2]), "regression")
