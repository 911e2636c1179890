"""MLflow, and nothing else knows MLflow.

`address` checks and completes an MLflow address, `api` is the one place that imports MLflow, `trouble` turns what it
raises into our errors. `client` is what jobs call, put together from `runs`, `models` and `versions`, each on an opened
`connection`; `ledger_run` holds a ledger, `capability` finds out what a server cannot promise.
"""

from ci_lib.registry.client import Registry
from ci_lib.registry.ledger_run import LedgerRun
from ci_lib.registry.models import LoggedModel
from ci_lib.registry.versions import OP, Registered, Version

__all__ = ["OP", "LedgerRun", "LoggedModel", "Registered", "Registry", "Version"]
