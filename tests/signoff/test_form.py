"""What the browser sends becomes a vote."""

from urllib.parse import urlencode

import pytest
from doubles.records import chain, sha

from ci_lib.errors import BadInput
from ci_lib.gate import Vote
from ci_lib.signoff.form import FIELDS, Form, Question, read


def question() -> Question:
    return Question(environment="production", decision=chain().decision, manifest=sha("m"), report=b"")


def body(*fields: tuple[str, str]) -> bytes:
    return urlencode(fields).encode()


def test_an_approval_carries_the_accepted_findings_by_name() -> None:
    sent = body(("decision", "approve"), ("approver", " ben "), ("reason", "a\r\nb "), ("accept", "0"), ("accept", "7"))
    assert read(sent, question()).vote() == Vote(
        decision="approved", approver="ben", reason="a\nb", accepted=("impact_ratio:black=1",)
    )


def test_a_rejection_accepts_nothing() -> None:
    sent = body(("decision", "reject"), ("reason", "no"), ("accept", "0"))
    assert read(sent, question()).vote() == Vote(decision="rejected", approver=None, reason="no")


@pytest.mark.parametrize("decision", ["", "Approve", "approved", "x"])
def test_neither_button_is_no_vote(decision: str) -> None:
    with pytest.raises(BadInput, match="without a decision"):
        Form(number="1", decision=decision).vote()


@pytest.mark.parametrize(
    "sent", [b"\xff", b"no equals sign", b"a=%ff", b"&".join([b"a=1"] * (FIELDS + 1))], ids=lambda sent: repr(sent[:9])
)
def test_what_is_no_form_is_bad_input(sent: bytes) -> None:
    with pytest.raises(BadInput, match="no form"):
        read(sent, question())
