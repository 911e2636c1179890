"""What a job goes by: the protected file where one is named, and never a silent way back."""

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from doubles.repository import ENV, Git

from ci_lib.configuration import VARIABLE, Configuration, read
from ci_lib.errors import BadInput
from ci_lib.source import HERE, Change

PATH = {"PATH": ENV["PATH"]}
OWN = """\
model: loan
task: binary
data: {source: loans.csv, target: approve, sensitive: [sex]}
"""
POLICY = """\
policy:
  rules: [{metric: roc_auc, at_least: 0.7}]
  approval: {approvers: [ana], assurance: self-declared}
registry: sqlite:///mlflow.db
"""
WEAKER = POLICY.replace("0.7", "0.5")
RULE = Change(
    path="policy.rules[roc_auc]",
    protected="{metric: roc_auc, at_least: 0.7}",
    branch="{metric: roc_auc, at_least: 0.5}",
    counts="protected",
)


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository with a protected release.yml, and a branch that may change it."""
    git = Git(tmp_path / "project").start()
    (git.root / "release.yml").write_text(OWN + POLICY)
    git.commit()
    git.publish()
    git("switch", "--quiet", "--create", "change")
    return git


def found(git: Git, wanted: str | None = "origin/main", **more: Any) -> Configuration:
    env = PATH if wanted is None else {**PATH, VARIABLE: wanted}
    given = {"config": git.root / "release.yml", "overrides": [], "policy_from": None, **more}
    otherwise = given.pop("otherwise", None)
    return read(Namespace(**given), env, lambda: otherwise)


def refused(git: Git, wanted: str | None = "origin/main", **more: Any) -> BadInput:
    with pytest.raises(BadInput) as caught:
        found(git, wanted, **more)
    assert caught.value.hint
    return caught.value


def test_without_a_setting_release_yml_counts_as_it_lies_there(git: Git) -> None:
    (git.root / "release.yml").write_text(OWN + WEAKER)
    job = found(git, None)
    assert (job.source, job.changes) == (HERE, ())
    assert str(job.source) == "working tree"
    assert job.config.policy.rules[0].at_least == 0.5


def test_with_one_the_protected_policy_judges_and_the_branchs_difference_is_known(git: Git) -> None:
    (git.root / "release.yml").write_text((OWN + WEAKER).replace("loans.csv", "more.csv"))
    job = found(git)
    assert job.config.policy.rules[0].at_least == 0.7
    assert job.config.data.source == "more.csv"
    assert job.changes == (RULE,)
    commit = git("rev-parse", "main")
    assert str(job.source) == f"refs/remotes/origin/main:release.yml at {commit[:10]}"
    assert job.source.commit == commit


def test_an_override_on_the_command_line_is_the_branchs_too(git: Git) -> None:
    job = found(git, overrides=["policy.rules[0].at_least=0.5", "data.source=more.csv"])
    assert job.changes == (RULE,)
    assert (job.config.policy.rules[0].at_least, job.config.data.source) == (0.7, "more.csv")


def test_the_ci_system_names_the_branch_where_the_job_does_not(git: Git) -> None:
    assert found(git, None, otherwise="origin/main").source.place == "refs/remotes/origin/main"
    assert found(git, "main", otherwise="origin/main").source.place == "refs/heads/main"


def test_the_command_line_may_say_it_and_may_not_move_it(git: Git) -> None:
    assert found(git, None, policy_from="origin/main").source.place == "refs/remotes/origin/main"
    assert found(git, "origin/main", policy_from="origin/main").source.protected
    assert "the job's ML_RELEASE_POLICY_FROM says origin/main" in refused(git, policy_from="change").what


@pytest.mark.parametrize(
    ("wanted", "asked", "name"), [("", None, VARIABLE), (" ", None, VARIABLE), (None, "", "--policy-from")]
)
def test_an_empty_setting_is_not_taken_for_none(git: Git, wanted: str | None, asked: str | None, name: str) -> None:
    assert f"{name} is empty" in refused(git, wanted, policy_from=asked).what


def test_after_a_forced_push_the_new_policy_judges(git: Git) -> None:
    (git.root / "release.yml").write_text(OWN + POLICY.replace("0.7", "0.9"))
    git.commit()
    git.publish()
    assert found(git).config.policy.rules[0].at_least == 0.9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: [", "refs/remotes/origin/main:release.yml:1:9"),
        (
            OWN + WEAKER + "polcy: 1\n",
            "refs/remotes/origin/main:release.yml:8: polcy: unknown key; did you mean 'policy'",
        ),
        (OWN, "policy.approval.approvers: names nobody"),
        ("", "refs/remotes/origin/main:release.yml is empty"),
        ("\xff", "release.yml"),
    ],
)
def test_a_policy_that_is_broken_at_the_ref_is_said_to_be_broken_there(git: Git, text: str, words: str) -> None:
    (git.root / "release.yml").write_bytes(text.encode("latin1"))
    git.commit()
    git.publish()
    (git.root / "release.yml").write_text(OWN + POLICY)
    error = refused(git)
    assert words in error.what
    assert "refs/remotes/origin/main:release.yml" in error.what + error.hint


def test_a_broken_branch_is_said_to_be_the_one_that_is_broken(git: Git) -> None:
    (git.root / "release.yml").write_text(OWN + WEAKER + "polcy: 1\n")
    assert refused(git).what.startswith(f"{git.root}/release.yml:8: polcy")
    (git.root / "release.yml").unlink()
    assert "there is no release.yml" in refused(git).what


def test_an_attribute_that_the_policy_asks_about_cannot_be_hidden_from_it(git: Git) -> None:
    (git.root / "release.yml").write_text((OWN + WEAKER).replace("sensitive: [sex]", "drop: [sex]"))
    error = refused(git)
    assert "do not fit together:\ndata.sensitive[0]: 'sex' is also under drop" in error.what
    assert "up to date with refs/remotes/origin/main:release.yml" in error.hint


def test_a_renamed_file_is_no_way_round(git: Git) -> None:
    (git.root / "weak.yml").write_text(OWN + WEAKER)
    assert "where there is no weak.yml" in refused(git, config=git.root / "weak.yml").what
    assert found(git, "origin/main:release.yml", config=git.root / "weak.yml").changes == (RULE,)


def test_a_link_is_no_way_round(git: Git) -> None:
    (git.root / "weak.yml").write_text(OWN + WEAKER)
    (git.root / "release.yml").unlink()
    (git.root / "release.yml").symlink_to("weak.yml")
    assert found(git).changes == (RULE,)


def test_a_platforms_policy_file_judges_models_that_have_no_policy_of_their_own(git: Git, tmp_path: Path) -> None:
    file = tmp_path / "platform.yml"
    file.write_text(POLICY)
    (git.root / "release.yml").write_text(OWN + "threshold: 0.3\n")
    job = found(git, str(file))
    assert (job.config.model, job.config.threshold, job.changes) == ("loan", 0.3, ())
    assert job.config.policy.approval.approvers == ("ana",)
    assert (str(job.source), job.source.commit) == (str(file), None)


def test_what_a_policy_file_leaves_out_has_its_default_and_not_the_branchs(git: Git, tmp_path: Path) -> None:
    file = tmp_path / "platform.yml"
    file.write_text(POLICY.replace("registry: sqlite:///mlflow.db\n", ""))
    more = "environments: {production: {approval: automatic}}\nregistry: http://mallory:5000\n"
    (git.root / "release.yml").write_text(OWN + more)
    job = found(git, str(file))
    assert job.config.environments["production"].approval == "required"
    assert job.config.registry is None
    assert {change.path for change in job.changes} == {"registry", "environments.production.approval"}


def test_a_whole_release_yml_lends_nothing_to_a_branch_without_a_policy(git: Git, tmp_path: Path) -> None:
    file = tmp_path / "other.yml"
    file.write_text(OWN + POLICY)
    (git.root / "release.yml").write_text(OWN)
    assert "names nobody" in refused(git, str(file)).what


def test_a_policy_file_that_does_not_fit_or_is_not_there_is_refused(git: Git, tmp_path: Path) -> None:
    file = tmp_path / "platform.yml"
    assert "there is no platform.yml" in refused(git, str(file)).what
    file.write_text(POLICY.replace("{metric: roc_auc", "{metric: impact_ratio, by: [age]"))
    assert "'age' is not in data.sensitive" in refused(git, str(file)).what


@pytest.mark.parametrize("where", ["policy.yml", "below/policy.yml"])
def test_a_policy_file_within_the_authors_reach_is_refused(
    git: Git, where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (git.root / "below").mkdir()
    (tmp_path / "outside.yml").write_text(POLICY)
    (git.root / where).symlink_to(tmp_path / "outside.yml")
    monkeypatch.chdir(git.root)
    for name in (where, f"./{where}", str(git.root / where)):
        assert "lies in the directory that it is to judge" in refused(git, name).what


def test_a_policy_file_reached_from_outside_and_lying_inside_is_refused(git: Git, tmp_path: Path) -> None:
    (git.root / "weak.yml").write_text(WEAKER)
    (tmp_path / "link.yml").symlink_to(git.root / "weak.yml")
    assert "lies in the directory" in refused(git, str(tmp_path / "link.yml")).what


def test_a_project_without_a_repository_may_be_judged_by_a_file_elsewhere(tmp_path: Path) -> None:
    alone = Git(tmp_path / "alone")
    alone.root.mkdir()
    (alone.root / "release.yml").write_text(OWN)
    (tmp_path / "platform.yml").write_text(POLICY)
    assert found(alone, str(tmp_path / "platform.yml")).config.policy.approval.approvers == ("ana",)
    (alone.root / "weak.yml").write_text(POLICY)
    assert "lies in the directory" in refused(alone, str(alone.root / "weak.yml")).what
