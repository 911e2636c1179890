"""Debian's Groovy 2.4, the line that Jenkins runs, and the classes in doubles/groovy: the Jenkins of the tests.

JAVA_HOME is found from the `java` on PATH: Debian's `groovy` looks where not every image has one.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "groovy"


def program(name: str) -> str:
    """Return the path of a program; without it the test fails, for nothing else tests what it tests."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not on PATH; the Jenkins library runs on it (scripts/setup tools)")
    return found


def environment() -> Mapping[str, str]:
    """Return what a JVM is started with."""
    java = Path(program("java")).resolve()
    return os.environ | {"JAVA_HOME": str(java.parents[1]), "JAVA_OPTS": "-Xshare:auto -XX:TieredStopAtLevel=1"}


@dataclass(frozen=True)
class Groovy:
    """Compiled classes of the harness."""

    classes: Path

    def run(self, expression: str, *arguments: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Evaluate an expression in a JVM of its own, with `args`."""
        return subprocess.run(
            self.command(expression, *arguments),
            env=environment(), cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip

    def command(self, expression: str, *arguments: str) -> list[str]:
        """Return the command of the same."""
        return [program("groovy"), "-cp", str(self.classes), "-e", expression, *arguments]


def compiled(into: Path, files: Sequence[Path] = ()) -> Groovy:
    """Compile the harness, or only these of its files and of others."""
    files = files or sorted(SOURCES.rglob("*.groovy"))
    done = subprocess.run(
        [program("groovyc"), "-d", str(into), *map(str, files)],
        env=environment(), capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Groovy(into)
