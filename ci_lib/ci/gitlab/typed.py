"""What was typed where the gate was played: variables, or inputs that the job's script exports by the same names."""

import re
from collections.abc import Mapping
from datetime import date

from ci_lib.answer import Choice, Said
from ci_lib.errors import BadInput
from ci_lib.vouching import GitLabServer

SEPARATORS = re.compile(r"[;\n]")
LINES = re.compile(r"\n")
"""Conditions are sentences, which may have semicolons."""
WORDS: Mapping[str, Choice] = {
    "approve": "approved", "approved": "approved", "reject": "rejected", "rejected": "rejected",
}  # fmt: skip


def said(env: Mapping[str, str], job: str, server: GitLabServer) -> Said:
    """Return what was typed, unchecked.

    Args:
        env: of the job.
        job: its name, as GitLab says.
        server: names the job that rejects.

    Raises:
        BadInput: the decision is none, or the day no day.
    """

    def typed(name: str) -> str:
        return env.get(f"ML_RELEASE_{name}", "").strip()

    word, rejects = typed("DECISION").lower(), job == server.reject
    if word and word not in WORDS:
        message = f"GitLab: ML_RELEASE_DECISION is {word!r}"
        raise BadInput(message, "write approve or reject")
    return Said(
        decision=WORDS.get(word) or ("rejected" if rejects else None),
        reason=typed("REASON"),
        accepted=_parts(SEPARATORS, typed("ACCEPT")),
        waived=_parts(SEPARATORS, typed("WAIVE")),
        owner=typed("OWNER"),
        until=_day(typed("UNTIL")),
        waive_reason=typed("WAIVE_REASON"),
        conditions=_parts(LINES, typed("CONDITION")),
        code=env.get("ML_RELEASE_CODE", ""),
        otherwise=f"played {job!r} in GitLab, and typed no reason",
        only="rejected" if rejects else None,
    )


def _parts(separators: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in separators.split(text) if (part := each.strip())))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        message = f"GitLab: ML_RELEASE_UNTIL is {text!r}, which is no day"
        raise BadInput(message, "write it as 2027-01-31") from error
