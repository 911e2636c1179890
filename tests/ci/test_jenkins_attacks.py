"""What an attacker would try on Jenkins. Each is refused with a sentence of its own, and nothing is released."""

from collections.abc import Callable

import pytest
from doubles.jenkins_release import Builds
from doubles.jenkins_scene import ANA, JOB, READER, REMOTE, Scene, gate, passed_on
from doubles.jenkins_world import ADMINISTER, BUILD, READ, REPLAY, RESTART, Build, Parameter, cause
from doubles.small_chain import World

from ci_lib.ci.detect import detect
from ci_lib.errors import Refused
from ci_lib.production import open_production

Attack = Callable[[Builds], object]
ATTACKS: dict[str, tuple[Attack, str]] = {}
NOTHING_BOUND = {"ML_RELEASE_JENKINS_USER": "", "ML_RELEASE_JENKINS_TOKEN": ""}


def refused_with(sentence: str) -> Callable[[Attack], Attack]:
    """Enter an attack into the table."""

    def enter(attack: Attack) -> Attack:
        ATTACKS[attack.__name__] = (attack, sentence)
        return attack

    return enter


# Who may not answer.


@refused_with("'ana' is an author (Ana Ruiz <ana@bank.example>), and the policy wants four eyes")
def the_author_answers(team: Builds) -> object:
    return team.approved(team.open("dan"), "ana")


@refused_with("'cleo' is an author (Cleo Chan <cleo@home.example>), and the policy wants four eyes")
def who_wrote_one_commit_by_another_address_answers(team: Builds) -> object:
    """Jenkins' full name gives her away."""
    team.scene.commit("Cleo Chan <cleo@home.example>", "Fix")
    return team.approved(team.open(), "cleo")


@refused_with("'cleo' is an author (cleo <Dr. Chan chan@home.example>), and the policy wants four eyes")
def who_is_called_otherwise_in_jenkins_answers(team: Builds) -> object:
    """The user name and the mail address say nothing; the full name does."""
    team.scene.server.world.users["cleo"].full_name = "Dr. Chan"
    team.scene.commit("Dr. Chan <chan@home.example>", "Fix")
    return team.approved(team.open(), "cleo")


@refused_with("'cleo' is an author (C <cleo@corp.example>), and the policy wants four eyes")
def a_committer_answers(team: Builds) -> object:
    team.scene.commit(ANA, "Fix", committer="C <cleo@corp.example>")
    return team.approved(team.open(), "cleo")


@refused_with("'cleo' is an author (cleo <Cleo Chan x@home.example>), and the policy wants four eyes")
def a_co_author_answers(team: Builds) -> object:
    team.scene.commit(ANA, "Fix\n\nCo-authored-by: Cleo Chan <x@home.example>")
    return team.approved(team.open(), "cleo")


@refused_with("'ben' started this build, and the policy wants four eyes")
def who_started_the_build_answers(team: Builds) -> object:
    return team.approved(team.open("ben"), "ben")


@refused_with("'ben' started this build")
def who_started_the_build_that_started_this_one_answers(team: Builds) -> object:
    upstream = team.scene.server.world.start(team.scene.server.world.add_job("up"), "ben")
    build = team.open()
    build.causes = [cause("hudson.model.Cause$UpstreamCause", "", upstreamUrl="job/up/", upstreamBuild=upstream.number)]
    return team.approved(build, "ben")


@refused_with("'ben' started this build")
def who_started_a_pipeline_that_started_this_one_answers(team: Builds) -> object:
    """The step `build job: …` leaves a cause of a class of its own (pipeline-build-step, BuildUpstreamCause)."""
    upstream = team.scene.server.world.start(team.scene.server.world.add_job("up"), "ben")
    build = team.open()
    kind = "org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause"
    build.causes = [cause(kind, "", upstreamUrl="job/up/", upstreamBuild=upstream.number)]
    return team.approved(build, "ben")


@refused_with("build 0 of another job, which started this one, cannot be read")
def a_pipeline_that_jenkins_has_forgotten_started_it(team: Builds) -> object:
    build = team.open()
    build.causes = [cause("org.jenkinsci.plugins.workflow.support.steps.build.BuildUpstreamCause", "")]
    return team.approved(build)


