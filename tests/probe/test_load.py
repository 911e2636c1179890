"""What may be loaded, and what a model's answers become."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from ruamel.yaml import YAML
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from ci_lib.errors import BadInput
from ci_lib.formats import Formats
from ci_lib.probe.load import FormatError, PredictError, load
from ci_lib.probe.request import Request

Saver = Callable[..., Path]
Asker = Callable[..., Request]


def classes(rows: pd.DataFrame) -> "pd.Series[int]":
    return (rows["a"] > 0).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=5),
        KNeighborsClassifier(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learns_own_models_load_under_the_default_policy(
    model: Any, rows: pd.DataFrame, save: Saver, ask: Asker
) -> None:
    fitted = model.fit(rows, classes(rows))
    scores = load(ask(save(fitted)))(rows)
    np.testing.assert_allclose(scores, fitted.predict_proba(rows)[:, 1])


def test_the_positive_label_decides_which_column_is_the_score(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = LogisticRegression().fit(rows, np.where(classes(rows) == 1, "yes", "no"))
    score = load(ask(save(fitted), labels=("no", "yes"), positive="no"))
    np.testing.assert_allclose(score(rows), fitted.predict_proba(rows)[:, 0])


def test_multiclass_scores_stand_in_the_datasets_order_whatever_the_models(
    rows: pd.DataFrame, save: Saver, ask: Asker
) -> None:
    fitted = LogisticRegression().fit(rows, np.select([rows["a"] < -0.5, rows["a"] > 0.5], [3, 1], 2))
    scores = load(ask(save(fitted), task="multiclass", labels=("1", "2", "3", "4"), positive=None))(rows)
    np.testing.assert_allclose(scores[:, :3], fitted.predict_proba(rows))
    assert not scores[:, 3].any()


def test_a_model_that_gives_labels_only_scores_zero_and_one(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = RidgeClassifier().fit(rows, classes(rows))
    scores = load(ask(save(fitted)))(rows)
    np.testing.assert_array_equal(scores, fitted.predict(rows))
    several = load(ask(save(fitted, name="again"), task="multiclass", labels=("0", "1", "2"), positive=None))(rows)
    np.testing.assert_array_equal(several.argmax(axis=1), fitted.predict(rows))


def test_regression_gives_values(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = LinearRegression().fit(rows, rows["a"] * 2)
    scores = load(ask(save(fitted), task="regression", labels=(), positive=None))(rows)
    np.testing.assert_allclose(scores, rows["a"] * 2)


def test_labels_that_the_data_do_not_have_are_no_prediction(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = LogisticRegression().fit(rows, classes(rows) + 5)
    with pytest.raises(PredictError, match="labels 5, 6, which the data do not have"):
        load(ask(save(fitted)))(rows)
    alone = RidgeClassifier().fit(rows, classes(rows) + 5)
    with pytest.raises(PredictError, match="no label of the target"):
        load(ask(save(alone, name="again")))(rows)


class Short(DummyClassifier):
    """Answers for one row too few."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return super().predict_proba(X)[1:]


