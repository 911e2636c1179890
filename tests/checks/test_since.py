"""Where the authors are counted from: evidence that says what the ledger says. What is refused is in test_refusals."""

from typing import Any

import pytest
from doubles.asked import whole
from doubles.entries import history

from ci_lib import checks
from ci_lib.evidence import Champion
from ci_lib.release import Release

HEAD = history("A", "B")[-1]
COMMIT = "a" * 40
COMPARED = Champion(environment="production", release=2, manifest=HEAD.manifest, commit=COMMIT)


@pytest.mark.parametrize("commit", [COMMIT, None])
def test_evidence_that_names_the_commit_of_the_ledgers_head_passes(commit: str | None) -> None:
    asked: list[Release] = []

    def trained_from(release: Release) -> str | None:
        asked.append(release)
        return commit

    compared = COMPARED.model_copy(update={"commit": commit})
    checks.check_since(whole(champion=compared).evidence, HEAD, trained_from)
    assert asked == [HEAD]


@pytest.mark.parametrize(
    ("compared", "head"),
    [(None, HEAD), (COMPARED, None), (None, None), (COMPARED.model_copy(update={"environment": "staging"}), HEAD)],
)
def test_without_a_champion_of_this_environment_there_is_nothing_to_hold_against_the_ledger(
    compared: Champion | None, head: Any
) -> None:
    checks.check_since(whole(champion=compared).evidence, head, lambda _: "another")
