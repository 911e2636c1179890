"""What became of the manual jobs: held against the signed answers right before a release.

Each check has its own sentence. A gate that was played again makes a new job with a new user, and the job before it is
`retried`: only the newest one counts. A no is not taken back by whoever plays its job again, so there each one counts.
"""

from collections.abc import Collection, Mapping, Sequence

from ci_lib.approval import Approval
from ci_lib.ci.gitlab.jobs import NEVER_PLAYED, Played
from ci_lib.ci.gitlab.people import is_bot
from ci_lib.errors import Refused
from ci_lib.vouching import GitLabServer

AGAIN = "ask again: start a new pipeline, and play its gate"


def newest(jobs: Sequence[Played]) -> Mapping[str, Played]:
    """Return the newest job of each name."""
    return {job.name: job for job in sorted(jobs, key=lambda job: job.id)}


def confirm(
    approvals: Sequence[Approval],
    jobs: Sequence[Played],
    *,
    pipeline: str,
    server: GitLabServer,
    approvers: Collection[str],
) -> None:
    """Refuse answers that are not what GitLab knows now.

    Args:
        approvals: the answers, their signatures checked.
        jobs: every job of this pipeline, retried ones too.
        pipeline: address of this pipeline.
        server: the policy's names of the gates.
        approvers: the policy's.

    Raises:
        Refused: one of the checks does not hold.
    """
    now = newest(jobs)
    for each in jobs:
        if each.name == server.reject:
            _not_rejected(each, approvers)
    by_address = {job.url: job for job in jobs}
    for answer in approvals:
        who = f"GitLab: the answer of {answer.approver.id!r}"
        # (1) It was given in this pipeline,
        if answer.pipeline != pipeline:
            message = f"{who} was given in {answer.pipeline}, and this is {pipeline}"
            raise Refused(message, AGAIN)
        # (2) in a job of it,
        job = by_address.get(answer.job)
        if job is None:
            message = f"{who} was given in no job of this pipeline ({answer.job or 'on a laptop'})"
            raise Refused(message, AGAIN)
        # (3) that is a gate,
        if job.name not in (server.gates if answer.decision == "approved" else (*server.gates, server.reject)):
            message = f"{who} was given in the job {job.name!r}, which is no gate in release.yml"
            raise Refused(message, "policy.approval.gitlab.gates in release.yml")
        # (4) that nobody has played since,
        last = now[job.name]
        if last.id != job.id:
            message = f"{who} no longer counts: {last.user.username!r} played {job.name!r} again (job {last.id})"
            raise Refused(message, AGAIN)
        # (5) that this person played, as GitLab says now,
        if job.user.username.casefold() != answer.approver.id.casefold():
            message = f"{who} was given in job {job.id}, and GitLab says that {job.user.username!r} played it"
            raise Refused(message, "find out who could write the approvals between the jobs")
        # (6) and that ended as a gate does.
        if answer.decision == "approved" and not (job.started and job.status == "success"):
            message = f"{who} was given in job {job.id}, which is {job.status}"
            raise Refused(message, AGAIN)


def words(job: Played) -> str:
    """Return how a gate's job stands."""
    if job.status in NEVER_PLAYED:
        return f"{job.name} has not been played: {job.url}"
    return f"{job.name} was played by {job.user.username} and is {job.status}: {job.url}"


def _not_rejected(job: Played, approvers: Collection[str]) -> None:
    """Refuse when an approver played the job that rejects, however it ended, and whoever played it again since."""
    if job.status in NEVER_PLAYED or is_bot(job.user):
        return
    if job.user.username.casefold() in {name.casefold() for name in approvers}:
        message = f"GitLab: {job.user.username!r} played {job.name!r} (job {job.id}): this candidate is rejected"
        raise Refused(message, "read why in that job's log, change the model or the data, and start a new pipeline")
