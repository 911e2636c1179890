"""Answers that hold. What is refused is in test_refusals."""

from datetime import timedelta

import pytest
from doubles.asked import FAILED, KEY, OPEN, OTHER, ROLES, answer, by, check, person, policy, waiver
from doubles.small_chain import NAMED, NOW

from ci_lib.approval import Approval
from ci_lib.errors import Refused
from ci_lib.ledger import used_nonce

YES = answer(assurance="ci-verified")


def test_where_the_policy_has_keys_one_of_them_must_have_signed() -> None:
    check(answer(), policy=policy(keys=(KEY,)), signed_by=("gate",))
    check(YES, policy=policy(assurance="ci-verified", keys=(KEY,)), signed_by=("gate",))


def test_a_persons_key_vouches_for_that_person_however_the_name_is_written() -> None:
    own = KEY.model_copy(update={"name": "ana's", "person": "Ana"})
    check(answer(), policy=policy(keys=(own,)), signed_by=("ana's",))
    check(by("ben"), policy=policy(keys=(own, KEY)), signed_by=("ana's", "gate"))


def test_keys_that_sign_releases_ask_for_no_signed_approval() -> None:
    check(answer(), policy=policy(keys=(KEY.model_copy(update={"role": "deploy"}),)))


def test_a_key_that_signs_releases_is_no_key_for_an_approval() -> None:
    deploys = KEY.model_copy(update={"role": "deploy"})
    with pytest.raises(Refused, match="names no key to verify it with"):
        check(YES, policy=policy(assurance="ci-verified", keys=(deploys,)), signed_by=("gate",))


@pytest.mark.parametrize(
    "given",
    [
        answer(),
        answer(decision="rejected"),
        answer(approver=person("ANA ")),
        answer(issued_at=NOW + timedelta(minutes=4)),
        answer(issued_at=NOW + timedelta(minutes=5)),
        answer(issued_at=NOW, expires_at=NOW + policy().valid_for),
        answer(conditions=("watch the small group monthly",)),
    ],
)
def test_a_valid_answer_passes(given: Approval) -> None:
    check(given)


def test_an_answer_of_somebody_with_a_role_passes() -> None:
    check(by("cleo"), policy=policy(**ROLES))


def test_who_may_answer_is_said_to_who_may_not() -> None:
    with pytest.raises(Refused) as caught:
        check(by("eve"), policy=policy(**ROLES))
    assert caught.value.hint == "one of them must answer: ana, cleo, ben"


def test_a_mail_address_gives_an_author_away() -> None:
    with pytest.raises(Refused, match="is an author"):
        check(
            by("ada@example.org"),
            policy=policy(approvers=("ada@example.org",)),
            authors=[person("A. Lovelace <ADA@example.org>")],
        )


def test_without_four_eyes_an_author_may_approve() -> None:
    check(answer(), policy=policy(four_eyes=False), authors=[person("ana")])
    check(answer(), policy=policy(four_eyes=False), authors=[])


def test_an_approval_that_this_operation_claimed_is_still_valid_for_it() -> None:
    check(answer(nonce="n"), used={used_nonce("n"): OTHER}, op=OTHER)


def test_an_approval_that_nobody_claimed_is_valid_for_any_operation() -> None:
    check(answer(nonce="n"), used={used_nonce("another"): OTHER}, op=OTHER)


@pytest.mark.parametrize("value", [OPEN, FAILED])
def test_what_did_not_pass_may_be_waived_where_the_policy_says_so(value: float) -> None:
    given = answer(value=value, accepted=(), waivers=(waiver(),))
    check(given, value=value, policy=policy(waivable=(NAMED,)))


def test_a_waiver_lasts_through_its_last_day_and_no_longer() -> None:
    given = answer(value=FAILED, waivers=(waiver(),), expires_at=NOW + timedelta(days=60))
    long = policy(waivable=(NAMED,), valid_for=timedelta(days=90))
    check(given, value=FAILED, policy=long, now=NOW.replace(month=12, day=20))
    with pytest.raises(Refused, match="ended on 2026-12-20 12:00"):
        check(given, value=FAILED, policy=long, now=NOW.replace(month=12, day=20, minute=1))


def test_the_longest_waiver_ends_with_the_day_on_which_its_time_is_over() -> None:
    last = NOW.replace(month=12, day=24, hour=23, minute=59, second=59)
    check(answer(value=FAILED, waivers=(waiver(expires_at=last),)), value=FAILED, policy=policy(waivable=(NAMED,)))
    later = answer(value=FAILED, waivers=(waiver(expires_at=last + timedelta(seconds=1)),))
    with pytest.raises(Refused, match="lasts longer") as caught:
        check(later, value=FAILED, policy=policy(waivable=(NAMED,)))
    assert caught.value.hint == "--until 2026-12-24"
