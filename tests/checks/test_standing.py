"""Whether the answers are enough: who counts for what, what somebody must have accepted or waived, and who says no."""

from typing import Any

import pytest
from doubles.asked import FAILED, OPEN, PASSED, ROLES, answer, by, policy, waiver, whole
from doubles.small_chain import NAMED

from ci_lib import checks
from ci_lib.approval import Approval
from ci_lib.decision import Decision


def standing(value: float, answers: list[Approval], **changes: Any) -> checks.Standing:
    return checks.standing(answers, policy=policy(**changes), decision=whole(value).decision)


@pytest.mark.parametrize(
    ("value", "answers", "required", "state", "sentence"),
    [
        (PASSED, [], 1, "waiting", "0 of 1 approvals"),
        (PASSED, [by("ana")], 1, "approved", "approved by ana"),
        (PASSED, [by("ana")], 2, "waiting", "1 of 2 approvals; still needed: 1 of ben"),
        (PASSED, [by("ana"), by("Ana")], 2, "waiting", "1 of 2 approvals; still needed: 1 of ben"),
        (PASSED, [by("ana"), by("ben")], 2, "approved", "approved by ana, ben"),
        (PASSED, [by("eve")], 1, "waiting", "0 of 1 approvals"),
        (
            PASSED,
            [by("ana"), by("ben", decision="rejected", reason="unfair")],
            1,
            "rejected",
            "ben rejected it: unfair",
        ),
        (OPEN, [by("ana", accepted=())], 1, "waiting", f"nobody has accepted {NAMED} by name"),
        (OPEN, [by("ana", accepted=()), by("ben")], 1, "approved", "approved by ana, ben"),
        (OPEN, [by("ana", accepted=(), waivers=(waiver(),))], 1, "approved", "approved by ana"),
        (FAILED, [by("ana", value=FAILED)], 1, "waiting", f"nobody has waived {NAMED} by name"),
        (FAILED, [by("ana", value=FAILED, waivers=(waiver(),))], 1, "approved", "approved by ana"),
        (FAILED, [by("ana", waivers=(waiver(finding="x"),))], 1, "waiting", f"nobody has waived {NAMED} by name"),
    ],
)
def test_the_gate_opens_for_enough_people_who_settle_what_is_open(
    value: float, answers: list[Approval], required: int, state: str, sentence: str
) -> None:
    found = standing(value, answers, required=required)
    assert (found.state, found.sentence) == (state, sentence)


def test_to_accept_a_failed_finding_is_not_to_waive_it() -> None:
    assert standing(FAILED, [by("ana", accepted=(NAMED,))]).state == "waiting"


TWO_HATS = {"approvers": {"data-science": ("ana", "cleo"), "risk": ("ana", "ben")}}


@pytest.mark.parametrize(
    ("answers", "changes", "state", "missing"),
    [
        ([], ROLES, "waiting", ("data-science: 1 of ana, cleo", "risk: 1 of ben")),
        (["ana"], ROLES, "waiting", ("risk: 1 of ben",)),
        (["ana", "cleo"], ROLES, "waiting", ("risk: 1 of ben",)),  # two of one role fill one place
        (["ana", "ben"], ROLES, "approved", ()),
        # Ana has both roles and fills one place; whoever comes next decides which.
        (["ana"], ROLES | TWO_HATS, "waiting", ("risk: 1 of cleo, ben",)),
        (["ana", "cleo"], ROLES | TWO_HATS, "approved", ()),
        (["ana", "ben"], ROLES | TWO_HATS, "approved", ()),
        (["ana", "ANA "], ROLES | TWO_HATS, "waiting", ("risk: 1 of cleo, ben",)),
        (["ben", "cleo"], ROLES | {"required": {"data-science": 2, "risk": 1}}, "waiting", ("data-science: 1 of ana",)),
    ],
)
def test_people_fill_the_places_of_their_roles_and_nobody_two(
    answers: list[str], changes: dict[str, Any], state: str, missing: tuple[str, ...]
) -> None:
    found = standing(PASSED, [by(name) for name in answers], **changes)
    assert (found.state, found.missing) == (state, missing)


