"""The child process: one request, one answer, and no secrets."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from doubles.evil import saved
from doubles.records import chain
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.evidence import Golden
from ci_lib.formats import Formats
from ci_lib.probe import child, golden, importance
from ci_lib.probe.children import Children
from ci_lib.probe.request import Answer, Request, Trouble
from ci_lib.probe.run import Probe

Saver = Callable[..., Path]
Asker = Callable[..., Request]


def classes(rows: pd.DataFrame) -> "pd.Series[int]":
    return (rows["a"] > 0).astype(int)


@pytest.fixture
def model(rows: pd.DataFrame, save: Saver) -> Path:
    return save(LogisticRegression().fit(rows, classes(rows)))


def inputs(rows: pd.DataFrame) -> str:
    return str(rows.head(3).to_json(orient="split", index=False, double_precision=15))


def test_an_answer_has_all_that_was_asked_for(model: Path, rows: pd.DataFrame, ask: Asker, tmp_path: Path) -> None:
    rows.to_parquet(tmp_path / "rows.parquet")
    np.save(tmp_path / "truth.npy", classes(rows).to_numpy(dtype=float))
    request = ask(
        model,
        rows=str(tmp_path / "rows.parquet"),
        truth=str(tmp_path / "truth.npy"),
        golden=inputs(rows),
        single_rows=7,
        shuffles=3,
    )
    answer = child.respond(request)
    found = np.load(request.out)
    assert found.shape == (200,)
    np.testing.assert_allclose(answer.golden, found[:3], atol=1e-12)
    assert len(answer.latencies) == 7
    drops = {each.column: each.drops for each in answer.importance}
    assert min(drops["a"]) > 0.2
    assert max(map(abs, drops["b"])) < 0.05
    assert len(drops["a"]) == 3
    assert answer.mismatches == ()
    assert answer.peak_mb > 50
    assert answer.predict_seconds > sum(answer.latencies) > 0


def test_requirements_that_this_process_does_not_meet_are_named(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        "numpy>=1\nscikit-learn==0.1\nno-such-package==1.0\n# a comment\n-e ./here\n!!!\n"
        "--extra-index-url http://evil.example\nnumpy @ http://evil.example/numpy-1.0.tar.gz\n"
    )
    assert child.mismatches(path) == [
        "scikit-learn==0.1", "no-such-package==1.0", "-e ./here", "!!!", "--extra-index-url http://evil.example",
        "numpy @ http://evil.example/numpy-1.0.tar.gz",
    ]  # fmt: skip
    assert child.mismatches(tmp_path / "missing.txt") == ["the model has no requirements.txt"]


@pytest.mark.parametrize(
    ("formats", "step", "sentence"), [(Formats(serialization=("cloudpickle",)), "format", "stored with skops")]
)
def test_trouble_is_an_answer_too(
    model: Path, ask: Asker, tmp_path: Path, formats: Formats, step: str, sentence: str
) -> None:
    ask(model, formats=formats).write(tmp_path / "request.json")
    assert child.main(str(tmp_path / "request.json"), str(tmp_path / "answer.json")) == 0
    trouble = Trouble.read(tmp_path / "answer.json")
    assert trouble.step == step
    assert sentence in trouble.sentence


@pytest.mark.parametrize(("rows_have", "step"), [(["a"], "predict"), (["a", "b"], None)])
def test_rows_that_the_model_cannot_read_are_trouble_with_predict(
    model: Path, rows: pd.DataFrame, ask: Asker, tmp_path: Path, rows_have: list[str], step: str | None
) -> None:
    rows[rows_have].to_parquet(tmp_path / "rows.parquet")
    ask(model, rows=str(tmp_path / "rows.parquet")).write(tmp_path / "request.json")
    child.main(str(tmp_path / "request.json"), str(tmp_path / "answer.json"))
    answer = (tmp_path / "answer.json").read_bytes()
    if step is None:
        assert Answer.from_bytes(answer).kind == "answer"
    else:
        assert Trouble.from_bytes(answer).step == step


def test_a_broken_file_is_trouble_with_loading(model: Path, ask: Asker, tmp_path: Path) -> None:
    (model / "model.skops").write_bytes(b"no zip")
    ask(model).write(tmp_path / "request.json")
    child.main(str(tmp_path / "request.json"), str(tmp_path / "answer.json"))
    assert Trouble.read(tmp_path / "answer.json").step == "load"


@pytest.mark.parametrize(
    ("task", "truth", "scores", "expected"),
    [
        ("binary", [0.0, 1.0, 1.0], [0.1, 0.9, 0.8], 1.0),
        ("binary", [1.0, 1.0], [0.1, 0.9], 0.0),
        ("binary", [0.0, 1.0], [np.nan, 0.9], 0.0),
        ("multiclass", [0.0, 1.0], [[0.9, 0.1], [0.8, 0.2]], 0.5),
        ("regression", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 1.0),
        ("regression", [2.0, 2.0], [1.0, 2.0], 0.0),
    ],
)
def test_the_lead_metric_of_each_task(task: str, truth: list[float], scores: Any, expected: float) -> None:
    assert importance.lead(task, np.array(truth), np.array(scores)) == expected


def test_no_further_round_of_shuffles_begins_when_time_is_up(model: Path, rows: pd.DataFrame, ask: Asker) -> None:
    request = ask(model, shuffles=50, shuffle_seconds=0.0)
    truth = classes(rows).to_numpy(dtype=float)
    found = importance.measure(lambda frame: frame["a"].to_numpy(), rows, truth, rows["a"].to_numpy(), request)
    assert {len(each.drops) for each in found} == {1}


@pytest.mark.parametrize(
    ("shuffles", "rows", "rounds"),
    [(10, 796, [1, 9]), (10, 6_000, [1, 3, 3, 3]), (3, 30_000, [1, 1, 1]), (1, 10, [1])],
)
def test_a_column_is_shuffled_once_first_and_then_as_often_as_fits_into_one_call(
    shuffles: int, rows: int, rounds: list[int]
) -> None:
    assert importance._rounds(shuffles, rows) == rounds


def test_a_shuffle_keeps_the_values_of_its_column_and_all_else() -> None:
    rows = pd.DataFrame({"kind": pd.Categorical(["x", "y", "z", "x"]), "n": [1.0, 2.0, np.nan, 4.0]})
    found = importance._shuffled(rows, "kind", 50, np.random.default_rng(0))
    assert found.index.equals(pd.RangeIndex(200))
    orders = set()
    for start in range(0, 200, 4):
        part = found.iloc[start : start + 4].reset_index(drop=True)
        pd.testing.assert_series_equal(part["n"], rows["n"])
        assert sorted(part["kind"]) == ["x", "x", "y", "z"]
        orders.add(tuple(part["kind"]))
    assert len(orders) >= 8  # of 12 that there are: each copy has an order of its own
    assert list(rows["kind"]) == ["x", "y", "z", "x"]


def test_calls_that_carry_several_shuffles_give_a_drop_for_each(model: Path, rows: pd.DataFrame, ask: Asker) -> None:
    sizes: list[int] = []

    def score(frame: pd.DataFrame) -> Any:
        sizes.append(len(frame))
        return frame["a"].to_numpy()

    truth = classes(rows).to_numpy(dtype=float)
    found = importance.measure(score, rows, truth, rows["a"].to_numpy(), ask(model, shuffles=5))
    drops = {each.column: each.drops for each in found}
    assert sizes == [200, 200, 800, 800]
    assert len(drops["a"]) == len(set(drops["a"])) == 5
    assert drops["b"] == (0.0,) * 5


def test_a_model_that_fails_has_used_its_time_too(rows: pd.DataFrame) -> None:
    def fail(_: pd.DataFrame) -> Any:
        message = "no"
        raise ValueError(message)

    timed = child.Timed(score=fail)
    with pytest.raises(ValueError, match="no"):
        timed(rows)
    assert timed.seconds > 0


@pytest.mark.parametrize(
    ("expected", "found", "count"),
    [
        ((0.5, 0.25), (0.5, 0.25 + 1e-9), 0),
        ((0.5, 0.25), (0.5, 0.2501), 1),
        ((0.5, 0.25), (0.5,), 1),
        ((0.5,), (0.5, 0.5), 1),
        (("yes", "no"), ("yes", "yes"), 1),
        (("1",), (1.0,), 1),
        ((0.5,), (float("nan"),), 1),
    ],
)
def test_golden_predictions_are_repeated_or_counted(
    expected: tuple[float | str, ...], found: tuple[float | str, ...], count: int
) -> None:
    assert golden.mismatches(Golden(inputs="{}", outputs=expected), found) == count


# ---- the parent, with a real child


@pytest.fixture
def probe(tmp_path: Path) -> Probe:
    (tmp_path / "scratch").mkdir()
    env = {**os.environ, "GITLAB_TOKEN": "glpat-hidden", "MLFLOW_TRACKING_PASSWORD": "hidden", "PYTHONPATH": "/nowhere"}
    return Probe(config=loans(), env=env, scratch=tmp_path / "scratch")


def loans() -> Config:
    return chain().config


def dataset() -> Dataset:
    return chain().dataset


class Spy(DummyClassifier):
    """Its score is the number of variables that the child sees, and whether one of them is a secret."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        import os  # noqa: PLC0415 -- pickled by value: it has only what it imports itself

        hidden = {"GITLAB_TOKEN", "MLFLOW_TRACKING_PASSWORD", "PYTHONPATH"}
        secret = bool(hidden & os.environ.keys()) or "glpat-hidden" in os.environ.values()
        return np.column_stack([np.full(len(X), 1.0 - secret), np.full(len(X), float(secret))])


