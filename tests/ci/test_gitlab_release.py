"""A release in a GitLab pipeline, from the gate to production, with the words that people type on the way."""

import pytest
from doubles.gitlab_release import Pipelines
from doubles.gitlab_scene import Scene
from doubles.small_chain import World

from ci_lib import answer
from ci_lib.chain import read, read_approvals
from ci_lib.errors import BadInput, Exit, Refused


@pytest.fixture
def pipelines(scene: Scene, world: World) -> Pipelines:
    return Pipelines(scene, world)


@pytest.fixture
def unsettled(scene: Scene, world: World) -> Pipelines:
    return Pipelines(scene, world, unsettled=True)


def code(pipelines: Pipelines, who: str) -> str:
    subjects = read(pipelines.world.project / "release").subjects(pipelines.config.policy.fingerprint())
    return answer.code(subjects, who)


def test_a_click_on_approve_is_enough_and_deploy_goes_on(pipelines: Pipelines) -> None:
    pipeline = pipelines.released()
    (signed,) = read_approvals(pipelines.answers)
    given = signed.approval
    url = pipelines.scene.server.url
    assert (given.approver.id, given.assurance) == ("ben", "ci-verified")
    assert given.pipeline == f"{url}/ml/loans/-/pipelines/{pipeline.id}"
    assert given.job == f"{url}/ml/loans/-/jobs/{pipeline.job('approve').id}"
    assert given.reason == "played 'approve' in GitLab, and typed no reason"
    assert "release 1" in pipelines.world.heard()


def test_a_second_release_is_about_the_commits_since_the_first(pipelines: Pipelines) -> None:
    """The range begins at the champion's commit: here it is empty, so of git's authors nobody is left."""
    pipelines.released()
    pipelines.released(content="B", by="cleo")
    (signed,) = read_approvals(pipelines.answers)
    assert {person.id for person in signed.approval.authors} == {"Ana Ruiz <ana@bank.example>", "ana", "Ana Ruiz"}


def test_the_job_that_rejects_rejects(pipelines: Pipelines) -> None:
    pipeline = pipelines.open()
    played = pipelines.scene.played(pipeline, "ben", "reject")
    assert pipelines.gate(played, reject=True) == Exit.REJECTED
    assert "rejected by ben" in pipelines.world.heard()


def test_after_a_rejection_nothing_is_deployed_whoever_approves(pipelines: Pipelines) -> None:
    pipeline = pipelines.open()
    assert pipelines.gate(pipelines.scene.played(pipeline, "ben")) == 0
    pipelines.scene.server.world.finish(pipelines.scene.played(pipeline, "cleo", "reject"), "failed")
    with pytest.raises(Refused, match="'cleo' played 'reject'"):
        pipelines.deploy(pipeline)


def test_a_rejection_is_not_taken_back_by_who_plays_its_job_again(pipelines: Pipelines) -> None:
    world = pipelines.scene.server.world
    world.projects[7].members[world.users["dan"].id] = 40
    pipeline = pipelines.open()
    assert pipelines.gate(pipelines.scene.played(pipeline, "ben")) == 0
    world.finish(pipelines.scene.played(pipeline, "cleo", "reject"), "failed")
    world.finish(pipelines.scene.played(pipeline, "dan", "reject"), "failed")
    assert pipeline.job("reject").user.username == "dan"
    with pytest.raises(Refused, match="'cleo' played 'reject'"):
        pipelines.deploy(pipeline)


def test_somebody_who_may_not_approve_cannot_reject_either(pipelines: Pipelines) -> None:
    pipelines.scene.server.world.projects[7].members[pipelines.scene.server.world.users["dan"].id] = 40
    pipeline = pipelines.open()
    assert pipelines.gate(pipelines.scene.played(pipeline, "ben")) == 0
    pipelines.scene.server.world.finish(pipelines.scene.played(pipeline, "dan", "reject"), "failed")
    assert pipelines.deploy(pipeline) == 0


