"""MLflow, and nothing else knows MLflow.

`address` checks and completes an MLflow address, `api` is the one place that imports MLflow, `trouble` turns what it
raises into our errors, `client` is what jobs call, `ledger_run` is the run that holds a ledger.
"""

from ci_lib.registry.client import OP, LoggedModel, Registered, Registry, Version
from ci_lib.registry.ledger_run import LedgerRun

__all__ = ["OP", "LedgerRun", "LoggedModel", "Registered", "Registry", "Version"]
