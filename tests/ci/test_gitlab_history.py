"""Who wrote what, where only the checkout can tell: an older server, and no token but the job's."""

import subprocess
from pathlib import Path

import pytest
from doubles.gitlab_scene import ANA, Scene
from doubles.gitlab_world import Commit, MergeRequest

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


def test_who_opened_merge_requests_is_known_where_the_job_token_may_read_them(scene: Scene, shas: list[str]) -> None:
    git(scene.directory, "checkout", "--quiet", "-b", "side", shas[1])
    git(scene.directory, "commit", "--quiet", "--allow-empty", "-m", "Aside")
    git(scene.directory, "checkout", "--quiet", "-")
    git(scene.directory, "reset", "--quiet", "--hard", shas[-1])
    git(scene.directory, "merge", "--quiet", "--no-ff", "-m", "Merge", "side")
    merge = git(scene.directory, "rev-parse", "HEAD")
    git(scene.directory, "commit", "--quiet", "--allow-empty", "-m", "After it")
    tip = git(scene.directory, "rev-parse", "HEAD")
    scene.project.commits |= {sha: Commit(sha, ANA, ANA) for sha in (merge, tip)}
    scene.project.branches = {"main": tip}
    users = scene.server.world.users
    scene.project.requests = [MergeRequest(8, users["cleo"], (merge,)), MergeRequest(9, users["eve"], (tip,))]
    job = scene.played(scene.at_the_gate("dan"))
    for may, opened in ((False, set[str]()), (True, {"cleo", "eve"})):
        scene.server.world.job_tokens_read_requests = may
        found = {person.id for person in scene.adapter(job).authors(shas[1], tip)}
        assert found & {"cleo", "eve"} == opened
        assert "Cleo <Cleo@x>" in found


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
