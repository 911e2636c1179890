"""Whether an environment's MLflow server can keep the promise, and whether somebody decided that it may do without."""

from ci_lib.errors import Refused
from ci_lib.job import Job


def fit(job: Job, *, urgent: bool = False) -> tuple[str, ...]:
    """Return what to say about the server of the job's environment.

    Args:
        job: the stage.
        urgent: a rollback, which must go on where an operator may decide: it makes nothing worse than it is.

    Raises:
        Refused: nothing could be released there, or it has a weakness that release.yml does not accept by name.
        BadInput: the server wants other credentials.
        Unavailable: it does not answer.
    """
    found = job.open_registry(job.production_uri()).weaknesses()
    accept = f"environments.{job.environment}.accept"
    refused = [each for each in found if each.risk is None or not (urgent or each.risk in job.target.accept)]
    if refused:
        hints = dict.fromkeys(each.hint for each in refused)
        risks = ", ".join(each.risk for each in refused if each.risk)
        decided = f"; or, if somebody decides that it may stay so: {accept}: [{risks}] in release.yml" if risks else ""
        raise Refused("\n".join(each.what for each in refused), "; ".join(hints) + decided)
    return tuple(
        f"{'accepted by ' + accept if each.risk in job.target.accept else 'WARNING'}: {each.what}" for each in found
    )
