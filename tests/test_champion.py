"""What is in production and what was kept with it, over a real embedded MLflow."""

from pathlib import Path

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.small_chain import World, decide

from ci_lib import champion
from ci_lib.errors import BadInput, Refused
from ci_lib.manifest import scan
from ci_lib.production import Production, folder, open_production


def ship(world: World, *contents: str) -> Production:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=champion.compared(head) if head else None))
        deploy.main(world.job(), decide=decide)
    return open_production(world.job())


def overwrite(production: Production, tmp_path: Path, name: str, text: str) -> None:
    """Change a record that was kept with the newest release."""
    head = production.ledger.head()
    assert head is not None
    assert production.run is not None
    changed = tmp_path / Path(name).name
    changed.write_text(text)
    production.run.attach([changed], f"{folder(head.op)}/{Path(name).parent}".removesuffix("/."))


def test_consumers_get_what_the_ledger_says(world: World, tmp_path: Path) -> None:
    production = ship(world, "A", "B")
    release = champion.resolve(production)
    assert (release.number, production.uri) == (2, "models:/loan@champion")
    assert scan(production.fetch(release, tmp_path / "x")).digest() == release.manifest


def test_before_the_first_release_there_is_no_champion(world: World) -> None:
    with pytest.raises(BadInput, match="nothing has been released to production"):
        champion.resolve(open_production(world.job()))


def test_an_alias_that_points_elsewhere_is_refused_not_followed(world: World) -> None:
    production = ship(world, "A", "B")
    world.registry.set_alias("loan", "champion", "1")
    with pytest.raises(Refused, match=r"is version 1, and the ledger says version 2 \(release 2\)"):
        champion.resolve(production)


def test_changed_bytes_are_refused(world: World, tmp_path: Path) -> None:
    production = ship(world, "A")
    release = champion.resolve(production)
    next(next((tmp_path / "mlartifacts").rglob(release.model_id)).rglob("model.skops")).write_text("EVIL")
    with pytest.raises(Refused, match="the bytes of release 1 are not those that were released"):
        production.fetch(release, tmp_path / "x")


def test_golden_predictions_and_approvals_come_back_as_the_ledger_names_them(world: World) -> None:
    production = ship(world, "A")
    release = champion.resolve(production)
    assert champion.golden(production, release).outputs == (0.25, 0.8)
    assert [approval.approver.id for approval in champion.approvals(production, release)] == ["ana"]


def test_a_rollback_has_those_of_the_release_that_it_restored(world: World) -> None:
    ship(world, "A", "B", "C")
    rollback.main(world.job(reason="bad", to=1))
    world.ci.session = "p2"
    rollback.main(world.job(reason="worse", to=2))
    rollback.main(world.job(reason="no, the first", to=4))
    production = open_production(world.job())
    release = champion.resolve(production)
    assert champion.origin(production, release).number == 1
    assert champion.golden(production, release).digest() == release.golden
    assert len(champion.approvals(production, release)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "not a valid Golden record"),
        ('{\n  "inputs": "{}",\n  "outputs": [],\n  "tolerance": 1e-06\n}\n', "not those"),
    ],
)
def test_changed_golden_predictions_are_refused(world: World, tmp_path: Path, text: str, words: str) -> None:
    production = ship(world, "A")
    overwrite(production, tmp_path, "golden.json", text)
    with pytest.raises(Refused, match=words):
        champion.golden(production, champion.resolve(production))


def test_records_that_are_gone_are_refused(world: World) -> None:
    production = ship(world, "A")
    release = champion.resolve(production).model_copy(update={"op": "sha256:" + "0" * 64})
    with pytest.raises(Refused, match="golden predictions of release 1 are gone"):
        champion.golden(production, release)
    with pytest.raises(Refused, match="1 of 1 approvals of release 1 are missing or changed"):
        champion.approvals(production, release)


def test_an_automatic_release_has_no_approvals_to_look_for(world: World) -> None:
    production = ship(world, "A")
    release = champion.resolve(production).model_copy(update={"approvals": ()})
    assert champion.approvals(production, release) == ()
