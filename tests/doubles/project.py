"""A small project of a team: release.yml, data and model code in a directory, and the command line to run in it."""

import copy
import io
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from ci_lib import cli

AUTHOR = "ada"
APPROVER = "ben"

MODEL = """\
from sklearn.linear_model import LogisticRegression, LinearRegression
from sklearn.dummy import DummyRegressor

def build(C=1.0):
    return LogisticRegression(C=C)

def line():
    return LinearRegression()
"""

RELEASE: dict[str, Any] = {
    "model": "loan",
    "task": "binary",
    "data": {"source": "rows.csv", "target": "approve", "sensitive": ["group"], "split": {"holdout": 0.4, "seed": 1}},
    "train": {"entrypoint": "model:build"},
    "policy": {
        "rules": [
            {"metric": "roc_auc", "at_least": 0.7},
            {"metric": "roc_auc", "versus": "champion", "margin": 0.05},
            {"metric": "roc_auc", "versus": "dummy"},
        ],
        "approval": {"approvers": [APPROVER, "cora"], "assurance": "self-declared"},
    },
    "registry": "sqlite:///mlflow.db",
}


def binary(rows: int = 500, seed: int = 0) -> pd.DataFrame:
    """Rows that a logistic regression predicts well but not perfectly, and two groups that it treats alike."""
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(generator.normal(size=(rows, 3)).round(4), columns=["income", "debt", "age"])
    frame["group"] = generator.choice(["a", "b"], rows)
    chance = 1 / (1 + np.exp(-(2 * frame["income"] - frame["debt"])))
    frame["approve"] = (generator.random(rows) < chance).astype(int)
    return frame


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command ended with and said."""

    code: int
    out: str
    err: str


class Project:
    """A directory with a release.yml."""

    def __init__(self, root: Path, migrated: Path) -> None:
        self.root = root
        self.env: dict[str, str] = {"ML_RELEASE_USER": AUTHOR, "PATH": "/usr/local/bin:/usr/bin:/bin"}
        shutil.copy(migrated, root / "mlflow.db")
        binary().to_csv(root / "rows.csv", index=False)
        (root / "model.py").write_text(MODEL)
        self.release(RELEASE)

    def copied(self, root: Path) -> "Project":
        """Return a copy that can be broken; its database names the models' files where they are."""
        twin = copy.copy(self)
        twin.root, twin.env = root, dict(self.env)
        shutil.copytree(self.root, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("mlartifacts"))
        return twin

    def release(self, content: Mapping[str, Any]) -> None:
        """Write release.yml."""
        with (self.root / "release.yml").open("w") as file:
            YAML(typ="rt").dump(dict(content), file)  # "safe" would sort the environments

    def change(self, **keys: Any) -> None:
        """Replace keys of release.yml; ``policy__rules`` is policy.rules."""
        content = YAML(typ="safe").load((self.root / "release.yml").read_text())
        for dotted, value in keys.items():
            *path, last = dotted.split("__")
            place = content
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
        self.release(content)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run ml-release here, in this process."""
        out, err = io.StringIO(), io.StringIO()
        given = [*arguments]
        if arguments[0] not in {"init", "schema", "metrics", "keys"}:
            given += ["--config", str(self.root / "release.yml")]
        code = cli.start(given, self.env if env is None else env, out=out, err=err)
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())

    def must(self, *arguments: str, code: int = 0) -> Ran:
        """Run ml-release and insist on an exit code."""
        ran = self.run(*arguments)
        assert ran.code == code, f"{arguments} ended with {ran.code}, not {code}\n{ran.out}\n{ran.err}"
        return ran

    def to_the_gate(self) -> None:
        """Run all stages up to the gate, at which a person is asked."""
        self.must("run", "--no-page", code=12)

    def approve(self, *more: str, code: int = 0) -> Ran:
        """Approve as the reviewer, accepting what must be accepted."""
        decision = (self.root / "release" / "decision.json").read_text()
        unsettled = re.findall(r'"name": "([^"]+)",\n\s+"outcome": "inconclusive"', decision)
        accepts = [word for name in unsettled for word in ("--accept", name)]
        return self.must("approve", "--as", APPROVER, "--reason", "read it", *accepts, *more, code=code)

    def deployed(self) -> None:
        """Run, approve and deploy one release."""
        self.to_the_gate()
        self.approve()
        self.must("deploy")
