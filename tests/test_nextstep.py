"""What is offered to type next can be typed: it names the environment, the approver and the findings, quoted."""

import shlex
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from doubles.small_chain import CONFIG, World, config

from ci_lib import nextstep
from ci_lib.arguments import parser
from ci_lib.checks import Standing
from ci_lib.config import Config
from ci_lib.decision import Decision


def unsettled(world: World, *names: str) -> Decision:
    decision = world.train("A", value=0.6).decision
    found = tuple(decision.findings[0].model_copy(update={"name": name}) for name in names)
    return decision.model_copy(update={"findings": found})


def test_the_command_accepts_each_finding_as_a_shell_reads_it(world: World) -> None:
    names = ("impact_ratio:sex=men's", "leak_score:Living area (m²)", "roc_auc")
    words = shlex.split(nextstep.approve(world.job(), unsettled(world, *names)))
    args = parser().parse_args(words[1:])
    assert (args.command, args.approver, tuple(args.accept), args.environment) == ("approve", "ana", names, None)


def test_an_environment_that_is_not_the_default_is_named(world: World) -> None:
    world.config = config(environments={"staging": {}, "production": {}})
    job = replace(world.job(), environment="staging")
    for command in (nextstep.approve(job, unsettled(world, "roc_auc")), nextstep.reject(job)):
        assert parser().parse_args(shlex.split(command)[1:]).environment == "staging"
    assert nextstep.where(world.job()) == ""


def test_without_production_the_first_environment_is_the_default(world: World) -> None:
    world.config = config(environments={"blue": {}, "green": {}})
    names = {name: nextstep.where(replace(world.job(), environment=name)) for name in ("blue", "green")}
    assert names == {"blue": "", "green": " --environment green"}


def test_where_nobody_may_approve_the_name_is_left_open(world: World) -> None:
    world.config = config(policy={"rules": CONFIG["policy"]["rules"]})  # type: ignore[index]  # a plain dict
    assert "--as NAME" in nextstep.reject(world.job())


@pytest.mark.parametrize(
    ("state", "command"), [("rejected", "ml-release run"), ("approved", "ml-release deploy"), ("waiting", '…"')]
)
def test_what_comes_next_depends_on_how_the_gate_stands(world: World, state: Any, command: str) -> None:
    standing = Standing(state=state, sentence="")
    assert nextstep.after(world.job(), world.train("A").decision, standing).endswith(command)


def test_who_is_still_needed_is_named_in_the_command(world: World) -> None:
    standing = Standing(state="waiting", sentence="", who=("ben lee", "dora"))
    assert "--as 'ben lee'" in nextstep.after(world.job(), world.train("A").decision, standing)


def waivable(*names: str, automatic: bool = False) -> Config:
    approval = CONFIG["policy"]["approval"] | {"waivable": names}  # type: ignore[index]  # a plain dict
    places = {"production": {"approval": "automatic" if automatic else "required"}}
    return config(policy=CONFIG["policy"] | {"approval": approval}, environments=places)  # type: ignore[operator]  # a plain dict


def test_a_fail_that_may_be_waived_comes_with_the_command_that_waives_it(world: World) -> None:
    world.config = waivable("roc_auc")
    decision = world.train("A", value=0.4).decision
    args = parser().parse_args(shlex.split(nextstep.after(world.job(), decision))[1:])
    assert (args.waive, args.owner, args.until) == (["roc_auc"], "…", date(2026, 12, 24))
    waived = Standing(state="waiting", sentence="", unwaived=())
    assert "--waive" not in nextstep.after(world.job(), decision, waived)


@pytest.mark.parametrize(("names", "automatic"), [((), False), (("brier",), False), (("roc_auc",), True)])
def test_any_other_fail_goes_back_to_the_model(world: World, names: tuple[str, ...], automatic: bool) -> None:
    world.config = waivable(*names, automatic=automatic)
    assert nextstep.after(world.job(), world.train("A", value=0.4).decision).endswith("ml-release run")
