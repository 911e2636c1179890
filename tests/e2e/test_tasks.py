"""The other tasks, models trained elsewhere, and what is watched after a deploy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from doubles.project import Project, binary
from sklearn.datasets import load_diabetes, load_iris

PICKLES = {"serialization": ["skops", "cloudpickle"]}


def evidence(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.root / "release" / "evidence.json").read_text())
    return found


def test_a_regression_goes_all_the_way(project: Project) -> None:
    load_diabetes(as_frame=True).frame.to_csv(project.root / "rows.csv", index=False)
    project.change(
        task="regression",
        data={"source": "rows.csv", "target": "target", "split": {"holdout": 0.4}},
        train__entrypoint="model:line",
        policy__rules=[
            {"metric": "r2", "at_least": 0.2},
            {"metric": "mean_absolute_error", "versus": "dummy"},
            {"metric": "root_mean_squared_error", "versus": "champion", "margin": 5},
        ],
    )
    project.deployed()
    project.must("monitor")
    project.to_the_gate()
    assert evidence(project)["champion"]["release"] == 1


def test_a_multiclass_model_goes_all_the_way(project: Project) -> None:
    frame = load_iris(as_frame=True).frame
    frame["target"] = np.array(["setosa", "versicolor", "virginica"])[frame["target"]]
    generator = np.random.default_rng(0)
    for column in frame.columns[:4]:
        frame[column] += generator.normal(scale=0.01, size=len(frame)).round(4)
    frame.to_csv(project.root / "rows.csv", index=False)
    project.change(
        task="multiclass",
        data={"source": "rows.csv", "target": "target", "split": {"holdout": 0.4}},
        policy__rules=[{"metric": "accuracy", "at_least": 0.8}, {"metric": "macro_f1", "versus": "dummy"}],
    )
    project.to_the_gate()
    assert set(evidence(project)["golden"]["outputs"]) <= {"setosa", "versicolor", "virginica"}
    project.approve()
    project.must("deploy")
    project.must("monitor")


# ---- adopt


@pytest.fixture
def pyfunc(project: Project) -> str:
    """A model of a team's own training code: no scikit-learn flavour, logged to MLflow by itself."""
    import mlflow  # noqa: PLC0415 -- two seconds

    class Score(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:  # noqa: ARG002 -- MLflow's
            import numpy  # noqa: ICN001, PLC0415 -- pickled by value

            return 1 / (1 + numpy.exp(-(2 * model_input["income"] - model_input["debt"]).to_numpy()))

    address = f"sqlite:///{project.root / 'mlflow.db'}"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    try:
        mlflow.create_experiment("theirs", artifact_location=str(project.root / "theirs"))
        mlflow.set_experiment("theirs")
        logged = mlflow.pyfunc.log_model(name="model", python_model=Score(), pip_requirements=["numpy"])
    finally:
        mlflow.set_tracking_uri(before)
    return str(logged.model_uri)


def test_a_model_trained_elsewhere_is_adopted_and_released(project: Project, pyfunc: str) -> None:
    project.change(policy__formats=PICKLES)
    project.must("prepare")
    project.must("adopt", "--model-uri", pyfunc)
    project.must("validate")
    project.must("report")
    project.approve()
    project.must("deploy")
    project.must("monitor")
    candidate = json.loads((project.root / "release" / "candidate.json").read_text())
    assert candidate["entrypoint"] == "adopted"
    assert candidate["model_uri"] == pyfunc


def test_an_adopted_model_that_the_policy_does_not_let_load_is_refused(project: Project, pyfunc: str) -> None:
    assert "flavours python_function" in project.must("run", "--no-page", "--adopt", pyfunc, code=3).err


@pytest.mark.parametrize(
    ("uri", "code", "sentence"),
    [("/etc", 2, "is no model address"), ("models:/m-0123456789abcdef0123456789abcdef", 3, "")],
)
def test_a_model_that_is_not_there_cannot_be_adopted(project: Project, uri: str, code: int, sentence: str) -> None:
    project.must("prepare")
    assert sentence in project.must("adopt", "--model-uri", uri, code=code).err


# ---- monitor


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """One release in production, which the tests below only watch."""
    made = Project(tmp_path_factory.mktemp("released"), migrated)
    made.change(
        monitor__rules=[
            {"metric": "wasserstein_distance", "at_most": 0.35},
            {"metric": "roc_auc", "at_least": 0.7},
            {"metric": "recall", "at_least": 0.5},
        ]
    )
    made.deployed()
    return made


def batch(released: Project, frame: pd.DataFrame) -> str:
    frame.to_csv(released.root / "batch.csv", index=False)
    return "batch.csv"


def test_new_rows_like_the_old_ones_pass(released: Project) -> None:
    said = released.must("monitor", "--batch", batch(released, binary(8000, seed=5))).out
    assert "batch of 8,000 rows: pass" in said
    assert "pass         roc_auc" in said


def test_the_champion_is_watched_by_what_it_was_judged_by(released: Project) -> None:
    """release.yml may be about the next candidate already: no row has a score that this threshold takes for a yes."""
    arguments = ["--batch", batch(released, binary(8000, seed=5)), "--set", "threshold=0.9999999"]
    assert "pass         recall" in released.must("monitor", *arguments).out


def test_a_shifted_column_is_a_breach_and_names_the_way_back(released: Project) -> None:
    shifted = binary(1000, seed=5)
    shifted["income"] += 3
    said = released.must("monitor", "--batch", batch(released, shifted), code=10).out
    assert "fail         wasserstein_distance:income" in said
    assert "ml-release rollback --environment production --reason 'monitor: wasserstein_distance:income" in said


def test_without_outcomes_drift_is_measured_and_quality_is_not_settled(released: Project) -> None:
    said = released.must(
        "monitor", "--batch", batch(released, binary(8000, seed=5).drop(columns="approve")), code=11
    ).out
    assert "No roc_auc was measured" in said


def test_outcomes_that_are_known_for_some_rows_only_are_used(released: Project) -> None:
    rows = binary(8000, seed=5).astype({"approve": float})
    rows.loc[rows.index >= 2000, "approve"] = np.nan
    assert "pass         roc_auc" in released.must("monitor", "--batch", batch(released, rows)).out


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (binary(50).drop(columns="debt"), "the batch lacks 'debt'"),
        (binary(50).assign(approve="maybe"), "labels that the model does not know: maybe"),
    ],
)
def test_a_batch_that_cannot_be_judged_is_bad_input(released: Project, frame: pd.DataFrame, sentence: str) -> None:
    assert sentence in released.must("monitor", "--batch", batch(released, frame), code=2).err


def test_nothing_to_watch_before_the_first_release(project: Project) -> None:
    assert "nothing has been released" in project.must("monitor", code=2).err


def test_tampered_bytes_are_found_by_monitor_audit_and_rollback(project: Project) -> None:
    project.deployed()
    project.change(train__params={"C": 0.1})
    project.deployed()
    for path in (project.root / "mlartifacts").rglob("model.skops"):
        path.write_bytes(path.read_bytes() + b" ")
    assert "not those that were released" in project.must("monitor", code=3).err
    assert "not those that were released" in project.must("rollback", "--reason", "it looks odd", code=3).err
    assert "release 2" in project.must("audit", code=3).out
