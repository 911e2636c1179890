"""How a check says no."""

from ci_lib.errors import Refused

AGAIN = "ask again: ml-release approve"


def expect(holds: bool, otherwise: str, hint: str = AGAIN) -> None:  # noqa: FBT001 -- reads as a sentence
    """Refuse with a sentence unless something holds."""
    if not holds:
        raise Refused(otherwise, hint)
