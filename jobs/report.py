"""Write the report: HTML for the reviewer, Markdown, JUnit, the records beside. Works after a failed validation too."""

from collections.abc import Sequence
from dataclasses import replace

from ci_lib import chain as chains
from ci_lib import report
from ci_lib.announcement import Announcement
from ci_lib.answer import digits
from ci_lib.candidate import Candidate
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.errors import Exit, Refused, ReleaseError, Unavailable
from ci_lib.evidence import Evidence
from ci_lib.files import write_atomically
from ci_lib.job import Job
from ci_lib.production import open_production
from ci_lib.release import Release
from ci_lib.waivers import askable


def main(job: Job) -> int:
    """Write ``report/`` beside the records; 0 whenever it is written, for `validate` gave the verdict's exit code."""
    dataset = Dataset.read(job.chain / "dataset.json")
    candidate = Candidate.read(job.chain / "candidate.json")
    evidence = Evidence.read(job.chain / "evidence.json")
    decision = Decision.read(job.chain / "decision.json")
    with job.console.step("draw the report"):
        written = report.render(job.config, dataset, candidate, evidence, decision, history=_history(job))
        for name, data in written.items():
            write_atomically(job.chain / "report" / name, data)
    _keep(job, candidate)
    for line in job.ci.announce(_announcement(job, candidate, decision, dataset.holdout.rows)):
        job.console.say(f"   {line}")
    job.console.say(f"   report {job.chain / 'report' / 'index.html'}")
    job.console.say(f"   verdict: {report.headline(decision, dataset.holdout.rows)}")
    return Exit.DONE


def _announcement(job: Job, candidate: Candidate, decision: Decision, rows: int) -> Announcement:
    folder = job.chain / "report"
    return Announcement(
        model=job.config.model,
        environment=job.environment,
        verdict=decision.verdict,
        headline=report.headline(decision, rows),
        note=(folder / "note.md").read_text(encoding="utf-8"),
        report=folder,
        code=digits(chains.read(job.chain).subjects(job.config.policy.fingerprint())),
        registry=candidate.registry,
        run_id=candidate.run_id,
        waivable=decision.verdict == "fail" and askable(decision, job.config.policy.approval),
    )


def _history(job: Job) -> Sequence[Release]:
    """Return the earlier releases of every environment, the oldest first: the report says what each would replace."""
    others = [name for name in job.config.environments if name != job.environment]
    found = [*_releases(job, (Unavailable,))]
    for name in others:
        found += _releases(replace(job, environment=name), (Unavailable, Refused))
    return sorted(found, key=lambda release: (release.at, release.number))


def _releases(job: Job, bearable: tuple[type[ReleaseError], ...]) -> Sequence[Release]:
    """Return one environment's; none, and a line that says so, when they cannot be had: the report must be."""
    try:
        return open_production(job).ledger.entries()
    except bearable as error:
        job.console.say(f"   the report goes without earlier releases to {job.environment}: {error.what}")
        return ()


def _keep(job: Job, candidate: Candidate) -> None:
    """Log the report to the candidate's MLflow run, where people look for it later."""
    if candidate.run_id is None:
        return
    try:
        job.open_registry(job.registry_uri()).log_files(candidate.run_id, [job.chain / "report"], "ml-release")
    except Unavailable as error:
        job.console.say(f"   the report is not logged to MLflow: {error.what}")
