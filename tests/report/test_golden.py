"""The reports of four typical releases, whole; drawings by their titles, for their paths are matplotlib's affair."""

import re

import pytest
from conftest import Golden
from doubles.records import chain

from ci_lib import report
from ci_lib.findings import Outcome

DRAWING = re.compile(r'<svg class="chart".*?<title[^>]*>(.*?)</title>.*?</svg>', re.DOTALL)


@pytest.mark.parametrize(
    ("name", "verdict", "first"),
    [
        ("pass", "pass", False),
        ("inconclusive", "inconclusive", False),
        ("fail", "fail", False),
        ("first", "pass", True),
    ],
)
@pytest.mark.parametrize("file", ["index.html", "report.md", "junit.xml"])
def test_the_report_is_as_reviewed(golden: Golden, name: str, verdict: Outcome, first: bool, file: str) -> None:
    built = chain(verdict, first=first)
    files = report.render(
        built.config, built.dataset, built.candidate, built.evidence, built.decision, history=built.history
    )
    golden.check(f"report/{name}/{file}", DRAWING.sub(r"[drawing: \1]", files[file].decode()))


def test_the_records_stand_beside_as_they_were() -> None:
    built = chain()
    files = report.render(built.config, built.dataset, built.candidate, built.evidence, built.decision)
    assert files["records/evidence.json"] == built.evidence.to_bytes()
    assert sorted(files) == [
        "index.html", "jenkins.html", "junit.xml", "metrics.txt", "note.md", "records/candidate.json",
        "records/dataset.json", "records/decision.json", "records/evidence.json", "report.css", "report.md",
    ]  # fmt: skip
