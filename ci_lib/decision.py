"""Decision: what the policy makes of the evidence. One finding a rule and group, and a verdict."""

from typing import Literal

from ci_lib.config import Policy, Rule
from ci_lib.dataset import Dataset
from ci_lib.evidence import Evidence
from ci_lib.findings import Finding, Outcome, judge_rules, verdict
from ci_lib.measure.catalogue import CATALOGUE, LEAK_LIFT_LIMIT, LEAK_SCORE_LIMIT, Task
from ci_lib.record import Digest, Record
from ci_lib.source import Change, Source

BUILT_IN: tuple[Rule, ...] = (
    Rule(metric="overlap_rows", at_most=0),
    Rule(metric="leak_score", at_most=LEAK_SCORE_LIMIT, on_breach="review"),
    Rule(metric="leak_lift", at_most=LEAK_LIFT_LIMIT, on_breach="review"),
    Rule(metric="requirements_mismatch", at_most=0, on_breach="review"),
    Rule(metric="golden_mismatches", at_most=0),
)
"""Asked of every release; a rule about the same metric in release.yml takes the place of its built-in."""


class Decision(Record):
    """What `validate` concluded."""

    kind: Literal["decision"] = "decision"
    version: Literal[1] = 1
    model: str
    dataset: Digest
    evidence: Digest
    policy: Digest
    policy_source: Source = Source()
    """Where that policy was read."""
    policy_changes: tuple[Change, ...] = ()
    """What the branch's own release.yml says otherwise; nothing where it is itself the source."""
    verdict: Outcome
    findings: tuple[Finding, ...]

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """Names of the findings that a person must accept."""
        return tuple(finding.name for finding in self.findings if finding.outcome == "inconclusive")


def decide(policy: Policy, dataset: Dataset, evidence: Evidence) -> Decision:
    """Judge the evidence by the policy. The same input gives the same bytes, anywhere, at any time."""
    measurements = (*dataset.measurements, *evidence.measurements)
    findings = judge_rules(
        in_force(policy, evidence.task), measurements, confidence=policy.confidence, champion=evidence.champion
    )
    if not policy.rules:
        findings = (*findings, _no_rules())
    return Decision(
        model=evidence.model,
        dataset=dataset.digest(),
        evidence=evidence.digest(),
        policy=policy.fingerprint(),
        verdict=verdict(findings),
        findings=findings,
    )


def in_force(policy: Policy, task: Task) -> tuple[Rule, ...]:
    """Return the policy's rules and the built-in ones that fit the task and that it does not replace."""
    named = {rule.metric for rule in policy.rules}
    more = (rule for rule in BUILT_IN if rule.metric not in named and task in CATALOGUE[rule.metric].tasks)
    return (*policy.rules, *more)


def _no_rules() -> Finding:
    return Finding(
        name="policy:rules",
        rule="policy.rules",
        section="policy",
        outcome="fail",
        sentence="release.yml has no rules: nothing was asked of this model, so it does not pass.",
        measurement=None,
        limit=(None, None),
    )
