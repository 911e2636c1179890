"""A length of time as release.yml writes it: ``7 days``."""

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

LONGEST = 3_653 * 86_400
"""Seconds; a date so much later can still be written."""

UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def parse(value: object) -> object:
    """Turn ``7 days`` into a timedelta."""
    if not isinstance(value, str):
        return value
    number, _, unit = value.strip().partition(" ")
    seconds = UNITS.get(unit.strip().rstrip("s"))
    if seconds is None or not number.isdigit() or int(number) == 0:
        message = "write a whole number and minutes, hours, days or weeks, e.g. '7 days'"
        raise ValueError(message)
    if int(number) * seconds > LONGEST:
        message = "more than ten years is no duration of ours"
        raise ValueError(message)
    return timedelta(seconds=int(number) * seconds)


def words(value: timedelta) -> str:
    """Return a duration as release.yml writes it."""
    for unit in ("day", "hour"):  # a week is read, and said as 7 days: who wrote 7 days finds them again
        seconds = UNITS[unit]
        if value.total_seconds() % seconds == 0:
            number = int(value.total_seconds() // seconds)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{int(value.total_seconds() // 60)} minutes"


Duration = Annotated[timedelta, BeforeValidator(parse), PlainSerializer(words, return_type=str)]
