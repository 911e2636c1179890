"""The double behaves as GitLab does, seen through the real python-gitlab; the client's traps are there as well.

Section numbers are those of the notes on GitLab's behaviour that `doubles.gitlab_world` names.
"""

from typing import Any

import gitlab
import jwt
import pytest
import requests
from doubles.gitlab import Fault, Server
from doubles.gitlab_scene import FIRST, OLD, TIP, Scene
from doubles.gitlab_world import DEVELOPER, NO_ONE, Deployment
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabJobPlayError
from gitlab.v4.objects import Project

BENS = "bens-own"
WORDS = {"job_variables_attributes": [{"key": "A", "value": "1"}]}


def api(server: Server, token: str = BENS, **more: Any) -> gitlab.Gitlab:
    return gitlab.Gitlab(server.url, private_token=token, **more)


@pytest.fixture
def project(scene: Scene) -> Project:
    return api(scene.server).projects.get(7, lazy=True)


# Section 4: who may call what.


def test_without_a_token_and_with_a_wrong_one_it_is_401(scene: Scene) -> None:
    with pytest.raises(GitlabAuthenticationError):
        gitlab.Gitlab(scene.server.url).http_get("/user")
    with pytest.raises(GitlabAuthenticationError, match="401 Unauthorized"):
        api(scene.server, "wrong").http_get("/user")


@pytest.mark.parametrize("path", ["/projects/99/jobs/1", "/projects/7/jobs/1", "/projects/7/pipelines/1", "/nothing"])
def test_what_is_not_there_is_404(scene: Scene, path: str) -> None:
    with pytest.raises(gitlab.GitlabHttpError) as caught:
        api(scene.server).http_get(path)
    assert caught.value.response_code == 404


def test_who_is_no_member_finds_no_project(scene: Scene) -> None:
    scene.server.world.add_user("zoe")
    scene.server.world.add_token("zoes", "zoe")
    pipeline = scene.at_the_gate()
    with pytest.raises(gitlab.GitlabHttpError, match="404 Project Not Found"):
        api(scene.server, "zoes").http_get(f"/projects/7/pipelines/{pipeline.id}")


def test_a_token_that_may_read_may_not_write(scene: Scene) -> None:
    job = scene.at_the_gate().job("approve")
    reader = api(scene.server, "read")
    assert reader.projects.get(7, lazy=True).jobs.get(job.id).status == "manual"
    with pytest.raises(GitlabJobPlayError) as caught:
        reader.projects.get(7, lazy=True).jobs.get(job.id, lazy=True).play()
    assert caught.value.response_code == 403


# Section 4, CI_JOB_TOKEN.


def job_api(scene: Scene, *, running: bool = True) -> tuple[gitlab.Gitlab, int]:
    job = scene.played(scene.at_the_gate())
    token = scene.server.world.job_token(job).value
    if not running:
        scene.server.world.finish(job)
    return gitlab.Gitlab(scene.server.url, job_token=token), job.pipeline.id


def test_a_job_token_tells_whose_job_it_is_and_no_more(scene: Scene) -> None:
    found, pipeline = job_api(scene)
    own = found.http_get("/job")
    assert isinstance(own, dict)
    assert (own["name"], own["user"]["username"], own["pipeline"]["id"]) == ("approve", "ben", pipeline)
    assert not {"when", "exit_code"} & own.keys()
    for path in (f"/projects/7/pipelines/{pipeline}", "/projects/7/repository/commits"):
        with pytest.raises(gitlab.GitlabHttpError, match="404"):
            found.http_get(path)
    for path in (
        f"/projects/7/jobs/{own['id']}/play",
        "/projects/7/merge_requests/5/notes",
        f"/projects/7/statuses/{TIP}",
    ):
        with pytest.raises(GitlabAuthenticationError):
            found.http_post(path, post_data={"body": "x"})


@pytest.mark.parametrize("new", [True, False])
def test_a_job_token_reads_jobs_on_new_servers_only(scene: Scene, new: bool) -> None:
    scene.server.world.job_tokens_read_jobs = new
    found, pipeline = job_api(scene)
    path = f"/projects/7/pipelines/{pipeline}/jobs"
    if new:
        assert len(found.http_list(path, get_all=True)) == 8
    else:
        with pytest.raises(gitlab.GitlabHttpError, match="404"):
            found.http_list(path, get_all=True)


