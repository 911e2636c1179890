"""A command that this installation cannot run says so, and what to type, before it does anything."""

import io
from pathlib import Path

import pytest
from doubles.project import Project

from ci_lib import cli
from ci_lib.errors import BadInput, Exit
from ci_lib.needs import INSTALL, INSTALL_FULL, NEEDED_BY, STAGES, check, explain, install


def light(name: str) -> object:
    """Find what ml-release-core alone brings."""
    return None if name in {"jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "skops"} else name


@pytest.mark.parametrize("command", ["run", "prepare", "train", "validate", "report", "monitor"])
def test_what_makes_or_loads_a_model_is_refused_where_nothing_can(command: str) -> None:
    with pytest.raises(BadInput, match=r"^not installed here: .*ml-release-core leaves out") as caught:
        check(command, light)
    assert caught.value.hint == INSTALL_FULL


@pytest.mark.parametrize("command", ["approve", "deploy", "rollback", "status", "history", "audit", "resolve", "adopt"])
def test_what_decides_moves_and_looks_needs_the_core_alone(command: str) -> None:
    check(command, light)


@pytest.mark.parametrize(
    ("command", "module", "named"),
    [
        ("report", "jinja2", "jinja2"),
        ("run", "matplotlib", "matplotlib"),
        ("train", "sklearn", "scikit-learn"),
        ("monitor", "skops", "skops"),
    ],
)
def test_one_missing_package_is_named_alone_as_pip_calls_it(command: str, module: str, named: str) -> None:
    with pytest.raises(BadInput, match=f"^not installed here: {named} \\("):
        check(command, lambda name: None if name == module else name)


def test_a_stage_is_not_refused_for_what_another_needs() -> None:
    check("report", lambda name: None if name == "sklearn" else name)
    check("prepare", lambda name: None if name == "skops" else name)


@pytest.mark.parametrize("command", [*STAGES, "run"])
def test_nothing_is_refused_where_everything_is_installed(command: str) -> None:
    check(command)


@pytest.mark.parametrize(
    ("module", "named", "hint"),
    [
        ("pydantic", "pydantic", INSTALL),
        ("ruamel", "ruamel.yaml", INSTALL),
        ("ruamel.yaml", "ruamel.yaml", INSTALL),
        ("mlflow.entities", "mlflow-skinny", INSTALL),
        ("sklearn.tree", "scikit-learn", INSTALL_FULL),
        ("jinja2", "jinja2", INSTALL_FULL),
    ],
)
def test_a_failed_import_of_what_we_ask_for_is_explained(module: str, named: str, hint: str) -> None:
    found = explain(ModuleNotFoundError(name=module))
    assert found is not None
    assert found.what.startswith(f"not installed here: {named}")
    assert (found.hint, found.exit_code) == (hint, Exit.BAD_INPUT)


@pytest.mark.parametrize("name", ["ci_lib.nothing", "xgboost", None])
def test_a_failed_import_of_anything_else_stays_what_it_is(name: str | None) -> None:
    assert explain(ModuleNotFoundError(name=name)) is None


def test_what_the_core_brings_is_not_got_by_its_extra() -> None:
    assert {install(name) for name in NEEDED_BY} == {INSTALL, INSTALL_FULL}
    assert (install("mlflow-skinny"), install("mlflow")) == (INSTALL, INSTALL_FULL)


def test_the_command_line_explains_an_import_that_fails_late(tmp_path: Path, migrated: Path) -> None:
    project = Project(tmp_path, migrated)
    err = io.StringIO()
    broken = ModuleNotFoundError("No module named 'cryptography'", name="cryptography")

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            del text
            raise broken

    arguments = ["status", "--config", str(project.root / "release.yml")]
    assert cli.start(arguments, project.env, out=Broken(), err=err) == Exit.BAD_INPUT
    assert err.getvalue() == f"ml-release status: not installed here: cryptography\n  next: {INSTALL}\n"
