"""What a report is made of."""

from dataclasses import dataclass

from ci_lib.candidate import Candidate
from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.evidence import Evidence
from ci_lib.release import Release


@dataclass(frozen=True, kw_only=True)
class Records:
    """What a report is made of."""

    config: Config
    dataset: Dataset
    candidate: Candidate
    evidence: Evidence
    decision: Decision
    history: tuple[Release, ...] = ()
