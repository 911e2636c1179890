"""Both distributions, wheel and sdist, built by `make dist` from what git would commit."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One of the two."""

    wheel: Path
    sdist: Path


@dataclass(frozen=True, kw_only=True)
class Built:
    """What `make dist` made, of which files, and what it said."""

    core: Distribution
    plain: Distribution
    """`ml-release`."""
    sources: frozenset[str]
    log: str


def build(folder: Path) -> Built:
    """Build in a copy of the tracked files: no leftover of an earlier build can get in, and none is left."""
    copy = folder / "sources"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    sources = frozenset(name for name in names if name and (ROOT / name).is_file())
    for name in sources:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name, follow_symlinks=False)
    (copy / ".venv").mkdir()
    (copy / ".venv/ready").touch()  # this process's Python has what the build needs
    command = ["make", "dist", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=copy, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((copy / "dist").iterdir())) == 4
    core, plain = (_distribution(copy / "dist", name) for name in ("ml_release_core", "ml_release"))
    return Built(core=core, plain=plain, sources=sources, log=done.stdout + done.stderr)


def _distribution(dist: Path, name: str) -> Distribution:
    (wheel,), (sdist,) = dist.glob(f"{name}-*.whl"), dist.glob(f"{name}-*.tar.gz")
    return Distribution(wheel=wheel, sdist=sdist)


def clean_environment(folder: Path) -> Path:
    """Make a virtual environment that sees nothing of this one, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


def pip_install(python: Path, *arguments: str | Path) -> None:
    """Install as the README says; what pip complains about is in the failure."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", *map(str, arguments)]
    done = subprocess.run(command, cwd=python.parent, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def constraints(folder: Path, lock: str = "requirements/dev.txt") -> Path:
    """Write a lock's pins as constraints: pip resolves by itself, at these versions.

    What a wheel forgets to require is not installed.
    """
    pins = re.findall(r"^([a-z0-9][\w.-]*==[^\\\n]+)", (ROOT / lock).read_text(), re.MULTILINE)
    path = folder / "constraints.txt"
    path.write_text("\n".join(pins) + "\n")
    return path


def call(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run without a terminal, a checkout or any setting of this process but `env`."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **env}
    return subprocess.run([*map(str, arguments)], cwd=cwd, env=env, check=False, capture_output=True, text=True)
