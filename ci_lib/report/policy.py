"""Whose policy judged, and what the branch's own release.yml would have had otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

from ci_lib.config import Environment
from ci_lib.decision import Decision
from ci_lib.report.lineage import Item
from ci_lib.source import Counts, Source

JUDGED = {
    "protected": "protected: the branch's had no effect",
    "branch": "this branch: the rows are its own",
    "both": "both: what the branch adds is measured too, what it leaves out stays in",
}
"""Which of the two counted, for the reader."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key that the branch has otherwise."""

    path: str
    protected: str
    branch: str
    counted: str


@dataclass(frozen=True, kw_only=True)
class Changed:
    """All of them."""

    sentence: str
    places: tuple[Key, ...]


def changed(decision: Decision) -> Changed | None:
    """Return what the branch changes in what judges; None when that is nothing."""
    if not decision.policy_changes:
        return None
    return Changed(
        sentence=(
            f"The protected policy, {decision.policy_source}, judged this candidate. This branch's own release.yml "
            "says otherwise in these places, because the branch changes them, or because it is behind. "
            "Once it is merged, its own will judge the next candidate."
        ),
        places=tuple(
            Key(path=each.path, protected=each.protected, branch=each.branch, counted=_counted(each.counts))
            for each in decision.policy_changes
        ),
    )


def _counted(counts: Counts) -> str:
    return JUDGED[counts]


def source_item(source: Source) -> Item:
    """Say where the policy was read, and what that is worth."""
    if source.protected:
        return Item(name="Policy source", text=str(source))
    return Item(name="Policy source", text=f"{source}: release.yml as it lay there, protected by nothing")


RISKS = {
    "unauthenticated": "whoever reaches it can move what is released",
    "old-server": "it has holes that are public",
}
"""What each accepted weakness of a server means for the reader."""


def accepted(environments: Mapping[str, Environment]) -> tuple[Item, ...]:
    """List the weaknesses of MLflow servers that release.yml accepts."""
    return tuple(
        Item(name=f"Accepted of {name}'s MLflow server", text=f"{risk}: {RISKS[risk]}")
        for name, each in environments.items()
        for risk in each.accept
    )
