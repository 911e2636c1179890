"""The model: any unfitted scikit-learn estimator. ml-release fits it on the training rows only."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def build(C: float = 1.0) -> Pipeline:  # noqa: N803 -- scikit-learn's name for the inverse of the penalty's weight
    """Return the unfitted model; the arguments are `train.params` in release.yml."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=1000))