def test_a_job_token_dies_with_its_job(scene: Scene) -> None:
    found, _ = job_api(scene, running=False)
    with pytest.raises(GitlabAuthenticationError):
        found.http_get("/job")


# Section 4, play and retry, row by row.


def test_before_it_is_played_a_gates_user_is_the_pipelines_creator(scene: Scene, project: Project) -> None:
    job = project.jobs.get(scene.at_the_gate("dan").job("approve").id)
    assert (job.status, job.user["username"], job.started_at) == ("manual", "dan", None)


def test_playing_is_200_the_same_job_pending_and_the_callers(scene: Scene, project: Project) -> None:
    gate = scene.at_the_gate().job("approve")
    session = requests.post(
        f"{scene.server.url}/api/v4/projects/7/jobs/{gate.id}/play", headers={"PRIVATE-TOKEN": "bens-own"}, timeout=5
    )
    assert (session.status_code, session.json()["id"], session.json()["status"]) == (200, gate.id, "pending")
    assert project.jobs.get(gate.id).user["username"] == "ben"


@pytest.mark.parametrize(("name", "status"), [("approve", "pending"), ("approve", "running"), ("deploy", "created")])
def test_what_waits_runs_or_is_not_manual_is_unplayable(scene: Scene, project: Project, name: str, status: str) -> None:
    job = scene.at_the_gate().job(name)
    job.status = status
    with pytest.raises(GitlabJobPlayError, match="400 Bad request - Unplayable Job") as caught:
        project.jobs.get(job.id, lazy=True).play()
    assert caught.value.response_code == 400


def test_a_finished_gate_is_played_again_as_a_new_job_of_the_callers(scene: Scene, project: Project) -> None:
    pipeline = scene.at_the_gate()
    first = scene.played(pipeline, "cleo", ML="old")
    scene.server.world.finish(first)
    project.jobs.get(first.id, lazy=True).play()
    again = pipeline.job("approve")
    assert (again.id > first.id, again.user.username, first.user.username, first.retried) == (True, "ben", "cleo", True)
    assert again.variables == {"ML": "old"}  # work item 31367: the first player's words stay
    jobs = project.pipelines.get(pipeline.id, lazy=True).jobs
    shown = [job.id for job in jobs.list(get_all=True)]
    every = [job.id for job in jobs.list(include_retried=True, get_all=True)]
    assert first.id not in shown
    assert first.id in every
    assert every == sorted(every, reverse=True)


def test_a_developer_may_not_play_on_a_protected_branch_nor_a_stranger_in_a_protected_environment(scene: Scene) -> None:
    scene.server.world.add_token("dans", "dan")
    gate = scene.at_the_gate().job("approve")
    dans = api(scene.server, "dans").projects.get(7, lazy=True)
    with pytest.raises(GitlabJobPlayError, match="403 Forbidden"):
        dans.jobs.get(gate.id, lazy=True).play()
    scene.project.protected["main"] = DEVELOPER
    gate.spec.protected_to = frozenset({"ben"})
    with pytest.raises(GitlabJobPlayError, match="403 Forbidden"):
        dans.jobs.get(gate.id, lazy=True).play()
    gate.spec.protected_to = frozenset()
    dans.jobs.get(gate.id, lazy=True).play()
    assert gate.user.username == "dan"


def test_words_need_the_role_that_may_use_variables(scene: Scene, project: Project) -> None:
    scene.project.variables_role = NO_ONE
    gate = scene.at_the_gate().job("approve")
    with pytest.raises(GitlabJobPlayError) as caught:
        project.jobs.get(gate.id, lazy=True).play(post_data=WORDS)
    assert (caught.value.response_code, gate.status) == (403, "manual")


def test_a_word_without_its_value_is_refused(scene: Scene, project: Project) -> None:
    gate = scene.at_the_gate().job("approve")
    broken = {"job_variables_attributes": [{"key": "A"}]}
    with pytest.raises(GitlabJobPlayError, match=r"job_variables_attributes\[0\]\[value\] is missing"):
        project.jobs.get(gate.id, lazy=True).play(post_data=broken)


def test_inputs_of_a_job_are_checked_since_18_10_and_ignored_before(scene: Scene, project: Project) -> None:
    gate = scene.at_the_gate().job("approve")
    for wrong in ({"nope": "x"}, {"decision": "maybe"}):
        with pytest.raises(GitlabJobPlayError, match="400"):
            project.jobs.get(gate.id, lazy=True).play(post_data={"job_inputs": wrong})
    scene.server.world.job_inputs = False
    project.jobs.get(gate.id, lazy=True).play(post_data={"job_inputs": {"nope": "x"}})
    assert gate.status == "pending"


