"""What is measured on the holdout, put together: one flat list. Pure: scores in, measurements out."""

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ci_lib.config import Config
from ci_lib.measure import compare, dummy, fairness, performance
from ci_lib.measure.intervals import order_statistics, values_needed
from ci_lib.measure.predictions import Predictions
from ci_lib.measurement import Measurement, Of, Scope
from ci_lib.probe.request import Answer, Importance

SEED = 0
"""Of every resampling: the same scores give the same intervals."""

Scores = NDArray[np.float64]

MEGA = 1e6
CANDIDATE = Scope(of="candidate")


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """The rows that judge."""

    truth: NDArray[Any]
    """Binary: 0 and 1. Multiclass: index of the label. Regression: values."""
    labels: tuple[str, ...]
    """Binary: negative, positive. Multiclass: all. Regression: none."""
    attributes: Mapping[str, NDArray[Any]]
    """Sensitive attributes as text."""
    train_truth: NDArray[Any]
    """Encoded target of the training rows: all that the dummy knows."""


def assess(
    config: Config, holdout: Holdout, candidate: NDArray[np.float64], champion: NDArray[np.float64] | None
) -> list[Measurement]:
    """Measure the candidate, the champion and the dummy on the same rows, and their differences."""
    made = predictions(config, holdout.labels, candidate)
    others: list[tuple[Of, Of, Predictions]] = [("dummy", "candidate - dummy", _dummy(config, holdout))]
    if champion is not None:
        others.append(("champion", "candidate - champion", predictions(config, holdout.labels, champion)))
    found = performance.measure(holdout.truth, made, of="candidate", **_sure(config))
    for name, difference, other in others:
        found += performance.measure(holdout.truth, other, of=name, **_sure(config))
        found += compare.measure(holdout.truth, made, other, of=difference, **_sure(config))
    if config.task == "binary" and holdout.attributes:
        groups: dict[str, Any] = {"confidence": config.policy.confidence, "min_group": config.policy.min_group}
        found += fairness.measure(holdout.truth, made, holdout.attributes, of="candidate", **groups)
        for name, _, other in others[1:]:
            found += fairness.measure(holdout.truth, other, holdout.attributes, of=name, **groups)
    return found


def _dummy(config: Config, holdout: Holdout) -> Predictions:
    """Return what a model that knows only the training target would answer."""
    rows = len(holdout.truth)
    if config.task == "regression":
        return dummy.number(float(np.mean(holdout.train_truth)), rows=rows)
    threshold = config.threshold if config.task == "binary" else None
    names, counts = np.unique(holdout.train_truth, return_counts=True)
    balance = {holdout.labels[int(name)]: int(count) for name, count in zip(names, counts, strict=True)}
    return dummy.classes(config.task, balance, holdout.labels, rows=rows, threshold=threshold)


def predictions(config: Config, labels: tuple[str, ...], scores: NDArray[np.float64]) -> Predictions:
    """Wrap scores with what turns them into decisions."""
    threshold = config.threshold if config.task == "binary" else None
    return Predictions(task=config.task, scores=scores, labels=labels, threshold=threshold)


def ordered(labels: tuple[str, ...], positive: str | None) -> tuple[str, ...]:
    """Return the labels in the order of the encoded target: for binary, the negative one first."""
    return labels if positive is None else tuple(sorted(labels, key=lambda label: label == positive))


def _sure(config: Config) -> dict[str, Any]:
    return {"confidence": config.policy.confidence, "seed": SEED}


def operations(answer: Answer, fresh: Answer, size: int, confidence: float) -> Iterator[Measurement]:
    """Yield what running the model costs.

    Args:
        answer: of the child process that was timed.
        fresh: of the one that had imported nothing of what the model needs.
        size: bytes of the model.
        confidence: of the intervals.
    """
    milliseconds = np.sort(np.array(answer.latencies)) * 1e3
    for metric, share in (("latency_p50_ms", 0.5), ("latency_p99_ms", 0.99)):
        yield _latency(metric, milliseconds, share, confidence)
    yield _count("model_size_mb", size / MEGA)
    yield _count("load_seconds", fresh.load_seconds, method="one run")
    note = ", ".join(answer.mismatches)
    yield _count("requirements_mismatch", len(answer.mismatches), note=note)


def _latency(metric: str, milliseconds: NDArray[np.float64], share: float, confidence: float) -> Measurement:
    n = len(milliseconds)
    if not n:
        return Measurement(metric=metric, scope=CANDIDATE, value=None, n=0, method="none", note="nothing was timed")
    value = float(np.quantile(milliseconds, share))
    found = order_statistics(milliseconds.tolist(), share, confidence)
    if found is None:  # a number without an interval would be taken for certain
        note = (
            f"{n:,} timed predictions are too few for an interval: {value:.3g} ms; {values_needed(share, confidence):,}"
        )
        return Measurement(metric=metric, scope=CANDIDATE, value=None, n=n, method="none", note=f"{note} are needed")
    return Measurement(
        metric=metric, scope=CANDIDATE, value=value, low=min(found.low, value), high=max(found.high, value),
        confidence=confidence, n=n, method="order statistics",
    )  # fmt: skip


def _count(metric: str, value: float, *, method: str = "count", note: str = "") -> Measurement:
    return Measurement(metric=metric, scope=CANDIDATE, value=float(value), n=1, method=method, note=note)


def importance(found: tuple[Importance, ...], confidence: float) -> Iterator[Measurement]:
    """Yield each column's importance: mean over the shuffles, with a normal interval of that mean."""
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    for column in found:
        mean = statistics.fmean(column.drops)
        several = len(column.drops) > 1
        half = z * statistics.stdev(column.drops) / len(column.drops) ** 0.5 if several else None
        yield Measurement(
            metric="permutation_importance",
            scope=Scope(of="candidate", feature=column.column),
            value=mean,
            low=None if half is None else mean - half,
            high=None if half is None else mean + half,
            confidence=confidence,
            n=len(column.drops),
            method=f"{len(column.drops)} shuffles",
        )
