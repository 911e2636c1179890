"""A pipeline from somebody's terminal: look at its gate, play it with one's own token, follow the job."""

import io
import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from doubles.gitlab import Fault
from doubles.gitlab_release import Pipelines
from doubles.gitlab_scene import Scene
from doubles.gitlab_world import NO_ONE, Job, Pipeline
from doubles.repository import Git
from doubles.small_chain import World

from ci_lib import cli, trigger
from ci_lib.answer import Words
from ci_lib.chain import FILES, Chain, read_approvals
from ci_lib.ci.gitlab import remote, review
from ci_lib.ci.gitlab.remote import Remote
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused, Unavailable

BENS = "bens-own"
ACCEPT = "impact_ratio:married=missing"


@pytest.fixture
def team(scene: Scene, world: World) -> Pipelines:
    return Pipelines(scene, world, unsettled=True)


def waiting(team: Pipelines) -> Pipeline:
    """Return a pipeline at its gate whose report job has the records in its artifacts."""
    pipeline = team.open()
    folder = team.world.project / "release"
    pipeline.job("report").artifacts = {f"release/{name}": (folder / name).read_bytes() for name in FILES}
    return pipeline


def address(team: Pipelines, pipeline: Pipeline) -> str:
    return f"{team.scene.server.url}/ml/loans/-/pipelines/{pipeline.id}"


def opened(team: Pipelines, pipeline: Pipeline, token: str = BENS, **more: Any) -> Remote:
    sleep: Callable[[float], None] = more.get("sleep", lambda _: None)
    url = address(team, pipeline)
    return remote.open_remote(url, team.scene.server.url, token, env={}, say=team.scene.said.append, sleep=sleep)


def runner(team: Pipelines, job: Job) -> Callable[[float], None]:
    """Return a sleep in which a runner takes the job and does it with our own code."""

    def work(_: float) -> None:
        if job.status != "pending":
            return
        team.scene.server.world.run(job)
        code = team.gate(job, reject=job.name == "reject")
        job.trace += b"done\n" if code == 0 else f"ERROR: Job failed: exit code {code}\n".encode()

    return work


def answer(team: Pipelines, pipeline: Pipeline, chain: Chain, *, reject: bool = False, **more: Any) -> int:
    job = pipeline.job("reject" if reject else "approve")
    given: dict[str, Any] = {"reason": "I read it", "accepted": () if reject else (ACCEPT,)} | more
    there = opened(team, pipeline, sleep=runner(team, job))
    words = Words(decision="rejected" if reject else None, **given)
    return review.respond(there, chain, team.scene.settings(), words)


def test_what_is_at_the_gate_is_shown_with_the_command_that_answers(team: Pipelines) -> None:
    pipeline = waiting(team)
    there = opened(team, pipeline)
    chain = review.show(there, "release")
    code = review.respond(there, chain, team.scene.settings(), Words())
    shown = "\n".join(team.scene.said)
    assert code == Exit.NO_APPROVAL
    assert "loan-approval: the verdict is inconclusive" in shown
    assert f"inconclusive {ACCEPT}: " in shown
    assert f"ml-release approve --pipeline {address(team, pipeline)} --reason \"…\" --accept '{ACCEPT}'" in shown
    assert pipeline.job("approve").status == "manual"


@pytest.mark.parametrize("inputs", [True, False])
def test_an_answer_plays_the_gate_in_the_reviewers_name_with_their_words(team: Pipelines, inputs: bool) -> None:
    """As inputs of the job since 18.10, as variables before."""
    team.scene.server.world.job_inputs = inputs
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    assert answer(team, pipeline, chain) == Exit.DONE
    (signed,) = read_approvals(team.answers)
    given = signed.approval
    assert (given.approver.id, given.reason, given.accepted) == ("ben", "I read it", (ACCEPT,))
    played = pipeline.job("approve")
    assert bool(played.inputs) is inputs
    assert bool(played.variables) is not inputs
    assert team.scene.said[-1] == "done"


