"""Metrics of decisions, as functions of counts by class; in draws, of many such counts at once.

The draws are those of the posterior of the counts under a prior of one row for each class that occurs (Perks 1947; with
two classes Jeffreys'), as Goutte & Gaussier 2005 do for F scores: 30 decisions, all right, do not mean "1 to 1".
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from ci_lib.measure import bootstrap
from ci_lib.measure.predictions import Floats, Integers

ROUNDING = 1e-12
"""Relative size of a variance that is 0 but for rounding."""


class Margins(NamedTuple):
    """Counts by class, each (…, classes): all that the metrics here need of a confusion matrix."""

    hits: Floats
    """Rows of the class that are decided so."""
    truths: Floats
    """Rows of the class."""
    decided: Floats
    """Rows decided so."""


Statistic = Callable[[Margins], Floats]


def margins(truth: Integers, decisions: Integers, classes: int) -> Margins:
    """Count rows by class."""
    return Margins(
        hits=np.bincount(truth[truth == decisions], minlength=classes).astype(np.float64),
        truths=np.bincount(truth, minlength=classes).astype(np.float64),
        decided=np.bincount(decisions, minlength=classes).astype(np.float64),
    )


def precision(counts: Margins) -> Floats:
    """Share of positive decisions that are right; NaN without any."""
    return _share(counts.hits[..., 1], counts.decided[..., 1])


def f1(counts: Margins) -> Floats:
    """Harmonic mean of precision and recall of the positive class."""
    return _f1_by_class(counts)[..., 1]


def macro_f1(counts: Margins) -> Floats:
    """Mean F1 of the classes that occur in truth or decisions."""
    by_class = _f1_by_class(counts)
    occurs = ~np.isnan(by_class)
    return _share(np.where(occurs, by_class, 0.0).sum(-1), occurs.sum(-1).astype(np.float64))


def matthews(counts: Margins) -> Floats:
    """Correlation of decision and outcome (Gorodkin 2004 for more than two classes); 0 when either is constant."""
    total = counts.truths.sum(-1)
    covariance = counts.hits.sum(-1) * total - (counts.truths * counts.decided).sum(-1)
    spread = (total**2 - (counts.truths**2).sum(-1)) * (total**2 - (counts.decided**2).sum(-1))
    varies = spread > ROUNDING * total**4
    return np.where(varies, covariance / np.sqrt(np.where(varies, spread, 1.0)), 0.0)


STATISTICS: Mapping[str, Statistic] = {
    "precision": precision,
    "f1": f1,
    "macro_f1": macro_f1,
    "matthews_correlation": matthews,
}


def draws(statistic: Statistic, truth: Integers, decisions: Integers, classes: int, seed: int) -> Floats:
    """Return posterior draws of a statistic of one model's decisions."""
    cells, counts = _cells(truth, decisions[:, None], classes)
    return bootstrap.of_cells(counts, lambda drawn: statistic(_sum(drawn, cells[:, 0], cells[:, 1], classes)), seed)


def paired_draws(
    statistic: Statistic, truth: Integers, first: Integers, second: Integers, classes: int, seed: int
) -> Floats:
    """Return posterior draws of the difference of a statistic, first - second, of decisions on the same rows."""
    cells, counts = _cells(truth, np.column_stack([first, second]), classes)

    def difference(drawn: Floats) -> Floats:
        of_first, of_second = (statistic(_sum(drawn, cells[:, 0], cells[:, model], classes)) for model in (1, 2))
        return of_first - of_second

    return bootstrap.of_cells(counts, difference, seed)


def _cells(truth: Integers, decisions: Integers, classes: int) -> tuple[Integers, Floats]:
    """Return the distinct (truth, decision of each model) and their counts, prior included.

    The prior's row of each class is split evenly over right and wrong decisions of each model; "wrong" is the next
    label, so that there are few more cells than distinct rows, however many classes there are.
    """
    patterns = [(0, *wrong) for wrong in product((0, 1), repeat=decisions.shape[1])]
    prior = [(np.unique(truth)[:, None] + pattern) % classes for pattern in patterns]
    observed = np.column_stack([truth, decisions])
    cells, place = np.unique(np.concatenate([observed, *prior]), axis=0, return_inverse=True)
    masses = np.full(len(place.ravel()), 1 / len(patterns))
    masses[: len(observed)] = 1
    return cells.astype(np.int64), np.bincount(place.ravel(), masses).astype(np.float64)


def _sum(drawn: Floats, truth: Integers, decision: Integers, classes: int) -> Margins:
    """Sum drawn counts (draws, cells) by class."""
    of_truth, of_decision = np.eye(classes)[truth], np.eye(classes)[decision]
    return Margins(hits=drawn @ (of_truth * of_decision), truths=drawn @ of_truth, decided=drawn @ of_decision)


def _f1_by_class(counts: Margins) -> Floats:
    return _share(2 * counts.hits, counts.truths + counts.decided)


def _share(part: Floats, whole: Floats) -> Floats:
    """Divide, with NaN where the whole is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
