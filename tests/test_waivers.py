"""What may be waived, and how a waiver is shown."""

from datetime import timedelta

import pytest
from doubles.asked import FAILED, PASSED, answer, policy, waiver, whole
from doubles.small_chain import NOW

from ci_lib import waivers


@pytest.mark.parametrize(
    ("finding", "waivable", "may"),
    [
        ("impact_ratio:sex=f", (), False),
        ("impact_ratio:sex=f", ("impact_ratio",), True),
        ("impact_ratio:sex=f", ("impact_ratio:sex=f",), True),
        ("impact_ratio:sex=f", ("impact_ratio:sex=m",), False),
        ("impact_ratio:sex=f", ("impact",), False),
        ("impact_ratio", ("impact_ratio:sex=f",), False),
        ("roc_auc#2", ("roc_auc",), True),
        ("roc_auc#2", ("roc_auc#3",), False),
        ("roc_auc:versus-champion", ("roc_auc",), True),
        ("policy:rules", ("roc_auc",), False),
        ("brier:x=roc_auc", ("roc_auc",), False),
    ],
)
def test_a_finding_may_be_waived_by_its_name_or_its_metrics(finding: str, waivable: tuple[str, ...], may: bool) -> None:
    assert waivers.may_be_waived(finding, policy(waivable=waivable)) is may


def test_a_fail_is_asked_about_only_if_each_failed_finding_may_be_waived() -> None:
    two = whole(FAILED).decision
    other = two.findings[0].model_copy(update={"name": "brier"})
    two = two.model_copy(update={"findings": (*two.findings, other)})
    asked = {names: waivers.askable(two, policy(waivable=names)) for names in ((), ("roc_auc",), ("roc_auc", "brier"))}
    assert asked == {(): False, ("roc_auc",): False, ("roc_auc", "brier"): True}
    assert waivers.askable(whole(PASSED).decision, policy())


def test_a_fail_without_a_failed_finding_is_never_asked_about() -> None:
    odd = whole(FAILED).decision.model_copy(update={"findings": ()})
    assert not waivers.askable(odd, policy(waivable=("roc_auc",)))


def test_a_waiver_is_shown_with_who_gave_it_and_whether_it_has_ended() -> None:
    given = [answer(waivers=(waiver(),))]
    (now,) = waivers.given(given, NOW)
    (later,) = waivers.given(given, NOW + timedelta(days=27))
    assert str(now) == "roc_auc until 2026-12-20, owner risk team, by ana: rare"
    assert str(later) == "roc_auc EXPIRED on 2026-12-20, owner risk team, by ana: rare"


def test_conditions_are_shown_with_who_made_them() -> None:
    assert waivers.conditions([answer(conditions=("a", "b"))]) == ("ana: a", "ana: b")
