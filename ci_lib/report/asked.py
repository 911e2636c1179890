"""The report's shortest form: what stands at a gate that shows plain text, as Jenkins' `input` does."""

from ci_lib.report.view import View
from ci_lib.text import visible


def render(view: View) -> bytes:
    """Lay it out: verdict, digest, and the names that an approver must give; no line is begun by text from outside."""
    lines = [
        f"Release candidate of {visible(view.model)}: {view.verdict}. {visible(view.headline)}.",
        f"Digest to compare: {view.compare}. Commit: {visible(view.commit[:12]) or 'none'}.",
        *([f"To approve, accept by name: {_names(view.accept)}"] if view.accept else []),
        *([f"Waivers asked for: {_names(view.waive)}"] if view.waive else []),
    ]
    return ("\n".join(lines) + "\n").encode()


def _names(names: tuple[str, ...]) -> str:
    return "; ".join(visible(name, None) for name in names)
