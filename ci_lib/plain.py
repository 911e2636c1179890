"""Plain values of release.yml, before they are a `Config`: what is not there or of another type reads as empty."""

from collections.abc import Iterator
from typing import Any

from ci_lib.complaints import Problem


def at(value: Any, *path: str) -> Any:  # noqa: ANN401 -- any YAML value, here and below
    """Return what stands at a path; None where nothing does."""
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def items(value: Any, *path: str) -> list[Any]:  # noqa: ANN401 -- any YAML value
    """Return the list at a path; empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def names(value: Any, *path: str) -> list[str]:  # noqa: ANN401 -- any YAML value
    """Return the texts of the list at a path."""
    return [each for each in items(value, *path) if isinstance(each, str)]


def twice(value: Any, *path: str) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """Complain about names that stand in a list more than once."""
    seen: set[str] = set()
    for index, each in enumerate(items(value, *path)):
        if isinstance(each, str):
            if each in seen:
                yield (*path, index), f"{each!r} stands in the list already"
            seen.add(each)


def environments(value: Any) -> dict[str, Any]:  # noqa: ANN401 -- any YAML value
    """Return the environments, as written or by default."""
    found = at(value, "environments")
    return found if isinstance(found, dict) and found else {"production": {}}
