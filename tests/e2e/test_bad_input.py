"""Bad input ends in one line that says what, where and what to type next; then the same command works again."""

import base64
import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from doubles.project import MODEL, RELEASE, Project, Ran, binary

from ci_lib.record import canonical

Break = Callable[[Project], object]


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    """Each project has a `model` of its own; none is left behind."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in {"model", "rows"} & (set(sys.modules) - modules):
        del sys.modules[name]


@pytest.fixture
def waiting(approved: Project, tmp_path: Path) -> Project:
    """Return a copy of the project at the gate."""
    return approved.copied(tmp_path)


def repair(project: Project) -> None:
    """Put everything back that a test broke, as its owner would."""
    binary().to_csv(project.root / "rows.csv", index=False)
    (project.root / "model.py").write_text(MODEL)
    sys.modules.pop("model", None)  # a command is a process of its own, and imports it anew
    if (project.root / "release.yml").is_dir():
        (project.root / "release.yml").rmdir()
    project.release(RELEASE)


def told(ran: Ran, command: str, code: int = 2) -> str:
    """Return what is wrong, after a look at the form: one next step in the last line, no traceback."""
    assert ran.code == code, ran.err
    *lines, last = ran.err.splitlines()
    assert lines[0].startswith(f"ml-release {command}: ")
    assert re.match("  next: .", last)
    assert "Traceback" not in ran.err
    return "\n".join(lines)


# ---- release.yml


def yml(data: bytes) -> Break:
    return lambda project: (project.root / "release.yml").write_bytes(data)


def no_yml(project: Project) -> None:
    (project.root / "release.yml").unlink()


def directory_for_yml(project: Project) -> None:
    no_yml(project)
    (project.root / "release.yml").mkdir()


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (no_yml, "there is no"),
        (directory_for_yml, "Is a directory"),
        (yml(b"model: [a\n"), "release.yml:2:1: parsing a flow sequence"),
        (yml(b""), "release.yml is empty"),
        (yml(b"\xff\xfe\x00"), "not UTF-8 text"),
        (yml(b"model: a\nmodel: b\n"), "model"),
        (lambda project: project.change(modle="loan"), "modle"),
        (lambda project: project.change(policy__rules=[{"metric": "roc_auc", "at_least": float("nan")}]), "at_least"),
    ],
)
def test_a_release_yml_that_cannot_be_read(project: Project, break_it: Break, sentence: str) -> None:
    break_it(project)
    assert sentence in told(project.run("prepare"), "prepare")
    repair(project)
    project.must("prepare")


# ---- rows


def rows(change: Callable[[pd.DataFrame], pd.DataFrame], **keys: object) -> Break:
    def write(project: Project) -> None:
        change(binary()).to_csv(project.root / "rows.csv", index=False)
        project.change(**keys)

    return write


def raw(data: bytes) -> Break:
    return lambda project: (project.root / "rows.csv").write_bytes(data)


def labels_by_time(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of which only the latest have the label 2."""
    late = frame.index >= len(frame) * 0.8
    return frame.assign(day=frame.index, approve=frame["approve"].where(~late, 2))


MULTICLASS = {"task": "multiclass", "policy__rules": [{"metric": "accuracy", "at_least": 0.5}], "data__sensitive": []}


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (rows(lambda f: f.drop(columns="approve")), "data.target names 'approve', and the data has no such column"),
        (rows(lambda f: f.assign(approve=1)), "target 'approve' is constant: every row is 1"),
        (rows(lambda f: f.assign(approve=f["approve"].where(f.index != 3))), "is missing in 1 rows (row 4)"),
        (rows(lambda f: f.assign(approve=f.index % 3)), "task: binary, but target 'approve' has 3 labels"),
        (
            rows(labels_by_time, data__split={"holdout": 0.3, "time": "day"}, **MULTICLASS),
            "labels in the holdout that train does not have: '2'",
        ),
        (
            rows(
                lambda f: f.assign(approve=np.where(f.index == 7, 2, f["approve"])),
                **MULTICLASS,
            ),
            "label '2' has one row only (row 8)",
        ),
        (rows(lambda f: f.drop(columns="group")), "data.sensitive names 'group', and the data has no such column"),
        (rows(lambda f: f.assign(group="a")), "sensitive column 'group' has one group only ('a')"),
        (rows(lambda f: f.assign(group=np.nan)), "sensitive column 'group' has no known value"),
        (raw(b"income,group,approve\n1,\xe9,0\n"), "is not UTF-8: byte 0xe9 at offset 23, in line 2"),
        (raw("income,group,approve\n1,a,0\n".encode("utf-16")), "is not UTF-8: byte 0xff at offset 0"),
        (raw(b"income,approve\n1,0,3\n2,1,3\n"), "more fields than the header"),
        (raw(b"income,group,approve\n0,5,a,1\n1,6,b,0\n2,7,a,1\n"), "more fields than the header"),
        (raw(b"income,income,approve\n1,1,0\n"), "more than one column called 'income'"),
        (raw(b""), "holds no rows"),
        (raw(b"income,group,approve\n"), "holds no rows"),
        (lambda project: (project.root / "rows.csv").unlink(), "there is no data file"),
        (lambda project: project.change(data__source="rows:load"), "there is no module 'rows'"),
    ],
)
def test_rows_that_nothing_can_be_learned_from(project: Project, break_it: Break, sentence: str) -> None:
    break_it(project)
    assert sentence in told(project.run("prepare"), "prepare")
    repair(project)
    project.must("prepare")


