"""The signoff page: on a laptop, the place where a reviewer reads the report and decides.

A small HTTP server on 127.0.0.1 that lives as long as the gate waits. `door` says who may enter, `form` reads an
answer, `server` holds both together. The gate decides what an answer is worth; the page only carries it.
"""

from ci_lib.signoff.form import Question
from ci_lib.signoff.server import Signoff, serve

__all__ = ["Question", "Signoff", "serve"]
