"""The measurements as OpenMetrics text, which GitLab compares with the target branch (``reports:metrics``, Premium).

https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md: one gauge, one line a measurement,
label values with backslash, quote and line break escaped, ``# EOF`` at the end. What has no value has no line.
"""

from collections.abc import Iterable

from ci_lib.measurement import Measurement
from ci_lib.text import visible

NAME = "ml_release_measurement"


def render(measurements: Iterable[Measurement]) -> bytes:
    """Lay measurements out; the last of several with the same labels counts."""
    found = {_labels(each): each.value for each in measurements if each.value is not None}
    lines = [f"{NAME}{{{labels}}} {value!r}" for labels, value in sorted(found.items())]
    head = [f"# HELP {NAME} Measured by ml-release on the holdout.", f"# TYPE {NAME} gauge"]
    return ("\n".join([*head, *lines, "# EOF"]) + "\n").encode()


def _labels(each: Measurement) -> str:
    scope = each.scope
    named = {
        "metric": each.metric,
        "of": scope.of,
        "attribute": scope.attribute,
        "group": scope.group,
        "reference": scope.reference,
        "feature": scope.feature,
    }
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in named.items() if value)


def _escaped(value: str) -> str:
    return visible(value).replace("\\", "\\\\").replace('"', '\\"')
