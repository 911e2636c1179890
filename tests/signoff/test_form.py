"""What the browser sends becomes a vote."""

from dataclasses import replace
from datetime import date
from urllib.parse import urlencode

import pytest
from doubles.records import chain, sha

from ci_lib.approval import end_of
from ci_lib.errors import BadInput
from ci_lib.gate import Vote
from ci_lib.signoff.form import FIELDS, Form, Question, Terms, read


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


WAIVABLE = ("impact_ratio:black=1", "overlap_rows")


def failing() -> Question:
    return replace(question(), decision=chain("fail").decision, waivable=WAIVABLE)


def test_a_waiver_has_the_terms_of_its_own_finding() -> None:
    sent = body(
        ("decision", "approve"), ("reason", "rare"), ("waive", "1"), ("owner-0", "x"), ("until-0", ""),
        ("owner-1", " data team "), ("until-1", "2026-12-20"), ("conditions", "one\r\n\r\n two"),
    )  # fmt: skip
    vote = read(sent, failing()).vote()
    (waiver,) = vote.waivers
    assert (waiver.finding, waiver.reason, waiver.owner) == ("overlap_rows", "rare", "data team")
    assert waiver.expires_at == end_of(date(2026, 12, 20))
    assert vote.conditions == ("one", "two")


def test_a_form_keeps_what_was_typed_for_a_waiver_that_is_not_ticked() -> None:
    form = read(body(("owner-0", "x"), ("until-0", "2026-12-20")), failing())
    assert (form.waived, form.terms[WAIVABLE[0]]) == ({}, Terms(owner="x", until="2026-12-20"))


@pytest.mark.parametrize("until", ["", "soon", "2026-13-01", "20.12.2026"])
def test_a_waiver_without_a_last_day_is_bad_input(until: str) -> None:
    sent = body(("decision", "approve"), ("waive", "0"), ("owner-0", "x"), ("until-0", until))
    with pytest.raises(BadInput, match="impact_ratio:black=1 has no last day"):
        read(sent, failing()).vote()


def test_a_rejection_waives_nothing_and_needs_no_day() -> None:
    assert read(body(("decision", "reject"), ("waive", "0")), failing()).vote().waivers == ()
