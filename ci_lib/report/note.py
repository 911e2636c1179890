"""The report's short form: what a merge request's note says. Verdict first, then what needs a person.

It is one piece of Markdown without a link; who posts it adds where the report is. As in `markdown`, no line begins
with text from outside, so nothing in it can be a command to the server (GitLab's quick actions begin with ``/``).
"""

from ci_lib.report.findings import Row
from ci_lib.report.markdown import SIGNS, cell, escape
from ci_lib.report.view import View

MOST = 20
"""So many findings are listed; the report has all."""

ICONS = {"pass": "✅", "fail": "❌", "inconclusive": "🟠"}


def render(view: View) -> bytes:
    """Lay the short form out as Markdown."""
    open_ones = [row for row in view.findings if row.outcome != "pass"]
    people = escape(", ".join(view.authors)) or "unknown"
    parts = [
        f"## {ICONS[view.verdict]} Release candidate of {escape(view.model)}: {view.verdict}",
        "",
        f"**{escape(view.headline)}.**",
        "",
        *_table(open_ones[:MOST]),
        *([f"… and {len(open_ones) - MOST} more in the report.", ""] if len(open_ones) > MOST else []),
        *(f"- {escape(effect.environment)}: {escape(effect.what)} {escape(effect.who)}" for effect in view.effects),
        "",
        f"Digest to compare: {cell(view.compare)}. Commit: {cell(view.commit[:12])}. Authors: {people}.",
        *(["", f"To approve, accept by name: {', '.join(cell(name) for name in view.accept)}."] if view.accept else []),
        *(["", f"Waivers asked for: {', '.join(cell(name) for name in view.waive)}."] if view.waive else []),
    ]
    return ("\n".join(parts).rstrip("\n") + "\n").encode()


def _table(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [
        f"| {SIGNS[row.outcome]} | {cell(row.name)} | {escape(_found(row))} | {escape(row.limit)} |" for row in rows
    ]
    return ["| outcome | finding | found | rule asks for |", "| --- | --- | --- | --- |", *lines, ""]


def _found(row: Row) -> str:
    if row.shown is None:
        return "not measured"
    return f"{row.shown.value} ({row.shown.interval})" if row.shown.interval else row.shown.value
