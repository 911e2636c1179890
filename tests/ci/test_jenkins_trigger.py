"""A rollback or a release, started from somebody's terminal and followed through the queue to its end."""

import io
import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doubles.jenkins import Fault
from doubles.jenkins_scene import JOB, Scene, gate
from doubles.jenkins_world import Build, Parameter, Queued

from ci_lib import trigger
from ci_lib.ci.jenkins import trigger as on_jenkins
from ci_lib.ci.jenkins.follow import Follower
from ci_lib.ci.jenkins.remote import sign_in
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused, Unavailable

GIVEN = {"ACTION": "rollback", "REASON": "wrong scores"}


@pytest.fixture
def scene(jenkins_scene: Scene) -> Scene:
    return jenkins_scene


def args(action: str = "rollback", **more: Any) -> Namespace:
    given = {
        "action": action, "pipeline": None, "ref": "main", "job": JOB, "to": None, "reason": "wrong scores",
        "token_file": None, "environment": None, "config": Path("no.yml"), "overrides": [], "policy_from": None,
    }  # fmt: skip
    return Namespace(**given | more)


def env(scene: Scene, who: str = "dan") -> dict[str, str]:
    return {"ML_RELEASE_JENKINS_URL": scene.server.url, "ML_RELEASE_REVIEWER_TOKEN": f"{who}:{who}-token"}


def run(scene: Scene, given: Namespace, who: str = "dan") -> tuple[int, str]:
    out = io.StringIO()
    return trigger.main(given, env(scene, who), Console(out)), out.getvalue()


def follower(scene: Scene, sleep: Callable[[float], None], **more: int) -> Follower:
    client, _ = sign_in(scene.server.url, "dan:dan-token", env={}, sleep=sleep)
    return Follower(client=client, say=scene.said.append, sleep=sleep, **more)


def engine(scene: Scene, *, code: int = 0, result: str = "SUCCESS") -> Callable[[Build], None]:
    """Return what runs a build at once, to its end."""

    def work(build: Build) -> None:
        build.log(f"rollback of {build.parameters['REASON']}\n[ml-release] rollback ended with exit code {code}")
        scene.server.world.finish(build, result)

    return work


def taken(scene: Scene) -> None:
    """Let an executor take whatever is in the queue."""
    for item in [each for each in scene.server.world.queue.values() if each.build is None]:
        scene.server.world.leave_queue(item)


@pytest.mark.parametrize(("code", "result"), [(0, "SUCCESS"), (3, "FAILURE"), (4, "FAILURE"), (2, "FAILURE")])
def test_a_rollback_is_queued_followed_and_gives_its_exit_code(scene: Scene, code: int, result: str) -> None:
    scene.job.engine = engine(scene, code=code, result=result)
    queue = scene.server.world.enqueue
    scene.server.world.enqueue = lambda *given: _at_once(scene, queue(*given))  # type: ignore[method-assign]  # a fake executor
    got, said = run(scene, args(to=3))
    assert got == code
    (build,) = scene.job.builds
    assert build.parameters == {"ACTION": "rollback", "TO": "3", "REASON": "wrong scores"}
    assert build.causes[0]["userId"] == "dan"
    assert f"build 1: {scene.server.url}/job/folder/job/loans/1/\n" in said
    assert "rollback of wrong scores" in said


def _at_once(scene: Scene, item: Queued) -> Queued:
    scene.server.world.leave_queue(item)
    return item


def test_what_is_said_goes_in_the_form_and_not_into_addresses_and_logs(scene: Scene) -> None:
    client, _ = sign_in(scene.server.url, "dan:dan-token", env={}, sleep=lambda _: None)
    location = on_jenkins.start(client, JOB, GIVEN)
    (sent,) = [seen for seen in scene.server.seen if seen.method == "POST"]
    assert (sent.query, "wrong+scores" in sent.body) == ("", True)
    assert location.endswith("/queue/item/101/")


