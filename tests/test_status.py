"""Status and history, as people and programs read them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.asked import waiver
from doubles.small_chain import World, config, decide, rules

from ci_lib import history, status
from ci_lib.champion import compared
from ci_lib.errors import Exit
from ci_lib.production import open_production


def ship(world: World, *contents: str) -> None:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        made = world.train(content, champion=compared(head) if head else None)
        if world.job().target.approval == "required":
            world.approve(made)
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()


def shown(world: World) -> str:
    assert status.main(world.job()) == Exit.DONE
    return world.heard()


def test_before_anything_there_is_nothing(world: World) -> None:
    assert shown(world) == (
        "loan in production\n  champion  none: nothing has been released yet\n  waiting   nothing\n"
    )
    assert history.main(world.job()) == Exit.DONE
    assert world.heard() == "nothing has been released to production yet\n"


def test_the_champion_is_shown_with_its_approval(world: World) -> None:
    ship(world, "A")
    said = shown(world)
    assert "champion  release 1: models:/loan@champion, version 1, bytes " in said
    assert "since     2026-11-24 12:00 UTC, deploy by dora" in said
    assert "because   approved by ana" in said
    assert "waiting   nothing" in said
    assert "WARNING" not in said


def test_a_rollback_is_shown_with_its_reason_and_the_approval_it_goes_back_to(world: World) -> None:
    ship(world, "A", "B")
    rollback.main(world.job(reason="approves nobody"))
    world.heard()
    said = shown(world)
    assert "because   rolled back by dora to release 1 (approves nobody), approved by ana" in said
    assert "waiting   nothing" in said


def test_an_automatic_release_says_that_nobody_signed(world: World) -> None:
    world.config = config(environments={"production": {"approval": "automatic"}})
    ship(world, "A")
    assert "approved by nobody: the environment says approval: automatic" in shown(world)


def test_an_alias_that_points_elsewhere_is_a_warning(world: World) -> None:
    ship(world, "A", "B")
    world.registry.set_alias("loan", "champion", "1")
    assert "WARNING   the alias points somewhere else: ml-release audit" in shown(world)


def waived(world: World) -> None:
    """Release a candidate that failed, on a waiver until the 20th of December."""
    world.config = config(policy=rules(waivable=["roc_auc"]))
    world.approve(world.train("A", value=0.4), waivers=(waiver(),), conditions=("look at it\nmonthly",))
    assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()


@pytest.mark.parametrize("look", [status, history])
def test_what_the_champions_approvers_let_pass_and_expect_is_shown(world: World, look: Any) -> None:
    waived(world)
    look.main(world.job())
    said = world.heard()
    assert "  waived    roc_auc until 2026-12-20, owner risk team, by ana: rare\n" in said
    assert "  expected  ana: look at it monthly\n" in said
    world.now += timedelta(days=27)
    look.main(world.job())
    assert "  waived    roc_auc EXPIRED on 2026-12-20" in world.heard()


def test_after_a_rollback_the_waivers_are_those_of_what_is_back(world: World) -> None:
    waived(world)
    ship(world, "B")
    assert "waived" not in shown(world)
    rollback.main(world.job(reason="slow"))
    world.heard()
    assert "  waived    roc_auc until 2026-12-20" in shown(world)
    status.main(world.job(json=True))
    record = json.loads(world.heard())["champion"]
    assert [(each["finding"], each["by"], each["expired"]) for each in record["waivers"]] == [("roc_auc", "ana", False)]


def test_a_fail_that_may_be_waived_waits_at_the_gate(world: World) -> None:
    world.config = config(policy=rules(waivable=["roc_auc"]))
    world.train("A", value=0.4)
    said = shown(world)
    assert "verdict fail: 0 of 1 approvals" in said
    assert "--waive 'roc_auc'" in said
    world.config = config(policy=rules(waivable=["roc_auc"]), environments={"production": {"approval": "automatic"}})
    assert "verdict fail: it goes no further" in shown(world)


def test_lost_approvals_are_said(world: World) -> None:
    ship(world, "A")
    for path in (world.project / "mlartifacts").rglob("1.json"):
        path.write_text("{}")
    assert "its approvals are missing or changed: ml-release audit" in shown(world)
    assert history.main(world.job()) == Exit.DONE
    said = world.heard()
    assert said.startswith("release  when")
    assert "waivers and conditions are not known" in said


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.8, "verdict pass: 0 of 1 approvals"),
        (0.6, "verdict inconclusive: 0 of 1 approvals"),
        (0.4, "verdict fail: it goes no further"),
    ],
)
def test_what_waits_at_the_gate_is_shown(world: World, value: float, words: str) -> None:
    world.train("A", value=value)
    assert words in shown(world)


def test_answers_so_far_are_shown(world: World) -> None:
    world.approve(world.train("A"))
    assert "approved by ana" in shown(world)
    status.main(world.job(json=True))
    assert json.loads(world.heard())["waiting"]["approvals"] == ["ana: approved"]


def test_an_automatic_environment_waits_for_a_deploy(world: World) -> None:
    world.config = config(environments={"production": {"approval": "automatic"}})
    world.train("A")
    said = shown(world)
    assert "verdict pass: a pass needs no approval here" in said
    assert "  next      ml-release deploy\n" in said


def test_an_automatic_environment_says_how_an_inconclusive_candidate_goes_on(world: World) -> None:
    world.config = config(environments={"production": {"approval": "automatic"}})
    world.train("A", value=0.6)
    said = shown(world)
    assert "production releases only a pass by itself" in said
    assert "environments.production.approval: required in release.yml" in said
    assert "ml-release deploy" not in said


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (0.8, 'ml-release approve --as ana --reason "…"\n'),
        (0.6, "ml-release approve --as ana --reason \"…\" --accept 'roc_auc'\n"),
        (0.4, "ml-release run\n"),
    ],
)
def test_what_waits_comes_with_the_command_that_goes_on(world: World, value: float, command: str) -> None:
    world.train("A", value=value)
    assert shown(world).endswith(command)


def test_status_as_json_is_one_record(world: World) -> None:
    ship(world, "A")
    status.main(world.job(json=True))
    record = status.Status.model_validate_json(world.heard())
    assert record.champion is not None
    assert (record.champion.release, record.champion.approved_by, record.champion.alias_agrees) == (1, ("ana",), True)
    assert record.waiting is None


def test_history_is_a_table_with_the_newest_release_first(world: World) -> None:
    ship(world, "A", "B")
    rollback.main(world.job(reason="approves\nnobody"))
    world.heard()
    history.main(world.job())
    lines = world.heard().splitlines()
    assert lines[0].split() == ["release", "when", "what", "bytes", "version", "by", "approvals", "why"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "1"]
    assert "rollback to 1" in lines[1]
    assert lines[1].endswith("-          approves nobody")
    assert "  dora  1          looks right" in lines[2]


def test_history_marks_what_nobody_signed(world: World) -> None:
    world.config = config(environments={"production": {"approval": "automatic"}})
    ship(world, "A")
    history.main(world.job())
    assert "  automatic  approval: automatic" in world.heard()


def test_history_as_json_is_the_ledger(world: World) -> None:
    ship(world, "A", "B")
    history.main(world.job(json=True))
    expected = [entry.model_dump(mode="json") for entry in open_production(world.job()).ledger.entries()]
    assert json.loads(world.heard()) == expected
