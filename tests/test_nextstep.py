"""What is offered to type next can be typed: it names the environment, the approver and the findings, quoted."""

import shlex
from dataclasses import replace

from doubles.small_chain import CONFIG, World, config

from ci_lib import nextstep
from ci_lib.arguments import parser
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


def test_after_a_rejection_comes_another_run_and_after_a_yes_the_deploy(world: World) -> None:
    decision = world.train("A").decision
    assert nextstep.after(world.job(), decision, "rejected").endswith("ml-release run")
    assert nextstep.after(world.job(), decision, "approved") == "ml-release deploy"
