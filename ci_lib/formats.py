"""What may be loaded at all. Never read from the model's own files: a model could trust itself."""

from typing import Literal

from pydantic import field_validator

from ci_lib.record import Record

SKLEARN = (
    "numpy.dtype",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss.loss.",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.compose._column_transformer._RemainderColsList",
    "sklearn.compose._column_transformer.make_column_selector",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)
"""What scikit-learn's own estimators need beyond what skops trusts by itself: found by storing every fitted estimator
of `sklearn.utils.all_estimators` (1.9) with skops 0.16. Single types, not ``numpy.`` or ``scipy.``: those packages have
functions that run a text as code (`numpy.testing.runstring`), and skops would hand one to a `FunctionTransformer`."""

USUAL = "scikit-learn"
"""Stands for `SKLEARN` in release.yml, so that adding a type does not mean copying the list."""


class Formats(Record):
    """What may be loaded at all; never read from the model's own files."""

    serialization: tuple[Literal["skops", "cloudpickle"], ...] = ("skops",)
    types: tuple[str, ...] = SKLEARN
    """What skops may construct: a prefix ends with a dot, anything else is one exact name.

    ``scikit-learn`` stands for the default list."""

    @field_validator("types")
    @classmethod
    def _spelt_out(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = (name for each in value for name in (SKLEARN if each == USUAL else (each,)))
        return tuple(dict.fromkeys(names))

    def allows(self, name: str) -> bool:
        """Say whether skops may construct a type."""
        return any(name.startswith(kind) if kind.endswith(".") else name == kind for kind in self.types)
