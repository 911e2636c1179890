"""`pip install ml-release-core`, as the jobs do that hold the keys: none of the packages that load a model is there."""

import json
from pathlib import Path

import pytest
from doubles.built import Built, call, clean_environment, constraints, pip_install
from doubles.project import APPROVER, AUTHOR, Project

from ci_lib.candidate import Candidate
from ci_lib.errors import Exit
from ci_lib.needs import INSTALL_FULL

FORBIDDEN = {"matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"}
YES = ("approve", "--as", APPROVER, "--reason", "read it")
MAKERS = ("run", "prepare", "train", "validate", "report", "monitor")
"""Commands that make a candidate or load a model."""


@pytest.fixture(scope="module")
def light(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return `ml-release` of an environment where pip itself resolved `ml-release-core`."""
    folder = tmp_path_factory.mktemp("light")
    python = clean_environment(folder / "venv")
    pip_install(python, "--constraint", constraints(folder), built.core.wheel)
    return python.parent / "ml-release"


@pytest.fixture(scope="module")
def released(light: Path, tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """Return a project whose two candidates were made here, where everything is installed, and released there."""
    project = Project(tmp_path_factory.mktemp("team"), migrated)
    for rules in (0.6, 0.65):
        project.change(policy__rules=[{"metric": "roc_auc", "at_least": rules}])
        project.to_the_gate()
        for arguments in (YES, ("deploy",)):
            done = call(light, *arguments, cwd=project.root)
            assert done.returncode == Exit.DONE, done.stdout + done.stderr
    return project


def names(python: Path) -> set[str]:
    """Return what pip lists there."""
    listed = call(python, "-m", "pip", "list", "--format", "json", cwd=python.parent)
    return {entry["name"].lower() for entry in json.loads(listed.stdout)}


def test_it_is_whole_and_has_nothing_that_loads_a_model(light: Path) -> None:
    python = light.parent / "python"
    checked = call(python, "-m", "pip", "check", cwd=light.parent)
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")
    assert names(python) >= {"ml-release-core", "mlflow-skinny"}
    assert names(python) & FORBIDDEN == set()


def test_it_sees_the_two_releases_that_it_made(light: Path, released: Project) -> None:
    status = call(light, "status", cwd=released.root)
    assert status.returncode == Exit.DONE, status.stderr
    assert "release 2" in status.stdout


def test_it_rolls_back_and_everything_agrees_after_it(light: Path, released: Project) -> None:
    rollback = call(light, "rollback", "--reason", "worse", cwd=released.root)
    assert rollback.returncode == Exit.DONE, rollback.stderr
    for look in ("status", "history", "audit", "resolve"):
        done = call(light, look, cwd=released.root)
        assert (done.returncode, done.stderr) == (Exit.DONE, ""), look
    assert released.must("history").out == call(light, "history", cwd=released.root).stdout
    released.must("monitor")  # what was put back loads, where a model may be loaded


@pytest.mark.parametrize("command", MAKERS)
def test_what_it_cannot_do_it_says_before_anything_is_removed(light: Path, released: Project, command: str) -> None:
    chain = released.root / "release"
    before = {path: path.read_bytes() for path in chain.rglob("*.json")}
    done = call(light, command, cwd=released.root, ML_RELEASE_USER=AUTHOR)
    assert done.returncode == Exit.BAD_INPUT
    assert done.stderr.startswith(f"ml-release {command}: not installed here: ")
    assert done.stderr.endswith(f"\n  next: {INSTALL_FULL}\n")
    assert {path: path.read_bytes() for path in chain.rglob("*.json")} == before != {}


def test_it_adopts_a_model_from_mlflow(light: Path, released: Project, tmp_path: Path) -> None:
    """Adopting downloads and hashes; it loads nothing."""
    twin = released.copied(tmp_path)
    trained = Candidate.read(twin.root / "release" / "candidate.json")
    done = call(light, "adopt", "--model-uri", trained.model_uri, cwd=twin.root)
    assert done.returncode == Exit.DONE, done.stderr
    assert Candidate.read(twin.root / "release" / "candidate.json").manifest == trained.manifest


def test_the_doctor_asks_for_what_is_missing_unless_told_what_the_job_is_for(light: Path, released: Project) -> None:
    whole = call(light, "doctor", cwd=released.root)
    assert whole.returncode == Exit.BAD_INPUT
    assert whole.stdout.count("MISSING") == len(FORBIDDEN) + 1  # and Jinja2
    assert INSTALL_FULL in whole.stdout
    small = call(light, "doctor", "--stages", "approve,deploy,rollback", cwd=released.root)
    assert (small.returncode, small.stdout.count("MISSING")) == (Exit.DONE, 0)


def test_its_own_lock_installs_by_hash(light: Path) -> None:
    """Every file is fetched and held against its hash, whatever is installed already."""
    python = light.parent / "python"
    found = call(python, "-m", "ci_lib.locks", cwd=light.parent).stdout.strip()
    pip_install(python, "--dry-run", "--ignore-installed", "--require-hashes", "-r", found)


def test_ml_release_installed_later_adds_the_rest_and_touches_nothing(built: Built, light: Path) -> None:
    python = light.parent / "python"
    report = light.parent / "report.json"
    more = ("--constraint", constraints(light.parent), built.plain.wheel)
    pip_install(python, "--dry-run", "--report", report, *more)
    added = {each["metadata"]["name"].lower() for each in json.loads(report.read_text())["install"]}
    assert added >= {"ml-release", *FORBIDDEN}
    assert added & names(python) == set()