def test_a_retry_is_a_new_job_at_once_even_of_a_manual_one(scene: Scene, project: Project) -> None:
    pipeline = scene.at_the_gate()
    gate = pipeline.job("approve")
    with pytest.raises(GitlabError, match="Job is not retryable"):
        project.jobs.get(gate.id, lazy=True).retry()
    scene.server.world.finish(gate, "failed")
    project.jobs.get(gate.id, lazy=True).retry()
    assert (pipeline.job("approve").status, pipeline.job("approve").user.username) == ("pending", "ben")


# Section 4: the traps of python-gitlab. Ours are avoided by `ci_lib.ci.gitlab.client` and `remote`.


def test_trap_words_given_as_a_keyword_are_lost_without_a_word(scene: Scene, project: Project) -> None:
    lost, kept = scene.at_the_gate().job("approve"), scene.at_the_gate().job("approve")
    project.jobs.get(lost.id, lazy=True).play(**WORDS)
    project.jobs.get(kept.id, lazy=True).play(post_data=WORDS)
    assert (lost.status, lost.variables) == ("pending", {})
    assert kept.variables == {"A": "1"}


def test_trap_a_listed_job_cannot_be_played(scene: Scene, project: Project) -> None:
    (first, *_) = project.pipelines.get(scene.at_the_gate().id, lazy=True).jobs.list(get_all=True)
    assert not hasattr(first, "play")


def test_trap_a_list_ends_after_twenty(scene: Scene, project: Project) -> None:
    pipeline = scene.at_the_gate()
    pipeline.jobs = pipeline.jobs * 5
    with pytest.warns(UserWarning, match="will return a maximum of 20 items"):
        assert len(project.pipelines.get(pipeline.id, lazy=True).jobs.list()) == 20
    assert len(project.pipelines.get(pipeline.id, lazy=True).jobs.list(get_all=True)) == 40


# Pages, limits, faults.


def test_pages_say_where_they_are_and_keysets_where_they_go_on(scene: Scene) -> None:
    pipeline = scene.at_the_gate()
    url = f"{scene.server.url}/api/v4/projects/7/pipelines/{pipeline.id}/jobs"
    asked: dict[str, str] = {"per_page": "3"}
    offset = requests.get(url, params=asked, headers={"PRIVATE-TOKEN": "read"}, timeout=5)
    assert (offset.headers["X-Total"], offset.headers["X-Total-Pages"], offset.headers["X-Next-Page"]) == (
        "8",
        "3",
        "2",
    )
    keyset = requests.get(url, params=asked | {"pagination": "keyset"}, headers={"PRIVATE-TOKEN": "read"}, timeout=5)
    assert "X-Total" not in keyset.headers
    assert "cursor=3" in keyset.links["next"]["url"]
    found = api(scene.server, "read").http_list(
        f"/projects/7/pipelines/{pipeline.id}/jobs", {"pagination": "keyset", "per_page": 3}, get_all=True
    )
    assert len(found) == 8


def test_an_invalid_scope_is_400(scene: Scene, project: Project) -> None:
    pipeline = project.pipelines.get(scene.at_the_gate().id, lazy=True)
    assert [job.name for job in pipeline.jobs.list(scope=["manual"], get_all=True)] == ["rollback", "reject", "approve"]
    with pytest.raises(GitlabError, match="scope does not have a valid value"):
        pipeline.jobs.list(scope=["nonsense"], get_all=True)


def test_too_many_requests_are_asked_again_when_the_server_says(scene: Scene) -> None:
    scene.server.faults.append(Fault("/user", 429, times=2, headers={"Retry-After": "0"}))
    assert api(scene.server).http_get("/user")["username"] == "ben"  # type: ignore[index]  # JSON, an object
    assert len([each for each in scene.server.seen if each.path.endswith("/user")]) == 3


def test_a_server_error_is_not_asked_again_by_itself(scene: Scene) -> None:
    scene.server.faults.append(Fault("/user", 502))
    with pytest.raises(gitlab.GitlabHttpError, match="502"):
        api(scene.server).http_get("/user")


# Pipelines, commits, notes, statuses, deployments.


