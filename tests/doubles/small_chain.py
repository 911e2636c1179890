"""Small but complete records of a release, and the world that deploy and rollback run in."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from ci_lib.approval import Approval, Assurance
from ci_lib.candidate import Candidate, Code, Person
from ci_lib.chain import Chain
from ci_lib.config import Config, Policy
from ci_lib.console import Console
from ci_lib.dataset import Dataset, Split
from ci_lib.decision import Decision
from ci_lib.evidence import Champion, Evidence, Golden
from ci_lib.findings import Finding, Outcome
from ci_lib.job import Job
from ci_lib.manifest import Manifest, scan
from ci_lib.measurement import Measurement, Scope
from ci_lib.record import digest
from ci_lib.registry import Registry
from ci_lib.signed import seal

MODEL = "loan"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
AUTHOR = Person(id="Ada Lovelace <ada@example.org>", known_from="git")
SOME = digest(b"something")
NAMED = "roc_auc"
ASKED = {
    "to": None, "reason": None, "json": False, "head": [], "name": None, "registry": None, "trusted": [],
    "download": None, "verify": False, "environment": None,
}  # fmt: skip
"""What the command line says when it says nothing."""
CONFIG = {
    "model": MODEL,
    "task": "binary",
    "data": {"source": "loans.csv", "target": "approve"},
    "policy": {
        "rules": [{"metric": "roc_auc", "at_least": 0.7}],
        "approval": {"approvers": ["ana", "ben"], "assurance": "self-declared"},
    },
    "registry": "sqlite:///mlflow.db",
}


def config(**changes: Any) -> Config:
    """Return the parsed release.yml, with top-level keys replaced."""
    return Config.model_validate(CONFIG | changes)


def rules(**approval: Any) -> dict[str, Any]:
    """Return the policy with some keys of its approval replaced."""
    policy: dict[str, Any] = CONFIG["policy"]  # type: ignore[assignment]  # a plain dict
    return policy | {"approval": policy["approval"] | approval}


def decide(policy: Policy, dataset: Dataset, evidence: Evidence) -> Decision:
    """Stand in for the real judge: 0.7 and more passes, below 0.5 fails, between is inconclusive."""
    value = evidence.measurements[0].value or 0
    outcome: Outcome = "pass" if value >= 0.7 else "fail" if value < 0.5 else "inconclusive"
    finding = Finding(
        name=NAMED,
        rule=str(policy.rules[0]),
        section="performance",
        outcome=outcome,
        sentence=f"{value}",
        measurement=evidence.measurements[0],
        limit=(0.7, None),
    )
    return Decision(
        model=evidence.model,
        dataset=dataset.digest(),
        evidence=evidence.digest(),
        policy=policy.fingerprint(),
        verdict=outcome,
        findings=(finding,),
    )


def chain(
    manifest: Manifest, *, model_uri: str, value: float = 0.8, champion: Champion | None = None, policy: Policy
) -> Chain:
    """Return records that rest on each other."""
    side = Split(file="data/train.parquet", rows=10, sha256=SOME, balance={"0": 5, "1": 5})
    dataset = Dataset(
        model=MODEL, source="loans.csv", source_digest=SOME, target="approve", labels=("0", "1"), positive="1",
        columns=(), train=side, holdout=side, split="by seed", measurements=(),
    )  # fmt: skip
    candidate = Candidate(
        model=MODEL, dataset=dataset.digest(), manifest=manifest, registry="sqlite:///mlflow.db", model_uri=model_uri,
        run_id=None, serialization="skops", flavors=("sklearn",), requirements=(), entrypoint="model:build", params={},
        seed=0, environment=SOME, code=Code(commit=None, dirty=True, branch=None), authors=(AUTHOR,), trained_at=NOW,
        seconds=1.0,
    )  # fmt: skip
    evidence = Evidence(
        model=MODEL, task="binary", dataset=dataset.digest(), candidate=candidate.digest(), manifest=manifest.digest(),
        champion=champion, threshold=0.5, golden=Golden(inputs="{}", outputs=(0.25, value)),
        measurements=(Measurement(metric="roc_auc", scope=Scope(of="candidate"), value=value, n=10, method="delong"),),
    )  # fmt: skip
    decision = decide(policy, dataset, evidence)
    return Chain(dataset=dataset, candidate=candidate, evidence=evidence, decision=decision, report=digest(b"<html>"))


def approval(about: Chain, policy: Policy, **changes: Any) -> Approval:
    """Return Ana's valid approval of a chain, with some fields replaced."""
    given: dict[str, Any] = {
        "model": MODEL,
        "environment": "production",
        "destination": config().destination("production"),
        "subjects": about.subjects(policy.fingerprint()),
        "decision": "approved",
        "reason": "looks right",
        "approver": Person(id="ana", known_from="self-declared"),
        "assurance": "self-declared",
        "authors": (AUTHOR,),
        "pipeline": "p1",
        "nonce": digest(about.evidence.to_bytes()),
        "issued_at": NOW - timedelta(hours=1),
        "expires_at": NOW + timedelta(days=1),
    }
    return Approval(**given | changes)


