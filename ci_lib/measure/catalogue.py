"""The metrics that a rule may name: definition, direction, range, method and source. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]
Section = Literal["performance", "fairness", "data", "operations", "drift"]
Direction = Literal["higher", "lower", "zero", "one", "none"]

ALL: tuple[Task, ...] = ("binary", "multiclass", "regression")
CLASSES: tuple[Task, ...] = ("binary", "multiclass")


LEAK_SCORE_LIMIT = 0.8
"""AUC 0.9 (or R² 0.8) from one column alone: beyond what one honest column gives."""
LEAK_LIFT_LIMIT = 0.75
"""A level explains at least three quarters of what the base rate leaves open. A level that has one label by chance
reaches that with probability base^n where 3.84 / (n + 3.84) <= 0.25 (1 - base): about exp(-15), whatever the base."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One entry of the catalogue."""

    definition: str
    section: Section
    better: Direction
    range: str
    tasks: tuple[Task, ...]
    method: str
    source: str
    paired: bool = False
    """Can be compared with the champion and the dummy on the same rows (`versus`)."""
    by_group: bool = False
    """Needs a sensitive attribute (`by`)."""
    unit: str = ""


def _performance(definition: str, tasks: tuple[Task, ...], method: str, source: str, **more: str) -> Metric:
    return Metric(
        definition=definition, section="performance", better=more.get("better", "higher"),  # type: ignore[arg-type]
        range=more.get("range", "0 to 1"), tasks=tasks, method=method, source=source, paired=True,
    )  # fmt: skip


def _fairness(
    definition: str, better: Direction, range_: str, tasks: tuple[Task, ...], method: str, source: str
) -> Metric:
    return Metric(
        definition=definition, section="fairness", better=better, range=range_, tasks=tasks, method=method,
        source=source, by_group=True,
    )  # fmt: skip


def _other(
    definition: str,
    section: Section,
    better: Direction,
    range_: str,
    method: str,
    tasks: tuple[Task, ...] = ALL,
    **more: str,
) -> Metric:
    return Metric(
        definition=definition, section=section, better=better, range=range_, tasks=tasks, method=method,
        source=more.get("source", ""), unit=more.get("unit", ""),
    )  # fmt: skip


BOOTSTRAP = "Bayesian bootstrap, 2,000 draws, expanded percentile (Rubin 1981; Hesterberg 2015)"
COUNTS = "Bayesian bootstrap of the counts, 2,000 draws, one row of prior a class (Goutte & Gaussier 2005)"
WILSON = "Wilson score (Wilson 1927; Brown, Cai & DasGupta 2001)"

