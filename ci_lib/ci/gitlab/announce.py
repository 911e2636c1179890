"""Where GitLab's people look: a note at the merge request, a status at the commit, links at the job.

The note is edited, not repeated: a hidden marker finds it again. A job token may not write notes or statuses (section 4
of GitLab's rules for job tokens), so both need a token of their own, and go without when there is none: a verdict
does not depend on whether it could be announced.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ci_lib.announcement import Announcement
from ci_lib.ci.gitlab.client import Client, Json, Misused
from ci_lib.ci.gitlab.jobs import Played
from ci_lib.errors import ReleaseError
from ci_lib.files import write_atomically
from ci_lib.vouching import GitLabServer

TOKEN = "ML_RELEASE_GITLAB_NOTE_TOKEN"  # noqa: S105 -- a variable's name
ANNOTATIONS = "gl-annotations.json"
LONGEST = 60_000
"""Bytes; GitLab takes a million characters, and nobody reads so many."""
DESCRIPTION = 140
"""Characters of a status that GitLab shows."""
STATES: Mapping[str, str] = {"pass": "success", "inconclusive": "success", "fail": "failed"}
"""A status that is pending would keep the pipeline from ending; the gate is what waits for a person."""


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where things are."""

    report: str | None
    mlflow: str | None
    pipeline: str


def links(about: Announcement, job: Played, root: Path) -> Links:
    """Return where report and MLflow run are.

    Args:
        about: what is announced.
        job: the job whose artifacts hold the report.
        root: the directory that artifacts' paths start at.
    """
    page = (about.report / "index.html").absolute()
    inside = page.is_relative_to(root.absolute())
    path = quote(page.relative_to(root.absolute()).as_posix()) if inside else ""
    web = about.registry.startswith(("http://", "https://")) and about.run_id
    return Links(
        report=f"{job.url}/artifacts/file/{path}" if inside else None,
        mlflow=f"{about.registry.rstrip('/')}/#/runs/{quote(str(about.run_id))}" if web else None,
        pipeline=job.pipeline_url,
    )


def annotations(about: Announcement, where: Links) -> bytes:
    """Return ``artifacts:reports:annotations``: links at the job's page."""
    found = {"Release report": where.report, "Model in MLflow": where.mlflow}
    shown = [
        {"external_link": {"label": f"{label}: {about.verdict}", "url": url}} for label, url in found.items() if url
    ]
    return json.dumps({"ml-release": shown}, indent=2).encode() + b"\n"


def body(about: Announcement, where: Links, pipeline: int) -> str:
    """Return the note, with a marker that finds it again and says which pipeline wrote it."""
    lines = [
        marker(about),
        f"<!-- pipeline {pipeline} -->",
        *_shortened(about.note).splitlines(),
        "",
        " · ".join(_links(where)),
        "",
        *_how_to(about),
    ]
    return "\n".join(lines) + "\n"


def marker(about: Announcement) -> str:
    """Return the hidden line that is first in the note of one model and environment."""
    return f"<!-- ml-release note of {about.model} {about.environment} -->"


def _links(where: Links) -> Iterator[str]:
    if where.report:
        yield f"[Report]({where.report})"
    if where.mlflow:
        yield f"[MLflow]({where.mlflow})"
    yield f"[Pipeline]({where.pipeline})"


def _how_to(about: Announcement) -> list[str]:
    if about.verdict == "fail" and not about.waivable:
        return ["It goes no further: change the model or the data."]
    waive = "`ML_RELEASE_WAIVE` (names) with `ML_RELEASE_OWNER` and `ML_RELEASE_UNTIL`, " if about.waivable else ""
    how = (
        "Read the report, then play `approve` or `reject` in the pipeline. To say why, or to accept a finding, give "
        f"variables or inputs with it: `ML_RELEASE_REASON`, `ML_RELEASE_ACCEPT` (names, separated by `;`), {waive}and "
        f"`ML_RELEASE_CODE`, which is your user name, a colon, and `{about.code}`."
    )
    return [how]


def _shortened(note: str) -> str:
    if len(note.encode()) <= LONGEST:
        return note
    cut = note.encode()[:LONGEST].decode(errors="ignore").rpartition("\n")[0]
    return cut + "\n\n… the report has the rest.\n"


def post(about: Announcement, where: Links, job: Played, server: GitLabServer, client: Client) -> Sequence[str]:
    """Post note and status; say what was done, or why not."""
    said = []
    for what, act in (("note", _note), ("commit status", _status)):
        try:
            said.append(act(about, where, job, server, client))
        except ReleaseError as error:
            said.append(f"GitLab: no {what}: {error.what}")
    return said


def _note(about: Announcement, where: Links, job: Played, server: GitLabServer, client: Client) -> str:
    request = _request(job, server, client)
    if request is None:
        return f"GitLab: no merge request has commit {job.sha[:12]}, so no note is written"
    path = f"/projects/{server.project}/merge_requests/{request}/notes"
    text = body(about, where, job.pipeline)
    mine = client.get("/user").get("id")
    old = next((note for note in client.every(path, sort="asc") if _is_ours(note, about, mine)), None)
    if old is None:
        client.post(path, {"body": text})
        return f"GitLab: a note at merge request !{request}"
    if _pipeline_of(old) > job.pipeline:
        return f"GitLab: merge request !{request} has the note of a newer pipeline, which stays"
    if old.get("body") != text:
        client.put(f"{path}/{old['id']}", {"body": text})
    return f"GitLab: the note at merge request !{request} is up to date"


def _is_ours(note: Json, about: Announcement, mine: object) -> bool:
    """Say whether a note is ours: anybody can write the marker, but not in our name."""
    author = note.get("author")
    return isinstance(author, dict) and author.get("id") == mine and str(note.get("body")).startswith(marker(about))


def _pipeline_of(note: Json) -> int:
    number = str(note.get("body")).partition("<!-- pipeline ")[2].partition(" ")[0]
    return int(number) if number.isdigit() else 0


def _request(job: Played, server: GitLabServer, client: Client) -> int | None:
    """Return the merge request of the commit, an open one before others."""
    found = client.every(f"/projects/{server.project}/repository/commits/{job.sha}/merge_requests")
    found.sort(key=lambda request: request.get("state") != "opened")
    return int(found[0]["iid"]) if found else None


def _status(about: Announcement, where: Links, job: Played, server: GitLabServer, client: Client) -> str:
    wanted: dict[str, Any] = {
        "state": STATES[about.verdict],
        "name": f"ml-release/{about.model}",
        "description": f"{about.verdict}: {about.headline}"[:DESCRIPTION],
        "pipeline_id": job.pipeline,
        **({"target_url": where.report} if where.report else {}),
    }
    try:
        client.post(f"/projects/{server.project}/statuses/{job.sha}", wanted)
    except Misused as error:
        if "transition" not in error.said:  # it has this state already
            raise
    return f"GitLab: commit {job.sha[:12]} is {wanted['state']}"


def write(about: Announcement, where: Links) -> None:
    """Write the file that the job's ``artifacts:reports:annotations`` names."""
    write_atomically(about.report / ANNOTATIONS, annotations(about, where))
