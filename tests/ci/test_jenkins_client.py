"""The thin client over python-jenkins, and a build as it is read: what is odd is never guessed."""

import sys
from typing import Any

import pytest
from doubles.jenkins import Fault
from doubles.jenkins_scene import JOB, Scene, gate

from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.build import APPROVER, Build
from ci_lib.ci.jenkins.client import TOKEN_HINT, Client, Denied, Missing, Misused, client, job_path, open_transport
from ci_lib.errors import BadInput, Unavailable
from ci_lib.http import Uncertain

BUILD = "job/folder/job/loans/1/"


def asking(url: str, who: str = "ben", token: str | None = None) -> Client:
    return client(open_transport(url, {}, lambda _: None, TOKEN_HINT), who, f"{who}-token" if token is None else token)


@pytest.fixture
def ben(jenkins_scene: Scene) -> Client:
    jenkins_scene.start("dan")
    return asking(jenkins_scene.server.url)


@pytest.mark.parametrize(("name", "path"), [
    ("loans", "job/loans/"), ("folder/loans", "job/folder/job/loans/"), ("a b/c%2Fd", "job/a%20b/job/c%252Fd/"),
])  # fmt: skip
def test_a_jobs_address(name: str, path: str) -> None:
    assert job_path(name) == path


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_a_server_that_fails_is_unavailable_and_nothing_is_missing(
    jenkins_scene: Scene, ben: Client, status: int
) -> None:
    jenkins_scene.server.faults.append(Fault("/api/json", status, times=9, headers={"Retry-After": "0"}))
    with pytest.raises(Unavailable, match=f"did not answer: status {status}"):
        builds.read(ben, JOB, 1)


def test_a_form_is_sent_once_and_never_as_a_query(jenkins_scene: Scene, ben: Client) -> None:
    jenkins_scene.server.faults.append(Fault("/proceed", 502, times=9))
    before = len(jenkins_scene.server.seen)
    with pytest.raises(Uncertain, match="It may have been done, so it was not sent again"):
        ben.post(f"{BUILD}input/MlRelease/proceed", {"json": "{}"})
    (sent,) = (seen for seen in jenkins_scene.server.seen[before:] if seen.method == "POST")
    assert (sent.query, sent.body) == ("", "json=%7B%7D")


@pytest.mark.parametrize("csrf", [True, False])
@pytest.mark.parametrize("secret", ["ben-token", "ben-password"])
def test_a_password_does_as_well_as_a_token(jenkins_scene: Scene, csrf: bool, secret: str) -> None:
    """With a password Jenkins wants a crumb of the same session, where its protection is on; 404 where it is not."""
    build = jenkins_scene.start("dan")
    jenkins_scene.server.world.csrf = csrf
    pending = jenkins_scene.server.world.pend(build, gate())
    asking(jenkins_scene.server.url, token=secret).post(f"{BUILD}input/MlRelease/proceed", {"json": "{}"})
    assert pending.wait(1).value == "ben"


@pytest.mark.parametrize(("path", "error"), [("job/none/", Missing), (BUILD + "artifact/x/", Missing), ("me/", None)])
def test_what_is_not_there_is_missing(ben: Client, path: str, error: type[Exception] | None) -> None:
    if error is None:
        assert ben.get(path)["id"] == "ben"
        return
    with pytest.raises(error):
        ben.get(path)


def test_who_may_not_is_denied_with_jenkins_reason(jenkins_scene: Scene, ben: Client) -> None:
    with pytest.raises(Denied) as caught:
        asking(jenkins_scene.server.url, token="x").get("me/")
    assert caught.value.status == 401
    with pytest.raises(Denied) as caught:
        ben.post(f"{BUILD}submitDescription", {"description": "x"})
    assert caught.value.status == 403


def test_what_jenkins_will_not_is_said_in_its_words(jenkins_scene: Scene) -> None:
    build = jenkins_scene.start("dan")
    jenkins_scene.server.world.pend(build, gate())
    with pytest.raises(Misused, match="You need to be ben,cleo,ana to submit this") as caught:
        asking(jenkins_scene.server.url, "eve").post(f"{BUILD}input/MlRelease/proceed", {"json": "{}"})
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"[1]"])
def test_an_answer_that_is_no_apis_is_unavailable(jenkins_scene: Scene, ben: Client, body: bytes) -> None:
    kind = "text/html" if body.startswith(b"<") else "application/json"
    jenkins_scene.server.faults.append(Fault("/me/", 200, body=body, kind=kind))
    with pytest.raises(Unavailable, match="a login page or proxy"):
        ben.get("me/")