def test_a_release_is_followed_to_its_gate(scene: Scene) -> None:
    """On Jenkins nothing is deployed but in the build that was approved."""

    def work(build: Build) -> None:
        scene.server.world.pend(build, gate())

    scene.job.engine = work
    queue = scene.server.world.enqueue
    scene.server.world.enqueue = lambda *given: _at_once(scene, queue(*given))  # type: ignore[method-assign]  # a fake executor
    got, said = run(scene, args("deploy", reason=""))
    assert got == Exit.NO_APPROVAL
    assert scene.job.builds[0].parameters["ACTION"] == "release"
    assert f"next: ml-release approve --build {scene.server.url}/job/folder/job/loans/1/" in said


# The queue.


def test_why_it_waits_is_said_once(scene: Scene) -> None:
    item = scene.server.world.enqueue(scene.job, scene.server.world.users["dan"], GIVEN)
    looks = 0

    def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        item.why = "Waiting for next available executor"
        if looks == 3:
            taken(scene)

    assert follower(scene, sleep).queued(f"http://other.name/queue/item/{item.id}/", JOB) == 1
    assert scene.said == [
        "  waits: In the quiet period. Expires in 5 sec",
        "  waits: Waiting for next available executor",
    ]


def test_an_item_that_was_forgotten_is_found_by_its_build(scene: Scene) -> None:
    """Items vanish about five minutes after they left the queue."""
    scene.start("ana")
    item = scene.server.world.enqueue(scene.job, scene.server.world.users["dan"], GIVEN)
    taken(scene)
    item.gone = True
    assert follower(scene, lambda _: None).queued(f"/queue/item/{item.id}/", JOB) == 2
    with pytest.raises(Unavailable, match="item 999 is not in the queue any more, and no build of folder/loans came"):
        follower(scene, lambda _: None).queued("/queue/item/999/", JOB)


def test_a_cancelled_item_is_said(scene: Scene) -> None:
    item = scene.server.world.enqueue(scene.job, scene.server.world.users["dan"], GIVEN)
    item.cancelled = True
    with pytest.raises(Refused, match=f"item {item.id} was cancelled while it waited"):
        follower(scene, lambda _: None).queued(f"/queue/item/{item.id}/", JOB)


def test_what_never_ends_is_left_after_two_hours(scene: Scene) -> None:
    item = scene.server.world.enqueue(scene.job, scene.server.world.users["dan"], GIVEN)
    with pytest.raises(Unavailable, match="has not left the queue in two hours: In the quiet period"):
        follower(scene, lambda _: None, looks=3).queued(f"/queue/item/{item.id}/", JOB)
    taken(scene)
    with pytest.raises(Unavailable, match="build 1 of folder/loans has not ended in two hours"):
        follower(scene, lambda _: None, looks=3).to_the_end(JOB, 1, "MlRelease")


def test_a_place_that_is_none_is_said(scene: Scene) -> None:
    with pytest.raises(Unavailable, match=r"does not say where in its queue the build is \(no Location\)"):
        follower(scene, lambda _: None).queued("", JOB)


def test_503_is_never_taken_for_gone(scene: Scene) -> None:
    """python-jenkins reports it as "does not exist"."""
    item = scene.server.world.enqueue(scene.job, scene.server.world.users["dan"], GIVEN)
    taken(scene)
    found = follower(scene, lambda _: None)
    down = Fault("/queue/", 503, times=9)
    scene.server.faults.append(down)
    assert found.queued(f"/queue/item/{item.id}/", JOB) == 1
    assert "status 503" in scene.said[0]
    down.times = 99
    with pytest.raises(Unavailable, match="did not answer: status 503"):
        follower(scene, lambda _: None, patience=2).queued(f"/queue/item/{item.id}/", JOB)


def test_a_log_is_printed_as_it_grows_each_line_once(scene: Scene) -> None:
    build = scene.start("dan")
    pieces = iter([b"one\ntw", b"o\n", b"three\n"])

    def sleep(_: float) -> None:
        build.console += next(pieces, b"")
        if build.console.endswith(b"three\n"):
            scene.server.world.finish(build)

    found, log = follower(scene, sleep).to_the_end(JOB, 1, "MlRelease")
    assert (found.result, scene.said) == ("SUCCESS", ["one", "two", "three\nFinished: SUCCESS"])
    assert log == build.console


