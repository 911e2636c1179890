"""Models that do what they are told, for tests of what a model may do."""

from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier

from ci_lib import saving
from ci_lib.config import Config, Train
from ci_lib.formats import Formats

cloudpickle.register_pickle_by_value(__import__(__name__, fromlist=["Does"]))


class Does(DummyClassifier):
    """Runs a piece of code when it is asked for scores; the code may set `scores`."""

    def __init__(self, code: str = "") -> None:
        super().__init__()
        self.code = code

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 -- scikit-learn's name
        given: dict[str, Any] = {"scores": np.full((len(X), 2), 0.5)}
        exec(self.code, given)  # noqa: S102 -- what an evil model does
        return given["scores"]


def saved(code: str, rows: pd.DataFrame, into: Path) -> Path:
    """Save a model that runs code, as `train` would where the policy allows cloudpickle."""
    classes = (rows.iloc[:, 0] > 0).astype(int)
    honest = DummyClassifier().fit(rows, classes)
    train = Train(entrypoint="nowhere:build", serialization="cloudpickle")
    saving.save(honest, rows, train, Formats(serialization=("skops", "cloudpickle")), into)
    (into / "model.pkl").write_bytes(cloudpickle.dumps(Does(code).fit(rows, classes)))
    return into


def pickling(config: Config) -> Config:
    """Return a config whose policy allows cloudpickle."""
    formats = Formats(serialization=("skops", "cloudpickle"))
    return config.model_copy(update={"policy": config.policy.model_copy(update={"formats": formats})})