def test_words_are_variables_where_the_job_has_no_inputs_for_them(team: Pipelines) -> None:
    pipeline = waiting(team)
    pipeline.job("approve").spec.inputs = {}
    chain = review.show(opened(team, pipeline), "release")
    assert answer(team, pipeline, chain) == Exit.DONE
    assert pipeline.job("approve").variables["ML_RELEASE_REASON"] == "I read it"
    pipeline.job("approve").spec.inputs = {}


@pytest.mark.parametrize("inputs", [True, False])
def test_words_reach_the_gate_as_they_were_typed(team: Pipelines, inputs: bool) -> None:
    """A runner replaces references in variables: `$5` by nothing, and a token's name by the token."""
    team.scene.server.world.job_inputs = inputs
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    typed = "costs $5, ${CI_JOB_TOKEN} $CI_JOB_TOKEN $$ 100%"
    assert answer(team, pipeline, chain, reason=typed) == Exit.DONE
    (signed,) = read_approvals(team.answers)
    assert signed.approval.reason == typed


def test_waivers_and_conditions_go_with_it(team: Pipelines) -> None:
    """The gate's job declares no inputs for them, so all words go as variables."""
    team.edited(waivable=("impact_ratio",))
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    asked = {"waived": (ACCEPT,), "owner": "dora", "until": date(2026, 12, 20), "conditions": ("watch; daily", "b")}
    assert answer(team, pipeline, chain, accepted=(), **asked) == Exit.DONE
    (signed,) = read_approvals(team.answers)
    (waiver,) = signed.approval.waivers
    assert (waiver.finding, waiver.owner, waiver.reason) == (ACCEPT, "dora", "I read it")
    assert signed.approval.conditions == ("watch; daily", "b")


def test_a_rejection_plays_the_job_that_rejects(team: Pipelines) -> None:
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    assert answer(team, pipeline, chain, reject=True) == Exit.REJECTED
    (signed,) = read_approvals(team.answers)
    assert (signed.approval.decision, signed.approval.reason) == ("rejected", "I read it")
    assert pipeline.job("approve").status == "manual"


def test_where_nobody_may_use_variables_it_says_so(team: Pipelines) -> None:
    team.scene.server.world.job_inputs = False
    team.scene.project.variables_role = NO_ONE
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    with pytest.raises(Refused, match="you may not play 'approve' with variables") as caught:
        answer(team, pipeline, chain)
    assert "may you use pipeline variables?" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"accepted": ()}, "an approver accepts each by name"),
        ({"accepted": ("x",)}, "no inconclusive finding is called x"),
        ({"waived": ("x",), "owner": "dora", "until": date(2026, 12, 20)}, "no finding that did not pass is called x"),
        ({"waived": (ACCEPT,), "owner": "dora"}, "has no last day"),
        ({"owner": "dora"}, "--owner is about a waiver, and none is named"),
    ],
)
def test_an_incomplete_answer_plays_nothing(team: Pipelines, given: dict[str, Any], sentence: str) -> None:
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    with pytest.raises(BadInput, match=sentence):
        answer(team, pipeline, chain, **given)
    assert pipeline.job("approve").status == "manual"


def test_a_bots_token_plays_nothing(team: Pipelines) -> None:
    pipeline = waiting(team)
    there = opened(team, pipeline, "note")
    chain = review.show(there, "release")
    with pytest.raises(Refused, match="a bot's; a person's own token"):
        review.respond(there, chain, team.scene.settings(), Words(reason="why", accepted=(ACCEPT,)))


def test_a_gate_that_was_played_is_not_played_again(team: Pipelines) -> None:
    pipeline = waiting(team)
    chain = review.show(opened(team, pipeline), "release")
    assert answer(team, pipeline, chain) == Exit.DONE
    with pytest.raises(Refused, match=r"no gate of pipeline \d+ waits: approve is success \(by ben\)"):
        answer(team, pipeline, chain)


