"""A build from somebody's terminal: look at its gate, answer its input with one's own token, follow it to its end."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from doubles.jenkins import Fault
from doubles.jenkins_release import ACCEPT, Builds
from doubles.jenkins_scene import Scene, gate, passed_on
from doubles.jenkins_world import READ, Build, Parameter, Pending
from doubles.small_chain import World

from ci_lib import cli
from ci_lib.answer import Words
from ci_lib.chain import FILES, read_approvals
from ci_lib.ci.jenkins import remote, review
from ci_lib.ci.jenkins.remote import Remote
from ci_lib.errors import BadInput, Exit, Refused, Unavailable
from ci_lib.http import Uncertain

BENS = "ben:ben-token"


@pytest.fixture
def team(jenkins_scene: Scene, world: World) -> Builds:
    return Builds(jenkins_scene, world, unsettled=True)


@dataclass
class Library:
    """What the shared library does from the gate on, a step each time that somebody waits."""

    team: Builds
    build: Build
    pending: Pending = field(init=False)
    after: Iterator[None] = field(init=False)

    def __post_init__(self) -> None:
        folder = self.team.world.project / "release"
        self.build.artifacts = {f"release/{name}": (folder / name).read_bytes() for name in FILES}
        self.pending = self.team.scene.server.world.pend(self.build, gate())
        self.after = self._run()

    def _run(self) -> Iterator[None]:
        for stage, main in (("approve", self._approve), ("deploy", self._deploy)):
            code = main()
            self.build.log(f"[ml-release] {stage} ended with exit code {code}")
            yield
            if code:
                return self.team.scene.server.world.finish(self.build, "ABORTED" if code in {12, 13} else "FAILURE")
        self.team.scene.server.world.finish(self.build)

    def _approve(self) -> int:
        assert self.pending.settled is not None
        return self.team.gate(self.build, passed_on(self.pending.settled.value))

    def _deploy(self) -> int:
        return self.team.deploy(self.build)

    def sleep(self, _: float) -> None:
        if self.pending.settled is not None:
            next(self.after, None)


def waiting(team: Builds) -> Library:
    return Library(team, team.open())


def address(team: Builds, build: Build) -> str:
    return f"{team.scene.server.url}/{build.path}"


def opened(team: Builds, build: Build, token: str = BENS, sleep: Callable[[float], None] = lambda _: None) -> Remote:
    url, say = team.scene.server.url, team.scene.said.append
    return remote.open_remote(address(team, build), url, token, env={}, say=say, sleep=sleep)


def respond(team: Builds, library: Library, *, reject: bool = False, chain: bool = True, **more: Any) -> int:
    given: dict[str, Any] = {"reason": "I read it", "accepted": () if reject else (ACCEPT,)} | more
    there = opened(team, library.build, sleep=library.sleep)
    records = review.show(there, "release") if chain else None
    words = Words(decision="rejected" if reject else None, **given)
    return review.respond(there, records, team.scene.settings(), words)


def shown(team: Builds) -> str:
    return "\n".join(team.scene.said)


# Looking.


def test_what_is_at_the_gate_is_shown_with_the_command_that_answers(team: Builds) -> None:
    library = waiting(team)
    assert respond(team, library, reason="") == Exit.NO_APPROVAL
    assert "loan-approval: the verdict is inconclusive" in shown(team)
    assert f"inconclusive {ACCEPT}: " in shown(team)
    assert f"  report   {address(team, library.build)}artifact/release/report/index.html\n" in shown(team)
    assert "  waits    MlRelease: Release loan-approval?" in shown(team)
    assert "  for      ben,cleo,ana" in shown(team)
    command = f"ml-release approve --build {address(team, library.build)} --reason \"…\" --accept '{ACCEPT}'"
    assert command in shown(team)
    assert library.pending.settled is None


@pytest.mark.parametrize(
    "form",
    ["{url}/job/folder/job/loans/1/", "{url}/job/folder/job/loans/1", "{url}/job/folder/job/loans/1/input/",
     "{url}/view/all/job/folder/view/ml/job/loans/1/console", "{url}/job/folder/job/loans/1/consoleFull"],
)  # fmt: skip
def test_any_address_of_a_build_that_the_browser_shows_will_do(team: Builds, form: str) -> None:
    team.scene.start()
    url = team.scene.server.url
    found = remote.open_remote(form.format(url=url), url, BENS, env={}, say=print, sleep=lambda _: None)
    assert (found.job, found.number, found.user, found.build().number) == ("folder/loans", 1, "ben", 1)


def test_a_branch_with_a_slash_is_escaped_twice_as_jenkins_does(team: Builds) -> None:
    """A multibranch project's job is called by its branch, ``feature%2Fx``, and its address escapes the percent."""
    team.scene.server.world.add_job("loans/feature%2Fx")
    team.scene.server.world.start(team.scene.server.world.jobs["loans/feature%2Fx"], "dan")
    url = team.scene.server.url
    place = f"{url}/job/loans/job/feature%252Fx/1/"
    found = remote.open_remote(place, url, BENS, env={}, say=print, sleep=lambda _: None)
    assert (found.job, found.address, found.build().number) == ("loans/feature%2Fx", place, 1)


