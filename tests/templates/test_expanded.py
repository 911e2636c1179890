"""What the components come to in teams' pipelines: by GitLab's schema, by ShellCheck, and by `ml-release lint`."""

import json
import subprocess
from pathlib import Path

import pytest
from doubles.components import COMBINED, NAMES, Pipeline, Team, include
from doubles.gitlab_ci_local import RefusedError

from ci_lib.lint import lint


def found(team: Team, *command: str) -> str:
    """Return what a checker has to say; nothing when it is content."""
    done = subprocess.run(command, cwd=team.root, env=team.program.env, check=False, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def by_the_schema(team: Team, path: Path) -> str:
    """GitLab's own schema, as check-jsonschema brings it."""
    kind = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    return found(team, "check-jsonschema", *kind, str(path))


def by_shellcheck(team: Team, path: Path) -> str:
    """Every script of every job, from style to error; nobody is asked over a network."""
    return found(team, "gitlab-ci-verify", "--no-lint-api", "--severity", "style", "--gitlab-ci-file", str(path))


def test_the_simplest_teams_pipeline_is_what_gitlab_takes(team: Team, first: Pipeline) -> None:
    assert by_the_schema(team, first.path) == ""
    assert by_shellcheck(team, first.path) == ""
    assert lint(first.path) == ()


def test_every_combination_is_what_gitlab_takes(team: Team, combined: Pipeline) -> None:
    assert by_the_schema(team, combined.path) == ""
    assert by_shellcheck(team, combined.path) == ""
    assert lint(combined.path) == ()


def test_every_combination_is_there(combined: Pipeline) -> None:
    prefixes = {name.rpartition("-")[0] + "-" for name in combined.jobs}
    assert prefixes == set(COMBINED)


def test_the_checkers_find_what_is_wrong(team: Team, first: Pipeline, tmp_path: Path) -> None:
    """Otherwise the tests above would say nothing."""
    text = first.path.read_text()
    (tmp_path / "kind.yml").write_text(text.replace("when: manual", "when: sometimes", 1))
    assert "sometimes" in by_the_schema(team, tmp_path / "kind.yml")
    (tmp_path / "shell.yml").write_text(text.replace('--config "$ML_RELEASE_CONFIG"', "--config $ML_RELEASE_CONFIG", 1))
    assert "SC-2086" in by_shellcheck(team, tmp_path / "shell.yml")


@pytest.mark.parametrize("name", NAMES)
def test_a_component_is_read_by_lint_before_it_is_expanded(name: str, team: Team) -> None:
    assert lint(team.root / name / "template.yml") == ()


REFUSED: dict[str, tuple[str, dict[str, object], str]] = {
    "a command in a path": ("release", {"config": "release.yml; rm -rf /"}, "does not match required regex"),
    "a key of YAML in a reason": ("rollback", {"reason": 'x"\n  image: evil'}, "does not match required regex"),
    "a variable in an image": ("release", {"image": "$EVIL"}, "does not match required regex"),
    "an action that is none": ("release", {"action": "deploy"}, "allowed options"),
    "a text for a boolean": ("release", {"waivers": "yes, please"}, "is not a boolean"),
    "a text for a list": ("audit", {"privileged-tags": "vault"}, "is not a array"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_input_out_of_range_stops_the_pipeline_and_says_which(team: Team, why: str) -> None:
    name, inputs, sentence = REFUSED[why]
    with pytest.raises(RefusedError) as caught:
        team.expand(json.dumps({"include": [include(name, inputs)]}))
    (key,) = inputs
    assert f"`{key}`" in str(caught.value)
    assert sentence in str(caught.value)
