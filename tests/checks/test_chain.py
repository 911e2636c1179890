"""Records that rest on each other, and evidence that is not stale. What is refused is in test_refusals."""

from typing import Any

import pytest
from doubles.asked import whole
from doubles.entries import history
from doubles.small_chain import config, decide

from ci_lib import checks
from ci_lib.chain import Chain
from ci_lib.errors import Refused
from ci_lib.evidence import Champion


def test_a_whole_chain_passes() -> None:
    checks.check_chain(whole(), config(), decide)


def test_the_positive_label_may_be_written_as_release_yml_writes_it() -> None:
    data = {"source": "loans.csv", "target": "approve", "positive": True}
    checks.check_chain(whole(), config(data=data), decide)


def test_only_two_classes_have_a_positive_label_and_a_threshold() -> None:
    """release.yml has a threshold by default, and must not be asked for it where there is nothing to cut."""
    made, three = whole(), config(task="multiclass")
    dataset = made.dataset.model_copy(update={"positive": None})
    candidate = made.candidate.model_copy(update={"dataset": dataset.digest()})
    about = {"dataset": dataset.digest(), "candidate": candidate.digest(), "task": "multiclass", "threshold": None}
    evidence = made.evidence.model_copy(update=about)
    decision = decide(three.policy, dataset, evidence)
    checks.check_chain(
        Chain(dataset=dataset, candidate=candidate, evidence=evidence, decision=decision, report=made.report),
        three,
        decide,
    )


HEAD = history("A", "B")[-1]
COMPARED = Champion(environment="production", release=2, manifest=HEAD.manifest)
IN_STAGING = COMPARED.model_copy(update={"environment": "staging"})
BOTH = ["staging", "production"]


def test_production_asks_for_its_own_champion_wherever_it_stands_in_the_list() -> None:
    with pytest.raises(Refused, match="it was none and is release 2 now"):
        checks.check_champion(whole().evidence, "production", ["production", "demo"], HEAD)


@pytest.mark.parametrize(
    ("compared", "environment", "head"),
    [
        (COMPARED, "production", HEAD),
        (None, "production", None),
        (COMPARED, "staging", None),
        (COMPARED, "staging", HEAD),
        (None, "staging", HEAD),
    ],
)
def test_evidence_holds_while_the_champion_it_was_compared_with_is_there(
    compared: Champion | None, environment: str, head: Any
) -> None:
    checks.check_champion(whole(champion=compared).evidence, environment, BOTH, head)


@pytest.mark.parametrize(
    ("compared", "environment", "head", "words"),
    [
        (COMPARED, "production", history("A", "B", "C")[-1], "it was release 2 and is release 3 now"),
        (COMPARED, "production", history("A", "C")[-1], "it was release 2 and is release 2 now"),
        (COMPARED, "production", history("A", "B", 1)[-1], "it was release 2 and is release 3 now"),
        (COMPARED, "production", None, "it was release 2 and is none now"),
        (None, "production", HEAD, "it was none and is release 2 now"),
        (IN_STAGING, "staging", None, "is none now"),
        (IN_STAGING, "production", HEAD, "compared with the champion of staging, and this release goes to production"),
        (IN_STAGING, "production", None, "compared with the champion of staging"),
    ],
)
def test_evidence_is_stale_once_the_champion_changed(
    compared: Champion | None, environment: str, head: Any, words: str
) -> None:
    with pytest.raises(Refused, match=words) as error:
        checks.check_champion(whole(champion=compared).evidence, environment, BOTH, head)
    assert error.value.hint.startswith("ml-release validate")