def test_a_holdout_file_without_rows(project: Project) -> None:
    project.change(data={"target": "approve", "split": {"train": "rows.csv", "holdout": "held.csv"}})
    binary().head(0).to_csv(project.root / "held.csv", index=False)
    assert "held.csv holds no rows" in told(project.run("prepare"), "prepare")
    binary(seed=1).to_csv(project.root / "held.csv", index=False)
    project.must("prepare")


def test_the_hint_names_the_encoding_that_a_spreadsheet_wrote(project: Project) -> None:
    raw("a,b\n".encode("utf-16"))(project)
    assert "iconv -f utf-16" in project.run("prepare").err
    raw(b"a,\xe9\n")(project)
    assert "iconv -f latin1" in project.run("prepare").err


# ---- the entry point

FIT = "def fit(self, X, y): self.classes_ = [0, 1]; return self"


def model(name: str, **methods: str) -> str:
    body = "\n    ".join(methods.values()) or "pass"
    return f"class {name}:\n    {body}\ndef build(C=1.0): return {name}()\n"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("x = 1", "has no function 'build'"),
        ("def build(C=1.0): raise RuntimeError('no\\nmodel')", "model.py:1: RuntimeError: no model"),
        ("import sys\ndef build(C=1.0): sys.exit(0)", "it called sys.exit(0)"),
        ("def build(C=1.0): return None", "returned NoneType, which has no fit method"),
        (
            "from sklearn.linear_model import LogisticRegression\ndef build(C=1.0): return LogisticRegression",
            "returned the class LogisticRegression itself",
        ),
        (model("Scaler", fit=FIT), "returned Scaler, which has no predict method"),
        ("def build(depth=3): return None", "cannot be called with train.params: got an unexpected keyword argument"),
        ("def build(C): raise ValueError('x ' * 4000)", "ValueError: x x x"),
        (
            "from sklearn.linear_model import LogisticRegression\ndef build(X, y, params): return LogisticRegression()",
            "tried on 5 training rows, failed at",
        ),
        (
            model("Broken", fit=FIT, predict="def predict(self, X): raise RuntimeError('not today')"),
            "model.py:3: RuntimeError: not today",
        ),
        (model("Short", fit=FIT, predict="def predict(self, X): return [0]"), "gave 1 values for 5 rows"),
        (model("Scalar", fit=FIT, predict="def predict(self, X): return 3"), "gave int for 5 rows"),
        (model("Mine", fit=FIT, predict="def predict(self, X): return [0] * len(X)"), "does not allow: model.Mine"),
    ],
)
def test_an_entry_point_that_makes_no_model(project: Project, code: str, sentence: str) -> None:
    project.change(train__params={"C": 1.0})
    project.must("prepare")
    (project.root / "model.py").write_text(code)
    said = told(project.run("train"), "train")
    assert sentence in said
    assert len(said) < 700
    assert not (project.root / "release" / "candidate.json").exists()
    repair(project)
    project.must("train")


PICKLED = {
    "train": {"entrypoint": "model:train", "serialization": "cloudpickle"},
    "policy__formats": {"serialization": ["cloudpickle"]},
}
LOCKED = """
import threading
class M:
    def predict(self, X): return [0] * len(X)
def train(X, y, params):
    m = M()
    m.lock = threading.Lock()
    return m
"""


def test_a_model_that_cannot_be_stored(project: Project) -> None:
    project.change(**PICKLED)
    project.must("prepare")
    (project.root / "model.py").write_text(LOCKED)
    assert "cloudpickle cannot store this M" in told(project.run("train"), "train")


def test_half_a_file_of_bytecode_is_never_left_in_the_project(project: Project) -> None:
    project.must("prepare")
    project.must("train")
    assert not list(project.root.rglob("__pycache__"))