@dataclass
class LocalCI:
    """A laptop."""

    who: str = "dora"
    session: str = "p1"
    name: str = "local"
    assurance: Assurance = "self-declared"

    def policy_from(self) -> str | None:
        return None

    def pipeline(self) -> str:
        return self.session

    def authors(self) -> Sequence[Person]:
        return (AUTHOR,)

    def actor(self) -> Person:
        return Person(id=self.who, known_from="self-declared")

    def approver(self, claimed: str | None) -> Person:
        return Person(id=claimed or self.who, known_from="self-declared")


@dataclass
class World:
    """A project directory with an embedded registry, and the jobs that run in it."""

    project: Path
    open_registry: Callable[[str], Registry]
    config: Config = field(default_factory=config)
    environment: str = "production"
    now: datetime = NOW
    ci: LocalCI = field(default_factory=LocalCI)
    said: StringIO = field(default_factory=StringIO)
    env: dict[str, str] = field(default_factory=dict)

    @property
    def registry(self) -> Registry:
        return self.open_registry(self.job().registry_uri())

    @property
    def here(self) -> Path:
        return self.project / "release" / self.environment

    def job(self, **args: Any) -> Job:
        return Job(
            config=self.config,
            project=self.project,
            chain=self.project / "release",
            environment=self.environment,
            args=Namespace(**ASKED | args),
            env=self.env,
            console=Console(self.said),
            ci=self.ci,
            clock=lambda: self.now,
            open_registry=self.open_registry,
        )

    def train(self, content: str, *, value: float = 0.8, champion: Champion | None = None) -> Chain:
        """Log a model whose bytes are `content`, and write the records of its chain."""
        saved, manifest = self.saved(content)
        registry = self.open_registry(self.job().registry_uri())
        logged = registry.upload_model(registry.experiment("training"), saved)
        made = chain(manifest, model_uri=logged.uri, value=value, champion=champion, policy=self.config.policy)
        self.write(made)
        return made

    def saved(self, content: str) -> tuple[Path, Manifest]:
        """Write a model whose bytes are `content`."""
        saved = self.project / "saved"
        saved.mkdir(exist_ok=True)
        (saved / "MLmodel").write_text("flavors:\n  sklearn: {serialization_format: skops}\n")
        (saved / "model.skops").write_text(content)
        return saved, scan(saved)

    def write(self, made: Chain) -> None:
        """Write records to the chain directory, and forget the approvals of the last candidate."""
        directory = self.project / "release"
        for record in (made.dataset, made.candidate, made.evidence, made.decision):
            record.write(directory / f"{record.kind}.json")
        (directory / "report").mkdir(exist_ok=True)
        (directory / "report" / "index.html").write_bytes(b"<html>")
        for path in directory.glob("*/approvals/*.json"):
            path.unlink()

    def approve(self, about: Chain, **changes: Any) -> Approval:
        """Write an approval, Ana's unless `changes` say otherwise."""
        record = approval(about, self.config.policy, **self.place() | changes)
        seal(record, None).write(self.here / "approvals" / f"{record.approver.id}.json")
        return record

    def reject(self, about: Chain, who: str = "ben", reason: str = "not yet") -> Approval:
        """Write a no beside whatever was said before, as the gate does."""
        given = {"decision": "rejected", "approver": Person(id=who, known_from="self-declared"), "reason": reason}
        record = approval(about, self.config.policy, **self.place() | given | {"nonce": f"{who} says no"})
        seal(record, None).write(self.here / "approvals" / f"{who}-no.json")
        return record

    def place(self) -> dict[str, str]:
        return {"environment": self.environment, "destination": self.config.destination(self.environment)}

    def heard(self) -> str:
        """Return what was printed since the last call."""
        text = self.said.getvalue()
        self.said.truncate(0)
        self.said.seek(0)
        return text
