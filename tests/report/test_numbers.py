"""Numbers as a reviewer reads them."""

import math

import pytest
from doubles.records import number
from hypothesis import assume, given
from hypothesis import strategies as st

from ci_lib.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.7518, "0.752"),
        (0.7, "0.700"),
        (-0.0312, "−0.0312"),
        (12.0, "12.0"),
        (123.4, "123"),
        (999.4, "999"),
        (999.6, "1,000"),
        (1234567.0, "1,234,567"),
        (0.00012345, "0.000123"),
        (0.0000123, "1.23e−05"),
        (1e300, f"{1e300:,.0f}"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert numbers.significant(value) == text


def test_rounding_never_hides_on_which_side_of_the_limit_a_value_lies() -> None:
    assert numbers.significant(0.69996, against=[0.7]) == "0.69996"
    assert numbers.significant(0.7, against=[0.7]) == "0.700"
    assert numbers.significant(0.75, against=[0.7, None]) == "0.750"
    assert numbers.significant(0.1 + 0.2, against=[0.3]) == "0.300000000000", "noise is not worth more digits"
    assert numbers.significant(1000.2, against=[1000.0]) == "1,000.2"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_two_numbers_that_differ_look_different(value: float, limit: float) -> None:
    assume(abs(value - limit) > 1e-9 * max(abs(value), abs(limit), 1e-300))
    shown = numbers.significant(value, against=[limit]).replace("−", "-").replace(",", "")
    assert (float(shown) < limit) == (value < limit)


@pytest.mark.parametrize(
    ("metric", "value", "difference", "text"),
    [
        ("accuracy", 0.8857, False, "88.6 %"),
        ("accuracy", -0.0025, True, "−0.250 points"),
        ("accuracy", 0.0125, True, "+1.25 points"),
        ("roc_auc", 0.0039, True, "+0.00390"),
        ("statistical_parity_difference", 0.12, False, "+0.120"),
        ("overlap_rows", 12345, False, "12,345 rows"),
        ("overlap_rows", 1.5, False, "1.50 rows"),
        ("latency_p99_ms", 4.123, False, "4.12 ms"),
        ("not_in_the_catalogue", 2.5, False, "2.50"),
    ],
)
def test_each_metric_in_its_unit(metric: str, value: float, difference: bool, text: str) -> None:
    assert numbers.quantity(value, metric, difference=difference) == text


def test_an_interval_names_its_unit_once() -> None:
    assert numbers.interval(number("accuracy", 0.8857, 0.8617, 0.906)) == "86.2 to 90.6 %"
    assert numbers.interval(number("accuracy", 0.8857, 0.8617)) == ""


def test_a_missing_value_is_words() -> None:
    assert numbers.value(number("accuracy", None)) == "not assessable"


@pytest.mark.parametrize(
    ("bounds", "metric", "of", "text"),
    [
        ((0.8, None), "impact_ratio", "candidate", "at least 0.8"),
        ((None, 50.0), "latency_p99_ms", "candidate", "at most 50 ms"),
        ((-0.1, 0.1), "statistical_parity_difference", "candidate", "−0.1 to 0.1"),
        ((0.85, None), "accuracy", "candidate", "at least 85 %"),
        ((-0.02, None), "accuracy", "candidate - champion", "at least −2 points"),
        ((None, None), "roc_auc", "candidate", "no limit"),
    ],
)
def test_the_good_side_in_words(bounds: tuple[float | None, float | None], metric: str, of: str, text: str) -> None:
    measurement = number(metric, 0.5, of=of)
    assert numbers.limit(bounds, measurement) == text


def test_the_good_side_is_said_without_a_measurement_too() -> None:
    assert numbers.limit((0.7, None), None) == "at least 0.7"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_has_a_text(value: float) -> None:
    text = numbers.significant(value).replace("−", "-").replace(",", "")
    assert math.isclose(float(text), value, rel_tol=0.006, abs_tol=0)


def test_people_are_written_as_they_write_themselves() -> None:
    assert numbers.method("paired delong") == "paired DeLong"
    assert numbers.method("mover of wilson, log") == "MOVER of Wilson, log"
    assert numbers.method("count") == "count"
