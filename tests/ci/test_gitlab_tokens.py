"""What each token is enough for, and what happens where one is missing or the server is odd."""

import pytest
from doubles.gitlab import Fault
from doubles.gitlab_release import Pipelines
from doubles.gitlab_scene import OLD, TIP, Scene
from doubles.small_chain import World

from ci_lib.answer import Said
from ci_lib.ci.gitlab import people
from ci_lib.errors import BadInput, Refused, Unavailable


def test_a_job_token_alone_tells_who_started_the_pipeline_on_new_servers(scene: Scene) -> None:
    """It may not read the pipeline, but its jobs: the first run of each is its creator's."""
    pipeline = scene.at_the_gate("dan")
    train = pipeline.job("train")
    again = scene.server.world.retry(train, scene.server.world.users["cleo"])
    scene.server.world.finish(again)
    adapter = scene.adapter(scene.played(pipeline))
    assert adapter.approver(None).id == "ben"
    assert [user.username for user in people.starters(adapter.here.job, adapter.server, adapter.reader)] == ["dan"]


def test_a_pipeline_that_nobody_is_known_to_have_started_has_no_approver(scene: Scene) -> None:
    pipeline = scene.at_the_gate("dan")
    played = scene.played(pipeline)
    pipeline.jobs = [played]
    with pytest.raises(Refused, match="nobody can tell who started pipeline"):
        scene.adapter(played).approver(None)


def test_an_id_token_without_any_token_to_look_its_job_up_is_not_enough(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate())
    env = scene.server.env(played, ML_RELEASE_ID_TOKEN=scene.server.id_token(played))
    del env["CI_JOB_TOKEN"]
    with pytest.raises(Refused, match="no token may look it up"):
        scene.adapter(played, env).approver(None)


@pytest.mark.parametrize("read", ["read", "unknown"])
def test_an_id_tokens_job_is_looked_up_with_whichever_token_may(scene: Scene, read: str) -> None:
    played = scene.played(scene.at_the_gate())
    token = scene.server.id_token(played)
    env = scene.server.env(played, ML_RELEASE_ID_TOKEN=token, ML_RELEASE_GITLAB_TOKEN=read, CI_JOB_TOKEN="revoked")
    if read == "read":
        assert scene.adapter(played, env).approver(None).known_from == "gitlab, ID token"
    else:
        with pytest.raises(Refused, match="no token may look it up"):
            scene.adapter(played, env).approver(None)


def test_a_read_token_that_may_not_see_the_job_is_said(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate())
    env = scene.server.env(played, ML_RELEASE_GITLAB_TOKEN="unknown")
    del env["CI_JOB_TOKEN"]
    with pytest.raises(Refused, match=f"the read token may not see job {played.id}"):
        scene.adapter(played, env).approver(None)


def test_a_gate_that_is_over_has_no_approver_any_more(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate())
    adapter = scene.adapter(played, scene.server.env(played, ML_RELEASE_GITLAB_TOKEN="read"))
    assert adapter.here.job.status == "running"
    over = scene.played(scene.at_the_gate())
    env = scene.server.env(over, ML_RELEASE_GITLAB_TOKEN="read")
    del env["CI_JOB_TOKEN"]
    scene.server.world.finish(over)
    with pytest.raises(Refused, match="is success; only who plays a gate is its approver, while it runs"):
        scene.adapter(over, env).approver(None)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("/keys", 500, times=9), "did not answer: status 500"),
        (Fault("/keys", 404), r"shows no keys \(404\)"),
        (Fault("/keys", 200, body=b'{"keys": []}'), "shows no key to verify ID tokens with"),
        (Fault("/keys", 200, body=b'{"keys": 1}'), "shows no key to verify ID tokens with"),
        (
            Fault("/keys", 200, body=b'{"keys": [{"kty": "RSA", "kid": "key-1"}]}'),
            "the key 'key-1' of .* cannot",
        ),
        (Fault("/keys", 200, body=b"<html>", content_type="text/html"), "a login page or proxy"),
    ],
)
def test_a_server_without_keys_verifies_nothing(scene: Scene, fault: Fault, sentence: str) -> None:
    """It is never taken for a token that holds, nor does the job token take over."""
    scene.server.faults.append(fault)
    played = scene.played(scene.at_the_gate())
    env = scene.server.env(played, ML_RELEASE_ID_TOKEN=scene.server.id_token(played))
    with pytest.raises(Unavailable, match=sentence):
        scene.adapter(played, env).approver(None)


def test_keys_are_asked_for_without_a_token(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate())
    env = scene.server.env(played, ML_RELEASE_ID_TOKEN=scene.server.id_token(played), ML_RELEASE_GITLAB_TOKEN="read")
    scene.adapter(played, env).approver(None)
    (asked,) = [each for each in scene.server.seen if each.path == "/oauth/discovery/keys"]
    assert not {name.upper() for name in asked.headers} & {"PRIVATE-TOKEN", "JOB-TOKEN", "AUTHORIZATION"}


def test_a_list_of_commits_without_the_pipelines_own_is_not_believed(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate())
    scene.server.faults.append(Fault("/repository/commits", 200, body=b"[]"))
    env = scene.server.env(played, ML_RELEASE_GITLAB_TOKEN="read")
    del env["CI_JOB_TOKEN"]
    with pytest.raises(Refused, match="its list of commits from aaaaaaaaaaaa to dddddddddddd has not dddddddddddd"):
        scene.adapter(played, env | {"ML_RELEASE_ID_TOKEN": scene.server.id_token(played)}).authors(OLD, TIP)


def test_a_decision_that_is_none_is_said(scene: Scene) -> None:
    played = scene.played(scene.at_the_gate(), ML_RELEASE_DECISION="perhaps")
    with pytest.raises(BadInput, match="ML_RELEASE_DECISION is 'perhaps'"):
        scene.adapter(played).said()


def test_what_was_typed_is_read_as_it_was_meant(scene: Scene) -> None:
    played = scene.played(
        scene.at_the_gate(), ML_RELEASE_REASON=" read ", ML_RELEASE_ACCEPT="a=1; b\nb;;", ML_RELEASE_CODE="x"
    )
    assert scene.adapter(played).said() == Said(
        decision=None, reason="read", accepted=("a=1", "b"), code="x",
        otherwise="played 'approve' in GitLab, and typed no reason",
    )  # fmt: skip


def test_who_makes_a_candidate_is_who_runs_the_job(scene: Scene) -> None:
    train = scene.at_the_gate("dan").job("train")
    train.status = "running"
    assert [person.id for person in scene.adapter(train).makers()] == ["dan"]


def test_a_gate_that_failed_after_it_was_signed_does_not_count(scene: Scene, world: World) -> None:
    team = Pipelines(scene, world)
    pipeline = team.open()
    assert team.gate(scene.played(pipeline)) == 0
    pipeline.job("approve").status = "failed"
    pipeline.job("deploy").status = "pending"
    with pytest.raises(Refused, match="which is failed"):
        team.deploy(pipeline)
