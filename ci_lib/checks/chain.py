"""The records held against each other, against release.yml as it is now, and against the champion of now."""

from collections.abc import Callable, Sequence

from ci_lib.chain import Chain
from ci_lib.checks.expect import expect
from ci_lib.config import Config, Policy
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.evidence import Evidence
from ci_lib.labels import positive
from ci_lib.protected import shown
from ci_lib.release import Release
from ci_lib.source import HERE, Change, Source

Decide = Callable[[Policy, Dataset, Evidence], Decision]

RUN, TRAIN, VALIDATE = "ml-release run", "ml-release train", "ml-release validate"


def check_chain(
    chain: Chain, config: Config, decide: Decide, *, source: Source = HERE, changes: Sequence[Change] = ()
) -> None:
    """Refuse records that do not rest on each other, or on release.yml as it is now, or a decision that is not its.

    Args:
        chain: the records.
        config: what this job goes by.
        decide: what judges the evidence again.
        source: where this job read the policy.
        changes: what the branch's own release.yml says otherwise now.
    """
    dataset, candidate, evidence, decision = chain.dataset, chain.candidate, chain.evidence, chain.decision
    policy, model = config.policy, config.model
    # (1) All four are about the model of release.yml.
    for record in (dataset, candidate, evidence, decision):
        expect(record.model == model, f"{record.kind}.json is about {record.model!r}, release.yml about {model!r}", RUN)
    # (2) The candidate was trained on this dataset.
    expect(candidate.dataset == dataset.digest(), "candidate.json was trained on another dataset", TRAIN)
    # (3) The evidence was measured on this dataset,
    expect(evidence.dataset == dataset.digest(), "evidence.json was measured on another dataset", VALIDATE)
    # (4) about this candidate,
    expect(evidence.candidate == candidate.digest(), "evidence.json is about another candidate", VALIDATE)
    # (5) and with these bytes.
    same = evidence.manifest == candidate.manifest.digest()
    expect(same, "evidence.json was measured with other model files than candidate.json lists", VALIDATE)
    # (6) The decision rests on this dataset and this evidence,
    same = (decision.dataset, decision.evidence) == (dataset.digest(), evidence.digest())
    expect(same, "decision.json is about other evidence than evidence.json", VALIDATE)
    _check_policy(decision, policy, source)
    _check_judgement(chain, policy, decide, changes)
    _check_question(config, dataset, evidence)


def _check_policy(decision: Decision, policy: Policy, source: Source) -> None:
    """Refuse a decision of another policy; the commit may be another one, as long as the policy says the same."""
    then = decision.policy_source
    # (7) under a policy from the place where this job reads it,
    elsewhere = f"decision.json was made by the policy of {then}, and this job reads that of {source}"
    hint = f"set ML_RELEASE_POLICY_FROM alike in all jobs, then {VALIDATE}"
    expect(then.same_place(source), elsewhere, hint)
    # (8) as it is now,
    since = f" (then {then.commit[:10]}, now {source.commit[:10]})" if then.commit and source.commit else ""
    file = f"{source.place}{since}" if source.protected else "release.yml"
    same = decision.policy == policy.fingerprint()
    expect(same, f"decision.json was made under another policy than {file} has now", VALIDATE)


def _check_judgement(chain: Chain, policy: Policy, decide: Decide, changes: Sequence[Change]) -> None:
    """Refuse a decision that the policy does not make, or that shows something else than the branch changes."""
    decision = chain.decision
    # (9) and with the same changes of the branch to show,
    other = "release.yml here, or the protected one, changed since validation, and decision.json shows other changes"
    expect(tuple(changes) == decision.policy_changes, other, VALIDATE)
    # (10) that policy makes the same decision of the evidence again.
    same = shown(decide(policy, chain.dataset, chain.evidence), decision.policy_source, changes) == decision
    expect(same, "the policy makes another decision of evidence.json than decision.json says", VALIDATE)


def _check_question(config: Config, dataset: Dataset, evidence: Evidence) -> None:
    """Refuse evidence about another question than release.yml asks now; the policy's digest does not cover these."""
    data, binary = config.data, config.task == "binary"
    # (11) What was measured is what release.yml asks about now: the target,
    _same("data.target", data.target, dataset.target, RUN)
    # (12) the groups,
    _same("data.sensitive", sorted(data.sensitive), sorted(dataset.sensitive), RUN)
    # (13) the task,
    _same("task", config.task, evidence.task, RUN)
    # (14) the label that counts as positive,
    _same("data.positive", positive(dataset.labels, data.positive) if binary else None, dataset.positive, RUN)
    # (15) and the threshold.
    _same("threshold", config.threshold if binary else None, evidence.threshold, VALIDATE)


def _same(key: str, now: object, then: object, hint: str) -> None:
    expect(now == then, f"{key} was {then!r} when the evidence was measured, and is {now!r} in release.yml now", hint)


def check_champion(evidence: Evidence, environment: str, environments: Sequence[str], head: Release | None) -> None:
    """Refuse evidence that was compared with another champion than the one in production now.

    Into production, and into the last environment, goes only what was compared with the champion there. On its way a
    candidate is promoted on that same evidence, so an earlier environment asks only that its own champion, if that is
    the one compared with, is still there. Evidence without a champion says that there was none where it counts.

    Args:
        evidence: what was measured.
        environment: where the release goes.
        environments: all of release.yml, in order.
        head: the newest release there.
    """
    compared = evidence.champion
    counts = environment in {"production", environments[-1]}
    if not counts and environment != (compared.environment if compared else None):
        return
    # (16) The candidate was compared with the champion of the place it goes to,
    there = compared.environment if compared else environment
    elsewhere = f"the candidate was compared with the champion of {there}, and this release goes to {environment}"
    expect(there == environment, elsewhere, f"{VALIDATE} --environment {environment}")
    # (17) and that champion is still there.
    then = (compared.release, compared.manifest) if compared else None
    now = (head.number, head.manifest) if head else None
    words = " and is ".join(f"release {champion[0]}" if champion else "none" for champion in (then, now))
    expect(then == now, f"the champion changed since validation: it was {words} now", VALIDATE)
