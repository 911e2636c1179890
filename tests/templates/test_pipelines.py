"""The pipelines that come with the project: the starter's, and the one that tests and publishes the components."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from doubles.components import COMBINED, GATES, NAMES, OPEN, ROOT, Team, documents
from doubles.gitlab_ci_local import RefusedError
from ruamel.yaml import YAML

from ci_lib.lint import lint

STARTER = ROOT / "templates/starter/basic/dot-gitlab-ci.yml"
SERVER = {"MLFLOW_TRACKING_URI": "https://mlflow.example.com"}
STAGES = ["check", "prepare", "train", "validate", "report", "approve", "deploy", "monitor", "release"]


@pytest.fixture(scope="session")
def own(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Team:
    """This project, as a commit of its default branch."""
    project = Team(tmp_path_factory.mktemp("own"), team.program)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "templates", ".gitlab-ci.yml"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (project.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, project.root / name)
    project.git("init", "--quiet", "--initial-branch", "main")
    project.git("remote", "add", "origin", "http://127.0.0.1:8929/ml/ml-release.git")
    commit = project.commit()
    project.git("update-ref", "--no-deref", "refs/remotes/origin/main", commit)
    project.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return project


def listed(project: Team, **variables: str) -> list[str]:
    given = {"CI_DEFAULT_BRANCH": "main", **variables}
    found = json.loads(project.program.ask(project.root, "--list-json", variables=given))
    return [job["name"] for job in found if job["when"] != "never"]


def test_the_projects_own_pipeline_runs_its_checks_and_the_starter(own: Team) -> None:
    assert listed(own) == ["check", "starter"]


def test_with_a_server_it_has_the_components_of_its_own_commit(own: Team) -> None:
    jobs = listed(own, **SERVER)
    assert set(jobs) >= {f"starter-{name}" for name in (*OPEN, *GATES, "deploy", "monitor", "rollback")}
    assert "starter-alone-rollback" in jobs
    assert "starter-audit" in listed(own, **SERVER, CI_PIPELINE_SOURCE="schedule")


def test_it_publishes_from_tags_that_are_versions(own: Team) -> None:
    assert "publish" in listed(own, CI_COMMIT_TAG="1.2.3", CI_COMMIT_BRANCH="")
    assert "publish" not in listed(own, CI_COMMIT_TAG="1.2.3-rc1", CI_COMMIT_BRANCH="")


def test_it_is_what_gitlab_takes_and_nothing_undoes_its_gate(own: Team, tmp_path: Path) -> None:
    text = own.program.ask(own.root, "--preview", variables=SERVER)
    (tmp_path / "own.yml").write_text(text)
    kind = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    for command in (["check-jsonschema", *kind], ["gitlab-ci-verify", "--no-lint-api", "--gitlab-ci-file"]):
        done = subprocess.run(
            [*command, str(tmp_path / "own.yml")], cwd=own.root, env=own.program.env, check=False, capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert lint(tmp_path / "own.yml") == lint(ROOT / ".gitlab-ci.yml") == ()
    whole = YAML(typ="safe", pure=True).load(text)
    assert whole["stages"] == [".pre", *STAGES, ".post"]
    assert {job["stage"] for job in whole.values() if isinstance(job, dict)} <= set(STAGES)
    assert whole["starter-deploy"]["variables"]["ML_RELEASE_CONFIG"] == "templates/starter/basic/release.yml"


def test_it_includes_every_component_at_its_own_commit() -> None:
    included = YAML(typ="safe", pure=True).load((ROOT / ".gitlab-ci.yml").read_text())["include"]
    addresses = {each["component"] for each in included}
    assert addresses == {f"$CI_SERVER_FQDN/$CI_PROJECT_PATH/{name}@$CI_COMMIT_SHA" for name in NAMES}
    for each in included:
        name = re.sub(r".*/(\w+)@.*", r"\1", each["component"])
        assert set(each["inputs"]) <= set(documents(name)[0])


def starter(team: Team, *options: str, **inputs: str) -> str:
    text = re.sub(r"component: \S+", "local: release/template.yml", STARTER.read_text())
    given = [word for name, value in inputs.items() for word in ("--input", f"{name}={json.dumps(value)}")]
    return team.expand(text, *options, *given, variables={"CI_DEFAULT_BRANCH": "main"})


def test_the_starters_pipeline_is_a_release(team: Team) -> None:
    found = {job["name"]: job["when"] for job in json.loads(starter(team, "--list-json"))}
    assert [name for name, when in found.items() if when == "manual"] == ["approve", "reject", "rollback"]
    assert set(found) == {*OPEN, *GATES, "deploy", "monitor", "rollback"}
    assert lint(STARTER) == ()


def test_run_pipeline_asks_why_and_rolls_back(team: Team) -> None:
    text = starter(team, "--preview", action="rollback", reason="it's wrong", to="3")
    variables = YAML(typ="safe", pure=True).load(text)["rollback"]["variables"]
    assert (variables["ML_RELEASE_REASON"], variables["ML_RELEASE_TO"]) == ("it's wrong", "3")


@pytest.mark.parametrize(
    ("name", "value"), [("reason", 'x", job: {script: evil}, y: "'), ("to", "1 --reason x"), ("action", "deploy")]
)
def test_run_pipeline_takes_no_yaml(team: Team, name: str, value: str) -> None:
    with pytest.raises(RefusedError, match=f"`{name}` input"):
        starter(team, "--list-json", **{name: value})


def test_the_combinations_name_inputs_that_there_are() -> None:
    """gitlab-ci-local takes unknown ones without a word; GitLab does not."""
    for name, inputs in COMBINED.values():
        assert set(inputs) <= set(documents(name)[0])
