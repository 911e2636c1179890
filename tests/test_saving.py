"""A fitted model as files, in a format that the policy allows."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ci_lib import saving
from ci_lib.config import Train
from ci_lib.errors import BadInput
from ci_lib.formats import Formats
from ci_lib.locking import environment_lock

ROWS = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1, 0, 1, 0]})
TARGET = [0, 0, 1, 1]


def save(model: Any, into: Path, *, serialization: Any = "skops", **formats: Any) -> tuple[str, ...]:
    train = Train(entrypoint="model:build", serialization=serialization)
    return saving.save(model, ROWS, train, Formats(**formats), into)


def test_a_model_is_saved_with_signature_example_and_pinned_requirements(tmp_path: Path) -> None:
    needed = save(LogisticRegression().fit(ROWS, TARGET), tmp_path / "model")
    described = YAML(typ="safe").load((tmp_path / "model" / "MLmodel").read_text())
    assert described["flavors"]["sklearn"]["serialization_format"] == "skops"
    assert [column["name"] for column in json.loads(described["signature"]["inputs"])] == ["a", "b"]
    assert all("==" in line for line in needed)
    assert {"mlflow", "numpy", "pandas", "scikit-learn", "skops"} <= {line.split("==")[0] for line in needed}
    written = (tmp_path / "model" / "requirements.txt").read_text().split()
    assert set(needed) <= set(written)


def test_trees_are_stored_though_mlflows_default_cannot(tmp_path: Path) -> None:
    save(RandomForestClassifier(3).fit(ROWS, TARGET), tmp_path / "model")
    assert (tmp_path / "model" / "model.skops").is_file()


class Own(DummyClassifier):
    """A type of the team's own."""


def test_a_type_that_the_policy_does_not_allow_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"does not allow: .*test_saving\.Own"):
        save(Own().fit(ROWS, TARGET), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_policy_can_allow_one_exact_type(tmp_path: Path) -> None:
    name = f"{Own.__module__}.{Own.__qualname__}"
    save(Own().fit(ROWS, TARGET), tmp_path / "model", types=(name,))
    with pytest.raises(BadInput):
        save(Own().fit(ROWS, TARGET), tmp_path / "again", types=(name[:-1],))


def test_the_hint_of_a_denied_type_works_as_typed_and_keeps_scikit_learns_own(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        save(Own().fit(ROWS, TARGET), tmp_path / "model")
    typed = YAML(typ="safe").load(caught.value.hint.partition("policy.formats.types: ")[2])
    save(Own().fit(ROWS, TARGET), tmp_path / "own", types=tuple(typed))
    save(RandomForestClassifier(3).fit(ROWS, TARGET), tmp_path / "trees", types=tuple(typed))


def test_columns_may_be_chosen_by_scikit_learns_selector(tmp_path: Path) -> None:
    chosen = make_column_transformer((StandardScaler(), make_column_selector(dtype_include="number")))
    save(make_pipeline(chosen, LogisticRegression()).fit(ROWS, TARGET), tmp_path / "model")
    assert (tmp_path / "model" / "model.skops").is_file()


def test_cloudpickle_needs_the_policys_word(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(ROWS, TARGET)
    with pytest.raises(BadInput, match="does not allow it"):
        save(fitted, tmp_path / "model", serialization="cloudpickle")
    train = Train(entrypoint="model:build", serialization="cloudpickle")
    needed = saving.save(fitted, ROWS, train, Formats(serialization=("cloudpickle",)), tmp_path / "pickled")
    assert any(line.startswith("cloudpickle==") for line in needed)


def test_what_skops_cannot_store_is_said_with_the_way_out(tmp_path: Path) -> None:
    model = LogisticRegression().fit(ROWS, TARGET)
    model.callback = (number for number in range(3))
    with pytest.raises(BadInput, match="skops cannot store this LogisticRegression") as caught:
        save(model, tmp_path / "model")
    assert "cloudpickle" in caught.value.hint


def test_the_environment_lock_is_sorted_and_pinned() -> None:
    lines = environment_lock().decode().splitlines()
    assert lines == sorted(lines, key=str.lower)
    assert any(line.startswith("mlflow==") for line in lines)
