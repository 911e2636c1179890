"""A release in a Jenkins build, from the gate's input to production, with the words that people type on the way."""

from dataclasses import replace

import pytest
from doubles.jenkins import Fault
from doubles.jenkins_release import ACCEPT, Builds
from doubles.jenkins_scene import Scene
from doubles.small_chain import World

from ci_lib import answer
from ci_lib.chain import read, read_approvals
from ci_lib.errors import BadInput, Exit, Refused, Unavailable


@pytest.fixture
def builds(jenkins_scene: Scene, world: World) -> Builds:
    return Builds(jenkins_scene, world)


@pytest.fixture
def unsettled(jenkins_scene: Scene, world: World) -> Builds:
    return Builds(jenkins_scene, world, unsettled=True)


def test_a_yes_in_the_inputs_page_is_signed_and_deploy_goes_on(builds: Builds) -> None:
    build = builds.released("dan")
    (signed,) = read_approvals(builds.answers)
    given = signed.approval
    url = f"{builds.scene.server.url}/job/folder/job/loans/{build.number}/"
    assert (given.approver.id, given.approver.known_from) == ("ben", "jenkins, the build's ApproverAction")
    assert (given.assurance, given.pipeline, given.job, given.reason) == ("ci-verified", url, url, "read it")
    people = {person.id for person in given.authors}
    assert {"Ana Ruiz <ana@corp.example>", "dan"} <= people
    assert "Dan Diaz <dan@corp.example>" not in people  # before the champion
    assert "release 1" in builds.world.heard()


def test_the_ledger_says_who_started_the_build(builds: Builds) -> None:
    from ci_lib.production import open_production  # noqa: PLC0415 -- imports MLflow

    builds.released("dan")
    (entry,) = open_production(builds.job(None, {})).ledger.entries()
    assert (entry.actor.id, entry.actor.known_from) == ("dan", "jenkins, started the build")


def test_a_second_release_is_about_the_commits_since_the_first(builds: Builds) -> None:
    builds.released()
    builds.scene.commit("Eve Ender <eve@corp.example>")
    builds.released(content="B", by="cleo")
    (signed,) = read_approvals(builds.answers)
    assert {person.id for person in signed.approval.authors} >= {"Eve Ender <eve@corp.example>"}
    assert "Dan Diaz <dan@corp.example>" not in {person.id for person in signed.approval.authors}


def test_a_no_is_signed_and_nothing_is_deployed(builds: Builds) -> None:
    build = builds.open()
    passed = builds.scene.answered(build, decision="reject", reason="scores look wrong")
    assert builds.gate(build, passed) == Exit.REJECTED
    (signed,) = read_approvals(builds.answers)
    assert (signed.approval.decision, signed.approval.reason) == ("rejected", "scores look wrong")
    assert builds.deploy(build) == Exit.REJECTED


def test_findings_are_accepted_by_name_in_the_form(unsettled: Builds) -> None:
    build = unsettled.open()
    passed = unsettled.scene.answered(build, accept=ACCEPT)
    assert unsettled.gate(build, passed) == 0
    (signed,) = read_approvals(unsettled.answers)
    assert signed.approval.accepted == (ACCEPT,)


def test_a_yes_that_leaves_a_finding_open_is_bad_input(unsettled: Builds) -> None:
    with pytest.raises(BadInput, match=f"an approver accepts each by name: {ACCEPT}"):
        unsettled.approved(unsettled.open())


def test_after_an_answer_that_left_something_open_the_input_can_be_asked_again(unsettled: Builds) -> None:
    """The build need not be lost: the pipeline says both answers, and the second one is complete."""
    build = unsettled.open()
    with pytest.raises(BadInput):
        unsettled.approved(build)
    passed = unsettled.scene.answered(build, before="ben", accept=ACCEPT)
    assert unsettled.gate(build, passed) == 0
    assert unsettled.deploy(build) == 0


def test_a_yes_needs_a_reason(builds: Builds) -> None:
    with pytest.raises(BadInput, match="a decision needs a reason"):
        builds.approved(builds.open(), reason="")


def test_words_need_no_code_and_one_that_is_there_is_checked(builds: Builds) -> None:
    build = builds.open()
    passed = builds.scene.answered(build)
    subjects = read(builds.world.project / "release").subjects(builds.config.policy.fingerprint())
    assert builds.gate(build, passed | {"ML_RELEASE_CODE": answer.code(subjects, "ben")}) == 0