@refused_with("was started by somebody who was not logged in")
def somebody_started_it_with_the_token_of_the_job(team: Builds) -> object:
    """*Trigger builds remotely*: Jenkins notes where from, and nobody's name, even of who is logged in."""
    build = team.open()
    build.causes = [cause("hudson.model.Cause$RemoteCause", "Started by remote host 192.0.2.7")]
    return team.approved(build)


@refused_with("build 7 of job/secret/, which started this one, cannot be read, so nobody can tell who started it")
def a_build_that_nobody_may_read_started_it(team: Builds) -> object:
    build = team.open()
    build.causes = [cause("hudson.model.Cause$UpstreamCause", "", upstreamUrl="job/secret/", upstreamBuild=7)]
    return team.approved(build)


@refused_with("cannot be read, so nobody can tell who started it")
def the_build_that_started_it_is_an_address_elsewhere(team: Builds) -> object:
    build = team.open()
    build.causes = [cause("hudson.model.Cause$UpstreamCause", "", upstreamUrl="../..//evil", upstreamBuild=1)]
    return team.approved(build)


@refused_with("nobody can tell how build 1 of job/folder/job/loans/, which started this one, was started")
def builds_start_each_other_in_a_circle(team: Builds) -> object:
    build = team.open()
    again = cause("hudson.model.Cause$UpstreamCause", "", upstreamUrl=build.job.path, upstreamBuild=build.number)
    build.causes = [again]
    return team.approved(build)


@refused_with("was started by somebody who was not logged in")
def somebody_started_it_who_was_not_logged_in(team: Builds) -> object:
    team.scene.server.world.anonymous.may |= {BUILD, READ}
    return team.approved(team.open("anonymous"))


@refused_with("nobody can tell how build 1 was started")
def jenkins_does_not_say_who_started_it(team: Builds) -> object:
    build = team.open()
    build.causes = []
    return team.approved(build)


@refused_with("'root' is not one of the policy's approvers")
def an_administrator_answers_who_is_not_on_the_list(team: Builds) -> object:
    """Jenkins lets administrators answer whatever `submitter` says."""
    return team.approved(team.open(), "root")


@refused_with("'eve' is not one of the policy's approvers")
def the_pipeline_asks_without_submitter(team: Builds) -> object:
    """Job/Build is enough then."""
    build = team.open()
    pending = team.scene.server.world.pend(build, gate(submitter=None))
    return team.gate(build, passed_on(team.scene.answer(pending, "eve")))


@refused_with("'eve' is not one of the policy's approvers")
def a_group_is_the_submitter_and_a_member_of_it_answers(team: Builds) -> object:
    team.scene.server.world.users["eve"].groups = ("data-science",)
    build = team.open()
    pending = team.scene.server.world.pend(build, gate(submitter="data-science"))
    return team.gate(build, passed_on(team.scene.answer(pending, "eve")))


@refused_with("'anonymous' answered the input: that is nobody who could be held to it")
def somebody_answers_who_is_not_logged_in(team: Builds) -> object:
    team.scene.server.world.anonymous.may |= {BUILD, READ}
    build = team.open()
    pending = team.scene.server.world.pend(build, gate(submitter=None))
    team.scene.server.world.proceed(pending, team.scene.server.world.anonymous, {"decision": "approve", "reason": "me"})
    return team.gate(build, passed_on(pending.wait(1).value))


@refused_with("'SYSTEM' answered the input")
def the_answer_is_jenkins_own(team: Builds) -> object:
    build = team.open()
    return team.gate(build, passed_on({"approver": "SYSTEM", "decision": "approve", "reason": "x"}))


@refused_with("'ben' answered the input, not 'cleo'")
def the_script_says_who_approves(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build), approver="cleo")


# What `input` returned, and what the script makes of it.


@refused_with("the pipeline does not say who answered the input (ML_RELEASE_APPROVER is '')")
def an_old_plugin_returns_nothing_for_proceed_empty(team: Builds) -> object:
    team.scene.server.world.old_input_plugin = True
    return _answered_empty(team)


