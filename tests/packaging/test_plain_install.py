"""`pip install ml-release && ml-release init x && cd x && ml-release run`, with the sources gone."""

from pathlib import Path

import pytest
from doubles.built import Built, call, clean_environment, constraints, pip_install

from ci_lib.arguments import OTHERS, STAGES
from ci_lib.errors import Exit


@pytest.fixture(scope="module")
def command(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return `ml-release` of an environment where pip itself resolved `ml-release`."""
    folder = tmp_path_factory.mktemp("plain")
    python = clean_environment(folder / "venv")
    # The core's wheel by its path too: no index is asked for a name of ours.
    pip_install(python, "--constraint", constraints(folder), built.plain.wheel, built.core.wheel)
    return python.parent / "ml-release"


def test_the_environment_is_whole(command: Path, tmp_path: Path) -> None:
    checked = call(command.parent / "python", "-m", "pip", "check", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "No broken requirements found.\n")


def test_the_readmes_five_minutes(command: Path, tmp_path: Path) -> None:
    project = tmp_path / "fraud"
    assert call(command, "init", "fraud", cwd=tmp_path).returncode == Exit.DONE
    run = call(command, "run", cwd=project)
    assert run.returncode == Exit.NO_APPROVAL, run.stdout + run.stderr
    assert (project / "release" / "report" / "index.html").stat().st_size > 10_000
    approved = call(command, "approve", "--as", "reviewer", "--reason", "looks right", cwd=project)
    assert approved.returncode == Exit.DONE, approved.stdout + approved.stderr
    deployed = call(command, "deploy", cwd=project)
    assert deployed.returncode == Exit.DONE, deployed.stdout + deployed.stderr
    assert "release 1" in call(command, "status", cwd=project).stdout


def test_every_command_is_in_the_help(command: Path, tmp_path: Path) -> None:
    shown = call(command, "--help", cwd=tmp_path)
    assert shown.returncode == Exit.DONE
    assert [name for name in (*OTHERS, *STAGES) if f"    {name} " not in shown.stdout] == []