def test_a_redirect_is_a_yes_only_where_jenkins_answers_so(jenkins_scene: Scene, ben: Client) -> None:
    """Elsewhere it leads to a login page, and nothing was done."""
    where = {"Location": f"{jenkins_scene.server.url}/login"}
    jenkins_scene.server.faults.append(Fault("/proceed", 302, headers=where))
    with pytest.raises(Uncertain, match="a login page or proxy answered instead"):
        ben.post(f"{BUILD}input/MlRelease/proceed", {"json": "{}"})
    jenkins_scene.server.faults.append(Fault("/submitDescription", 302, headers=where))
    assert ben.post(f"{BUILD}submitDescription", {}, redirect=True).endswith("/login")


@pytest.mark.parametrize(("user", "token"), [("ben", "a\nb"), ("", "x"), ("ben", " "), ("b:n", "x"), ("b\tn", "x")])
def test_what_cannot_be_sent_is_bad_input(user: str, token: str) -> None:
    with pytest.raises(BadInput, match="has characters that none has"):
        asking("https://jenkins.example.com", user, token)


def test_without_python_jenkins_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jenkins", None)
    with pytest.raises(BadInput, match="python-jenkins is not installed") as caught:
        asking("https://jenkins.example.com")
    assert caught.value.hint == "python -m pip install 'ml-release-core[jenkins]'"


def test_an_address_that_no_request_can_be_made_for_is_said() -> None:
    with pytest.raises(Unavailable, match="cannot be asked"):
        asking("https://.example").get("me/")


# A build, read strictly.

RAW: dict[str, Any] = {"number": 1, "building": True, "result": None, "actions": []}


def read(**changes: Any) -> Build:
    return builds.of(RAW | changes, JOB)


def test_empty_actions_are_read_over() -> None:
    """Jenkins shows an empty object for each action that exports nothing."""
    assert read(actions=[{}, {"_class": "x"}]).approvers == ()
    assert read(actions=None, description=None).description == ""


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"number": None}, "a build without number"),
        ({"number": True}, "a build without number"),
        ({"building": None}, "a build without building"),
        ({"building": "true"}, "a build without building"),
        ({"actions": "x"}, "a build without actions"),
        ({"actions": [1]}, "a build without actions"),
        ({"actions": [{"_class": APPROVER}]}, "an approver without userId"),
        ({"actions": [{"_class": APPROVER, "userId": None}]}, "an approver without userId"),
        ({"actions": [{"_class": APPROVER, "userId": ""}]}, "an approver without userId"),
        ({"actions": [{"_class": "hudson.model.CauseAction", "causes": [{}]}]}, "a cause without _class"),
        ({"actions": [{"_class": "x", "causes": "x"}]}, "a build's start or end without causes"),
        ({"actions": [{"_class": builds.WAITING, "executions": [{}]}]}, "an input without id"),
        (
            {"actions": [{"_class": builds.WAITING, "executions": [{"id": "A", "input": {"parameters": [{}]}}]}]},
            "a parameter without name",
        ),
    ],
)
def test_what_jenkins_does_not_say_is_not_guessed(changes: dict[str, Any], what: str) -> None:
    """At depth 0 an ApproverAction has no userId: that is nobody's approval, and not one of anybody's."""
    with pytest.raises(Unavailable, match=f"describes {what}"):
        read(**changes)


def test_an_input_whose_step_is_not_shown_has_no_submitter() -> None:
    (waiting,) = read(actions=[{"_class": builds.WAITING, "executions": [{"id": "A", "input": None}]}]).waiting
    assert (waiting.id, waiting.submitter, waiting.fields) == ("A", None, ())


@pytest.mark.parametrize("revision", [None, {}, {"SHA1": None}, "x"])
def test_a_checkout_without_a_commit_is_none(revision: Any) -> None:
    assert read(actions=[{"_class": "x", "lastBuiltRevision": revision}]).revisions == ()