def pickling(config: Config) -> Config:
    formats = Formats(serialization=("skops", "cloudpickle"))
    return config.model_copy(update={"policy": config.policy.model_copy(update={"formats": formats})})


def test_the_child_sees_no_secret(rows: pd.DataFrame, save: Saver, probe: Probe) -> None:
    path = save(Spy().fit(rows, classes(rows)), serialization="cloudpickle")
    import cloudpickle  # noqa: PLC0415

    cloudpickle.register_pickle_by_value(__import__(__name__))
    (path / "model.pkl").write_bytes(cloudpickle.dumps(Spy().fit(rows, classes(rows))))
    asked = Probe(config=pickling(probe.config), env=probe.env, scratch=probe.scratch).ask(path, dataset(), rows=rows)
    assert asked.scores is not None
    assert not asked.scores.any()


class Flood(DummyClassifier):
    """Writes more than a model has to write."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803, ARG002
        from pathlib import Path  # noqa: PLC0415 -- pickled by value

        with Path("big").open("wb") as file:
            file.truncate(1 << 31)


def test_a_model_cannot_fill_the_disk_with_one_file(rows: pd.DataFrame, save: Saver, probe: Probe) -> None:
    flooding = save(Flood().fit(rows, classes(rows)), serialization="cloudpickle")
    with pytest.raises(BadInput, match="File too large"):
        replace(probe, config=pickling(loans())).ask(flooding, dataset(), rows=rows)


def test_a_format_that_the_policy_does_not_allow_is_refused(rows: pd.DataFrame, save: Saver, probe: Probe) -> None:
    path = save(LogisticRegression().fit(rows, classes(rows)), serialization="cloudpickle")
    with pytest.raises(Refused, match="stored with cloudpickle"):
        probe.ask(path, dataset())


class Hang(DummyClassifier):
    """Never answers."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        import time  # noqa: PLC0415

        time.sleep(600)
        return super().predict_proba(X)


