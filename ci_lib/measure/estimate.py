"""Estimate: a number with its interval, or the reason why there is none, on its way to a `Measurement`."""

import math
from dataclasses import dataclass, replace

from ci_lib.measure.intervals import Interval
from ci_lib.measurement import Measurement, Scale, Scope


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a measure gives back. `interval` is None when the number is not assessable, and `note` says why."""

    interval: Interval | None
    method: str
    scale: Scale = "identity"
    note: str = ""

    @property
    def assessable(self) -> bool:
        """Tell whether there is a number."""
        return self.interval is not None

    def noting(self, note: str) -> "Estimate":
        """Return the same with one more note."""
        return replace(self, note="; ".join(part for part in (self.note, note) if part))

    def measurement(self, metric: str, scope: Scope, *, n: int, confidence: float) -> Measurement:
        """Return the record. A number that is not finite becomes "not assessable": NaN never passes through."""
        numbers = self.interval
        note = self.note
        if numbers is not None and not all(math.isfinite(number) for number in numbers):
            numbers, note = None, "not assessable: the number is not finite"
        value, low, high = numbers if numbers is not None else (None, None, None)
        return Measurement(
            metric=metric, scope=scope, value=value, low=low, high=high, confidence=confidence,
            scale=self.scale if numbers is not None else "identity", n=n, method=self.method, note=note,
        )  # fmt: skip


def proportion(interval: Interval, method: str = "wilson", note: str = "") -> Estimate:
    """Return the estimate of a share. Wilson's interval is symmetric on the logit scale, which 0 and 1 do not have."""
    return Estimate(interval=interval, method=method, scale=logit_inside(interval), note=note)


def logit_inside(interval: Interval) -> Scale:
    """Return the logit scale where the value and both ends have one."""
    return "logit" if interval.low > 0 and interval.high < 1 else "identity"


def too_few(found: int, needed: int, what: str) -> str:
    """Say that there are too few rows: ``12 rows, 30 needed``. `what` is one of them, e.g. ``row``."""
    return f"{found} {what if found == 1 else what + 's'}, {needed} needed"


def not_assessable(reason: str) -> Estimate:
    """Return the estimate that never passes."""
    return Estimate(interval=None, method="none", note=f"not assessable: {reason}")
