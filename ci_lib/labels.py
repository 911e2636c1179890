"""One way to write a label as text, wherever it comes from, and which label counts as positive. Light."""

from ci_lib.config import Label
from ci_lib.errors import BadInput

POSITIVE = ("1", "true", "yes")
"""Labels that count as positive when release.yml names none, compared without case."""


def label_text(label: object) -> str:
    """Return a label as `prepare` writes it: `str` of it, whole numbers without a decimal point."""
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def positive(names: tuple[str, ...], wanted: Label | None) -> str:
    """Return the label that counts as positive: the one release.yml names, else 1, True or yes, else the last.

    Raises:
        BadInput: release.yml names a label that is not there.
    """
    if wanted is None:
        return next((name for name in names if name.casefold() in POSITIVE), names[-1])
    text = str(int(wanted)) if isinstance(wanted, float) and wanted.is_integer() else str(wanted)
    # `positive: 1` means True, and `positive: true` means 1, where those are the labels.
    twins = {"1": "True", "0": "False", "True": "1", "False": "0", "true": "True", "false": "False"}
    for each in (text, twins.get(text)):
        if each in names:
            return str(each)
    message = f"data.positive is {text!r}, and the target's labels are {', '.join(map(repr, names))}"
    raise BadInput(message, "correct data.positive in release.yml")