class Die(DummyClassifier):
    """Takes its process with it."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        import os  # noqa: PLC0415

        print("last words", flush=True)  # noqa: T201
        os.kill(os.getpid(), 9)
        return super().predict_proba(X)


@pytest.mark.parametrize(
    ("kind", "seconds", "sentence"),
    [
        (Hang, 6.0, "did not answer within 6 s"),
        (Die, 60.0, "killed by SIGKILL before it answered; it said last: last words"),
    ],
)
def test_a_child_that_hangs_or_dies_ends_in_one_sentence(
    rows: pd.DataFrame, save: Saver, probe: Probe, kind: type[DummyClassifier], seconds: float, sentence: str
) -> None:
    import cloudpickle  # noqa: PLC0415

    path = save(DummyClassifier().fit(rows, classes(rows)), serialization="cloudpickle")
    cloudpickle.register_pickle_by_value(__import__(__name__))
    (path / "model.pkl").write_bytes(cloudpickle.dumps(kind().fit(rows, classes(rows))))
    slow = Probe(config=pickling(probe.config), env=probe.env, scratch=probe.scratch, seconds=seconds)
    with pytest.raises(BadInput, match=sentence):
        slow.ask(path, dataset(), rows=rows)


# ---- children that start ahead


def test_a_child_that_nobody_asks_ends_with_its_job(tmp_path: Path) -> None:
    with Children({}, tmp_path) as children:
        children.start("idle")
        idle = children.take("idle").starter.process
        assert idle.poll() is None
    assert idle.returncode in {-signal.SIGKILL, -signal.SIGTERM}


def test_a_child_ends_by_itself_when_its_job_is_gone(tmp_path: Path) -> None:
    with Children(os.environ, tmp_path) as children:
        starter = children.take("left").starter
        assert starter.process.stdin is not None
        starter.process.stdin.close()
        assert starter.line(60) is None
        assert starter.process.wait() == 0


def test_a_child_started_ahead_answers_like_any_other(model: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    with Children(os.environ, tmp_path) as children:
        model.rename(children.models.parent / "kept")
        started = children.take("ahead")
        model = (tmp_path / "kept").rename(children.models / "kept")
        probe = Probe(config=loans(), env={}, scratch=started.scratch, child=started)
        asked = probe.ask(model, dataset(), rows=rows, golden=inputs(rows))
        assert children.take("ahead") is started
    assert asked.scores is not None
    np.testing.assert_allclose(asked.scores[:3], asked.answer.golden, atol=1e-12)


def test_two_models_are_loaded_beside_each_other_in_processes_of_their_own(
    model: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with Children(os.environ, tmp_path / "children") as children:
        first = children.take("first")
        second = children.take("second", beside="first")
        assert second.starter is first.starter
        assert second.scratch != first.scratch
        kept = shutil.copytree(model, children.models / "kept")
        probes = [Probe(config=loans(), env={}, scratch=each.scratch, child=each) for each in (first, second)]
        answers = [each.ask(kept, dataset(), rows=rows) for each in probes]
    one, other = (answer.scores for answer in answers)
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one, other)


def test_a_model_that_kills_its_process_leaves_the_next_one_beside_it_unharmed(
    model: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    with Children(os.environ, tmp_path / "children") as children:
        children.models.mkdir(parents=True)
        evil = saved("import os, signal; os.kill(0, signal.SIGKILL)", rows, children.models / "evil")
        kept = shutil.copytree(model, children.models / "kept")
        first, second = children.take("first"), children.take("second", beside="first")
        with pytest.raises(BadInput, match="killed by SIGKILL before it answered"):
            Probe(config=pickling(loans()), env={}, scratch=first.scratch, child=first).ask(evil, dataset(), rows=rows)
        asked = Probe(config=loans(), env={}, scratch=second.scratch, child=second).ask(kept, dataset(), rows=rows)
    assert asked.scores is not None


def test_there_may_be_other_things_to_do_until_a_model_has_answered(
    model: Path, rows: pd.DataFrame, tmp_path: Path
) -> None:
    probe = Probe(config=loans(), env={}, scratch=tmp_path / "scratch")
    probe.scratch.mkdir()
    finish = probe.begin(model, dataset(), golden=inputs(rows))
    assert len(finish().answer.golden) == 3


def test_a_child_that_died_before_it_was_asked_is_bad_input(model: Path, tmp_path: Path) -> None:
    with Children(os.environ, tmp_path / "children") as children:
        started = children.take("dead")
        started.starter.process.kill()
        probe = Probe(config=loans(), env={}, scratch=started.scratch, child=started)
        with pytest.raises(BadInput, match="killed by SIGKILL before it answered"):
            probe.ask(model, dataset())


def modules(code: str) -> set[str]:
    """Return the top-level names of what a fresh Python has imported after running some code."""
    shown = f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-I", "-c", shown], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_starting_children_needs_the_standard_library_only() -> None:
    started = modules("from ci_lib.probe import children") - modules("pass")
    assert started - sys.stdlib_module_names == {"ci_lib"}


def test_a_model_stored_with_skops_is_loaded_without_mlflow(model: Path, ask: Asker, tmp_path: Path) -> None:
    ask(model).write(tmp_path / "request.json")
    code = (
        "import sys; from ci_lib.probe import child; child.main(*sys.argv[1:]); "
        "print(*{'mlflow', 'matplotlib', 'cryptography', 'requests', 'sklearn'} & sys.modules.keys())"
    )
    paths = [str(tmp_path / "request.json"), str(tmp_path / "answer.json")]
    done = subprocess.run([sys.executable, "-I", "-c", code, *paths], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["sklearn"]
