"""The wheel and the sdist, built from what git would commit."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What `python -m build` made, of which files, and what it said."""

    wheel: Path
    sdist: Path
    sources: frozenset[str]
    log: str


def build(folder: Path) -> Built:
    """Build in a copy of the tracked files: no leftover of an earlier build can get in, and none is left."""
    copy, dist = folder / "sources", folder / "dist"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    sources = frozenset(name for name in names if name and (ROOT / name).is_file())
    for name in sources:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(copy)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return Built(wheel=wheel, sdist=sdist, sources=sources, log=done.stdout + done.stderr)


def clean_environment(folder: Path) -> Path:
    """Make a virtual environment that sees nothing of this one, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


def pip_install(python: Path, *arguments: str | Path) -> None:
    """Install as the README says; what pip complains about is in the failure."""
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", *map(str, arguments)]
    done = subprocess.run(command, cwd=python.parent, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