@refused_with("the input was answered without its parameters, so nobody said approve or reject")
def proceed_empty_returns_a_string_instead_of_a_map(team: Builds) -> object:
    """The approver's name alone: a script that takes ``answer.approver`` of it would break."""
    return _answered_empty(team)


def _answered_empty(team: Builds) -> object:
    build = team.open()
    pending = team.scene.server.world.pend(build, gate())
    assert team.scene.post(build, "input/MlRelease/proceedEmpty", "ben").status_code == 200
    return team.gate(build, passed_on(pending.wait(1).value))


@refused_with("the input was answered without its parameters")
def parameters_are_missing(team: Builds) -> object:
    build = team.open()
    pending = team.scene.server.world.pend(build, gate())
    team.scene.post(build, "input/MlRelease/proceed", "ben", json='{"parameter": {"name": "reason", "value": "x"}}')
    return team.gate(build, passed_on(pending.wait(1).value))


@refused_with("'ben' answered an input of build 1, and the pipeline says that 'approve' did")
def the_step_has_no_submitter_parameter(team: Builds) -> object:
    """Then ``input`` with one parameter returns its bare value."""
    build = team.open()
    asked = gate(submitter_parameter=None, parameters=(Parameter("decision", ("approve", "reject")),))
    pending = team.scene.server.world.pend(build, asked)
    found = team.scene.answer_only(pending, decision="approve")
    return team.gate(build, passed_on(found) | {"ML_RELEASE_DECISION": "approve"})


@refused_with("'ben' answered an input of build 1, and the pipeline says that 'cleo' did")
def the_script_lies_about_who_answered(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build) | {"ML_RELEASE_APPROVER": "cleo"})


@refused_with("nobody who was logged in answered an input of build 1, and the pipeline says 'ben'")
def the_script_makes_up_an_answer(team: Builds) -> object:
    return team.gate(team.open(), passed_on({"approver": "ben", "decision": "approve", "reason": "read it"}))


@refused_with("2 inputs of build 1 were answered (ben, eve), and the pipeline says 1 (ben)")
def two_inputs_and_the_gate_is_the_other_one(team: Builds) -> object:
    """Ben said that staging may go on; Eve answered the gate; the script passes on the first."""
    build = team.open()
    passed = team.scene.answered(build, "ben")
    team.scene.answer(team.scene.server.world.pend(build, gate(id="other", submitter=None)), "eve")
    return team.gate(build, passed)


@refused_with("'ben' answered an input of build 1, and the pipeline says that 'eve' did")
def two_inputs_in_another_order(team: Builds) -> object:
    build = team.open()
    passed = team.scene.answered(build, "ben")
    team.scene.answer(team.scene.server.world.pend(build, gate(id="other", submitter=None)), "eve")
    return team.gate(build, passed | {"ML_RELEASE_APPROVER": "eve;ben"})


@refused_with("ben has answered already; another approver is needed")
def one_person_answers_two_inputs(team: Builds) -> object:
    team.edited(required=2)
    build = team.open()
    assert team.gate(build, team.scene.answered(build)) == 0
    return team.gate(build, team.scene.answered(build, before="ben"))


# Which build this is.


@refused_with("BUILD_NUMBER says 1, and the log of that build of folder/loans does not show what this job prints")
def the_build_claims_to_be_another_that_was_approved(team: Builds) -> object:
    honest = team.scene.start()
    passed = team.scene.answered(honest)
    return team.gate(team.open(), passed | {"BUILD_NUMBER": "1"})


@refused_with("build 1 of folder/loans is over (SUCCESS), so this is not it")
def the_build_claims_to_be_an_older_one(team: Builds) -> object:
    older = team.scene.start()
    passed = team.scene.answered(older)
    team.scene.server.world.finish(older)
    return team.gate(team.open(), passed | {"BUILD_NUMBER": "1", "BUILD_URL": f"{team.scene.server.url}/{older.path}"})


