"""The report as Markdown, for a merge request's note or a build's summary. Text from outside cannot become markup.

GitLab runs lines of a note that begin with ``/`` as commands (quick actions), turns ``@name`` into a notification and
``#1``, ``!1``, ``~x`` into links. So no line begins with foreign text, the ASCII punctuation of foreign text is escaped
(CommonMark 0.31, section 2.4), and a word joiner follows ``@``, ``://`` and ``www``, which link even when escaped.
"""

import re
from collections.abc import Iterable, Sequence

from ci_lib.report.findings import Shown
from ci_lib.report.lineage import Item
from ci_lib.report.tables import Confusion, Line
from ci_lib.report.view import View
from ci_lib.text import visible

JOINER = "\u2060"
PUNCTUATION = re.compile(r"[!-/;-@\[-`{-~]|:(?=\S)")
LINKING = re.compile(r"@|://|www|xmpp:|mailto:|%(?=[\w\"])", re.IGNORECASE)
SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "inconclusive": "? inconclusive"}
HARMLESS = frozenset(".,;%()-'=")
"""Escaping these would only make the source hard to read: they mean nothing inside a line."""


def escape(text: str) -> str:
    """Return text that shows as itself and does nothing."""
    joined = LINKING.sub(lambda match: match.group() + JOINER, visible(text))
    return PUNCTUATION.sub(lambda match: match.group() if match.group() in HARMLESS else "\\" + match.group(), joined)


def cell(text: str) -> str:
    """Return text as a code span in a table's cell; nothing in a code span is a link or a mention."""
    shown = visible(text).replace("`", "ˋ").replace("|", r"\|").strip()
    return f"`{shown}`" if shown else ""


def render(view: View) -> bytes:
    """Lay the report out as Markdown."""
    parts = [*_head(view), *_findings(view), *_changed(view), *_tables(view), *_origin(view), *_policy(view)]
    return ("\n".join(parts).rstrip("\n") + "\n").encode()


def _head(view: View) -> list[str]:
    dirty = escape(view.commit_note)
    return [
        f"# Release report: {escape(view.model)}",
        "",
        f"**{escape(view.headline)}.**",
        "",
        *_table(
            ["", ""],
            [
                *([f"If approved, {escape(e.environment)}", f"{escape(e.what)} {escape(e.who)}"] for e in view.effects),
                ["Authors", escape(", ".join(view.authors)) or "unknown"],
                ["Commit", f"{cell(view.commit)} {dirty}"],
                ["Trained", escape(view.trained)],
                ["Digest to compare", f"{cell(view.compare)} (first digits of the manifest)"],
            ],
        ),
    ]


def _findings(view: View) -> list[str]:
    rows = [
        [
            SIGNS[row.outcome],
            cell(row.name),
            _number(row.shown) if row.shown else "not measured",
            escape(row.limit),
            escape(f"{row.sentence} {row.settle}".strip()),
        ]
        for row in view.findings
    ]
    accept = (
        [f"To approve, accept by name: {', '.join(cell(name) for name in view.accept)}.", ""] if view.accept else []
    )
    waive = [f"Waivers asked for: {', '.join(cell(name) for name in view.waive)}. {escape(view.waive_terms)}", ""]
    table = _table(["outcome", "finding", "found", "rule asks for", "why"], rows)
    return ["## Findings", "", *table, *accept, *(waive if view.waive else [])]


def _changed(view: View) -> list[str]:
    if view.changed is None:
        return []
    rows = [[cell(key.path), cell(key.protected), cell(key.branch), escape(key.counted)] for key in view.changed.places]
    table = _table(["key", "protected", "this branch", "what counted"], rows)
    return ["## What this branch changes in the policy", "", escape(view.changed.sentence), "", *table]


def _tables(view: View) -> list[str]:
    tables = view.tables
    performance = [
        [escape(line.name), _number(line.shown), *(_short(other) for other in (line.dummy, line.champion))]
        for line in tables.performance
    ]
    return [
        "## Performance", "", escape(view.rows), "",
        *_table(["metric", "candidate", "dummy", "champion"], performance),
        *(line for confusion in view.confusions for line in _confusion(confusion)),
        *_section("Comparison on the same rows", tables.comparison),
        *_section("Fairness", tables.fairness),
        *(["## Fairness", "", escape(view.no_fairness), ""] if view.no_fairness else []),
        *_section("Importance", tables.importance),
        *_section("Data", tables.data),
        *_section("Operations", tables.operations),
        *_section("Other measurements", tables.other),
    ]  # fmt: skip


def _confusion(confusion: Confusion) -> list[str]:
    head = ["rows", *(f"decided {escape(label)}" for label in confusion.labels)]
    rows = [[f"truly {escape(label)}", *c] for label, c in zip(confusion.labels, confusion.counts, strict=True)]
    return [f"Decisions by true label, {escape(confusion.of)}:", "", *_table(head, rows)]


def _section(title: str, lines: Sequence[Line]) -> list[str]:
    if not lines:
        return []
    rows = [[escape(line.name), escape(line.about), _number(line.shown), escape(line.shown.method)] for line in lines]
    return [f"## {title}", "", *_table(["metric", "about", "value", "method"], rows)]


def _origin(view: View) -> list[str]:
    earlier = [
        [
            past.number, escape(past.environment), escape(past.action), cell(past.bytes), escape(past.by), past.at,
            escape(past.reason),
        ]
        for past in view.history
    ]  # fmt: skip
    history = [
        "## Releases before",
        "",
        *_table(["no.", "environment", "action", "bytes", "by", "at", "reason"], earlier),
    ]
    return [
        *("## Lineage", "", escape(view.loading), ""),
        *_items(view.lineage),
        *_items(view.digests),
        *(history if earlier else []),
    ]


def _policy(view: View) -> list[str]:
    rules = [f"- {cell(rule)}" for rule in view.rules] or ["- no rule"]
    more = [f"- {cell(rule)}" for rule in view.built_in]
    built_in = ["Asked of every release, and not written there:", "", *more, ""] if more else []
    return ["## Policy as written", "", *rules, "", *built_in, *_items(view.policy)]


def _items(items: Iterable[Item]) -> list[str]:
    return _table(["", ""], [[escape(item.name), cell(item.text)] for item in items])


def _number(shown: Shown) -> str:
    between = f" ({shown.confidence}: {shown.interval})" if shown.interval else ""
    note = f"; {shown.note}" if shown.note else ""
    return escape(f"{shown.value}{between}, n {shown.n}{note}")


def _short(shown: Shown | None) -> str:
    return escape(shown.value) if shown else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body, ""] if body else []
