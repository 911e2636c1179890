"""Words in variables: how they are read, and that they are read as they were written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.answer import Words
from ci_lib.ci import typed
from ci_lib.errors import BadInput

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=";"), min_size=1)
NAMES = st.lists(TEXT, unique=True).map(tuple)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [({"DECISION": "perhaps"}, "ML_RELEASE_DECISION is 'perhaps'"), ({"UNTIL": "soon"}, "'soon', which is no day")],
)
def test_what_cannot_be_read_is_said_with_the_servers_name(variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(BadInput, match=f"Jenkins: .*{sentence}"):
        typed.words({f"ML_RELEASE_{name}": text for name, text in variables.items()}, "Jenkins")


def test_nothing_typed_is_no_decision() -> None:
    assert typed.words({}, "Jenkins") == Words()


@given(TEXT, NAMES, NAMES, NAMES, st.none() | st.dates(), st.sampled_from(["approved", "rejected"]))
def test_words_are_read_as_they_were_written(
    reason: str, accepted: tuple[str, ...], waived: tuple[str, ...], conditions: tuple[str, ...], until: date | None,
    decision: str,
) -> None:  # fmt: skip
    words = Words(
        decision=decision,
        reason=reason,
        accepted=accepted,
        waived=waived,
        owner=reason,
        until=until,
        waive_reason=reason,
        conditions=conditions,
    )  # type: ignore[arg-type]  # one of the two
    assert typed.words(typed.variables(words), "Jenkins") == words
