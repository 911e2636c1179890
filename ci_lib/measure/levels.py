"""Values of a category as text, the same whatever type the column had when it was read."""

from typing import Any

from numpy.typing import NDArray


def text_of(value: object) -> str | None:
    """Return a value as text; None where it is missing.

    Whole floats read as integers: a column of integers turns into floats once a value is missing.
    """
    # pandas' NA and NaT are told by their type's name, so that pandas need not be imported.
    if value is None or type(value).__name__ in {"NAType", "NaTType"} or value == "":
        return None
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 -- NaN
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def texts_of(values: NDArray[Any]) -> list[str | None]:
    """Return all values of a column as text."""
    return [text_of(value) for value in values.tolist()]
