"""JUnit: what CI systems show for each outcome."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from doubles.markup import xml
from doubles.records import Chain, chain

from ci_lib import report
from ci_lib.findings import Outcome


def suite(built: Chain) -> ET.Element:
    files = report.render(built.config, built.dataset, built.candidate, built.evidence, built.decision)
    found = xml(files["junit.xml"].decode()).find("testsuite")
    assert found is not None
    return found


@pytest.mark.parametrize(("verdict", "failures", "skipped"), [("pass", 0, 0), ("inconclusive", 0, 1), ("fail", 2, 0)])
def test_fail_is_a_failure_and_inconclusive_is_skipped(verdict: Outcome, failures: int, skipped: int) -> None:
    found = suite(chain(verdict))
    assert (found.attrib["tests"], found.attrib["failures"], found.attrib["skipped"]) == (
        "14",
        str(failures),
        str(skipped),
    )
    assert len(found.findall("testcase/failure")) == failures
    assert len(found.findall("testcase/skipped")) == skipped


def test_a_failure_says_rule_value_and_limit() -> None:
    failure = suite(chain("fail")).find("testcase/failure")
    assert failure is not None
    assert failure.text
    assert "rule: {metric: impact_ratio, at_least: 0.8" in failure.text
    assert "found: 0.621 (0.524 to 0.736, n 79)" in failure.text
    assert "limit: at least 0.8" in failure.text


def test_a_finding_without_a_measurement_says_so() -> None:
    built = chain("fail")
    findings = tuple(f.model_copy(update={"measurement": None}) for f in built.decision.findings)
    failure = suite(replace(built, decision=built.decision.model_copy(update={"findings": findings}))).find(
        "testcase/failure"
    )
    assert failure is not None
    assert failure.text
    assert "found: not measured" in failure.text


def test_a_policy_without_rules_does_not_look_green() -> None:
    built = chain("fail")
    empty = suite(replace(built, decision=built.decision.model_copy(update={"findings": ()})))
    assert (empty.attrib["tests"], empty.attrib["failures"]) == ("1", "1")