def test_a_pipeline_that_waits_is_manual_and_its_creator_stays(scene: Scene, project: Project) -> None:
    found = project.pipelines.get(scene.at_the_gate("dan").id)
    assert (found.status, found.user["username"], found.source) == ("manual", "dan", "push")


def test_a_pipeline_is_made_on_a_branch_that_is_there_by_who_may(scene: Scene, project: Project) -> None:
    made = project.pipelines.create({"ref": "main", "variables": [{"key": "A", "value": "1"}]})
    assert (made.user["username"], scene.project.pipelines[-1].variables) == ("ben", {"A": "1"})
    with pytest.raises(GitlabError, match="Reference not found"):
        project.pipelines.create({"ref": "nope"})
    scene.project.variables_role = NO_ONE
    with pytest.raises(GitlabError, match="Insufficient permissions to set pipeline variables"):
        project.pipelines.create({"ref": "main", "variables": [{"key": "A", "value": "1"}]})


def test_commits_are_a_branchs_or_a_ranges(project: Project) -> None:
    assert [commit.id for commit in project.commits.list(ref_name="main", get_all=True)] == [TIP, FIRST, OLD]
    assert [commit.id for commit in project.commits.list(ref_name=f"{OLD}..{TIP}", get_all=True)] == [TIP, FIRST]
    with pytest.raises(GitlabError, match="404"):
        project.commits.list(ref_name=f"{'0' * 40}..{TIP}", get_all=True)
    assert project.commits.get(TIP, lazy=True).merge_requests()[0]["iid"] == 5


def test_a_note_is_edited_by_its_author_alone(scene: Scene, project: Project) -> None:
    notes = project.mergerequests.get(5, lazy=True).notes
    made = notes.create({"body": "hello"})
    made.body = "hello again"
    made.save()
    assert scene.project.requests[0].notes[0].body == "hello again"
    scene.server.world.add_token("cleos", "cleo")
    with pytest.raises(GitlabError, match="403"):
        api(scene.server, "cleos").http_put(f"/projects/7/merge_requests/5/notes/{made.id}", post_data={"body": "x"})
    for body in ("", "x" * 1_000_001):
        with pytest.raises(GitlabError, match="400"):
            notes.create({"body": body})


def test_the_same_status_twice_is_400(scene: Scene, project: Project) -> None:
    statuses = project.commits.get(TIP, lazy=True).statuses
    statuses.create({"state": "success", "name": "x"})
    with pytest.raises(GitlabError, match="Cannot transition status"):
        statuses.create({"state": "success", "name": "x"})
    with pytest.raises(GitlabError, match="state does not have a valid value"):
        statuses.create({"state": "great", "name": "x"})
    statuses.create({"state": "failed", "name": "x"})
    assert [each["status"] for each in scene.project.statuses] == ["success", "failed"]


def test_deployments_are_approved_in_premium_and_not_by_who_started_them(scene: Scene, project: Project) -> None:
    deploy = scene.at_the_gate("ana").job("deploy")
    scene.project.deployments.append(Deployment(31, deploy, "production"))
    blocked = project.deployments.get(31)
    assert (blocked.status, blocked.pending_approval_count) == ("blocked", 1)
    with pytest.raises(GitlabError, match="404"):
        blocked.approval("approved")
    scene.server.world.premium = True
    scene.server.world.add_token("anas", "ana")
    with pytest.raises(GitlabError, match="cannot approve your own"):
        api(scene.server, "anas").projects.get(7, lazy=True).deployments.get(31, lazy=True).approval("approved")
    blocked.approval("approved")
    (given,) = project.deployments.get(31).approvals
    assert given["user"]["username"] == "ben"


# ID tokens.


def test_an_id_token_is_verified_with_the_keys_that_discovery_names(scene: Scene) -> None:
    job = scene.played(scene.at_the_gate())
    known = requests.get(f"{scene.server.url}/.well-known/openid-configuration", timeout=5).json()
    assert known["issuer"] == scene.server.url
    keys = jwt.PyJWKSet.from_dict(requests.get(known["jwks_uri"], timeout=5).json())
    token = scene.server.id_token(job)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="ml-release", issuer=scene.server.url)
    assert (claims["user_login"], claims["job_id"], claims["sub"]) == (
        "ben", str(job.id), "project_path:ml/loans:ref_type:branch:ref:main",
    )  # fmt: skip