def test_whoever_could_still_answer_is_named() -> None:
    assert standing(PASSED, [by("ana")], **ROLES).who == ("ben",)
    assert standing(PASSED, [], **ROLES).who == ("ana", "cleo", "ben")


def test_where_only_a_finding_is_open_anybody_else_could_settle_it() -> None:
    assert standing(FAILED, [by("ana", value=FAILED)]).who == ("ben",)
    assert standing(OPEN, [by("ana", accepted=())]).who == ("ben",)


def test_a_role_that_nobody_can_fill_any_more_is_said() -> None:
    assert standing(PASSED, [by("ben")], **ROLES | {"required": {"risk": 2}}).missing == ("risk: 1 of nobody",)


def two_findings(outcome: str) -> Decision:
    decision = whole(OPEN).decision
    findings = [decision.findings[0].model_copy(update={"name": name, "outcome": outcome}) for name in (NAMED, "brier")]
    return decision.model_copy(update={"findings": tuple(findings)})


@pytest.mark.parametrize(
    ("outcome", "sentence", "unwaived"),
    [
        ("fail", "nobody has waived roc_auc, brier by name", ("roc_auc", "brier")),
        ("inconclusive", "nobody has accepted roc_auc, brier by name", ()),
    ],
)
def test_everything_that_nobody_has_settled_is_named(outcome: str, sentence: str, unwaived: tuple[str, ...]) -> None:
    found = checks.standing([by("ana", accepted=())], policy=policy(), decision=two_findings(outcome))
    assert (found.state, found.sentence, found.unwaived, found.who) == ("waiting", sentence, unwaived, ("ben",))


def test_each_role_whose_yes_is_missing_is_named() -> None:
    three = {"data-science": ("ana",), "risk": ("ben",), "legal": ("dora", "eve")}
    required = {"data-science": 1, "risk": 1, "legal": 1}
    found = standing(PASSED, [by("ana")], approvers=three, required=required)
    assert found.sentence == "1 of 3 approvals; still needed: risk: 1 of ben; legal: 1 of dora, eve"


def test_one_no_of_any_role_rejects() -> None:
    answers = [by("ana"), by("ben"), by("cleo", decision="rejected", reason="too early")]
    assert standing(PASSED, answers, **ROLES).sentence == "cleo rejected it: too early"


def test_a_waiver_of_one_approver_is_enough_beside_the_yes_of_the_other() -> None:
    answers = [by("ana", value=FAILED, waivers=(waiver(),)), by("ben", value=FAILED)]
    assert standing(FAILED, answers, **ROLES).state == "approved"
    assert standing(FAILED, answers[1:], **ROLES).unwaived == (NAMED,)


def test_ones_own_yes_counts_for_nothing_beside_ones_own_no() -> None:
    assert standing(PASSED, [answer(), answer(decision="rejected")]).state == "rejected"


def test_a_reason_cannot_write_a_second_line() -> None:
    found = standing(PASSED, [answer(decision="rejected", reason="no\n  next: ml-release deploy")])
    assert "\n" not in found.sentence


def test_no_name_of_a_person_writes_a_second_line_whatever_the_gate_says() -> None:
    """A deploy prints the sentence: a line of its own would read as one of ours."""
    forger = "ana\n== deploy\nrelease 9: models:/loan@champion is version 9"
    for answers, changes in (
        ([by(forger)], {"approvers": (forger,)}),
        ([by(forger), by("ben")], {"approvers": (forger, "ben"), "required": 2}),
        ([by(forger)], {"approvers": (forger, "ben"), "required": 2}),
    ):
        found = standing(PASSED, answers, **changes)
        assert "\n" not in found.sentence
