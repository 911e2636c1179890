"""What is suspicious about the rows: columns that give the target away, rows on both sides, gaps, constants.

These are measurements, not errors: the policy decides. Limits that fit them, calibrated on the mortgage applications
that the tests use (see `LEAK_SCORE_LIMIT` and `LEAK_LIFT_LIMIT`), belong to the built-in rules.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ci_lib.columns import constant, describe
from ci_lib.config import Data
from ci_lib.content import kind
from ci_lib.measure.catalogue import Task
from ci_lib.measurement import Measurement, Scope
from ci_lib.splitting import Rows

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[Any]

Z = 1.959963984540054
"""Normal quantile of a 95 % interval."""
FOLDS = 5
DEPTH = 3
MOST = 50_000
"""Leak scores are computed on at most so many train rows: a leak shows on far fewer."""
LEVELS = 50
"""A number with more values than this is cut into `BINS` bins before its levels are looked at."""
BINS = 20
SMALLEST = 0.01
"""A level has at least this share of the train rows."""
DATA = Scope(of="data")


def measure(frame: "pd.DataFrame", train: Rows, holdout: Rows, data: Data, task: Task) -> tuple[Measurement, ...]:
    """Measure everything about the rows that a rule may name.

    Args:
        frame: all rows, without the dropped columns, with a checked target.
        train: row numbers of train.
        holdout: row numbers of the holdout.
        data: the columns' roles.
        task: the kind of target.
    """
    features = [each.name for each in describe(frame, data) if each.role == "feature" or each.also_feature]
    learned = frame.iloc[train]
    found = list(_rows(frame[[*features, data.target]], train, holdout))
    found += _gaps(learned[features])
    found += [_score(learned[name], learned[data.target], task) for name in features]
    if task != "regression":
        found += [_lift(learned[name], learned[data.target]) for name in features]
    return tuple(found)


def _count(metric: str, value: int, n: int, note: str = "") -> Measurement:
    return Measurement(metric=metric, scope=DATA, value=float(value), n=n, method="count", note=note)


def _rows(frame: "pd.DataFrame", train: Rows, holdout: Rows) -> Iterator[Measurement]:
    """Count rows that stand on both sides, and rows that train has more than once."""
    codes = _codes(frame)
    overlap = np.isin(codes[holdout], codes[train])
    yield _count("overlap_rows", int(overlap.sum()), len(holdout), _example("holdout", holdout[overlap]))
    _, position, times = np.unique(codes[train], return_inverse=True, return_counts=True)
    twice = times[position.reshape(-1)] > 1
    yield _count("duplicate_rows", int(twice.sum()), len(train), _example("train", train[twice]))


def _codes(frame: "pd.DataFrame") -> Array:
    """Number the rows so that equal ones, missing values included, get equal numbers."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    coded = pd.DataFrame({each: pd.factorize(frame[name], use_na_sentinel=False)[0] for each, name in enumerate(frame)})
    numbers: Array = coded.groupby(list(coded.columns), sort=False).ngroup().to_numpy()
    return numbers


def _example(side: str, rows: Rows) -> str:
    return f"first {side} row: row {int(rows[0]) + 1} of the source" if len(rows) else ""


