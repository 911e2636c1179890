"""How much a torture test does: a slice with every test run, all of it in `make torture`."""

import os

FULL = os.environ.get("TORTURE") == "1"


def size(slice_: int, full: int) -> int:
    """Return the full number under `make torture`, else the slice."""
    return full if FULL else slice_
