"""Deploy, over a real embedded MLflow: what it does, what stops it, and what running it again does."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.asked import waiver
from doubles.small_chain import NAMED, NOW, LocalCI, World, config, decide, rules
from mlflow import MlflowClient

from ci_lib import chain as chains
from ci_lib.approval import Approval
from ci_lib.audit import audit
from ci_lib.candidate import Person
from ci_lib.champion import compared
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.evidence import Champion
from ci_lib.manifest import scan
from ci_lib.production import open_production
from ci_lib.record import digest
from ci_lib.release import Release
from ci_lib.signed import seal


def run(world: World) -> int:
    return deploy.main(world.job(), decide=decide)


def head(world: World) -> Release | None:
    return open_production(world.job()).ledger.head()


def champion(world: World) -> Champion | None:
    now = head(world)
    return compared(now) if now else None


def ship(world: World, content: str) -> Release:
    made = world.train(content, champion=champion(world))
    world.approve(made)
    assert run(world) == Exit.DONE
    return Release.read(world.here / "release.json")


def test_the_first_release_makes_production_model_alias_and_ledger(world: World) -> None:
    made = world.train("A")
    answer = world.approve(made)
    assert run(world) == Exit.DONE
    release = Release.read(world.here / "release.json")
    assert release == head(world)
    assert (release.number, release.replaces, release.previous) == (1, None, None)
    assert release.manifest == made.candidate.manifest.digest()
    assert (release.candidate, release.evidence) == (made.candidate.digest(), made.evidence.digest())
    assert (release.approvals, release.automatic) == ((seal(answer, None).digest(),), False)
    assert (release.actor.id, release.pipeline, release.at, release.reason) == ("dora", "p1", NOW, "looks right")
    assert world.registry.alias("loan", "champion") == world.registry.version("loan", release.model_version)
    assert "release 1: models:/loan@champion is version 1" in world.heard()


def test_production_holds_a_copy_that_the_author_cannot_reach(world: World, tmp_path: Path) -> None:
    made = world.train("A")
    world.approve(made)
    run(world)
    release = Release.read(world.here / "release.json")
    assert f"models:/{release.model_id}" != made.candidate.model_uri
    shutil.rmtree(next((tmp_path / "mlartifacts").rglob(made.candidate.model_uri.removeprefix("models:/"))))
    found = world.registry.download("models:/loan@champion", tmp_path / "consumer")
    assert scan(found).digest() == release.manifest


def test_a_second_release_rests_on_the_first(world: World) -> None:
    one, two = ship(world, "A"), ship(world, "B")
    assert (two.number, two.replaces, two.previous, two.model_version) == (2, 1, one.digest(), "2")
    seen = world.registry.alias("loan", "champion")
    assert seen is not None
    assert (seen.number, seen.model_id) == ("2", two.model_id)


def test_deploying_the_same_release_twice_is_a_no_op_that_says_so(world: World) -> None:
    one = ship(world, "A")
    world.heard()
    world.now += timedelta(days=30)  # long after the approval expired
    (world.here / "release.json").unlink()
    assert run(world) == Exit.DONE
    assert "release 1 is this candidate on these approvals already: nothing to do" in world.heard()
    assert Release.read(world.here / "release.json") == one == head(world)
    assert world.registry.version("loan", "2") is None


def test_a_release_whose_version_somebody_deleted_is_not_called_done(world: World) -> None:
    ship(world, "A")
    client = MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)
    client.delete_model_version("loan", "1")
    with pytest.raises(Refused, match="version 1 of loan is no longer the model of release 1"):
        run(world)


def test_a_deploy_job_that_is_retried_after_a_rollback_does_not_undo_it(world: World) -> None:
    ship(world, "A")
    ship(world, "B")
    rollback.main(world.job(reason="bad"))
    with pytest.raises(Refused, match="was release 2 on the same approvals, and release 3 replaced it") as error:
        run(world)
    assert "rollback --to 2" in error.value.hint


def test_the_same_bytes_can_be_released_again_on_a_new_approval(world: World) -> None:
    ship(world, "A")
    ship(world, "B")
    rollback.main(world.job(reason="bad"))
    again = ship(world, "B")
    assert (again.number, again.action, again.replaces) == (4, "deploy", 3)


def test_a_wrong_alias_is_put_right_first_and_reported(world: World) -> None:
    ship(world, "A")
    ship(world, "B")
    world.registry.set_alias("loan", "champion", "1")
    world.heard()
    assert run(world) == Exit.DONE
    said = world.heard()
    assert "alias 'champion' of loan pointed to version 1, not to version 2 (release 2); put right" in said
    seen = world.registry.alias("loan", "champion")
    assert seen is not None
    assert seen.number == "2"


def test_without_an_approval_it_waits(world: World) -> None:
    world.train("A")
    assert run(world) == Exit.NO_APPROVAL
    said = world.heard()
    assert "0 of 1 approvals" in said
    assert 'next: ml-release approve --as ana --reason "…"' in said
    assert world.registry.ledger("loan") is None


def test_with_too_few_approvals_it_waits(world: World) -> None:
    world.config = config(policy=rules(required=2))
    made = world.train("A")
    world.approve(made)
    assert run(world) == Exit.NO_APPROVAL
    world.approve(made, approver=Person(id="ben", known_from="self-declared"), nonce="b", reason="me too")
    assert run(world) == Exit.DONE
    release = head(world)
    assert release is not None
    assert len(release.approvals) == 2


@pytest.mark.parametrize("sign", ["x", "ä", "😀"])
def test_a_long_reason_does_not_stop_a_release(world: World, sign: str) -> None:
    """The ledger keeps 6,000 characters of an entry: the reason is cut there, the approval has all of it."""
    world.approve(world.train("A"), reason=sign * 4_000)
    assert run(world) == Exit.DONE
    release = head(world)
    assert release is not None
    assert release.reason.startswith(sign * 100)
    assert release.reason.endswith(" …")


def test_a_rejection_ends_it(world: World) -> None:
    world.approve(world.train("A"), decision="rejected", reason="unfair to men")
    assert run(world) == Exit.REJECTED
    assert "ana rejected it: unfair to men" in world.heard()
    assert head(world) is None


def test_a_failed_verdict_is_never_released_whoever_approves(world: World) -> None:
    world.approve(world.train("A", value=0.4))
    assert run(world) == Exit.FAIL
    assert head(world) is None


WAIVABLE = {"waivable": [NAMED], "valid_for": "60 days"}


def test_a_failed_finding_is_released_only_once_it_is_waived_by_name(world: World) -> None:
    world.config = config(policy=rules(**WAIVABLE))
    made = world.train("A", value=0.4)
    assert run(world) == Exit.NO_APPROVAL
    assert "--waive 'roc_auc' --owner" in world.heard()
    world.approve(made)
    assert run(world) == Exit.NO_APPROVAL
    assert f"nobody has waived {NAMED} by name" in world.heard()
    world.approve(made, waivers=(waiver(),), conditions=("look at it monthly",))
    assert run(world) == Exit.DONE
    said = world.heard()
    assert "  waived: roc_auc until 2026-12-20, owner risk team, by ana: rare" in said
    assert "  on condition, ana: look at it monthly" in said


def test_a_waiver_that_ended_before_the_deploy_releases_nothing(world: World) -> None:
    world.config = config(policy=rules(**WAIVABLE))
    made = world.train("A", value=0.4)
    world.approve(made, waivers=(waiver(),), expires_at=NOW + timedelta(days=50))
    world.now = NOW + timedelta(days=27)
    with pytest.raises(Refused, match="the waiver of roc_auc ended on 2026-12-20"):
        run(world)
    assert head(world) is None


def test_a_waiver_of_what_the_policy_does_not_name_releases_nothing(world: World) -> None:
    world.approve(world.train("A", value=0.4), waivers=(waiver(),))
    assert run(world) == Exit.FAIL
    assert head(world) is None


def test_what_may_be_waived_is_part_of_the_policy_that_judged(world: World) -> None:
    made = world.train("A", value=0.4)
    world.config = config(policy=rules(**WAIVABLE))
    world.approve(made, waivers=(waiver(),))
    with pytest.raises(Refused, match="another policy"):
        run(world)


def test_an_automatic_environment_never_releases_a_fail_whatever_may_be_waived(world: World) -> None:
    world.config = config(policy=rules(**WAIVABLE), environments={"production": {"approval": "automatic"}})
    world.approve(world.train("A", value=0.4), waivers=(waiver(),))
    assert run(world) == Exit.FAIL
    assert "next: read the report" in world.heard()
    assert head(world) is None


def test_each_role_must_have_said_yes(world: World) -> None:
    roles = {"approvers": {"data-science": ["ana"], "risk": ["ben"]}, "required": {"data-science": 1, "risk": 1}}
    world.config = config(policy=rules(**roles))
    made = world.train("A")
    world.approve(made)
    assert run(world) == Exit.NO_APPROVAL
    said = world.heard()
    assert "1 of 2 approvals; still needed: risk: 1 of ben" in said
    assert "next: ml-release approve --as ben" in said
    world.approve(made, approver=Person(id="ben", known_from="self-declared"), nonce="b")
    assert run(world) == Exit.DONE


def test_a_no_after_enough_said_yes_stops_the_deploy(world: World) -> None:
    made = world.train("A")
    world.approve(made)
    world.reject(made)
    assert run(world) == Exit.REJECTED
    assert "ben rejected it: not yet" in world.heard()
    assert head(world) is None


def test_a_no_that_comes_while_the_bytes_are_copied_stops_the_deploy(world: World) -> None:
    made = world.train("A")
    world.approve(made)
    plain = world.open_registry
    world.open_registry = lambda uri: Meddling(plain(uri), lambda: world.reject(made))  # type: ignore[assignment, return-value]  # a registry to those who use it
    assert run(world) == Exit.REJECTED
    world.open_registry = plain
    assert "ben rejected it: not yet" in world.heard()
    assert head(world) is None
    assert world.registry.alias("loan", "champion") is None


@dataclass
class Hearing(LocalCI):
    """A CI system in which somebody says no after the deploy has begun."""

    asked: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def confirm(self, approvals: Sequence[Approval], approvers: Collection[str]) -> None:
        self.asked.append((len(approvals), tuple(approvers)))
        if len(self.asked) > 1:
            message = "somebody played reject"
            raise Refused(message, "look at the pipeline")


def test_the_ci_system_is_asked_again_before_anything_is_written(world: World) -> None:
    roles = {"approvers": {"data-science": ["ana"], "risk": ["ben"]}, "required": {"data-science": 1, "risk": 1}}
    world.config = config(policy=rules(**roles))
    made = world.train("A")
    world.ci = hearing = Hearing()
    world.approve(made)
    assert run(world) == Exit.NO_APPROVAL
    assert hearing.asked == [], "there is nothing to confirm yet"
    world.approve(made, approver=Person(id="ben", known_from="self-declared"), nonce="b")
    with pytest.raises(Refused, match="somebody played reject"):
        run(world)
    assert hearing.asked == [(2, ("ana", "ben"))] * 2
    assert head(world) is None


def test_a_no_that_is_none_of_this_question_does_not_stop_what_is_being_released(world: World) -> None:
    world.approve(world.train("A"))
    made = world.train("A")
    world.approve(made)
    other = made.evidence.model_copy(update={"threshold": 0.4})
    plain = world.open_registry

    def meddle() -> None:
        world.reject(replace(made, evidence=other))

    world.open_registry = lambda uri: Meddling(plain(uri), meddle)  # type: ignore[assignment, return-value]  # a registry to those who use it
    assert run(world) == Exit.DONE


def test_a_no_after_the_release_changes_nothing_and_says_what_to_do(world: World) -> None:
    made = world.train("A")
    world.approve(made)
    run(world)
    world.reject(made)
    world.heard()
    assert run(world) == Exit.DONE
    said = world.heard()
    assert "said no after it was released; to take it back: ml-release rollback" in said
    assert "nothing to do" in said
    assert len(open_production(world.job()).ledger.entries()) == 1


def test_an_inconclusive_finding_must_be_accepted_by_name(world: World) -> None:
    made = world.train("A", value=0.6)
    world.approve(made)
    assert run(world) == Exit.NO_APPROVAL
    assert f"nobody has accepted {NAMED} by name" in world.heard()
    world.approve(made, accepted=(NAMED,))
    assert run(world) == Exit.DONE


def test_an_automatic_environment_needs_a_pass_and_says_so_in_the_ledger(world: World) -> None:
    world.config = config(environments={"staging": {"approval": "automatic"}, "production": {}})
    world.environment = "staging"
    world.train("A", value=0.6)
    assert run(world) == Exit.INCONCLUSIVE
    world.train("A", value=0.4)
    assert run(world) == Exit.FAIL
    world.train("A")
    assert run(world) == Exit.DONE
    release = head(world)
    assert release is not None
    assert (release.automatic, release.approvals, release.reason) == (True, (), "approval: automatic")
    assert world.registry.alias("loan-staging", "champion") is not None
    assert run(world) == Exit.DONE
    assert "nothing to do" in world.heard()


def test_a_candidate_is_promoted_through_environments_with_registries_of_their_own(
    world: World, tmp_path: Path, migrated: Path
) -> None:
    shutil.copy(migrated, tmp_path / "prod.db")
    environments = {"staging": {"approval": "automatic"}, "production": {"registry": "sqlite:///prod.db"}}
    world.config = config(environments=environments)
    made = world.train("A")
    world.environment = "staging"
    assert run(world) == Exit.DONE
    world.environment = "production"
    world.approve(made)
    assert run(world) == Exit.DONE
    assert world.registry.registered("loan", "champion").exists is False
    assert world.open_registry("sqlite:///prod.db").alias("loan", "champion") is not None
    assert world.open_registry("sqlite:///prod.db").registered("loan-staging", "champion").exists is False


def test_nothing_goes_past_an_environment_that_has_not_released_it_or_took_it_back(world: World) -> None:
    world.config = config(environments={"staging": {"approval": "automatic"}, "production": {}})
    world.approve(world.train("A"))
    with pytest.raises(Refused, match="staging first, and the bytes") as error:
        run(world)
    assert error.value.hint == "ml-release deploy --environment staging"
    world.environment = "staging"
    assert run(world) == Exit.DONE
    world.environment = "production"
    assert run(world) == Exit.DONE
    again = world.train("B", champion=champion(world))
    world.environment = "staging"
    assert run(world) == Exit.DONE
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    world.environment = "production"
    world.approve(again)
    with pytest.raises(Refused, match="a rollback of staging has left the bytes"):
        run(world)


def test_evidence_that_is_older_than_the_champion_is_stale(world: World) -> None:
    made = world.train("B")
    world.approve(made)
    shutil.copytree(world.project / "release", world.project / "late")
    ship(world, "A")
    shutil.rmtree(world.project / "release")
    shutil.move(world.project / "late", world.project / "release")
    with pytest.raises(Refused, match="the champion changed since validation: it was none and is release 1 now"):
        run(world)


def test_an_approval_works_once(world: World) -> None:
    used = world.approve(world.train("A"), nonce="once")
    run(world)
    made = world.train("B", champion=champion(world))
    world.approve(made, nonce=used.nonce)
    with pytest.raises(Refused, match="already used for another release"):
        run(world)


def test_a_candidate_that_was_changed_after_validation_is_refused(world: World, tmp_path: Path) -> None:
    made = world.train("A")
    world.approve(made)
    folder = next((tmp_path / "mlartifacts").rglob(made.candidate.model_uri.removeprefix("models:/")))
    next(folder.rglob("model.skops")).write_text("EVIL")
    with pytest.raises(Refused, match=r"no longer what was validated and approved: model\.skops was changed"):
        run(world)
    assert head(world) is None
    assert world.registry.alias("loan", "champion") is None


def test_a_file_that_was_added_after_validation_is_refused_whatever_it_is_called(world: World, tmp_path: Path) -> None:
    """MLflow writes a file of this name itself, and MLmodel could name it as the one to load."""
    made = world.train("A")
    world.approve(made)
    folder = next((tmp_path / "mlartifacts").rglob(made.candidate.model_uri.removeprefix("models:/")))
    (next(folder.rglob("MLmodel")).parent / "registered_model_meta").write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(Refused, match="registered_model_meta is new"):
        run(world)
    assert head(world) is None


def test_a_candidate_that_is_gone_is_refused(world: World, tmp_path: Path) -> None:
    made = world.train("A")
    world.approve(made)
    folder = next((tmp_path / "mlartifacts").rglob(made.candidate.model_uri.removeprefix("models:/")))
    shutil.rmtree(folder)
    with pytest.raises(Refused, match="does not have it: No such artifact"):
        run(world)
    assert head(world) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("evidence.json", '"threshold": 0.5', '"threshold": 0.6', "decision.json is about other evidence"),
        ("candidate.json", '"seed": 0', '"seed": 1', "evidence.json is about another candidate"),
        ("dataset.json", "loans.csv", "loans2.csv", "trained on another dataset"),
        ("decision.json", '"sentence": "0.8"', '"sentence": "0.9"', "the policy makes another decision"),
        ("report/index.html", "<html>", "<HTML>", "something else: report changed since"),
        ("evidence.json", "{", " {", "not in canonical form"),
        ("decision.json", '"pass"', '"passed"', "is not a valid Decision record"),
    ],
)
def test_a_changed_file_is_refused(world: World, file: str, old: str, new: str, words: str) -> None:
    world.approve(world.train("A"))
    path = world.project / "release" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(Refused, match=words):
        run(world)
    assert head(world) is None


def test_without_a_key_an_approval_is_as_good_as_its_file(world: World) -> None:
    """On a laptop: only a signature could tell."""
    made = world.approve(world.train("A"))
    path = next((world.here / "approvals").glob("*.json"))
    seal(made.model_copy(update={"reason": "somebody else's words"}), None).write(path)
    assert run(world) == Exit.DONE


@pytest.mark.parametrize("file", chains.FILES)
def test_a_missing_record_is_bad_input_that_names_the_stage(world: World, file: str) -> None:
    world.approve(world.train("A"))
    (world.project / "release" / file).unlink()
    with pytest.raises(BadInput) as error:
        run(world)
    assert error.value.hint.startswith("ml-release ")


@pytest.mark.parametrize("with_alias", [True, False])
def test_a_production_model_without_a_ledger_is_refused(world: World, with_alias: bool) -> None:
    made = world.train("A")
    world.approve(made)
    number = world.registry.create_version("loan", made.candidate.model_uri.removeprefix("models:/"))
    if with_alias:
        world.registry.set_alias("loan", "champion", number)
    with pytest.raises(Refused, match="has no ledger") as error:
        run(world)
    assert "environments.production.name" in error.value.hint


def test_two_environments_that_share_one_model_are_refused(world: World) -> None:
    shared = {"staging": {"name": "loan", "approval": "automatic"}, "production": {}}
    world.config = config(environments=shared)
    world.environment = "staging"
    made = world.train("A")
    run(world)
    world.environment = "production"
    world.approve(made)
    with pytest.raises(Refused, match="entry 1 is about loan in staging") as error:
        run(world)
    assert "its own name:" in error.value.hint


def test_the_records_of_a_release_are_kept_beside_the_ledger(world: World, tmp_path: Path) -> None:
    release = ship(world, "A")
    kept = open_production(world.job()).attached(release, tmp_path / "kept")
    assert kept is not None
    names = sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file())
    assert names == [
        "approvals/1.json", "candidate.json", "dataset.json", "decision.json", "evidence.json", "golden.json",
        "index.html",
    ]  # fmt: skip
    assert digest((kept / "golden.json").read_bytes()) == release.golden


class Meddling:
    """A registry in whose uploads somebody overwrites or removes the files that deploy has read already."""

    def __init__(self, registry: Any, meddle: Callable[[], None]) -> None:
        self._registry = registry
        self._meddle = meddle

    def __getattr__(self, name: str) -> Any:
        """Return the registry's own."""
        return getattr(self._registry, name)

    def download(self, *args: Any, **kwargs: Any) -> Any:
        self._meddle()
        return self._registry.download(*args, **kwargs)


