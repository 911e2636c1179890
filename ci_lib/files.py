"""Files are written whole or not at all. Standard library only: `init` needs nothing else."""

import os
import tempfile
from pathlib import Path

from ci_lib.errors import BadInput


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed.

    Raises:
        BadInput: the directory cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)  # noqa: PTH101 -- mkstemp gives 0600; CI artifacts are read by other users
            os.replace(name, path)  # noqa: PTH105
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise BadInput(message, f"df -h {path.parent}; ls -ld {path.parent}") from error