# ---- a model that misbehaves on the holdout

HOLDOUT = """
import os, signal, time
import numpy as np
class M:
    classes_ = [0, 1]
    def predict(self, X): return (self.predict_proba(X)[:, 1] > 0.5).astype(int)
    def predict_proba(self, X):
        n = len(X)
        if n > 5: {body}
        return np.tile([0.4, 0.6], (n, 1))
def train(X, y, params): return M()
"""


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise RuntimeError('not today')", "the model does not predict: predict failed: RuntimeError: not today"),
        ("n -= 1", "predict returned 199 values for 200 rows"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL before it answered"),
        ("os._exit(0)", "ended with exit code 0 before it answered"),
        ("time.sleep(600)", "the model did not answer within 5 s"),
    ],
)
def test_a_model_that_does_not_predict(project: Project, body: str, sentence: str) -> None:
    project.change(**PICKLED)
    project.must("prepare")
    (project.root / "model.py").write_text(HOLDOUT.format(body=body))
    project.must("train")
    project.env["ML_RELEASE_MODEL_SECONDS"] = "5" if "sleep" in body else "60"
    assert sentence in told(project.run("validate"), "validate")
    assert not (project.root / "release" / "evidence.json").exists()


def test_a_time_limit_that_is_no_number(waiting: Project) -> None:
    waiting.env["ML_RELEASE_MODEL_SECONDS"] = "soon"
    assert "ML_RELEASE_MODEL_SECONDS is 'soon'" in told(waiting.run("validate"), "validate")


def test_a_format_that_the_policy_does_not_allow_is_refused(waiting: Project) -> None:
    waiting.change(policy__formats={"serialization": ["cloudpickle"]}, train__serialization="cloudpickle")
    said = told(waiting.run("validate"), "validate", code=3)
    assert "stored with skops, and policy.formats.serialization allows cloudpickle" in said


# ---- MLflow


def test_a_server_that_is_not_there(waiting: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    waiting.change(registry="http://127.0.0.1:9")
    for command in ("train", "status", "history", "deploy"):
        said = told(waiting.run(command), command, code=4)
        assert said.endswith("the registry at http://127.0.0.1:9 did not answer: connection refused")
    waiting.change(registry=RELEASE["registry"])
    waiting.must("train")


def test_the_registry_is_asked_before_hours_of_training(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    project.must("prepare")
    (project.root / "model.py").write_text("def build(): open('fitted', 'w').close()")
    project.change(registry="http://127.0.0.1:9")
    told(project.run("train"), "train", code=4)
    assert not Path("fitted").exists()


@pytest.mark.parametrize("command", ["train", "status", "deploy"])
def test_a_database_that_another_process_locks(waiting: Project, command: str) -> None:
    waiting.change(registry="sqlite:///mlflow.db?timeout=0.1")
    other = sqlite3.connect(waiting.root / "mlflow.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked: another process has been writing" in told(waiting.run(command), command, code=4)
    other.execute("ROLLBACK")
    other.close()
    waiting.change(registry=RELEASE["registry"])  # the approval names the address
    waiting.must(command)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("http://ana:hunter2@127.0.0.1:9", "holds a user name, password or token"),
        ("file:///tmp/mlruns", "no MLflow address that ml-release knows"),
        ("sqlite://mlflow.db", "names no database file"),
    ],
)
def test_an_address_that_is_not_taken(waiting: Project, uri: str, sentence: str) -> None:
    waiting.change(registry=uri)
    ran = waiting.run("status")
    assert sentence in told(ran, "status")
    assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"not a database", "is not an SQLite database"), (b"SQLite format 3\0" + b"x" * 5000, "is damaged: file is not")],
)
def test_a_database_that_is_damaged(project: Project, data: bytes, sentence: str) -> None:
    (project.root / "mlflow.db").write_bytes(data)
    assert sentence in told(project.run("status"), "status")


def test_a_file_where_the_artifacts_go(project: Project) -> None:
    (project.root / "mlartifacts").write_text("")
    project.must("prepare")
    assert "cannot be read or written: Not a directory" in told(project.run("train"), "train")
    (project.root / "mlartifacts").unlink()
    project.must("train")


# ---- the chain directory


@pytest.mark.parametrize("command", ["validate", "deploy"])
def test_a_candidate_that_somebody_deleted_in_mlflow(waiting: Project, command: str) -> None:
    candidate = json.loads((waiting.root / "release" / "candidate.json").read_text())
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{waiting.root}/mlflow.db")
    client.delete_logged_model(candidate["model_uri"].removeprefix("models:/"))
    assert f"the candidate's model {candidate['model_uri']} is gone" in told(waiting.run(command), command, code=3)
    assert waiting.must("history").out.startswith("nothing has been released")


