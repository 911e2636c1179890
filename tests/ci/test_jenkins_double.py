"""The double behaves as Jenkins' source says, seen by the real python-jenkins and by plain requests."""

import json
from collections.abc import Iterator
from typing import Any

import jenkins as python_jenkins
import pytest
import requests
from doubles.jenkins import Fault, Server, jenkins
from doubles.jenkins_world import ADMINISTER, BUILD, CANCEL, READ, REPLAY, UPDATE, Build, Input, Parameter

GATE = Input(
    "mlRelease", "Release loans?", submitter="ben, Cleo", submitter_parameter="approver",
    parameters=(Parameter("decision", ("approve", "reject")), Parameter("reason")),
)  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with jenkins() as running:
        world = running.world
        world.add_user("ana", "Ana Ruiz", READ, BUILD)
        world.add_user("ben", "Ben Bauer", READ)
        world.add_user("root", "Admin", ADMINISTER)
        world.add_user("stopper", "", READ, CANCEL)
        world.add_user("nobody", "", "Overall/Read")
        world.add_job("folder/loans", Parameter("ACTION", ("release", "rollback")), Parameter("TO"))
        yield running


@pytest.fixture
def build(server: Server) -> Build:
    return server.world.start(server.world.jobs["folder/loans"], "ana")


def client(server: Server, who: str = "ana", secret: str = "") -> python_jenkins.Jenkins:
    return python_jenkins.Jenkins(server.url, who, secret or f"{who}-token", timeout=5)


def post(server: Server, path: str, who: str = "ben", **fields: Any) -> requests.Response:
    auth = (who, f"{who}-token")
    return requests.post(f"{server.url}/{path}", data=fields, auth=auth, timeout=5, allow_redirects=False)


def get(server: Server, path: str, who: str = "ana") -> Any:
    return requests.get(f"{server.url}/{path}", auth=(who, f"{who}-token"), timeout=5).json()


def form(**parameters: str) -> str:
    return json.dumps({"parameter": [{"name": name, "value": value} for name, value in parameters.items()]})


# Queue and builds.


def test_a_build_goes_through_the_queue(server: Server) -> None:
    ana = client(server)
    item = ana.build_job("folder/loans", {"ACTION": "rollback"})
    assert ana.build_job("folder/loans", {"ACTION": "rollback"}) == item  # an identical one that waits is reused
    assert ana.get_queue_item(item).get("executable") is None
    made = server.world.leave_queue(server.world.queue[item])
    assert ana.get_queue_item(item)["executable"]["number"] == made.number
    info = ana.get_build_info("folder/loans", made.number)
    assert (info["building"], info["queueId"]) == (True, item)
    made.log("hello")
    assert ana.get_build_console_output("folder/loans", made.number) == "hello\n"


def test_what_waits_can_be_cancelled(server: Server) -> None:
    item = client(server).build_job("folder/loans", {"ACTION": "rollback"})
    assert post(server, f"queue/cancelItem?id={item}", "stopper").status_code == 204
    assert client(server).get_queue_item(item)["cancelled"] is True
    server.world.queue[item].gone = True
    with pytest.raises(python_jenkins.JenkinsException, match="does not exist"):
        client(server).get_queue_item(item)


def test_a_parameterised_job_is_not_built_without_a_form_and_drops_what_it_does_not_declare(server: Server) -> None:
    assert post(server, "job/folder/job/loans/build", "ana").status_code == 400
    answer = post(server, "job/folder/job/loans/buildWithParameters", "ana", ACTION="rollback", EVIL="x")
    assert answer.status_code == 201
    number = int(answer.headers["Location"].rstrip("/").rpartition("/")[2])
    assert server.world.queue[number].parameters == {"ACTION": "rollback", "TO": ""}
    server.world.jobs["folder/loans"].buildable = False
    assert post(server, "job/folder/job/loans/buildWithParameters", "ana").status_code == 409


def test_a_log_is_read_on_from_where_one_was(server: Server, build: Build) -> None:
    build.console = b"one\ntw"
    path = f"{server.url}/{build.path}logText/progressiveText"
    first = requests.get(path, auth=("ana", "ana-token"), timeout=5)
    assert (first.text, first.headers["X-Text-Size"], first.headers["X-More-Data"]) == ("one\n", "4", "true")
    build.console += b"o\n"
    server.world.finish(build)
    rest = requests.get(path, params={"start": 4}, auth=("ana", "ana-token"), timeout=5)
    assert (rest.text, "X-More-Data" in rest.headers) == ("two\nFinished: SUCCESS\n", False)