def test_a_pipeline_without_a_report_has_nothing_to_look_at(team: Pipelines) -> None:
    with pytest.raises(BadInput, match=r"no job of pipeline .* has a report"):
        review.show(opened(team, team.open()), "release")


def test_records_that_were_changed_are_not_shown_as_if_they_held(team: Pipelines) -> None:
    pipeline = waiting(team)
    pipeline.job("report").artifacts["release/decision.json"] = b"{}"
    with pytest.raises(Refused, match="not a valid Decision record"):
        review.show(opened(team, pipeline), "release")


# Following a job.


def test_a_log_is_printed_as_it_grows_each_line_once(team: Pipelines) -> None:
    pipeline = team.open()
    job = pipeline.job("deploy")
    lines = iter([b"one\ntw", b"o\nthree\n"])

    def work(_: float) -> None:
        job.trace += next(lines, b"")
        if job.trace.endswith(b"three\n"):
            team.scene.server.world.finish(job)

    there = opened(team, pipeline, sleep=work)
    assert there.follow(there.job("deploy")) == Exit.DONE
    assert team.scene.said == ["one", "two\nthree"]


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (b"ERROR: Job failed: exit code 12\n", 12),
        (b"ERROR: Job failed: exit status 3\n", 3),
        (b"ERROR: Job failed: command terminated with exit code 4\n", 4),
    ],
)
def test_a_failed_job_ends_with_its_own_exit_code(team: Pipelines, log: bytes, code: int) -> None:
    pipeline = team.open()
    job = pipeline.job("deploy")
    job.trace = b"Job failed: exit code 10\n" + log
    team.scene.server.world.finish(job, "failed")
    there = opened(team, pipeline)
    assert there.follow(there.job("deploy")) == code


@pytest.mark.parametrize(
    ("state", "log"), [("canceled", b""), ("failed", b"Job failed: exit code 137"), ("failed", b"")]
)
def test_a_job_that_ends_otherwise_is_said(team: Pipelines, state: str, log: bytes) -> None:
    pipeline = team.open()
    job = pipeline.job("deploy")
    job.trace = log
    team.scene.server.world.finish(job, state)
    there = opened(team, pipeline)
    with pytest.raises(Unavailable, match=f"job 'deploy' .* is {state}"):
        there.follow(there.job("deploy"))


# Triggers.


def args(team: Pipelines, action: str, **more: Any) -> Namespace:
    given = {
        "action": action, "pipeline": None, "ref": "main", "job": None, "to": None, "reason": "", "token_file": None,
        "environment": None, "config": Path("no.yml"), "overrides": [], "policy_from": None,
    }  # fmt: skip
    del team
    return Namespace(**given | more)


def env(team: Pipelines) -> dict[str, str]:
    return {"ML_RELEASE_GITLAB_URL": team.scene.server.url, "ML_RELEASE_REVIEWER_TOKEN": "bens-own"}


def test_a_rollback_is_played_with_its_reason_and_followed(team: Pipelines) -> None:
    pipeline = team.open()
    job = pipeline.job("rollback")
    there = opened(team, pipeline, sleep=lambda _: team.scene.server.world.finish(job))
    assert there.follow(there.play(there.job("rollback"), {"ML_RELEASE_REASON": "wrong scores"})) == 0
    assert (job.user.username, job.variables) == ("ben", {"ML_RELEASE_REASON": "wrong scores"})


