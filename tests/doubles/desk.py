"""A reviewer's desk: a chain directory with a candidate at the gate."""

from argparse import Namespace
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

from doubles import records

from ci_lib import gate as gates
from ci_lib.ci.local import Local
from ci_lib.console import Console
from ci_lib.decision import decide
from ci_lib.files import write_atomically
from ci_lib.gate import ChainGate, Vote
from ci_lib.job import Job
from ci_lib.registry import Registry
from ci_lib.waivers import failed

REASON = "I read the report"


class Desk:
    """A chain directory with a candidate at the gate, and a clock that the test turns."""

    def __init__(
        self,
        root: Path,
        *,
        required: int = 1,
        approval: str = "required",
        verdict: str = "inconclusive",
        **policy_: object,
    ) -> None:
        built = records.chain(verdict)  # type: ignore[arg-type]  # a word of three
        policy = built.config.policy
        wanted = {"approvers": ("ben", "cora"), "required": required, "assurance": "self-declared"}
        approvers = policy.approval.model_copy(update=wanted | policy_)
        target = built.config.environments["production"].model_copy(update={"approval": approval})
        config = built.config.model_copy(
            update={"policy": policy.model_copy(update={"approval": approvers}), "environments": {"production": target}}
        )
        built = records.relink(replace(built, config=config))
        decision = decide(config.policy, built.dataset, built.evidence)
        self.root, self.config = root, config
        for name, record in (
            ("dataset", built.dataset),
            ("candidate", built.candidate),
            ("evidence", built.evidence),
            ("decision", decision),
        ):
            record.write(root / f"{name}.json")
        write_atomically(root / "report" / "index.html", b"<p>the report</p>")
        self.now = built.candidate.trained_at + timedelta(hours=1)
        self.unsettled = decision.inconclusive
        self.failed = failed(decision)
        self.evidence = decision.evidence
        self.env: dict[str, str] = {}

    def job(self) -> Job:
        return Job(
            config=self.config, project=self.root, chain=self.root, environment="production", args=Namespace(),
            env=self.env,
            console=Console(StringIO()), ci=Local(self.root, {"ML_RELEASE_USER": "dora"}), clock=lambda: self.now,
            open_registry=asked,
        )  # fmt: skip

    def open(self) -> ChainGate:
        return gates.open_gate(self.job())

    def vote(self, **changes: object) -> Vote:
        return Vote(
            **{"decision": "approved", "approver": "ben", "reason": REASON, "accepted": self.unsettled, **changes}
        )  # type: ignore[arg-type]  # of all types, by name


def asked(uri: str) -> Registry:
    """Fail: the gate asks no registry."""
    message = f"the gate asked {uri}"
    raise AssertionError(message)
