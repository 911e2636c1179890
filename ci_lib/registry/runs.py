"""Experiments and runs: where candidates are logged, what they are marked with, and their files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ci_lib.errors import Refused
from ci_lib.registry.api import MlflowException, RunTag
from ci_lib.registry.connection import Connection
from ci_lib.registry.trouble import answering, code


class Runs(Connection):
    """What is asked of experiments and runs."""

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made when it is not there.

        Raises:
            Refused: somebody deleted it.
        """
        with answering(self.address):
            found = self._client.get_experiment_by_name(name)
            if found is None:
                try:
                    return str(self._client.create_experiment(name, artifact_location=self._artifacts()))
                except MlflowException as error:
                    if code(error) != "RESOURCE_ALREADY_EXISTS":
                        raise
                    found = self._client.get_experiment_by_name(name)
        if found.lifecycle_stage != "active":
            message = f"somebody deleted the MLflow experiment {name!r} (id {found.experiment_id}) at {self.address}"
            raise Refused(message, f"mlflow experiments restore --experiment-id {found.experiment_id}")
        return str(found.experiment_id)

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run: hints for people who look at MLflow, never evidence."""
        with answering(self.address):
            self._client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def count_runs(self, experiment: str, tags: Mapping[str, str], other_than: str | None = None) -> int:
        """Count the runs of an experiment that have all these tags, 1,000 at most, leaving one out.

        Args:
            experiment: its id.
            tags: names and values without quotes in them.
            other_than: id of a run that does not count.
        """
        filters = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        with answering(self.address):
            found = self._client.search_runs([experiment], filter_string=filters, max_results=1000)
        return sum(run.info.run_id != other_than for run in found)

    def log_files(self, run_id: str, paths: Sequence[Path], folder: str) -> None:
        """Upload files as artifacts of a run, below `folder`; a directory keeps its name and what is in it."""
        with answering(self.address):
            for path in paths:
                if path.is_dir():
                    self._client.log_artifacts(run_id, str(path), f"{folder}/{path.name}")
                else:
                    self._client.log_artifact(run_id, str(path), folder)

    def _artifacts(self) -> str | None:
        """Return where an embedded registry keeps its files; a server decides for itself."""
        if not self.address.startswith("sqlite"):
            return None
        return str(self._project / "mlartifacts")
