"""Where GitLab's people look: the note is edited, not repeated; nothing that is announced decides anything."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from doubles.gitlab import Fault
from doubles.gitlab_scene import TIP, Scene
from doubles.gitlab_world import Job, MergeRequest, Note

from ci_lib.announcement import Announcement
from ci_lib.ci.gitlab import announce
from ci_lib.findings import Outcome

NOTE_TOKEN = {"ML_RELEASE_GITLAB_NOTE_TOKEN": "note"}
MARKER = "<!-- ml-release note of loan production -->"


def about(scene: Scene, verdict: Outcome = "pass", note: str = "## Candidate\n\nfine\n", **more: str) -> Announcement:
    folder = scene.directory / "release" / "report"
    folder.mkdir(parents=True, exist_ok=True)
    return Announcement(
        model="loan", environment="production", verdict=verdict, headline="Pass: all", note=note, report=folder,
        code="0123456789ab", registry=more.get("registry", "https://mlflow.example"), run_id=more.get("run_id", "r1"),
    )  # fmt: skip


def reporting(scene: Scene) -> Job:
    pipeline = scene.at_the_gate()
    job = pipeline.job("report")
    job.status = "running"
    return job


def test_the_first_report_writes_a_note_and_the_next_edits_it(scene: Scene) -> None:
    (request,) = scene.project.requests
    first, second = reporting(scene), reporting(scene)
    scene.adapter(first, scene.server.env(first, **NOTE_TOKEN)).announce(about(scene))
    said = scene.adapter(second, scene.server.env(second, **NOTE_TOKEN)).announce(about(scene, "inconclusive"))
    (note,) = request.notes
    assert note.edited == 1
    assert note.body.startswith(f"{MARKER}\n<!-- pipeline {second.pipeline.id} -->\n## Candidate\n")
    report = f"{scene.server.url}/ml/loans/-/jobs/{second.id}/artifacts/file/release/report/index.html"
    assert f"[Report]({report}) · [MLflow](https://mlflow.example/#/runs/r1) · [Pipeline](" in note.body
    assert "a colon, and `0123456789ab`" in note.body
    assert said == ["GitLab: the note at merge request !5 is up to date", f"GitLab: commit {TIP[:12]} is success"]


def test_a_note_that_says_the_same_already_is_left_alone(scene: Scene) -> None:
    job = reporting(scene)
    env = scene.server.env(job, **NOTE_TOKEN)
    for _ in range(2):
        said = scene.adapter(job, env).announce(about(scene))
    assert scene.project.requests[0].notes[0].edited == 0
    assert [each["status"] for each in scene.project.statuses] == ["success"]
    assert said[1] == f"GitLab: commit {TIP[:12]} is success"  # "Cannot transition" is no trouble


def test_an_older_pipeline_does_not_write_over_a_newer_ones_note(scene: Scene) -> None:
    older, newer = reporting(scene), reporting(scene)
    scene.adapter(newer, scene.server.env(newer, **NOTE_TOKEN)).announce(about(scene))
    said = scene.adapter(older, scene.server.env(older, **NOTE_TOKEN)).announce(about(scene, "fail"))
    assert said[0] == "GitLab: merge request !5 has the note of a newer pipeline, which stays"


def test_a_note_of_somebody_elses_with_our_marker_is_not_ours(scene: Scene) -> None:
    request = scene.project.requests[0]
    request.notes.append(Note(1, scene.server.world.users["eve"], f"{MARKER}\n<!-- pipeline 99999999 -->\nall good"))
    job = reporting(scene)
    scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene))
    assert [note.author.username for note in request.notes] == ["eve", "project_7_bot_1f2e"]


def test_among_many_notes_ours_is_found(scene: Scene) -> None:
    """GitLab gives 20 notes a page unless asked otherwise."""
    request = scene.project.requests[0]
    request.notes = [Note(number, scene.server.world.users["eve"], "hm") for number in range(150)]
    job = reporting(scene)
    for verdict in ("pass", "fail"):
        scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene, verdict))
    assert len(request.notes) == 151


def test_an_open_merge_request_comes_before_a_merged_one(scene: Scene) -> None:
    scene.project.requests[0].state = "merged"
    scene.project.requests.append(MergeRequest(6, scene.server.world.users["ana"], (TIP,)))
    job = reporting(scene)
    scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene))
    assert [len(request.notes) for request in scene.project.requests] == [0, 1]


def test_a_note_too_long_is_cut_at_a_line(scene: Scene) -> None:
    job = reporting(scene)
    scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene, note="| ä | b |\n" * 20_000))
    body = scene.project.requests[0].notes[0].body
    assert len(body.encode()) < announce.LONGEST + 2_000
    assert "| ä | b |\n\n… the report has the rest." in body


@pytest.mark.parametrize(("verdict", "state"), [("pass", "success"), ("inconclusive", "success"), ("fail", "failed")])
def test_the_commit_gets_a_status_that_never_keeps_the_pipeline_waiting(
    scene: Scene, verdict: Outcome, state: str
) -> None:
    job = reporting(scene)
    scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene, verdict))
    (status,) = scene.project.statuses
    assert (status["status"], status["name"], status["pipeline_id"]) == (state, "ml-release/loan", job.pipeline.id)
    assert status["description"].startswith(verdict)


def test_without_a_token_for_it_there_are_links_and_no_note(scene: Scene) -> None:
    job = reporting(scene)
    said = scene.adapter(job).announce(about(scene))
    assert said == ["GitLab: no note and no commit status without ML_RELEASE_GITLAB_NOTE_TOKEN"]
    links = json.loads((scene.directory / "release" / "report" / "gl-annotations.json").read_text())
    assert [each["external_link"]["label"] for each in links["ml-release"]] == [
        "Release report: pass", "Model in MLflow: pass",
    ]  # fmt: skip


def test_a_model_in_a_file_and_a_report_outside_have_no_link(scene: Scene, tmp_path: Path) -> None:
    job = scene.adapter(reporting(scene)).here.job
    where = announce.links(about(scene, registry="sqlite:///mlflow.db"), job, tmp_path / "elsewhere")
    assert (where.report, where.mlflow) == (None, None)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [("read", "no note: 403"), ("unknown", "no note: 401"), ("bens-own", "a note at merge request !5")],
)
def test_a_token_that_may_not_is_said_and_stops_nothing(scene: Scene, token: str, sentence: str) -> None:
    job = reporting(scene)
    said = scene.adapter(job, scene.server.env(job, ML_RELEASE_GITLAB_NOTE_TOKEN=token)).announce(about(scene))
    assert sentence in said[0]


def test_a_server_that_does_not_answer_is_said_and_stops_nothing(scene: Scene) -> None:
    job = reporting(scene)
    scene.server.faults.append(Fault("/job", 500))
    (said,) = scene.adapter(job).announce(about(scene))
    assert said == f"GitLab: nothing is announced: GitLab: {scene.server.url} answered 500"


def test_a_commit_without_a_merge_request_has_no_note(scene: Scene) -> None:
    scene.project.requests.clear()
    job = reporting(scene)
    said = scene.adapter(job, scene.server.env(job, **NOTE_TOKEN)).announce(about(scene))
    assert said[0] == f"GitLab: no merge request has commit {TIP[:12]}, so no note is written"


def test_how_the_gates_stand(scene: Scene) -> None:
    pipeline = scene.at_the_gate()
    played = scene.played(pipeline)
    base = f"{scene.server.url}/ml/loans/-/jobs"
    assert list(scene.adapter(played).gates()) == [
        f"approve was played by ben and is running: {base}/{played.id}",
        f"reject has not been played: {base}/{pipeline.job('reject').id}",
    ]
    scene.server.world.job_tokens_read_jobs = False
    (said,) = scene.adapter(played).gates()
    assert said.startswith("unknown: GitLab: no token may read the jobs of pipeline")


@pytest.mark.parametrize("waivable", [True, False])
def test_a_failure_that_may_be_waived_says_how(scene: Scene, waivable: bool) -> None:
    where = announce.Links(report=None, mlflow=None, pipeline="https://gitlab.example/p")
    text = announce.body(replace(about(scene, "fail"), waivable=waivable), where, 1)
    assert ("`ML_RELEASE_WAIVE` (names) with `ML_RELEASE_OWNER` and `ML_RELEASE_UNTIL`" in text) is waivable
    assert ("It goes no further" in text) is not waivable
