"""Which jobs a pipeline has, by what started it and where."""

import json

import pytest
from doubles.components import FIRST, GATES, OPEN, Team, include

RELEASE = {*OPEN, *GATES, "deploy", "monitor", "rollback"}
EVERY = json.dumps({"include": [include(name, inputs) for name, inputs in FIRST.items()]})
BACK = json.dumps({"include": [include("release", {"action": "rollback", "reason": "why", "to": "2"})]})

PIPELINES: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "a push to the default branch": (EVERY, {}, RELEASE),
    "a merge request": (EVERY, {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": ""}, set(OPEN)),
    "a push to another branch": (EVERY, {"CI_COMMIT_BRANCH": "idea"}, set()),
    "a schedule": (EVERY, {"CI_PIPELINE_SOURCE": "schedule"}, {*RELEASE, "audit"}),
    "ml-release trigger rollback": (EVERY, {"ML_RELEASE_ACTION": "rollback"}, {"rollback"}),
    "a schedule for the audit alone": (EVERY, {"ML_RELEASE_ACTION": "audit"}, {"audit"}),
    "Run pipeline with action rollback": (BACK, {}, {"rollback"}),
    "a rollback that a job asks for": (
        EVERY, {"ML_RELEASE_ACTION": "rollback", "CI_PIPELINE_SOURCE": "pipeline"}, {"rollback"},
    ),
    "a rollback that a job asks for with inputs": (BACK, {"CI_PIPELINE_SOURCE": "pipeline"}, {"rollback"}),
    "a rollback of another branch": (EVERY, {"ML_RELEASE_ACTION": "rollback", "CI_COMMIT_BRANCH": "idea"}, set()),
    "a policy from somewhere else": (EVERY, {"ML_RELEASE_POLICY_FROM": "origin/idea"}, set(OPEN)),
}  # fmt: skip


@pytest.mark.parametrize("what", PIPELINES)
def test_which_jobs_a_pipeline_has(team: Team, what: str) -> None:
    text, variables, wanted = PIPELINES[what]
    listed = json.loads(team.expand(text, "--list-json", variables={"CI_DEFAULT_BRANCH": "main", **variables}))
    found = {job["name"]: job["when"] for job in listed if job["when"] != "never"}
    assert set(found) == wanted
    assert {name for name, when in found.items() if when == "manual"} == (
        set() if wanted == {"rollback"} and not variables.get("CI_PIPELINE_SOURCE") else wanted & {*GATES, "rollback"}
    )
