"""The commands that need no release, by the command line."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ci_lib import cli, commands
from ci_lib.arguments import parser
from ci_lib.measure.catalogue import CATALOGUE

RELEASE = """\
model: loan
task: binary
data: {source: rows.csv, target: approve}
policy:
  rules: [{metric: roc_auc, at_least: 0.7}]
  approval: {approvers: [ana], assurance: self-declared}
"""


def start(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.start(arguments, {}, out=out, err=err), out.getvalue(), err.getvalue()


def checked(project: Path, *arguments: str) -> dict[str, Any]:
    """Return what the doctor found, by name."""
    _, out, _ = start("doctor", "--json", "--config", str(project / "release.yml"), *arguments)
    return {check["name"]: check for check in json.loads(out)}


def test_the_doctor_asks_a_small_job_only_for_what_its_stages_need(tmp_path: Path) -> None:
    small = checked(tmp_path, "--stages", "approve, deploy,rollback")
    assert small.keys() >= {"pydantic", "mlflow-skinny", "disk"}
    assert small.keys().isdisjoint({"numpy", "pandas", "scikit-learn", "matplotlib", "skops"})
    assert checked(tmp_path).keys() >= {"numpy", "scikit-learn", "matplotlib"}


@pytest.mark.parametrize("given", ["deploy,trian", "", "deploy,"])
def test_a_stage_that_does_not_exist_is_bad_input(tmp_path: Path, given: str) -> None:
    code, _, err = start("doctor", "--stages", given, "--config", str(tmp_path / "release.yml"))
    assert code == 2
    assert "no stage is called" in err
    assert "prepare,train,validate" in err


def test_whether_a_directory_can_be_written_is_tried(tmp_path: Path) -> None:
    """As root, permissions say yes to everything."""
    assert commands._why_not_writable(tmp_path) is None
    assert commands._why_not_writable(tmp_path / "missing") == "No such file or directory"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_that_a_directory_cannot_be_written(tmp_path: Path) -> None:
    found = checked(tmp_path / "missing")
    assert "cannot be written: No such file" in found["directory"]["found"]
    assert found["disk"]["ok"] == checked(tmp_path)["disk"]["ok"]
    assert checked(tmp_path)["directory"]["ok"]


GITLAB = "https://gitlab.example/api/v4/projects/7/ml/mlflow"


def test_the_doctor_names_a_registry_that_nothing_can_be_deployed_to(tmp_path: Path) -> None:
    environments = f"environments: {{staging: {{registry: '{GITLAB}'}}, production: {{}}}}\n"
    (tmp_path / "release.yml").write_text(RELEASE + environments)
    code, out, _ = start("doctor", "--json", "--config", str(tmp_path / "release.yml"))
    checks = {check["found"]: check for check in json.loads(out) if check["name"] == "registry"}
    (weak,) = [found for found in checks if "GitLab's own model registry, which has no aliases" in found]
    assert checks[weak]["required"]
    assert [found for found in checks if found.startswith("sqlite") and checks[found]["ok"]]
    assert code == 2


def test_what_is_accepted_of_one_address_is_what_all_its_environments_accept(tmp_path: Path) -> None:
    (tmp_path / "release.yml").write_text(
        RELEASE
        + """\
environments:
  staging: {accept: [unauthenticated, old-server]}
  production: {accept: [old-server]}
  other: {registry: "http://other:5000", accept: [unauthenticated]}
"""
    )
    args = parser().parse_args(["doctor", "--config", str(tmp_path / "release.yml")])
    addresses, accepted = commands._registries(args, {"MLFLOW_TRACKING_URI": "http://mlflow:5000"})
    assert addresses == {"http://mlflow:5000", "http://other:5000"}
    assert accepted == {"http://mlflow:5000": {"old-server"}, "http://other:5000": {"unauthenticated"}}
    args.config = tmp_path / "none.yml"
    assert commands._registries(args, {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}) == ({"http://mlflow:5000"}, {})
    assert commands._registries(args, {}) == (set(), {})


def test_the_metrics_are_listed_as_text_and_as_json() -> None:
    code, out, _ = start("metrics")
    assert code == 0
    assert all(f"\n{name}  (" in f"\n{out}" for name in CATALOGUE)
    _, out, _ = start("metrics", "--json")
    assert json.loads(out).keys() == CATALOGUE.keys()


def test_the_schema_is_printed() -> None:
    code, out, _ = start("schema")
    assert code == 0
    assert "policy" in json.loads(out)["properties"]
