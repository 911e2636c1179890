"""Each numbered check has a case that fails it and nothing before it, and no number is without one."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import Golden
from doubles.asked import (
    FAILED,
    KEY,
    OPEN,
    OTHER,
    PASSED,
    answer,
    check,
    person,
    policy,
    replaced,
    waiver,
    whole,
)
from doubles.entries import history
from doubles.small_chain import NAMED, NOW, config, decide

from ci_lib import checks
from ci_lib.chain import Chain
from ci_lib.config import Config
from ci_lib.errors import Refused
from ci_lib.evidence import Champion
from ci_lib.ledger import used_nonce
from ci_lib.record import digest
from ci_lib.source import Change, Source
from ci_lib.text import visible

FILES = [Path(checks.__file__).parent / f"{name}.py" for name in ("chain", "approval", "waivers", "since", "promotion")]
HEAD = history("A", "B")[-1]
STAGING = Champion(environment="staging", release=2, manifest=HEAD.manifest)
PERSONAL = KEY.model_copy(update={"name": "ben's laptop", "person": "ben"})
NAIVE = NOW.replace(tzinfo=None)
MAIN = Source(place="refs/heads/main", path="release.yml", commit="a" * 40)
CHANGE = Change(path="policy.confidence", protected="0.95", branch="0.5", counts="protected")
TICKET = {"source": "loans.csv", "target": "approve"}

THEIRS = KEY.model_copy(update={"name": "cleo's laptop", "person": "cleo"})
LATER = MAIN.model_copy(update={"commit": "b" * 40})
UNREAD = MAIN.model_copy(update={"commit": None})
LAID = Source(place="/policy.yml")
ONE = whole(FAILED).decision
TWO = ONE.model_copy(update={"findings": (*ONE.findings, ONE.findings[0].model_copy(update={"name": "brier"}))})
"""A decision with two failed findings."""
ABOUT = answer().subjects.model_copy(update={"report": OTHER, "policy": OTHER})

Case = tuple[int, Callable[[], None], str]


def linked(broken: Chain, about: Config | None = None, **more: Any) -> Callable[[], None]:
    return partial(checks.check_chain, broken, about or config(), decide, **more)


def champion(compared: Champion | None, environment: str, head: Any) -> Callable[[], None]:
    return partial(checks.check_champion, whole(champion=compared).evidence, environment, ["production"], head)


def since(named: str | None, kept: str | None) -> Callable[[], None]:
    compared = Champion(environment="production", release=2, manifest=HEAD.manifest, commit=named)
    return partial(checks.check_since, whole(champion=compared).evidence, HEAD, lambda _: kept)


def promoted(content: str, *steps: str | int) -> Callable[[], None]:
    about = history(content)[0].manifest
    return partial(checks.check_promotion, about, "staging", history(*steps))


def said(changes: dict[str, Any], **about: Any) -> Callable[[], None]:
    return partial(check, answer(**changes), **about)


def waived(changes: dict[str, Any], **about: Any) -> Callable[[], None]:
    given = {"value": FAILED, "policy": policy(waivable=(NAMED,))} | about
    return partial(check, answer(value=given["value"], waivers=(waiver(**changes),)), **given)


REFUSED: list[Case] = [
    (1, linked(replaced(dataset={"model": "x"})), "dataset.json is about 'x'"),
    (1, linked(replaced(candidate={"model": "x"})), "candidate.json is about 'x'"),
    (1, linked(replaced(evidence={"model": "x"})), "evidence.json is about 'x'"),
    (1, linked(replaced(decision={"model": "x"})), "decision.json is about 'x'"),
    (2, linked(replaced(candidate={"dataset": OTHER})), "candidate.json was trained on another dataset"),
    (2, linked(replaced(dataset={"source": "x"})), "candidate.json was trained on another dataset"),
    (3, linked(replaced(evidence={"dataset": OTHER})), "evidence.json was measured on another dataset"),
    (4, linked(replaced(evidence={"candidate": OTHER})), "evidence.json is about another candidate"),
    (4, linked(replaced(candidate={"seed": 1})), "evidence.json is about another candidate"),
    (5, linked(replaced(evidence={"manifest": OTHER})), "measured with other model files"),
    (6, linked(replaced(decision={"evidence": OTHER})), "decision.json is about other evidence"),
    (6, linked(replaced(decision={"dataset": OTHER})), "decision.json is about other evidence"),
    (6, linked(replaced(evidence={"threshold": 0.4})), "decision.json is about other evidence"),
    (7, linked(replaced(decision={"policy_source": MAIN})), "the policy of refs/heads/main:release.yml"),
    (8, linked(replaced(decision={"policy": OTHER})), "another policy"),
    (8, linked(whole(), config(policy={"rules": [{"metric": "roc_auc", "at_least": 0.1}]})), "another policy"),
    (
        8,
        linked(replaced(decision={"policy": OTHER, "policy_source": MAIN}), source=LATER),
        "then aaaaaaaaaa, now bbbbb",
    ),
    (8, linked(replaced(decision={"policy": OTHER, "policy_source": MAIN}), source=MAIN), "then aaaaaaaaaa, now aaaaa"),
    (
        8,
        linked(replaced(decision={"policy": OTHER, "policy_source": MAIN}), source=UNREAD),
        "another policy than refs/heads/main has now",
    ),
    (8, linked(replaced(decision={"policy": OTHER, "policy_source": LAID}), source=LAID), "than /policy.yml has now"),
    (9, linked(replaced(decision={"policy_changes": (CHANGE,)})), "decision.json shows other changes"),
    (10, linked(replaced(decision={"verdict": "inconclusive"})), "the policy makes another decision"),
    (10, linked(replaced(decision={"findings": ()})), "the policy makes another decision"),
    (11, linked(whole(), config(data={"source": "loans.csv", "target": "reject"})), "data.target was 'approve'"),
    (12, linked(whole(), config(data=TICKET | {"sensitive": ["sex"]})), r"data.sensitive was \[\]"),
    (13, linked(whole(), config(task="multiclass")), "task was 'binary'"),
    (14, linked(whole(), config(data=TICKET | {"positive": 0})), "data.positive was '1'"),
    (15, linked(whole(), config(threshold=0.2)), "threshold was 0.5 when the evidence was measured, and is 0.2"),
    (16, champion(STAGING, "production", HEAD), "compared with the champion of staging, and this release goes to prod"),
    (17, champion(None, "production", HEAD), "it was none and is release 2 now"),
    (18, said({"model": "other"}), "about the model 'other'"),
    (19, said({"environment": "staging"}), "for 'staging', not for 'production'"),
    (20, said({"destination": OTHER}), "another registry, registered model or alias"),
    *(
        (21, said({"subjects": whole(OPEN).subjects(OTHER).model_copy(update={part: digest(b"x")})}), part)
        for part in ("manifest", "candidate", "evidence", "decision", "report", "policy")
    ),
    (21, said({"subjects": ABOUT}), "something else: report, policy changed since"),
    (22, said({"nonce": "n"}, used={used_nonce("n"): OTHER}), "already used"),
    (22, said({"nonce": "n"}, used={used_nonce("n"): OTHER}, op=digest(b"mine")), "already used"),
    (23, said({"issued_at": NAIVE}), "without a time zone"),
    (23, said({"expires_at": NAIVE}), "without a time zone"),
    (24, said({"issued_at": NOW + timedelta(minutes=6)}), "still to come"),
    (25, said({"expires_at": NOW + timedelta(days=7)}), "lasts longer than"),
    (26, said({"expires_at": NOW}), "expired on 2026-11-24 12:00"),
    (27, said({}, policy=policy(approvers=())), "policy.approval names no approver"),
    (27, said({"approver": person("")}, policy=policy(approvers=("",))), "policy.approval names no approver"),
    (28, said({"approver": person("eve")}), "'eve' is not one of the policy's approvers"),
    (28, said({"approver": person("Ana <ana@evil.example>")}), "is not one of the policy's approvers"),
    (28, said({"approver": person("risk")}, policy=policy(approvers={"risk": ("ana",)}, required={"risk": 1})), "risk"),
    (29, said({}, policy=policy(assurance="ci-verified")), "is self-declared, and the policy asks for ci-verified"),
    (30, said({}, authors=[]), "nobody is known as the author"),
    (31, said({}, authors=[person("ana")]), "'ana' is an author"),
    (31, said({}, authors=[person("ben"), person("ANA")]), "'ana' is an author"),
    (31, said({}, authors=[person("Ana <x@example.org>")]), "'ana' is an author"),
    (31, said({"authors": (person("ana"),)}), "'ana' is an author"),
    (31, said({}, authors=[person("a\u00adna")]), "'ana' is an author"),
    (31, said({}, authors=[person("\u200bana\u2060")]), "'ana' is an author"),
    (31, said({}, authors=[person("\uff41na")]), "'ana' is an author"),
    (31, said({}, authors=[person("A. L. <ana@example.org>")]), "'ana' is an author"),
    (31, said({}, authors=[person("A. L. <12+ana@users.noreply.example>")]), "'ana' is an author"),
    (31, said({"approver": person("a\u00adna")}, authors=[person("ana")]), "is an author"),
    (32, said({"assurance": "ci-verified"}, policy=policy(assurance="ci-verified")), "ci-verified and names no key"),
    (33, said({}, policy=policy(keys=(KEY,))), r"signed by none of the policy's keys that counted then \(gate\)"),
    (34, said({}, policy=policy(keys=(PERSONAL,)), signed_by=("ben's laptop",)), "the key of 'ben'"),
    (34, said({}, policy=policy(keys=(KEY, PERSONAL)), signed_by=("ben's laptop",)), "the key of 'ben'"),
    (33, said({}, policy=policy(keys=(KEY, PERSONAL)), signed_by=()), r"counted then \(gate, ben's laptop\)"),
    (
        34,
        said({}, policy=policy(keys=(PERSONAL, THEIRS)), signed_by=("ben's laptop", "cleo's laptop")),
        "the key of 'ben', \"cleo's laptop\", the key of 'cleo'",
    ),
    (35, said({"reason": " \n"}), "gives no reason"),
    (36, said({"accepted": ("roc_auc", "made_up")}), "no inconclusive finding of this decision: made_up"),
    (36, said({"value": FAILED, "accepted": (NAMED,)}, value=FAILED), "no inconclusive finding of this decision"),
    (36, said({"accepted": ("made_up", "another")}), "of this decision: another, made_up"),
    (37, said({"decision": "rejected", "conditions": ("watch it",)}), "a rejection with conditions"),
    (38, said({"conditions": ("watch it", " ")}), "a condition without words"),
    (39, said({"decision": "rejected", "waivers": (waiver(),)}), "a rejection that waives something"),
    (40, said({"waivers": (waiver(), waiver())}, policy=policy(waivable=(NAMED,))), "waives roc_auc more than once"),
    (40, said({"waivers": (waiver(), waiver(finding="brier")) * 2}), "waives roc_auc, brier more than once"),
    (41, waived({"finding": "made_up"}, policy=policy()), "no finding is called 'made_up'"),
    (
        41,
        waived({"finding": "made_up"}, decision=TWO, policy=policy(waivable=(NAMED, "brier"))),
        "no finding is called",
    ),
    (41, waived({"finding": "made_up"}), "no finding is called 'made_up'"),
    (42, waived({}, value=PASSED), "roc_auc passed: there is nothing to waive"),
    (43, waived({}, policy=policy()), "the policy does not let roc_auc be waived"),
    (43, waived({}, policy=policy(waivable=("roc_auc:a=b", "brier"))), "the policy does not let roc_auc be waived"),
    (44, waived({"owner": " "}), "the waiver of roc_auc has no owner"),
    (44, waived({"owner": "…"}), "the waiver of roc_auc has no owner"),
    (45, waived({"reason": "…"}), "the waiver of roc_auc has no reason"),
    (45, waived({"reason": "\n"}), "the waiver of roc_auc has no reason"),
    (46, waived({"expires_at": NAIVE + timedelta(days=1)}), "ends at a time without a time zone"),
    (47, waived({"expires_at": NOW + timedelta(days=31)}), "lasts longer than the policy lets it"),
    (48, waived({"expires_at": NOW - timedelta(seconds=1)}), "the waiver of roc_auc ended on 2026-11-24 11:59"),
    (49, since("b" * 40, "a" * 40), "release 2 was trained from commit bbb.*, and the ledger says aaa"),
    (49, since("b" * 40, None), "the ledger says None"),
    (49, since(None, "a" * 40), "was trained from commit None"),
    (50, promoted("C", "A", "B"), "release.yml has staging first, and the bytes .* were never released there"),
    (50, promoted("A"), "release.yml has staging first"),
    (51, promoted("B", "A", "B", 1), "a rollback of staging has left the bytes"),
    (51, promoted("B", "A", "B", "B", 1), "a rollback of staging has left the bytes"),
]


def number(refusal: BaseException) -> int:
    """Return the number that stands above the line which refused."""
    trace, line = refusal.__traceback__, 0
    source: list[str] = []
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path in FILES and trace.tb_frame.f_code.co_name != "_same":
            source, line = path.read_text().splitlines(), trace.tb_lineno
        trace = trace.tb_next
    above = (re.match(r"\s*# \((\d+)\)", text) for text in reversed(source[:line]))
    return next(int(found[1]) for found in above if found)


@pytest.mark.parametrize(
    ("expected", "call", "sentence"), REFUSED, ids=[f"{n}-{place}" for place, (n, _, _) in enumerate(REFUSED)]
)
def test_a_case_is_refused_by_its_own_check_with_its_own_sentence(
    expected: int, call: Callable[[], None], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        call()
    assert number(caught.value) == expected
    assert caught.value.hint


def test_what_each_refusal_says_and_what_to_type_next_is_written_down(golden: Golden) -> None:
    """A refusal's words are read at 3 a.m.: tests/golden/refusals.txt has all of them, to be read when they change."""
    said = []
    for expected, call, _ in REFUSED:
        with pytest.raises(Refused) as caught:
            call()
        said.append(f"({expected}) {visible(caught.value.what)}\n  next: {visible(caught.value.hint)}\n")
    golden.check("refusals.txt", "".join(said))


def numbers() -> list[int]:
    return [int(found) for path in FILES for found in re.findall(r"^\s*# \((\d+)\)", path.read_text(), re.MULTILINE)]


def test_the_numbers_run_on_from_one_without_a_gap() -> None:
    assert numbers() == list(range(1, len(numbers()) + 1))


def test_no_check_is_without_a_case() -> None:
    assert {expected for expected, _, _ in REFUSED} == set(numbers())
