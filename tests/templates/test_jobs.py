"""What holds of every job of the components, in every combination of inputs: a flat list."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from doubles.components import GATES, OPEN, PRIVILEGED, Pipeline, documents, lines

Job = dict[str, Any]
KINDS = (*OPEN, *PRIVILEGED, "monitor")
KEEPING = (*GATES, "deploy", "rollback")
"""What GitLab is asked about: who runs it."""
INPUTS = documents("release")[0]


def kind(name: str) -> str:
    return name.rpartition("-")[2]


def needed(job: Job) -> dict[str, bool]:
    """Kind of each job that is needed -> whether its artifacts come along."""
    return {kind(each["job"]): each["artifacts"] for each in job.get("needs", ()) if not each["optional"]}


def installs(job: Job) -> str:
    return "\n".join(line for line in lines(job, "before_script") if "pip install" in line)


def manual(job: Job) -> list[object]:
    """What each rule for a manual job says of a failure."""
    return [rule.get("allow_failure") for rule in job["rules"] if rule.get("when") == "manual"]


PROPERTIES: dict[str, tuple[tuple[str, ...], Callable[[Job], bool]]] = {
    # Jobs that hold keys, and the one that loads the model from the same place.
    "no cache": ((*PRIVILEGED, "monitor"), lambda job: job["cache"] == []),
    "nothing of the project's defaults": ((*PRIVILEGED, "monitor"), lambda job: job["inherit"] == {"default": False}),
    "none of the authors' code": ((*PRIVILEGED, "monitor"), lambda job: job["variables"]["GIT_STRATEGY"] == "empty"),
    "not canceled by a newer pipeline": ((*PRIVILEGED, "monitor"), lambda job: job["interruptible"] is False),
    "Python imports nothing from where artifacts lie": (
        (*PRIVILEGED, "monitor"), lambda job: all("python3 -P " in line for line in lines(job) if "python3" in line),
    ),
    "no package that loads a model": (
        PRIVILEGED, lambda job: '"ml-release-core[gitlab]==' in installs(job) and '"ml-release[' not in installs(job),
    ),
    "packages by hash": (
        PRIVILEGED, lambda job: all(" --no-deps " in line or " --require-hashes " in line
                                    for line in installs(job).splitlines()),
    ),
    "no job that holds keys where the policy is moved": (
        (*PRIVILEGED, "monitor"),
        lambda job: {"when": "never"}.items() <= next(
            rule for rule in job["rules"]
            if rule.get("if") == '$ML_RELEASE_POLICY_FROM && $ML_RELEASE_POLICY_FROM != '
                                 f'"{job["variables"]["ML_RELEASE_POLICY_FROM"]}"'
        ).items(),
    ),
    "no automatic repetition": ((*PRIVILEGED, "monitor"), lambda job: "retry" not in job),
    # Who is asked, and for what.
    "an ID token for who acts": (KEEPING, lambda job: list(job["id_tokens"]) == ["ML_RELEASE_ID_TOKEN"]),
    "no ID token where code of authors or the model runs": ((*OPEN, "monitor"), lambda job: "id_tokens" not in job),
    "the gate is played": (("approve",), lambda job: manual(job) == [False] and job["allow_failure"] is False),
    "a no is nobody's duty": (("reject",), lambda job: manual(job) == [True] and job["allow_failure"] is True),
    "a rollback is nobody's duty": (("rollback",), lambda job: manual(job) == [True]),
    "the gate comes after report and verdict": (GATES, lambda job: needed(job) == {"report": False, "validate": False}),
    "deploy comes after the gate": (("deploy",), lambda job: needed(job) == {"report": False, "approve": True}),
    "monitor comes after deploy": (("monitor",), lambda job: needed(job) == {"deploy": False}),
    "a rollback waits for nothing": (("rollback", "audit"), lambda job: job["needs"] == []),
    "prepare waits for the stages before it": (("prepare",), lambda job: "needs" not in job),
    "a fail of deploy, rollback and approve stops": (
        ("deploy", "rollback", "prepare", "train", "report"), lambda job: not job.get("allow_failure"),
    ),
    "what is not settled is orange": (
        ("validate", "monitor"),
        lambda job: set(job["allow_failure"]) == {"exit_codes"} and 11 in job["allow_failure"]["exit_codes"],
    ),
    # Environments.
    "gates prepare, in an environment of their own": (
        GATES,
        lambda job: job["environment"]["action"] == "prepare" and job["environment"]["name"].endswith("/approval"),
    ),
    "what moves production is a deployment": (
        ("deploy", "rollback"), lambda job: job["environment"] == {"name": job["variables"]["ML_RELEASE_ENVIRONMENT"]},
    ),
    "what only looks is none": (("monitor", "audit"), lambda job: job["environment"]["action"] == "verify"),
    "one at a time": (
        ("deploy", "rollback", "audit"),
        lambda job: job["resource_group"].endswith(job["variables"]["ML_RELEASE_ENVIRONMENT"]),
    ),
    "code of authors in no environment": (OPEN, lambda job: "environment" not in job),
    # What is kept.
    "artifacts of failures, too": ((*OPEN, *PRIVILEGED), lambda job: job["artifacts"]["when"] == "always"),
    "a long time": (
        (*OPEN[1:], *PRIVILEGED), lambda job: job["artifacts"]["expire_in"] in {"3 years", "10 years", "never"},
    ),
    "rows a short time, and for members": (
        ("prepare",),
        lambda job: (job["artifacts"]["expire_in"], job["artifacts"]["access"]) == ("1 week", "developer"),
    ),
    "no rows behind prepare": (
        (*OPEN[1:], *PRIVILEGED), lambda job: not any("/data/" in path for path in job["artifacts"]["paths"]),
    ),
    "no artifacts of authors' code, which bring variables along": (
        (*PRIVILEGED, "monitor"), lambda job: not any(takes for name, takes in needed(job).items() if name in OPEN)
        and "needs" in job,
    ),
    "no dotenv": (KINDS, lambda job: "dotenv" not in job.get("artifacts", {}).get("reports", {})),
    "answers, a no as well": (
        GATES, lambda job: [path.rpartition("/production/")[2] for path in job["artifacts"]["paths"]] == ["approvals/"]
        or job["artifacts"]["paths"] == ["models/fraud/release/staging/approvals/"],
    ),
    "what reviewers look at": (
        ("report",), lambda job: set(job["artifacts"]["reports"]) == {"junit", "annotations", "metrics"}
        and "expose_as" in job["artifacts"],
    ),
    "a report of a failed validation": (
        ("report",), lambda job: [rule.get("when") for rule in job["rules"]] == ["never", "always", "always"],
    ),
    # Scripts.
    "the whole script is the command": (
        KINDS,
        lambda job: len(job["script"]) == 1 and re.fullmatch(r"ml-release [^\n]+", job["script"][0]) is not None,
    ),
    "no input is left": (KINDS, lambda job: "$[[" not in str(job)),
}  # fmt: skip


def jobs(first: Pipeline, combined: Pipeline) -> dict[str, Job]:
    return {name: job for name, job in (first.jobs | combined.jobs).items() if kind(name) in KINDS}


def test_there_are_jobs_of_every_kind(first: Pipeline, combined: Pipeline) -> None:
    assert {kind(name) for name in jobs(first, combined)} == set(KINDS)
    assert {kind(name) for name in first.jobs} == set(KINDS)


@pytest.mark.parametrize("what", PROPERTIES)
def test_it_holds_in_every_combination(first: Pipeline, combined: Pipeline, what: str) -> None:
    kinds, holds = PROPERTIES[what]
    found = {name: job for name, job in jobs(first, combined).items() if kind(name) in kinds}
    assert found
    assert [name for name, job in found.items() if not holds(job)] == []


@pytest.mark.parametrize("name", KINDS)
def test_a_job_runs_the_command_of_its_name(first: Pipeline, name: str) -> None:
    command = {"reject": "approve --reject"}.get(name, name)
    assert first.jobs[name]["script"][0].startswith(f"ml-release {command} --config")


def test_a_failed_verdict_goes_on_to_the_gate_only_where_findings_may_be_waived(combined: Pipeline) -> None:
    found = {
        name: job["allow_failure"]["exit_codes"] for name, job in combined.jobs.items() if kind(name) == "validate"
    }
    assert found.pop("waived-validate") == [10, 11]
    assert set(map(tuple, found.values())) == {(11,)}


def test_the_image_of_authors_is_not_that_of_keys(combined: Pipeline) -> None:
    found = {name: job["image"]["name"] for name, job in combined.jobs.items() if name.startswith("baked-")}
    open_jobs = {f"baked-{name}" for name in OPEN}
    assert {found[name] for name in open_jobs} == {"registry.example.com/ml/train@sha256:00"}
    assert {image for name, image in found.items() if name not in open_jobs} == {"registry.example.com/ml/release:1"}


def test_runners_for_keys_are_for_nothing_else(combined: Pipeline) -> None:
    tags = {name: job.get("tags") for name, job in combined.jobs.items() if name.startswith("tagged-")}
    assert {name for name, found in tags.items() if found == ["vault", "eu, west"]} == {
        f"tagged-{name}" for name in PRIVILEGED if name != "audit"
    }
    assert {name for name, found in tags.items() if found is None} == {f"tagged-{name}" for name in (*OPEN, "monitor")}


def test_what_is_written_into_an_input_is_what_the_job_gets(combined: Pipeline) -> None:
    assert combined.jobs["back-rollback"]["variables"]["ML_RELEASE_REASON"] == (
        "it's `wrong`; the scores are <50% # {a: [b]} & | über"
    )
    deep = combined.jobs["deep-approve"]["variables"]
    assert deep["ML_RELEASE_POLICY_FROM"] == "origin/releases/2027:models/fraud/release.yml"
    assert combined.jobs["baked-deploy"]["variables"]["ML_RELEASE_INSTALL"] == "false"


def test_words_are_asked_for_where_the_server_can(combined: Pipeline) -> None:
    asking = {name: set(job["inputs"]) for name, job in combined.jobs.items() if "inputs" in job}
    assert set(asking) == {"asking-approve", "asking-reject", "asking-rollback", "alone-rollback"}
    assert asking["alone-rollback"] == {"reason", "to"}
    assert asking["asking-approve"] >= {"reason", "accept", "decision", "code"}


def test_a_rollback_alone_is_the_same_job(first: Pipeline, combined: Pipeline) -> None:
    released, alone = dict(first.jobs["rollback"]), dict(combined.jobs["away-rollback"])
    for key in ("stage", "rules", "resource_group", "variables"):
        del released[key], alone[key]
    assert released == alone
