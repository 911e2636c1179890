"""Who wrote what, where only the checkout can tell: an older server, and no token but the job's."""

import subprocess
from pathlib import Path

import pytest
from doubles.gitlab_scene import ANA, Scene
from doubles.gitlab_world import Commit

from ci_lib.ci.local import range_authors
from ci_lib.errors import BadInput, Refused

PEOPLE = ("Ana", "Bob", "Cleo", "Dan")


def git(where: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Committer", "-c", "user.email=c@x"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def shas(scene: Scene) -> list[str]:
    """Commits of four people in a real repository, the last of which the pipeline is about."""
    git(scene.directory, "init", "--quiet")
    found = []
    for name in PEOPLE:
        message = f"By {name}\n\nCo-authored-by: {name}'s friend <f@x>\n"
        git(scene.directory, "commit", "--quiet", "--allow-empty", "-m", message, "--author", f"{name} <{name}@x>")
        found.append(git(scene.directory, "rev-parse", "HEAD"))
    scene.project.commits = {sha: Commit(sha, ANA, ANA) for sha in found}
    scene.project.branches = {"main": found[-1]}
    return found


def test_an_older_servers_job_reads_its_checkout(scene: Scene, shas: list[str]) -> None:
    job = scene.played(scene.at_the_gate("dan"))
    found = {person.id for person in scene.adapter(job).authors(shas[1], shas[-1])}
    assert found == {
        "Cleo <Cleo@x>", "Cleo's friend <f@x>", "Committer <c@x>", "Dan <Dan@x>", "Dan's friend <f@x>", "dan",
    }  # fmt: skip


def test_a_shallow_checkout_cannot_tell(scene: Scene, shas: list[str], tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "2", f"file://{scene.directory}", str(shallow))
    scene.directory = shallow
    job = scene.played(scene.at_the_gate("dan"))
    with pytest.raises(Refused, match=r"no token may read the commits .* and in the checkout commit .* is not here"):
        scene.adapter(job).authors(shas[0], shas[-1])


def test_a_history_that_was_pushed_anew_is_not_taken_for_an_empty_one(scene: Scene, shas: list[str]) -> None:
    with pytest.raises(BadInput, match="commit 000000000000 is not here") as caught:
        range_authors(scene.directory, "0" * 40, shas[-1])
    assert "git fetch" in caught.value.hint


def test_what_is_no_commit_never_reaches_git(scene: Scene, shas: list[str]) -> None:
    with pytest.raises(BadInput, match="--output=x is not here"):
        range_authors(scene.directory, "--output=x", shas[-1])


def test_the_whole_history_when_nothing_was_released(scene: Scene, shas: list[str]) -> None:
    found = {person.id for person in range_authors(scene.directory, None, shas[-1])}
    assert {f"{name} <{name}@x>" for name in PEOPLE} <= found
