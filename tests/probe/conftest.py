"""Small models on disk, as `train` saves them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ci_lib import saving
from ci_lib.config import Train
from ci_lib.formats import Formats
from ci_lib.probe.request import Request

Saver = Callable[..., Path]


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    """200 rows, of which ``a`` decides and ``b`` is noise."""
    generator = np.random.default_rng(0)
    return pd.DataFrame(generator.normal(size=(200, 2)), columns=["a", "b"])


@pytest.fixture
def save(tmp_path: Path, rows: pd.DataFrame) -> Saver:
    """Return what saves a fitted model and gives its directory."""

    def saver(
        model: Any, *, serialization: str = "skops", types: tuple[str, ...] = Formats().types, name: str = "model"
    ) -> Path:
        formats = Formats(serialization=("skops", "cloudpickle"), types=types)
        train = Train(entrypoint="nowhere:build", serialization=serialization)  # type: ignore[arg-type]
        saving.save(model, rows, train, formats, tmp_path / name)
        return tmp_path / name

    return saver


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Request]:
    """Return what makes a request."""

    def asker(model: Path, **changes: Any) -> Request:
        given: dict[str, Any] = {
            "model": str(model), "task": "binary", "labels": ("0", "1"), "positive": "1", "formats": Formats(),
            "out": str(tmp_path / "scores.npy"),
        }  # fmt: skip
        return Request(**given | changes)

    return asker
