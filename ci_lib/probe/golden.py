"""Golden predictions: what whoever loads the released bytes must repeat."""

import math
from collections.abc import Sequence

from ci_lib.evidence import Golden


def mismatches(golden: Golden, outputs: Sequence[float | str]) -> int:
    """Count the golden predictions that were not repeated; a prediction that is missing was not."""
    pairs = zip(golden.outputs, outputs, strict=False)
    repeated = sum(_equal(expected, found, golden.tolerance) for expected, found in pairs)
    return max(len(golden.outputs), len(outputs)) - repeated


def _equal(expected: float | str, found: float | str, tolerance: float) -> bool:
    if isinstance(expected, str) or isinstance(found, str):
        return expected == found
    return math.isclose(expected, found, rel_tol=0.0, abs_tol=tolerance)
