"""The doctor names what is missing, and how to get it."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ci_lib.config import Risk
from ci_lib.doctor import (
    ROOM,
    Check,
    Machine,
    doctor,
    installed_version,
    lines,
    requirements,
    verdict,
)
from ci_lib.errors import Exit, Unavailable
from ci_lib.needs import INSTALL, INSTALL_FULL, NEEDED_BY, STAGES

MLFLOW = "http://mlflow:5000"
HEALTHY = Machine(
    python=(3, 12, 1),
    which=lambda program: f"/usr/bin/{program}",
    version=lambda name: "3.17.2" if "mlflow" in name else "99",
    requires=("mlflow-skinny>=3.17.2,<4", *(f"{name}>=2" for name in NEEDED_BY if name != "mlflow-skinny")),
    writable=lambda _: None,
    free=lambda _: ROOM,
    reach=lambda _: None,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a directory inside a git repository."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def missing(checks: tuple[Check, ...]) -> list[Check]:
    """Return the checks that found something."""
    return [check for check in checks if not check.ok]


def test_a_healthy_machine_has_nothing_missing(project: Path) -> None:
    checks = doctor(HEALTHY, project, [MLFLOW])
    assert missing(checks) == []
    assert all(check.hint == "" for check in checks)
    assert verdict(checks) is Exit.DONE
    assert list(lines(checks))[-1] == "nothing that is needed is missing"


def unreachable(address: str) -> None:
    """Fail as a registry does that does not answer."""
    message = f"{address} does not answer"
    raise Unavailable(message, "mlflow server")


@pytest.mark.parametrize(
    ("sick", "name", "found", "hint"),
    [
        (replace(HEALTHY, python=(3, 10, 9)), "Python", "3.10.9", "install Python 3.11 or newer"),
        (
            replace(HEALTHY, version=lambda name: None if name == "numpy" else "3.17.2"),
            "numpy",
            "not installed; needed by prepare, train, validate, monitor",
            INSTALL_FULL,
        ),
        (
            replace(HEALTHY, version=lambda name: "3.16.0" if name == "mlflow-skinny" else "99"),
            "mlflow-skinny",
            "3.16.0, <4,>=3.17.2 is needed",
            INSTALL,
        ),
        (replace(HEALTHY, free=lambda _: ROOM - 1), "disk", "500 MB free, 500 MB are needed", "df -h"),
        (replace(HEALTHY, writable=lambda _: "Read-only file system"), "directory", "Read-only file system", "ls -ld"),
        (replace(HEALTHY, reach=unreachable), "registry", f"{MLFLOW} does not answer", "mlflow server"),
    ],
)
def test_one_thing_missing_is_named_alone_with_what_to_type(
    sick: Machine, name: str, found: str, hint: str, project: Path
) -> None:
    checks = doctor(sick, project, [MLFLOW])
    (check,) = [check for check in missing(checks) if check.name == name]
    assert found in check.found
    assert hint in check.hint
    assert verdict(checks) is Exit.BAD_INPUT
    printed = list(lines(checks))
    assert any(line.startswith("MISSING") and name in line for line in printed)
    assert any(hint in line for line in printed)
    assert printed[-1].endswith("checks found something missing")


def test_a_project_outside_any_repository_works_and_is_advised(tmp_path: Path) -> None:
    checks = doctor(HEALTHY, tmp_path, [])
    (check,) = missing(checks)
    assert (check.name, check.required) == ("repository", False)
    assert check.hint.startswith(f"cd {tmp_path} && git init")
    assert verdict(checks) is Exit.DONE
    assert any(line.startswith("advice  repository") for line in lines(checks))
    assert list(lines(checks))[-1] == "nothing that is needed is missing"


def test_a_machine_without_git_works_and_is_advised(project: Path) -> None:
    checks = doctor(replace(HEALTHY, which=lambda _: None), project, [])
    (check,) = missing(checks)
    assert (check.name, check.required, check.hint) == ("git", False, "sudo apt-get install -y git")
    assert verdict(checks) is Exit.DONE


def test_a_job_that_deploys_needs_nothing_that_loads_a_model(project: Path) -> None:
    heavy = {"numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops", "matplotlib", "jinja2", "mlflow"}
    small = replace(HEALTHY, version=lambda name: None if name in heavy else HEALTHY.version(name))
    assert missing(doctor(small, project, [], ["approve", "deploy", "rollback"])) == []
    assert {check.name for check in missing(doctor(small, project, []))} == heavy


@dataclass(frozen=True)
class Weak:
    """What a server cannot promise."""

    risk: Risk | None
    what: str = f"the MLflow server at {MLFLOW} is odd"
    hint: str = "make it even"


OPEN: Risk = "unauthenticated"


@pytest.mark.parametrize(
    ("risk", "accepted", "word", "code"),
    [
        (OPEN, {MLFLOW: ()}, "MISSING", Exit.BAD_INPUT),
        (OPEN, {MLFLOW: ("old-server",)}, "MISSING", Exit.BAD_INPUT),
        (OPEN, {MLFLOW: (OPEN,)}, "ok", Exit.DONE),
        (OPEN, {"http://other": ()}, "advice", Exit.DONE),
        (None, {}, "MISSING", Exit.BAD_INPUT),
        (None, {MLFLOW: (OPEN, "old-server")}, "MISSING", Exit.BAD_INPUT),
    ],
)
def test_a_weak_server_is_named_unless_release_yml_accepts_it(
    risk: Risk | None, accepted: dict[str, tuple[Risk, ...]], word: str, code: Exit, project: Path
) -> None:
    sick = replace(HEALTHY, weaknesses=lambda _: [Weak(risk)])
    checks = doctor(sick, project, [MLFLOW], accepted=accepted)
    (line,) = [line for line in lines(checks) if "is odd" in line]
    assert line.startswith(word)
    assert ("accepted by release.yml" in line) == (word == "ok")
    assert verdict(checks) is code


def test_a_server_without_aliases_is_not_asked_for_one(project: Path) -> None:
    sick = replace(HEALTHY, weaknesses=lambda _: [Weak(None)], reach=unreachable)
    assert [check.found for check in missing(doctor(sick, project, [MLFLOW]))] == [Weak.what]


def test_each_registry_is_asked_once_in_order(project: Path) -> None:
    asked: list[str] = []
    doctor(replace(HEALTHY, reach=asked.append), project, ["http://b", "http://a", "http://b"])
    assert asked == ["http://a", "http://b"]


def test_no_check_at_all_is_not_health() -> None:
    assert verdict(()) is Exit.BAD_INPUT
    assert list(lines(())) == ["nothing was checked"]


def test_a_command_that_brings_several_packages_is_printed_once(project: Path) -> None:
    sick = replace(HEALTHY, version=lambda name: None if name in {"numpy", "pandas", "pydantic"} else "3.17.2")
    printed = list(lines(doctor(sick, project, [])))
    assert sum(line.startswith("MISSING") for line in printed) == 3
    assert [line.split("next: ")[1] for line in printed if "next:" in line] == [INSTALL, INSTALL_FULL]


def test_every_package_and_stage_of_the_table_is_real() -> None:
    assert {Requirement(line).name for line in requirements()} == NEEDED_BY.keys()
    for name, needed_by in NEEDED_BY.items():
        assert installed_version(name) is not None
        assert set(needed_by) <= set(STAGES)


def test_what_is_not_installed_has_no_version() -> None:
    assert installed_version("no-such-distribution-of-ours") is None
