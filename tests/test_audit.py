"""The audit finds each thing that MLflow lets happen."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.asked import waiver
from doubles.small_chain import World, config, decide, rules

from ci_lib import audit
from ci_lib.champion import compared
from ci_lib.errors import Exit
from ci_lib.production import open_production
from ci_lib.record import digest


@pytest.fixture
def released(world: World) -> World:
    """Return a world with releases 1 (A), 2 (B) and 3 (back to 1)."""
    for content in "AB":
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=compared(head) if head else None))
        deploy.main(world.job(), decide=decide)
    rollback.main(world.job(reason="bad"))
    world.heard()
    return world


def client(world: World) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)


def ledger_folder(world: World, release: int) -> Path:
    entry = open_production(world.job()).ledger.entries()[release - 1]
    return next((world.project / "mlartifacts").rglob(entry.op.removeprefix("sha256:")))


def test_where_everything_agrees_it_says_so(released: World) -> None:
    assert audit.main(released.job()) == Exit.DONE
    assert released.heard() == (
        "alias, ledger, records and bytes of loan in production agree\n"
        "the ledger is unsigned: release.yml names no key of role deploy\n"
    )
    assert audit.main(released.job(json=True)) == Exit.DONE
    assert json.loads(released.heard()) == []


def test_before_the_first_release_there_is_nothing_wrong(world: World) -> None:
    assert audit.main(world.job()) == Exit.DONE


def move_alias(world: World) -> None:
    world.registry.set_alias("loan", "champion", "2")


def delete_version(world: World) -> None:
    client(world).delete_model_version("loan", "1")


def change_champion(world: World) -> None:
    model_id = open_production(world.job()).ledger.entries()[-1].model_id
    next(next((world.project / "mlartifacts").rglob(model_id)).rglob("model.skops")).write_text("EVIL")


def empty_champion(world: World) -> None:
    model_id = open_production(world.job()).ledger.entries()[-1].model_id
    for path in next((world.project / "mlartifacts").rglob(model_id)).rglob("*"):
        if path.is_file():
            path.unlink()


def change_approval(world: World) -> None:
    (ledger_folder(world, 2) / "approvals" / "1.json").write_text("{}")


def change_report(world: World) -> None:
    (ledger_folder(world, 2) / "index.html").write_text("<html>all is well")


def change_decision(world: World) -> None:
    path = ledger_folder(world, 2) / "decision.json"
    path.write_text(path.read_text().replace("0.8", "0.9"))


def change_dataset(world: World) -> None:
    (ledger_folder(world, 2) / "dataset.json").unlink()


def release_on_another_approval(world: World) -> None:
    """Append by hand what the approval of release 2 was not about."""
    production = open_production(world.job())
    two, head = production.ledger.entries()[1:3]
    forged = two.model_copy(
        update={
            "number": 4,
            "replaces": 3,
            "previous": head.digest(),
            "op": digest(b"forged"),
            "candidate": digest(b"forged"),
        }
    )
    assert production.run is not None
    kept = ledger_folder(world, 2)
    production.attach(
        forged.op,
        {path.relative_to(kept).as_posix(): path.read_bytes() for path in kept.rglob("*") if path.is_file()},
    )
    production.ledger.append(forged.op, lambda _: forged)
    production.project()
    (ledger_folder(world, 4) / "candidate.json").write_bytes(b"forged")


def delete_golden(world: World) -> None:
    (ledger_folder(world, 1) / "golden.json").unlink()


def change_evidence(world: World) -> None:
    path = ledger_folder(world, 2) / "evidence.json"
    path.write_text(path.read_text().replace("0.8", "0.9"))


def delete_records(world: World) -> None:
    ledger_folder(world, 1).rename(world.project / "gone")


def add_junk(world: World) -> None:
    run = open_production(world.job()).run
    assert run is not None
    run.put_once("op-000004", "junk")


def delete_ledger_run(world: World) -> None:
    run = open_production(world.job()).run
    assert run is not None
    client(world).delete_run(run.run_id)


def delete_ledger_model(world: World) -> None:
    client(world).delete_registered_model("ledger--loan")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (move_alias, "alias 'champion' of loan pointed to version 2, not to version 1 (release 3); put right"),
        (delete_version, "version 1 of loan is no longer the model of release 3"),
        (change_champion, "THE CHAMPION IS NOT WHAT WAS RELEASED"),
        (empty_champion, "THE CHAMPION IS NOT WHAT WAS RELEASED"),
        (change_approval, "an approval of release 2 is missing or changed"),
        (change_report, "index.html of release 2 is missing, or not what ana approved"),
        (change_decision, "decision.json of release 2 is missing, or not what ana approved"),
        (change_dataset, "dataset.json of release 2 is missing or changed"),
        (release_on_another_approval, "an approval of release 4 is no approval of what was released"),
        (delete_golden, "golden.json of release 1 is missing or changed"),
        (change_evidence, "evidence.json of release 2 is missing or changed"),
        (delete_records, "the records of release 1 are gone"),
        (add_junk, "entry 4 is not a release that ml-release wrote"),
        (delete_ledger_run, "somebody deleted the ledger"),
        (delete_ledger_model, "has no ledger"),
    ],
)
def test_each_harm_is_found_and_comes_with_what_to_do(
    released: World, harm: Callable[[World], None], words: str
) -> None:
    harm(released)
    assert audit.main(released.job(json=True)) == Exit.REFUSED
    problems = json.loads(released.heard())
    assert [words in problem["what"] for problem in problems] == [True]
    assert problems[0]["hint"]


def test_a_wrong_alias_is_put_right_and_reported_once(released: World) -> None:
    move_alias(released)
    assert audit.main(released.job()) == Exit.REFUSED
    assert "put right\n  next: find out who moved it" in released.heard()
    assert audit.main(released.job()) == Exit.DONE


def test_several_harms_are_all_reported(released: World) -> None:
    for harm in (move_alias, change_champion, delete_golden):
        harm(released)
    assert audit.main(released.job()) == Exit.REFUSED
    assert released.heard().count("  next: ") == 3


def test_a_champion_on_nobodys_word_is_reported_where_a_person_is_asked(world: World) -> None:
    """Whoever runs the job can say ``--set environments.production.approval=automatic``; the ledger remembers."""
    asked = world.config
    world.config = config(environments={"production": {"approval": "automatic"}})
    world.train("A")
    deploy.main(world.job(), decide=decide)
    assert audit.main(world.job()) == Exit.DONE
    world.config = asked
    world.heard()
    assert audit.main(world.job()) == Exit.REFUSED
    assert "release 1 is in production on nobody's approval, and release.yml asks for one" in world.heard()


def test_a_waiver_that_has_ended_is_a_problem_of_what_is_in_production(world: World) -> None:
    world.config = config(policy=rules(waivable=["roc_auc"]))
    world.approve(world.train("A", value=0.4), waivers=(waiver(),))
    deploy.main(world.job(), decide=decide)
    assert audit.main(world.job()) == Exit.DONE
    world.now += timedelta(days=27)
    world.heard()
    assert audit.main(world.job()) == Exit.REFUSED
    said = world.heard()
    assert "the waiver of roc_auc in release 1 ended on 2026-12-20; owner: risk team" in said
    assert "next: ask the owner" in said
    head = open_production(world.job()).ledger.head()
    assert head
    world.now -= timedelta(days=27)
    world.approve(world.train("B", champion=compared(head)))
    deploy.main(world.job(), decide=decide)
    world.now += timedelta(days=27)
    assert audit.main(world.job()) == Exit.DONE, "what is no longer in production needs no waiver"


def test_a_deleted_champion_comes_with_the_command_that_brings_it_back(released: World) -> None:
    delete_version(released)
    assert audit.main(released.job()) == Exit.REFUSED
    said = released.heard()
    head = open_production(released.job()).ledger.entries()[-1]
    assert "not put right" in said
    assert f"ml-release rollback --to {head.number} --reason" in said
    assert rollback.main(released.job(to=head.number, reason="the version was deleted")) == Exit.DONE
    assert audit.main(released.job()) == Exit.DONE
