"""Secrets of a job are in nothing that it says or leaves: output, records, report, MLflow; on failure paths too."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles import canaries
from doubles.project import RELEASE, Project
from e2e import test_bad_input as bad
from e2e import test_exit_codes as codes
from torture.sizes import size

from ci_lib import keys

Say = Callable[..., None]
WATCH = canaries.watch()


def table(test: Callable[..., None], place: int = 0) -> list[Any]:
    """Return one column of a test's parametrize table."""
    (mark,) = [mark for mark in test.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined] # pytest's
    return [row[place] if isinstance(row, tuple) else row for row in mark.args[1]]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set them where our code looks and where libraries look."""
    for name, value in canaries.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture
def project(tmp_path: Path, migrated: Path) -> Project:
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project", migrated)
    made.env |= canaries.environment()
    return made


@pytest.fixture
def waiting(approved: Project, tmp_path: Path) -> Project:
    """A copy of a project at the gate, approved."""
    (tmp_path / "project").mkdir()
    made = approved.copied(tmp_path / "project")
    made.env |= canaries.environment()
    return made


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    project = Project(tmp_path_factory.mktemp("approved"), migrated)
    project.to_the_gate()
    project.approve()
    return project


def clean(project: Project, *command: str, code: int | None = None) -> None:
    """Run a command plainly and with --debug, and look at all that it said."""
    for more in ([], ["--debug"]):
        ran = project.run(*command, *more)
        assert WATCH.hits((ran.out + ran.err).encode()) == set(), (command, more)
        assert code is None or ran.code == code, ran.err


def leaves_nothing(project: Project) -> None:
    assert WATCH.files([project.root]) == {}


# ---- all goes well


def test_a_whole_release_leaves_no_secret(project: Project, tmp_path: Path, figure: Say) -> None:
    keys.new(tmp_path / "gate.pem")
    project.env["ML_RELEASE_SIGNING_KEY"] = str(tmp_path / "gate.pem")
    secret_lines = [line for line in (tmp_path / "gate.pem").read_bytes().splitlines() if b"-----" not in line]
    commands: list[tuple[str, ...]] = [
        ("doctor",),
        ("run", "--no-page"),
        ("deploy",),
        ("approve", "--as", "ben", "--reason", "read it"),
        ("deploy",),
        ("status",),
        ("status", "--json"),
        ("history",),
        ("history", "--json"),
        ("audit",),
        ("resolve",),
        ("monitor",),
        *[("run", "--no-page"), ("approve", "--as", "ben", "--reason", "again"), ("deploy",), ("report",)][
            : size(0, 4)
        ],
        *[("rollback", "--reason", "bad")][: size(0, 1)],
        ("resolve", "--download", str(tmp_path / "project" / "fetched")),
        ("doctor", "--json"),
    ]
    for command in commands:
        ran = project.run(*command, "--debug")
        assert ran.code in {0, 12}, ran.err
        assert WATCH.hits((ran.out + ran.err).encode()) == set(), command
    leaves_nothing(project)
    for path in project.root.rglob("*"):
        assert not path.is_file() or not any(line in path.read_bytes() for line in secret_lines), path
    figure("canary secrets", "{} commands, 0 hits", len(commands))


# ---- all that test_bad_input and test_exit_codes break


FILES = table(bad.test_a_release_yml_that_cannot_be_read)
ROWS = table(bad.test_rows_that_nothing_can_be_learned_from)
CODE = table(bad.test_an_entry_point_that_makes_no_model, 0)
MISBEHAVING = table(bad.test_a_model_that_does_not_predict, 0)
ADDRESSES = table(bad.test_an_address_that_is_not_taken, 0)
ENDINGS = [
    (row, table(codes.test_every_code_has_a_command_that_ends_with_it, 2)[place])
    for place, row in enumerate(table(codes.test_every_code_has_a_command_that_ends_with_it, 1))
]


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    """Each project has a `model` of its own; none is left behind."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in {"model", "rows", "rows_of_ours"} & (set(sys.modules) - modules):
        del sys.modules[name]


def test_prepare_says_no_secret_whatever_is_wrong(project: Project, figure: Say) -> None:
    cases = [*FILES, *ROWS]
    for break_it in cases[:: size(9, 1)]:
        break_it(project)
        clean(project, "prepare")
        bad.repair(project)
    leaves_nothing(project)
    figure("canary secrets", "{} commands, 0 hits", 2 * len(cases[:: size(9, 1)]))


