"""The policy that judges is the protected one: what is taken from it, and what a branch would have had otherwise.

An author must not weaken the policy in the change that it judges. So everything in release.yml that judges is the
protected file's, and the candidate's own part, its rows and its training, is the branch's. Pure: reading either file is
`configuration`'s work.

===========================================================  =========================================================
model, task, threshold, policy, monitor, environments,       the protected file's; a difference is shown, together as
registry, data.target, data.positive                         one finding, since it had no effect
data.sensitive                                               both: what the branch adds is measured and kept from the
                                                             model, what it leaves out stays in
data.split, data.use_sensitive                               the branch's, for they belong to its rows; each difference
                                                             is a finding of its own, since it had an effect
data.source, data.drop, train                                the branch's; the commit shows them
===========================================================  =========================================================
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ci_lib.config import Config
from ci_lib.decision import Decision
from ci_lib.findings import Finding, verdict
from ci_lib.record import Record
from ci_lib.source import Change, Counts, Source

CHANGED = "policy_changed"
"""Name of the finding, and with ``:path`` of each finding about a key that is the branch's."""

TAKEN = ("model", "task", "threshold", "registry", "policy", "monitor", "environments")
"""Top-level keys that are the protected file's."""
TAKEN_OF_DATA = ("target", "positive")
BRANCH_OF_DATA = ("split", "use_sensitive")

NOT_SET = "not set"
NAMED = 3
"""So many changed keys the finding's sentence names; the report lists all."""
SHORT_LIST = 8
"""Longer lists are shown by what was added and removed."""


def combine(protected: Config, branch: Config) -> Config:
    """Return what a job goes by: the protected file's judgement of the branch's candidate."""
    added = tuple(name for name in branch.data.sensitive if name not in protected.data.sensitive)
    data = branch.data.model_copy(
        update={
            **{name: getattr(protected.data, name) for name in TAKEN_OF_DATA},
            "sensitive": (*protected.data.sensitive, *added),
        }
    )
    return branch.model_copy(update={**{name: getattr(protected, name) for name in TAKEN}, "data": data})


def differences(protected: Config, branch: Config) -> tuple[Change, ...]:
    """Return every key that judges, or belongs to the question, and that the branch has otherwise."""
    found = [change for name in TAKEN for change in _field(protected, branch, name, name, "protected")]
    for name in TAKEN_OF_DATA:
        found += _field(protected.data, branch.data, name, f"data.{name}", "protected")
    if set(protected.data.sensitive) != set(branch.data.sensitive):
        found += _field(protected.data, branch.data, "sensitive", "data.sensitive", "both")
    for name in BRANCH_OF_DATA:
        found += _field(protected.data, branch.data, name, f"data.{name}", "branch")
    return tuple(found)


def shown(decision: Decision, source: Source, changes: Sequence[Change]) -> Decision:
    """Return a decision that says whose policy it is, with a finding for what the branch would have had otherwise."""
    findings = (*decision.findings, *_findings(source, changes))
    return decision.model_copy(
        update={
            "policy_source": source,
            "policy_changes": tuple(changes),
            "findings": findings,
            "verdict": verdict(findings),
        }
    )


def _findings(source: Source, changes: Sequence[Change]) -> Iterator[Finding]:
    """Yield one finding for all that had no effect, and one for each key that had."""
    without = [change for change in changes if change.counts != "branch"]
    if without:
        yield _finding(CHANGED, f"release.yml as at {source.place}", _without_effect(source, without))
    for change in changes:
        if change.counts == "branch":
            sentence = (
                f"{change.path} is {change.branch} in this branch and {change.protected} at {source.place}; "
                "the candidate was measured with the branch's."
            )
            yield _finding(f"{CHANGED}:{change.path}", f"{change.path} as at {source.place}", sentence)


def _without_effect(source: Source, changes: Sequence[Change]) -> str:
    named = ", ".join(change.path for change in changes[:NAMED])
    more = f" and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    keys = "a key" if len(changes) == 1 else f"{len(changes)} keys"
    return (
        f"This branch's release.yml has {keys} that judge otherwise than {source.place}: {named}{more}. "
        "The protected one judged this candidate; once the branch is merged, its own would judge the next."
    )


