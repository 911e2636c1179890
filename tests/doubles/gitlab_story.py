"""A team's releases in the order in which they happened, each moment kept as it was.

Every moment rests on those before it, so the fixtures of tests/gitlab_ci ask for each other; tests only look. A job
takes seconds, so what a moment needs of earlier jobs is taken over from a pipeline of the same commit
(`Runner.as_run_by`), and each scenario that can share a pipeline does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from doubles.gitlab_team import Team
from doubles.gitlab_world import Job, Pipeline
from doubles.project import Ran

BEFORE = ("prepare", "train", "validate", "report")


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What was to be seen at some time."""

    pipeline: Pipeline
    status: str
    """Of the pipeline."""
    jobs: Mapping[str, str]
    """Name -> status."""
    users: Mapping[str, str]
    """Name -> who runs it, as GitLab says."""
    log: str
    """Of the job that it is about."""
    code: int | None
    """Of the same."""
    history: list[dict[str, Any]]
    champion: str | None
    said: Ran | None = None
    """What a terminal showed."""
    allowed: Mapping[str, bool] = field(default_factory=dict)
    """Name -> whether its failure was let pass."""


def moment(team: Team, pipeline: Pipeline, job: Job | None = None, said: Ran | None = None) -> Moment:
    """Return what is to be seen now."""
    now = {each.name: each for each in pipeline.jobs if not each.retried}
    return Moment(
        pipeline=pipeline,
        status=pipeline.status,
        jobs={name: each.status for name, each in now.items()},
        users={name: each.user.username for name, each in now.items()},
        log=job.trace.decode() if job else "",
        code=team.runner.codes.get(job.id) if job else None,
        history=team.history(),
        champion=team.champion(),
        said=said,
        allowed={name: each.allow_failure for name, each in now.items()},
    )


def to_the_gate(team: Team, who: str = "ana") -> Pipeline:
    """Have a pipeline made, and run it until it waits for somebody."""
    return team.runner.work(team.start(who))


def again(team: Team, first: Pipeline, who: str = "ana", **more: Any) -> Pipeline:
    """Return another pipeline of the same commit at its gate."""
    return team.runner.as_run_by(team.start(who, **more), first, *BEFORE)


def approved_only(team: Team, pipeline: Pipeline, who: str) -> Job:
    """Have somebody play the gate, and the runner run that job alone: deploy is pending then."""
    team.server.world.play(pipeline.job("approve"), team.server.world.users[who], {}, {})
    gate = pipeline.job("approve")
    team.runner.run(gate)
    return gate


def deployed_with(team: Team, pipeline: Pipeline, *, swap: Mapping[str, bytes], of: str) -> Job:
    """Run deploy with other files in the artifacts of an earlier job, which are put back then."""
    kept = team.runner.where(pipeline) / "state/artifacts" / of
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    for name, data in swap.items():
        (kept / name).write_bytes(data)
    earlier, job = pipeline.job(of), pipeline.job("deploy")
    uploaded, earlier.artifacts = earlier.artifacts, earlier.artifacts | swap
    team.runner.run(job)
    earlier.artifacts = uploaded
    for path, data in before.items():
        path.write_bytes(data)
    for name in swap:
        if kept / name not in before:
            (kept / name).unlink()
    return job
