"""What consumers are given: the version by the ledger, its bytes, and whether a directory still holds them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.signers import ALPHA, BETA, named
from doubles.small_chain import World, config, decide

from ci_lib import cli, resolve
from ci_lib.champion import compared
from ci_lib.entry import sign
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.manifest import scan
from ci_lib.production import open_production


def ship(world: World, *contents: str) -> World:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        made = world.train(content, champion=compared(head) if head else None)
        if world.job().target.approval == "required":
            world.approve(made)
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()
    return world


def given(world: World, **args: Any) -> str:
    assert resolve.main(world.job(**args)) == Exit.DONE
    return world.heard().strip()


def consumer(world: World, *argv: str, code: int = Exit.DONE) -> str:
    """Ask as somebody who has no release.yml; return what is printed."""
    out, err = io.StringIO(), io.StringIO()
    nothing = str(world.project / "none" / "release.yml")
    done = cli.start(["resolve", "--config", nothing, *argv], {}, out=out, err=err)
    assert done == code, err.getvalue()
    return out.getvalue().strip() if code == Exit.DONE else err.getvalue()


def at(world: World) -> tuple[str, str]:
    return "--registry", world.registry.address


def test_it_prints_the_version_and_nothing_else(world: World) -> None:
    assert given(ship(world, "A", "B")) == "models:/loan/2"


def test_as_json_it_has_all_that_pins_a_release(world: World) -> None:
    found = json.loads(given(ship(world, "A"), json=True))
    head = open_production(world.job()).ledger.head()
    assert head is not None
    assert found == {
        "model": "loan", "environment": "production", "uri": "models:/loan/1", "version": "1", "release": 1,
        "manifest": head.manifest, "entry": head.digest(), "signed": None,
    }  # fmt: skip


def test_before_the_first_release_there_is_nothing(world: World) -> None:
    with pytest.raises(BadInput, match="nothing has been released"):
        resolve.main(world.job())


def test_an_alias_that_points_elsewhere_is_refused(world: World) -> None:
    ship(world, "A", "B")
    world.registry.set_alias("loan", "champion", "1")
    with pytest.raises(Refused, match="is version 1, and the ledger says version 2"):
        resolve.main(world.job())


@pytest.mark.parametrize("there", [False, True])
def test_downloaded_bytes_are_the_directory_itself(world: World, tmp_path: Path, there: bool) -> None:
    ship(world, "A")
    target = tmp_path / "deep" / "model"
    if there:
        target.mkdir(parents=True)
    assert given(world, download=target) == str(target)
    head = open_production(world.job()).ledger.head()
    assert head is not None
    assert scan(target).digest() == head.manifest
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_bytes_that_do_not_hold_never_reach_the_directory(world: World, tmp_path: Path) -> None:
    ship(world, "A")
    head = open_production(world.job()).ledger.head()
    assert head is not None
    next(next((tmp_path / "mlartifacts").rglob(head.model_id)).rglob("model.skops")).write_text("EVIL")
    with pytest.raises(Refused, match="the bytes of release 1 are not those that were released"):
        resolve.main(world.job(download=tmp_path / "model"))
    assert not (tmp_path / "model").exists()


def test_a_directory_with_something_in_it_is_left_alone(world: World, tmp_path: Path) -> None:
    ship(world, "A")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("x")
    with pytest.raises(BadInput, match="is not empty") as error:
        resolve.main(world.job(download=tmp_path / "model"))
    assert "--verify" in error.value.hint


def test_verify_needs_a_directory(world: World) -> None:
    ship(world, "A")
    with pytest.raises(BadInput, match="--verify needs the directory"):
        resolve.main(world.job(verify=True))


def test_verify_downloads_into_an_empty_directory_and_passes_what_is_still_right(world: World, tmp_path: Path) -> None:
    ship(world, "A")
    for _ in range(2):
        assert given(world, download=tmp_path / "model", verify=True) == str(tmp_path / "model")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda model: (model / "model.skops").write_text("EVIL"), "is not release 1: model.skops was changed"),
        (lambda model: (model / "model.skops").unlink(), "is not release 1: model.skops is missing"),
        (lambda model: (model / "new.py").write_text("x"), "is not release 1: new.py is new"),
    ],
)
def test_verify_names_the_file_that_differs(world: World, tmp_path: Path, harm: Any, words: str) -> None:
    ship(world, "A")
    given(world, download=tmp_path / "model")
    harm(tmp_path / "model")
    with pytest.raises(Refused, match=words) as error:
        resolve.main(world.job(download=tmp_path / "model", verify=True))
    assert "ml-release resolve --download" in error.value.hint


def test_verify_without_the_records_says_that_the_bytes_differ(world: World, tmp_path: Path) -> None:
    ship(world, "A")
    given(world, download=tmp_path / "model")
    (tmp_path / "model" / "model.skops").write_text("EVIL")
    next((tmp_path / "mlartifacts").rglob("candidate.json")).write_text("{}")
    with pytest.raises(Refused, match=r"is not release 1: bytes [0-9a-f]{8} instead of"):
        resolve.main(world.job(download=tmp_path / "model", verify=True))


def test_verify_says_which_release_an_outdated_directory_holds(world: World, tmp_path: Path) -> None:
    ship(world, "A")
    given(world, download=tmp_path / "model")
    ship(world, "B")
    with pytest.raises(Refused, match="holds release 1, and release 2 is in production now"):
        resolve.main(world.job(download=tmp_path / "model", verify=True))
    rollback.main(world.job(reason="bad"))
    world.heard()
    assert given(world, download=tmp_path / "model", verify=True) == str(tmp_path / "model")


def test_a_name_picks_the_environment(world: World) -> None:
    world.config = config(environments={"staging": {"approval": "automatic"}, "production": {}})
    world.environment = "staging"
    ship(world, "A")
    world.environment = "production"
    assert given(world, name="loan-staging") == "models:/loan-staging/1"
    with pytest.raises(BadInput, match="nothing has been released to production"):
        resolve.main(world.job(name="loan"))
    with pytest.raises(BadInput, match=r"release\.yml releases .*loan-staging \(staging\)"):
        resolve.main(world.job(name="other"))
    with pytest.raises(BadInput, match="not 'loan-staging'"):
        resolve.main(world.job(name="loan-staging", environment="production"))


def test_without_release_yml_the_name_and_the_address_are_enough(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    world.registry.set_alias("loan", "champion", "1")  # the ledger counts
    assert consumer(world, "loan", *at(world)) == "models:/loan/2"
    assert consumer(world, "loan", *at(world), "--environment", "production") == "models:/loan/2"
    target = str(tmp_path / "model")
    assert consumer(world, "loan", *at(world), "--download", target) == target
    assert consumer(world, "loan", *at(world), "--download", target, "--verify") == target
    (tmp_path / "model" / "model.skops").write_text("EVIL")
    said = consumer(world, "loan", *at(world), "--download", target, "--verify", code=3)
    assert "is not release 2: model.skops was changed" in said


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("loan",), 2, "nothing says where 'loan' is"),
        (("other", "--registry"), 3, "there is no ledger of 'other'"),
        (("loan", "--environment", "staging", "--registry"), 3, "'loan' is loan in production, not in staging"),
        (("loan", "--key", "ed25519:x", "--registry"), 2, "'ed25519:x' is no public key"),
        (("loan", "--key", named(ALPHA).public, "--registry"), 3, "release 1 is unsigned, and it must be signed"),
        (("loan", "--head", "ab" * 32, "--registry"), 3, "the ledger was cut or rewritten"),
        ((), 2, "release.yml"),
    ],
)
def test_what_a_consumer_is_refused(world: World, argv: tuple[str, ...], code: int, words: str) -> None:
    ship(world, "A")
    address = [world.registry.address] if argv[-1:] == ("--registry",) else []
    assert words in consumer(world, *argv, *address, code=code)


def test_an_empty_ledger_has_nothing_for_a_consumer(world: World) -> None:
    world.registry.create_ledger("loan", world.registry.experiment("x"))
    assert "nothing has been released to loan yet" in consumer(world, "loan", *at(world), code=2)


def test_a_consumer_may_ask_for_the_signature(world: World) -> None:
    ship(world, "A")
    production = open_production(world.job())
    head = production.ledger.head()
    assert head is not None
    assert production.run is not None
    changes = {"number": 2, "replaces": 1, "previous": head.digest()}
    production.run.put_once("op-000002", sign(head.model_copy(update=changes), ALPHA).text())
    key = named(ALPHA).public
    found = json.loads(consumer(world, "loan", *at(world), "--key", key, "--json"))
    assert found["signed"] == key
    said = consumer(world, "loan", *at(world), "--key", named(BETA).public, code=3)
    assert "release 2 is signed with another key, and it must be signed with one of the keys given" in said