# Who may, and who is asked.


@pytest.mark.parametrize(
    ("who", "secret", "status"),
    [("ana", "ana-token", 200), ("ana", "x", 401), ("nobody", "nobody-token", 404), (None, "", 403)],
)
def test_who_may_not_read_hears_what_jenkins_says(
    server: Server, build: Build, who: str | None, secret: str, status: int
) -> None:
    auth = (who, secret) if who else None
    assert requests.get(f"{server.url}/{build.path}api/json", auth=auth, timeout=5).status_code == status


def test_a_password_needs_a_crumb_of_its_session_and_a_token_none(server: Server) -> None:
    path, auth = f"{server.url}/job/folder/job/loans/buildWithParameters", ("ana", "ana-password")
    assert requests.post(path, auth=auth, timeout=5).status_code == 403
    with requests.Session() as session:
        session.auth = auth
        found = session.get(f"{server.url}/crumbIssuer/api/json", timeout=5).json()
        header = {found["crumbRequestField"]: found["crumb"]}
        assert session.post(path, headers=header, timeout=5).status_code == 201
        session.cookies.clear()
        assert session.post(path, headers=header, timeout=5).status_code == 403
    assert client(server, "ana", "ana-password").build_job("folder/loans", {"TO": "1"})
    server.world.csrf = False
    assert requests.post(path, auth=auth, timeout=5).status_code == 201


# The input step.


def test_the_approver_of_an_answer_is_shown_from_depth_one_on_only(server: Server, build: Build) -> None:
    server.world.pend(build, GATE)
    assert post(server, f"{build.path}input/MlRelease/proceed", json=form(decision="approve")).status_code == 200

    def approvers(query: str) -> list[dict[str, str]]:
        found = get(server, f"{build.path}api/json?{query}")["actions"]
        return [each for each in found if each.get("_class", "").endswith(".ApproverAction")]

    assert approvers("depth=0") == [{"_class": "org.jenkinsci.plugins.workflow.support.steps.input.ApproverAction"}]
    assert approvers("depth=1")[0]["userId"] == "ben"
    assert approvers("tree=actions[_class,userId]")[0]["userId"] == "ben"
    assert "Approved by Ben Bauer" in build.console.decode()


def test_what_is_asked_is_in_the_build_with_its_submitter_and_in_wfapi_without(server: Server, build: Build) -> None:
    server.world.pend(build, GATE)
    (action,) = (each for each in get(server, f"{build.path}api/json?depth=2")["actions"] if "executions" in each)
    assert action["waitingForInput"] is True
    assert action["executions"][0]["input"]["submitter"] == "ben, Cleo"
    (pending,) = get(server, f"{build.path}wfapi/pendingInputActions")
    assert pending["id"] == "MlRelease"
    assert "submitter" not in pending
    assert get(server, f"{build.path}wfapi/describe")["status"] == "PAUSED_PENDING_INPUT"
    assert get(server, f"{build.path}wfapi/nextPendingInputAction")["id"] == "MlRelease"
    server.world.stage_view = False
    assert client(server).get_build_stages("folder/loans", build.number) is None
    post(server, f"{build.path}input/MlRelease/proceedEmpty")
    (action,) = (each for each in get(server, f"{build.path}api/json?depth=2")["actions"] if "executions" in each)
    assert (action["waitingForInput"], action["executions"]) == (False, [])


@pytest.mark.parametrize(
    ("call", "fields", "value"),
    [
        ("proceed", {"json": form(decision="approve", reason="ok")}, "map"),
        ("proceed", {"json": form()}, "ben"),
        ("proceedEmpty", {}, "ben"),
    ],
)
def test_what_input_returns(server: Server, build: Build, call: str, fields: dict[str, str], value: str) -> None:
    """No entry: null; one: its bare value; more: a map. What was left out is not defaulted."""
    pending = server.world.pend(build, GATE)
    assert post(server, f"{build.path}input/MlRelease/{call}", **fields).status_code == 200
    expected = {"decision": "approve", "reason": "ok", "approver": "ben"} if value == "map" else value
    assert pending.wait(1).value == expected


def test_an_older_plugin_gives_nothing_for_proceed_empty(server: Server, build: Build) -> None:
    server.world.old_input_plugin = True
    pending = server.world.pend(build, GATE)
    post(server, f"{build.path}input/MlRelease/proceedEmpty")
    assert pending.wait(1).value is None


