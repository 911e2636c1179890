"""This project's own .gitlab-ci.yml: the starter's release jobs in it, with the components of the same commit."""

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from doubles.gitlab import Server, gitlab
from doubles.gitlab_runner import Runner
from doubles.gitlab_team import CHECKOUT, COMPONENT
from doubles.gitlab_world import MAINTAINER, Commit, Pipeline
from doubles.repository import Git
from doubles.server import mlflow_server
from torture.sizes import FULL

FILES = (".gitlab-ci.yml", ".ci", "templates")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with gitlab() as running:
        yield running


@pytest.fixture(scope="module")
def runner(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """This checkout as a project of the double's."""
    root = tmp_path_factory.mktemp("own")
    git = Git(root / "work").start()
    for name in FILES:
        copy = shutil.copytree if (CHECKOUT / name).is_dir() else shutil.copy
        copy(CHECKOUT / name, git.root / name)
    sha = git.commit()
    git("clone", "--quiet", "--bare", ".", str(root / "bare.git"))
    server.world.add_user("ana")
    project = server.world.add_project(COMPONENT, (), {"ana": MAINTAINER})
    project.commits[sha] = Commit(sha, ("Ana", "ana@corp.example"), ("Ana", "ana@corp.example"))
    project.branches["main"] = sha
    made = Runner(server, root / "runner")
    made.serve(COMPONENT, root / "bare.git")
    return made


def start(runner: Runner, **variables: str) -> Pipeline:
    world = runner.server.world
    return world.start(next(iter(world.projects.values())), "ana", variables=variables)


@pytest.mark.parametrize("last", ["starter-report"] if FULL else ["starter-prepare"])
def test_the_starters_jobs_run_up_to_the_gate(runner: Runner, tmp_path: Path, last: str) -> None:
    """They install this commit, unless a variable says that it is there; all of them under `make torture`."""
    with mlflow_server(tmp_path) if FULL else nullcontext("http://127.0.0.1:9") as mlflow:
        pipeline = start(runner, MLFLOW_TRACKING_URI=mlflow, ML_RELEASE_INSTALL="false")
        for name in ("check", "starter"):  # these run the tests, this one among them, and install packages
            runner.server.world.finish(pipeline.job(name))
        while pipeline.job(last).status in {"created", "pending"}:
            job = next(each for each in pipeline.jobs if each.status == "pending")
            assert runner.run(job) == 0, job.trace.decode()
    assert (pipeline.job(last).status, pipeline.job("starter-approve").status) == (
        "success", "manual" if last == "starter-report" else "created",
    )  # fmt: skip
