"""README and its neighbours say what the program does."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ci_lib.arguments import OTHERS, STAGES
from ci_lib.cli import INTERRUPTED
from ci_lib.config import Config
from ci_lib.errors import Exit

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_table_of_commands_is_the_command_line() -> None:
    table = dict(re.findall(r"^\| `ml-release (\w+)` \| (.*) \|$", README, re.MULTILINE))
    assert table == {**OTHERS, **STAGES}


def test_every_exit_code_is_explained() -> None:
    section = README.partition("## Exit codes")[2].partition("## ")[0]
    assert {int(code) for code in re.findall(r"\| (\d+) \|", section)} == {*(code.value for code in Exit), INTERRUPTED}


def test_the_release_yml_it_shows_is_valid() -> None:
    shown = README.partition("```yaml\n")[2].partition("```")[0]
    assert Config.model_validate(YAML(typ="safe").load(shown)).policy.rules


def test_every_extra_is_named() -> None:
    assert set(re.findall(r"ml-release(?:-core)?\[(\w+)\]", README)) == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/trust.md", "docs/gitlab.md"]
)
def test_every_file_it_links_to_is_there(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())
    assert [link for link in links if not (path.parent / link).is_file()] == []


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_target_it_names_exists(document: str) -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^  make (\w+)", shown, re.MULTILINE))
    assert set(re.findall(r"(?:^    |`)make (\w+)", (ROOT / document).read_text(), re.MULTILINE)) <= targets


def test_ci_runs_the_targets_that_the_documents_name() -> None:
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("exec make lint test")
    assert YAML(typ="safe").load(ROOT / ".gitlab-ci.yml")["check"]["script"] == [".ci/run"]
    assert "sh '.ci/run'" in (ROOT / "Jenkinsfile").read_text()
