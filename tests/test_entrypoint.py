"""``module:function``: found in the project, and what goes wrong in it told in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci_lib.entrypoint import resolve, users_code
from ci_lib.errors import BadInput, Refused


@pytest.fixture(autouse=True)
def _clean_imports() -> Iterator[None]:
    """Each test imports a `model` of its own; none is left behind."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(project: Path, text: str, name: str = "model.py") -> Path:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_function_is_imported_from_the_project(tmp_path: Path) -> None:
    write(tmp_path, "from helper import value\ndef build():\n    return value\n")
    write(tmp_path, "value = 3\n", "helper.py")
    assert resolve("model:build", tmp_path)() == 3


def test_a_dotted_module_is_imported_from_a_package(tmp_path: Path) -> None:
    write(tmp_path, "", "pack/__init__.py")
    write(tmp_path, "def build():\n    return 4\n", "pack/model.py")
    assert resolve("pack.model:build", tmp_path)() == 4
    assert resolve("math:sqrt", tmp_path)(9) == 3


def test_a_module_of_the_same_name_from_another_project_is_not_taken_for_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, f"def build():\n    return {name!r}\n")
    assert resolve("model:build", tmp_path / "one")() == "one"
    assert resolve("model:build", tmp_path / "two")() == "two"
    assert resolve("model:build", tmp_path / "one")() == "one"


@pytest.mark.parametrize(
    ("text", "entrypoint", "words"),
    [
        ("", "modell:build", "there is no module 'modell' in {project}; did you mean 'model'?"),
        ("def biuld(): ...", "model:build", "model.py has no function 'build'; did you mean 'biuld'?"),
        ("build = 3", "model:build", "'build' in {project}/model.py is no function but int"),
        ("import no_such_thing", "model:build", "{project}/model.py:1: ModuleNotFoundError: No module named 'no_such"),
        ("x = 1\n1 / 0", "model:build", "importing model failed at {project}/model.py:2: ZeroDivisionError: division"),
        ("def build(:", "model:build", "importing model failed at {project}/model.py:1: SyntaxError: "),
        ("import sys\nsys.exit(3)", "model:build", "{project}/model.py:2: it called sys.exit(3)"),
        ("raise RuntimeError", "model:build", "{project}/model.py:1: RuntimeError"),
        ("", "model.inner:build", "importing model.inner failed"),
    ],
)
def test_what_cannot_be_resolved_is_said_with_its_place(tmp_path: Path, text: str, entrypoint: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        resolve(entrypoint, tmp_path)
    assert words.format(project=tmp_path) in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.hint


def test_a_file_with_the_name_of_a_standard_module_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "def build(): ...", "json.py")
    with pytest.raises(BadInput, match="has the name of a module of Python's own, 'json'"):
        resolve("json:build", tmp_path)
    assert sys.modules["json"].dumps([1]) == "[1]"


def test_the_users_own_line_is_named_not_the_librarys(tmp_path: Path) -> None:
    write(tmp_path, "import json\ndef load():\n    return json.loads('{')\n")
    function = resolve("model:load", tmp_path)
    with (
        pytest.raises(BadInput, match=r"model:load failed at .*/model\.py:3: JSONDecodeError") as caught,
        users_code("model:load", tmp_path),
    ):
        function()
    assert caught.value.__cause__ is not None, "--debug shows the user's traceback"


def test_code_without_a_line_in_the_project_names_the_innermost_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"json/decoder\.py:\d+: JSONDecodeError"), users_code("x:y", tmp_path):
        sys.modules["json"].loads("{")


def test_our_own_errors_and_ctrl_c_pass_through(tmp_path: Path) -> None:
    words = "changed"
    with pytest.raises(Refused), users_code("model:build", tmp_path):
        raise Refused(words)
    with pytest.raises(KeyboardInterrupt), users_code("model:build", tmp_path):
        raise KeyboardInterrupt
