"""``module:function`` -> the user's function, and calling it so that its failure is told in one line."""

import importlib
import importlib.util
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from ci_lib.complaints import did_you_mean
from ci_lib.errors import BadInput, ReleaseError

LONGEST = 300
"""Characters of a foreign message that are repeated; --debug shows the rest."""


def resolve(entrypoint: str, project: Path) -> Callable[..., Any]:
    """Import the module from the project directory and return the function.

    The directory goes to the front of `sys.path` and stays there: the user's code may import its neighbours later.

    Args:
        entrypoint: ``module:function``; the module may be dotted.
        project: the directory of release.yml.

    Raises:
        BadInput: no such module or function, it is no function, or importing the module fails.
    """
    name, _, attribute = entrypoint.partition(":")
    module = _module(name, entrypoint, project.resolve())
    function = getattr(module, attribute, None)
    if function is None:
        public = [each for each in vars(module) if not each.startswith("_") and callable(getattr(module, each))]
        message = f"{entrypoint}: {module.__file__} has no function {attribute!r}{did_you_mean(attribute, public)}"
        raise BadInput(message, f"define `def {attribute}(...)` there, or correct the entry point in release.yml")
    if not callable(function):
        message = f"{entrypoint}: {attribute!r} in {module.__file__} is no function but {type(function).__name__}"
        raise BadInput(message, f"define `def {attribute}(...)` there, or correct the entry point in release.yml")
    found: Callable[..., Any] = function
    return found


@contextmanager
def users_code(what: str, project: Path) -> Iterator[None]:
    """Run the user's code inside: whatever it raises becomes one line with file and line of the user's own code.

    What it imports leaves no ``__pycache__``: on a full disk Python puts half a file there, which no later run can load
    (tried on 3.11).

    Args:
        what: what runs, e.g. ``model:build``.
        project: the user's directory; the innermost line inside it is the one named.

    Raises:
        BadInput: it raised, or called `sys.exit`. Our own errors and Ctrl-C pass through.
    """
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    except ReleaseError:
        raise
    except (Exception, SystemExit) as error:
        message = f"{what} failed at {_where(error, project.resolve())}: {_said(error)}"
        raise BadInput(message, "run the same command with --debug to see the traceback") from error
    finally:
        sys.dont_write_bytecode = before


def _module(name: str, entrypoint: str, project: Path) -> ModuleType:
    if str(project) in sys.path:
        sys.path.remove(str(project))
    sys.path.insert(0, str(project))
    own = _own_file(name, project)
    if own:
        _forget_namesake(name, own, project)
    elif importlib.util.find_spec(name.partition(".")[0]) is None:
        scripts = [path.stem for path in project.glob("*.py")]
        message = f"{entrypoint}: there is no module {name!r} in {project}{did_you_mean(name, scripts)}"
        raise BadInput(
            message, f"write {project / name.replace('.', '/')}.py, or correct the entry point in release.yml"
        )
    importlib.invalidate_caches()
    with users_code(f"importing {name}", project):
        return importlib.import_module(name)


def _own_file(name: str, project: Path) -> Path | None:
    """Return the file of the module inside the project."""
    stem = project.joinpath(*name.split("."))
    return next((path for path in (stem.with_name(stem.name + ".py"), stem / "__init__.py") if path.is_file()), None)


def _forget_namesake(name: str, own: Path, project: Path) -> None:
    """Make way for the project's module where another of the same name is loaded already.

    Raises:
        BadInput: the other one is Python's own; hiding it would break the program.
    """
    top = name.partition(".")[0]
    loaded = sys.modules.get(name) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None)
    if top in sys.stdlib_module_names:
        message = f"{own} has the name of a module of Python's own, {top!r}"
        raise BadInput(message, "rename the file and the entry point in release.yml")
    if loaded is not None and (file is None or not Path(file).resolve().is_relative_to(project)):
        for each in [each for each in sys.modules if each == top or each.startswith(f"{top}.")]:
            del sys.modules[each]


def _where(error: BaseException, project: Path) -> str:
    """Give ``file:line`` of the innermost frame of the user's own code; of the innermost one if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(project)]
    known = own or [frame for frame in frames if not frame.filename.startswith("<frozen")] or frames
    return f"{known[-1].filename}:{known[-1].lineno}" if known else "its first line"


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    words = textwrap.shorten(str(error), LONGEST, placeholder=" …")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
