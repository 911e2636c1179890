"""Each numbered check, with a case that fails it and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from doubles.entries import history
from doubles.small_chain import AUTHOR, MODEL, NAMED, NOW, approval, chain, config, decide

from ci_lib import checks
from ci_lib.approval import Approval
from ci_lib.candidate import Person
from ci_lib.chain import Chain
from ci_lib.errors import Refused
from ci_lib.evidence import Champion
from ci_lib.keys import public_text
from ci_lib.ledger import used_nonce
from ci_lib.manifest import File, Manifest
from ci_lib.record import digest
from ci_lib.trusted import VerifyKey

OTHER = digest(b"another")
MANIFEST = Manifest(files=(File(path="MLmodel", size=1, sha256=digest(b"x")),))
POLICY = config().policy


def whole(value: float = 0.8, champion: Champion | None = None) -> Chain:
    return chain(MANIFEST, model_uri="models:/m-1", value=value, champion=champion, policy=POLICY)


def replaced(**changes: dict[str, Any]) -> Chain:
    """Return the chain with fields of some records replaced, and nothing else adapted."""
    made = whole()
    records = {name: getattr(made, name).model_copy(update=update) for name, update in changes.items()}
    return Chain(**{**vars(made), **records})


def test_a_whole_chain_passes() -> None:
    checks.check_chain(whole(), config(), decide)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (replaced(dataset={"model": "x"}), "dataset.json is about 'x'"),
        (replaced(candidate={"model": "x"}), "candidate.json is about 'x'"),
        (replaced(evidence={"model": "x"}), "evidence.json is about 'x'"),
        (replaced(decision={"model": "x"}), "decision.json is about 'x'"),
        (replaced(candidate={"dataset": OTHER}), "candidate.json was trained on another dataset"),
        (replaced(evidence={"dataset": OTHER}), "evidence.json was measured on another dataset"),
        (replaced(evidence={"candidate": OTHER}), "evidence.json is about another candidate"),
        (replaced(evidence={"manifest": OTHER}), "measured with other model files"),
        (replaced(decision={"evidence": OTHER}), "decision.json is about other evidence"),
        (replaced(decision={"dataset": OTHER}), "decision.json is about other evidence"),
        (replaced(decision={"policy": OTHER}), "another policy"),
        (replaced(decision={"verdict": "inconclusive"}), "the policy makes another decision"),
        (replaced(decision={"findings": ()}), "the policy makes another decision"),
        (replaced(dataset={"source": "x"}), "candidate.json was trained on another dataset"),
        (replaced(candidate={"seed": 1}), "evidence.json is about another candidate"),
        (replaced(evidence={"threshold": 0.4}), "decision.json is about other evidence"),
    ],
)
def test_a_chain_that_does_not_hold_is_refused(broken: Chain, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        checks.check_chain(broken, config(), decide)


def test_a_policy_that_changed_since_the_decision_is_refused() -> None:
    softer = config(policy={"rules": [{"metric": "roc_auc", "at_least": 0.1}]})
    with pytest.raises(Refused, match="another policy"):
        checks.check_chain(whole(), softer, decide)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": 0.2}, "threshold was 0.5 when the evidence was measured, and is 0.2"),
        ({"task": "multiclass"}, "task was 'binary'"),
        ({"data": {"source": "loans.csv", "target": "reject"}}, "data.target was 'approve'"),
        ({"data": {"source": "loans.csv", "target": "approve", "positive": 0}}, "data.positive was '1'"),
        ({"data": {"source": "loans.csv", "target": "approve", "sensitive": ["sex"]}}, r"data.sensitive was \[\]"),
    ],
)
def test_a_question_that_changed_since_the_evidence_is_refused(changes: dict[str, Any], words: str) -> None:
    """The policy's digest does not cover these keys, and what was judged must be what is released."""
    with pytest.raises(Refused, match=words):
        checks.check_chain(whole(), config(**changes), decide)


def test_the_positive_label_may_be_written_as_release_yml_writes_it() -> None:
    data = {"source": "loans.csv", "target": "approve", "positive": True}
    checks.check_chain(whole(), config(data=data), decide)


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


