"""Take a model that is in MLflow already, instead of train: for teams with training code of their own.

Any MLflow model with the pyfunc flavour will do. The files are downloaded and hashed; from here on the model is that
digest, and what happens to the place they came from does not matter.
"""

import tempfile
from pathlib import Path

from ci_lib import manifest, mlmodel
from ci_lib.candidate import Candidate
from ci_lib.ci.local import code
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Exit
from ci_lib.files import write_atomically
from ci_lib.job import Job
from ci_lib.locking import environment_lock
from ci_lib.record import digest
from ci_lib.text import size


def main(job: Job) -> int:
    """Make a candidate of one MLflow model."""
    dataset = Dataset.read(job.chain / "dataset.json")
    registry = job.open_registry(job.registry_uri())
    uri = job.args.model_uri
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch, job.console.step(f"download {uri}"):
        model = registry.download(uri, Path(scratch))
        files, info = manifest.scan(model), mlmodel.read(model)
        requirements = _requirements(model)
    if "python_function" not in info.flavors:
        message = f"{uri} has no python_function flavour, so nothing can score rows with it in one way"
        raise BadInput(
            message, "log it with one of MLflow's flavours that have it, e.g. mlflow.sklearn or mlflow.pyfunc"
        )
    lock = environment_lock()
    write_atomically(job.chain / "environment.txt", lock)
    candidate = Candidate(
        model=job.config.model,
        dataset=dataset.digest(),
        manifest=files,
        registry=registry.address,
        model_uri=uri if info.model_id is None else f"models:/{info.model_id}",
        run_id=info.run_id,
        serialization=info.serialization or "unknown",
        flavors=info.flavors,
        requirements=requirements,
        entrypoint="adopted",
        params={},
        seed=0,
        environment=digest(lock),
        code=code(job.project),
        authors=tuple(job.ci.makers()),
        trained_at=job.clock(),
        seconds=0.0,
    )
    candidate.write(job.chain / "candidate.json")
    job.console.say(f"   candidate {files.digest()[7:15]} ({size(files.size)}) is {candidate.model_uri}")
    return Exit.DONE


def _requirements(model: Path) -> tuple[str, ...]:
    path = model / "requirements.txt"
    if not path.is_file():
        return ()
    return tuple(line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
