"""What docs/gitlab.md tells people to write is what the components take."""

import json
import re
from pathlib import Path
from typing import Any

from doubles.components import COMBINED, OPEN, PRIVILEGED, ROOT, Pipeline, Team, documents, include
from ruamel.yaml import YAML

from ci_lib import __version__
from ci_lib.lint import lint

DOCUMENT = (ROOT / "docs/gitlab.md").read_text()


def snippets() -> list[dict[str, Any]]:
    """Every YAML text of the document."""
    found = re.findall(r"^( *)```yaml\n(.*?)^\1```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    return [YAML(typ="safe", pure=True).load(text) for _, text in found]


def test_both_ways_of_including_it_name_inputs_that_there_are() -> None:
    component, project = (each["include"][0] for each in snippets() if "include" in each)
    assert (ROOT / project["file"]).is_file()
    assert component["component"].endswith(f"/ml-platform/ml-release/release@{__version__}")
    assert project["ref"] == __version__
    assert {*component["inputs"], *project["inputs"]} <= set(documents("release")[0])


def test_a_second_approver_is_one_more_gate_before_deploy(team: Team, tmp_path: Path) -> None:
    (added,) = (each for each in snippets() if "approve-risk" in each)
    text = "include: [{local: release/template.yml}]\n" + "".join(f"{name}: {job}\n" for name, job in added.items())
    (tmp_path / "own.yml").write_text(text)
    (tmp_path / "whole.yml").write_text(team.expand(text))
    assert lint(tmp_path / "own.yml") == lint(tmp_path / "whole.yml") == ()
    jobs = Pipeline(tmp_path / "whole.yml").jobs
    assert jobs["approve-risk"].pop("extends", None) is None
    assert jobs["approve-risk"] == jobs["approve"]
    assert {need["job"]: need["artifacts"] for need in jobs["deploy"]["needs"]} == {
        "report": False, "approve": True, "approve-risk": True,
    }  # fmt: skip


def test_a_deploy_that_forgets_the_second_approver_is_found(team: Team, tmp_path: Path) -> None:
    text = "include: [{local: release/template.yml}]\napprove-risk: {extends: approve}\n"
    (tmp_path / "whole.yml").write_text(team.expand(text))
    (finding,) = lint(tmp_path / "whole.yml")
    assert (finding.job, finding.hint) == ("deploy", "write needs: [approve, approve-risk]")


def test_what_a_team_adds_reaches_the_jobs_that_run_its_code_and_no_others(team: Team, tmp_path: Path) -> None:
    added = "default: {cache: [{paths: [all]}], after_script: [theirs]}\n.ml-release-open: {tags: [gpu]}\n"
    assert "`.ml-release-open: {tags: [gpu]" in DOCUMENT
    (tmp_path / "whole.yml").write_text(team.expand("include: [{local: release/template.yml}]\n" + added))
    assert lint(tmp_path / "whole.yml") == ()
    jobs = Pipeline(tmp_path / "whole.yml").jobs
    for name in OPEN:
        assert (jobs[name]["tags"], jobs[name]["after_script"]) == (["gpu"], ["theirs"])
        assert jobs[name]["cache"][0]["paths"] == ["all"]
    for name in ("approve", "reject", "deploy", "rollback", "monitor"):
        assert ("tags" in jobs[name], jobs[name]["cache"], "after_script" in jobs[name]) == (False, [], False)


def test_an_audit_beside_it_with_other_inputs_changes_nothing_of_a_release(team: Team, tmp_path: Path) -> None:
    inputs = {"privileged-runners": True, "privileged-image": "registry.example.com/ml/release:1", "config": "a/b.yml"}
    alone, both = [include("release", inputs)], [include("release", inputs), include("audit", {})]
    found = []
    for number, includes in enumerate((alone, both)):
        (tmp_path / f"{number}.yml").write_text(team.expand(json.dumps({"include": includes})))
        found.append(Pipeline(tmp_path / f"{number}.yml").jobs)
    audit = found[1].pop("audit")
    assert found[0] == found[1]
    assert (audit["image"]["name"], "tags" in audit) == ("python:3.11", False)


def test_every_input_is_in_the_table() -> None:
    table = DOCUMENT.split("| input of `release`")[1].split("\n\n")[0]
    shown = set(re.findall(r"`([a-z][a-z_-]+)`", table))
    named = {key for key in documents("release")[0] if not key.startswith("stage-")}
    assert named <= shown
    assert "`stage-prepare` … `stage-monitor`" in table


def test_every_job_is_in_the_table() -> None:
    table = DOCUMENT.split("| job | runs |")[1].split("\n\n")[0]
    assert set(re.findall(r"\b\w+\b", table)) >= {*OPEN, *PRIVILEGED, "monitor"}


def test_environments_and_defaults_are_what_the_components_have() -> None:
    inputs = documents("release")[0]
    for key in ("environment", "policy-from", "expire_in", "audience", "image"):
        assert str(inputs[key]["default"]) in DOCUMENT
    scopes = {job["environment"]["name"].replace("$[[ inputs.environment ]]", "production")
              for job in documents("release")[1].values() if "environment" in job}  # fmt: skip
    assert scopes == {"production", "production/approval", "production/monitor"}
    assert all(f"`{scope}`" in DOCUMENT for scope in scopes)
    assert all(key in inputs or key == "stage" for _, given in COMBINED.values() for key in given)
