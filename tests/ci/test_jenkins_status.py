"""Inside a build: the command line's adapter is Jenkins', `status` says how the gate stands, `report` describes it."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles.jenkins_release import Builds
from doubles.jenkins_scene import READER, Scene, gate
from doubles.jenkins_world import Build
from doubles.project import Project
from doubles.repository import Git
from doubles.small_chain import World

from ci_lib import cli
from ci_lib.announcement import Announcement
from ci_lib.ci.jenkins import announce

ABOUT = Announcement(
    model="loans", environment="production", verdict="inconclusive", headline="2 <b>findings</b> & a question",
    note="", report=Path("report"), code="0", registry="sqlite:///mlflow.db", run_id=None,
)  # fmt: skip


class Log(io.StringIO):
    """What an agent's step prints goes into its build's log."""

    def __init__(self, build: Build) -> None:
        super().__init__()
        self.build = build

    def write(self, text: str) -> int:
        self.build.console += text.encode()
        return super().write(text)


@pytest.fixture
def project(tmp_path: Path, migrated: Path, jenkins_scene: Scene) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root, migrated)
    made.change(policy__approval__jenkins={"url": jenkins_scene.server.url, "job": "folder/loans"})
    git = Git(root).start()
    git.commit("release.yml")
    git.publish()
    return made


def status(project: Project, build: Build, scene: Scene, *more: str, **env: str) -> tuple[int, str]:
    out = Log(build)
    words = ["status", "--config", str(project.root / "release.yml"), *more]
    found = scene.server.env(build, ML_RELEASE_POLICY_FROM="origin/main", **READER) | env
    return cli.start(words, found, out=out, err=out), out.getvalue()


def test_status_in_a_build_says_how_its_gate_stands(jenkins_scene: Scene, project: Project) -> None:
    build = jenkins_scene.start()
    jenkins_scene.server.world.pend(build, gate())
    code, said = status(project, build, jenkins_scene)
    assert code == 0, said
    assert f"  gate      MlRelease waits: {jenkins_scene.server.url}/{build.path}input/\n" in said
    jenkins_scene.answer(build.pending[0])
    assert "  gate      an input was answered by ben\n" in status(project, build, jenkins_scene)[1]


def test_without_an_account_it_says_so(jenkins_scene: Scene, project: Project) -> None:
    nothing = dict.fromkeys(READER, "")
    _, said = status(project, jenkins_scene.start(), jenkins_scene, **nothing)
    assert "unknown: Jenkins: nothing proves which build this is: no account may ask" in said


def test_json_is_json_and_the_proof_goes_aside(
    jenkins_scene: Scene, project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = jenkins_scene.start()
    monkeypatch.setattr("sys.stderr", Log(build))
    code, said = status(project, build, jenkins_scene, "--json")
    assert (code, json.loads(said)["gates"]) == (0, [])
    assert "ml-release proves that this is build 1" in build.console.decode()
    del capsys


# What is announced.


@pytest.mark.parametrize(
    ("who", "before", "said", "after"),
    [
        ("scribe", "", "Jenkins: build 1 is described as inconclusive", "ml-release: loans to production is"),
        ("scribe", "ml-release: old", "Jenkins: build 1 is described as", "ml-release: loans to production is"),
        ("scribe", "my build", "somebody described this build, and that stays", "my build"),
        ("reader", "", "the build is not described: Jenkins at", ""),
        ("", "", "the build is not described without ML_RELEASE_JENKINS_TOKEN", ""),
        ("ghost", "", "nothing is announced: Jenkins: the account may not read", ""),
    ],
)
def test_a_verdict_is_the_builds_description_where_there_is_an_account_for_it(
    jenkins_scene: Scene, who: str, before: str, said: str, after: str
) -> None:
    build = jenkins_scene.start()
    build.description = before
    account = {"ML_RELEASE_JENKINS_USER": who, "ML_RELEASE_JENKINS_TOKEN": f"{who}-token" if who else ""}
    (line,) = jenkins_scene.adapter(build, account).announce(ABOUT)
    assert said in line
    assert (build.description or "").startswith(after)


def test_a_description_that_could_not_be_written_fails_nothing(jenkins_scene: Scene) -> None:
    from doubles.jenkins import Fault  # noqa: PLC0415 -- for this test alone

    build = jenkins_scene.start()
    jenkins_scene.server.faults.append(Fault("submitDescription", 502))
    account = {"ML_RELEASE_JENKINS_USER": "scribe", "ML_RELEASE_JENKINS_TOKEN": "scribe-token"}
    (line,) = jenkins_scene.adapter(build, account).announce(ABOUT)
    assert line.startswith("Jenkins: the build is not described: Jenkins at ")


def test_a_description_is_no_html_and_not_endless() -> None:
    assert "2 ‹b›findings‹/b› + a question" in announce.text(ABOUT)
    assert len(announce.text(replace(ABOUT, headline="x" * 9_000))) == announce.LONGEST


# Who makes a candidate, and who runs a job.


@pytest.mark.parametrize(
    ("who", "account", "actor", "known", "makers"),
    [
        ("dan", READER, "dan", "jenkins, started the build", {"Ana Ruiz <ana@corp.example>", "dan"}),
        (None, READER, "URL", "jenkins, Started by an SCM change", {"Ana Ruiz <ana@corp.example>"}),
        ("dan", {}, "URL", "jenkins variable, unverified", {"Ana Ruiz <ana@corp.example>"}),
    ],
)
def test_training_needs_no_account(
    jenkins_scene: Scene, who: str | None, account: dict[str, str], actor: str, known: str, makers: set[str]
) -> None:
    build = jenkins_scene.start(who)
    adapter = jenkins_scene.adapter(build, dict.fromkeys(READER, "") | account)
    place = f"{jenkins_scene.server.url}/{build.path}"
    assert (adapter.actor().id, adapter.actor().known_from) == (place if actor == "URL" else actor, known)
    assert {person.id for person in adapter.makers()} == makers
    assert adapter.pipeline() == place


def test_two_words_are_enough_to_name_one_and_the_same_build(jenkins_scene: Scene, world: World) -> None:
    """`job` and `pipeline` are one address: a stage has none of its own."""
    team: Any = Builds(jenkins_scene, world)
    build = team.open()
    adapter = jenkins_scene.adapter(build)
    assert adapter.job() == adapter.pipeline()
