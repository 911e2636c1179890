"""`ml-release init`: write a starter project that runs as it is."""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ci_lib.errors import BadInput
from ci_lib.files import write_atomically

EXAMPLES: Mapping[str, str] = {
    "basic": "binary classification on scikit-learn's breast cancer data",
    "loans": "mortgage applications with a fairness rule (needs the extra `demo`)",
}
"""Example -> what it shows."""

DOT = "dot-"
"""A template's name begins with this where the file's begins with a dot: wheels and git would treat it specially."""


def init(target: Path, example: str = "basic") -> tuple[Path, ...]:
    """Write an example into a directory, which is made if need be, and return the files written.

    Raises:
        BadInput: there is no such example, the directory cannot be written, or a file that would be written is there
            already (then nothing is written).
    """
    if example not in EXAMPLES:
        message = f"there is no example {example!r}; there are {', '.join(EXAMPLES)}"
        raise BadInput(message, f"ml-release init {target} --example basic")
    texts = {target / name: text for name, text in templates(example)}
    _refuse_to_overwrite(target, texts)
    for path, text in texts.items():
        write_atomically(path, text)
    return tuple(texts)


def templates(example: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of an example, in the order of their names."""
    root = files("ci_lib.templates.starter")
    for entry in sorted((root / f"{DOT}gitignore", *_files(root / example)), key=lambda entry: entry.name):
        yield re.sub(f"^{DOT}", ".", entry.name), entry.read_bytes()


def _files(folder: Traversable) -> Iterator[Traversable]:
    """Yield the files, without what Python leaves beside them when one was imported in place."""
    yield from (entry for entry in folder.iterdir() if entry.is_file())


def _refuse_to_overwrite(target: Path, texts: Mapping[Path, bytes]) -> None:
    if target.exists() and not target.is_dir():
        message = f"{target} is a file, not a directory"
        raise BadInput(message, "ml-release init NEW_DIRECTORY")
    there = [path.name for path in texts if path.exists() or path.is_symlink()]
    if "release.yml" in there:
        message = f"{target} is a project already: it has a release.yml"
        raise BadInput(message, f"cd {target} && ml-release run")
    if there:
        message = f"{target} has {', '.join(there)} already, and init overwrites nothing"
        raise BadInput(message, "ml-release init NEW_DIRECTORY")
