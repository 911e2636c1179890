"""train: call the project's training code, log the model to MLflow, write candidate.json.

The model is what MLflow gives back when it is downloaded again: those bytes are hashed, and every later stage names
them by that digest.
"""

import tempfile
from pathlib import Path

from ci_lib import frames, manifest, saving, training
from ci_lib.candidate import Candidate
from ci_lib.ci.local import code
from ci_lib.dataset import Dataset
from ci_lib.entrypoint import resolve
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.files import write_atomically
from ci_lib.job import Job
from ci_lib.locking import environment_lock
from ci_lib.record import digest
from ci_lib.text import size


def main(job: Job) -> int:
    """Train and log one candidate."""
    train = job.config.train
    if train is None:
        message = "release.yml has no train section"
        raise BadInput(message, "add train.entrypoint, or take a model from MLflow: ml-release adopt --model-uri URI")
    dataset = Dataset.read(job.chain / "dataset.json")
    rows = _rows(job, dataset)
    function = resolve(train.entrypoint, job.project)
    # Before the fit, which may take hours: is there a registry to bring the model to?
    registry = job.open_registry(job.registry_uri())
    experiment = registry.experiment(job.config.model)
    with job.console.step(f"fit {train.entrypoint} on {dataset.train.rows:,} rows"):
        fitted = training.fit(function, train, rows, job.project)
    lock = environment_lock()
    write_atomically(job.chain / "environment.txt", lock)
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch, job.console.step("log the model to MLflow"):
        folder = Path(scratch) / "model"
        needed = saving.save(fitted.model, rows.features, train, job.config.policy.formats, folder)
        logged = registry.upload_model(
            experiment,
            folder,
            tags={"ml-release.dataset": dataset.digest()},
            params={"entrypoint": train.entrypoint, "seed": train.seed, **train.params},
            metrics={"fit_seconds": fitted.seconds},
        )
        files = manifest.scan(registry.download(logged.uri, Path(scratch) / "back"))
        if difference := manifest.difference(manifest.scan(folder), files):
            message = f"MLflow gave back other bytes than it was given: {difference}"
            raise Refused(message, "check the artifact store, then ml-release train")
    candidate = Candidate(
        model=job.config.model,
        dataset=dataset.digest(),
        manifest=files,
        registry=registry.address,
        model_uri=logged.uri,
        run_id=logged.run_id,
        serialization=train.serialization,
        flavors=("python_function", "sklearn"),
        requirements=needed,
        entrypoint=train.entrypoint,
        params={key: str(value) for key, value in train.params.items()},
        seed=train.seed,
        environment=digest(lock),
        code=code(job.project),
        authors=tuple(job.ci.makers()),
        trained_at=job.clock(),
        seconds=round(fitted.seconds, 3),
    )
    registry.log_files(logged.run_id, [candidate.write(job.chain / "candidate.json")], "ml-release")
    job.console.say(f"   candidate {files.digest()[7:15]} ({size(files.size)}) is {logged.uri}")
    return Exit.DONE


def _rows(job: Job, dataset: Dataset) -> training.Rows:
    frame = frames.load_split(job.chain, dataset, "train")
    return training.Rows(
        features=frames.features(frame, dataset),
        target=frames.target(frame, dataset),
        sensitive=frames.sensitive(frame, dataset),
    )