def check(answer: Approval, **changes: Any) -> None:
    about = whole(0.6)
    given: dict[str, Any] = {
        "policy": POLICY.approval,
        "subjects": about.subjects(POLICY.fingerprint()),
        "authors": [AUTHOR],
        "environment": "production",
        "model": MODEL,
        "destination": config().destination("production"),
        "decision": about.decision,
        "now": NOW,
        "used": {},
    }
    checks.check_approval(answer, **given | changes)


def answer(**changes: Any) -> Approval:
    return approval(whole(0.6), POLICY, **{"accepted": (NAMED,)} | changes)


def person(name: str) -> Person:
    return Person(id=name, known_from="gitlab")


def policy(**changes: Any) -> Any:
    return POLICY.approval.model_copy(update=changes)


KEY = VerifyKey(name="gate", public=public_text(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()))


def test_keys_that_sign_the_ledger_are_no_keys_of_the_gate() -> None:
    deployer = KEY.model_copy(update={"name": "deployer", "role": "deploy"})
    check(answer(), policy=policy(keys=(deployer,)))
    with pytest.raises(Refused, match="names no key to verify it with"):
        check(answer(assurance="ci-verified"), policy=policy(assurance="ci-verified", keys=(deployer,)))


def test_where_the_policy_has_keys_one_of_them_must_have_signed() -> None:
    check(answer(), policy=policy(keys=(KEY,)), signed_by=("gate",))
    with pytest.raises(Refused, match=r"signed by none of the policy's keys that counted then \(gate\)"):
        check(answer(), policy=policy(keys=(KEY,)))


def test_a_policy_that_wants_more_than_a_word_must_have_a_key_to_verify_it_with() -> None:
    with pytest.raises(Refused, match="asks for ci-verified and names no key"):
        check(answer(assurance="ci-verified"), policy=policy(assurance="ci-verified"))


def test_a_valid_approval_passes() -> None:
    check(answer())
    check(answer(decision="rejected"))
    check(answer(approver=person("ANA ")))
    check(answer(assurance="ci-verified"), policy=policy(assurance="ci-verified", keys=(KEY,)), signed_by=("gate",))
    check(answer(issued_at=NOW + timedelta(minutes=4)))


@pytest.mark.parametrize("part", ["manifest", "candidate", "evidence", "decision", "report", "policy"])
def test_an_approval_of_anything_else_is_refused(part: str) -> None:
    subjects = whole(0.6).subjects(POLICY.fingerprint()).model_copy(update={part: OTHER})
    with pytest.raises(Refused, match=f"something else: {part} changed since"):
        check(answer(subjects=subjects))


