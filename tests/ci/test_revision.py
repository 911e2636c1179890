"""A file at a protected ref: exactly that ref, exactly that file, or a refusal that says what to type."""

from pathlib import Path

import pytest
from doubles.repository import ENV, Git

from ci_lib.ci.revision import Repository
from ci_lib.errors import BadInput

HERE = {"PATH": ENV["PATH"]}


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """A repository whose origin/main holds one release.yml, and whose branch `change` another."""
    git = Git(tmp_path / "project").start()
    (git.root / "release.yml").write_text("protected\n")
    git.commit()
    git.publish()
    git("switch", "--quiet", "--create", "change")
    (git.root / "release.yml").write_text("weaker\n")
    git.commit()
    return git


def read(git: Git, wanted: str, name: str = "release.yml", below: str = "") -> bytes:
    return Repository(git.root / below, HERE).read(wanted, name).data


def refused(git: Git, wanted: str, name: str = "release.yml") -> BadInput:
    with pytest.raises(BadInput) as caught:
        read(git, wanted, name)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("wanted", ["origin/main", "refs/remotes/origin/main", "main", "refs/heads/main"])
def test_the_file_is_as_it_is_at_the_ref_whatever_lies_here(git: Git, wanted: str) -> None:
    found = Repository(git.root, HERE).read(wanted, "release.yml")
    assert found.data == b"protected\n"
    kind = "remotes" if "origin" in wanted else "heads"
    assert found.source.place == f"refs/{kind}/{'origin/' * (kind == 'remotes')}main"
    assert (found.source.path, found.source.commit) == ("release.yml", git("rev-parse", "main"))


def test_a_whole_commit_id_is_a_place_too_and_half_of_one_is_not(git: Git) -> None:
    commit = git("rev-parse", "main")
    assert read(git, commit) == b"protected\n"
    assert "no such branch" in refused(git, commit[:10]).what
    assert "not in this clone" in refused(git, "0" * 40).what


@pytest.mark.parametrize("tag", ["origin/main", "main", "refs/remotes/origin/main", "heads/main"])
def test_a_tag_that_is_called_like_the_branch_is_not_the_branch(git: Git, tag: str) -> None:
    """As in CVE-2023-2576: git itself would take the tag."""
    git("tag", tag, "change")
    for wanted in ("origin/main", "refs/remotes/origin/main", "main", "refs/heads/main"):
        assert read(git, wanted) == b"protected\n"


def test_a_tag_alone_is_no_branch(git: Git) -> None:
    git("tag", "v1", "main")
    assert "only a tag of that name" in refused(git, "v1").what
    assert "which is no branch" in refused(git, "refs/tags/v1").what
    assert "which is no branch" in refused(git, "refs/merge-requests/1/head").what


@pytest.mark.parametrize(
    "wanted", ["origin/main~1", "origin/main^{/a}", "@{-1}", "HEAD", "-h", "--all", "origin/main@{1}"]
)
def test_an_expression_is_no_ref(git: Git, wanted: str) -> None:
    assert "no such branch" in refused(git, wanted).what


def test_a_local_branch_called_like_the_remote_one_is_not_guessed_about(git: Git) -> None:
    git("branch", "origin/main", "change")
    error = refused(git, "origin/main")
    assert "refs/remotes/origin/main and refs/heads/origin/main" in error.what
    assert "refs/remotes/origin/main" in error.hint
    assert read(git, "refs/remotes/origin/main") == b"protected\n"


def test_a_replaced_commit_or_file_is_not_followed(git: Git) -> None:
    git("replace", "main", "change")
    git("replace", git("rev-parse", "main:release.yml"), git("rev-parse", "change:release.yml"))
    assert read(git, "origin/main") == b"protected\n"


def test_no_filter_of_the_clone_touches_the_content(git: Git) -> None:
    git("config", "diff.evil.textconv", "echo weaker; false")
    (git.root / ".git" / "info" / "attributes").write_text("release.yml diff=evil text eol=crlf\n")
    assert read(git, "origin/main") == b"protected\n"