@pytest.mark.parametrize("way", ["variables", "command line"])
def test_reason_and_acceptance_come_with_the_click(unsettled: Pipelines, way: str) -> None:
    pipeline = unsettled.open()
    name = "impact_ratio:married=missing"
    typed = {"ML_RELEASE_REASON": "few rows", "ML_RELEASE_ACCEPT": name, "ML_RELEASE_CODE": code(unsettled, "ben")}
    if way == "variables":
        assert unsettled.gate(unsettled.scene.played(pipeline, "ben", **typed)) == 0
    else:
        assert unsettled.gate(unsettled.scene.played(pipeline, "ben"), reason="few rows", accept=[name]) == 0
    (signed,) = read_approvals(unsettled.answers)
    assert (signed.approval.reason, signed.approval.accepted) == ("few rows", (name,))


def test_a_reason_in_which_the_runner_put_a_token_is_not_kept(pipelines: Pipelines) -> None:
    """Typed in the browser as a variable: the runner replaces `$CI_JOB_TOKEN`, and `$$` is a dollar."""
    pipeline = pipelines.open()
    words = {"ML_RELEASE_REASON": "why $CI_JOB_TOKEN?", "ML_RELEASE_CODE": code(pipelines, "ben")}
    with pytest.raises(BadInput, match="holds a secret of this job"):
        pipelines.gate(pipelines.scene.played(pipeline, "ben", **words))
    words["ML_RELEASE_REASON"] = "why $$CI_JOB_TOKEN?"
    assert pipelines.gate(pipelines.scene.played(pipeline, "ben", **words)) == 0
    (signed,) = read_approvals(pipelines.answers)
    assert signed.approval.reason == "why $CI_JOB_TOKEN?"


def test_a_click_alone_accepts_nothing(unsettled: Pipelines) -> None:
    pipeline = unsettled.open()
    with pytest.raises(BadInput, match="an approver accepts each by name: impact_ratio:married=missing"):
        unsettled.gate(unsettled.scene.played(pipeline, "ben"))


def test_the_job_that_approves_can_reject_when_told_to(pipelines: Pipelines) -> None:
    played = pipelines.scene.played(pipelines.open(), "ben", ML_RELEASE_DECISION="reject")
    assert pipelines.gate(played) == Exit.REJECTED


def test_the_job_that_rejects_cannot_approve(pipelines: Pipelines) -> None:
    pipeline = pipelines.open()
    words = {"ML_RELEASE_DECISION": "approve", "ML_RELEASE_CODE": code(pipelines, "ben")}
    with pytest.raises(BadInput, match="can only say 'rejected'"):
        pipelines.gate(pipelines.scene.played(pipeline, "ben", "reject", **words))


def test_two_gates_take_two_people(pipelines: Pipelines) -> None:
    pipelines.edited(required=2, gitlab=pipelines.scene.settings(gates=("approve", "rollback")))
    pipeline = pipelines.open()
    assert pipelines.gate(pipelines.scene.played(pipeline, "ben")) == 0
    assert "1 of 2 approvals" in pipelines.world.heard()
    assert pipelines.deploy(pipeline) == Exit.NO_APPROVAL
    assert pipelines.gate(pipelines.scene.played(pipeline, "cleo", "rollback")) == 0
    assert pipelines.deploy(pipeline) == 0


def test_a_rollback_goes_on_when_gitlab_does_not_answer(pipelines: Pipelines) -> None:
    """At 3 a.m. the CI server may be what is broken."""
    from doubles.gitlab import Fault  # noqa: PLC0415 -- for this test alone

    pipeline = pipelines.scene.at_the_gate()
    played = pipelines.scene.played(pipeline, "ben", "rollback")
    adapter = pipelines.scene.adapter(played)
    pipelines.scene.server.faults.append(Fault("/job", 502, times=9))
    assert (adapter.actor().id, adapter.actor().known_from) == ("ben", "gitlab variable, unverified")
    assert adapter.pipeline() == f"{pipelines.scene.server.url}/ml/loans/-/pipelines/{pipeline.id}"