@pytest.mark.parametrize(
    ("given", "changes", "sentence"),
    [
        (answer(model="other"), {}, "about the model 'other'"),
        (answer(environment="staging"), {}, "for 'staging', not for 'production'"),
        (answer(destination=OTHER), {}, "another registry, registered model or alias"),
        (answer(issued_at=NOW.replace(tzinfo=None)), {}, "without a time zone"),
        (answer(expires_at=NOW.replace(tzinfo=None)), {}, "without a time zone"),
        (answer(issued_at=NOW + timedelta(minutes=6)), {}, "still to come"),
        (answer(expires_at=NOW + timedelta(days=7)), {}, "lasts longer than"),
        (answer(expires_at=NOW), {}, "expired on 2026-11-24 12:00"),
        (answer(nonce="n"), {"used": {used_nonce("n"): OTHER}}, "already used"),
        (answer(nonce="n"), {"used": {used_nonce("n"): OTHER}, "op": digest(b"mine")}, "already used"),
        (answer(approver=person("eve")), {}, "'eve' is not one of the policy's approvers"),
        (answer(approver=person("Ana <ana@evil.example>")), {}, "is not one of the policy's approvers"),
        (answer(), {"policy": policy(approvers=())}, "is not one of the policy's approvers"),
        (answer(approver=person("")), {"policy": policy(approvers=())}, "is not one of the policy's approvers"),
        (
            answer(),
            {"policy": policy(assurance="ci-verified")},
            "is self-declared, and the policy asks for ci-verified",
        ),
        (answer(), {"authors": []}, "nobody is known as the author"),
        (answer(), {"authors": [person("ana")]}, "'ana' is an author"),
        (answer(), {"authors": [AUTHOR, person("ANA")]}, "'ana' is an author"),
        (answer(), {"authors": [person("Ana <x@example.org>")]}, "'ana' is an author"),
        (answer(authors=(person("ana"),)), {}, "'ana' is an author"),
        (answer(), {"authors": [person("a\u00adna")]}, "'ana' is an author"),
        (answer(), {"authors": [person("\u200bana\u2060")]}, "'ana' is an author"),
        (answer(), {"authors": [person("\uff41na")]}, "'ana' is an author"),
        (answer(), {"authors": [person("A. L. <ana@example.org>")]}, "'ana' is an author"),
        (answer(), {"authors": [person("A. L. <12+ana@users.noreply.example>")]}, "'ana' is an author"),
        (answer(approver=person("a\u00adna")), {"authors": [person("ana")]}, "is an author"),
        (answer(accepted=("roc_auc", "made_up")), {}, "no inconclusive finding of this decision: made_up"),
        (answer(reason=" \n"), {}, "gives no reason"),
    ],
)
def test_an_approval_that_does_not_hold_is_refused(given: Approval, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        check(given, **changes)


def test_who_may_answer_is_said_to_who_may_not() -> None:
    with pytest.raises(Refused) as caught:
        check(answer(approver=person("eve")), policy=policy(approvers=("ana", "ben")))
    assert caught.value.hint == "one of them must answer: ana, ben"


def test_a_mail_address_gives_an_author_away() -> None:
    with pytest.raises(Refused, match="is an author"):
        check(
            answer(approver=person("ada@example.org")),
            policy=policy(approvers=("ada@example.org",)),
            authors=[person("A. Lovelace <ADA@example.org>")],
        )


def test_without_four_eyes_an_author_may_approve() -> None:
    check(answer(), policy=policy(four_eyes=False), authors=[person("ana")])
    check(answer(), policy=policy(four_eyes=False), authors=[])


def test_an_approval_that_this_operation_claimed_is_still_valid_for_it() -> None:
    mine = digest(b"mine")
    check(answer(nonce="n"), used={used_nonce("n"): mine}, op=mine)


def by(name: str, **changes: Any) -> Approval:
    return answer(approver=person(name), **changes)


@pytest.mark.parametrize(
    ("value", "answers", "required", "state", "sentence"),
    [
        (0.8, [], 1, "waiting", "0 of 1 approvals"),
        (0.8, [], 0, "waiting", "0 of 1 approvals"),
        (0.8, [by("ana")], 1, "approved", "approved by ana"),
        (0.8, [by("ana")], 2, "waiting", "1 of 2 approvals"),
        (0.8, [by("ana"), by("Ana")], 2, "waiting", "1 of 2 approvals"),
        (0.8, [by("ana"), by("ben")], 2, "approved", "approved by ana, ben"),
        (0.8, [by("ana"), by("ben", decision="rejected", reason="unfair")], 1, "rejected", "ben rejected it: unfair"),
        (0.6, [by("ana", accepted=())], 1, "waiting", f"nobody has accepted {NAMED} by name"),
        (0.6, [by("ana", accepted=()), by("ben")], 1, "approved", "approved by ana, ben"),
    ],
)
def test_the_gate_opens_for_enough_people_who_accept_what_is_open(
    value: float, answers: list[Approval], required: int, state: str, sentence: str
) -> None:
    found = checks.standing(answers, required=required, decision=whole(value).decision)
    assert (found.state, found.sentence) == (state, sentence)


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        (["ana", "ANA", "ana "], 1),
        (["Ana <a@x.org>", "a@x.org"], 1),
        (["Ana <a@x.org>", "Ben <b@x.org>", "a@x.org"], 2),
        (["ana", "b@x.org", "Ana <b@x.org>"], 1),  # the third shows that the first two are one
        (["ana", "ben"], 2),
        (["ana", "Ana Lopez <ana@x.org>"], 1),
        (["ana@x.org", "ana@y.org"], 2),
        (["ana lopez", "ana  lopez"], 1),
        (["a\u200bna", "ana"], 1),
    ],
)
def test_people_who_share_a_name_or_an_address_count_once(names: list[str], count: int) -> None:
    assert checks.distinct(person(name) for name in names) == count


def test_a_person_without_a_name_is_nobody_else() -> None:
    identity: Callable[[str], set[str]] = lambda name: checks.identities(person(name))  # noqa: E731 -- shorter here
    assert identity("<a@x.org>") == {"<a@x.org>", "a@x.org"}
    assert identity(" ") == set()