def test_train_says_no_secret_whatever_the_entry_point_does(project: Project, figure: Say) -> None:
    project.change(train__params={"C": 1.0})
    project.must("prepare")
    for code in CODE[:: size(9, 1)]:
        (project.root / "model.py").write_text(code)
        clean(project, "train", code=2)
        bad.repair(project)
        project.change(train__params={"C": 1.0})
    leaves_nothing(project)
    figure("canary secrets", "{} commands, 0 hits", 2 * len(CODE[:: size(9, 1)]))


PRINTS_ALL = "print(__import__('os').environ, flush=True); raise RuntimeError(dict(__import__('os').environ))"


def test_a_model_that_says_all_it_sees_says_no_secret(project: Project, figure: Say) -> None:
    project.change(**bad.PICKLED)
    project.must("prepare")
    bodies = [PRINTS_ALL, *[body for body in MISBEHAVING if "sleep" not in body][:: size(9, 1)]]
    for body in bodies:
        (project.root / "model.py").write_text(bad.HOLDOUT.format(body=body))
        project.must("train")
        clean(project, "validate", code=2)
    leaves_nothing(project)
    figure("canary secrets", "{} commands, 0 hits", 2 * len(bodies))


def test_damaged_records_and_missing_services_say_no_secret(waiting: Project, figure: Say) -> None:
    commands = 0
    release = waiting.root / "release"
    kept = waiting.root.parent / "kept"
    shutil.copytree(release, kept)
    damages = [(name, damage) for name in bad.RECORDS for damage in bad.DAMAGE][:: size(12, 1)]
    for name, damage in damages:
        damage(release / f"{name}.json")
        clean(waiting, "deploy")
        clean(waiting, "report")
        commands += 4
        shutil.rmtree(release)
        shutil.copytree(kept, release)
    for address in ["http://127.0.0.1:9", "https://127.0.0.1:9", "http://no-such-host.invalid", *ADDRESSES]:
        waiting.change(registry=address)
        for command in [("status",), ("deploy",), ("doctor",), ("rollback", "--reason", "x")][: size(2, 4)]:
            clean(waiting, *command)
            commands += 2
    leaves_nothing(waiting)
    figure("canary secrets", "{} commands, 0 hits", commands)


@pytest.mark.parametrize(("prepare", "command"), ENDINGS)
def test_every_exit_code_says_no_secret(
    waiting: Project, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Project], None], command: tuple[str, ...]
) -> None:
    monkeypatch.syspath_prepend(waiting.root)
    prepare(waiting)
    clean(waiting, *command)
    leaves_nothing(waiting)


@pytest.mark.parametrize(
    "uri", ["http://ana:{}@127.0.0.1:9", "postgresql://ana:{}@127.0.0.1/mlflow", "https://127.0.0.1/?token={}"]
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(waiting: Project, uri: str) -> None:
    address = uri.format(canaries.quote(canaries.secret("MY_OWN_THING"), safe=""))
    for command in (("status",), ("deploy",), ("doctor",), ("doctor", "--json"), ("audit",)):
        clean(waiting, *command, "--set", f"registry={address}")
    waiting.change(registry=RELEASE["registry"])
    waiting.env["MLFLOW_TRACKING_URI"] = address
    clean(waiting, "doctor")
    leaves_nothing(waiting)


def test_a_signing_key_in_the_variable_itself_is_not_repeated(waiting: Project, tmp_path: Path) -> None:
    keys.new(tmp_path / "gate.pem")
    content = (tmp_path / "gate.pem").read_text()
    shutil.rmtree(waiting.root / "release" / "production" / "approvals")
    for given in (content, content.replace("\n", "\\n"), content.splitlines()[1]):
        waiting.env["ML_RELEASE_SIGNING_KEY"] = given
        ran = waiting.run("approve", "--as", "cora", "--reason", "x", "--debug")
        assert ran.code == 2, ran.err
        assert content.splitlines()[1] not in ran.out + ran.err


def test_the_watch_sees_a_secret_however_it_is_written() -> None:
    value = canaries.secret("MY_OWN_THING")
    header = canaries.base64.b64encode(f"ana:{value}".encode())
    for text in (
        value.encode(),
        canaries.quote(value).encode(),
        canaries.quote_plus(value).encode(),
        header,
        b"x" + header,
    ):
        assert WATCH.hits(b"before " + text + b" after") == {"MY_OWN_THING"}
    assert WATCH.hits(b"nothing here") == set()
