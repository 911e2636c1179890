"""What each command imports, seen from a process of its own: an import that nobody needs costs every CI job seconds.

A release goes from rows to production, one command a process, as CI runs it. MLflow imports pandas, NumPy and parts of
SciPy itself, when they are there; that we do without them is shown where they cannot be imported
(`doubles.light_job`, `tests/packaging/test_core_install.py`).
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.project import APPROVER, Project

HEAVY = ("matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "scipy.stats", "skops", "sklearn")

RUN = f"""
import sys
from ci_lib import cli
code = cli.main(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    print(code, *(name for name in {HEAVY} if name in sys.modules), file=file)
"""

NOTHING: set[str] = set()
RECORDS = {"pydantic"}
ROWS = {"numpy", "pandas", "pyarrow"}
MLFLOW = RECORDS | ROWS | {"mlflow", "scipy"}
MODEL = MLFLOW | {"scipy.stats", "skops", "sklearn"}

ALLOWED: dict[str, set[str]] = {
    "--help": NOTHING,
    "--version": NOTHING,
    "metrics": NOTHING,
    "init": NOTHING,
    "schema": RECORDS,
    "doctor": RECORDS,
    "prepare": RECORDS | ROWS | {"scipy", "scipy.stats", "sklearn"},  # trees look for leaks
    "train": MODEL,
    "validate": MLFLOW,
    "report": MLFLOW | {"matplotlib"},
    "approve": RECORDS,
    "deploy": MLFLOW,
    "monitor": MLFLOW,
    "status": MLFLOW,
    "history": MLFLOW,
    "audit": MLFLOW,
    "resolve": MLFLOW,
    "rollback": MLFLOW,
}

RELEASE = (
    ["prepare"],
    ["train"],
    ["validate"],
    ["report"],
    ["approve", "--as", APPROVER, "--reason", "read it"],
    ["deploy"],
    ["monitor"],
    ["status"],
    ["history"],
    ["audit"],
    ["resolve"],
    ["rollback", "--reason", "nothing to go back to"],
)
"""In the order in which they need each other."""

ENDS_WITH = {"rollback": {"2"}, "doctor": {"0", "2"}}
"""Exit codes other than 0: there is one release only, and what the doctor finds depends on the machine."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> dict[str, set[str]]:
    """Return what each command imported of the heavy packages."""
    root = tmp_path_factory.mktemp("imported")
    Project(root, migrated).change(policy__rules=[{"metric": "roc_auc", "at_least": 0.6}])
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    found = {name: run([name], elsewhere) for name in ("--help", "--version", "metrics", "schema", "doctor")}
    found["init"] = run(["init", "starter"], elsewhere)
    return found | {command[0]: run(list(command), root) for command in RELEASE}


def run(command: list[str], directory: Path) -> set[str]:
    """Run one command there and return what it imported."""
    seen = directory / "imported.txt"
    env = {"PATH": os.environ["PATH"], "HOME": str(directory), "ML_RELEASE_USER": "ada"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(seen), *command],
        cwd=directory, env=env, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    code, *names = seen.read_text().split()
    assert code in ENDS_WITH.get(command[0], {"0"}), done.stdout + done.stderr
    return set(names)


@pytest.mark.parametrize("command", ALLOWED)
def test_a_command_imports_only_what_it_needs(imported: dict[str, set[str]], command: str) -> None:
    assert imported[command] - ALLOWED[command] == set()


def test_the_table_has_every_command(imported: dict[str, set[str]]) -> None:
    assert imported.keys() == ALLOWED.keys()