def test_what_is_kept_is_what_was_checked_whatever_happens_to_the_files_meanwhile(world: World, tmp_path: Path) -> None:
    world.approve(world.train("A"))
    chain = tmp_path / "release"

    def meddle() -> None:
        for path in [path for path in chain.rglob("*") if path.is_file()]:
            path.write_bytes(b"EVIL")

    plain = world.open_registry
    world.open_registry = lambda uri: Meddling(plain(uri), meddle)  # type: ignore[assignment, return-value]  # a registry to those who use it
    assert run(world) == Exit.DONE
    world.open_registry = plain
    assert audit(world.job()) == ()


def test_a_report_that_changes_while_it_is_released_stops_the_deploy(world: World, tmp_path: Path) -> None:
    world.approve(world.train("A"))

    def meddling(*about: Any) -> Any:
        (tmp_path / "release" / "report" / "index.html").write_bytes(b"EVIL")
        return decide(*about)

    with pytest.raises(Refused, match="changed while it was being released"):
        deploy.main(world.job(), decide=meddling)
    assert head(world) is None


def test_the_real_judge_is_asked_unless_a_test_brings_its_own(world: World) -> None:
    world.approve(world.train("A", value=0.4))
    calls: list[Any] = []

    def judge(*about: Any) -> Any:
        calls.append(about)
        return decide(*about)

    deploy.main(world.job(), decide=judge)
    assert len(calls) == 1
