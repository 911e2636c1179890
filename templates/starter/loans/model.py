"""Three recipes for the same decision; `train.params.recipe` in release.yml chooses.

    plain       logistic regression, classes balanced
    reweighed   logistic regression, each group's outcomes reweighed (Kamiran & Calders 2012)
    forest      random forest with the same weights

All are made of scikit-learn's own types: nothing in the stored model refers to code of this project.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer

GROUPS = ["black", "hispan"]


def train(X: pd.DataFrame, y: pd.Series, params: dict[str, Any], sensitive: pd.DataFrame) -> Pipeline:  # noqa: N803
    """Return the fitted model.

    `sensitive` holds the same rows' sensitive columns: they make the weights, the model itself need not see them.
    """
    recipe = params["recipe"]
    weights = None if recipe == "plain" else reweigh(sensitive[GROUPS], y)
    model = Pipeline([*preparation(), ("classify", classifier(recipe, params))])
    return model.fit(X, y, classify__sample_weight=weights)


def preparation() -> list[tuple[str, Any]]:
    """Return the steps before the classifier.

    Columns become ranks between 0 and 1. Several use a large number for "unknown": `review` 999 in 223 rows, `liq`
    1,000,000 in nine, `gdlin` 666 in two, `term` and `lines` 999,999. As ranks these are merely the highest; scaled by
    mean and deviation they would outweigh all else.
    """
    return [
        ("impute", SimpleImputer(strategy="median")),
        ("rank", QuantileTransformer(n_quantiles=200, random_state=0)),
    ]


def classifier(recipe: str, params: dict[str, Any]) -> LogisticRegression | RandomForestClassifier:
    """Return the unfitted classifier of a recipe."""
    if recipe == "forest":
        return RandomForestClassifier(300, min_samples_leaf=5, random_state=params.get("seed", 0))
    balance = {"plain": "balanced", "reweighed": None}
    return LogisticRegression(C=params.get("C", 0.3), max_iter=5000, class_weight=balance[recipe])


def reweigh(groups: pd.DataFrame, y: pd.Series) -> np.ndarray:
    """Return weights under which group and outcome are independent: P(group) P(outcome) / P(group, outcome)."""
    group = groups.astype(str).agg("/".join, axis=1)
    rows = pd.DataFrame({"group": group.to_numpy(), "outcome": np.asarray(y)})
    expected = rows.groupby("group")["outcome"].transform("size") * rows.groupby("outcome")["group"].transform("size")
    observed = rows.groupby(["group", "outcome"])["outcome"].transform("size")
    weights: np.ndarray = (expected / observed / len(rows)).to_numpy()
    return weights