def _finding(name: str, rule: str, sentence: str) -> Finding:
    return Finding(
        name=name,
        rule=rule,
        section="policy",
        outcome="inconclusive",
        sentence=sentence,
        measurement=None,
        limit=(None, None),
    )


def _field(protected: Record, branch: Record, name: str, path: str, counts: Counts) -> Iterator[Change]:
    """Compare one field of two records of the same kind."""
    one, other = getattr(protected, name), getattr(branch, name)
    if one == other:
        return
    if isinstance(one, Record) and isinstance(other, Record):
        yield from _fields(one, other, path, counts)
    elif isinstance(one, dict) and isinstance(other, dict):
        yield from _named(one, other, path, counts)
    elif _are_records(one) or _are_records(other):
        yield from _listed(one, other, path, counts)
    else:
        # The field's own serialiser writes it as release.yml does: a duration is "7 days".
        values = [each.model_dump(mode="json", include={name})[name] for each in (protected, branch)]
        yield _change(path, _both(*values), counts)


def _fields(protected: Record, branch: Record, path: str, counts: Counts) -> Iterator[Change]:
    for name in type(protected).model_fields:
        yield from _field(protected, branch, name, f"{path}.{name}", counts)


def _named(one: Mapping[str, Any], other: Mapping[str, Any], path: str, counts: Counts) -> Iterator[Change]:
    """Compare environments, or whatever else has names of its own."""
    for name in dict.fromkeys((*one, *other)):
        before, after = one.get(name), other.get(name)
        if isinstance(before, Record) and isinstance(after, Record):
            yield from _fields(before, after, f"{path}.{name}", counts)
        else:
            yield _change(f"{path}.{name}", (_text(before), _text(after)), counts)


def _listed(one: Sequence[Record], other: Sequence[Record], path: str, counts: Counts) -> Iterator[Change]:
    """Compare rules or keys by what they are called: their order says nothing."""
    before = _labelled([each for each in one if each not in other])
    after = _labelled([each for each in other if each not in one])
    for label in dict.fromkeys((*before, *after)):
        yield _change(f"{path}[{label}]", (_text(before.get(label)), _text(after.get(label))), counts)


def _are_records(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Record) for item in value)


def _labelled(records: Sequence[Record]) -> dict[str, Record]:
    """Return records by what they are called, counted where several are called the same."""
    seen: Counter[str] = Counter()
    found = {}
    for each in records:
        label = _label(each)
        seen[label] += 1
        found[label if seen[label] == 1 else f"{label}#{seen[label]}"] = each
    return found


def _label(record: Record) -> str:
    """Return what a rule or a key is called: a rule by its metric and what it is about, a key by its name."""
    about = [getattr(record, name, None) for name in ("metric", "name", "versus")]
    return ":".join(str(part) for part in (*about, ",".join(getattr(record, "by", ()))) if part)


def _change(path: str, both: tuple[str, str], counts: Counts) -> Change:
    return Change(path=path, protected=both[0], branch=both[1], counts=counts)


def _both(protected: object, branch: object) -> tuple[str, str]:
    """Write two values of one key; of long lists, what the branch adds and takes away."""
    if not (isinstance(protected, list) and isinstance(branch, list)) or max(len(protected), len(branch)) <= SHORT_LIST:
        return _text(protected), _text(branch)
    added = ", ".join(_text(each) for each in branch if each not in protected)
    gone = ", ".join(_text(each) for each in protected if each not in branch)
    words = "; ".join(f"{word} {names}" for word, names in (("with", added), ("without", gone)) if names)
    return f"{len(protected)} entries", f"{len(branch)} entries, {words or 'in another order'}"


def _text(value: object) -> str:
    """Write a value as release.yml has it; numbers whole, for 0.7 and 0.69999999 are two limits."""
    if isinstance(value, Record):
        return _text(value.model_dump(mode="json", exclude_defaults=True))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_text(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return NOT_SET if value is None else str(value)
