"""The signoff page in a real Chromium: approve, reject, reload, double click, a second approver, an expired page."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from doubles.gates import MemoryGate
from doubles.hostile import poisoned
from doubles.records import chain
from playwright.sync_api import Browser, Page, expect

from ci_lib import report
from ci_lib.findings import Outcome
from ci_lib.gate import Vote
from ci_lib.signoff import Question, Signoff, serve


def question(verdict: Outcome = "inconclusive", **more: object) -> Question:
    built = chain(verdict)
    files = report.render(
        built.config, built.dataset, built.candidate, built.evidence, built.decision, history=built.history
    )
    return Question(
        environment="production", decision=built.decision, manifest=built.evidence.manifest, report=files["index.html"],
        approvers=built.config.policy.approval.approvers,
    ) if not more else replace(question(verdict), **more)  # fmt: skip


@dataclass
class Desk:
    """A browser in front of a signoff page."""

    browser: Browser
    stack: ExitStack
    noticed: list[str] = field(default_factory=list)

    def open(self, gate: MemoryGate, asked: Question | None = None) -> tuple[Signoff, Page]:
        signoff = self.stack.enter_context(Signoff(gate, asked or question(), announce=lambda _: None))
        return signoff, self.visit(signoff.link())

    def notice(self, text: str) -> None:
        if "422" not in text:  # an answer that the gate did not take: ours, and shown on the page
            self.noticed.append(text)

    def visit(self, link: str) -> Page:
        """Open a link in a browser of its own, so with no cookie."""
        context = self.browser.new_context()
        self.stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: self.notice(message.text))
        page.on("pageerror", lambda error: self.noticed.append(str(error)))
        page.goto(link)
        page.wait_for_url("**/")
        return page


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    with ExitStack() as stack:
        it = Desk(browser=browser, stack=stack)
        yield it
    assert it.noticed == [], "the browser complained"


def fill(page: Page, who: str = "ben", reason: str = "Reviewed with the risk team.") -> None:
    page.get_by_label("Who are you?").select_option(who)
    page.get_by_label("Reason").fill(reason)


def test_the_report_stands_beside_the_form_and_shows_the_same_digits(desk: Desk) -> None:
    _, page = desk.open(MemoryGate())
    inside = page.frame_locator("iframe")
    expect(inside.locator("h1")).to_have_text("loan-approval")
    assert inside.locator(".digits").inner_text() == page.locator(".panel .digits").inner_text()
    assert inside.locator("svg.chart").count() == 7
    assert "token" not in page.url


def test_approve(desk: Desk) -> None:
    gate = MemoryGate(unsettled=("impact_ratio:black=1",))
    signoff, page = desk.open(gate)
    fill(page)
    page.get_by_role("checkbox", name="impact_ratio:black=1").check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_text("Reviewed with the risk team.")).to_be_visible()
    assert signoff.wait(poll_seconds=0.01) == "approved"
    assert gate.given[0].accepted == ("impact_ratio:black=1",)


def test_approve_needs_every_box_ticked(desk: Desk) -> None:
    gate = MemoryGate(unsettled=("impact_ratio:black=1",))
    _, page = desk.open(gate)
    fill(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Waiting for a decision")).to_be_visible()
    assert page.evaluate("document.querySelector('[name=accept]').validity.valueMissing")
    assert gate.given == []


def test_reject_needs_no_box_but_a_reason(desk: Desk) -> None:
    gate = MemoryGate(unsettled=("impact_ratio:black=1",))
    signoff, page = desk.open(gate)
    fill(page, reason="")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_contain_text("a reason is missing")
    assert page.get_by_label("Who are you?").input_value() == "ben", "the form keeps what was filled in"
    page.get_by_label("Reason").fill("The interval is too wide for a credit decision.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", name="Rejected")).to_be_visible()
    assert signoff.wait(poll_seconds=0.01) == "rejected"
    assert gate.given[0].accepted == ()


def test_reload_shows_the_state_and_answers_nothing_again(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate, question("pass"))
    fill(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    page.go_back()
    page.go_forward()
    assert len(gate.given) == 1


def test_reload_shows_what_another_terminal_decided(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate)
    gate.record(Vote(decision="rejected", approver="chen", reason="from the terminal"))
    page.reload()
    expect(page.get_by_role("heading", name="Rejected")).to_be_visible()
    expect(page.get_by_text("from the terminal")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_double_click_is_one_answer(desk: Desk) -> None:
    gate = MemoryGate(required=2)  # a second answer would not be refused for being late
    gate.authors = ()
    _, page = desk.open(gate, question("pass", required=2))
    fill(page)
    page.get_by_role("button", name="Approve").dblclick()
    expect(page.get_by_text("Still needed: 1 of chen, dora")).to_be_visible()
    assert [approval.approver.id for approval in gate.given] == ["ben"]


def test_a_second_approver_completes_the_decision(desk: Desk) -> None:
    gate = MemoryGate(required=2)
    signoff, page = desk.open(gate, question("pass", required=2))
    fill(page, "ben")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Still needed: 1 of chen, dora")).to_be_visible()
    other = desk.visit(signoff.link())
    fill(other, "ben")
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("alert")).to_contain_text("ben has answered already")
    fill(other, "chen")
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("heading", name="Approved")).to_be_visible()
    assert signoff.wait(poll_seconds=0.01) == "approved"


def test_a_second_approver_after_the_decision_is_told_it_is_decided(desk: Desk) -> None:
    gate = MemoryGate()
    signoff, page = desk.open(gate, question("pass"))
    other = desk.visit(signoff.link())
    fill(other, "chen", "Fine by me as well.")
    fill(page, "ben")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("alert")).to_contain_text("Your answer was not recorded")
    expect(other.get_by_role("heading", name="Approved")).to_be_visible()
    assert [approval.approver.id for approval in gate.given] == ["ben"]


def test_the_page_closes_with_the_report_still_in_its_frame(desk: Desk) -> None:
    links: queue.Queue[str] = queue.Queue()
    with ThreadPoolExecutor() as pool:
        serving = pool.submit(serve, MemoryGate(), question("pass"), announce=links.put, timeout=60, linger=30)
        page = desk.visit(links.get(timeout=10))
        fill(page)
        page.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("heading", name="Approved")).to_be_visible()
        assert serving.result() == "approved"
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("loan-approval")


def test_who_approved_can_stop_it_before_it_is_released(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate, question("pass"))
    fill(page, "ben")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.get_by_text("Stop it before it is released").click()
    fill(page, "ben", "I read the wrong report.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", name="Rejected")).to_be_visible()
    assert [approval.decision for approval in gate.given] == ["approved", "rejected"]


def test_a_failed_finding_is_waived_with_an_owner_and_a_last_day(desk: Desk) -> None:
    bad = "impact_ratio:black=1"
    gate = MemoryGate(failed=(bad,))
    _, page = desk.open(gate, question("fail", waivable=(bad,), last_day=date(2026, 12, 24)))
    fill(page, reason="Twelve rows; the next survey has more.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Waiting for a decision")).to_be_visible()
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label("Who sees to it?").fill("risk team")
    page.get_by_label("Until when?").fill("2026-12-25")
    page.get_by_role("button", name="Approve").click()
    assert page.evaluate("document.querySelector('[type=date]').validity.rangeOverflow")
    page.get_by_label("Until when?").fill("2026-12-20")
    page.get_by_label("Conditions").fill("Look at that group monthly")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_text("waived until 2026-12-20: impact_ratio:black=1, owner risk team")).to_be_visible()
    expect(page.get_by_text("on condition: Look at that group monthly")).to_be_visible()


def test_an_expired_page_says_so_and_offers_no_buttons(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate)
    fill(page)
    gate.expired = True
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Expired")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    assert gate.given == []


def test_without_a_list_of_approvers_the_name_is_typed(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate, question("pass", approvers=()))
    page.get_by_label("Who are you?").fill("Chen <chen@bank.example>")
    page.get_by_label("Reason").fill("Fine.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Chen <chen@bank.example>")).to_be_visible()


def test_the_page_works_by_keyboard_alone(desk: Desk) -> None:
    gate = MemoryGate()
    _, page = desk.open(gate, question("pass"))
    page.get_by_label("Who are you?").focus()
    page.keyboard.type("chen")
    page.keyboard.press("Tab")
    page.keyboard.type("Fine.")
    page.keyboard.press("Tab")  # conditions
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    assert gate.given[0].approver.id == "chen"


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("text", ["", "A" * 3000])
def test_nothing_runs_out_of_the_window(desk: Desk, width: int, text: str) -> None:
    built = poisoned(text) if text else chain()
    files = report.render(built.config, built.dataset, built.candidate, built.evidence, built.decision)
    asked = replace(question(), decision=built.decision, report=files["index.html"])
    _, page = desk.open(MemoryGate(), asked)
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.frames[1].evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