# What a trigger needs.


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ((), "folder/loans has no parameter ACTION, and would not be told 'rollback'"),
        ((Parameter("ACTION", ("release",)),), "folder/loans does not offer 'rollback' as ACTION"),
        ((Parameter("ACTION", ("rollback",)),), "folder/loans has no parameter REASON"),
    ],
)
def test_a_job_that_would_not_be_told_is_not_started(
    scene: Scene, parameters: tuple[Parameter, ...], sentence: str
) -> None:
    """A Pipeline declares its parameters when it first ran; until then a rollback would start a release."""
    scene.job.parameters = parameters
    with pytest.raises(BadInput, match=sentence):
        run(scene, args())
    assert scene.server.world.queue == {}


def test_who_may_not_build_and_what_cannot_be_built_is_said(scene: Scene) -> None:
    with pytest.raises(Refused, match="you may not build folder/loans"):
        run(scene, args(), "reader")
    scene.job.buildable = False
    with pytest.raises(Refused, match=r"folder/loans cannot be built now \(status 409\)"):
        run(scene, args())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reason": " "}, "a rollback needs a reason"),
        ({"job": "folder/none"}, "there is no .*/job/folder/job/none/, or not for you"),
        ({"job": None}, "which GitLab or Jenkins is your token for"),
        ({"pipeline": "x"}, "--pipeline is GitLab's"),
    ],
)
def test_what_is_missing_is_said(scene: Scene, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        run(scene, args(**given))


def test_a_token_that_jenkins_does_not_know_starts_nothing(scene: Scene) -> None:
    with pytest.raises(BadInput, match="does not know this user with this token"):
        trigger.main(args(), env(scene) | {"ML_RELEASE_REVIEWER_TOKEN": "dan:x"}, Console(io.StringIO()))


def test_somebody_who_is_nobody_starts_nothing(scene: Scene) -> None:
    """A reverse proxy may log everybody in as the same nobody."""
    scene.server.world.add_user("anonymous", "", token="x")
    with pytest.raises(BadInput, match="Jenkins takes you for anonymous"):
        trigger.main(args(), env(scene) | {"ML_RELEASE_REVIEWER_TOKEN": "anonymous:x"}, Console(io.StringIO()))


def test_a_job_that_goes_away_while_it_is_started_is_said(scene: Scene) -> None:
    scene.server.faults.append(Fault("buildWithParameters", 404))
    with pytest.raises(BadInput, match=r"there is no .*/job/folder/job/loans/, or not for you"):
        run(scene, args())


def test_a_build_that_ends_as_none_of_ours_is_said_with_its_address(scene: Scene) -> None:
    build = scene.start("dan")
    scene.server.world.stop(build, scene.server.world.users["ben"])
    with pytest.raises(Unavailable, match="was stopped: Aborted by Ben Bauer") as caught:
        on_jenkins._followed(follower(scene, lambda _: None), JOB, 1, scene.settings())
    assert caught.value.hint.endswith("/job/folder/job/loans/1/")


@pytest.mark.parametrize(
    ("named", "of", "sentence"),
    [
        ("gitlab", trigger.jenkins_of, "--build is Jenkins', and release.yml names a GitLab"),
        ("jenkins", trigger.gitlab_of, "--pipeline is GitLab's, and release.yml names a Jenkins"),
    ],
)
def test_the_option_of_the_other_server_is_said_with_the_right_one(
    scene: Scene, tmp_path: Path, named: str, of: Callable[..., object], sentence: str
) -> None:
    servers = {
        "gitlab": {"url": "https://gitlab.example.com", "project": 7},
        "jenkins": {"url": "https://jenkins.example.com", "job": JOB},
    }
    path = tmp_path / "named.yml"
    release = {
        "model": "loan", "task": "binary", "data": {"source": "x.csv", "target": "y"},
        "policy": {
            "rules": [{"metric": "roc_auc", "at_least": 0.7}],
            "approval": {"approvers": ["ben"], named: servers[named]},
        },
    }  # fmt: skip
    path.write_text(json.dumps(release))
    with pytest.raises(BadInput, match=sentence):
        of(args(config=path), env(scene))