def test_the_report_to_read_in_jenkins_is_the_one_that_it_shows_with_style(team: Builds) -> None:
    library = waiting(team)
    library.build.artifacts["release/report/jenkins.html"] = b"<html>"
    respond(team, library, reason="")
    assert "/artifact/release/report/jenkins.html\n" in shown(team)


def test_records_that_were_changed_are_not_shown_as_if_they_held(team: Builds) -> None:
    library = waiting(team)
    library.build.artifacts["release/decision.json"] = b"{}"
    with pytest.raises(Refused, match="not a valid Decision record"):
        respond(team, library)
    assert library.pending.settled is None


# Answering.


def test_an_answer_is_the_reviewers_with_their_words_and_the_build_goes_on(team: Builds) -> None:
    library = waiting(team)
    assert respond(team, library) == Exit.DONE
    (signed,) = read_approvals(team.answers)
    given = signed.approval
    assert (given.approver.id, given.reason, given.accepted) == ("ben", "I read it", (ACCEPT,))
    assert "answering MlRelease as ben" in shown(team)
    assert "[ml-release] deploy ended with exit code 0" in shown(team)
    assert team.scene.said[-1] == "build 1 of folder/loans is done (SUCCESS)"


def test_a_no_ends_the_build_and_is_signed(team: Builds) -> None:
    library = waiting(team)
    assert respond(team, library, reject=True) == Exit.REJECTED
    (signed,) = read_approvals(team.answers)
    assert (signed.approval.decision, signed.approval.reason) == ("rejected", "I read it")


def test_waivers_and_conditions_go_with_it(team: Builds) -> None:
    team.edited(waivable=("impact_ratio",))
    library = waiting(team)
    asked = {"waived": (ACCEPT,), "owner": "dora", "until": date(2026, 12, 20), "conditions": ("watch; daily", "b")}
    assert respond(team, library, accepted=(), **asked) == Exit.DONE
    (signed,) = read_approvals(team.answers)
    assert signed.approval.waivers[0].finding == ACCEPT
    assert signed.approval.conditions == ("watch; daily", "b")


def test_the_code_goes_with_it_where_the_input_asks_for_it(team: Builds) -> None:
    library = waiting(team)
    library.pending.input.parameters += (Parameter("code"),)
    respond(team, library)
    assert library.pending.settled is not None
    assert library.pending.settled.value["code"].startswith("ben:")


