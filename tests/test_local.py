"""A laptop: authors as git knows them, approvers as they say they are."""

import subprocess
from pathlib import Path

import pytest

from ci_lib.ci.local import Local, code, commit_authors
from ci_lib.errors import BadInput

MESSAGE = "A change\n\nCo-authored-by: Cleo <cleo@example.org>\nco-authored-by: Dan <dan@example.org>\n"


def git(project: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=project, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "model.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", MESSAGE, "--author", "Bob <bob@example.org>")
    return tmp_path


def test_author_committer_and_co_authors_are_authors(repository: Path) -> None:
    assert [person.id for person in commit_authors(repository)] == [
        "Bob <bob@example.org>", "Ada <ada@example.org>", "Cleo <cleo@example.org>", "Dan <dan@example.org>",
    ]  # fmt: skip


def test_who_sits_at_the_keyboard_is_an_author_too(repository: Path) -> None:
    authors = Local(repository, {"ML_RELEASE_USER": "eve"}).makers()
    assert (authors[-1].id, authors[-1].known_from) == ("eve", "self-declared")
    assert authors[0].known_from == "git"


def test_a_commit_with_all_files_as_they_are_is_clean(repository: Path) -> None:
    found = code(repository)
    assert (len(found.commit or ""), found.dirty, found.branch) == (40, False, "main")


def test_a_changed_file_makes_it_dirty(repository: Path) -> None:
    (repository / "model.py").write_text("2")
    assert code(repository).dirty


def test_without_a_repository_nothing_is_known_and_nothing_is_clean(tmp_path: Path) -> None:
    found = code(tmp_path)
    assert (found.commit, found.dirty, found.branch) == (None, True, None)
    assert commit_authors(tmp_path) == ()
    assert Local(tmp_path, {}).makers()[0].known_from == "self-declared"


def test_a_laptop_takes_the_approvers_word_and_says_so(tmp_path: Path) -> None:
    local = Local(tmp_path, {})
    assert (local.approver("ben").id, local.assurance) == ("ben", "self-declared")
    with pytest.raises(BadInput, match="cannot know who approves"):
        local.approver("")


def test_the_pipeline_of_a_laptop_is_the_laptop(tmp_path: Path) -> None:
    assert Local(tmp_path, {}).pipeline().startswith("local/")


def committed(repository: Path, name: str) -> str:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", name, "--author", f"{name} <{name}@example.org>")
    return code(repository).commit or ""


def test_everybody_since_the_champions_commit_is_an_author(repository: Path) -> None:
    champion = code(repository).commit
    committed(repository, "Fay")
    last = committed(repository, "Gus")
    found = {person.id for person in Local(repository, {"ML_RELEASE_USER": "eve"}).authors(champion, last)}
    assert found == {"Fay <Fay@example.org>", "Gus <Gus@example.org>", "Ada <ada@example.org>", "eve"}


def test_before_the_first_release_the_last_commit_counts_on_a_laptop(repository: Path) -> None:
    last = committed(repository, "Gus")
    found = {person.id for person in Local(repository, {"ML_RELEASE_USER": "eve"}).authors(None, last)}
    assert found == {"Gus <Gus@example.org>", "Ada <ada@example.org>", "eve"}


def test_a_champion_of_a_history_that_is_not_here_stops_the_gate(repository: Path) -> None:
    with pytest.raises(BadInput, match="so nobody can tell who wrote what is released"):
        Local(repository, {}).authors("0" * 40, code(repository).commit)


def test_where_there_is_no_repository_there_is_no_range_either(tmp_path: Path) -> None:
    assert Local(tmp_path, {"ML_RELEASE_USER": "eve"}).authors("0" * 40, "1" * 40)[-1].id == "eve"
