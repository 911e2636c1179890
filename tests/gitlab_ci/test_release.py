"""A team's releases with the component, job by job: gitlab-ci-local, the double as GitLab, a real MLflow server."""

import json

import pytest
from doubles.gitlab_story import Moment
from doubles.gitlab_team import Team
from torture.sizes import size

OK = {"prepare": "success", "train": "success", "validate": "success", "report": "success"}
GATE = {"approve": "manual", "reject": "manual", "deploy": "created", "monitor": "created", "rollback": "manual"}


def test_a_pipeline_runs_up_to_its_gate_and_waits_there(waiting: Moment) -> None:
    assert waiting.status == "manual"
    assert waiting.jobs == OK | GATE
    assert (waiting.history, waiting.champion) == ([], None)


def test_what_a_reviewer_needs_is_there_while_it_waits(team: Team, waiting: Moment) -> None:
    report = waiting.pipeline.job("report")
    (note,) = team.project.requests[0].notes
    assert note.author.username.startswith("project_7_bot")
    assert f"{team.server.url}/ml/loans/-/jobs/{report.id}/artifacts/file/release/report/index.html" in note.body
    assert b"<!doctype html>" in report.artifacts["release/report/index.html"][:100].lower()
    assert set(report.reports) == {"junit", "annotations", "metrics"}
    links = json.loads(report.reports["annotations"])["ml-release"]
    assert [link["external_link"]["label"] for link in links] == ["Release report: pass", "Model in MLflow: pass"]
    assert [status["status"] for status in team.project.statuses][:1] == ["success"]


def test_rows_do_not_reach_the_jobs_that_hold_keys(waiting: Moment) -> None:
    assert "release/data/holdout.parquet" in waiting.pipeline.job("prepare").artifacts
    assert not any(name.startswith("release/data/") for name in waiting.pipeline.job("report").artifacts)


def test_who_wrote_the_change_cannot_approve_it(own: Moment) -> None:
    assert (own.code, own.users["approve"]) == (3, "ana")
    assert "'ana' started this pipeline" in own.log
    assert (own.status, own.jobs["deploy"], own.jobs["monitor"]) == ("failed", "skipped", "skipped")
    assert own.history == []


def test_another_candidate_among_the_artifacts_is_not_deployed(swapped: Moment) -> None:
    assert swapped.code == 3
    assert "candidate" in swapped.log
    assert (swapped.jobs["approve"], swapped.jobs["deploy"], swapped.history) == ("success", "failed", [])


def test_the_answer_of_another_pipeline_is_not_taken(swapped: Moment, replayed: Moment, team: Team) -> None:
    """It is signed, and about the same bytes and the same evidence."""
    assert replayed.code == 3
    assert (
        f"'cleo' was given in {team.url(swapped.pipeline)}, and this is {team.url(replayed.pipeline)}" in replayed.log
    )
    assert replayed.history == []


def test_a_rejection_is_written_down_and_nothing_is_released(rejected: Moment) -> None:
    assert (rejected.code, rejected.users["reject"]) == (13, "cleo")
    assert "rejected by cleo (ci-verified)" in rejected.log
    assert any(name.startswith("release/production/approvals/") for name in rejected.pipeline.job("reject").artifacts)
    assert rejected.history == []


def test_a_gate_played_by_an_approver_leads_to_production(released: Moment, team: Team) -> None:
    assert (released.status, released.jobs) == ("success", OK | {
        "approve": "success", "reject": "manual", "deploy": "success", "monitor": "success", "rollback": "manual",
    })  # fmt: skip
    (entry,) = released.history
    assert (entry["number"], entry["action"], entry["automatic"]) == (1, "deploy", False)
    assert entry["pipeline"] == team.url(released.pipeline)
    assert entry["reason"] == "played 'approve' in GitLab, and typed no reason"
    assert entry["actor"] == {"id": "ben", "known_from": "gitlab, ID token"}
    assert len(entry["approvals"]) == 1
    assert entry["key"]
    assert released.champion == entry["model_version"] == "1"


def test_a_terminal_follows_the_deployment_that_it_has_run_again(released: Moment) -> None:
    assert released.said is not None
    assert (released.said.code, released.users["deploy"]) == (0, "ben")
    assert "release 1: models:/breast-cancer@champion is version 1" in released.said.out


def test_monitor_repeats_the_golden_predictions(released: Moment) -> None:
    log = released.pipeline.job("monitor").trace.decode()
    assert "release 1 in production: pass" in log
    assert "golden_mismatches 0" in log


def test_an_older_pipeline_is_not_deployed_after_a_newer_one(late: Moment) -> None:
    assert (late.code, late.jobs["deploy"], late.jobs["monitor"]) == (3, "failed", "skipped")
    assert "the champion changed since validation" in late.log
    assert ([entry["number"] for entry in late.history], late.champion) == ([1], "1")


