"""How GitLab moves the jobs of a pipeline on: which is next, which is skipped, which waits for a person.

Pure functions on `gitlab_world`'s jobs, from GitLab's source: ``app/services/ci/process_build_service.rb`` (what each
``when`` wants of the jobs before), ``pipeline_processing/atomic_processing_service.rb`` (which jobs those are),
``lib/gitlab/ci/status/composite.rb`` (one status of many), ``reset_skipped_jobs_service.rb`` (after a retry).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from doubles.gitlab_world import Job, Pipeline, User

COMPLETED = frozenset({"success", "failed", "canceled", "skipped"})
FINISHED = frozenset({"success", "failed", "canceled"})
"""What may be retried (``Ci::Processable#retryable?``)."""
WARNING, IGNORED = "success_with_warnings", "ignored"


def composite(jobs: Iterable["Job"], *, dag: bool = False) -> str:
    """Return one status of many, ``success`` of none: a stage's, a pipeline's, or that of what a job waits for."""
    found = {_counted(job) for job in jobs}
    if not found:
        return "success"
    if dag and found & {"skipped", IGNORED}:
        return "skipped"
    if dag and found - {"success", "failed", "canceled", "skipped", WARNING}:
        return "pending"
    passed = {WARNING, IGNORED}
    for status, allowed in (
        ("skipped", {"skipped", IGNORED}),
        ("success", {"success", "skipped", *passed}),
        ("created", {"created", *passed}),
        ("canceled", {"canceled", "success", "skipped", *passed}),
        ("pending", {"pending", "created", "skipped", *passed}),
    ):
        if found <= allowed:
            return status
    for status, any_of in (("running", {"running", "pending"}), ("manual", {"manual"}), ("running", {"created"})):
        if found & any_of:
            return status
    return "failed"


def _counted(job: "Job") -> str:
    """A job that may fail counts as passed when it did, and as not there when nobody played it."""
    if job.allow_failure and job.status in {"failed", "canceled"}:
        return WARNING
    return IGNORED if job.allow_failure and job.status == "manual" else job.status


WANTED: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "on_success": (frozenset({"success", "skipped"}), frozenset({"success"})),
    "manual": (frozenset({"success", "skipped"}), frozenset({"success"})),
    "on_failure": (frozenset({"failed"}), frozenset({"failed"})),
    "always": (frozenset({"success", "failed", "skipped"}), frozenset({"success", "failed", "skipped"})),
}
"""``when`` -> what the jobs before must have come to: those of earlier stages, or those that it needs."""


def advance(pipeline: "Pipeline") -> None:
    """Move every job on whose turn it is; stage by stage, so that one that is skipped counts for those after it."""
    moved = True
    while moved:
        moved = False
        for job in sorted(current(pipeline).values(), key=lambda job: (job.spec.stage, job.id)):
            if job.status == "created" and (status := _next(job)):
                job.status, moved = status, True


def current(pipeline: "Pipeline") -> Mapping[str, "Job"]:
    """Return the jobs that nobody retried, by name."""
    return {job.name: job for job in pipeline.jobs if not job.retried}


def _next(job: "Job") -> str | None:
    """Return what a created job becomes now; None while it waits."""
    before = composite(_before(job), dag=job.spec.dag)
    if before not in COMPLETED:
        return None
    if before not in WANTED[job.spec.when][job.spec.dag]:
        return "skipped"
    if job.spec.when == "manual":
        return "manual"
    return "failed" if outdated(job) else "pending"


def _before(job: "Job") -> list["Job"]:
    others = current(job.pipeline)
    if job.spec.dag:
        return [others[name] for name in job.spec.needs if name in others]
    return [other for other in others.values() if other.spec.stage < job.spec.stage]


def outdated(job: "Job") -> bool:
    """Say whether a newer pipeline has deployed to this job's environment (section 8.7, "Skip outdated …").

    It fails then without running, unless the project allows it; ``action: prepare`` makes no deployment.
    """
    project = job.pipeline.project
    return job.spec.deploys and project.skip_outdated and any(
        other.spec.deploys and other.status == "success" and other.spec.environment == job.spec.environment
        for pipeline in project.pipelines
        if pipeline.id > job.pipeline.id
        for other in pipeline.jobs
    )  # fmt: skip


def reset_skipped(job: "Job", user: "User") -> None:
    """After a retry: what was skipped because of it is created again, in the name of who retried (section 8.6)."""
    after = {job.name}
    for other in sorted(current(job.pipeline).values(), key=lambda each: (each.spec.stage, each.id)):
        follows = set(other.spec.needs) & after if other.spec.dag else other.spec.stage > job.spec.stage
        if not follows:
            continue
        after.add(other.name)
        if other.status in {"skipped", "created"}:
            other.status, other.user = "created", user