def test_two_inputs_take_two_people(builds: Builds) -> None:
    builds.edited(required=2)
    build = builds.open()
    assert builds.gate(build, builds.scene.answered(build, "ben")) == 0
    assert "1 of 2 approvals" in builds.world.heard()
    assert builds.gate(build, builds.scene.answered(build, "cleo", before="ben")) == 0
    assert builds.deploy(build) == 0


def test_who_reads_the_name_in_another_case_is_the_same(builds: Builds) -> None:
    """JENKINS-55181: Jenkins compares user ids without case, and people log in as they like."""
    build = builds.open()
    passed = builds.scene.answered(build)
    assert builds.gate(build, passed | {"ML_RELEASE_APPROVER": "BEN"}) == 0


def test_where_four_eyes_are_not_asked_for_who_started_it_may_answer(builds: Builds) -> None:
    builds.edited(four_eyes=False)
    build = builds.open("ben")
    assert builds.approved(build, "ben") == 0
    assert builds.deploy(build) == 0


@pytest.mark.parametrize("times", [1, 3])
def test_a_controller_that_restarts_while_it_is_asked_changes_nothing(builds: Builds, times: int) -> None:
    """503 is neither "does not exist" nor a no."""
    build = builds.open()
    passed = builds.scene.answered(build)
    builds.scene.server.faults.append(Fault("/job/", 503, times=times))
    assert builds.gate(build, passed) == 0
    builds.scene.server.faults.append(Fault("/api/json", 503, times=times))
    assert builds.deploy(build) == 0


def test_a_controller_that_stays_away_is_no_refusal(builds: Builds) -> None:
    """Nobody was found to be who they are not: exit 4, and the same stage again."""
    build = builds.open()
    adapter = builds.scene.adapter(build)
    down = Fault("progressiveText", 503, times=0)
    builds.scene.server.faults.append(down)

    def say(text: str) -> None:
        build.log(text)
        down.times = 999

    with pytest.raises(Unavailable, match="did not answer: status 503"):
        _ = replace(adapter, say=say).here


def test_a_log_in_which_jenkins_masks_a_user_name_proves_the_build_all_the_same(builds: Builds) -> None:
    """Credentials may treat their user name as secret, and the account may be called ``ml-release``."""
    build = builds.open()
    adapter = replace(
        builds.scene.adapter(build),
        say=lambda text: build.log(text.replace("ml-release", "****").replace("loans", "****")),
    )
    assert adapter.here.number == build.number


def test_an_agent_that_sends_its_log_late_is_waited_for(builds: Builds) -> None:
    """It is sent every few seconds, and in pieces."""
    build = builds.open()
    held: list[str] = []

    def sleep(_: float) -> None:
        if held:
            build.console += held[0][:40].encode()
            held[0] = held[0][40:]

    adapter = replace(builds.scene.adapter(build), say=lambda text: held.append(text + "\n"), sleep=sleep)
    assert adapter.here.number == build.number


def test_a_rollback_goes_on_when_jenkins_does_not_answer(builds: Builds) -> None:
    """At 3 a.m. the CI server may be what is broken; and a retry, when it answers again, is the same rollback."""
    build = builds.scene.start("ben", ACTION="rollback")
    adapter = builds.scene.adapter(build)
    builds.scene.server.faults.append(Fault("/", 503, times=99))
    assert (adapter.actor().known_from, adapter.gates()[0][:9]) == ("jenkins variable, unverified", "unknown: ")
    asked = len(builds.scene.server.seen)
    place = adapter.pipeline()
    assert len(builds.scene.server.seen) == asked  # it is not asked again and again
    builds.scene.server.faults.clear()
    again = builds.scene.adapter(build)
    assert again.pipeline() == place == f"{builds.scene.server.url}/job/folder/job/loans/{build.number}/"
    assert again.actor().id == "ben"


@pytest.mark.parametrize(
    "broken",
    [
        {"ML_RELEASE_JENKINS_TOKEN": "a\nb"},
        {"SSL_CERT_FILE": "/nowhere"},
        {"BUILD_NUMBER": "x; evil"},
        {"ML_RELEASE_JENKINS_TOKEN": "", "ML_RELEASE_JENKINS_USER": ""},
    ],
)
def test_whatever_is_wrong_with_jenkins_a_rollback_goes_on(builds: Builds, broken: dict[str, str]) -> None:
    build = builds.scene.start("ben", ACTION="rollback")
    adapter = builds.scene.adapter(build, broken)
    place = f"{builds.scene.server.url}/job/folder/job/loans/{'unknown' if 'BUILD_NUMBER' in broken else build.number}/"
    assert adapter.pipeline() == place
    assert adapter.actor().known_from == "jenkins variable, unverified"
    with pytest.raises((Refused, BadInput)):
        adapter.approver(None)
