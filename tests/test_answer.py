"""An answer is put together from the command line and from words that were typed where the gate was played."""

from typing import Any

import pytest
from doubles.gates import SUBJECTS

from ci_lib.answer import Said, answer, code, digits
from ci_lib.errors import BadInput, Refused

CODE = code(SUBJECTS, "ben")


def put(said: Said | None = None, **given: Any) -> Any:
    plain: dict[str, Any] = {"reject": False, "reason": "", "accepted": (), "approver": "ben", "subjects": SUBJECTS}
    return answer(**plain | given, said=said or Said())


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
