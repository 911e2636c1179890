"""`pip install ml-release && ml-release init x && cd x && ml-release run`, with the sources gone."""

import re
import subprocess
from pathlib import Path

import pytest
from doubles.built import ROOT, Built, clean_environment, pip_install

from ci_lib.arguments import OTHERS, STAGES
from ci_lib.errors import Exit


@pytest.fixture(scope="module")
def command(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return `ml-release` of an environment where pip itself resolved the wheel, at the versions of the lock.

    The lock only constrains: what the wheel forgets to require is not installed.
    """
    folder = tmp_path_factory.mktemp("plain")
    lock = (ROOT / "requirements/dev.txt").read_text()
    pins = re.findall(r"^([a-z0-9][\w.-]*==[^\\\n]+)", lock, re.MULTILINE)
    (folder / "constraints.txt").write_text("\n".join(pins) + "\n")
    python = clean_environment(folder / "venv")
    pip_install(python, "--constraint", folder / "constraints.txt", built.wheel)
    return python.parent / "ml-release"


def call(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run without a terminal, a checkout or any setting of this process."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    return subprocess.run([*map(str, arguments)], cwd=cwd, env=env, check=False, capture_output=True, text=True)


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