@refused_with("the log of that build of folder/loans does not show what this job prints")
def another_job_claims_to_be_the_policys(team: Builds) -> object:
    """A branch's own job, with its own script; the policy's job happens to run."""
    honest = team.scene.start()
    passed = team.scene.answered(honest)
    other = team.scene.server.world.start(team.scene.server.world.add_job("folder/sandbox"), "eve")
    team.train(team.scene.tip, "A")
    return team.gate(other, passed | {"JOB_NAME": JOB, "BUILD_URL": f"{team.scene.server.url}/{honest.path}"})


@refused_with("BUILD_NUMBER is '../../9', which is no build's number")
def the_number_is_an_address(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build) | {"BUILD_NUMBER": "../../9"})


@refused_with("folder/loans has no build 99, or this account may not see it")
def the_build_is_none(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build) | {"BUILD_NUMBER": "99"})


@refused_with("the account may not read folder/loans (401)")
def the_token_is_revoked(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build) | {"ML_RELEASE_JENKINS_TOKEN": "revoked"})


@refused_with("nothing proves which build this is: no account may ask")
def no_account_is_bound(team: Builds) -> object:
    build = team.open()
    return team.gate(build, team.scene.answered(build) | NOTHING_BOUND)


@refused_with("the answer of 'ben' is self-declared, and the policy asks for ci-verified")
def jenkins_is_hidden_by_a_variable(team: Builds) -> object:
    """Without JENKINS_URL a stage takes itself for a laptop."""
    from ci_lib.jobs import approve  # noqa: PLC0415 -- for this test alone

    build = team.open()
    env = {**team.scene.server.env(build, **READER), "JENKINS_URL": "", "ML_RELEASE_SIGNING_KEY": str(team.key)}
    job = team.job(None, env, approver="ben", reason="let me")
    ci = detect(env, team.config.policy.approval, team.scene.directory, clock=job.clock, say=job.console.say)
    return approve.main(type(job)(**{**vars(job), "ci": ci}))


# Ways around the gate.


def _again(team: Builds, kind: str, said: str) -> Build:
    older = team.open()
    assert team.approved(older) == 0
    team.scene.server.world.finish(older, "FAILURE")
    return team.scene.server.world.again(older, "eve", kind, said)


@refused_with("build 2 did not come through its gate: Restarted from build #1, stage Deploy")
def it_is_restarted_from_the_stage_after_the_gate(team: Builds) -> object:
    """Job/Build is enough to restart; the stash has the old build's approval."""
    return team.deploy(_again(team, RESTART, "Restarted from build #1, stage Deploy"))


@refused_with("build 2 did not come through its gate: Replayed #1")
def it_is_replayed_with_an_edited_script(team: Builds) -> object:
    return team.deploy(_again(team, REPLAY, "Replayed #1"))


@refused_with("build 2 did not come through its gate: Replayed #1")
def a_replay_is_answered(team: Builds) -> object:
    replayed = _again(team, REPLAY, "Replayed #1")
    return team.approved(replayed)


@refused_with("the answer of 'ben' was given in http://127.0.0.1")
def an_approval_of_an_older_build_is_carried_over(team: Builds) -> object:
    older = team.open()
    assert team.approved(older) == 0
    team.scene.server.world.finish(older, "FAILURE")
    newer = team.scene.start()
    team.scene.answered(newer)
    return team.deploy(newer)


@refused_with("inputs of build 1 were answered by nobody, and the answers here are of ben")
def an_approval_is_there_without_an_answer_in_jenkins(team: Builds) -> object:
    build = team.open()
    assert team.approved(build) == 0
    build.approvers.clear()
    return team.deploy(build)


@refused_with("inputs of build 1 were answered by ben, cleo, and the answers here are of ben")
def somebody_answers_another_input_between_gate_and_deploy(team: Builds) -> object:
    build = team.open()
    assert team.approved(build) == 0
    team.scene.answered(build, "cleo", decision="reject", reason="stop")
    return team.deploy(build)


