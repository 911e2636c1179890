"""Records -> what the report says, as plain text in frozen dataclasses. HTML, Markdown and JUnit only lay it out."""

from dataclasses import dataclass

from ci_lib.candidate import Person
from ci_lib.decision import Decision, in_force
from ci_lib.errors import Refused
from ci_lib.findings import Outcome
from ci_lib.record import short
from ci_lib.release import Release
from ci_lib.report import lineage
from ci_lib.report.effects import Effect, effect, waive_terms, waivers_asked
from ci_lib.report.findings import ORDER, Row, headline, rows
from ci_lib.report.lineage import Item
from ci_lib.report.policy import Changed, accepted, changed, source_item
from ci_lib.report.records import Records
from ci_lib.report.tables import Confusion, Tables, confusions, tables

LAST = 10
"""So many earlier releases are listed."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """One earlier release."""

    number: str
    environment: str
    action: str
    bytes: str
    by: str
    at: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class View:
    """The report, before it is laid out."""

    model: str
    task: str
    verdict: Outcome
    headline: str
    compare: str
    """First digits of the manifest's digest."""
    manifest: str
    effects: tuple[Effect, ...]
    authors: tuple[str, ...]
    commit: str
    commit_note: str
    trained: str
    findings: tuple[Row, ...]
    accept: tuple[str, ...]
    """Names of the findings that an approver must accept."""
    waive: tuple[str, ...]
    """Names of the failed findings for which a waiver is asked; empty: none may be given."""
    waive_terms: str
    """What a waiver needs."""
    tables: Tables
    no_fairness: str
    """Why there is no fairness section although sensitive attributes are named; empty otherwise."""
    confusions: tuple[Confusion, ...]
    rows: str
    lineage: tuple[Item, ...]
    digests: tuple[Item, ...]
    loading: str
    params: tuple[Item, ...]
    requirements: tuple[str, ...]
    policy: tuple[Item, ...]
    rules: tuple[str, ...]
    built_in: tuple[str, ...]
    """Rules that release.yml does not have: they are asked of every release."""
    changed: Changed | None
    """What the branch would have judged by; None where its release.yml and the protected one say the same."""
    history: tuple[Past, ...]


def compose(records: Records) -> View:
    """Work out what the report says.

    Raises:
        Refused: the records are not about each other, or the verdict does not follow from the findings.
    """
    hold_together(records)
    candidate, decision, config = records.candidate, records.decision, records.config
    holdout = records.dataset.holdout.rows
    return View(
        model=config.model,
        task=config.task,
        verdict=decision.verdict,
        headline=headline(decision, holdout),
        compare=short(records.evidence.manifest),
        manifest=records.evidence.manifest,
        effects=tuple(effect(name, records) for name in config.environments),
        authors=tuple(f"{author.id} ({_known(author)})" for author in candidate.authors),
        commit=candidate.code.commit or "none",
        commit_note=lineage.commit_note(candidate.code),
        trained=f"{candidate.trained_at:%Y-%m-%d %H:%M %Z}",
        findings=rows(decision),
        accept=tuple(finding.name for finding in decision.findings if finding.outcome == "inconclusive"),
        waive=waivers_asked(records),
        waive_terms=waive_terms(records),
        tables=tables(records.dataset.measurements, records.evidence.measurements),
        no_fairness=_not_about_fairness(records),
        confusions=confusions(records.evidence.curves),
        rows=f"{records.dataset.train.rows:,} rows to train, {holdout:,} held out ({records.dataset.split})",
        lineage=lineage.items(records.dataset, candidate, records.evidence),
        digests=lineage.digests(records.dataset, candidate, records.evidence, decision),
        loading=lineage.loading(candidate.serialization),
        params=tuple(Item(name=name, text=text) for name, text in sorted(candidate.params.items())),
        requirements=candidate.requirements,
        policy=(source_item(decision.policy_source), *lineage.policy(config.policy), *accepted(config.environments)),
        rules=tuple(str(rule) for rule in config.policy.rules),
        built_in=tuple(
            str(rule) for rule in in_force(config.policy, records.evidence.task) if rule not in config.policy.rules
        ),
        changed=changed(decision),
        history=tuple(_past(release) for release in records.history[::-1][:LAST]),
    )


def hold_together(records: Records) -> None:
    """Check that the records are about each other: a report on a mixed chain would be signed for something else.

    Raises:
        Refused: they are not.
    """
    dataset, candidate, evidence, decision = records.dataset, records.candidate, records.evidence, records.decision
    data = dataset.digest()
    links = (
        (candidate.dataset == data, "candidate.json was trained on another dataset.json", "train"),
        (evidence.dataset == data, "evidence.json was measured on another dataset.json", "validate"),
        (evidence.candidate == candidate.digest(), "evidence.json is about another candidate.json", "validate"),
        (evidence.manifest == candidate.manifest.digest(), "evidence.json measured other model bytes", "validate"),
        (decision.dataset == data, "decision.json judged another dataset.json", "validate"),
        (decision.evidence == evidence.digest(), "decision.json judged another evidence.json", "validate"),
        (decision.policy == records.config.policy.fingerprint(), "the policy changed since validation", "validate"),
        (decision.verdict == _worst(decision), "decision.json's verdict does not follow from its findings", "validate"),
    )
    for holds, what, stage in links:
        if not holds:
            raise Refused(what, f"ml-release {stage}")


def _worst(decision: Decision) -> Outcome:
    """Return the verdict that the findings give. Without a finding any verdict but a pass is consistent."""
    outcomes = {finding.outcome for finding in decision.findings}
    if not outcomes:
        return "inconclusive" if decision.verdict == "pass" else decision.verdict
    return next(outcome for outcome in ORDER if outcome in outcomes)


def _known(person: Person) -> str:
    return person.known_from if person.known_from == "self-declared" else f"known from {person.known_from}"


def _not_about_fairness(records: Records) -> str:
    if not records.dataset.sensitive or records.evidence.task == "binary":
        return ""
    named = ", ".join(records.dataset.sensitive)
    return (
        f"Not measured. release.yml names {named} as sensitive, but the fairness metrics are about binary decisions, "
        f"and this task is {records.evidence.task}. Nothing here says that the groups are treated alike."
    )


def _past(release: Release) -> Past:
    return Past(
        number=str(release.number),
        environment=release.environment,
        action=f"rollback to {release.restores}" if release.action == "rollback" else release.action,
        bytes=short(release.manifest),
        by=release.actor.id + _approved(release),
        at=f"{release.at:%Y-%m-%d %H:%M %Z}",
        reason=release.reason,
    )


def _approved(release: Release) -> str:
    if release.automatic:
        return " (automatic)"
    number = len(release.approvals)
    return f" ({number} approval{'' if number == 1 else 's'})" if number else ""
