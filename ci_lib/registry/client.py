"""What the jobs ask of MLflow: runs, models' files, versions, the ledger's runs, and what a server cannot promise."""

from ci_lib.registry.capability import Weakness, weaknesses
from ci_lib.registry.ledger_run import LedgerRun
from ci_lib.registry.models import Models
from ci_lib.registry.runs import Runs
from ci_lib.registry.trouble import answering
from ci_lib.registry.versions import Versions


class Registry(Runs, Models, Versions):
    """One MLflow server or database, see `Connection`."""

    def weaknesses(self) -> tuple[Weakness, ...]:
        """Return what this MLflow cannot promise; two requests to a server elsewhere, none to any other.

        Raises:
            BadInput: the server wants other credentials.
            Unavailable: it does not answer.
        """
        with answering(self.address):
            return weaknesses(self.address, self._ask)

    def ledger(self, name: str) -> LedgerRun | None:
        """Return the runs that hold the ledger of a production model; None when there are none yet."""
        with answering(self.address):
            return LedgerRun.find(self._client, self.address, f"ledger--{name}", self._fetch, self._segment)

    def create_ledger(self, name: str, experiment: str) -> LedgerRun:
        """Return the runs that hold the ledger, made in the experiment when there are none; racing jobs agree."""
        with answering(self.address):
            name = f"ledger--{name}"
            return LedgerRun.create(self._client, self.address, name, experiment, self._fetch, self._segment)