def test_without_archived_records_what_is_asked_is_the_inputs_message(team: Builds) -> None:
    library = waiting(team)
    library.build.artifacts.clear()
    assert respond(team, library, reason="") == Exit.NO_APPROVAL
    assert "build 1 of folder/loans has no records in its archive (release/)" in shown(team)
    assert "Release loan-approval?" in shown(team)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"accepted": ()}, "an approver accepts each by name"),
        ({"accepted": ("x",)}, "no inconclusive finding is called x"),
        ({"waived": (ACCEPT,), "owner": "dora"}, "has no last day"),
    ],
)
def test_an_incomplete_answer_answers_nothing(team: Builds, given: dict[str, Any], sentence: str) -> None:
    library = waiting(team)
    with pytest.raises(BadInput, match=sentence):
        respond(team, library, **given)
    assert library.pending.settled is None


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ((Parameter("decision", ("approve", "reject")),), "MlRelease does not ask for 'reason'"),
        ((Parameter("decision", ("yes", "no")), Parameter("reason")), "does not offer 'approve' as decision"),
        ((), "MlRelease does not ask for a decision, so it is no gate of ml-release's"),
    ],
)
def test_what_the_input_does_not_ask_for_is_said_before_anything_is_sent(
    team: Builds, parameters: tuple[Parameter, ...], sentence: str
) -> None:
    """Jenkins answers an unknown parameter with 500, and an illegal choice as well."""
    library = waiting(team)
    library.pending.input.parameters = parameters
    with pytest.raises(BadInput, match=sentence):
        respond(team, library)
    assert library.pending.settled is None


def test_a_no_to_an_input_without_parameters_is_its_other_button(team: Builds) -> None:
    library = waiting(team)
    library.pending.input.parameters = ()
    assert respond(team, library, reject=True) == Exit.REJECTED
    assert "build 1 of folder/loans was rejected at its input by 'ben' at 2026-11-24 " in team.scene.said[-1]


# Who may, and who was quicker.


def test_who_may_not_answer_hears_jenkins_own_reason(team: Builds) -> None:
    library = waiting(team)
    there = opened(team, library.build, "eve:eve-token")
    words = Words(reason="me", accepted=(ACCEPT,))
    with pytest.raises(Refused, match=r"does not let you answer MlRelease: You need to be ben,cleo,ana to submit this"):
        review.respond(there, None, team.scene.settings(), words)


def test_an_input_that_somebody_answered_meanwhile_is_said_with_who_did(team: Builds) -> None:
    """404 is how Jenkins says it: the step's page is gone."""
    library = waiting(team)
    there = opened(team, library.build)
    (found,) = there.build().waiting
    team.scene.answer(library.pending, "cleo")
    with pytest.raises(Refused, match="MlRelease was answered already, by cleo"):
        there.proceed(found, {"decision": "approve"})


def test_the_moment_before_it_is_gone_sounds_the_same(team: Builds) -> None:
    library = waiting(team)
    there = opened(team, library.build)
    (found,) = there.build().waiting
    library.build.approvers.append("cleo")
    given = {"X-Error": "This input has been already given"}
    team.scene.server.faults.append(Fault("/proceed", 400, headers=given))
    with pytest.raises(Refused, match="MlRelease was answered already, by cleo"):
        there.proceed(found, {"decision": "approve"})


def test_a_controller_that_restarts_while_a_build_waits_loses_nothing(team: Builds) -> None:
    """Until it has loaded the build, Jenkins shows no input, and answers 404 for it."""
    library = waiting(team)
    there = opened(team, library.build, sleep=library.sleep)
    (found,) = there.build().waiting
    team.scene.server.world.loading = True
    with pytest.raises(Refused, match="no gate of build 1 of folder/loans waits") as caught:
        review.respond(there, None, team.scene.settings(), Words(reason="x"))
    assert "did Jenkins just restart?" in caught.value.hint
    with pytest.raises(Refused, match="does not wait any more: it was aborted, or Jenkins has just restarted"):
        there.proceed(found, {"decision": "approve"})
    team.scene.server.world.loading = False
    assert respond(team, library) == Exit.DONE


