"""Jinja2, set up so that text from outside is text: escaped in every template, hidden characters shown."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ci_lib.text import visible


def _shown(value: object) -> object:
    """Jinja calls this for every ``{{ … }}`` before it escapes; our own markup passes as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    # `exact` escapes only: for what a form sends back. All else shows hidden characters and is cut when too long.
    # autoescape=True, not select_autoescape(): that one goes by the last suffix and leaves *.html.j2 unescaped.
    environment = Environment(
        loader=PackageLoader("ci_lib.templates", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["exact"] = escape
    return environment


def page(template: str, **values: object) -> bytes:
    """Fill in one of the packaged templates."""
    return _environment().get_template(template).render(**values).encode()


def style(*names: str) -> Markup:
    """Return packaged style sheets as one, to stand inside ``<style>``."""
    sheets = [files("ci_lib.templates").joinpath(name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(sheets))  # noqa: S704 -- our own files


def policy(sheet: str) -> str:
    """Return a Content-Security-Policy that allows this style sheet and nothing else: no script, image or frame."""
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'"


LINKED = "default-src 'none'; style-src 'self'; base-uri 'none'"
"""The Content-Security-Policy of a page whose style sheet lies beside it."""


def markup(svg: str) -> Markup:
    """Mark an SVG that `ci_lib.report.svg` made as fit for a page."""
    return Markup(svg)  # noqa: S704 -- serialised by ElementTree from matplotlib's output, text escaped