@pytest.mark.parametrize(
    ("who", "path", "fields", "status", "said"),
    [
        ("ana", "input/MlRelease/proceed", {"json": form()}, 400, "You need to be ben, Cleo to submit this."),
        ("ana", "input/MlRelease/abort", {}, 400, "You need to be 'ben, Cleo' (or have Job/Cancel permissions)"),
        ("ben", "input/mlRelease/proceed", {"json": form()}, 404, None),
        ("ben", "input/MlRelease/proceed", {}, 400, None),
        ("ben", "input/MlRelease/proceed", {"json": form(other="x")}, 500, None),
        ("ben", "input/MlRelease/proceed", {"json": form(decision="maybe")}, 500, None),
        ("ben", "input/MlRelease/proceed", {"json": form(decision="approve")}, 200, None),
        ("root", "input/MlRelease/proceed", {"json": form(decision="approve")}, 200, None),
        ("stopper", "input/MlRelease/abort", {}, 200, None),
        ("ben", "input/MlRelease/submit", {}, 302, None),
        ("ana", "wfapi/inputSubmit?inputId=MlRelease", {"json": form()}, 500, None),
        ("ben", "wfapi/inputSubmit?inputId=MlRelease", {"json": form()}, 200, None),
        ("ben", "stop", {}, 403, None),
        ("ben", "submitDescription", {"description": "x"}, 403, None),
        ("root", "submitDescription", {"description": "x"}, 302, None),
    ],
)
def test_what_a_request_is_answered(
    server: Server, build: Build, who: str, path: str, fields: dict[str, str], status: int, said: str | None
) -> None:
    server.world.pend(build, GATE)
    answer = post(server, f"{build.path}{path}", who, **fields)
    assert answer.status_code == status
    assert said is None or answer.headers["X-Error"].startswith(said)


def test_an_answer_is_given_once_and_by_post(server: Server, build: Build) -> None:
    server.world.pend(build, GATE)
    path = f"{build.path}input/MlRelease/proceed"
    got = requests.get(f"{server.url}/{path}", auth=("ben", "ben-token"), timeout=5)
    assert (got.status_code, got.headers["Allow"]) == (405, "POST")
    assert post(server, path, json=form()).status_code == 200
    assert post(server, path, json=form()).status_code == 404


# How it ends, and ways around.


def test_rejection_time_out_and_abort_are_told_apart_by_their_causes(server: Server) -> None:
    def ended(how: str) -> dict[str, Any]:
        build = server.world.start(server.world.jobs["folder/loans"], "ana")
        server.world.pend(build, GATE)
        if how == "rejected":
            post(server, f"{build.path}input/MlRelease/abort")
        elif how == "stopped":
            client(server, "stopper").stop_build("folder/loans", build.number)
        else:
            server.world.time_out(build)
        found = get(
            server, f"{build.path}api/json?tree=result,actions[_class,causes[_class,shortDescription,user[id]]]"
        )
        assert found["result"] == "ABORTED"
        (action,) = (each for each in found["actions"] if each.get("_class", "").endswith("InterruptedBuildAction"))
        (why,) = action["causes"]
        return dict(why)

    assert ended("rejected")["shortDescription"] == "Rejected by Ben Bauer"
    assert ended("rejected")["user"]["id"] == "ben"
    assert ended("timeout")["_class"].endswith("ExceededTimeout")
    assert ended("stopped")["_class"].endswith("$UserInterruption")


def test_a_replay_has_no_approver_and_says_what_it_is(server: Server, build: Build) -> None:
    build.approvers.append("ben")
    again = server.world.again(build, "root", REPLAY, f"Replayed #{build.number}")
    found = get(server, f"{again.path}api/json?tree=actions[_class,userId,causes[_class]]")["actions"]
    assert not any("userId" in each for each in found)
    assert REPLAY in {why["_class"] for each in found for why in each.get("causes", [])}


def test_it_starts_with_503_and_python_jenkins_takes_that_for_does_not_exist(server: Server, build: Build) -> None:
    """Which is why our client does not ask so."""
    server.faults.append(Fault("/api/json"))
    with pytest.raises(python_jenkins.JenkinsException, match="does not exist"):
        client(server).get_build_info("folder/loans", build.number)
    assert client(server).get_build_info("folder/loans", build.number)["number"] == build.number


def test_permissions_are_the_users_own(server: Server) -> None:
    server.world.users["ana"].may.add(UPDATE)
    assert client(server).get_whoami()["id"] == "ana"
    assert get(server, "user/BEN/api/json", "ana")["fullName"] == "Ben Bauer"
