"""Wheels and sdists hold exactly what they should, and the locks what they must."""

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
from doubles.built import ROOT, Built, Distribution
from packaging.requirements import Requirement

from ci_lib import __version__
from ci_lib.needs import INSTALL, NEEDED_BY, install

FOLDERS = {
    "ci_lib/": "ci_lib/",
    "jobs/": "ci_lib/jobs/",
    "templates/report/": "ci_lib/templates/",
    "templates/starter/": "ci_lib/templates/starter/",
    "requirements/": "ci_lib/locks/",
}
"""Folder of the repository -> where it lives once installed."""

PLAIN = "distributions/ml-release/"
NOT_SHIPPED = {"requirements/dev.in", "requirements/dev.txt"}
NO_CODE = {"licenses/LICENSE", "METADATA", "WHEEL", "top_level.txt", "RECORD"}
DIST_INFO = {*NO_CODE, "entry_points.txt"}
EGG_INFO = {"PKG-INFO", "SOURCES.txt", "dependency_links.txt", "requires.txt", "top_level.txt"}
FORBIDDEN = {"matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops"}
"""What ml-release-core may not bring."""


def shipped(sources: frozenset[str]) -> set[str]:
    """Files of the repository that the wheel carries."""
    return {name for name in sources - NOT_SHIPPED if name.startswith(tuple(FOLDERS))}


def installed(name: str) -> str:
    """Where a file of the repository lives in the wheel."""
    folder = max((folder for folder in FOLDERS if name.startswith(folder)), key=len)
    return FOLDERS[folder] + name.removeprefix(folder)


