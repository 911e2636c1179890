"""The small jobs, installed as the README says, from the wheel and its own lock alone."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from doubles.built import Built, clean_environment, pip_install

HEAVY = ("matplotlib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
CHAIN = ("ci_lib.approval", "ci_lib.ledger", "ci_lib.registry", "ci_lib.release", "ci_lib.doctor")
PRIVILEGED = ("approve", "deploy", "rollback")


@pytest.fixture(scope="module")
def small(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with nothing but the wheel and its lock."""
    python = clean_environment(tmp_path_factory.mktemp("small"))
    pip_install(python, "--no-deps", built.wheel)
    found = subprocess.run(
        [python, "-m", "ci_lib.locks"], cwd=python.parent, check=True, capture_output=True, text=True
    )
    pip_install(python, "--require-hashes", "-r", found.stdout.strip())
    return python


def test_it_has_nothing_that_loads_a_model(small: Path) -> None:
    listed = subprocess.run(
        [small, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True, text=True
    ).stdout
    names = {entry["name"].lower() for entry in json.loads(listed)}
    assert "ml-release" in names
    assert names & set(HEAVY) == set()


def test_everything_that_checks_and_moves_a_release_can_be_imported(small: Path, built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        shipped = wheel.namelist()
    jobs = [f"ci_lib.jobs.{stage}" for stage in PRIVILEGED if f"ci_lib/jobs/{stage}.py" in shipped]
    for module in (*CHAIN, *jobs):
        done = subprocess.run(
            [small, "-c", f"import {module}"], cwd=tmp_path, check=False, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), module