def test_a_rollback_without_a_pipeline_starts_one_with_its_words(team: Pipelines) -> None:
    url = team.scene.server.url
    there = remote.create(
        "ml/loans", "main", {"ML_RELEASE_ACTION": "rollback", "ML_RELEASE_REASON": "bad"}, url, "bens-own",
        env={}, say=print, sleep=lambda _: None,
    )  # fmt: skip
    (made,) = team.scene.project.pipelines
    assert (there.pipeline, made.user.username, made.variables["ML_RELEASE_REASON"]) == (made.id, "ben", "bad")
    with pytest.raises(Refused, match=r"no pipeline on 'nope': .*Reference not found"):
        remote.create("ml/loans", "nope", {}, url, "bens-own", env={}, say=print, sleep=lambda _: None)
    with pytest.raises(BadInput, match=r"there is no .*/ml/none"):
        remote.create("ml/none", "main", {}, url, "bens-own", env={}, say=print, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("inputs", "newer", "words"),
    [
        ({"action", "reason", "to"}, True, "inputs"),
        ({"action", "to"}, True, "variables"),  # the file does not ask for a reason
        (set(), True, "variables"),
        ({"action", "reason", "to"}, False, "variables"),  # a server that would not tell them apart
    ],
)
def test_a_pipeline_takes_words_as_inputs_where_its_file_asks_for_them(
    team: Pipelines, inputs: set[str], newer: bool, words: str
) -> None:
    team.scene.project.inputs = frozenset(inputs)
    team.scene.server.world.job_inputs = newer
    given = {"ML_RELEASE_ACTION": "rollback", "ML_RELEASE_REASON": "worth $5"}
    remote.create("ml/loans", "main", given, team.scene.server.url, BENS, env={}, say=print, sleep=lambda _: None)
    (made,) = team.scene.project.pipelines
    as_inputs = {"action": "rollback", "reason": "worth $5"}
    as_variables = {"ML_RELEASE_ACTION": "rollback", "ML_RELEASE_REASON": "worth $$5"}
    assert (made.inputs, made.variables) == ((as_inputs, {}) if words == "inputs" else ({}, as_variables))


def test_inputs_are_for_everybody_who_may_start_a_pipeline(team: Pipelines) -> None:
    team.scene.project.variables_role = 50
    url, given = team.scene.server.url, {"ML_RELEASE_ACTION": "rollback", "ML_RELEASE_REASON": "bad"}
    with pytest.raises(Refused, match=r"no pipeline on 'main': .*Insufficient permissions to set pipeline variables"):
        remote.create("ml/loans", "main", given, url, BENS, env={}, say=print, sleep=lambda _: None)
    team.scene.project.inputs = frozenset({"action", "reason", "to"})
    remote.create("ml/loans", "main", given, url, BENS, env={}, say=print, sleep=lambda _: None)
    assert team.scene.project.pipelines[-1].inputs == {"action": "rollback", "reason": "bad"}


def test_trigger_follows_the_job_and_gives_its_exit_code(team: Pipelines) -> None:
    pipeline = team.open()
    deploy = pipeline.job("deploy")
    deploy.trace = b"== deploy\nERROR: Job failed: exit code 12\n"
    deploy.status = "skipped"  # a job that is over, and that nobody can play
    out = io.StringIO()
    given = args(team, "deploy", pipeline=address(team, pipeline))
    with pytest.raises(Unavailable, match="is skipped"):
        trigger.main(given, env(team), Console(out))
    assert f"deploy of pipeline {pipeline.id}: {team.scene.server.url}/ml/loans/-/jobs/{deploy.id}\n" in out.getvalue()
    assert "== deploy" in out.getvalue()


def test_a_deploy_that_failed_is_run_again_and_the_new_job_is_followed(team: Pipelines) -> None:
    """GitLab plays manual jobs only, and answers with the old job where it made another."""
    pipeline = team.open()
    old = pipeline.job("deploy")
    team.scene.server.world.finish(old, "failed")
    there = opened(team, pipeline, sleep=lambda _: team.scene.server.world.finish(pipeline.job("deploy")))
    again = there.play(there.job("deploy"), {})
    assert (again.id > old.id, again.user.username, old.retried) == (True, "ben", True)
    assert there.follow(again) == Exit.DONE
    with pytest.raises(Refused, match=r"'deploy' .* cannot be played: .*Unplayable Job"):
        there.play(there.job("deploy"), {"ML_RELEASE_ENVIRONMENT": "staging"})


