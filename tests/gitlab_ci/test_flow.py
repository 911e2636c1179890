"""The double moves jobs on as GitLab does: each case is a sentence of GitLab's source or of its documentation."""

import pytest
from doubles import gitlab_flow as flow
from doubles.gitlab_world import MAINTAINER, Commit, Pipeline, Refusal, Spec, World

GATE = (
    Spec("train", stage=0),
    Spec("approve", stage=1, manual=True),
    Spec("deploy", stage=2),
    Spec("aside", stage=2, rootless=True),
)


@pytest.fixture
def world() -> World:
    made = World()
    for name in ("ana", "ben"):
        made.add_user(name)
    project = made.add_project("ml/loans", (), {"ana": MAINTAINER, "ben": MAINTAINER}, id_=7)
    project.commits["a"] = Commit("a", ("Ana", "a"), ("Ana", "a"))
    project.branches["main"] = "a"
    return made


def start(world: World, *specs: Spec, **project: object) -> Pipeline:
    found = world.projects[7]
    found.specs = specs
    for name, value in project.items():
        setattr(found, name, value)
    return world.start(found, "ana")


def jobs(pipeline: Pipeline) -> dict[str, str]:
    return {name: job.status for name, job in flow.current(pipeline).items()}


def end(world: World, pipeline: Pipeline, name: str, code: int = 0) -> None:
    world.finish(pipeline.job(name), "success" if code == 0 else "failed", code)


def test_a_blocking_gate_holds_what_is_in_later_stages_but_not_what_needs_nothing(world: World) -> None:
    pipeline = start(world, *GATE)
    end(world, pipeline, "train")
    assert jobs(pipeline) == {"train": "success", "approve": "manual", "deploy": "created", "aside": "pending"}
    end(world, pipeline, "aside")
    assert pipeline.status == "manual"


def test_a_gate_that_may_fail_holds_nothing(world: World) -> None:
    """Pain 1: ``when: manual`` outside rules defaults to it."""
    pipeline = start(world, GATE[0], Spec("approve", stage=1, manual=True, allow_failure=True), GATE[2])
    end(world, pipeline, "train")
    assert jobs(pipeline) == {"train": "success", "approve": "manual", "deploy": "pending"}


def test_what_needs_a_gate_that_may_fail_is_skipped_until_it_is_played(world: World) -> None:
    """composite.rb: a job of a DAG is skipped if one of the needs does not run at all."""
    gate = Spec("approve", manual=True, allow_failure=True)
    pipeline = start(world, gate, Spec("deploy", needs=("approve",)))
    assert jobs(pipeline) == {"approve": "manual", "deploy": "skipped"}


@pytest.mark.parametrize(
    ("allowed", "code", "status", "after"),
    [
        (False, 1, "failed", "skipped"),
        (True, 1, "success", "pending"),
        (frozenset({11}), 11, "success", "pending"),
        (frozenset({11}), 10, "failed", "skipped"),
        (frozenset({11}), 0, "success", "pending"),
    ],
)
def test_a_failure_stops_the_pipeline_unless_its_exit_code_is_allowed(
    world: World, allowed: bool | frozenset[int], code: int, status: str, after: str
) -> None:
    pipeline = start(world, Spec("validate", allow_failure=allowed), Spec("next", needs=("validate",)))
    end(world, pipeline, "validate", code)
    assert jobs(pipeline)["next"] == after
    if after == "pending":
        end(world, pipeline, "next")
    assert pipeline.status == status


