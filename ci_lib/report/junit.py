"""The findings as JUnit XML: one test case a finding, so that GitLab and Jenkins list them beside the unit tests.

``fail`` is a failure. ``inconclusive`` is skipped with its reason: neither a green tick nor a broken build.
"""

from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

from ci_lib.report.findings import Row
from ci_lib.report.view import View
from ci_lib.text import visible


def render(view: View) -> bytes:
    """Lay the findings out as JUnit XML."""
    rows = view.findings
    failures = sum(row.outcome == "fail" for row in rows)
    skipped = sum(row.outcome == "inconclusive" for row in rows)
    suite = ET.Element("testsuite", name=visible(f"ml-release {view.model}"))
    for row in rows:
        suite.append(_case(row, _changes(view) if row.section == "policy" else ()))
    if not rows:  # an empty suite looks green
        failures = 1
        suite.append(_nothing(view))
    suite.attrib |= {"tests": str(len(suite)), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _changes(view: View) -> Iterator[str]:
    """Yield what the branch changes in the policy, a line a key."""
    for key in view.changed.places if view.changed else ():
        yield f"{key.path}: protected {key.protected}, this branch {key.branch}"


def _case(row: Row, more: Iterable[str]) -> ET.Element:
    case = ET.Element("testcase", classname=visible(f"policy.{row.section}"), name=visible(row.name))
    found = (
        f"{row.shown.value} ({row.shown.interval or 'no interval'}, n {row.shown.n})" if row.shown else "not measured"
    )
    text = "\n".join(
        visible(line)
        for line in (row.sentence, f"rule: {row.rule}", f"found: {found}", f"limit: {row.limit}", row.settle, *more)
    )
    if row.outcome == "fail":
        ET.SubElement(case, "failure", type="fail", message=visible(row.sentence)).text = text
    elif row.outcome == "inconclusive":
        ET.SubElement(case, "skipped", message=visible(f"inconclusive: {row.sentence}")).text = text
    return case


def _nothing(view: View) -> ET.Element:
    case = ET.Element("testcase", classname="policy", name="policy has rules")
    ET.SubElement(case, "failure", type="fail", message=visible(view.headline))
    return case
