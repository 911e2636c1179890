"""One way to write a label as text, wherever it comes from: the rows or a model's answer."""


def label_text(label: object) -> str:
    """Return a label as `prepare` writes it: `str` of it, whole numbers without a decimal point."""
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
