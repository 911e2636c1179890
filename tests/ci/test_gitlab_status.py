"""The command line inside a pipeline: the adapter is GitLab's, and `status` says how the gate stands."""

from pathlib import Path

from doubles.gitlab_scene import Scene
from doubles.project import Project


def test_status_in_a_pipeline_says_how_its_gate_stands(scene: Scene, tmp_path: Path, migrated: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, migrated)
    project.change(policy__approval__gitlab={"url": scene.server.url, "project": 7})
    pipeline = scene.at_the_gate()
    report = pipeline.job("report")
    report.status = "running"
    project.env |= scene.server.env(report)
    said = project.must("status").out
    gate, base = pipeline.job("approve").id, f"{scene.server.url}/ml/loans/-/jobs"
    assert f"  gate      approve has not been played: {base}/{gate}\n" in said


def test_a_pipeline_of_another_project_gets_no_further_than_the_gate(
    scene: Scene, tmp_path: Path, migrated: Path
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    project = Project(root, migrated)
    project.change(policy__approval__gitlab={"url": scene.server.url, "project": 8})
    report = scene.at_the_gate().job("report")
    report.status = "running"
    project.env |= scene.server.env(report)
    assert "unknown: GitLab: this job is of project 7, and release.yml names 8" in project.must("status").out
