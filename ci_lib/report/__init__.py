"""Records -> the report: HTML for the reviewer, Markdown for a merge request, JUnit for the CI system.

Pure: the same records give the same bytes, with no clock and no random ids, so that an approval can name the
report by its digest. `view` works out what is said, `tables` and `findings` put it in order, `charts` draws;
`ci_lib.html`, `markdown` and `junit` lay it out.
"""

from collections.abc import Sequence

from ci_lib import html
from ci_lib.candidate import Candidate
from ci_lib.config import Config
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.evidence import Evidence
from ci_lib.release import Release
from ci_lib.report import charts, junit, markdown, note, openmetrics
from ci_lib.report.findings import headline
from ci_lib.report.records import Records
from ci_lib.report.view import View, compose

__all__ = ["headline", "render"]


def render(
    config: Config,
    dataset: Dataset,
    candidate: Candidate,
    evidence: Evidence,
    decision: Decision,
    *,
    history: Sequence[Release] = (),
) -> dict[str, bytes]:
    """Return the report's files by name, relative to ``report/``.

    Args:
        config: release.yml; its policy must be the one that judged.
        dataset: what `prepare` wrote.
        candidate: what `train` or `adopt` wrote.
        evidence: what `validate` measured.
        decision: what the policy made of it; a failed one gives a report too.
        history: earlier releases, oldest first, of any of the environments.

    Raises:
        Refused: the records are not about each other.
    """
    records = Records(
        config=config,
        dataset=dataset,
        candidate=candidate,
        evidence=evidence,
        decision=decision,
        history=tuple(history),
    )
    seen = compose(records)
    beside = {"dataset": dataset, "candidate": candidate, "evidence": evidence, "decision": decision}
    return {
        **_pages(seen, charts.charts(evidence.measurements, evidence.curves, decision)),
        "report.md": markdown.render(seen),
        "note.md": note.render(seen),
        "metrics.txt": openmetrics.render((*dataset.measurements, *evidence.measurements)),
        "junit.xml": junit.render(seen),
        **{f"records/{name}.json": record.to_bytes() for name, record in beside.items()},
    }


def _pages(seen: View, drawn: Sequence[charts.Chart]) -> dict[str, bytes]:
    """Return the page in one file, which is what an approval names, and again for servers that forbid style in a page.

    Jenkins sends ``default-src 'none'; img-src 'self'; style-src 'self'`` with what a build keeps
    (`DirectoryBrowserSupport`): no ``<style>``, but a style sheet beside.
    """
    drawings = {
        section: [{"title": chart.title, "svg": html.markup(chart.svg)} for chart in drawn if chart.section == section]
        for section in ("performance", "fairness", "importance")
    }
    sheet = html.style("report.css")
    whole = html.page("index.html.j2", view=seen, drawings=drawings, style=sheet, csp=html.policy(sheet))
    linked = html.page("index.html.j2", view=seen, drawings=drawings, style="", csp=html.LINKED)
    return {"index.html": whole, "jenkins.html": linked, "report.css": sheet.encode()}