SENTENCES = {
    "the ID token of another job": "the ID token is about job",
    "a bot": "is a bot, and a bot approves nothing",
    "a user name that a variable overrides": "a variable overrides a predefined one: GITLAB_USER_LOGIN is 'cleo' here",
    "records that a variable puts elsewhere": "is not there",
    "somebody who is not on the list": "'dan' is not one of the policy's approvers",
}


@pytest.mark.parametrize("name", list(SENTENCES)[: size(1, len(SENTENCES))])
def test_an_attack_on_the_gate_is_refused_in_its_own_words(attacked: dict[str, Moment], name: str) -> None:
    found = attacked[name]
    assert SENTENCES[name] in found.log
    code = 2 if name == "records that a variable puts elsewhere" else 3
    assert (found.code, found.jobs["approve"], found.jobs["deploy"]) == (code, "failed", "skipped")


def test_nobody_starts_a_pipeline_whose_keys_go_by_another_policy(team: Team, waiting: Moment) -> None:
    """Whoever may set a pipeline's variables can say where the policy is; no job holds keys then."""
    del waiting
    pipeline = team.start("dan", variables={"ML_RELEASE_POLICY_FROM": "origin/mine"})
    assert {job.name for job in pipeline.jobs} == {"prepare", "train", "validate", "report"}


def test_keys_are_given_to_the_gate_and_to_what_writes_the_ledger_alone(team: Team, waiting: Moment) -> None:
    held = {job.name for job in waiting.pipeline.jobs if "ML_RELEASE_SIGNING_KEY" in team.server.settings(job)}
    assert held == {"approve", "reject", "deploy", "rollback"}


def test_an_inconclusive_verdict_is_orange_and_reaches_the_gate(unsettled: Moment) -> None:
    assert (unsettled.code, unsettled.allowed["validate"]) == (11, True)
    assert (unsettled.status, unsettled.jobs) == ("manual", OK | GATE | {"validate": "failed"})


def test_it_is_accepted_by_name_from_a_terminal_and_released_over_the_first(accepted: Moment) -> None:
    assert accepted.said is not None
    assert accepted.said.code == 0, accepted.said.err
    assert "inconclusive roc_auc" in accepted.said.out
    assert "approved by ben (ci-verified)" in accepted.said.out
    assert [(entry["number"], entry["replaces"], entry["reason"]) for entry in accepted.history] == [
        (1, None, "played 'approve' in GitLab, and typed no reason"), (2, 1, "few rows, and none of them odd"),
    ]  # fmt: skip
    assert (accepted.status, accepted.champion) == ("success", "2")
    assert accepted.history[0]["manifest"] != accepted.history[1]["manifest"]


def test_a_failed_verdict_is_red_reported_and_never_reaches_the_gate(failed: Moment) -> None:
    assert failed.jobs == {
        "prepare": "success", "train": "success", "validate": "failed", "report": "success", "approve": "skipped",
        "reject": "skipped", "deploy": "skipped", "monitor": "skipped", "rollback": "manual",
    }  # fmt: skip
    assert (failed.status, failed.allowed["validate"]) == ("failed", False)
    assert "verdict: Fail" in failed.log
    assert b"<failure" in failed.pipeline.job("report").reports["junit"]
    assert failed.champion == "2"


def test_a_rollback_from_a_terminal_is_a_pipeline_of_one_job(back: Moment) -> None:
    assert back.said is not None
    assert back.said.code == 0, back.said.err
    assert "the bytes of release 1" in back.said.out
    assert back.jobs == {"rollback": "success"}
    assert (set(back.pipeline.inputs), back.pipeline.variables) == ({"action", "reason"}, {})
    entry = back.history[-1]
    assert (entry["number"], entry["action"], entry["restores"], entry["reason"]) == (
        3, "rollback", 1, "wrong scores since noon",
    )  # fmt: skip
    assert (entry["actor"]["id"], back.champion) == ("cleo", "1")


def test_a_rollback_on_a_pipelines_page_takes_its_words(forth: Moment) -> None:
    assert forth.code == 0, forth.log
    entry = forth.history[-1]
    assert (entry["number"], entry["restores"], entry["reason"]) == (4, 2, "it was the network")
    assert (entry["actor"]["id"], forth.champion) == ("ben", "2")


def test_a_rollback_by_run_pipeline_takes_its_words_as_variables(run: Moment) -> None:
    assert (run.code, run.jobs) == (0, {"rollback": "success"}), run.log
    entry = run.history[-1]
    assert (entry["number"], entry["restores"], entry["reason"]) == (5, 1, "it was not the network")
    assert (entry["actor"]["id"], run.champion) == ("ana", "1")
