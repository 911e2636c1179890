"""`ml-release run`: prepare, train, validate, report, then the gate; and once a person said yes, deploy and monitor."""

from argparse import Namespace
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module

from ci_lib import asking, nextstep, workspace
from ci_lib.decision import Decision
from ci_lib.errors import Exit
from ci_lib.gate import ChainGate, open_gate
from ci_lib.job import Job
from ci_lib.waivers import askable


def main(job: Job) -> int:
    """Run the main job; 12 when it stops at the gate, 10 and 13 when policy or person said no."""
    with workspace.writing(job.chain), ExitStack() as page:
        verdict = _to_the_report(job)
        if verdict == Exit.FAIL:
            _say_why_it_stops(job)
            return verdict
        if job.target.approval == "required":
            code = _at_the_gate(job, page)
            if code != Exit.DONE:
                return code
        return _to_production(job)


def _say_why_it_stops(job: Job) -> None:
    """Say where to read why, and that the policy lets a person waive what failed, if it does."""
    job.console.say("the verdict is fail: it stops here; the report says why")
    job.console.say(f"report: {job.chain / 'report' / 'index.html'}")
    decision = Decision.read(job.chain / "decision.json")
    if job.target.approval == "required" and askable(decision, job.config.policy.approval):
        job.console.say("the policy lets a person waive what failed, for a while and by name:")
        job.console.say(f"  on the page      ml-release approve --page{nextstep.where(job)}")
        job.console.say(f"  in a terminal    {nextstep.approve(job, decision)}")


def _to_the_report(job: Job) -> int:
    """Run the stages up to the report, which is written after a failed validation too; return the verdict's code."""
    second = "adopt" if job.args.model_uri else "train"
    for stage in ("prepare", second):
        _run(job, stage)
    verdict = _run(job, "validate")
    _run(job, "report")
    return verdict


def _run(job: Job, stage: str) -> int:
    with job.console.stage(stage):
        if stage in workspace.WRITERS:
            workspace.forget_after(stage, job.chain, tuple(job.config.environments))
        return int(import_module(f"ci_lib.jobs.{stage}").main(job))


def _at_the_gate(job: Job, page: ExitStack) -> int:
    """Ask a person; an answered page stays open for reloads until the run ends."""
    gate = open_gate(job)
    with job.console.stage("approve"):
        if not _page_wanted(job):
            _say_how_to_go_on(job, gate)
            return Exit.NO_APPROVAL
        try:
            state = page.enter_context(asking.page(job, gate)).wait()
        except KeyboardInterrupt:
            job.console.say("the page is closed; nothing is lost")
            _say_how_to_go_on(job, gate)
            raise
    if state == "approved":
        return Exit.DONE
    job.console.say(
        {"rejected": "rejected: nothing is released", "expired": "the question expired: run again"}.get(state, state)
    )
    return Exit.REJECTED if state == "rejected" else Exit.NO_APPROVAL


def _page_wanted(job: Job) -> bool:
    """Say whether somebody is likely to look at a page: never in CI, where it would hang."""
    if job.args.page or job.args.no_page:
        return bool(job.args.page)
    return job.console.out.isatty() and not job.env.get("CI")


def _say_how_to_go_on(job: Job, gate: ChainGate) -> None:
    job.console.say("a person decides now; the candidate waits in " + str(job.chain))
    job.console.say(f"  read     {job.chain / 'report' / 'index.html'}")
    job.console.say(f"  approve  {nextstep.approve(job, gate.chain.decision)}")
    job.console.say(f"  reject   {nextstep.reject(job)}")
    there = nextstep.where(job)
    job.console.say(f"  then     ml-release deploy{there} && ml-release monitor{there}")


def _to_production(job: Job) -> int:
    code = _run(job, "deploy")
    if code != Exit.DONE:
        return code
    code = _run(replace(job, args=Namespace(**{**vars(job.args), "batch": None})), "monitor")
    if code == Exit.DONE:
        _say_where_it_is(job)
    return code


def _say_where_it_is(job: Job) -> None:
    """Say in three lines what is in production, how to see it, and how to go back."""
    registry = job.open_registry(job.production_uri())
    from ci_lib.production import open_production  # noqa: PLC0415
    from ci_lib.status import in_production  # noqa: PLC0415

    now = in_production(open_production(job), job.clock())
    if now is not None:
        job.console.say(f"in {job.environment}: {now.uri}, release {now.release}, version {now.version}, {now.words}")
    server = registry.address.startswith("http")
    job.console.say(
        f"see it:        {registry.address if server else f'mlflow ui --backend-store-uri {registry.address}'}"
    )
    job.console.say(f'roll back:     ml-release rollback --reason "…"{nextstep.where(job)}')
