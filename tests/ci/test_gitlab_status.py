"""The command line inside a pipeline: the adapter is GitLab's, and `status` says how the gate stands."""

from pathlib import Path

import pytest
from doubles.gitlab_scene import Scene
from doubles.gitlab_world import Job
from doubles.project import Project
from doubles.repository import Git


@pytest.fixture
def project(tmp_path: Path, migrated: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, migrated)


def merged(scene: Scene, project: Project, number: int = 7) -> tuple[Git, Job]:
    """Have the default branch name the server and its project; return the clone, and a job of a pipeline in it."""
    project.change(policy__approval__gitlab={"url": scene.server.url, "project": number})
    git = Git(project.root).start()
    git.commit("release.yml")
    git.publish()
    report = scene.at_the_gate().job("report")
    report.status = "running"
    project.env |= scene.server.env(report)
    return git, report


def test_status_in_a_pipeline_says_how_its_gate_stands(scene: Scene, project: Project) -> None:
    _, job = merged(scene, project)
    said = project.must("status").out
    gate, base = job.pipeline.job("approve").id, f"{scene.server.url}/ml/loans/-/jobs"
    assert f"  gate      approve has not been played: {base}/{gate}\n" in said


def test_a_pipeline_of_another_project_gets_no_further_than_the_gate(scene: Scene, project: Project) -> None:
    merged(scene, project, number=8)
    assert "unknown: GitLab: this job is of project 7, and release.yml names 8" in project.must("status").out


def test_the_default_branch_says_which_gitlab_counts_and_not_the_branch_at_hand(scene: Scene, project: Project) -> None:
    merged(scene, project)
    project.change(policy__approval__gitlab={"url": "https://gitlab.evil.example", "project": 1})
    assert "  gate      approve has not been played" in project.must("status").out


def test_a_clone_without_the_default_branch_is_told_what_to_fetch(scene: Scene, project: Project) -> None:
    git, _ = merged(scene, project)
    git("update-ref", "-d", "refs/remotes/origin/main")
    assert "git fetch --depth 1 origin +refs/heads/main:refs/remotes/origin/main" in project.must("status", code=2).err


def test_a_script_that_names_the_place_is_not_overruled_by_a_pipelines_variable(scene: Scene, project: Project) -> None:
    merged(scene, project)
    project.env["ML_RELEASE_POLICY_FROM"] = "origin/evil"
    said = project.must("status", "--policy-from", "origin/main", code=2).err
    assert "--policy-from says origin/main, and the job's ML_RELEASE_POLICY_FROM says origin/evil" in said
    del project.env["ML_RELEASE_POLICY_FROM"]
    project.env["CI_DEFAULT_BRANCH"] = "evil"
    assert "  gate      approve has not been played" in project.must("status", "--policy-from", "origin/main").out
