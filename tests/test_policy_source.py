"""A decision holds for the policy of one place, as that place has it when the job runs."""

from dataclasses import replace

import pytest
from doubles.small_chain import chain, config, decide
from pydantic import ValidationError

from ci_lib import checks
from ci_lib.chain import Chain
from ci_lib.errors import Refused
from ci_lib.manifest import Manifest
from ci_lib.protected import shown
from ci_lib.source import HERE, Change, Source

MAIN = Source(place="refs/remotes/origin/main", path="release.yml", commit="a" * 40)
LATER = MAIN.model_copy(update={"commit": "b" * 40})
CHANGE = Change(path="policy.rules[roc_auc]", protected="0.7", branch="0.5", counts="protected")
FILE = Source(place="/run/job-1/policy.yml")


def judged(source: Source, *changes: Change) -> Chain:
    made = chain(Manifest(files=()), model_uri="models:/m-1", policy=config().policy)
    return replace(made, decision=shown(made.decision, source, changes))


def refused(made: Chain, source: Source, *changes: Change, **keys: object) -> Refused:
    with pytest.raises(Refused) as caught:
        checks.check_chain(made, config(**keys), decide, source=source, changes=changes)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("then", "now"),
    [(HERE, HERE), (MAIN, MAIN), (MAIN, LATER), (FILE, FILE), (FILE, Source(place="/run/job-2/file"))],
)
def test_the_same_place_with_the_same_policy_holds_whatever_commit_it_is_at(then: Source, now: Source) -> None:
    checks.check_chain(judged(then), config(), decide, source=now)
    checks.check_chain(judged(then, CHANGE), config(), decide, source=now, changes=(CHANGE,))


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (HERE, MAIN),
        (MAIN, HERE),
        (MAIN, FILE),
        (FILE, MAIN),
        (HERE, FILE),
        (MAIN, MAIN.model_copy(update={"place": "refs/heads/main"})),
        (MAIN, MAIN.model_copy(update={"path": "weak.yml"})),
    ],
)
def test_another_place_is_refused_even_with_the_same_policy(then: Source, now: Source) -> None:
    error = refused(judged(then), now)
    assert f"made by the policy of {then}, and this job reads that of {now}" in error.what
    assert "ML_RELEASE_POLICY_FROM" in error.hint


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (HERE, "release.yml has now"),
        (LATER, "refs/remotes/origin/main (then aaaaaaaaaa, now bbbbbbbbbb) has now"),
        (FILE, "/run/job-1/policy.yml has now"),
    ],
)
def test_a_policy_that_changed_since_the_decision_is_refused(now: Source, words: str) -> None:
    stricter = {"rules": [{"metric": "roc_auc", "at_least": 0.75}]}
    then = MAIN if now == LATER else now
    assert (
        refused(judged(then), now, policy=stricter).what == f"decision.json was made under another policy than {words}"
    )


def test_changes_that_are_not_those_of_now_are_refused() -> None:
    assert "decision.json shows other changes" in refused(judged(MAIN), MAIN, CHANGE).what
    assert "decision.json shows other changes" in refused(judged(MAIN, CHANGE), MAIN).what


def test_changes_without_their_finding_are_refused() -> None:
    made = judged(MAIN, CHANGE)
    hidden = made.decision.model_copy(update={"findings": made.decision.findings[:1], "verdict": "pass"})
    assert "makes another decision" in refused(replace(made, decision=hidden), MAIN, CHANGE).what


@pytest.mark.parametrize(
    "given",
    [
        {"commit": "c" * 40},
        {"place": "/policies/release.yml", "commit": "c" * 40},
        {"place": "refs/heads/main", "path": "release.yml", "commit": "approved by security\n/merge"},
        {"place": "refs/heads/main", "path": "release.yml", "commit": "C" * 40},
        {"place": "refs/heads/main", "path": "release.yml", "commit": "c" * 41},
        {"place": "refs/heads/main", "path": "release.yml", "commit": ""},
    ],
)
def test_a_commit_is_a_commits_id_and_goes_with_a_ref_only(given: dict[str, str]) -> None:
    """Where no approval names the decision, nothing else would notice another text there."""
    with pytest.raises(ValidationError, match="commit"):
        Source(**given)
    assert Source(place="refs/heads/main", path="release.yml", commit="c" * 64).commit
