"""Whose work counts as the candidate's: the commit that authors are counted from is the champion's own."""

from collections.abc import Callable

from ci_lib.checks.expect import expect
from ci_lib.evidence import Evidence
from ci_lib.release import Release


def check_since(evidence: Evidence, head: Release | None, trained_from: Callable[[Release], str | None]) -> None:
    """Refuse evidence that names another commit of the champion than the ledger: authors would be left out.

    Args:
        evidence: names the champion, and what it was trained from.
        head: what is in production.
        trained_from: release -> the commit that the ledger's own records name.

    Raises:
        Refused: the two differ.
    """
    named = evidence.champion
    if head is None or named is None or named.environment != head.environment:
        return
    found = trained_from(head)
    # (49) Evidence and ledger name the same commit.
    other = (
        f"evidence.json says that release {head.number} was trained from commit {named.commit}, "
        f"and the ledger says {found}"
    )
    expect(found == named.commit, other, "ml-release validate")