def test_a_pipeline_that_was_made_just_now_is_waited_for(team: Pipelines) -> None:
    """GitLab makes the jobs at once, and says which of them is next a moment later."""
    team.scene.server.world.busy = 2
    there = remote.create(
        "ml/loans", "main", {"ML_RELEASE_ACTION": "rollback"}, team.scene.server.url, BENS,
        env={}, say=print, sleep=team.scene.said.append,  # type: ignore[arg-type]  # what it is told is kept
    )  # fmt: skip
    assert (there.ready("rollback").status, len(team.scene.said)) == ("manual", 2)


def test_a_job_behind_a_gate_that_nobody_played_is_not_waited_for(team: Pipelines) -> None:
    pipeline = team.open()
    with pytest.raises(Refused, match=f"'deploy' waits for other jobs, and pipeline {pipeline.id} is manual") as caught:
        opened(team, pipeline).ready("deploy")
    assert caught.value.hint == f"play its gate first: {address(team, pipeline)}"


def test_a_job_whose_turn_never_comes_is_given_up(team: Pipelines) -> None:
    pipeline = team.open()
    pipeline.job("approve").status = "running"
    with pytest.raises(Unavailable, match="'deploy' has waited for other jobs for two hours"):
        replace(opened(team, pipeline), looks=2).ready("deploy")


def test_a_job_that_does_not_end_is_given_up(team: Pipelines) -> None:
    pipeline = team.open()
    pipeline.job("deploy").status = "running"
    there = replace(opened(team, pipeline), looks=2)
    with pytest.raises(Unavailable, match=r"job \d+ has not ended in two hours"):
        there.follow(there.job("deploy"))


def test_a_gate_that_is_played_again_is_followed_as_the_new_job(team: Pipelines) -> None:
    pipeline = team.open()
    team.scene.server.world.finish(team.scene.played(pipeline, "cleo"), "failed")
    there = opened(team, pipeline)
    assert there.play(there.job("approve"), {"ML_RELEASE_REASON": "x"}).id == pipeline.job("approve").id
    assert pipeline.job("approve").user.username == "ben"


