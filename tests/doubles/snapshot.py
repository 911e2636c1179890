"""A project directory with an embedded MLflow, put back as it was.

Preparing one costs hundreds of calls to MLflow, putting it back a copy. MLflow's addresses are absolute, so it
is put back in the same place; and its connections stay open, so SQLite's own backup writes into the same file.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

DATABASE = "mlflow.db"


class Snapshot:
    """What a project looked like."""

    def __init__(self, project: Path, kept: Path) -> None:
        """Copy `project` to `kept`, which must not exist and not lie in it."""
        self._project = project
        self._kept = kept
        shutil.copytree(project, kept, ignore=shutil.ignore_patterns(f"{DATABASE}*"))
        _copy(project / DATABASE, kept / DATABASE)

    def restore(self) -> None:
        """Make the project look like that again."""
        for path in self._project.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.startswith(DATABASE):
                path.unlink()
        shutil.copytree(self._kept, self._project, ignore=shutil.ignore_patterns(DATABASE), dirs_exist_ok=True)
        _copy(self._kept / DATABASE, self._project / DATABASE)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer)
