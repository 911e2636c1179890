"""How GitLab's API writes what `gitlab_world` knows (section 4, "Job JSON" and "Pipeline JSON")."""

from datetime import datetime
from typing import Any

from doubles.gitlab_world import Commit, Deployment, Job, MergeRequest, Note, Pipeline, User

Json = dict[str, Any]


def user(base: str, each: User) -> Json:
    return {
        "id": each.id, "username": each.username, "name": each.name, "state": each.state, "locked": False,
        "avatar_url": None, "web_url": f"{base}/{each.username}", "public_email": "", "bot": each.bot,
    }  # fmt: skip


def pipeline_short(base: str, each: Pipeline) -> Json:
    return {
        "id": each.id, "iid": each.iid, "project_id": each.project.id, "sha": each.sha, "ref": each.ref,
        "status": each.status, "source": each.source, "created_at": None, "updated_at": None,
        "web_url": f"{base}/{each.project.path}/-/pipelines/{each.id}",
    }  # fmt: skip


def pipeline(base: str, each: Pipeline) -> Json:
    more = {"started_at": None, "finished_at": None, "duration": None, "coverage": None, "detailed_status": {}}
    return {**pipeline_short(base, each), "user": user(base, each.user), **more}


def job(base: str, each: Job) -> Json:
    """No ``when``, no exit code; ``user`` is the creator until somebody plays it."""
    return {
        "id": each.id, "status": each.status, "stage": each.name, "name": each.name, "ref": each.pipeline.ref,
        "tag": False, "coverage": None, "allow_failure": each.allow_failure, "created_at": "2026-11-24T09:00:00.000Z",
        "started_at": _time(each.started_at), "finished_at": _time(each.finished_at), "erased_at": None,
        "duration": None, "queued_duration": None, "user": user(base, each.user),
        "commit": commit(each.pipeline.project.commits[each.pipeline.sha]),
        "pipeline": pipeline_short(base, each.pipeline), "failure_reason": None,
        "web_url": f"{base}/{each.pipeline.project.path}/-/jobs/{each.id}",
        "project": {"ci_job_token_scope_enabled": False},
        "artifacts": [{"file_type": "archive", "size": 1, "filename": "artifacts.zip", "file_format": "zip"}]
        if each.artifacts
        else [],
        "runner": None, "runner_manager": None, "artifacts_expire_at": None, "archived": each.archived, "tag_list": [],
    }  # fmt: skip


def commit(each: Commit) -> Json:
    return {
        "id": each.id, "short_id": each.id[:8], "parent_ids": list(each.parents), "title": each.message.split("\n")[0],
        "message": each.message, "author_name": each.author[0], "author_email": each.author[1],
        "committer_name": each.committer[0], "committer_email": each.committer[1],
    }  # fmt: skip


def note(base: str, each: Note) -> Json:
    return {"id": each.id, "body": each.body, "author": user(base, each.author), "system": False}


def merge_request(base: str, each: MergeRequest) -> Json:
    return {"id": each.iid, "iid": each.iid, "state": each.state, "author": user(base, each.author)}


def deployment(base: str, each: Deployment) -> Json:
    return {
        "id": each.id, "iid": each.id, "status": each.status, "environment": {"name": each.environment},
        "deployable": job(base, each.job), "user": user(base, each.job.user),
        "pending_approval_count": 0 if each.approvals else 1, "approvals": each.approvals,
    }  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z") if moment else None
