"""A release of a loan-approval model, as realistic records: fourteen findings, fairness by group, a champion beside.

`chain("inconclusive")` (or ``pass``, ``fail``) gives records that name each other by their true digests. `relink`
repairs the digests after a test has changed a record with `model_copy`.
"""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ci_lib.candidate import Candidate, Code, Person
from ci_lib.config import ApprovalPolicy, Config, Data, Environment, Policy, Rule, Train
from ci_lib.dataset import Column, Dataset, Split
from ci_lib.decision import Decision
from ci_lib.evidence import Champion, Curve, Evidence, Golden
from ci_lib.findings import Finding, Outcome
from ci_lib.manifest import File, Manifest
from ci_lib.measurement import Measurement, Of, Scale, Scope
from ci_lib.record import digest
from ci_lib.release import Release
from ci_lib.segments import CARRIED

MODEL = "loan-approval"
HOLDOUT = 796
TRAIN = 1193
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
ANA = Person(id="Ana Ruiz <ana@bank.example>", known_from="git")
BEN = Person(id="ben", known_from="self-declared")


def sha(text: str) -> str:
    """A digest that looks like one."""
    return digest(text.encode())


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The records that a report is made of."""

    config: Config
    dataset: Dataset
    candidate: Candidate
    evidence: Evidence
    decision: Decision
    history: tuple[Release, ...]


def chain(verdict: Outcome = "inconclusive", *, first: bool = False) -> Chain:
    """Build a whole chain with this verdict; `first` means that nothing is in production yet."""
    config = _config(first=first)
    found = _measurements(verdict, first=first)
    built = Chain(
        config=config,
        dataset=_dataset(),
        candidate=_candidate(),
        evidence=_evidence(found, first=first),
        decision=_decision(config, found),
        history=() if first else _history(),
    )
    return relink(built)


def relink(built: Chain) -> Chain:
    """Let each record name the ones before it by their digests as they are now."""
    data = built.dataset.digest()
    candidate = built.candidate.model_copy(update={"dataset": data})
    evidence = built.evidence.model_copy(
        update={"dataset": data, "candidate": candidate.digest(), "manifest": candidate.manifest.digest()}
    )
    decision = built.decision.model_copy(
        update={"dataset": data, "evidence": evidence.digest(), "policy": built.config.policy.fingerprint()}
    )
    return replace(built, candidate=candidate, evidence=evidence, decision=decision)


RULES = (
    Rule(metric="roc_auc", at_least=0.70),
    Rule(metric="roc_auc", versus="champion", margin=0.02),
    Rule(metric="brier", versus="dummy"),
    Rule(metric="impact_ratio", by=("black", "hispan", "male", "married"), at_least=0.80),
    Rule(metric="equal_opportunity_difference", by=("black", "hispan"), within=0.10),
    Rule(metric="latency_p99_ms", at_most=50),
    Rule(metric="model_size_mb", at_most=10),
    Rule(metric="overlap_rows", at_most=0),
    Rule(metric="leak_score", at_most=0.5, on_breach="review"),
    Rule(metric="leak_lift", at_most=0.02, on_breach="review"),
)


def _config(*, first: bool) -> Config:
    rules = tuple(rule for rule in RULES if not (first and rule.versus == "champion"))
    return Config(
        model=MODEL,
        task="binary",
        data=Data(
            source="data/loanapp.csv", target="approve", drop=("action", "reject", "typur"),
            sensitive=("black", "hispan", "male", "married"),
        ),
        train=Train(entrypoint="model:build", params={"C": 0.3}),
        policy=Policy(rules=rules, approval=ApprovalPolicy(approvers=("ben", "chen"), assurance="self-declared")),
        environments={"production": Environment()},
    )  # fmt: skip


def _dataset() -> Dataset:
    features = ("loanamt", "hrat", "obrat", "cons", "loanprc", "unem", "mortno", "mortlat1", "gdlin", "pubrec")
    columns = [_column(name, "feature") for name in features]
    columns += [
        _column(name, "sensitive", missing=3 * (name == "married")) for name in ("black", "hispan", "male", "married")
    ]
    columns += [
        _column("approve", "target"),
        _column("action", "dropped"),
        _column("reject", "dropped"),
        _column("typur", "dropped"),
    ]
    return Dataset(
        model=MODEL,
        source="data/loanapp.csv",
        source_digest=sha("loanapp.csv"),
        target="approve",
        labels=("0", "1"),
        positive="1",
        columns=tuple(columns),
        train=Split(file="data/train.parquet", rows=TRAIN, sha256=sha("train"), balance={"0": 147, "1": 1046}),
        holdout=Split(file="data/holdout.parquet", rows=HOLDOUT, sha256=sha("holdout"), balance={"0": 98, "1": 698}),
        split="40 % held out at random, stratified by approve, seed 7",
        measurements=(
            number("overlap_rows", 0, n=HOLDOUT, of="data", method="count"),
            number("duplicate_rows", 2, n=TRAIN, of="data", method="count"),
            number("leak_score", 0.312, 0.248, 0.376, n=TRAIN, of="data", feature="gdlin", method="5-fold"),
            number("leak_lift", 0.0, n=TRAIN, of="data", feature="gdlin", method="Wilson lower bound"),
            number("missing_share", 0.0075, 0.0039, 0.0142, n=TRAIN, of="data", feature="married", method="wilson"),
            number("constant_columns", 0, n=TRAIN, of="data", method="count"),
            number("holdout_uses", 1, n=HOLDOUT, of="data", method="count"),
        ),
    )  # fmt: skip


def _column(name: str, role: str, missing: int = 0) -> Column:
    distinct = 2 if role in {"sensitive", "target"} else 40
    return Column.model_validate(
        {"name": name, "kind": "number", "dtype": "int64", "role": role, "missing": missing, "distinct": distinct}
    )


def _candidate() -> Candidate:
    return Candidate(
        model=MODEL,
        dataset=sha("later"),
        manifest=Manifest(
            files=(
                File(path="MLmodel", size=1_204, sha256=sha("MLmodel")),
                File(path="model.skops", size=48_310, sha256=sha("model")),
                File(path="requirements.txt", size=96, sha256=sha("requirements")),
            )
        ),
        registry="sqlite:///mlflow.db",
        model_uri="models:/m-3f0c9a1b7d5e4c2f8a6b",
        run_id="9d1c0f7e2b3a4d5c8e6f",
        serialization="skops",
        flavors=("python_function", "sklearn"),
        requirements=("scikit-learn==1.8.0", "skops==0.13.0", "numpy==2.4.1"),
        entrypoint="model:build",
        params={"C": "0.3", "mitigation": "reweighing"},
        seed=7,
        environment=sha("pip freeze"),
        code=Code(commit="4be1c02f9d7a6e5b3c8d1f0a2b4c6d8e0f1a3b5c", dirty=True, branch="reweigh"),
        authors=(ANA,),
        trained_at=datetime(2026, 11, 24, 9, 12, tzinfo=UTC),
        seconds=0.84,
    )


def number(
    metric: str, value: float | None, low: float | None = None, high: float | None = None, *, n: int = HOLDOUT,
    of: Of = "candidate", attribute: str = "", group: str = "", reference: str = "", feature: str = "",
    method: str = "", note: str = "", scale: Scale = "identity",
) -> Measurement:  # fmt: skip
    """One measurement, briefly."""
    scope = Scope(of=of, attribute=attribute, group=group, reference=reference, feature=feature)
    return Measurement(
        metric=metric, scope=scope, value=value, low=low, high=high, n=n, method=method, note=note, scale=scale
    )


def _measurements(verdict: Outcome, *, first: bool) -> tuple[Measurement, ...]:
    found = [*_performance(), *_fairness(verdict), *_importance(), *_operations()]
    return tuple(m for m in found if not (first and "champion" in m.scope.of))


def _performance() -> list[Measurement]:
    return [
        number("roc_auc", 0.7518, 0.7013, 0.7964, method="delong", scale="logit"),
        number("roc_auc", 0.5, 0.5, 0.5, of="dummy", method="delong"),
        number("roc_auc", 0.7479, 0.6968, 0.7931, of="champion", method="delong", scale="logit"),
        number("roc_auc", 0.0039, -0.0113, 0.0191, of="candidate - champion", method="paired delong"),
        number("accuracy", 0.8857, 0.8617, 0.906, method="wilson", scale="logit"),
        number("accuracy", 0.8769, 0.8522, 0.8979, of="dummy", method="wilson", scale="logit"),
        number("accuracy", 0.8882, 0.8644, 0.9083, of="champion", method="wilson", scale="logit"),
        number("brier", 0.0958, 0.0832, 0.1087, method="bootstrap"),
        number("brier", 0.108, 0.0931, 0.1229, of="dummy", method="bootstrap"),
        number("brier", 0.0951, 0.0826, 0.1079, of="champion", method="bootstrap"),
        number("brier", -0.0122, -0.0185, -0.0063, of="candidate - dummy", method="bootstrap"),
        number("accuracy", -0.0025, -0.0126, 0.0075, of="candidate - champion", method="bootstrap"),
        number("recall", 0.9799, 0.9667, 0.988, n=698, method="wilson", scale="logit"),
        number("specificity", 0.2143, 0.1446, 0.3055, n=98, method="wilson", scale="logit"),
    ]


BLACK: dict[Outcome, tuple[float, float, float]] = {
    "pass": (0.931, 0.862, 1.006),
    "inconclusive": (0.871, 0.789, 0.962),
    "fail": (0.621, 0.524, 0.736),
}
"""Impact ratio of black applicants: the plain model fails, the mitigated one is not settled by 796 rows."""


def _fairness(verdict: Outcome) -> list[Measurement]:
    value, low, high = BLACK[verdict]
    groups = (
        ("black", "1", "0", 79, value, low, high),
        ("hispan", "1", "0", 43, 0.942, 0.861, 1.031),
        ("male", "0", "1", 149, 1.012, 0.969, 1.057),
        ("married", "0", "1", 272, 0.981, 0.942, 1.022),
    )
    found = [
        number("impact_ratio", v, lo, hi, n=n, attribute=a, group=g, reference=r, method="katz log", scale="log")
        for a, g, r, n, v, lo, hi in groups
    ]
    shift = 0.15 if verdict == "fail" else 0.0
    differences = (
        ("equal_opportunity_difference", "black", 55, -0.0312 - shift, -0.0891 - shift, 0.0211 - shift),
        ("equal_opportunity_difference", "hispan", 34, -0.0187, -0.0953, 0.0402),
        ("statistical_parity_difference", "black", 79, -0.1201 - shift, -0.2043 - shift, -0.0355 - shift),
    )
    found += [
        number(metric, v, lo, hi, n=n, attribute=a, group="1", reference="0", method="newcombe")
        for metric, a, n, v, lo, hi in differences
    ]
    note = "not assessable: 2 rows, 30 needed"
    found.append(
        number(
            "impact_ratio", None, n=2, attribute="married", group="missing", reference="1", method="katz log", note=note
        )
    )
    return found


def _importance() -> list[Measurement]:
    values = {
        "gdlin": (0.141, 0.022), "pubrec": (0.064, 0.015), "obrat": (0.038, 0.012), "loanprc": (0.022, 0.009),
        "cons": (0.019, 0.008), "hrat": (0.004, 0.005), "unem": (0.002, 0.004), "mortno": (0.001, 0.004),
        "loanamt": (-0.001, 0.003), "mortlat1": (0.0, 0.002),
    }  # fmt: skip
    return [
        number("permutation_importance", v, v - w, v + w, feature=name, method="10 shuffles")
        for name, (v, w) in values.items()
    ]


def _operations() -> list[Measurement]:
    return [
        number("latency_p50_ms", 1.84, 1.79, 1.92, n=500, method="order statistics"),
        number("latency_p99_ms", 4.12, 3.77, 5.93, n=500, method="order statistics"),
        number("model_size_mb", 0.04961, n=3, method="count"),
        number("load_seconds", 1.37, n=1, method="one run"),
        number("requirements_mismatch", 0, n=3, method="count"),
        number("golden_mismatches", 0, n=5, method="count"),
    ]


def _evidence(found: tuple[Measurement, ...], *, first: bool) -> Evidence:
    return Evidence(
        model=MODEL,
        task="binary",
        dataset=sha("later"),
        candidate=sha("later"),
        manifest=sha("later"),
        champion=None if first else Champion(environment="production", release=3, manifest=sha("champion")),
        threshold=0.5,
        measurements=found,
        golden=Golden(inputs='{"columns": ["hrat"], "data": [[24.5], [31.0]]}', outputs=(0.913, 0.774)),
        curves=tuple(curve for curve in _curves() if not (first and curve.scope.of == "champion")),
    )


def _curves() -> list[Curve]:
    candidate, champion = Scope(of="candidate"), Scope(of="champion")
    steps = [step / 20 for step in range(21)]
    bins = [0.025 + step / 20 for step in range(20)]
    paid = [300 * x**9 for x in bins]
    refused = [40 * x**4 * math.exp(1 - x) for x in bins]
    mean = (0.62, 0.74, 0.81, 0.85, 0.88, 0.905, 0.925, 0.94, 0.955, 0.975)
    seen = (0.58, 0.76, 0.8, 0.88, 0.87, 0.91, 0.93, 0.96, 0.94, 0.98)
    return [
        Curve(name="roc", scope=candidate, x=_round(steps), y=_round([x**0.33 for x in steps])),
        Curve(name="roc", scope=champion, x=_round(steps), y=_round([x**0.337 for x in steps])),
        Curve(name="calibration", scope=candidate, x=mean, y=seen),
        Curve(name="calibration", scope=champion, x=mean, y=tuple(round(y - 0.015, 4) for y in seen)),
        Curve(name="score_histogram", scope=candidate, x=_round(bins), y=_round(paid), labels=("1",)),
        Curve(name="score_histogram", scope=candidate, x=_round(bins), y=_round(refused), labels=("0",)),
        Curve(name="confusion", scope=candidate, x=(0, 1, 2, 3), y=(21, 77, 14, 684), labels=("0", "1")),
    ]


def _round(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, 6) for value in values)


def _decision(config: Config, found: tuple[Measurement, ...]) -> Decision:
    findings = [finding for rule in config.policy.rules for finding in _judge(rule, found + _dataset().measurements)]
    outcomes = {finding.outcome for finding in findings}
    worst: Outcome = "fail" if "fail" in outcomes else "inconclusive" if "inconclusive" in outcomes else "pass"
    return Decision(
        model=MODEL,
        dataset=sha("later"),
        evidence=sha("later"),
        policy=sha("later"),
        verdict=worst,
        findings=tuple(findings),
    )


SECTIONS = {
    "impact_ratio": "fairness", "equal_opportunity_difference": "fairness", "latency_p99_ms": "operations",
    "model_size_mb": "operations", "overlap_rows": "data", "leak_score": "data", "leak_lift": "data",
}  # fmt: skip


def _judge(rule: Rule, found: tuple[Measurement, ...]) -> list[Finding]:
    """A plain judge, enough for fixtures: no Holm, no edge cases."""
    of = f"candidate - {rule.versus}" if rule.versus else "data" if SECTIONS.get(rule.metric) == "data" else "candidate"
    measured = [m for m in found if m.metric == rule.metric and m.scope.of == of and m.value is not None]
    limit = _limit(rule)
    if rule.by:
        measured = [m for m in measured if m.scope.attribute in rule.by]
    return [_finding(rule, m, limit) for m in measured]


def _limit(rule: Rule) -> tuple[float | None, float | None]:
    if rule.within is not None:
        return (-rule.within, rule.within)
    if rule.versus:
        margin = rule.margin or 0.0
        return (None, margin) if rule.metric == "brier" else (-margin, None)
    return (rule.at_least, rule.at_most)


def _finding(rule: Rule, m: Measurement, limit: tuple[float | None, float | None]) -> Finding:
    value = m.value if m.value is not None else math.nan
    low = value if m.low is None else m.low
    high = value if m.high is None else m.high
    floor, ceiling = limit[0] if limit[0] is not None else -math.inf, limit[1] if limit[1] is not None else math.inf
    inside, outside = low >= floor and high <= ceiling, high < floor or low > ceiling
    outcome: Outcome = "pass" if inside else "fail" if outside else "inconclusive"
    scope = (
        f":{m.scope.attribute}={m.scope.group}"
        if m.scope.attribute
        else f":{m.scope.feature}"
        if m.scope.feature
        else ""
    )
    name = rule.metric + (f":{rule.versus}" if rule.versus else "") + scope
    gap = min(abs(value - edge) for edge in limit if edge is not None)
    return Finding(
        name=name,
        rule=str(rule),
        section="comparison" if rule.versus else SECTIONS.get(rule.metric, "performance"),
        outcome=outcome,
        sentence=_sentence(outcome, m),
        measurement=m,
        limit=limit,
        rows_needed=math.ceil(m.n * ((high - low) / 2 / gap) ** 2 / 10) * 10 if outcome == "inconclusive" else None,
    )


def _sentence(outcome: Outcome, m: Measurement) -> str:
    words = {
        "pass": "The whole interval is on the good side.",
        "fail": "The whole interval is beyond the limit.",
        "inconclusive": "The interval lies across the limit.",
    }
    return f"{words[outcome]} {str(m.scope).capitalize()}."


def _history() -> tuple[Release, ...]:
    first = release(1, manifest=sha("champion"))
    bad = release(2, manifest=sha("bad"), previous=first)
    back = release(3, action="rollback", manifest=sha("champion"), previous=bad)
    carried = {name: getattr(first, name) for name in CARRIED}
    return (first, bad, back.model_copy(update=carried))


def release(place: int, *, action: str = "deploy", manifest: str, previous: Release | None = None) -> Release:
    """One entry of a ledger."""
    return Release.model_validate(
        {
            "number": place,
            "action": action,
            "model": MODEL,
            "environment": "production",
            "manifest": manifest,
            "model_version": str(place),
            "model_id": f"m-{place:020x}",
            "candidate": sha(f"candidate {place}"),
            "evidence": sha(f"evidence {place}"),
            "golden": sha(f"golden {place}"),
            "approvals": () if action == "rollback" else (sha(f"approval {place}"),),
            "automatic": False,
            "restores": place - 2 if action == "rollback" else None,
            "replaces": place - 1 or None,
            "previous": previous.digest() if previous else None,
            "op": sha(f"op {place}"),
            "actor": BEN,
            "reason": "drift in obrat after the new form" if action == "rollback" else "approved in the weekly review",
            "pipeline": f"local-{place}",
            "at": datetime(2026, 11, 3 + 6 * place, 14, 5, tzinfo=UTC),
        }
    )
