"""What running a model costs, as measurements that a rule can judge."""

import pytest

from ci_lib.assessment import operations
from ci_lib.measurement import Measurement
from ci_lib.probe.request import Answer


def latency(n: int, confidence: float) -> Measurement:
    answer = Answer(
        load_seconds=0.1, predict_seconds=1, peak_mb=1, latencies=tuple(row / 1e6 for row in range(1, n + 1))
    )
    found = {each.metric: each for each in operations(answer, answer, 1_000_000, confidence)}
    return found["latency_p99_ms"]


def test_a_high_percentile_has_an_interval_where_enough_rows_were_timed() -> None:
    found = latency(400, 0.95)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


@pytest.mark.parametrize(("n", "confidence", "needed"), [(400, 0.99, "528"), (367, 0.95, "368"), (1, 0.95, "368")])
def test_without_an_interval_it_is_not_assessable_for_a_bare_number_would_be_taken_for_certain(
    n: int, confidence: float, needed: str
) -> None:
    found = latency(n, confidence)
    assert (found.value, found.n) == (None, n)
    assert f"{needed} are needed" in found.note
