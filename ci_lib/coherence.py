"""What the keys of release.yml must have to do with each other.

Works on the plain values, not on a `Config`, so that a wrong type in one place hides nothing in another: what is not
there or has the wrong type is skipped here, `config` has already said so.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ci_lib import approving
from ci_lib.complaints import Problem, did_you_mean
from ci_lib.document import Path
from ci_lib.formats import Formats
from ci_lib.measure.catalogue import CATALOGUE, Metric
from ci_lib.plain import at as _at
from ci_lib.plain import environments as _places
from ci_lib.plain import items as _items
from ci_lib.plain import names as _names
from ci_lib.plain import twice as _twice

SEEDS = 2**32 - 1
"""The largest seed that NumPy's legacy generator, and so scikit-learn's `random_state`, takes."""
DROPPED = "also under drop, so it would not be there to split by"
TASKS = ("binary", "multiclass", "regression")


def problems(value: Any) -> list[Problem]:  # noqa: ANN401 -- any YAML value
    """Find every pair of keys that contradict each other."""
    checks = (_columns, _splits, _only_binary, _seeds, _formats, approving.problems, _environments)
    found = [problem for check in checks for problem in check(value)]
    for section in ("policy", "monitor"):
        for index, rule in enumerate(_items(value, section, "rules")):
            found += _rule(value, rule, (section, "rules", index))
        found += _repeated_rules(value, section)
    return found


def _columns(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    """One column, one role."""
    for key in ("drop", "sensitive"):
        yield from _twice(value, "data", key)
    target, drop, sensitive = (
        _at(value, "data", "target"),
        _names(value, "data", "drop"),
        _names(value, "data", "sensitive"),
    )
    for key in ("drop", "sensitive"):
        for index, each in enumerate(_items(value, "data", key)):
            if isinstance(each, str) and each == target:
                yield ("data", key, index), f"{each!r} is the target"
            elif key == "sensitive" and isinstance(each, str) and each in drop:
                yield (
                    ("data", key, index),
                    f"{each!r} is also under drop; a sensitive column is kept out of the model anyway",
                )
    for key in ("group", "time"):
        column = _at(value, "data", "split", key)
        if isinstance(column, str) and column in (target, *drop, *sensitive):
            also = "sensitive: each of its groups would be on one side only"
            role = "the target" if column == target else f"also {also}" if column in sensitive else DROPPED
            yield ("data", "split", key), f"{column!r} is {role}"
    if _at(value, "data", "use_sensitive") is True and not sensitive:
        yield ("data", "use_sensitive"), "names no column: data.sensitive is empty"


def _splits(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    if not isinstance(_at(value, "data", "split", "train"), str):
        return
    if _at(value, "data", "source") is not None:
        yield ("data", "source"), "would not be read: data.split names both files; remove one or the other"
    for key in ("group", "time", "seed"):
        if _at(value, "data", "split", key) is not None:
            yield ("data", "split", key), "has no effect: the split is given by its two files"
    if _at(value, "data", "split", "train") == _at(value, "data", "split", "holdout"):
        yield ("data", "split", "holdout"), "is the same file as train"


def _only_binary(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    task = _at(value, "task")
    if task not in TASKS or task == "binary":
        return
    for path in (("threshold",), ("data", "positive")):
        if _at(value, *path) is not None:
            yield path, f"belongs to task: binary; the task here is {task}"


def _seeds(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    for path in (("data", "split", "seed"), ("train", "seed")):
        seed = _at(value, *path)
        if isinstance(seed, int) and not isinstance(seed, bool) and not 0 <= seed <= SEEDS:
            yield path, f"must be from 0 to {SEEDS}"


def _formats(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    used = _at(value, "train", "serialization")
    given = _at(value, "policy", "formats", "serialization")
    allowed = given if isinstance(given, list) else list(Formats().serialization)
    if used in ("skops", "cloudpickle") and used not in allowed:
        known = ", ".join(map(str, allowed)) or "empty"
        sentence = f"{used!r} is not among policy.formats.serialization ({known}): such a model would be refused"
        yield ("train", "serialization"), sentence
    yield from _twice(value, "policy", "formats", "serialization")


def _environments(value: Any) -> Iterator[Problem]:  # noqa: ANN401
    places = _places(value)
    if "production" not in places:
        near = did_you_mean("production", places)
        yield (
            ("environments",),
            f"none is called 'production', where commands go by default{near if 'did' in near else ''}",
        )
    seen: dict[tuple[str, ...], str] = {}
    for name, each in places.items():
        yield from _twice(value, "environments", name, "accept")
        default = str(_at(value, "model")) + ("" if name == "production" else f"-{name}")
        registry = _at(each, "registry") or _at(value, "registry")
        pointer = (str(registry), str(_at(each, "name") or default))  # another alias is not enough: one ledger a model
        if pointer in seen:
            yield ("environments", name), f"is the same registry and model name as {seen[pointer]!r}; give it a name"
        seen.setdefault(pointer, name)


def _rule(value: Any, rule: Any, path: Path) -> Iterator[Problem]:  # noqa: ANN401
    name = _at(rule, "metric")
    metric = CATALOGUE.get(name) if isinstance(name, str) else None
    if metric is None:
        return
    task = _at(value, "task")
    if task in TASKS and task not in metric.tasks:
        yield (*path, "metric"), f"{name} is for {' and '.join(metric.tasks)}, and the task is {task}"
    if metric.section == "drift" and path[0] == "policy":
        yield (*path, "metric"), f"{name} is measured on new batches; put the rule under monitor.rules"
    if _at(rule, "versus") is not None:
        if not metric.paired:
            yield (*path, "versus"), f"{name} cannot be compared with another model on the same rows; give it a limit"
        if path[0] == "monitor":
            yield (*path, "versus"), "a batch is held against limits, not against another model"
    yield from _by(value, rule, metric, path)
    yield from _limits(rule, metric, path)


def _by(value: Any, rule: Any, metric: Metric, path: Path) -> Iterator[Problem]:  # noqa: ANN401
    name, given = _at(rule, "metric"), _at(rule, "by")
    attributes = [given] if isinstance(given, str) else _names(rule, "by")
    sensitive = _names(value, "data", "sensitive")
    if given is None or given == []:
        if metric.by_group:
            likely = f", e.g. by: [{sensitive[0]}]" if sensitive else ", and data.sensitive must name it"
            yield path, f"{name} compares groups: name the sensitive attribute with by{likely}"
        return
    if not metric.by_group:
        yield (*path, "by"), f"{name} is not measured by group; remove by"
        return
    for index, each in enumerate(attributes):
        if each not in sensitive:
            where = path + (("by",) if isinstance(given, str) else ("by", index))
            yield where, f"{each!r} is not in data.sensitive{did_you_mean(each, sensitive)}"
    for each, times in Counter(attributes).items():
        if times > 1:
            yield (*path, "by"), f"{each!r} stands in the list {times} times"


def _limits(rule: Any, metric: Metric, path: Path) -> Iterator[Problem]:  # noqa: ANN401
    """A limit outside the metric's range decides nothing: the rule would always, or never, pass."""
    low, high = _range(metric.range)
    for key in ("at_least", "at_most", "within"):
        limit = _at(rule, key)
        if isinstance(limit, (int, float)) and not isinstance(limit, bool) and not low <= limit <= high:
            yield (*path, key), f"{limit:g} is outside the range of {_at(rule, 'metric')}: {metric.range}"


def _range(words: str) -> tuple[float, float]:
    """Read ``0 to 1``, ``0 and up``, ``up to 1`` or ``any``."""
    if words.startswith("up to "):
        return float("-inf"), float(words.removeprefix("up to "))
    if words.endswith(" and up"):
        return float(words.removesuffix(" and up")), float("inf")
    if " to " in words:
        low, _, high = words.partition(" to ")
        return float(low), float(high)
    return float("-inf"), float("inf")


def _repeated_rules(value: Any, section: str) -> Iterator[Problem]:  # noqa: ANN401
    seen: list[Any] = []
    for index, rule in enumerate(_items(value, section, "rules")):
        if rule in seen:
            yield (section, "rules", index), f"is the same rule as {section}.rules[{seen.index(rule)}]"
        seen.append(rule)
