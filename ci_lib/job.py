"""What every job is given: the config, where to read and write, and the world as arguments."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ci_lib.ci.port import CI
from ci_lib.config import Config, Environment
from ci_lib.console import Console
from ci_lib.source import HERE, Change, Source

if TYPE_CHECKING:
    from ci_lib.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Job:
    """One stage of one pipeline."""

    config: Config
    project: Path
    """The directory of release.yml; relative paths in it start here."""
    chain: Path
    """Where the records of this release are: ``release/`` by default."""
    environment: str
    """The environment this job is about, ``production`` by default."""
    args: Namespace
    env: Mapping[str, str]
    console: Console
    ci: CI
    clock: Callable[[], datetime]
    """Timezone-aware now."""
    open_registry: Callable[[str], "Registry"]
    """MLflow address -> Registry; imports MLflow only when called."""
    policy_source: Source = HERE
    """Where all that judges in `config` was read."""
    policy_changes: tuple[Change, ...] = ()
    """What the branch's own release.yml says otherwise."""

    @property
    def here(self) -> Path:
        """Where this environment's approvals and release are: ``release/<environment>/``."""
        return self.chain / self.environment

    @property
    def target(self) -> Environment:
        """The environment's part of release.yml."""
        return self.config.environments[self.environment]

    def registry_uri(self) -> str:
        """Return the address where candidates live."""
        return self.config.registry or self.env.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"

    def production_uri(self) -> str:
        """Return the address of this environment's MLflow."""
        return self.target.registry or self.registry_uri()