@pytest.mark.parametrize(
    ("when", "code", "after"),
    [
        ("on_success", 1, "skipped"), ("on_failure", 1, "pending"), ("always", 1, "pending"),
        ("on_success", 0, "pending"), ("on_failure", 0, "skipped"), ("always", 0, "pending"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dag", [True, False])
def test_when_says_what_the_jobs_before_must_have_come_to(
    world: World, when: str, code: int, after: str, dag: bool
) -> None:
    later = Spec("later", runs=when, needs=("first",)) if dag else Spec("later", runs=when, stage=1)
    pipeline = start(world, Spec("first"), later)
    end(world, pipeline, "first", code)
    assert jobs(pipeline)["later"] == after


def test_a_report_runs_when_what_it_needs_was_skipped(world: World) -> None:
    specs = (Spec("train"), Spec("validate", needs=("train",)), Spec("report", runs="always", needs=("validate",)))
    pipeline = start(world, *specs)
    end(world, pipeline, "train", 2)
    assert jobs(pipeline) == {"train": "failed", "validate": "skipped", "report": "pending"}


def test_what_needs_a_job_waits_for_it_alone(world: World) -> None:
    pipeline = start(world, Spec("a"), Spec("b"), Spec("c", stage=1, needs=("a",)), Spec("d", stage=1))
    end(world, pipeline, "a")
    assert (jobs(pipeline)["c"], jobs(pipeline)["d"]) == ("pending", "created")


def test_a_gate_played_again_brings_back_what_was_skipped_in_the_name_of_who_played_it(world: World) -> None:
    needs = Spec("deploy", needs=("approve",)), Spec("monitor", needs=("deploy",))
    pipeline = start(world, Spec("approve", manual=True), *needs)
    world.play(pipeline.job("approve"), world.users["ana"], {}, {})
    end(world, pipeline, "approve", 3)
    assert jobs(pipeline) == {"approve": "failed", "deploy": "skipped", "monitor": "skipped"}
    world.play(pipeline.job("approve"), world.users["ben"], {}, {})
    assert jobs(pipeline) == {"approve": "pending", "deploy": "created", "monitor": "created"}
    assert pipeline.job("deploy").user.username == "ben"
    end(world, pipeline, "approve")
    assert jobs(pipeline)["deploy"] == "pending"


def test_a_job_that_is_not_manual_is_retried_and_never_played(world: World) -> None:
    pipeline = start(world, Spec("deploy"))
    end(world, pipeline, "deploy", 4)
    old = pipeline.job("deploy")
    with pytest.raises(Refusal, match="Unplayable Job"):
        world.play(old, world.users["ben"], {}, {})
    assert world.retry(old, world.users["ben"]).status == "pending"
    with pytest.raises(Refusal, match="not retryable"):
        world.retry(old, world.users["ben"])


@pytest.mark.parametrize(
    ("skip_outdated", "action", "status"), [(True, False, "failed"), (True, True, "pending"), (False, False, "pending")]
)
def test_an_older_deployment_fails_after_a_newer_one_unless_it_is_none_or_the_project_lets_it(
    world: World, skip_outdated: bool, action: bool, status: str
) -> None:
    """Section 8.7; ``action: prepare`` makes no deployment."""
    deploy = Spec("deploy", needs=("approve",), environment="production", prepares=action)
    older = start(world, Spec("approve", manual=True), deploy, skip_outdated=skip_outdated)
    newer = start(world, Spec("approve", manual=True), deploy)
    for pipeline in (newer, older):
        world.play(pipeline.job("approve"), world.users["ben"], {}, {})
        end(world, pipeline, "approve")
        if pipeline is newer:
            end(world, pipeline, "deploy")
    assert jobs(older)["deploy"] == status


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([], "success"),
        (["success", "skipped"], "success"),
        (["skipped"], "skipped"),
        (["success", "manual", "created"], "manual"),
        (["failed", "manual"], "manual"),
        (["failed", "skipped", "success"], "failed"),
        (["running", "failed"], "running"),
        (["success", "canceled"], "canceled"),
        (["created"], "created"),
        (["created", "success"], "running"),
        (["pending", "created"], "pending"),
        (["pending", "success"], "running"),
    ],
)
def test_a_pipelines_status_is_composed_of_its_jobs(world: World, statuses: list[str], whole: str) -> None:
    """composite.rb, in its order: ``manual`` comes before ``failed``."""
    pipeline = start(world, *(Spec(f"job {number}") for number, _ in enumerate(statuses)))
    for job, status in zip(pipeline.jobs, statuses, strict=True):
        job.status = status
    assert pipeline.status == whole
