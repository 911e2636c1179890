"""Whether decisions treat groups alike: rates by group, and each group held against the largest one.

Differences are group minus reference, ratios group over reference: below 0, or below 1, the group is worse off.
No group is dropped: one that is too small is "not assessable", which no rule takes for a pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ci_lib.errors import BadInput
from ci_lib.measure.estimate import Estimate, not_assessable, proportion, too_few
from ci_lib.measure.intervals import mover_mean, newcombe, ratio, wilson
from ci_lib.measure.levels import texts_of
from ci_lib.measure.predictions import Predictions, check_rows
from ci_lib.measurement import Measurement, Of, Scale, Scope

MISSING = "missing"
"""The group of the rows whose attribute is missing."""

DIFFERENCES = (
    "statistical_parity_difference",
    "impact_ratio",
    "equal_opportunity_difference",
    "average_odds_difference",
)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Counts of one group: all that the rates need."""

    name: str
    rows: int
    positives: int
    selected: int
    """Rows decided positive."""
    selected_positives: int

    @property
    def negatives(self) -> int:
        """Count the rows whose truth is negative."""
        return self.rows - self.positives

    @property
    def selection(self) -> tuple[int, int]:
        """Return positive decisions and rows."""
        return self.selected, self.rows

    @property
    def true_positives(self) -> tuple[int, int]:
        """Return positive decisions among positives, and positives."""
        return self.selected_positives, self.positives

    @property
    def false_positives(self) -> tuple[int, int]:
        """Return positive decisions among negatives, and negatives."""
        return self.selected - self.selected_positives, self.negatives


@dataclass(frozen=True, kw_only=True)
class Demands:
    """How small a group may be, and the confidence of the intervals."""

    confidence: float
    min_group: int
    min_positives: int


def measure(
    truth: NDArray[np.generic],
    predictions: Predictions,
    attributes: Mapping[str, NDArray[np.generic]],
    *,
    of: Of,
    confidence: float,
    min_group: int,
    min_positives: int = 10,
) -> list[Measurement]:
    """Measure rates and their differences by group, for binary decisions; nothing for other tasks.

    Args:
        truth: 0 or 1 a row.
        predictions: the model's answers; a score at or above the threshold is a positive decision.
        attributes: by name, the group of each row as text; None, NaN or empty text is the group ``missing``.
        of: whose answers they are.
        confidence: of the intervals.
        min_group: rows that a group, and its reference, must have.
        min_positives: rows of each outcome that a group, and its reference, must have where a rate is taken among them.

    Raises:
        BadInput: truth, predictions and attributes do not have the same rows.
    """
    if predictions.task != "binary":
        return []
    check_rows(truth, predictions)
    demands = Demands(confidence=confidence, min_group=min_group, min_positives=min_positives)
    unusable = predictions.unusable
    reason = f"{unusable} of {len(truth)} predictions are NaN or infinite" if unusable else ""
    found = []
    for attribute, values in attributes.items():
        groups = count(truth, predictions.decisions, values, attribute)
        found += _of_attribute(attribute, groups, of, demands, reason)
    return found


def count(
    truth: NDArray[np.generic], decisions: NDArray[np.int64], values: NDArray[np.generic], attribute: str
) -> list[Group]:
    """Count rows by group, in order of name.

    Raises:
        BadInput: there is not one group a row.
    """
    if values.shape != truth.shape:
        message = f"attribute {attribute!r} has {len(values)} values for {len(truth)} rows"
        raise BadInput(message, "give one group a row")
    names, place = np.unique(np.array([text or MISSING for text in texts_of(values)], dtype=str), return_inverse=True)
    cells = np.bincount(place * 4 + truth.astype(np.int64) * 2 + decisions, minlength=4 * len(names)).reshape(-1, 4)
    return [
        Group(name=str(name), rows=int(sum(cell)), positives=int(cell[2] + cell[3]),
              selected=int(cell[1] + cell[3]), selected_positives=int(cell[3]))
        for name, cell in zip(names, cells, strict=True)
    ]  # fmt: skip


def reference_of(groups: list[Group]) -> Group:
    """Return the largest group, of equals the first by name; "missing" only when there is no other."""
    nobody = Group(name="", rows=0, positives=0, selected=0, selected_positives=0)
    return min(groups, default=nobody, key=lambda group: (group.name == MISSING, -group.rows, group.name))


def _of_attribute(attribute: str, groups: list[Group], of: Of, demands: Demands, reason: str) -> list[Measurement]:
    """Measure rates of every group, then every group against the reference, or say why there is none."""
    found = []

    def add(metric: str, group: Group, estimate: Estimate, reference: str = "") -> None:
        scope = Scope(of=of, attribute=attribute, group=group.name, reference=reference)
        estimate = not_assessable(reason) if reason else estimate
        found.append(estimate.measurement(metric, scope, n=group.rows, confidence=demands.confidence))

    for group in groups:
        add("selection_rate", group, _rate(group.selection, demands))
        add("base_rate", group, _rate((group.positives, group.rows), demands))
    reference = reference_of(groups)
    others = [group for group in groups if group is not reference]
    for group, metric in product(others, DIFFERENCES):
        add(metric, group, _against(metric, group, reference, demands), reference.name)
    if not others:
        alone = f"{reference.name!r} is the only group" if reference.rows else "no rows"
        for metric in DIFFERENCES:
            add(metric, reference, not_assessable(alone))
    return found


def _rate(counts: tuple[int, int], demands: Demands) -> Estimate:
    if counts[1] < demands.min_group:
        return not_assessable(too_few(counts[1], demands.min_group, "row"))
    return proportion(wilson(*counts, demands.confidence))


def _against(metric: str, group: Group, reference: Group, demands: Demands) -> Estimate:
    """Estimate one difference between two groups."""
    reason = _too_small(metric, group, demands) or _too_small(metric, reference, demands, "the reference has ")
    if reason:
        return not_assessable(reason)
    confidence = demands.confidence
    if metric == "impact_ratio":
        if reference.selected == 0:
            return not_assessable("the reference has no positive decision")
        interval = ratio(group.selection, reference.selection, confidence)
        scale: Scale = "log" if interval.low > 0 else "identity"
        return Estimate(interval=interval, method="mover of wilson, log", scale=scale)
    if metric == "statistical_parity_difference":
        return Estimate(interval=newcombe(group.selection, reference.selection, confidence), method="newcombe")
    opportunity = newcombe(group.true_positives, reference.true_positives, confidence)
    if metric == "equal_opportunity_difference":
        return Estimate(interval=opportunity, method="newcombe")
    false_alarm = newcombe(group.false_positives, reference.false_positives, confidence)
    return Estimate(interval=mover_mean([opportunity, false_alarm]).clamped(-1, 1), method="mover of newcombe")


def _too_small(metric: str, group: Group, demands: Demands, who: str = "") -> str:
    """Say which of the numbers that a metric needs is too small; empty when none is."""
    needed = [(group.rows, demands.min_group, "row")]
    if metric in {"equal_opportunity_difference", "average_odds_difference"}:
        needed.append((group.positives, max(demands.min_positives, 1), "positive"))
    if metric == "average_odds_difference":
        needed.append((group.negatives, max(demands.min_positives, 1), "negative"))
    short = [too_few(found, least, what) for found, least, what in needed if found < least]
    return who + short[0] if short else ""