def _gaps(frame: "pd.DataFrame") -> Iterator[Measurement]:
    """Give the share of missing values of each column that has any, and count the columns with one value."""
    rows = len(frame)
    single = [str(name) for name in frame.columns if constant(frame[name])]
    yield Measurement(
        metric="constant_columns",
        scope=DATA,
        value=float(len(single)),
        n=rows,
        method="count",
        note=", ".join(single),
    )
    for name in frame.columns:
        missing = int(frame[name].isna().sum())
        if missing:
            low, high = _wilson(missing, rows)
            yield Measurement(
                metric="missing_share",
                scope=Scope(of="data", feature=str(name)),
                value=missing / rows,
                low=low,
                high=high,
                scale="logit",
                n=rows,
                method="wilson",
            )


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share (Wilson 1927)."""
    share, square = hits / rows, Z * Z
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    half = Z / (1 + square / rows) * math.sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    return max(0.0, middle - half), min(1.0, middle + half)


def _score(values: "pd.Series", target: "pd.Series", task: Task) -> Measurement:
    """Measure how well a shallow tree predicts the target from one column, out of fold."""
    values, target = _thinned(values), _thinned(target)
    score, note = _cross_validated(values, target, task)
    return Measurement(
        metric="leak_score",
        scope=Scope(of="data", feature=str(values.name)),
        value=score,
        n=len(values),
        method=f"{FOLDS}-fold cross-validation",
        note=note,
    )


def _thinned(values: "pd.Series") -> "pd.Series":
    return values if len(values) <= MOST else values.iloc[np.linspace(0, len(values) - 1, MOST).astype(int)]


def _cross_validated(values: "pd.Series", target: "pd.Series", task: Task) -> tuple[float | None, str]:
    from sklearn.model_selection import KFold, StratifiedKFold  # noqa: PLC0415 -- heavy

    if task != "regression":
        counts = target.value_counts()
        scored = target.isin(counts.index[counts >= FOLDS]).to_numpy()
        values, target = values[scored], target[scored]
    if len(target) < 2 * FOLDS or constant(target):
        return None, f"too few rows in train for {FOLDS} folds"
    if constant(values):
        return 0.0, "one value only"
    outcomes = _outcomes(target, task)
    folds = (KFold if task == "regression" else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    strata = outcomes.argmax(axis=1)
    scores = [_fold(values, outcomes, fit, judge, task) for fit, judge in folds.split(outcomes, strata)]
    score = float(np.clip(np.mean(scores, axis=0), 0, 1).max())
    alone = f"R² {score:.2f}" if task == "regression" else f"AUC {(1 + score) / 2:.2f}"
    return score, f"{alone} from this column alone"


def _outcomes(target: "pd.Series", task: Task) -> Array:
    """Return the target as numbers: one column for regression, one a label for classes."""
    if task == "regression":
        numbers: Array = target.to_numpy(dtype=float).reshape(-1, 1)
        return numbers
    codes, levels = target.factorize(sort=True)
    shares: Array = np.eye(len(levels))[codes]
    return shares


def _fold(values: "pd.Series", outcomes: Array, fit: Rows, judge: Rows, task: Task) -> list[float]:
    """Fit a tree on one part and score it on the other, by label for classes."""
    from sklearn.metrics import r2_score, roc_auc_score  # noqa: PLC0415 -- heavy
    from sklearn.tree import DecisionTreeRegressor  # noqa: PLC0415

    inputs = _inputs(values, outcomes, fit)
    # On 0/1 outcomes a regression tree splits by the Gini impurity and predicts the shares.
    tree = DecisionTreeRegressor(max_depth=DEPTH, random_state=0).fit(inputs[fit], outcomes[fit])
    guess = tree.predict(inputs[judge]).reshape(len(judge), -1)
    if task == "regression":
        return [float(r2_score(outcomes[judge, 0], guess[:, 0]))]
    return [abs(2 * float(roc_auc_score(outcomes[judge, each], guess[:, each])) - 1) for each in range(guess.shape[1])]


def _inputs(values: "pd.Series", outcomes: Array, fit: Rows) -> Array:
    """Return what the tree sees: numbers and times as ranks, text as the mean outcome of its level.

    A tree sees only the order of numbers, and ranks fit the 32-bit floats it works on whatever their size.
    """
    ordered = kind(values) != "category"
    codes, levels = values.factorize(sort=ordered, use_na_sentinel=ordered)
    if ordered:
        ranks: Array = np.where(codes < 0, np.nan, codes).astype(float).reshape(-1, 1)
        return ranks
    rows = np.bincount(codes[fit], minlength=len(levels))[:, None]
    sums = np.stack([np.bincount(codes[fit], column, len(levels)) for column in outcomes[fit].T], axis=1)
    # One pseudo-row at the mean: a level with one row says little, an unseen one nothing.
    means: Array = (sums + outcomes[fit].mean(axis=0)) / (rows + 1)
    return np.asarray(means[codes])


def _lift(values: "pd.Series", target: "pd.Series") -> Measurement:
    """Find the level that is most surely of one label, against the base rate of that label."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    table = pd.crosstab(_levels(values), target.to_numpy(), dropna=False)
    rows = len(target)
    bases = table.sum(axis=0) / rows
    best, note = 0.0, "no level is surer than the base rate"
    for level, hits in table[table.sum(axis=1) >= SMALLEST * rows].iterrows():
        size = int(hits.sum())
        for label, base in bases.items():
            lift = (_wilson(int(hits[label]), size)[0] - base) / (1 - base)
            if lift > best:
                best, note = (
                    float(lift),
                    f"{level}: {hits[label]} of {size} rows are {label}, against {base:.1%} of all",
                )
    scope = Scope(of="data", feature=str(values.name))
    return Measurement(metric="leak_lift", scope=scope, value=best, n=rows, method="wilson lower bound", note=note)


def _levels(values: "pd.Series") -> Array:
    """Return each row's level in words; numbers with many values are cut at quantiles."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    numeric = kind(values) in ("number", "time")
    if numeric and values.nunique() > LEVELS:
        finite = values.where(~values.isin([math.inf, -math.inf]))
        values = pd.qcut(finite, BINS, duplicates="drop").astype(object)
    texts = values.astype(object).map(_level)
    levels: Array = texts.where(values.notna(), "missing").to_numpy(dtype=object)
    return levels


def _level(value: object) -> str:
    """Write a level in words; the ends of a range without the noise of floats."""
    if isinstance(value, float):
        return f"{value:g}"
    left, right = getattr(value, "left", None), getattr(value, "right", None)
    if isinstance(left, float) and isinstance(right, float):
        return f"({left:.6g}, {right:.6g}]"
    return str(value)
