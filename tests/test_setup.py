"""`scripts/setup` on machines where something is missing: it says what, and what to type."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a checkout's scripts on a machine with bash and coreutils alone: no git, Python, apt-get or Chromium."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", tmp_path / "scripts/setup")
    (tmp_path / "bin").mkdir()
    for tool in ("bash", "dirname"):
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def program(bare: Path, name: str, body: str) -> None:
    """Put a program on the machine."""
    path = bare / "bin" / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)


def setup(bare: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script there."""
    command = [str(bare / "scripts/setup"), *arguments]
    return subprocess.run(
        [str(bare / "bin/bash"), *command],
        env={"PATH": str(bare / "bin"), **env},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_an_unknown_word_shows_the_usage(bare: Path, arguments: tuple[str, ...]) -> None:
    done = setup(bare, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("setup: usage: scripts/setup venv | browser | postgresql | tools | lock")


def test_without_git_it_says_what_to_type(bare: Path) -> None:
    done = setup(bare, "venv")
    assert done.returncode == 1
    assert done.stderr == "setup: git is missing. Type: sudo apt-get update && sudo apt-get install -y git\n"


def test_with_an_old_python_alone_it_asks_for_a_newer_one(bare: Path) -> None:
    program(bare, "git", "exit 0")
    program(bare, "python3", "exit 1")  # what `sys.exit(sys.version_info < (3, 11))` does there
    done = setup(bare, "venv")
    assert done.returncode == 1
    assert "no Python 3.11 or newer on PATH" in done.stderr
    assert not (bare / ".venv").exists()


def test_a_python_without_venv_names_debians_package_for_it(bare: Path) -> None:
    program(bare, "git", "exit 0")
    program(bare, "python3", "case $2 in *ensurepip*) exit 1 ;; *print*) echo 3.11 ;; *) exit 0 ;; esac")
    done = setup(bare, "venv")
    assert done.returncode == 1
    assert "python3.11-venv is missing. Type: sudo apt-get" in done.stderr


@pytest.mark.parametrize(("ci", "code", "said"), [("true", 1, "CI runs every test"), ("", 0, "will fail")])
def test_a_missing_browser_is_an_error_in_ci_and_a_warning_elsewhere(bare: Path, ci: str, code: int, said: str) -> None:
    done = setup(bare, "browser", CI=ci)
    assert done.returncode == code
    assert "sudo apt-get install -y chromium" in done.stderr
    assert said in done.stderr


def test_a_browser_that_is_there_is_enough(bare: Path) -> None:
    program(bare, "chromium", "exit 0")
    done = setup(bare, "browser", CI="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_postgresql_that_is_there_is_enough(bare: Path) -> None:
    program(bare, "initdb", "exit 0")
    done = setup(bare, "postgresql", CI="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("ci", "code", "said"), [("true", 1, "CI runs every test"), ("", 0, "will fail")])
def test_a_missing_tool_is_an_error_in_ci_and_a_warning_elsewhere(bare: Path, ci: str, code: int, said: str) -> None:
    program(bare, "cmp", "exit 0")
    (bare / ".venv/tools").mkdir(parents=True)
    (bare / ".venv/tools/ready").touch()
    program(bare, "rsync", "exit 0")
    program(bare, "java", "exit 0")
    done = setup(bare, "tools", CI=ci)
    assert done.returncode == code
    assert "sudo apt-get install -y groovy" in done.stderr
    assert said in done.stderr
    assert "rsync" not in done.stderr


def test_root_gets_the_browser_installed_after_one_update(bare: Path) -> None:
    program(bare, "apt-get", f'echo "$@" >> {bare}/apt.log')
    done = setup(bare, "browser", CI="true")
    called = (bare / "apt.log").read_text().splitlines() if (bare / "apt.log").exists() else []
    if os.geteuid() == 0:
        assert (done.returncode, called) == (0, ["update -qq", "install -y -qq chromium"])
    else:
        assert (done.returncode, called) == (1, [])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose set-up only counts how often it runs, and fails when a file `broken` is there."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    for name in ("requirements/dev.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    script = tmp_path / "scripts/setup"
    script.write_text("#!/bin/sh\nmkdir -p .venv\necho $1 >> runs\ntest ! -e broken\n")
    script.chmod(0o755)
    return tmp_path


def make(checkout: Path) -> tuple[int, int]:
    """Make the environment ready; return make's exit code and how often set-up has run so far."""
    done = subprocess.run(["make", ".venv/ready"], cwd=checkout, check=False, capture_output=True)
    return done.returncode, len((checkout / "runs").read_text().splitlines())


def test_make_sets_up_once(checkout: Path) -> None:
    assert make(checkout) == (0, 1)
    assert make(checkout) == (0, 1)


@pytest.mark.parametrize("name", ["requirements/dev.txt", "pyproject.toml", "scripts/setup"])
def test_make_sets_up_again_when_a_lock_the_metadata_or_the_way_changes(checkout: Path, name: str) -> None:
    make(checkout)
    later = (checkout / ".venv/ready").stat().st_mtime + 1
    os.utime(checkout / name, (later, later))
    assert make(checkout) == (0, 2)


def test_make_tries_again_after_a_failure(checkout: Path) -> None:
    (checkout / "broken").touch()
    assert make(checkout) == (2, 1)
    (checkout / "broken").unlink()
    assert make(checkout) == (0, 2)