def test_an_answer_whose_receipt_is_lost_is_looked_up_and_not_sent_again(team: Builds) -> None:
    library = waiting(team)
    team.scene.server.faults.append(Fault("/proceed", 502, after=True))
    assert respond(team, library) == Exit.DONE
    assert "  the answer arrived, though its receipt did not" in team.scene.said
    assert sum(seen.path.endswith("/proceed") for seen in team.scene.server.seen) == 1


def test_an_answer_that_did_not_arrive_is_uncertain_and_not_sent_again(team: Builds) -> None:
    library = waiting(team)
    team.scene.server.faults.append(Fault("/proceed", 502))
    with pytest.raises(Uncertain, match="It may have been done"):
        respond(team, library)
    assert library.pending.settled is None


@pytest.mark.parametrize(
    ("status", "headers", "error"), [(302, {"Location": "/login"}, Uncertain), (200, {}, Unavailable)]
)
def test_what_says_yes_without_a_record_of_the_answer_is_no_yes(
    team: Builds, status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    library = waiting(team)
    team.scene.server.faults.append(Fault("/proceed", status, body=b"", headers=headers))
    with pytest.raises(error):
        respond(team, library)
    assert library.pending.settled is None


def test_two_gates_at_once_are_for_the_browser(team: Builds) -> None:
    library = waiting(team)
    team.scene.server.world.pend(library.build, gate(id="mlReleaseToo"))
    with pytest.raises(Refused, match="2 inputs wait: MlRelease, MlReleaseToo"):
        respond(team, library)


def test_another_input_is_no_gate(team: Builds) -> None:
    build = team.open()
    team.scene.server.world.pend(build, gate(id="stagingOnly"))
    with pytest.raises(Refused, match="no gate of build 1 of folder/loans waits") as caught:
        review.respond(opened(team, build), None, team.scene.settings(), Words(reason="x"))
    assert "other inputs wait: StagingOnly" in caught.value.hint


def test_after_a_first_of_two_yeses_the_next_input_is_somebody_elses(team: Builds) -> None:
    library = waiting(team)

    def sleep(_: float) -> None:
        if library.pending.settled is not None and not library.build.pending:
            team.scene.server.world.pend(library.build, gate())

    there = opened(team, library.build, sleep=sleep)
    words = Words(reason="fine", accepted=(ACCEPT,))
    assert review.respond(there, None, team.scene.settings(), words) == Exit.DONE
    assert team.scene.said[-1].startswith("  next: another approver answers the next input")


# How it ended.


@pytest.mark.parametrize(
    ("how", "code", "sentence"),
    [
        ("rejected", 13, "build 1 of folder/loans was rejected at its input by 'cleo' at 2026-11-24 09:00 UTC"),
        ("anonymously", 13, "was rejected at its input by somebody who was not logged in"),
        ("timeout", 12, "build 1 of folder/loans timed out: nobody answered its input in time"),
        ("done", 0, "build 1 of folder/loans is done (SUCCESS)"),
        ("refused", 3, "build 1 of folder/loans ended with exit code 3 (FAILURE)"),
    ],
)
def test_rejection_time_out_and_stop_are_told_apart(team: Builds, how: str, code: int, sentence: str) -> None:
    build, world = team.open(), team.scene.server.world
    pending = world.pend(build, gate())
    if how == "rejected":
        team.scene.post(build, "input/MlRelease/abort", "cleo")
    elif how == "anonymously":
        world.anonymous.may |= {READ, "Job/Cancel"}
        world.abort(pending, world.anonymous)
    elif how == "timeout":
        world.time_out(build)
    else:
        if how == "refused":
            build.log("script returned exit code 3")
        world.finish(build, "SUCCESS" if how == "done" else "FAILURE")
    assert review.respond(opened(team, build), None, team.scene.settings(), Words()) == code
    assert sentence in team.scene.said[-1]


@pytest.mark.parametrize(
    ("result", "log", "sentence"),
    [
        (
            "stopped",
            "[ml-release] validate ended with exit code 11",
            "build 1 of folder/loans was stopped: Aborted by Cleo Chan",
        ),
        ("FAILURE", "", "build 1 of folder/loans is FAILURE"),
        ("FAILURE", "script returned exit code 137", "build 1 of folder/loans is FAILURE"),
        ("FAILURE", "[ml-release] deploy ended with exit code 0", "build 1 of folder/loans is FAILURE"),
        ("FAILURE", "[ml-release] validate ended with exit code 11", "build 1 of folder/loans is FAILURE"),
        ("UNSTABLE", "", "build 1 of folder/loans is UNSTABLE"),
        ("UNSTABLE", "[ml-release] report ended with exit code 4", "build 1 of folder/loans is UNSTABLE"),
    ],
)
def test_an_end_that_is_none_of_ours_is_no_exit_code_of_ours(
    team: Builds, result: str, log: str, sentence: str
) -> None:
    build, world = team.open(), team.scene.server.world
    build.log(log)
    if result == "stopped":
        world.stop(build, world.users["cleo"])
    else:
        world.finish(build, result)
    with pytest.raises(Unavailable, match=re.escape(sentence)):
        review.respond(opened(team, build), None, team.scene.settings(), Words())


LINES = "[ml-release] {} ended with exit code {}"


@pytest.mark.parametrize(
    ("result", "stages", "code"),
    [
        ("UNSTABLE", "validate 11, report 0, approve 0, deploy 0, monitor 0", 0),  # a person accepted it
        ("UNSTABLE", "prepare 0, validate 11", 11),
        ("FAILURE", "**** 3", 3),  # a user is called as the stage
        ("FAILURE", "validate 10, report 0", 10),  # a failed validation has a report, too
        ("FAILURE", "validate 11, report 0, approve 0, deploy 3", 3),
        ("FAILURE", "validate 0, report 0, approve 0, deploy 0, monitor 10", 10),
        ("ABORTED", "validate 11, report 0, approve 13", 13),
        ("ABORTED", "approve 0, deploy 12", 12),
    ],
)
def test_what_the_library_says_of_its_stages_is_the_exit_code(
    team: Builds, result: str, stages: str, code: int
) -> None:
    build = team.open()
    for stage in stages.split(", "):
        build.log(LINES.format(*stage.split()))
    team.scene.server.world.finish(build, result)
    assert review.respond(opened(team, build), None, team.scene.settings(), Words()) == code


def test_a_build_that_ends_otherwise_while_it_is_followed_is_said(team: Builds) -> None:
    library = waiting(team)

    def sleep(_: float) -> None:
        if library.build.building:
            team.scene.server.world.stop(library.build, team.scene.server.world.users["cleo"])

    there = opened(team, library.build, sleep=sleep)
    with pytest.raises(Unavailable, match="was stopped: Aborted by Cleo Chan"):
        review.respond(there, None, team.scene.settings(), Words(reason="fine", accepted=(ACCEPT,)))


def test_a_controller_that_restarts_while_a_build_is_followed_is_waited_for(team: Builds) -> None:
    library = waiting(team)
    down = Fault("/", 503, times=0)
    team.scene.server.faults.append(down)
    asked = 0

    def sleep(seconds: float) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:  # between the first look at the log and the second: 20 requests, and four tries make one
            down.times = 20
        if not down.times:
            library.sleep(seconds)

    there = opened(team, library.build, sleep=sleep)
    words = Words(reason="fine", accepted=(ACCEPT,))
    assert review.respond(there, None, team.scene.settings(), words) == Exit.DONE
    assert sum("did not answer: status 503" in line for line in team.scene.said) == 1
    assert down.times == 0


# At the command line.


OWN = "ML_RELEASE_REVIEWER_TOKEN"
NOWHERE = "http://127.0.0.1:9"
BUILD = "{url}/job/folder/job/loans/1/"
BAD: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no token": (["approve", "--build", BUILD], {OWN: ""}, 2, "Jenkins needs your own token"),
    "a token alone": (["approve", "--build", BUILD], {OWN: "11abc"}, 2, "knows a token with its user's name only"),
    "an unknown token": (["approve", "--build", BUILD], {OWN: "ben:x"}, 2, "does not know this user with this token"),
    "a broken token": (["approve", "--build", BUILD], {OWN: "ben:a\nb"}, 2, "characters that none has"),
    "an unknown build": (["approve", "--build", BUILD.replace("1/", "99/")], {}, 2, "there is no"),
    "a job that is not theirs": (["approve", "--build", "{url}/job/secret/1/"], {}, 2, "or not for you"),
    "another server": (["approve", "--build", "https://jenkins.evil/job/a/1/"], {}, 2, "is no address of a build at"),
    "a server that begins the same": (
        ["approve", "--build", "{url}.evil/job/a/1/"], {}, 2, "is no address of a build at",
    ),
    "a job's address": (["approve", "--build", "{url}/job/folder/job/loans/"], {}, 2, "is no address of a build"),
    "a name as well": (["approve", "--build", BUILD, "--as", "ben"], {}, 2, "with --build Jenkins asks"),
    "a server that is not there": (
        ["approve", "--build", f"{NOWHERE}/job/a/1/"],
        {"ML_RELEASE_JENKINS_URL": NOWHERE, "ML_RELEASE_HTTP_DEADLINE": "1"}, 4,
        "http://127.0.0.1:9 did not answer: connection refused",
    ),
    "a server that nobody named": (
        ["approve", "--build", BUILD], {"ML_RELEASE_JENKINS_URL": ""}, 2, "which Jenkins is your token for?",
    ),
}  # fmt: skip


