"""A team's releases, moment by moment; see `doubles.gitlab_story`. Each moment asks for those before it."""

from collections.abc import Iterator

import pytest
from doubles.gitlab import gitlab
from doubles.gitlab_ci_local import PROGRAM
from doubles.gitlab_story import Moment, again, approved_only, deployed_with, moment, to_the_gate
from doubles.gitlab_team import BOT, Team
from doubles.gitlab_world import MAINTAINER
from doubles.server import mlflow_server
from torture.sizes import size

ACCEPT = "roc_auc"
"""The finding that the second release leaves open."""
APPROVALS = "release/production/approvals"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is missing: scripts/setup tools")
    root = tmp_path_factory.mktemp("team")
    (root / "mlflow").mkdir()
    with mlflow_server(root / "mlflow") as mlflow, gitlab() as server:
        yield Team(server, root, mlflow)


@pytest.fixture(scope="module")
def waiting(team: Team) -> Moment:
    """Ana pushes what a merge request brought, and the pipeline runs up to its gate."""
    team.asks_to_merge("ana", team.project.branches["main"])
    pipeline = to_the_gate(team)
    return moment(team, pipeline, pipeline.job("report"))


@pytest.fixture(scope="module")
def own(team: Team, waiting: Moment) -> Moment:
    """Ana plays the gate of her own change."""
    return moment(team, waiting.pipeline, team.play(waiting.pipeline, "approve", "ana"))


@pytest.fixture(scope="module")
def swapped(team: Team, waiting: Moment) -> Moment:
    """In another pipeline Cleo approves, and then somebody puts another candidate into the artifacts."""
    pipeline = again(team, waiting.pipeline)
    assert approved_only(team, pipeline, "cleo").status == "success"
    record = pipeline.job("report").artifacts["release/candidate.json"]
    other = record.replace(b'"seed": ', b'"seed": 1')
    assert other != record
    job = deployed_with(team, pipeline, swap={"release/candidate.json": other}, of="report")
    return moment(team, pipeline, job)


@pytest.fixture(scope="module")
def rejected(team: Team, swapped: Moment) -> Moment:
    """In the same pipeline Cleo changes her mind."""
    return moment(team, swapped.pipeline, team.play(swapped.pipeline, "reject", "cleo"))


@pytest.fixture(scope="module")
def older(team: Team, waiting: Moment) -> Moment:
    """A pipeline of the first commit, left at its gate."""
    pipeline = again(team, waiting.pipeline)
    return moment(team, pipeline)


@pytest.fixture(scope="module")
def replayed(team: Team, own: Moment, swapped: Moment) -> Moment:
    """Ben plays the gate that Ana could not; then somebody puts Cleo's answer of another pipeline in place of his."""
    assert approved_only(team, own.pipeline, "ben").status == "success"
    (mine,) = (name for name in own.pipeline.job("approve").artifacts if name.startswith(APPROVALS))
    (hers,) = (data for name, data in swapped.pipeline.job("approve").artifacts.items() if name.startswith(APPROVALS))
    return moment(team, own.pipeline, deployed_with(team, own.pipeline, swap={mine: hers}, of="approve"))


@pytest.fixture(scope="module")
def released(team: Team, replayed: Moment, older: Moment, rejected: Moment) -> Moment:
    """With his own answer in place again, Ben has the deployment run again, from his terminal."""
    assert (older.champion, rejected.champion) == (None, None)  # these were before the release
    said = team.terminal("ben", "trigger", "deploy", "--pipeline", team.url(replayed.pipeline))
    return moment(team, replayed.pipeline, replayed.pipeline.job("deploy"), said)


@pytest.fixture(scope="module")
def late(team: Team, older: Moment, released: Moment) -> Moment:
    """Somebody approves the older pipeline, whose candidate was compared with what is no longer there."""
    team.play(older.pipeline, "approve", "ben")
    assert released.champion == "1"
    return moment(team, older.pipeline, older.pipeline.job("deploy"))


