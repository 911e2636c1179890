"""What each stage needs of other packages, and what to type when it is not here.

`ml-release-core` alone brings what decides about a release and moves it; its extra `full`, or `ml-release`, brings what
makes one.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Literal

from ci_lib.errors import BadInput

Stage = Literal["prepare", "train", "validate", "report", "approve", "deploy", "monitor", "rollback"]
STAGES: tuple[Stage, ...] = ("prepare", "train", "validate", "report", "approve", "deploy", "monitor", "rollback")

DISTRIBUTION = "ml-release-core"
INSTALL = f"python -m pip install {DISTRIBUTION}"
"""What to type: pip keeps the version that is here, and adds what is missing."""
INSTALL_FULL = f"python -m pip install '{DISTRIBUTION}[full]'"
INSTALL_GITLAB = f"python -m pip install '{DISTRIBUTION}[gitlab]'"
INSTALL_JENKINS = f"python -m pip install '{DISTRIBUTION}[jenkins]'"

_MODEL: tuple[Stage, ...] = ("prepare", "train", "validate", "monitor")
_CORE = (
    "alembic", "cryptography", "mlflow-skinny", "packaging", "pydantic",
    "requests", "rich", "ruamel.yaml", "sqlalchemy", "urllib3",
)  # fmt: skip
_FULL: Mapping[str, tuple[Stage, ...]] = {
    "jinja2": ("report",),
    "matplotlib": ("report",),
    "mlflow": ("train", "validate", "monitor"),
    "numpy": _MODEL,
    "pandas": _MODEL,
    "pyarrow": _MODEL,
    "scikit-learn": _MODEL,
    "scipy": _MODEL,
    "skops": ("train", "validate", "monitor"),
}
NEEDED_BY: Mapping[str, tuple[Stage, ...]] = {**dict.fromkeys(_CORE, STAGES), **_FULL}
"""Distribution -> stages that cannot do without it."""

_MODULES = {"mlflow-skinny": "mlflow", "ruamel.yaml": "ruamel", "scikit-learn": "sklearn"}
"""Distribution -> the module to look for, where it has another name."""

_STAGES_OF: Mapping[str, tuple[Stage, ...]] = {
    "run": ("prepare", "train", "validate", "report", "monitor"),
    **{stage: (stage,) for stage in STAGES},
}


def install(name: str) -> str:
    """Return what to type when a distribution is missing or of another version."""
    return INSTALL_FULL if name in _FULL else INSTALL


def check(command: str, find: Callable[[str], object] = find_spec) -> None:
    """Refuse a command that this installation cannot run to its end, before it removes what an earlier one wrote.

    Args:
        command: of the command line.
        find: module -> something when it can be imported, None otherwise. Nothing is imported.

    Raises:
        BadInput: a package of the extra `full` is missing.
    """
    stages = set(_STAGES_OF.get(command, ()))
    # The distribution mlflow has no module that mlflow-skinny lacks; it comes with the others.
    wanted = [name for name, users in _FULL.items() if name != "mlflow" and stages & set(users)]
    if missing := [name for name in wanted if find(_module(name)) is None]:
        raise _not_here(missing, INSTALL_FULL)


def explain(error: ModuleNotFoundError) -> BadInput | None:
    """Return what to say of a module that could not be imported; None when it is of no package that we ask for."""
    module = (error.name or "").partition(".")[0]
    name = next((name for name in NEEDED_BY if _module(name) == module), None)
    return None if name is None else _not_here([name], install(name))


def _module(name: str) -> str:
    return _MODULES.get(name, name)


def _not_here(names: Sequence[str], hint: str) -> BadInput:
    why = f" ({DISTRIBUTION} leaves out what makes or loads a model)" if hint == INSTALL_FULL else ""
    return BadInput(f"not installed here: {', '.join(names)}{why}", hint)