def run(team: Builds, *words: str, **variables: str) -> tuple[int, str]:
    err = io.StringIO()
    found = {"ML_RELEASE_JENKINS_URL": team.scene.server.url, OWN: BENS, **variables}
    code = cli.start(words, {name: value for name, value in found.items() if value}, out=io.StringIO(), err=err)
    return code, err.getvalue()


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_an_exit_code(team: Builds, name: str) -> None:
    team.scene.start()
    words, variables, code, sentence = BAD[name]
    got, said = run(team, *(word.format(url=team.scene.server.url) for word in words), **variables)
    assert (got, sentence in said) == (code, True), said
    assert "\n  next: " in said
    assert len(said.splitlines()) == 2


def test_the_command_shows_what_waits_and_sends_the_token_to_no_other_server(team: Builds, tmp_path: Path) -> None:
    library = waiting(team)
    release = {
        "model": "loan", "task": "binary", "data": {"source": "x.csv", "target": "y"},
        "policy": {
            "rules": [{"metric": "roc_auc", "at_least": 0.7}],
            "approval": {"approvers": ["ben"], "jenkins": {"url": team.scene.server.url, "job": "folder/loans"}},
        },
    }  # fmt: skip
    path = tmp_path / "named.yml"
    path.write_text(json.dumps(release))
    out = io.StringIO()
    words = ["approve", "--build", address(team, library.build), "--config", str(path)]
    code = cli.start(words, {OWN: BENS, "ML_RELEASE_JENKINS_URL": NOWHERE}, out=out, err=out)
    assert code == Exit.NO_APPROVAL, out.getvalue()
    assert "the verdict is inconclusive" in out.getvalue()
    assert "ben-token" not in out.getvalue()
    code = cli.start(["approve", "--pipeline", "x", "--config", str(path)], {OWN: BENS}, out=out, err=out)
    assert (code, "--pipeline is GitLab's" in out.getvalue()) == (2, True)
