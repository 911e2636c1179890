"""matplotlib, made to draw the same bytes everywhere: its own defaults, its own font, no date, no random ids."""

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ci_lib.report import svg
from ci_lib.text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CANDIDATE = "#2f7fc1"
CHAMPION = "#c8622a"
GOOD = "#8fa3b5"
"""Mid tones: readable on white and on near-black, apart in greyscale, and apart for the colour-blind (blue, orange)."""

INK = "#000000"
"""Becomes ``currentColor``."""

LABEL = 42
"""Characters of a label in a drawing; tables have the whole text."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar sign in a group's name is no formula
    "font.size": 9.0,
    "font.family": ["DejaVu Sans"],  # ships with matplotlib: the layout does not depend on the machine
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}


def draw(plot: Callable[["Axes"], None], *, name: str, title: str, description: str, size: tuple[float, float]) -> str:
    """Draw on one pair of axes and return an ``<svg>`` element.

    Args:
        plot: draws.
        name: unique on the page; also seeds matplotlib's ids.
        title: what the drawing is.
        description: what it shows, in words.
        size: width and height in inches.
    """
    import matplotlib as mpl  # noqa: PLC0415 -- half a second that other commands do not pay
    from matplotlib.figure import Figure  # noqa: PLC0415

    out = io.StringIO()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser has the glyph
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        mpl.rcdefaults()  # whoever runs this may have a matplotlibrc of their own
        settings: Any = mpl.rcParams  # matplotlib types its keys as one long Literal
        settings.update({**STYLE, "svg.hashsalt": name})
        figure = Figure(figsize=size, layout="constrained", facecolor="none")
        axes = figure.add_subplot(facecolor="none")
        plot(axes)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return svg.inline(out.getvalue(), name=name, title=visible(title), description=visible(description))


def label(text: str) -> str:
    """Return text that fits beside a drawing."""
    shown = visible(text, None)
    return shown if len(shown) <= LABEL else shown[: LABEL - 1] + "…"
