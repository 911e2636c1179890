"""What `policy.approval` must have to do with the rest of release.yml: somebody must be able to say yes.

Works on the plain values, as `coherence` does.
"""

from collections.abc import Iterator
from typing import Any

from ci_lib.complaints import Problem, did_you_mean
from ci_lib.decision import BUILT_IN
from ci_lib.document import Path
from ci_lib.people import fold
from ci_lib.places import fill
from ci_lib.plain import at, environments, items, names, twice

HERE = ("policy", "approval")
APPROVERS: Path = (*HERE, "approvers")
REQUIRED: Path = (*HERE, "required")


def problems(value: Any) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """Find what is wrong with the approvers, their keys, and what may be waived."""
    approvers = at(value, *HERE, "approvers")
    if isinstance(approvers, dict):
        yield from _members(value, approvers)
        yield from _roles(value, approvers)
    else:
        yield from _names(value, "approvers")
        yield from _enough(value)
    yield from _keys(value)
    yield from _waivable(value)


def _names(value: Any, *path: str) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """Complain about names that are empty or stand there twice."""
    yield from twice(value, *HERE, *path)
    for index, name in enumerate(items(value, *HERE, *path)):
        if isinstance(name, str) and not fold(name):
            yield (*HERE, *path, index), "is an empty name"


def _enough(value: Any) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    approvers = {fold(name) for name in names(value, *HERE, "approvers") if fold(name)}
    required = at(value, *HERE, "required")
    needed = required if isinstance(required, int) else 1
    places = _asked(value)
    if places and len(approvers) < needed:
        have = f"{len(approvers)} of the {needed} people needed" if approvers else "nobody"
        yield APPROVERS, f"names {have}; {places} needs approval, so nothing could ever be released"


def _asked(value: Any) -> str:  # noqa: ANN401 -- any YAML value
    """Return the environments in which a person is asked."""
    return ", ".join(name for name, each in environments(value).items() if at(each, "approval") != "automatic")


def _members(value: Any, approvers: dict[Any, Any]) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    for role in approvers:
        yield from _names(value, "approvers", role)


def _roles(value: Any, approvers: dict[Any, Any]) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """Hold the roles of both keys against each other, and the people against the places."""
    required = at(value, *HERE, "required")
    if not isinstance(required, dict):
        return  # said by the record itself
    found = [*_each_role(value, approvers, required)]
    yield from found
    counts = [number for number in required.values() if isinstance(number, int)]
    if found or not _asked(value) or len(counts) < len(required):
        return
    people: dict[str, set[str]] = {}
    for role in approvers:
        for name in names(value, *HERE, "approvers", role):
            people.setdefault(fold(name), set()).add(role)
    places = [role for role, number in required.items() for _ in range(number)]
    filled = len(fill(places, list(people.values())))
    if filled < len(places):
        yield (
            REQUIRED,
            (
                f"asks for {len(places)} people, and nobody counts twice: those named fill {filled} places at most, "
                "so nothing could ever be released"
            ),
        )


def _each_role(value: Any, approvers: dict[Any, Any], required: dict[Any, Any]) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    for role, number in required.items():
        if role not in approvers:
            yield (*REQUIRED, role), f"approvers names no role {role!r}{did_you_mean(str(role), map(str, approvers))}"
            continue
        people = len({fold(name) for name in names(value, *HERE, "approvers", role)})
        if not people:
            yield (*APPROVERS, role), "names nobody, and required asks for somebody"
        elif isinstance(number, int) and people < number:
            yield (*REQUIRED, role), f"asks for {number} people, and the role has {people}"
    for role in approvers:
        if role not in required:
            near = did_you_mean(str(role), map(str, required))
            yield (*APPROVERS, role), f"required says nothing about this role{near if 'did' in near else ''}"


def _keys(value: Any) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """A key has a name of its own, and a person's key a person who may answer."""
    approvers = at(value, *HERE, "approvers")
    lists = [names(value, *HERE, "approvers", role) for role in approvers] if isinstance(approvers, dict) else []
    known = [name for each in [*lists, names(value, *HERE, "approvers")] for name in each]
    folded = {fold(name) for name in known}
    seen: set[str] = set()
    for index, key in enumerate(items(value, *HERE, "keys")):
        name, person = at(key, "name"), at(key, "person")
        if isinstance(name, str):
            if name in seen:
                yield (*HERE, "keys", index, "name"), f"another key is called {name!r} already"
            seen.add(name)
        if isinstance(person, str) and at(key, "role") == "deploy":
            yield (*HERE, "keys", index, "person"), "belongs to a key with role: approve"
        elif isinstance(person, str) and fold(person) not in folded:
            yield (*HERE, "keys", index, "person"), f"{person!r} is no approver{did_you_mean(person, known)}"


def _waivable(value: Any) -> Iterator[Problem]:  # noqa: ANN401 -- any YAML value
    """What may be waived is a finding that some rule can make."""
    yield from twice(value, *HERE, "waivable")
    rules = items(value, "policy", "rules")
    named = [at(rule, "metric") for rule in rules]  # of any type: a list or a mapping can be in no set
    known = {each for each in named if isinstance(each, str)} | {rule.metric for rule in BUILT_IN}
    for index, name in enumerate(items(value, *HERE, "waivable")):
        if not isinstance(name, str):
            continue
        metric, colon, rest = name.partition(":")
        if metric.partition("#")[0] not in known:
            yield (*HERE, "waivable", index), f"no rule is about {metric!r}{did_you_mean(metric, known)}"
        elif colon and (wrong := _no_such_finding([r for r in rules if at(r, "metric") == metric], rest)):
            yield (*HERE, "waivable", index), wrong


def _no_such_finding(rules: list[Any], rest: str) -> str:
    """Say why none of a metric's rules makes a finding with this ending; empty when one may."""
    attribute, equals, _ = rest.partition("=")
    by = [each for rule in rules for each in _by(rule)]
    if equals and attribute not in by and any(map(_by, rules)):
        return f"no rule about it is by {attribute!r}{did_you_mean(attribute, by)}"
    kind = rest.partition("#")[0].removeprefix("versus-")
    versus = [str(at(rule, "versus")) for rule in rules if at(rule, "versus")]
    if rest.startswith("versus-") and kind not in versus:
        return f"no rule about it is versus {kind!r}{did_you_mean(kind, versus)}"
    return ""


def _by(rule: Any) -> list[str]:  # noqa: ANN401 -- any YAML value
    given = at(rule, "by")
    return [given] if isinstance(given, str) else names(rule, "by")
