"""Who pressed the button, as the real python-gitlab hears it from the double."""

import pytest
from doubles.gitlab_scene import ANA, FIRST, OLD, TIP, Scene
from doubles.gitlab_world import Commit, MergeRequest

from ci_lib.errors import Refused


@pytest.mark.parametrize("old_server", [False, True])
@pytest.mark.parametrize("way", ["ID token", "job token", "read token"])
def test_who_played_the_gate_is_its_approver_however_it_is_known(scene: Scene, way: str, old_server: bool) -> None:
    scene.server.world.job_tokens_read_jobs = not old_server
    job = scene.played(scene.at_the_gate())
    env = scene.server.env(job, ML_RELEASE_GITLAB_TOKEN="read")
    if way == "ID token":
        env["ML_RELEASE_ID_TOKEN"] = scene.server.id_token(job)
    if way == "read token":
        del env["CI_JOB_TOKEN"]
    person = scene.adapter(job, env).approver(None)
    assert (person.id, person.known_from) == ("ben", f"gitlab, {way}")


def test_authors_are_everybody_in_the_range_its_merge_requests_and_who_started_it(scene: Scene) -> None:
    scene.project.commits[FIRST].message = "x\n\nCo-authored-by: Zoe <zoe@corp.example>\n"
    scene.project.commits[TIP].committer = ("Cleo Chan", "cleo@corp.example")
    job = scene.played(scene.at_the_gate("dan"))
    env = scene.server.env(job, ML_RELEASE_GITLAB_TOKEN="read")
    found = {person.id for person in scene.adapter(job, env).authors(OLD, TIP)}
    assert found == {
        "Ana Ruiz <ana@corp.example>", "Cleo Chan <cleo@corp.example>", "Zoe <zoe@corp.example>",
        "ana", "Ana Ruiz", "dan",
    }  # fmt: skip


def test_before_the_first_release_the_whole_history_counts(scene: Scene) -> None:
    job = scene.played(scene.at_the_gate())
    env = scene.server.env(job, ML_RELEASE_GITLAB_TOKEN="read")
    assert "Dan Diaz <dan@corp.example>" in {person.id for person in scene.adapter(job, env).authors(None, TIP)}


def test_who_opened_a_merge_request_of_a_merge_in_the_range_is_an_author(scene: Scene) -> None:
    merge = "e" * 40
    scene.project.commits[merge] = Commit(merge, ANA, ANA, "Merge", (TIP, FIRST))
    scene.project.branches["main"] = merge
    scene.project.requests.append(MergeRequest(6, scene.server.world.users["cleo"], (merge,)))
    job = scene.played(scene.at_the_gate())
    env = scene.server.env(job, ML_RELEASE_GITLAB_TOKEN="read")
    assert "cleo" in {person.id for person in scene.adapter(job, env).authors(OLD, merge)}


def test_a_long_history_is_read_to_its_end(scene: Scene) -> None:
    """python-gitlab gives 20 items unless asked otherwise, GitLab at most 100 a page."""
    before = TIP
    for number in range(250):
        name = f"{number:040x}"
        scene.project.commits[name] = Commit(name, (f"P{number}", f"p{number}@x"), ANA, "c", (before,))
        before = name
    scene.project.branches["main"] = before
    job = scene.played(scene.at_the_gate())
    env = scene.server.env(job, ML_RELEASE_GITLAB_TOKEN="read")
    found = {person.id for person in scene.adapter(job, env).authors(OLD, before)}
    assert {f"P{number} <p{number}@x>" for number in range(250)} <= found


def test_a_candidate_from_another_commit_is_refused(scene: Scene) -> None:
    job = scene.played(scene.at_the_gate())
    with pytest.raises(Refused, match=f"trained from commit {FIRST}, and this pipeline is about {TIP}"):
        scene.adapter(job).authors(OLD, FIRST)
