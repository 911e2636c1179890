"""One way to write a label as text, wherever it comes from: a CSV, a Parquet file or a model's answer."""


def label_text(label: object) -> str:
    """Return a label as text: whole numbers without a decimal point, booleans as ``true`` and ``false``."""
    value = label.item() if hasattr(label, "item") else label
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
