"""Check what is in production as a consumer would, and hold a new batch of rows against the evidence.

Resolves the champion through ledger and alias, checks its bytes, loads it in a child process and repeats the golden
predictions. With --batch: drift of every feature and, where the target is known, the same metrics again.
"""

import tempfile
from pathlib import Path

from ci_lib import rows
from ci_lib.errors import Exit
from ci_lib.findings import Finding, verdict
from ci_lib.job import Job
from ci_lib.probe.children import Children
from ci_lib.text import quoted

CODES = {"pass": Exit.DONE, "fail": Exit.FAIL, "inconclusive": Exit.INCONCLUSIVE}


def main(job: Job) -> int:
    """Watch the job's environment once: 0 all is well, 10 a breach, 11 not settled."""
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch, Children(job.env, Path(scratch)) as children:
        children.start("champion", ahead=True)
        from ci_lib.monitoring import watch  # noqa: PLC0415 -- imports MLflow, while the child starts
        from ci_lib.production import open_production  # noqa: PLC0415

        batch = rows.read(job.args.batch, job.project) if job.args.batch else None
        watched = watch(job, open_production(job), batch, children)
    for finding in watched.findings:
        job.console.say(f"   {finding}")
    outcome = verdict(watched.findings)
    seen = "" if batch is None else f", batch of {len(batch):,} rows"
    job.console.say(f"   release {watched.release.number} in {job.environment}{seen}: {outcome}")
    if outcome == "fail":
        why = quoted(_why(watched.findings))
        job.console.say(f"   to go back: ml-release rollback --environment {job.environment} --reason {why}")
    return CODES[outcome]


def _why(findings: tuple[Finding, ...]) -> str:
    return "monitor: " + ", ".join(finding.name for finding in findings if finding.outcome == "fail")