@pytest.mark.parametrize(
    ("action", "more", "sentence"),
    [
        ("rollback", {}, "a rollback needs a reason"),
        ("deploy", {"pipeline": None, "reason": "x"}, "which GitLab or Jenkins is your token for"),
        ("rollback", {"reason": "x"}, "which GitLab or Jenkins is your token for"),
    ],
)
def test_what_a_trigger_needs_is_said(team: Pipelines, action: str, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        trigger.main(args(team, action, **more), env(team), Console(io.StringIO()))


def naming(url: str, path: Path) -> Path:
    """Write a release.yml that names a GitLab."""
    release = {
        "model": "loan", "task": "binary", "data": {"source": "x.csv", "target": "y"},
        "policy": {
            "rules": [{"metric": "roc_auc", "at_least": 0.7}],
            "approval": {"approvers": ["ben"], "gitlab": {"url": url, "project": 7}},
        },
    }  # fmt: skip
    path.write_text(json.dumps(release))
    return path


def test_a_branch_under_review_does_not_say_whom_the_token_is_sent_to(team: Pipelines, tmp_path: Path) -> None:
    """Where the reviewer's environment names the protected branch."""
    git = Git(tmp_path / "project").start()
    path = naming(team.scene.server.url, git.root / "release.yml")
    git.commit()
    git.publish()
    naming("https://evil.example", path)
    found = trigger.settings(args(team, "rollback", config=path), env(team) | {"ML_RELEASE_POLICY_FROM": "origin/main"})
    assert found.url == team.scene.server.url


def test_deploy_needs_a_pipeline_even_where_release_yml_names_the_server(team: Pipelines, tmp_path: Path) -> None:
    path = naming(team.scene.server.url, tmp_path / "release.yml")
    with pytest.raises(BadInput, match="deploy goes on from a gate: which pipeline's"):
        trigger.main(args(team, "deploy", config=path), env(team), Console(io.StringIO()))


# Bad input, at the command line.


def run(team: Pipelines, *words: str, **variables: str) -> tuple[int, str]:
    err = io.StringIO()
    found = {**env(team), **variables}
    code = cli.start(words, {name: value for name, value in found.items() if value}, out=io.StringIO(), err=err)
    return code, err.getvalue()


PIPELINE = "{url}/ml/loans/-/pipelines/1"
OWN = "ML_RELEASE_REVIEWER_TOKEN"
NOWHERE = "http://127.0.0.1:9"
BAD: dict[str, tuple[list[str], dict[str, str], int, str]] = {
    "no token": (["approve", "--pipeline", PIPELINE], {OWN: ""}, 2, "GitLab needs your own token"),
    "an unknown token": (["approve", "--pipeline", PIPELINE], {OWN: "x"}, 2, "it does not know the token"),
    "a broken token": (["approve", "--pipeline", PIPELINE], {OWN: "a\nb"}, 2, "characters that no token has"),
    "an unknown pipeline": (["approve", "--pipeline", PIPELINE], {}, 2, "there is no"),
    "another server": (
        ["approve", "--pipeline", "https://gitlab.evil/a/-/pipelines/1"], {}, 2, "is no address of a pipeline at",
    ),
    "a server that begins the same": (
        ["approve", "--pipeline", "{url}.evil/ml/loans/-/pipelines/1"], {}, 2, "is no address of a pipeline at",
    ),
    "no address": (["approve", "--pipeline", "42"], {}, 2, "is no address of a pipeline"),
    "a server that is not there": (
        ["approve", "--pipeline", f"{NOWHERE}/a/-/pipelines/1"],
        {"ML_RELEASE_GITLAB_URL": NOWHERE, "ML_RELEASE_HTTP_DEADLINE": "1"}, 4,
        "http://127.0.0.1:9 did not answer: connection refused",
    ),
    "a server that nobody named": (
        ["trigger", "deploy", "--pipeline", "x"], {"ML_RELEASE_GITLAB_URL": ""}, 2, "which GitLab is your token for?",
    ),
    "a token file that is not there": (
        ["trigger", "deploy", "--pipeline", "x", "--token-file", "nope"], {}, 2, "the token file nope cannot be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence_and_an_exit_code(team: Pipelines, name: str) -> None:
    words, variables, code, sentence = BAD[name]
    got, said = run(team, *(word.format(url=team.scene.server.url) for word in words), **variables)
    assert (got, sentence in said) == (code, True), said
    assert "\n  next: " in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("token", "sentence"), [("read", "you may not play 'prepare'"), ("eves", "you may not play 'prepare'")]
)
def test_a_token_with_too_small_a_scope_or_role_plays_nothing(team: Pipelines, token: str, sentence: str) -> None:
    team.scene.server.world.add_token("eves", "eve")
    there = opened(team, team.open(), token)
    with pytest.raises(Refused, match=sentence) as caught:
        there.play(there.job("prepare"), {})
    assert "is your role Developer" in caught.value.hint


def test_a_job_that_is_not_there_is_said_with_those_that_are(team: Pipelines) -> None:
    with pytest.raises(BadInput, match="has no job 'nope'") as caught:
        opened(team, team.open()).job("nope")
    assert caught.value.hint.startswith("it has: approve, deploy, prepare")


def test_a_login_page_is_no_answer(team: Pipelines) -> None:
    team.scene.server.faults.append(Fault("/pipelines/1", 200, body=b"<html>", content_type="text/html"))
    code, said = run(team, "approve", "--pipeline", f"{team.scene.server.url}/ml/loans/-/pipelines/1")
    assert (code, "a login page or proxy answered instead of GitLab at" in said) == (4, True)
