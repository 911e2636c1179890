"""What a CI system is told of a candidate, to show where people look: at merge request, commit and job."""

from dataclasses import dataclass
from pathlib import Path

from ci_lib.findings import Outcome


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """One candidate, judged and reported."""

    model: str
    environment: str
    verdict: Outcome
    headline: str
    note: str
    """The report's short form, Markdown."""
    report: Path
    """The folder with ``index.html``."""
    code: str
    """Second half of what an approver types with their words (`ci_lib.answer`)."""
    registry: str
    """MLflow's address; a link where it is one."""
    run_id: str | None
    waivable: bool = False
    """With the verdict fail: each failed finding may be waived, so that a person is asked all the same."""
