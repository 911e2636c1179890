"""Score the holdout with candidate and champion, measure, and let the policy decide.

The models run in child processes that see no secrets. Writes evidence.json and decision.json; ends with 0, 10 or 11.
"""

import tempfile
from pathlib import Path

from ci_lib.candidate import Candidate
from ci_lib.dataset import Dataset
from ci_lib.decision import decide
from ci_lib.errors import Exit
from ci_lib.job import Job
from ci_lib.probe.children import Children
from ci_lib.protected import shown

CODES = {"pass": Exit.DONE, "fail": Exit.FAIL, "inconclusive": Exit.INCONCLUSIVE}


def main(job: Job) -> int:
    """Validate one candidate."""
    dataset = Dataset.read(job.chain / "dataset.json")
    candidate = Candidate.read(job.chain / "candidate.json")
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch, Children(job.env, Path(scratch)) as children:
        children.start("candidate", ahead=True)
        children.start("again")
        from ci_lib.validation import validate  # noqa: PLC0415 -- imports MLflow, while the children start

        evidence = validate(job, dataset, candidate, children)
    decision = shown(decide(job.config.policy, dataset, evidence), job.policy_source, job.policy_changes)
    files = [evidence.write(job.chain / "evidence.json"), decision.write(job.chain / "decision.json")]
    if candidate.run_id is not None:
        job.open_registry(job.registry_uri()).log_files(candidate.run_id, files, "ml-release")
    for finding in decision.findings:
        if finding.outcome != "pass":
            job.console.say(f"   {finding}")
    job.console.say(f"   policy source: {decision.policy_source}")
    passed = sum(finding.outcome == "pass" for finding in decision.findings)
    job.console.say(f"   verdict {decision.verdict}: {passed} of {len(decision.findings)} findings pass")
    return CODES[decision.verdict]
