"""Jinja2, set up so that text from outside is text: escaped in every template, hidden characters shown."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ci_lib.text import visible


def _shown(value: object) -> object:
    """Jinja calls this for every ``{{ … }}`` before it escapes; our own markup passes as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    # autoescape=True, not select_autoescape(): that one goes by the last suffix and leaves *.html.j2 unescaped.
    return Environment(
        loader=PackageLoader("ci_lib.templates", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page(template: str, **values: object) -> bytes:
    """Fill in one of the packaged templates."""
    return _environment().get_template(template).render(**values).encode()


def style(name: str) -> Markup:
    """Return one of the packaged style sheets, to stand inside ``<style>``."""
    return Markup(files("ci_lib.templates").joinpath(name).read_text(encoding="utf-8"))  # noqa: S704 -- our own file


def drawing(svg: str) -> Markup:
    """Mark an SVG that `ci_lib.report.svg` made as fit for a page."""
    return Markup(svg)  # noqa: S704 -- serialised by ElementTree from matplotlib's output, text escaped
