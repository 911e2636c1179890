"""A whole release by each way that a team may have: how it includes the component, how old its GitLab is.

Under `make torture` every job runs; with every test run, only what the pipeline comes to is looked at.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doubles.gitlab import gitlab
from doubles.gitlab_team import COMPONENT, Team
from doubles.gitlab_world import NO_ONE, Pipeline
from doubles.server import mlflow_server
from torture.sizes import FULL, size

RULES = [{"metric": "roc_auc", "at_least": 0.97}]
"""With the starter's rows this is left open, and must be accepted by name."""
ODD = 'it\'s "fine"; $(touch /tmp/no) `id` $HOME \\ <b>&amp; ünï'
WORDS = ("--reason", ODD, "--accept", "roc_auc")


SECOND = {
    "approve-risk": {"extends": "approve"},
    "deploy": {"needs": [{"job": "report", "artifacts": False}, "approve", "approve-risk"]},
}


@dataclass(frozen=True)
class Way:
    """What a team's GitLab and its include are like."""

    include: Mapping[str, Any]
    prefix: str = ""
    old: bool = False
    """17.x: job tokens may not read jobs, jobs have no inputs, and nobody may use pipeline variables."""
    tokenless: bool = False
    """No read token: the job token, and the history that a job clones, must do."""
    second: bool = False
    """A second gate, as docs/gitlab.md says, and two people."""


AT_1 = {"component": f"$CI_SERVER_FQDN/{COMPONENT}/release@1"}
WAYS = {
    "by version, words as variables": Way({**AT_1, "inputs": {"install": False}}),
    "words as inputs of the job": Way({**AT_1, "inputs": {"install": False, "job-inputs": True}}),
    "from a project's file, on an old server": Way(
        {"project": COMPONENT, "ref": "1.2.0", "file": "/templates/release/template.yml", "inputs": {"install": False}},
        old=True,
    ),
    "with a prefix and other stages": Way(
        {**AT_1, "inputs": {
            "install": False, "prefix": "loans-", "chain": "records/loans", "stage-prepare": "test",
            "stage-train": "test",
        }},
        prefix="loans-",
    ),
    "without a read token": Way({**AT_1, "inputs": {"install": False}}, tokenless=True),
    "with two approvers": Way({**AT_1, "inputs": {"install": False}}, second=True),
}  # fmt: skip


@contextmanager
def settled(root: Path, way: Way) -> Iterator[Team]:
    """Return a team with these settings."""
    (root / "mlflow").mkdir()
    server_of = mlflow_server(root / "mlflow") if FULL else nullcontext("http://127.0.0.1:9")
    with server_of as mlflow, gitlab() as server:
        team = Team(server, root, mlflow)
        team.include(way.include)
        rules = RULES if not way.old else [{"metric": "roc_auc", "at_least": 0.7}]
        team.change(policy__rules=rules)
        gates = {"gates": [f"{way.prefix}approve"], "reject": f"{way.prefix}reject"}
        if way.second:
            team.write({"include": [way.include], **SECOND}, ".gitlab-ci.yml")
            gates["gates"] = ["approve", "approve-risk"]
            team.change(policy__approval__required=2)
        team.change(policy__approval__gitlab={"url": server.url, "project": team.project.id, **gates})
        if way.tokenless:
            team.project.variables = [each for each in team.project.variables if each.value != "read"]
        if way.old:
            server.world.job_tokens_read_jobs = server.world.job_inputs = False
            team.project.variables_role = NO_ONE
        team.push("ana")
        yield team


def answer(team: Team, pipeline: Pipeline, way: Way) -> None:
    """Have Ben say yes: at his terminal with words, or with a click where GitLab lets nobody say anything."""
    chain = ("--chain", str(way.include["inputs"].get("chain", "release")))
    if way.old:
        said = team.terminal("ben", "approve", "--pipeline", team.url(pipeline), "--reason", "x y", *chain)
        assert "you may not play 'approve' with variables" in said.err
        team.play(pipeline, "approve", "ben")
        return
    said = team.terminal("ben", "approve", "--pipeline", team.url(pipeline), *WORDS, *chain)
    assert said.code == 0, said.out + said.err
    job = pipeline.job(f"{way.prefix}approve")
    assert bool(job.inputs) is bool(way.include["inputs"].get("job-inputs"))
    if way.second:
        assert pipeline.job("deploy").status == "created"
        assert "1 of 2 approvals" in job.trace.decode()
        said = team.terminal("cleo", "approve", "--pipeline", team.url(pipeline), *WORDS, *chain)
        assert said.code == 0, said.out + said.err


@pytest.mark.parametrize("name", list(WAYS)[: size(2, len(WAYS))])
def test_a_release_by_each_way(tmp_path: Path, name: str, figure: Callable[..., None]) -> None:
    way = WAYS[name]
    with settled(tmp_path, way) as team:
        pipeline = team.start()
        names = {job.name for job in pipeline.jobs}
        stages = ("prepare", "train", "validate", "report", "approve", "reject", "deploy", "monitor", "rollback")
        assert names == {f"{way.prefix}{stage}" for stage in stages} | ({"approve-risk"} if way.second else set())
        if not FULL:
            return
        pipeline = team.runner.work(pipeline)
        assert pipeline.status == "manual", pipeline.jobs[-1].trace
        answer(team, pipeline, way)
        job = pipeline.job(f"{way.prefix}deploy")
        assert job.status == "success", pipeline.job(f"{way.prefix}approve").trace.decode() + job.trace.decode()
        (entry,) = team.history()
        assert entry["reason"].startswith("played 'approve' in GitLab" if way.old else ODD)
        assert len(entry["approvals"]) == (2 if way.second else 1)
        figure("releases through gitlab-ci-local", "{} ways, whole", 1)