@pytest.fixture(scope="module")
def attacked(team: Team, waiting: Moment) -> dict[str, Moment]:
    """Gates played by who may not, or in pipelines that were started with variables; all under `make torture`."""
    running = waiting.pipeline.job("train")
    attacks: dict[str, tuple[str, dict[str, str]]] = {
        "the ID token of another job": ("ben", {"ML_RELEASE_ID_TOKEN": team.server.id_token(running)}),
        "a bot": (BOT, {}),
        "a user name that a variable overrides": ("ben", {"GITLAB_USER_LOGIN": "cleo"}),
        "records that a variable puts elsewhere": ("ben", {"ML_RELEASE_CHAIN": "elsewhere"}),
        "somebody who is not on the list": ("dan", {}),
    }
    found = {}
    for name, (who, variables) in list(attacks.items())[: size(1, len(attacks))]:
        pipeline = again(team, waiting.pipeline, "cleo", variables=variables)
        team.project.members[team.server.world.users[who].id] = MAINTAINER
        found[name] = moment(team, pipeline, team.play(pipeline, "approve", who))
    return found


@pytest.fixture(scope="module")
def unsettled(team: Team, late: Moment, attacked: dict[str, Moment]) -> Moment:
    """Ana asks for more than the rows can tell, with another model."""
    del late, attacked
    rules = [{"metric": "roc_auc", "at_least": 0.97}, {"metric": "roc_auc", "versus": "champion", "margin": 0.05}]
    team.change(train__params={"C": 0.5}, policy__rules=rules)
    team.push("ana")
    pipeline = to_the_gate(team)
    return moment(team, pipeline, pipeline.job("validate"))


@pytest.fixture(scope="module")
def accepted(team: Team, unsettled: Moment) -> Moment:
    """Ben looks at the gate from his terminal, and answers."""
    address = team.url(unsettled.pipeline)
    words = ("--reason", "few rows, and none of them odd", "--accept", ACCEPT)
    said = team.terminal("ben", "approve", "--pipeline", address, *words)
    return moment(team, unsettled.pipeline, unsettled.pipeline.job("deploy"), said)


@pytest.fixture(scope="module")
def failed(team: Team, unsettled: Moment, accepted: Moment) -> Moment:
    """A policy that no model keeps."""
    del accepted
    team.change(policy__rules=[{"metric": "roc_auc", "at_least": 0.9999}])
    team.push("ana")
    pipeline = team.runner.as_run_by(team.start(), unsettled.pipeline, "prepare", "train")
    team.runner.work(pipeline)
    return moment(team, pipeline, pipeline.job("report"))


@pytest.fixture(scope="module")
def back(team: Team, accepted: Moment, failed: Moment) -> Moment:
    """Cleo rolls back from her terminal, in a pipeline for that alone, which takes her words as inputs of its file."""
    del accepted, failed
    said = team.terminal("cleo", "trigger", "rollback", "--reason", "wrong scores since noon")
    pipeline = team.project.pipelines[-1]
    return moment(team, pipeline, pipeline.job("rollback"), said)


@pytest.fixture(scope="module")
def forth(team: Team, waiting: Moment, back: Moment) -> Moment:
    """Ben puts the second release in place again, with the job of a pipeline's page."""
    del back
    words = {"ML_RELEASE_REASON": "it was the network", "ML_RELEASE_TO": "2"}
    return moment(team, waiting.pipeline, team.play(waiting.pipeline, "rollback", "ben", **words))


@pytest.fixture(scope="module")
def run(team: Team, forth: Moment) -> Moment:
    """Ana starts a pipeline with "Run pipeline" and variables."""
    del forth
    words = {"ML_RELEASE_ACTION": "rollback", "ML_RELEASE_REASON": "it was not the network", "ML_RELEASE_TO": "1"}
    pipeline = team.runner.work(team.start("ana", source="web", variables=words))
    return moment(team, pipeline, pipeline.job("rollback"))
