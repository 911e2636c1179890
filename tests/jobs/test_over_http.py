"""Deploy and rollback against a real MLflow server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ci_lib.jobs import deploy
from doubles.server import mlflow_server
from doubles.small_chain import World, config, decide

from ci_lib import audit
from ci_lib.champion import compared, resolve
from ci_lib.errors import Exit
from ci_lib.production import open_production
from ci_lib.registry import Registry
from ci_lib.registry.capability import Answer, over_http

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("server")
    (directory / "mlflow.db").write_bytes(migrated.read_bytes())
    with mlflow_server(directory) as started:
        yield started


def test_two_releases_and_a_rollback_in_a_job_without_pandas(address: str, tmp_path: Path) -> None:
    world = World(project=tmp_path, open_registry=lambda uri: Registry(uri, tmp_path), config=config(registry=address))
    world.approve(world.train("A"))
    assert deploy.main(world.job(), decide=decide) == Exit.DONE
    head = resolve(open_production(world.job()))
    world.approve(world.train("B", champion=compared(head)))
    done = subprocess.run(
        [sys.executable, "-m", "doubles.light_job", str(tmp_path), address],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "deploy 0",
        "rollback 0",
        "status 0",
        "history 0",
        "audit 0",
        "resolve 0",
        "release 3 restores 1",
        "imported []",
    ], done.stderr
    assert done.stderr == ""
    found = Registry(address, tmp_path).download("models:/loan@champion", tmp_path / "consumer")
    assert (found / "model.skops").read_text() == "A"
    assert audit.main(world.job()) == Exit.DONE


def test_a_real_server_without_a_login_would_be_refused_anywhere_else(address: str, tmp_path: Path) -> None:
    def ask(elsewhere: str, path: str, *, login: bool) -> Answer:
        assert elsewhere == "http://mlflow.example:5000"
        return over_http(address, path, login=login)

    assert Registry(address, tmp_path).weaknesses() == ()
    (weak,) = Registry("http://mlflow.example:5000", tmp_path, ask=ask).weaknesses()
    assert weak.risk == "unauthenticated"
