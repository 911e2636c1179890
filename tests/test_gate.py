"""The gate: what becomes of an answer."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from doubles import records
from doubles.desk import Desk

from ci_lib import gate as gates
from ci_lib import keys, workspace
from ci_lib.approval import Waiver
from ci_lib.candidate import Person
from ci_lib.errors import BadInput, Refused
from ci_lib.files import write_atomically
from ci_lib.signed import Signed, seal
from ci_lib.trusted import VerifyKey


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_approval_names_exactly_this_chain_and_opens_the_gate(desk: Desk) -> None:
    gate = desk.open()
    assert gate.state() == "waiting"
    answer = gate.record(desk.vote())
    assert gate.state() == "approved"
    assert answer.subjects == gate.chain.subjects(desk.config.policy.fingerprint())
    assert (answer.approver, answer.assurance) == (Person(id="ben", known_from="self-declared"), "self-declared")
    assert answer.expires_at - answer.issued_at == desk.config.policy.approval.valid_for
    assert set(answer.accepted) == set(desk.unsettled)
    assert desk.unsettled


def test_the_answer_on_disk_is_the_one_that_was_given(desk: Desk) -> None:
    answer = desk.open().record(desk.vote())
    (path,) = (desk.root / "production" / "approvals").glob("*.json")
    assert Signed.read(path).approval == answer
    assert path.name.startswith("ben-")


def test_a_rejection_closes_the_gate_and_accepts_nothing(desk: Desk) -> None:
    gate = desk.open()
    answer = gate.record(desk.vote(decision="rejected"))
    assert (gate.state(), answer.accepted) == ("rejected", ())


def test_two_nonces_are_never_the_same(tmp_path: Path) -> None:
    nonces = set()
    for number in range(3):
        desk = Desk(tmp_path / str(number))
        nonces.add(desk.open().record(desk.vote()).nonce)
    assert len(nonces) == 3


def test_a_second_answer_after_the_decision_is_refused_and_told_by_whom(desk: Desk) -> None:
    gate = desk.open()
    gate.record(desk.vote())
    with pytest.raises(Refused, match="is approved already, by ben"):
        gate.record(desk.vote(approver="cora"))


def test_where_two_are_needed_one_person_counts_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, required=2)
    gate = desk.open()
    gate.record(desk.vote())
    assert gate.state() == "waiting"
    with pytest.raises(Refused, match="another approver is needed"):
        gate.record(desk.vote(approver="BEN"))
    gate.record(desk.vote(approver="cora"))
    assert gate.state() == "approved"
    assert [answer.approver.id for answer in gate.approvals()] == ["ben", "cora"]


def test_who_approved_may_still_say_no_while_others_are_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, required=2)
    gate = desk.open()
    gate.record(desk.vote())
    gate.record(desk.vote(decision="rejected", reason="I was wrong"))
    assert gate.state() == "rejected"


@pytest.mark.parametrize("who", ["ben", "cora"])
def test_a_no_is_heard_after_enough_said_yes(desk: Desk, who: str) -> None:
    gate = desk.open()
    gate.record(desk.vote())
    gate.record(desk.vote(decision="rejected", approver=who, reason="I was wrong"))
    assert gate.state() == "rejected"
    assert sorted(answer.decision for answer in gate.approvals()) == ["approved", "rejected"], "both were said"
    with pytest.raises(Refused, match=f"is rejected already, by {who}"):
        gate.record(desk.vote(decision="rejected", approver="ben"))


def test_a_no_of_somebody_who_may_not_answer_stops_nothing(desk: Desk) -> None:
    gate = desk.open()
    gate.record(desk.vote())
    with pytest.raises(Refused, match="not one of the policy's approvers"):
        gate.record(desk.vote(decision="rejected", approver="mallory"))
    assert gate.state() == "approved"


def test_a_no_is_heard_when_the_question_is_old_but_the_yes_still_counts(desk: Desk) -> None:
    """A yes lasts from when it was given, so it can outlive the question."""
    gate = desk.open()
    desk.now += timedelta(days=6)
    gate.record(desk.vote())
    desk.now += timedelta(days=3)
    assert gate.state() == "approved"
    gate.record(desk.vote(decision="rejected", approver="cora"))
    assert gate.state() == "rejected"


def released(desk: Desk, **changes: object) -> None:
    entry = records.release(1, manifest=records.sha("m")).model_copy(update={"evidence": desk.evidence, **changes})
    entry.write(desk.root / "production" / "release.json")


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_once_it_is_released_the_answer_is_to_roll_back(desk: Desk, decision: str) -> None:
    gate = desk.open()
    gate.record(desk.vote())
    released(desk)
    with pytest.raises(Refused, match="is release 1 of production already") as caught:
        gate.record(desk.vote(decision=decision, approver="cora"))
    assert "rollback --reason" in caught.value.hint


def test_the_release_of_another_candidate_closes_no_gate(desk: Desk) -> None:
    gate = desk.open()
    released(desk, evidence=records.sha("another"))
    gate.record(desk.vote())
    (desk.root / "production" / "release.json").write_text("{}")
    gate.record(desk.vote(decision="rejected"))
    assert gate.state() == "rejected"


def test_an_answer_waits_for_a_release_that_is_being_written(desk: Desk) -> None:
    gate = desk.open()
    gate.record(desk.vote())
    done: list[str] = []

    def say_no() -> None:
        try:
            gate.record(desk.vote(decision="rejected", approver="cora"))
        except Refused as error:
            done.append(error.what)

    with workspace.deciding(gate.job.here):
        thread = threading.Thread(target=say_no)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        released(desk)
    thread.join()
    assert done == ["this candidate is release 1 of production already"]
    assert gate.state() == "approved"


ROLES = {"approvers": {"data-science": ("ben", "dave"), "risk": ("cora",)}, "required": {"data-science": 1, "risk": 1}}


def test_each_role_must_say_yes(tmp_path: Path) -> None:
    desk = Desk(tmp_path, **ROLES)
    gate = desk.open()
    gate.record(desk.vote())
    gate.record(desk.vote(approver="dave"))
    assert (gate.state(), gate.standing().missing) == ("waiting", ("risk: 1 of cora",))
    gate.record(desk.vote(approver="cora"))
    assert gate.state() == "approved"


def waiver(desk: Desk, **changes: object) -> Waiver:
    given = {"finding": desk.failed[0], "reason": "rare", "owner": "risk team", "expires_at": desk.now}
    return Waiver(**{**given, "expires_at": desk.now + timedelta(days=20), **changes})  # type: ignore[arg-type]  # checked by the record


@pytest.fixture
def failing(tmp_path: Path) -> Desk:
    """A candidate whose failed findings may be waived."""
    metrics = tuple({name.partition(":")[0] for name in Desk(tmp_path, verdict="fail").failed})
    desk = Desk(tmp_path, verdict="fail", waivable=metrics)
    assert desk.failed
    return desk


def test_a_failed_finding_is_waived_by_name_and_the_waiver_is_signed_with_the_answer(failing: Desk) -> None:
    gate = failing.open()
    waivers = tuple(waiver(failing, finding=name) for name in failing.failed)
    answer = gate.record(failing.vote(waivers=waivers, conditions=(" watch it ",)))
    assert (answer.waivers, answer.conditions) == (waivers, ("watch it",))
    assert gate.state() == "approved"


def test_a_yes_without_the_waiver_is_told_what_to_add(failing: Desk) -> None:
    with pytest.raises(BadInput, match="these findings failed, and nobody has waived them by name") as caught:
        failing.open().record(failing.vote())
    names = "".join(f" --waive '{name}'" for name in failing.failed)
    last = failing.now + failing.config.policy.approval.waiver_for
    assert caught.value.hint == f'add{names} --owner "…" --until {last:%Y-%m-%d}'


def test_what_one_waived_the_next_need_not(tmp_path: Path, failing: Desk) -> None:
    desk = Desk(tmp_path, verdict="fail", waivable=failing.config.policy.approval.waivable, required=2)
    gate = desk.open()
    gate.record(desk.vote(waivers=tuple(waiver(desk, finding=name) for name in desk.failed)))
    gate.record(desk.vote(approver="cora"))
    assert gate.state() == "approved"


def test_a_waiver_that_ran_out_leaves_the_finding_open_again(tmp_path: Path, failing: Desk) -> None:
    desk = Desk(tmp_path, verdict="fail", waivable=failing.config.policy.approval.waivable, required=2)
    gate = desk.open()
    short = tuple(waiver(desk, finding=name, expires_at=desk.now + timedelta(days=1)) for name in desk.failed)
    gate.record(desk.vote(waivers=short))
    desk.now += timedelta(days=2)
    assert gate.approvals() == ()
    assert gate.standing().unwaived == desk.failed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"owner": " "}, "has no owner"),
        ({"reason": ""}, "has no reason"),
        ({"finding": "made_up"}, "no finding is called 'made_up'"),
        ({"finding": "brier:versus-dummy"}, "brier:versus-dummy passed: there is nothing to waive"),
        ({"expires_at": records.NOW - timedelta(days=400)}, "ended on"),
        ({"expires_at": records.NOW + timedelta(days=400)}, "lasts longer than the policy lets it"),
    ],
)
def test_a_slip_in_a_waiver_is_bad_input_and_leaves_nothing(
    failing: Desk, changes: dict[str, object], sentence: str
) -> None:
    good = tuple(waiver(failing, finding=name) for name in failing.failed)
    odd = waiver(failing, **changes)
    waivers = (odd, *(each for each in good if each.finding != odd.finding))
    with pytest.raises(BadInput, match=sentence):
        failing.open().record(failing.vote(waivers=waivers))
    assert not (failing.root / "production" / "approvals").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [({"waivers": True}, "a rejection that waives something"), ({"conditions": ("x",)}, "a rejection has no cond")],
)
def test_a_no_waives_nothing_and_has_no_conditions(failing: Desk, more: dict[str, object], sentence: str) -> None:
    given = {"waivers": (waiver(failing),)} if "waivers" in more else more
    with pytest.raises(BadInput, match=sentence):
        failing.open().record(failing.vote(decision="rejected", **given))


@pytest.mark.parametrize("text", ["", " \n", "x" * 4_001])
def test_a_condition_says_something_and_not_too_much(desk: Desk, text: str) -> None:
    with pytest.raises(BadInput, match="a condition is a text of at most 4,000 characters"):
        desk.open().record(desk.vote(conditions=(text,)))


def test_a_waivers_words_are_not_too_many(failing: Desk) -> None:
    with pytest.raises(BadInput, match="a waiver's reason and owner have more than 4,000 characters"):
        failing.open().record(failing.vote(waivers=(waiver(failing, owner="x" * 4_001),)))


def test_a_persons_key_signs_that_persons_answer_alone(tmp_path: Path) -> None:
    public = keys.new(tmp_path / "ben.pem")
    desk = Desk(tmp_path, keys=(VerifyKey(name="ben's laptop", public=public, person="ben"),))
    desk.env["ML_RELEASE_SIGNING_KEY"] = str(tmp_path / "ben.pem")
    gate = desk.open()
    with pytest.raises(Refused, match="'cora' is signed with \"ben's laptop\", the key of 'ben'") as caught:
        gate.record(desk.vote(approver="cora"))
    assert "your own key" in caught.value.hint
    gate.record(desk.vote(approver="ben"))
    assert gate.state() == "approved"


def test_an_approval_is_for_the_registry_that_release_yml_named_then(desk: Desk) -> None:
    desk.open().record(desk.vote())
    elsewhere = desk.config.environments["production"].model_copy(update={"registry": "http://elsewhere:5000"})
    desk.config = desk.config.model_copy(update={"environments": {"production": elsewhere}})
    assert desk.open().state() == "waiting"


@pytest.mark.parametrize("field", ["registry", "name", "alias"])
def test_each_part_of_the_destination_counts(desk: Desk, field: str) -> None:
    other = desk.config.environments["production"].model_copy(update={field: "other"})
    changed = desk.config.model_copy(update={"environments": {"production": other}})
    assert changed.destination("production") != desk.config.destination("production")


def test_an_answer_that_no_longer_holds_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """Deploy refuses when any answer does not hold: one that nobody can take back would stop it for ever."""
    desk = Desk(tmp_path, required=2)
    gate = desk.open()
    old = gate.record(desk.vote())
    (path,) = gate.folder.glob("*.json")
    for broken in ({"pipeline": "p", "issued_at": old.issued_at.replace(tzinfo=None)}, {"model": "another"}):
        seal(old.model_copy(update=broken), None).write(path)
        assert gate.approvals() == ()
        gate.record(desk.vote(approver="cora"))
        (kept,) = gate.folder.glob("*.json")
        assert Signed.read(kept).approval.approver.id == "cora"
        kept.unlink()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reason": "x" * 4_001}, "4,001 characters; 4,000 are kept"),
        ({"reason": " . "}, "needs a reason"),
        ({"accepted": ()}, "accepts each by name"),
        ({"accepted": ("nonsense",)}, "no inconclusive finding is called nonsense"),
        ({"approver": None}, "cannot know who approves"),
    ],
)
def test_an_incomplete_answer_is_bad_input_and_leaves_nothing(
    desk: Desk, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        desk.open().record(desk.vote(**changes))
    assert not (desk.root / "production" / "approvals").exists()


def test_the_message_about_unsettled_findings_is_what_to_type(desk: Desk) -> None:
    with pytest.raises(BadInput) as caught:
        desk.open().record(desk.vote(accepted=()))
    assert caught.value.hint == "add " + " ".join(f"--accept '{name}'" for name in desk.unsettled)


@pytest.mark.parametrize(
    ("who", "sentence"), [("mallory", "not one of the policy's approvers"), ("dora", "not one of")]
)
def test_a_foreign_answer_is_refused_and_leaves_nothing(desk: Desk, who: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        desk.open().record(desk.vote(approver=who))
    assert not (desk.root / "production" / "approvals").exists()


def replace_report(desk: Desk) -> None:
    write_atomically(desk.root / "report" / "index.html", b"<p>another report</p>")


def remove_evidence(desk: Desk) -> None:
    (desk.root / "evidence.json").unlink()


def break_candidate(desk: Desk) -> None:
    (desk.root / "candidate.json").write_text("{}")


@pytest.mark.parametrize("change", [replace_report, remove_evidence, break_candidate])
def test_an_answer_to_a_question_that_changed_meanwhile_is_refused(desk: Desk, change: Callable[[Desk], None]) -> None:
    gate = desk.open()
    change(desk)
    assert gate.state() == "expired"
    with pytest.raises(Refused, match="changed while it was on the table"):
        gate.record(desk.vote())


def test_an_answer_about_an_older_report_no_longer_counts(desk: Desk) -> None:
    desk.open().record(desk.vote())
    replace_report(desk)
    assert desk.open().approvals() == ()
    assert desk.open().state() == "waiting"


def test_a_question_older_than_an_answer_may_be_is_expired(desk: Desk) -> None:
    gate = desk.open()
    desk.now += timedelta(days=8)
    assert gate.state() == "expired"
    with pytest.raises(Refused, match="too old to be answered now"):
        gate.record(desk.vote())


def test_an_answer_that_ran_out_makes_room_for_a_new_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, required=2)
    gate = desk.open()
    old = gate.record(desk.vote())
    stale = old.model_copy(
        update={"expires_at": desk.now - timedelta(minutes=1), "issued_at": desk.now - timedelta(days=3)}
    )
    (path,) = gate.folder.glob("*.json")
    seal(stale, None).write(path)
    assert gate.approvals() == ()
    gate.record(desk.vote(approver="cora"))
    assert [answer.approver.id for answer in gate.approvals()] == ["cora"]
    assert len(list(gate.folder.glob("*.json"))) == 1


def test_a_failed_verdict_never_reaches_a_person(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="never reaches the gate"):
        Desk(tmp_path, verdict="fail").open()


def test_where_nobody_is_asked_there_is_no_gate(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nobody is asked"):
        Desk(tmp_path, approval="automatic").open()


def test_people_whose_names_look_alike_as_files_stay_apart() -> None:
    slugs = {gates._slug(Person(id=name, known_from="x")) for name in ("a b", "a-b", "a/b", "../a-b", "Ä", "ß", "")}
    assert len(slugs) == 7
    assert not any("/" in slug or slug.startswith(".") for slug in slugs)
