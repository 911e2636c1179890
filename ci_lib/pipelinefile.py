"""A .gitlab-ci.yml as jobs with line numbers, read as GitLab reads it, as far as one file goes.

Anchors, ``<<``, ``!reference`` and a ``spec:`` header are part of the language here, unlike in release.yml. Nothing is
included: what another file defines is not known, only what this one says of it.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ci_lib.errors import BadInput

LARGEST = 1_000_000
"""Bytes; GitLab's own limit for one file."""
DEEPEST = 11
"""Levels of ``extends`` that GitLab follows."""
GLOBAL = frozenset(
    {"default", "include", "stages", "variables", "workflow", "spec", "image", "services", "cache", "before_script",
     "after_script", "pages"}
)  # fmt: skip
"""Keys at the top that are no jobs."""
SCRIPTS = ("before_script", "script", "after_script")


@dataclass(frozen=True, kw_only=True)
class CIJob:
    """A job, with what it inherits in this file."""

    name: str
    keys: Mapping[str, Any]
    own: CommentedMap
    """What stands at the job itself."""
    line: int
    top: CommentedMap

    def at(self, *path: str | int) -> int:
        """Return the line of a key of the job, or of the job when it is inherited; counted from 1."""
        place: Any = self.own
        found = self.line
        for part in path:
            if isinstance(place, CommentedMap) and part in (place.lc.data or {}):
                found = int(place.lc.key(part)[0]) + 1
            elif isinstance(place, CommentedSeq) and isinstance(part, int) and part in (place.lc.data or {}):
                found = int(place.lc.item(part)[0]) + 1
            else:
                return found
            place = place[part]
        return found

    def commands(self) -> Iterator[tuple[str, int]]:
        """Yield every line of the job's scripts, with its line in the file."""
        for key in SCRIPTS:
            yield from _commands(self.keys.get(key), self.at(key), self.top)


@dataclass(frozen=True, kw_only=True)
class PipelineFile:
    """One file."""

    jobs: Mapping[str, CIJob]
    top: Mapping[str, Any]
    lines: Mapping[str, int]
    """Line of each key at the top."""
    includes: bool


def read(path: Path) -> PipelineFile:
    """Read a file.

    Raises:
        BadInput: it is not there, too large, or no pipeline.
    """
    try:
        data = path.read_bytes()
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        raise BadInput(message, "ml-release lint .gitlab-ci.yml") from error
    if len(data) > LARGEST:
        message = f"{path} has {len(data):,} bytes, and GitLab reads {LARGEST:,}"
        raise BadInput(message, "is that a .gitlab-ci.yml?")
    top = _last_document(text, path)
    lines = {name: int(top.lc.key(name)[0]) + 1 for name in top if name in (top.lc.data or {})}
    jobs = {name: _job(name, top, lines.get(name, 1)) for name in top if _is_job(name, top[name])}
    return PipelineFile(jobs=jobs, top=top, lines=lines, includes="include" in top)


def _last_document(text: str, path: Path) -> CommentedMap:
    """Return the pipeline; a component's header is a document before it."""
    try:
        documents = list(YAML(typ="rt", pure=True).load_all(io.StringIO(text)))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        message = f"{where}: {' '.join((error.problem or 'not YAML').split())}"
        raise BadInput(message, "GitLab's pipeline editor shows the same; correct that line") from error
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"{path}: not YAML: {' '.join(str(error).split())[:200]}"
        raise BadInput(message, "GitLab's pipeline editor shows the same") from error
    found = documents[-1] if documents else None
    if not isinstance(found, CommentedMap):
        message = f"{path} holds no jobs"
        raise BadInput(message, "is that a .gitlab-ci.yml?")
    return found


def _is_job(name: object, value: object) -> bool:
    return isinstance(name, str) and name not in GLOBAL and not name.startswith(".") and isinstance(value, CommentedMap)


def _job(name: str, top: CommentedMap, line: int) -> CIJob:
    return CIJob(name=name, keys=_resolved(top, name, DEEPEST), own=top[name], line=line, top=top)


def _resolved(top: Mapping[str, Any], name: str, depth: int) -> Mapping[str, Any]:
    """Return a job's keys over those it extends; mappings are merged, lists replaced (GitLab, ``extends``)."""
    own = top.get(name)
    if not isinstance(own, Mapping) or depth == 0:
        return {}
    base: Mapping[str, Any] = {}
    extended = own.get("extends")
    for each in [extended] if isinstance(extended, str) else extended if isinstance(extended, Sequence) else []:
        base = _merged(base, _resolved(top, str(each), depth - 1))
    return _merged(base, own)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    found = dict(base)
    for key, value in over.items():
        both = isinstance(found.get(key), Mapping) and isinstance(value, Mapping)
        found[key] = _merged(found[key], value) if both else value
    return found


def _commands(value: object, line: int, top: CommentedMap, depth: int = 10) -> Iterator[tuple[str, int]]:
    """Flatten a script: a text, or lists of texts that anchors and references may have nested (GitLab: ten levels)."""
    if isinstance(value, str):
        for number, text in enumerate(value.splitlines()):
            yield text, line + number
    elif isinstance(value, CommentedSeq) and depth:
        if value.tag.value == "!reference":
            yield from _commands(_referenced(value, top), line, top, depth - 1)
            return
        for index, each in enumerate(value):
            placed = int(value.lc.item(index)[0]) + 1 if index in (value.lc.data or {}) else line
            yield from _commands(each, placed, top, depth - 1)


def _referenced(path: CommentedSeq, top: CommentedMap) -> object:
    place: object = top
    for part in path:
        place = place.get(part) if isinstance(place, Mapping) else None
    return place
