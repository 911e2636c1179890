"""Write the report: HTML for the reviewer, Markdown, JUnit, the records beside. Works after a failed validation too."""

from collections.abc import Callable, Sequence

from ci_lib import report
from ci_lib.candidate import Candidate
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.errors import Exit
from ci_lib.evidence import Evidence
from ci_lib.job import Job
from ci_lib.record import write_atomically
from ci_lib.release import Release


def none_known() -> Sequence[Release]:
    """Stand in for a ledger that is not at hand."""
    return ()


def main(job: Job, *, history: Callable[[], Sequence[Release]] = none_known) -> int:
    """Write ``report/`` beside the records; 0 whenever it is written, for `validate` gave the verdict's exit code."""
    dataset = Dataset.read(job.chain / "dataset.json")
    candidate = Candidate.read(job.chain / "candidate.json")
    evidence = Evidence.read(job.chain / "evidence.json")
    decision = Decision.read(job.chain / "decision.json")
    with job.console.step("drawing the report"):
        written = report.render(job.config, dataset, candidate, evidence, decision, history=history())
        for name, data in written.items():
            write_atomically(job.chain / "report" / name, data)
    job.console.say(f"report  {job.chain / 'report' / 'index.html'}")
    job.console.say(f"verdict {report.headline(decision, dataset.holdout.rows)}")
    return Exit.DONE
