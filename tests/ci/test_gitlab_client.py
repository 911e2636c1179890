"""The thin client over python-gitlab: what GitLab's answers become, and what is never sent twice or too far."""

from dataclasses import replace

import pytest
from doubles.gitlab import Fault
from doubles.gitlab_scene import Scene

from ci_lib.ci.gitlab.client import TOKEN_HINT, Client, Denied, Kind, Misused, Reader, client, open_transport
from ci_lib.ci.gitlab.jobs import played, user
from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.http import Policy, Uncertain


def asking(url: str, kind: Kind, token: str | None) -> Client:
    return client(open_transport(url, {}, lambda _: None, TOKEN_HINT), kind, token)


@pytest.fixture
def ben(scene: Scene) -> Client:
    return asking(scene.server.url, "read token", "bens-own")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_server_that_fails_is_unavailable(scene: Scene, ben: Client, status: int) -> None:
    scene.server.faults.append(Fault("/user", status, times=9, body=b"<html>oops", content_type="text/html"))
    with pytest.raises(Unavailable, match=f"did not answer: status {status}"):
        ben.get("/user")


def test_what_changes_something_is_sent_once(scene: Scene, ben: Client) -> None:
    scene.server.faults.append(Fault("/notes", 502, times=9))
    with pytest.raises(Uncertain, match="It may have been done, so it was not sent again"):
        ben.post("/projects/7/merge_requests/5/notes", {"body": "x"})
    assert len(scene.server.seen) == 1


def test_an_address_that_no_request_can_be_made_for_is_said() -> None:
    with pytest.raises(Unavailable, match="cannot be asked") as caught:
        asking("https://.example", "read token", "x").get("/user")
    assert "policy.approval.gitlab.url" in caught.value.hint


def test_after_too_many_429_it_gives_up(scene: Scene, ben: Client) -> None:
    scene.server.faults.append(Fault("/user", 429, times=99, headers={"Retry-After": "0"}))
    with pytest.raises(Unavailable, match="did not answer: status 429"):
        ben.get("/user")
    assert len(scene.server.seen) == Policy().attempts


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>sign in</html>", "text/html"), (b"{broken", "application/json"), (b"[1]", "application/json")],
)
def test_an_answer_that_is_no_api_s_is_unavailable(scene: Scene, ben: Client, body: bytes, kind: str) -> None:
    scene.server.faults.append(Fault("/user", 200, body=body, content_type=kind))
    with pytest.raises(Unavailable, match="a login page or proxy"):
        ben.get("/user")


def test_a_post_that_is_redirected_is_not_followed(scene: Scene, ben: Client) -> None:
    scene.server.faults.append(Fault("/notes", 302, headers={"Location": f"{scene.server.url}/elsewhere"}))
    with pytest.raises(Unavailable, match="a login page or proxy"):
        ben.post("/projects/7/merge_requests/5/notes", {"body": "x"})
    assert scene.project.requests[0].notes == []


def test_what_gitlab_refuses_is_told_from_what_it_does_not_allow(scene: Scene, ben: Client) -> None:
    with pytest.raises(Misused, match="state does not have a valid value"):
        ben.post(f"/projects/7/statuses/{'a' * 40}", {"state": "x"})
    with pytest.raises(Denied, match="404"):
        ben.get("/projects/99/jobs/1")
    with pytest.raises(Denied, match="401"):
        asking(scene.server.url, "read token", "wrong").get("/user")


def test_a_list_without_end_is_not_read_for_ever(scene: Scene, ben: Client) -> None:
    pipeline = scene.at_the_gate()
    with pytest.raises(BadInput, match="has more than 5 items"):
        replace(ben, most=5).every(f"/projects/7/pipelines/{pipeline.id}/jobs")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9 did not answer: connection refused"):
        asking("http://127.0.0.1:9", "read token", "x").get("/user")


def test_no_token_is_in_any_message(scene: Scene) -> None:
    for status in (401, 403, 500):
        scene.server.faults.append(Fault("/user", status, times=4 if status == 500 else 1))
        with pytest.raises((Denied, Unavailable)) as caught:
            asking(scene.server.url, "read token", "canary-token").get("/user")
        assert "canary" not in str(caught.value)


def test_a_job_token_goes_in_its_own_header(scene: Scene) -> None:
    job = scene.played(scene.at_the_gate())
    token = scene.server.world.job_token(job).value
    asking(scene.server.url, "job token", token).get("/job")
    sent = {name.upper() for name in scene.server.seen[-1].headers}
    assert "JOB-TOKEN" in sent
    assert "PRIVATE-TOKEN" not in sent


def test_without_any_token_it_says_which_is_missing() -> None:
    with pytest.raises(Refused, match=r"no token may read the jobs \(there is none\)") as caught:
        Reader("https://gitlab.example", ()).get("/x", "the jobs")
    assert "ML_RELEASE_GITLAB_TOKEN" in caught.value.hint


@pytest.mark.parametrize("key", ["id", "name", "status", "user", "pipeline", "web_url"])
def test_a_job_without_what_is_needed_is_no_job(scene: Scene, ben: Client, key: str) -> None:
    raw = ben.get(f"/projects/7/jobs/{scene.at_the_gate().job('approve').id}")
    del raw[key]
    with pytest.raises(Unavailable, match="its answer describes"):
        played(raw)


def test_a_user_may_have_more_than_one_address() -> None:
    found = user({"id": 1, "username": "x", "public_email": "a@x", "commit_email": "b@x"})
    assert found.mails == ("a@x", "b@x")