CATALOGUE: dict[str, Metric] = {
    # performance: classes
    "accuracy": _performance("share of rows decided right", CLASSES, WILSON, "sklearn.metrics.accuracy_score"),
    "balanced_accuracy": _performance("mean of the recalls of all classes", CLASSES, "MOVER of Wilson intervals (Zou, Huang & Zhang 2009)", "sklearn.metrics.balanced_accuracy_score"),
    "precision": _performance("share of positive decisions that are right", ("binary",), WILSON, "sklearn.metrics.precision_score"),
    "recall": _performance("share of positives decided positive", ("binary",), WILSON, "sklearn.metrics.recall_score"),
    "specificity": _performance("share of negatives decided negative", ("binary",), WILSON, "recall of the negative class"),
    "f1": _performance("harmonic mean of precision and recall", ("binary",), "Wilson score of the Jaccard index, transformed (Lam, Gopal & Qian 2023)", "sklearn.metrics.f1_score"),
    "macro_f1": _performance("mean of the F1 of all classes", CLASSES, COUNTS, "sklearn.metrics.f1_score(average='macro')"),
    "roc_auc": _performance("probability that a random positive scores above a random negative, ties count half", ("binary",), "DeLong, DeLong & Clarke-Pearson 1988, Welch's t, logit interval; Newcombe 2006 with few rows or full separation", "sklearn.metrics.roc_auc_score"),
    "average_precision": _performance("area under the precision-recall steps", ("binary",), "Wilson score with the positives as n (Boyd, Eng & Page 2013)", "sklearn.metrics.average_precision_score"),
    "log_loss": _performance("mean negative log-likelihood of the true label", CLASSES, BOOTSTRAP, "sklearn.metrics.log_loss", better="lower", range="0 and up"),
    "brier": _performance("mean squared difference of score and outcome", ("binary",), BOOTSTRAP, "sklearn.metrics.brier_score_loss", better="lower"),
    "matthews_correlation": _performance("correlation of decision and outcome", CLASSES, COUNTS, "sklearn.metrics.matthews_corrcoef", range="-1 to 1"),
    # performance: numbers
    "mean_absolute_error": _performance("mean absolute residual", ("regression",), BOOTSTRAP, "sklearn.metrics.mean_absolute_error", better="lower", range="0 and up"),
    "root_mean_squared_error": _performance("root of the mean squared residual", ("regression",), BOOTSTRAP, "sklearn.metrics.root_mean_squared_error", better="lower", range="0 and up"),
    "r2": _performance("share of the target's variance explained", ("regression",), BOOTSTRAP, "sklearn.metrics.r2_score", range="up to 1"),
    # fairness; positive decision rates, group minus (or over) its reference group, the largest one
    "statistical_parity_difference": _fairness("P(decision positive | group) - P(decision positive | reference)", "zero", "-1 to 1", ("binary",), "Newcombe 1998, method 10", "Dwork et al. 2012; AIF360"),
    "impact_ratio": _fairness("P(decision positive | group) / P(decision positive | reference); a limit of at least x is one of at most 1/x too", "one", "0 and up", ("binary",), "MOVER of Wilson intervals, log scale (Zou & Donner 2008)", "29 CFR 1607.4 D (four fifths); 6 RCNY 5-300"),
    "equal_opportunity_difference": _fairness("difference of the true positive rates", "zero", "-1 to 1", ("binary",), "Newcombe 1998, method 10", "Hardt, Price & Srebro 2016"),
    "average_odds_difference": _fairness("mean of the differences of true and false positive rates", "zero", "-1 to 1", ("binary",), "MOVER of two Newcombe intervals (Zou & Donner 2008)", "AIF360"),
    "selection_rate": _fairness("P(decision positive | group)", "none", "0 to 1", ("binary",), WILSON, "29 CFR 1607.4 D"),
    "base_rate": _fairness("P(outcome positive | group), a property of the rows and not of the model", "none", "0 to 1", ("binary",), WILSON, "Kleinberg, Mullainathan & Raghavan 2016"),
    # data
    "overlap_rows": _other("holdout rows that stand in train, features and target alike", "data", "lower", "0 and up", "count", unit="rows"),
    "duplicate_rows": _other("rows that stand more than once in train", "data", "lower", "0 and up", "count", unit="rows"),
    "leak_score": _other("how well one column alone predicts the target: |2 AUC - 1| of a depth-3 tree, cross-validated on train (R² for numbers, the best one-against-rest for classes)", "data", "lower", "0 to 1", "5-fold cross-validation"),
    "leak_lift": _other("largest share of a level of a column, with at least 1 % of the train rows, that has one and the same label, above what the base rate explains", "data", "lower", "0 to 1", "Wilson lower bound", tasks=CLASSES),
    "missing_share": _other("share of values missing in a column", "data", "lower", "0 to 1", WILSON),
    "constant_columns": _other("features with one value only", "data", "lower", "0 and up", "count", unit="columns"),
    "holdout_uses": _other("how often this holdout has judged a candidate of this model before", "data", "lower", "0 and up", "count"),
    # operations
    "latency_p50_ms": _other("median time of one-row predictions", "operations", "lower", "0 and up", "binomial order statistics", unit="ms"),
    "latency_p99_ms": _other("99th percentile of one-row predictions", "operations", "lower", "0 and up", "binomial order statistics", unit="ms"),
    "model_size_mb": _other("bytes of all model files / 10⁶", "operations", "lower", "0 and up", "count", unit="MB"),
    "load_seconds": _other("time to load the model in a fresh process", "operations", "lower", "0 and up", "one run", unit="s"),
    "requirements_mismatch": _other("requirements of the model that the loading process does not meet", "operations", "lower", "0 and up", "count"),
    "permutation_importance": _other("loss of the task's lead metric when one column is shuffled", "operations", "higher", "any", "10 shuffles, normal interval (Breiman 2001; Fisher et al. 2019)"),
    # drift
    "wasserstein_distance": _other("earth mover's distance of a column from its reference, over the reference's interquartile range (standard deviation where that is 0)", "drift", "lower", "0 and up", "triangle inequality with the null, samples of the batch's size drawn from the reference", source="Ramdas et al. 2017"),
    "jensen_shannon_distance": _other("root of the base-2 Jensen-Shannon divergence of a column's levels from their reference", "drift", "lower", "0 to 1", "triangle inequality with the null, samples of the batch's size drawn from the reference", source="Lin 1991; Endres & Schindelin 2003"),
    "golden_mismatches": _other("golden predictions that the loaded model does not repeat", "operations", "lower", "0 and up", "count"),
}  # fmt: skip