def test_an_answer_of_another_length_is_no_prediction(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = Short().fit(rows, classes(rows))
    path = save(fitted, serialization="cloudpickle")
    with pytest.raises(PredictError, match="199 values for 200 rows"):
        load(ask(path, formats=Formats(serialization=("cloudpickle",))))(rows)


class Wrong(DummyClassifier):
    """Answers what it was given."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__()
        self.answer = answer

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        return np.asarray(self.answer)[: len(X)] if np.ndim(self.answer) else self.answer


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (np.full((200, 2), np.nan), "gave NaN or infinity for 200 of 200 rows"),
        (np.vstack([np.full((199, 2), 0.5), [[0.5, np.nan]]]), "gave NaN or infinity for 1 of 200 rows"),
        (np.full((200, 2), np.inf), "from inf to inf: those are no probabilities"),
        (np.full((200, 2), -1.0), "from -1 to -1: those are no probabilities"),
        (np.full((200, 1), 0.5), r"an array of \(200, 1\) for 200 rows and 2 labels"),
        (np.full(200, 0.5), r"an array of \(200,\) for 200 rows and 2 labels"),
        (None, r"an array of \(\) for 200 rows and 2 labels"),
    ],
)
def test_what_is_no_probability_is_no_prediction(
    rows: pd.DataFrame, save: Saver, ask: Asker, answer: Any, sentence: str
) -> None:
    fitted = Wrong(answer).fit(rows, classes(rows))
    path = save(fitted, serialization="cloudpickle")
    with pytest.raises(PredictError, match=sentence):
        load(ask(path, formats=Formats(serialization=("cloudpickle",))))(rows)


def test_a_probability_may_be_off_by_single_precision(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = Wrong(np.full((200, 2), 1 + 1e-7)).fit(rows, classes(rows))
    path = save(fitted, serialization="cloudpickle")
    assert load(ask(path, formats=Formats(serialization=("cloudpickle",))))(rows).shape == (200,)


def test_text_is_no_number(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    fitted = RidgeClassifier().fit(rows, np.where(classes(rows) == 1, "yes", "no"))
    with pytest.raises(PredictError, match="one number a row"):
        load(ask(save(fitted), task="regression", labels=(), positive=None))(rows)


# ---- what the policy does not allow


def described(model: Path, **flavors: dict[str, Any]) -> Path:
    """Change a saved model's own description."""
    yaml = YAML(typ="safe")
    content = yaml.load((model / "MLmodel").read_text())
    for name, changes in flavors.items():
        content["flavors"].setdefault(name, {}).update(changes)
    with (model / "MLmodel").open("w") as file:
        yaml.dump(content, file)
    return model


@pytest.mark.parametrize(
    ("flavors", "way"),
    [
        ({"python_function": {"model_path": "other.pkl"}}, "python_function's model_path"),
        ({"python_function": {"loader_module": "evil"}}, "python_function's loader_module"),
        ({"python_function": {"loader_module": None}}, "python_function's loader_module"),
        ({"python_function": {"code": "code"}}, "python_function's code"),
        ({"python_function": {"model_code_path": "evil.py"}}, "python_function's model_code_path"),
        ({"sklearn": {"code": "code"}}, "sklearn's code"),
        ({"sklearn": {"pickled_model": "other.skops"}}, "python_function's model_path"),
        ({"onnx": {"data": "model.onnx"}}, "the flavour onnx"),
    ],
)
def test_a_model_that_consumers_would_load_in_another_way_is_refused(
    rows: pd.DataFrame, save: Saver, ask: Asker, flavors: dict[str, Any], way: str
) -> None:
    """The digest covers all files, the measurements only what was loaded: the two must be the same model."""
    path = described(save(LogisticRegression().fit(rows, classes(rows))), **flavors)
    with pytest.raises(FormatError, match=f"another way to load it than the one that is measured: {way}"):
        load(ask(path))


def test_code_beside_a_model_is_a_matter_of_the_policy(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    path = described(save(LogisticRegression().fit(rows, classes(rows))), sklearn={"code": "code"})
    assert load(ask(path, formats=Formats(serialization=("skops", "cloudpickle"))))(rows).shape == (200,)


def test_cloudpickle_is_not_loaded_unless_the_policy_says_so(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    path = save(LogisticRegression().fit(rows, classes(rows)), serialization="cloudpickle")
    with pytest.raises(FormatError, match="stored with cloudpickle"):
        load(ask(path))
    assert load(ask(path, formats=Formats(serialization=("cloudpickle",))))(rows).shape == (200,)


def test_a_function_that_runs_text_as_code_cannot_be_stored_under_the_default_policy(save: Saver) -> None:
    evil = make_pipeline(FunctionTransformer(np.testing.runstring), LogisticRegression())
    with pytest.raises(BadInput, match=r"numpy\.testing"):
        save(evil)


def test_a_model_cannot_trust_itself(rows: pd.DataFrame, save: Saver, ask: Asker) -> None:
    """MLflow would read the trusted types from the model's own MLmodel file; only the policy's count."""
    evil = make_pipeline(FunctionTransformer(np.testing.runstring, kw_args={"dict": {}}), LogisticRegression())
    evil.steps[1][1].fit(rows, classes(rows))
    path = save(LogisticRegression().fit(rows, classes(rows)))
    (path / "model.skops").write_bytes(skops.io.dumps(evil))
    described = YAML(typ="safe").load((path / "MLmodel").read_text())
    described["flavors"]["sklearn"]["skops_trusted_types"] = skops.io.get_untrusted_types(data=skops.io.dumps(evil))
    with (path / "MLmodel").open("w") as file:
        YAML(typ="safe").dump(described, file)
    with pytest.raises(FormatError, match=r"does not allow: numpy\.testing"):
        load(ask(path))


@pytest.mark.parametrize("named", ["../outside.skops", "/etc/hostname", "missing.skops", ""])
def test_the_stored_file_must_lie_inside_the_model(rows: pd.DataFrame, save: Saver, ask: Asker, named: str) -> None:
    path = save(LogisticRegression().fit(rows, classes(rows)))
    (path.parent / "outside.skops").write_bytes((path / "model.skops").read_bytes())
    described(path, sklearn={"pickled_model": named}, python_function={"model_path": named})
    with pytest.raises(FormatError, match="not inside the model"):
        load(ask(path))


def test_other_flavours_are_code_and_need_the_policys_word(ask: Asker, rows: pd.DataFrame, tmp_path: Path) -> None:
    import mlflow.pyfunc  # noqa: PLC0415 -- two seconds that only this test needs

    class Half(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:  # noqa: ARG002 -- MLflow's names
            return np.full(len(model_input), 0.5)

    mlflow.pyfunc.save_model(str(tmp_path / "pyfunc"), python_model=Half(), pip_requirements=[])
    with pytest.raises(FormatError, match="the flavours python_function"):
        load(ask(tmp_path / "pyfunc"))
    scores = load(ask(tmp_path / "pyfunc", formats=Formats(serialization=("cloudpickle",))))(rows)
    np.testing.assert_array_equal(scores, np.full(200, 0.5))
