"""Model files -> one digest. A model is its manifest digest; name and version are only where it was seen.

MLflow records no digest of a model and lets anyone overwrite its files without a trace, so the bytes are hashed by us,
from the tree as downloaded. The manifest is a sorted list of POSIX paths with size and SHA-256; its digest is the
SHA-256 of its canonical form.
"""

import hashlib
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ci_lib.errors import BadInput, Refused
from ci_lib.record import Digest, Record

NOTE = "registered_model_meta"
"""MLflow writes this file into a model directory, an embedded store's own too, whenever somebody loads a model."""

NOTED = re.compile(r"model_name: '?[\w.-]{1,256}'?\nmodel_version: '?\w{1,20}'?\n")
"""What it writes there (`store/artifact/models_artifact_repo.py`, UTF-8). With exactly this content the file is no part
of the model. Any other content is: MLmodel may name any file as the one to load, and what the manifest leaves out could
be changed after the approval."""

LONGEST_NOTE = 1024

MAX_FILES = 10_000
CHUNK = 1 << 20
NAMED = 5
"""So many differences are named in a message, the rest is counted."""


class File(Record):
    """One file of a model."""

    path: str
    size: int
    sha256: Digest


class Manifest(Record):
    """The files of a model, sorted by path."""

    kind: str = "manifest"
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes in all files together."""
        return sum(file.size for file in self.files)


def scan(root: Path) -> Manifest:
    """Hash the tree below `root`, in one pass.

    Raises:
        BadInput: there is no such directory, or it holds no file.
        Refused: a symbolic link, something that is no regular file, two names that some file system takes for one, a
            name that is not UTF-8, a file that changed while it was read, or more than 10,000 files.
    """
    if not root.is_dir():
        message = f"{root} is not a model directory"
        raise BadInput(message, "check the model URI")
    paths = sorted(_walk(root), key=lambda path: path.relative_to(root).as_posix())
    if not paths:
        message = f"{root} holds no file"
        raise BadInput(message, "check the model URI")
    names = [path.relative_to(root).as_posix() for path in paths]
    _refuse_undecodable(names)
    _refuse_collisions(names)
    return Manifest(files=tuple(_file(path, name) for path, name in zip(paths, names, strict=True)))


def _walk(root: Path) -> Iterator[Path]:
    count = 0
    for directory, folders, files in os.walk(root):
        here = Path(directory)
        for name in folders:
            if (here / name).is_symlink():
                raise Refused(_odd(here / name, "a symbolic link"), "log the model again without links")
        for name in files:
            if here == root and name == NOTE and _is_note(here / name):
                continue
            count += 1
            if count > MAX_FILES:
                message = f"{root} has more than {MAX_FILES:,} files; that is no model"
                raise Refused(message, "check the model URI")
            yield here / name


def _is_note(path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_NOTE:
        return False
    return NOTED.fullmatch(path.read_bytes().decode("utf-8", "replace")) is not None


def _refuse_undecodable(names: list[str]) -> None:
    for name in names:
        if not name.isascii() and any(unicodedata.category(character) == "Cs" for character in name):
            raise Refused(_odd(Path(name), "a name that is not UTF-8"), "rename the file and log the model again")


def _refuse_collisions(names: list[str]) -> None:
    folded = Counter(unicodedata.normalize("NFC", name).casefold() for name in names)
    for name in names:
        if folded[unicodedata.normalize("NFC", name).casefold()] > 1:
            message = f"{name!r} collides with another file name once case and accents are folded"
            raise Refused(message, "rename one of the two files")


def _file(path: Path, name: str) -> File:
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would be waited for without end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(_odd(path, "a symbolic link, or unreadable"), "log the model again") from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise Refused(_odd(path, "not a regular file"), "log the model again")
        sha256 = hashlib.sha256()
        size = 0
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            size += len(chunk)
        if size != before.st_size or os.fstat(file.fileno()).st_mtime_ns != before.st_mtime_ns:
            raise Refused(_odd(path, "a file that changed while it was read"), "run the command again")
    return File(path=name, size=size, sha256=f"sha256:{sha256.hexdigest()}")


def _odd(path: Path, what: str) -> str:
    return f"{path} is {what}: only plain files make a model"


def difference(expected: Manifest, found: Manifest) -> str:
    """Say in one sentence how two manifests differ; empty when they are equal."""
    before = {file.path: file.sha256 for file in expected.files}
    after = {file.path: file.sha256 for file in found.files}
    parts = [
        *(f"{path} is missing" for path in sorted(before.keys() - after.keys())),
        *(f"{path} is new" for path in sorted(after.keys() - before.keys())),
        *(f"{path} was changed" for path in sorted(before.keys() & after.keys()) if before[path] != after[path]),
    ]
    return ", ".join(parts[:NAMED]) + (f" and {len(parts) - NAMED} more" if len(parts) > NAMED else "")