def metadata(distribution: Distribution) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(distribution.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(wheel.read(name))


def required(distribution: Distribution, extra: str = "") -> list[Requirement]:
    """What the wheel requires, with an extra or without any."""
    found = map(Requirement, metadata(distribution).get_all("Requires-Dist", []))
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": extra})]


def packed(sdist: Path) -> set[str]:
    """The files of an sdist."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()}


def pinned(lock: str) -> dict[str, set[str]]:
    """Name -> versions that a lock names."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_the_wheel_of_the_core_holds_every_source_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.core.wheel) as wheel:
        found = set(wheel.namelist())
    info = {f"ml_release_core-{__version__}.dist-info/{name}" for name in DIST_INFO}
    assert found == {installed(name) for name in shipped(built.sources)} | info


def test_the_wheel_of_ml_release_holds_no_code_and_no_command(built: Built) -> None:
    """So no file has two owners: either can be uninstalled without the other."""
    with zipfile.ZipFile(built.plain.wheel) as wheel:
        assert set(wheel.namelist()) == {f"ml_release-{__version__}.dist-info/{name}" for name in NO_CODE}


def test_the_sdist_of_the_core_holds_what_builds_the_wheel_and_nothing_else(built: Built) -> None:
    info = {f"ml_release_core.egg-info/{name}" for name in {*EGG_INFO, "entry_points.txt"}}
    made = {"PKG-INFO", "setup.cfg"}
    beside = {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
    assert packed(built.core.sdist) == shipped(built.sources) | info | made | beside


def test_the_sdist_of_ml_release_holds_its_folder_and_files_instead_of_links(built: Built) -> None:
    folder = {name.removeprefix(PLAIN) for name in built.sources if name.startswith(PLAIN)}
    info = {f"ml_release.egg-info/{name}" for name in EGG_INFO}
    assert folder == {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py", "version.py"}
    assert packed(built.plain.sdist) == folder | info | {"PKG-INFO", "setup.cfg"}
    with tarfile.open(built.plain.sdist) as archive:
        assert [member.name for member in archive.getmembers() if member.issym() or member.islnk()] == []


def test_the_build_says_nothing_is_ambiguous_or_deprecated(built: Built) -> None:
    assert re.findall(r".*(?:Warning|deprecat|absent from).*", built.log) == []


def test_the_wheels_are_clean_by_check_wheel_contents(built: Built) -> None:
    empty = "W007,W008"  # ml-release is meant to be
    for wheel, options in ((built.core.wheel, []), (built.plain.wheel, ["--ignore", empty])):
        command = [sys.executable, "-m", "check_wheel_contents", "--no-config", *options, str(wheel)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"{wheel}: OK\n")


def test_every_package_folder_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    packages = {installed(f"{path.parent.relative_to(ROOT)}/") for path in (ROOT / "ci_lib").rglob("__init__.py")}
    assert {name.replace(".", "/") + "/" for name in listed} >= packages | set(FOLDERS.values())


@pytest.mark.parametrize(("which", "extras"), [("core", {"full"}), ("plain", set())])
def test_the_metadata_names_version_licence_python_and_extras(built: Built, which: str, extras: set[str]) -> None:
    found = metadata(getattr(built, which))
    assert found["Version"] == __version__
    assert found["License-Expression"] == "Apache-2.0"
    assert found["Requires-Python"] == ">=3.11"
    assert set(found.get_all("Provides-Extra", [])) == {"demo", "gitlab", "jenkins"} | extras


def test_both_metadata_say_the_same_but_for_name_and_requirements(built: Built) -> None:
    told = ("Summary", "License-Expression", "Requires-Python", "License-File", "Description-Content-Type")
    core, plain = metadata(built.core), metadata(built.plain)
    assert [core[name] for name in told] == [plain[name] for name in told]
    assert core.get_payload() == plain.get_payload()


@pytest.mark.parametrize(
    ("extra", "brings"), [("", "full"), ("demo", "demo"), ("gitlab", "gitlab"), ("jenkins", "jenkins")]
)
def test_ml_release_asks_for_the_core_of_its_own_version(built: Built, extra: str, brings: str) -> None:
    asked = {str(each).partition(";")[0].strip() for each in required(built.plain, extra)}
    assert asked == {f"ml-release-core[full]=={__version__}", f"ml-release-core[{brings}]=={__version__}"}


def test_the_version_stands_in_one_place() -> None:
    for name in ("pyproject.toml", f"{PLAIN}pyproject.toml"):
        assert "version" in tomllib.loads((ROOT / name).read_text())["project"]["dynamic"]
    assert __version__ not in (ROOT / PLAIN / "setup.py").read_text()
    assert (ROOT / PLAIN / "version.py").samefile(ROOT / "ci_lib/__init__.py")


def test_the_core_asks_for_nothing_that_loads_a_model_and_its_extra_full_for_all_of_it(built: Built) -> None:
    core, full = ({each.name for each in required(built.core, extra)} for extra in ("", "full"))
    assert core & FORBIDDEN == set()
    assert full - core >= FORBIDDEN


def test_the_table_of_what_stages_need_is_what_the_wheel_requires(built: Built) -> None:
    assert {each.name for each in required(built.core, "full")} == NEEDED_BY.keys()
    core = {each.name for each in required(built.core)}
    assert {name for name in NEEDED_BY if install(name) == INSTALL} == core


def test_the_cores_lock_has_nothing_that_loads_a_model() -> None:
    assert pinned("requirements/core.txt").keys() & FORBIDDEN == set()


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("requirements/core.txt", ("gitlab", "jenkins")), ("requirements/dev.txt", ("full", "demo", "gitlab", "jenkins"))],
)
def test_a_lock_has_what_the_wheel_requires(built: Built, lock: str, extras: tuple[str, ...]) -> None:
    locked = pinned(lock)
    for wanted in (each for extra in extras for each in required(built.core, extra)):
        versions = locked[wanted.name.replace(".", "-")]
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_both_locks_pin_the_same_versions() -> None:
    small, large = pinned("requirements/core.txt"), pinned("requirements/dev.txt")
    assert {name: large.get(name) for name in small} == small


@pytest.mark.parametrize("lock", ["requirements/dev.txt", "requirements/core.txt"])
def test_every_pin_of_a_lock_has_a_hash_and_none_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert len(entries) > 30
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://|--(?:extra-)?index|--find-links|file:|@ ", text) == []


def test_python_finds_the_cores_lock_without_any_dependency(built: Built, tmp_path: Path) -> None:
    with zipfile.ZipFile(built.core.wheel) as wheel:
        for name in wheel.namelist():
            wheel.extract(name, tmp_path)
    command = [
        sys.executable,
        "-S",
        "-m",
        "ci_lib.locks",
    ]  # -S: no site-packages, as right after `pip install --no-deps`
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert Path(done.stdout.strip()).read_bytes() == (ROOT / "requirements/core.txt").read_bytes()
