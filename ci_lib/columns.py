"""What each column is: role, kind, gaps; the target and its labels; the sensitive columns and their groups."""

from typing import TYPE_CHECKING

from ci_lib.config import Data
from ci_lib.content import kind
from ci_lib.dataset import Column, Role
from ci_lib.errors import BadInput
from ci_lib.measure.catalogue import Task
from ci_lib.splitting import Rows, column, row_numbers

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"
"""The group of rows whose sensitive attribute is not known."""
GROUPS = 50
"""A sensitive column with more values than this has no groups to compare."""
LABELS = 100
"""Classes with more labels than this are most likely numbers."""
NAMED = 5


def keep(frame: "pd.DataFrame", data: Data) -> "pd.DataFrame":
    """Return the frame without the columns under `data.drop`, its target as labels that read as they are written.

    Raises:
        BadInput: a column that release.yml names is not there, or nothing is left to learn from.
    """
    for name in data.drop:
        column(frame, name, "data.drop")
    for name in data.sensitive:
        column(frame, name, "data.sensitive")
    column(frame, data.target, "data.target")
    if data.split.group is not None:
        column(frame, data.split.group, "data.split.group")
    if data.split.time is not None:
        column(frame, data.split.time, "data.split.time")
    kept = frame.drop(columns=list(data.drop))
    if not any(each.role == "feature" or each.also_feature for each in describe(kept, data)):
        message = "no column is left for the model to learn from"
        raise BadInput(message, "remove names from data.drop, or set data.use_sensitive: true")
    return kept


def describe(frame: "pd.DataFrame", data: Data) -> tuple[Column, ...]:
    """Return the schema, in the order of the columns."""
    return tuple(
        Column(
            name=name,
            kind=kind(frame[name]),
            dtype=str(frame[name].dtype),
            role=_role(name, data),
            also_feature=data.use_sensitive and name in data.sensitive,
            missing=int(frame[name].isna().sum()),
            distinct=int(frame[name].nunique()),
        )
        for name in frame.columns
    )


def _role(name: str, data: Data) -> Role:
    if name in data.drop:
        return "dropped"
    if name == data.target:
        return "target"
    if name in data.sensitive:
        return "sensitive"
    if name == data.split.group:
        return "entity"
    return "time" if name == data.split.time else "feature"


def target(frame: "pd.DataFrame", data: Data, task: Task) -> "pd.Series":
    """Return the target fit for the task: numbers for regression; whole numbers, booleans or text for classes.

    Raises:
        BadInput: it has missing or infinite values, is constant, or does not fit the task.
    """
    import numpy as np  # noqa: PLC0415 -- heavy
    import pandas as pd  # noqa: PLC0415

    values = column(frame, data.target, "data.target")
    missing = values.isna()
    if missing.any():
        message = f"target {data.target!r} is missing in {int(missing.sum())} rows ({row_numbers(missing)})"
        raise BadInput(message, "fill or remove those rows")
    if kind(values) == "number" and not np.isfinite(values).all():
        where = row_numbers(~np.isfinite(values))
        message = f"target {data.target!r} is infinite in {where}"
        raise BadInput(message, "correct or remove those rows")
    if constant(values):
        message = f"target {data.target!r} is constant: every row is {values.tolist()[0]!r}"
        raise BadInput(message, "check data.target, and how the rows were selected")
    if task == "regression":
        if kind(values) != "number":
            message = f"task: regression, but target {data.target!r} holds {kind(values)} values"
            raise BadInput(message, "set task: binary or task: multiclass, or correct data.target")
        return values
    if kind(values) == "time":
        message = f"task: {task}, but target {data.target!r} holds times"
        raise BadInput(message, "correct data.target")
    labels = values.astype(object).astype(str) if isinstance(values.dtype, pd.CategoricalDtype) else values
    return _classes(labels, task)


def _classes(values: "pd.Series", task: Task) -> "pd.Series":
    if kind(values) == "number":
        whole = values == values.round()
        if not whole.all():
            first = values[~whole].iloc[0]
            message = f"task: {task}, but target {values.name!r} holds {float(first):g} in {row_numbers(~whole)}"
            raise BadInput(message, "set task: regression, or correct data.target")
        values = values.astype("int64")
    count = values.nunique()
    if task == "binary" and count != 2:  # noqa: PLR2004
        shown = ", ".join(map(repr, labels(values)[:NAMED])) + (", …" if count > NAMED else "")
        message = f"task: binary, but target {values.name!r} has {count} labels: {shown}"
        raise BadInput(message, "set task: multiclass, or correct data.target")
    if count > LABELS:
        message = f"task: {task}, but target {values.name!r} has {count} labels"
        raise BadInput(message, "set task: regression, or merge labels")
    return values


def constant(values: "pd.Series") -> bool:
    """Say whether all values are alike; missing is a value too."""
    codes = values.factorize(use_na_sentinel=False)[0]
    return bool((codes == 0).all())


def labels(values: "pd.Series") -> tuple[str, ...]:
    """Return the labels of a target as text, in the order of their values, as scikit-learn's `classes_` has them."""
    return tuple(str(label) for label in sorted(values.unique().tolist()))


def groups(values: "pd.Series") -> "pd.Series":
    """Return the groups of a sensitive column as text: 1.0 reads ``1``, an unknown value ``missing``."""
    import pandas as pd  # noqa: PLC0415 -- heavy

    return pd.Series(
        [_group(value) for value in values.astype(object)], index=values.index, name=values.name, dtype=object
    )


def _group(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 -- NaN and NaT are not equal to themselves
        return MISSING
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def check_groups(frame: "pd.DataFrame", data: Data) -> None:
    """Refuse a sensitive column on which nothing can be compared.

    Raises:
        BadInput: it has one group, or more than 50.
    """
    for name in data.sensitive:
        known = sorted(set(groups(column(frame, name, "data.sensitive"))) - {MISSING})
        if len(known) < 2:  # noqa: PLR2004 -- two groups to compare
            only = f"one group only ({known[0]!r})" if known else "no known value"
            message = f"sensitive column {name!r} has {only}: there is nothing to compare"
            raise BadInput(message, f"remove {name!r} from data.sensitive")
        if len(known) > GROUPS:
            message = f"sensitive column {name!r} has {len(known)} values: those are no groups"
            raise BadInput(message, f"put {name!r} into bands (e.g. under 25, 25 to 40, over 40) when the data is read")


def check_sides(values: "pd.Series", train: Rows, holdout: Rows, task: Task) -> None:
    """Refuse a split that cannot be learned from or judged.

    Raises:
        BadInput: a side is empty or has one label only, or the holdout has a label that train has not.
    """
    for side, rows in (("train", train), ("holdout", holdout)):
        if len(rows) == 0:
            message = f"the {side} side of the split is empty"
            raise BadInput(message, "change data.split in release.yml")
        if task != "regression" and constant(values.iloc[rows]):
            message = f"the {side} side of the split holds only the label {str(values.iloc[rows[0]])!r}"
            raise BadInput(message, "change data.split in release.yml: another share, seed, group or time")
    if task == "regression":
        return
    unseen = set(labels(values.iloc[holdout])) - set(labels(values.iloc[train]))
    if unseen:
        message = f"labels in the holdout that train does not have: {', '.join(map(repr, sorted(unseen)))}"
        raise BadInput(message, "change data.split in release.yml, or merge the labels")
