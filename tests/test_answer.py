"""An answer is put together from the command line and from words that were typed where the gate was played."""

from datetime import date
from typing import Any

import pytest
from doubles.gates import SUBJECTS

from ci_lib.answer import Answer, Said, Words, answer, code, digits, waivers
from ci_lib.errors import BadInput, Refused

CODE = code(SUBJECTS, "ben")


def put(said: Said | None = None, **line: Any) -> Answer:
    return answer(Words(**line), said or Said(), approver="ben", subjects=SUBJECTS)


def test_the_code_names_who_and_all_that_is_answered() -> None:
    assert f"ben:{digits(SUBJECTS)}" == CODE
    assert len(digits(SUBJECTS)) == 12
    for part in type(SUBJECTS).model_fields:
        changed = SUBJECTS.model_copy(update={part: "sha256:" + "0" * 64})
        assert digits(changed) != digits(SUBJECTS)


def test_the_command_line_needs_no_code_and_goes_first() -> None:
    found = put(Said(otherwise="played"), reason="mine", accepted=("a",))
    assert (found.decision, found.reason, found.accepted) == ("approved", "mine", ("a",))


def test_a_click_alone_is_a_yes_that_says_so() -> None:
    found = put(Said(otherwise="played 'approve'"))
    assert (found.decision, found.reason, found.accepted) == ("approved", "played 'approve'", ())


def test_a_no_needs_no_code() -> None:
    """Whoever puts a no into a variable harms only their own release."""
    assert put(Said(decision="rejected")).decision == "rejected"


def test_words_with_their_code_count() -> None:
    found = put(Said(decision="approved", reason="read", accepted=("a", "b"), code=f" {CODE}\n"), accepted=("b",))
    assert (found.reason, found.accepted) == ("read", ("b", "a"))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Said(reason="x"), "without ML_RELEASE_CODE"),
        (Said(accepted=("a",)), "without ML_RELEASE_CODE"),
        (Said(decision="approved"), "without ML_RELEASE_CODE"),
        (Said(reason="x", code=code(SUBJECTS, "cleo")), "is 'cleo''s, and 'ben' played the gate"),
        (Said(reason="x", code=digits(SUBJECTS)), "these are not their words"),
        (Said(reason="x", code="ben:"), "is about another candidate"),
        (Said(reason="x", code=CODE[:-1]), "is about another candidate"),
        (Said(reason="x", code=CODE.upper()), "these are not their words"),
        (Said(reason="x", code="bén:ü"), "these are not their words"),
    ],
)
def test_words_without_it_are_refused(said: Said, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        put(said)
    assert sentence in caught.value.what
    assert "ML_RELEASE_CODE=ben:" in caught.value.hint


def test_a_job_that_can_only_say_no_says_nothing_else() -> None:
    assert put(Said(decision="rejected", only="rejected")).decision == "rejected"
    with pytest.raises(BadInput, match="can only say 'rejected', and it was told 'approved'"):
        put(Said(only="rejected"))


UNTIL = date(2027, 1, 31)
WAIVED: dict[str, Any] = {"waived": ("a",), "owner": "dora", "until": UNTIL}


@pytest.mark.parametrize(
    "said",
    [
        Said(waived=("a",)),
        Said(owner="dora"),
        Said(until=UNTIL),
        Said(waive_reason="x"),
        Said(conditions=("watch it",)),
    ],
)
def test_waivers_and_conditions_are_words_too(said: Said) -> None:
    with pytest.raises(Refused, match="without ML_RELEASE_CODE"):
        put(said)


def test_waivers_and_conditions_count_with_their_code() -> None:
    found = put(Said(**WAIVED, waive_reason="few rows", conditions=("watch it",), code=CODE), reason="read")
    (waiver,) = waivers(found)
    assert (waiver.finding, waiver.owner, waiver.reason) == ("a", "dora", "few rows")
    assert (f"{waiver.expires_at:%Y-%m-%d}", found.conditions) == ("2027-01-31", ("watch it",))


def test_a_waiver_without_a_reason_of_its_own_has_the_answers() -> None:
    assert [waiver.reason for waiver in waivers(Words(**WAIVED, reason=" read "))] == ["read"]
    assert waivers(Words(reason="read")) == ()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (Words(owner="dora"), "--owner is about a waiver, and none is named"),
        (Words(until=UNTIL), "--until is about a waiver"),
        (Words(waive_reason="x"), "--waive-reason is about a waiver"),
        (Words(waived=("a",), owner="dora"), "the waiver of a has no last day"),
    ],
)
def test_half_a_waiver_is_none(words: Words, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        waivers(words)