@refused_with("build 1 is over (ABORTED): it was stopped meanwhile")
def the_build_is_stopped_while_the_model_is_copied(team: Builds) -> object:
    """The agent may not have noticed yet."""
    build = team.open()
    assert team.approved(build) == 0
    adapter = team.scene.adapter(build)
    _ = adapter.here
    team.scene.server.world.stop(build, team.scene.server.world.users["ben"])
    from ci_lib.chain import read_approvals  # noqa: PLC0415 -- for this test alone

    adapter.confirm([signed.approval for signed in read_approvals(team.answers)], ("ben",))
    return None


# Whose commits.


@refused_with("the candidate was trained from commit|and this build checked out")
def the_candidate_is_of_a_commit_before_the_authors(team: Builds) -> object:
    """Training runs the author's code, which can write another commit into the record."""
    build = team.open("dan")
    team.train(team.scene.old, "A")
    return team.approved(build, "ana")


@refused_with("and this build checked out none that Jenkins knows of")
def jenkins_does_not_know_what_was_checked_out(team: Builds) -> object:
    build = team.open()
    build.revisions = []
    return team.approved(build)


@refused_with("commit 000000000000 is not here, so nobody can tell who wrote what is released")
def the_commit_is_one_of_the_library(team: Builds) -> object:
    """Loading a library adds a checkout to the build."""
    build = team.open()
    build.revisions = [(REMOTE, team.scene.tip), ("https://git.example.com/library.git", "0" * 40)]
    team.train("0" * 40, "A")
    return team.approved(build)


@refused_with("this checkout is shallow, so nobody can tell who wrote what is released")
def the_clone_is_shallow(team: Builds) -> object:
    (team.scene.directory / ".git" / "shallow").write_text(team.scene.tip + "\n")
    return team.approved(team.open())


@refused_with("nobody can tell what 'ben' is called")
def the_account_may_not_read_people(team: Builds) -> object:
    build = team.open()
    passed = team.scene.answered(build)
    del team.scene.server.world.users["ben"]
    return team.gate(build, passed)


# Files between the stages.


@refused_with("is about something else: report changed since")
def the_report_is_swapped_between_gate_and_deploy(team: Builds) -> object:
    build = team.open()
    assert team.approved(build) == 0
    (team.world.project / "release" / "report" / "index.html").write_bytes(b"<p>all good</p>")
    return team.deploy(build)


@refused_with("is about something else: manifest, candidate, evidence, decision")
def the_candidate_is_swapped_between_gate_and_deploy(team: Builds) -> object:
    build = team.open()
    assert team.approved(build) == 0
    kept = {path.name: path.read_bytes() for path in team.answers.glob("*.json")}
    team.train(team.scene.tip, "another model")
    for name, content in kept.items():
        (team.answers / name).write_bytes(content)
    return team.deploy(build)


@refused_with("is signed by none of the policy's keys")
def the_approval_is_written_by_hand(team: Builds) -> object:
    build = team.open()
    passed = team.scene.answered(build)
    return team.gate(build, passed | {"ML_RELEASE_SIGNING_KEY": ""})


@refused_with("ML_RELEASE_CODE is about another candidate, evidence, report or policy than the one at the gate")
def the_words_are_about_another_candidate(team: Builds) -> object:
    """From a terminal the answer names what was read: another report in the archive than in the stash is found."""
    build = team.open()
    passed = team.scene.answered(build)
    return team.gate(build, passed | {"ML_RELEASE_CODE": "ben:0123456789ab"})


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_with_a_sentence_of_its_own_and_releases_nothing(
    name: str, jenkins_scene: Scene, world: World
) -> None:
    team = Builds(jenkins_scene, world)
    attack, sentence = ATTACKS[name]
    with pytest.raises(Refused) as caught:
        attack(team)
    assert all(part in caught.value.what for part in sentence.split("|")), caught.value.what
    assert caught.value.hint
    assert open_production(team.job(None, {})).ledger.entries() == ()


def test_what_jenkins_lets_through_is_not_what_the_policy_does(jenkins_scene: Scene) -> None:
    """The table would be worth little if the double refused what Jenkins allows."""
    world = jenkins_scene.server.world
    build = jenkins_scene.start()
    assert world.may(world.users["root"], ADMINISTER)
    jenkins_scene.answered(build, "root")
    assert build.approvers == ["root"]
