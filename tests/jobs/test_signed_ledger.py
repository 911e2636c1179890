"""Deploy and rollback that sign the ledger, and what status and audit say of it, over a real embedded MLflow."""

import json
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from doubles.signers import ALPHA, BETA, named
from doubles.small_chain import CONFIG, World, config, decide

from ci_lib import audit, status
from ci_lib.champion import compared
from ci_lib.entry import sign
from ci_lib.errors import Exit, Refused
from ci_lib.ledger import Ledger
from ci_lib.production import open_production
from ci_lib.trusted import VerifyKey

GATE = named(BETA, "gate").model_copy(update={"role": "approve"})


def trusting(*keys: VerifyKey, **production: Any) -> Any:
    """Return the config whose policy names these keys."""
    policy: Any = CONFIG["policy"]
    listed = [key.model_dump(mode="json") for key in keys]
    approval = policy["approval"] | {"keys": listed}
    return config(policy=policy | {"approval": approval}, environments={"production": production})


def hold(world: World, key: Ed25519PrivateKey | None) -> None:
    """Give the job a private key, or none."""
    world.env.clear()
    if key is not None:
        path = world.project / "key.pem"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        world.env["ML_RELEASE_SIGNING_KEY"] = str(path)


def train(world: World, content: str) -> None:
    head = Ledger(open_production(world.job()).run, model=None, environment=None).head()
    world.approve(world.train(content, champion=compared(head) if head else None))


def ship(world: World, *contents: str) -> None:
    for content in contents:
        train(world, content)
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()


def problems(world: World) -> str:
    world.heard()
    audit.main(world.job(json=True))
    return " | ".join(each["what"] for each in json.loads(world.heard()))


@pytest.fixture
def signed(world: World) -> World:
    """Return a world whose ledger is signed from the start, with one release."""
    automatic = {"approval": "automatic"}
    world.config = trusting(named(ALPHA), **automatic)
    hold(world, ALPHA)
    ship(world, "A")
    return world


def test_deploy_and_rollback_sign_and_status_and_audit_say_so(signed: World) -> None:
    ship(signed, "B")
    assert rollback.main(signed.job(reason="bad")) == Exit.DONE
    entries = open_production(signed.job()).ledger.signed()
    assert [each.signed_by(named(ALPHA).public) for each in entries] == [True] * 3
    signed.heard()
    status.main(signed.job())
    assert "  ledger    signed with deployer\n" in signed.heard()
    assert audit.main(signed.job()) == Exit.DONE
    assert "unsigned" not in signed.heard()


def test_status_of_an_unsigned_ledger_says_unsigned_in_one_line(world: World) -> None:
    ship(world, "A")
    status.main(world.job())
    assert "  ledger    unsigned: release.yml names no key of role deploy\n" in world.heard()


@pytest.mark.parametrize("key", [None, BETA])
def test_without_the_key_nothing_moves_and_nothing_is_made(world: World, key: Ed25519PrivateKey | None) -> None:
    world.config = trusting(named(ALPHA), approval="automatic")
    hold(world, key)
    world.train("A")
    with pytest.raises(Refused, match=r"none to sign the ledger with|is not one that release\.yml names as deploy"):
        deploy.main(world.job(), decide=decide)
    assert world.registry.ledger("loan") is None
    assert not world.registry.registered("loan", "champion").exists


def test_a_rollback_without_the_key_is_refused(signed: World) -> None:
    ship(signed, "B")
    hold(signed, None)
    with pytest.raises(Refused, match="none to sign the ledger with") as error:
        rollback.main(signed.job(reason="bad"))
    assert "ML_RELEASE_SIGNING_KEY=KEYFILE" in error.value.hint


def test_a_ledger_that_began_unsigned_is_taken_over_with_the_line_that_the_refusal_prints(world: World) -> None:
    world.config = trusting(approval="automatic")
    ship(world, "A", "B")
    world.config = trusting(named(ALPHA), approval="automatic")
    hold(world, ALPHA)
    with pytest.raises(Refused, match="entry 1 is unsigned") as error:
        deploy.main(world.job(), decide=decide)
    digest = error.value.hint.rpartition("unsigned_until: ")[2]
    world.config = trusting(named(ALPHA), approval="automatic", unsigned_until=digest)
    ship(world, "C")
    assert audit.main(world.job()) == Exit.DONE


def test_keys_that_are_taken_out_of_release_yml_stop_deploys_and_show_in_the_audit(signed: World) -> None:
    signed.config = trusting(approval="automatic")
    assert "release 1 is signed with a key that release.yml does not name" in problems(signed)
    train(signed, "B")
    with pytest.raises(Refused, match=r"release 1 is signed, and release\.yml names no key of role deploy any more"):
        deploy.main(signed.job(), decide=decide)
    status.main(signed.job())
    assert "  ledger    signed with a key that release.yml does not name: ml-release audit\n" in signed.heard()


@pytest.mark.parametrize("trusted", [(named(ALPHA),), ()])
@pytest.mark.parametrize(
    ("key", "words"), [(None, "entry 2 is unsigned"), (BETA, "a key that release.yml does not name")]
)
def test_an_entry_that_an_intruder_wrote_is_reported_and_stops_deploys(
    signed: World, key: Ed25519PrivateKey | None, words: str, trusted: tuple[VerifyKey, ...]
) -> None:
    production = open_production(signed.job())
    head = production.ledger.head()
    assert head is not None
    assert production.run is not None
    changes = {"number": 2, "replaces": 1, "previous": head.digest()}
    production.run.put_once("op-000002", sign(head.model_copy(update=changes), key).text())
    signed.config = trusting(*trusted, approval="automatic")
    assert words in problems(signed)
    signed.train("B")
    with pytest.raises(Refused):
        deploy.main(signed.job(), decide=decide)


def test_the_gates_key_does_not_sign_releases(world: World) -> None:
    """Only a key of role deploy does; one variable serves both jobs."""
    world.config = trusting(GATE, approval="automatic")
    hold(world, BETA)
    ship(world, "A")
    entry = open_production(world.job()).ledger.signed_head()
    assert entry is not None
    assert entry.signatures == ()
