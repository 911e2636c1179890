"""The records of one release as files in one directory, read together."""

from dataclasses import dataclass
from pathlib import Path

from ci_lib.approval import Subjects
from ci_lib.candidate import Candidate
from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.errors import BadInput
from ci_lib.evidence import Evidence
from ci_lib.record import Digest, digest
from ci_lib.signed import Signed

REPORT = "report/index.html"
FILES = ("dataset.json", "candidate.json", "evidence.json", "decision.json", REPORT)
"""What a release rests on, besides its approvals."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Everything before the approvals."""

    dataset: Dataset
    candidate: Candidate
    evidence: Evidence
    decision: Decision
    report: Digest
    """SHA-256 of ``report/index.html``."""

    def subjects(self, policy: Digest) -> Subjects:
        """Return what an approval of this chain under a policy must name."""
        return Subjects(
            manifest=self.candidate.manifest.digest(),
            candidate=self.candidate.digest(),
            evidence=self.evidence.digest(),
            decision=self.decision.digest(),
            report=self.report,
            policy=policy,
        )

    def since(self, config: Config) -> str | None:
        """Return the commit after which people count as authors: the champion's, else the one that the policy names."""
        champion = self.evidence.champion
        return champion.commit if champion and champion.commit else config.policy.approval.authors_since


def read(directory: Path) -> Chain:
    """Read the records that the stages wrote.

    Raises:
        BadInput: one is not there.
        Refused: one is not valid, or not in canonical form.
    """
    return Chain(
        dataset=Dataset.read(directory / "dataset.json"),
        candidate=Candidate.read(directory / "candidate.json"),
        evidence=Evidence.read(directory / "evidence.json"),
        decision=Decision.read(directory / "decision.json"),
        report=_report(directory / REPORT),
    )


def read_approvals(directory: Path) -> tuple[Signed, ...]:
    """Read one environment's approvals, the oldest first; none when nobody has answered yet.

    Raises:
        Refused: one is not valid, or not in canonical form.
    """
    found = (Signed.read(path) for path in sorted(directory.glob("*.json")))
    return tuple(sorted(found, key=lambda signed: signed.approval.issued_at.timestamp()))


def _report(path: Path) -> Digest:
    try:
        return digest(path.read_bytes())
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}; approvals name the report that was shown"
        raise BadInput(message, "ml-release report") from error
