"""What was typed where a gate was answered, in the variables that carry it to the job on every CI server."""

import re
from collections.abc import Mapping
from datetime import date

from ci_lib.answer import Choice, Words
from ci_lib.errors import BadInput
from ci_lib.text import visible

SEPARATORS = re.compile(r"[;\n]")
LINES = re.compile(r"\n")
"""Conditions are sentences, which may have semicolons."""
DECISIONS: Mapping[str, Choice] = {
    "approve": "approved", "approved": "approved", "reject": "rejected", "rejected": "rejected",
}  # fmt: skip


def words(env: Mapping[str, str], server: str) -> Words:
    """Return what was typed, unchecked; without a decision where none was typed.

    Args:
        env: of the job.
        server: ``GitLab`` or ``Jenkins``, for messages.

    Raises:
        BadInput: the decision is none, or the day no day.
    """

    def typed(name: str) -> str:
        return env.get(f"ML_RELEASE_{name}", "").strip()

    word = typed("DECISION").lower()
    if word and word not in DECISIONS:
        message = f"{server}: ML_RELEASE_DECISION is {word!r}"
        raise BadInput(message, "write approve or reject")
    return Words(
        decision=DECISIONS.get(word),
        reason=typed("REASON"),
        accepted=_parts(SEPARATORS, typed("ACCEPT")),
        waived=_parts(SEPARATORS, typed("WAIVE")),
        owner=typed("OWNER"),
        until=_day(typed("UNTIL"), server),
        waive_reason=typed("WAIVE_REASON"),
        conditions=_parts(LINES, typed("CONDITION")),
    )


def variables(given: Words) -> dict[str, str]:
    """Return words as `words` reads them, without what was not given."""
    found = {
        "DECISION": "reject" if given.decision == "rejected" else "approve",
        "REASON": given.reason.strip(),
        "ACCEPT": ";".join(given.accepted),
        "WAIVE": ";".join(given.waived),
        "OWNER": given.owner.strip(),
        "UNTIL": given.until.isoformat() if given.until else "",
        "WAIVE_REASON": given.waive_reason.strip(),
        "CONDITION": "\n".join(visible(text, None) for text in given.conditions),
    }
    return {f"ML_RELEASE_{name}": value for name, value in found.items() if value}


def _parts(separators: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for each in separators.split(text) if (part := each.strip())))


def _day(text: str, server: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        message = f"{server}: ML_RELEASE_UNTIL is {text!r}, which is no day"
        raise BadInput(message, "write it as 2027-01-31") from error