def test_git_variables_of_the_job_name_no_other_repository(git: Git, tmp_path: Path) -> None:
    other = Git(tmp_path / "other").start()
    (other.root / "release.yml").write_text("weaker\n")
    other.commit()
    other.publish()
    env = {**HERE, "GIT_DIR": str(other.root / ".git"), "GIT_NAMESPACE": "x"}
    assert Repository(git.root, env).read("origin/main", "release.yml").data == b"protected\n"


def test_a_project_below_the_top_is_found_there(git: Git) -> None:
    git("switch", "--quiet", "main")
    (git.root / "models").mkdir()
    (git.root / "models" / "release.yml").write_text("below\n")
    git.commit()
    git.publish()
    assert read(git, "origin/main", below="models") == b"below\n"
    assert read(git, "origin/main:release.yml", below="models") == b"protected\n"


@pytest.mark.parametrize("path", ["/etc/passwd", "../release.yml", "a/../../x", "", "."])
def test_a_path_that_leaves_the_repository_is_refused(git: Git, path: str) -> None:
    assert "no path from the top" in refused(git, f"origin/main:{path}").what


def test_a_file_that_the_branch_renamed_is_named_where_it_lies_at_the_ref(git: Git) -> None:
    git("mv", "release.yml", "prod.yml")
    error = refused(git, "origin/main", "prod.yml")
    assert "where there is no prod.yml" in error.what
    assert "ML_RELEASE_POLICY_FROM=refs/remotes/origin/main:PATH" in error.hint
    assert read(git, "origin/main:release.yml", "prod.yml") == b"protected\n"


def test_a_link_in_the_branch_does_not_lead_anywhere_else(git: Git) -> None:
    (git.root / "weak.yml").write_text("weaker\n")
    (git.root / "release.yml").unlink()
    (git.root / "release.yml").symlink_to("weak.yml")
    git.commit()
    assert read(git, "origin/main") == b"protected\n"


@pytest.mark.parametrize(
    ("kind", "words"), [("link", "a symbolic link"), ("folder", "a directory"), ("module", "a submodule")]
)
def test_what_is_no_plain_file_at_the_ref_is_refused(git: Git, kind: str, words: str) -> None:
    (git.root / "release.yml").unlink()
    if kind == "link":
        (git.root / "release.yml").symlink_to("weak.yml")
        git.commit()
    elif kind == "folder":
        (git.root / "release.yml").mkdir()
        (git.root / "release.yml" / "x").write_text("x")
        git.commit()
    else:
        git("rm", "--quiet", "--cached", "release.yml")
        git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'HEAD')},release.yml")
        git("commit", "--quiet", "--message", "module")
    git.publish()
    assert words in refused(git, "origin/main").what


def test_a_clone_of_one_branch_says_what_to_fetch_and_then_it_works(git: Git, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth", "1", "--branch", "change", f"file://{git.root}", str(tmp_path / "clone"))
    clone = Git(tmp_path / "clone")
    error = refused(clone, "origin/main")
    assert "this clone has no such branch; it is a shallow clone" in error.what
    clone(*error.hint.removeprefix("git ").split())
    assert read(clone, "origin/main") == b"protected\n"


def test_a_branch_without_its_remote_gets_one_in_the_hint(git: Git) -> None:
    assert refused(git, "trunk").hint.endswith("+refs/heads/trunk:refs/remotes/origin/trunk, and name it origin/trunk")


def test_a_damaged_clone_is_said_to_be_one(git: Git) -> None:
    blob = git("rev-parse", "main:release.yml")
    (git.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    assert "its content is not in this clone" in refused(git, "origin/main").what
    tree = git("rev-parse", "main^{tree}")
    (git.root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert "git cannot read the tree" in refused(git, "origin/main").what


def test_without_a_repository_or_without_git_nothing_is_guessed(tmp_path: Path, git: Git) -> None:
    alone = Git(tmp_path / "alone")
    alone.root.mkdir()
    assert "git finds no repository here: not a git repository" in refused(alone, "origin/main").what
    assert Repository(alone.root, HERE).top() is None
    with pytest.raises(BadInput, match="git is not there") as caught:
        Repository(git.root, {"PATH": str(tmp_path)}).read("origin/main", "release.yml")
    assert caught.value.hint
    assert Repository(git.root, {"PATH": str(tmp_path)}).top() is None