def edited(path: Path) -> None:
    before = path.read_bytes()
    path.write_bytes(before.replace(b"loan", b"lean", 1).replace(b'"pass"', b'"inconclusive"', 1))
    assert path.read_bytes() != before


def reformatted(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text())))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def deleted(path: Path) -> None:
    path.unlink()


RECORDS = {"dataset": "prepare", "candidate": "train", "evidence": "validate", "decision": "validate"}
DAMAGE: dict[Callable[[Path], None], tuple[int, str]] = {
    edited: (3, ""),
    reformatted: (3, "is not in canonical form"),
    truncated: (3, "is not a valid"),
    emptied: (3, "is not a valid"),
    directory: (2, "cannot be read: Is a directory"),
    deleted: (2, "is not there: the stage that writes it has not run"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_something_else_changed(waiting: Project, name: str, damage: Callable[[Path], None]) -> None:
    code, sentence = DAMAGE[damage]
    damage(waiting.root / "release" / f"{name}.json")
    ran = waiting.run("deploy")
    assert sentence in told(ran, "deploy", code=code)
    assert f"ml-release {RECORDS[name]}" in ran.err or damage in {edited, directory}
    if damage is not edited:
        assert sentence in told(waiting.run("report"), "report", code=code)
    assert waiting.must("history").out.startswith("nothing has been released")


def reworded(path: Path) -> None:
    """Change a word of the statement inside an unsigned envelope."""
    envelope = json.loads(path.read_text())
    statement = base64.b64decode(envelope["payload"])
    assert b'"model": "loan"' in statement
    changed = statement.replace(b'"model": "loan"', b'"model": "lean"')
    path.write_bytes(canonical({**envelope, "payload": base64.b64encode(changed).decode()}))


@pytest.mark.parametrize("damage", [reworded, truncated, directory])
def test_an_approval_that_something_else_changed(waiting: Project, damage: Callable[[Path], None]) -> None:
    answer = next((waiting.root / "release" / "production" / "approvals").glob("*.json"))
    damage(answer)
    told(waiting.run("deploy"), "deploy", code=2 if damage is directory else 3)
    assert waiting.must("history").out.startswith("nothing has been released")


@pytest.mark.parametrize("name", ["dataset", "candidate"])
def test_the_stage_that_writes_a_damaged_record_writes_it_again(waiting: Project, name: str) -> None:
    directory(waiting.root / "release" / f"{name}.json")
    waiting.must(RECORDS[name])
    assert (waiting.root / "release" / f"{name}.json").is_file()


COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "train": ((), "prepare"),
    "validate": ((), "prepare"),
    "report": ((), "prepare"),
    "approve": (("--as", "ben", "--reason", "read it"), "prepare"),
    "deploy": ((), "prepare"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_chain_directory_that_was_deleted(project: Project, command: str) -> None:
    arguments, stage = COMMANDS[command]
    ran = project.run(command, *arguments)
    assert "dataset.json is not there" in told(ran, command)
    assert f"next: ml-release {stage}" in ran.err
    assert project.must("status").out
    project.must("prepare")


@pytest.mark.parametrize("command", ["prepare", "run"])
def test_a_directory_that_cannot_be_written(project: Project, command: str) -> None:
    (project.root / "file").write_text("")
    said = told(project.run(command, "--chain", str(project.root / "file" / "release")), command)
    assert "file/release cannot be written: Not a directory" in said
    assert "file cannot be written" in told(project.run(command, "--chain", str(project.root / "file")), command)


def test_a_file_where_the_approvals_go(waiting: Project) -> None:
    approvals = waiting.root / "release" / "production" / "approvals"
    approvals.rename(approvals.with_name("old"))
    approvals.write_text("")
    ran = waiting.run("approve", "--as", "ben", "--reason", "read it")
    assert "cannot be written: File exists" in told(ran, "approve")
    approvals.unlink()
    waiting.approve()


# ---- usage


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        (["prepare", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["rollback", "--to", "one"], "invalid int value: 'one'"),
        (["adopt"], "--model-uri"),
    ],
)
def test_a_command_line_that_makes_no_sense(
    project: Project, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert project.run(*arguments).code == 2
    assert sentence in capsys.readouterr().err


def test_an_environment_that_is_not_there(waiting: Project) -> None:
    ran = waiting.run("status", "--environment", "staging")
    assert "no environment 'staging'" in told(ran, "status")
    assert "choose one of: production" in ran.err
