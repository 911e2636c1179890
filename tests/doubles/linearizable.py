"""Whether a history of overlapping operations on one production model can be explained by some order of them.

After Wing and Gong (Testing and verifying concurrent objects, 1993): try as the next one each operation that began
before any of the others had ended, and remember where that led to nothing. What is shared is one register, the number
of the newest release.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one process saw.

    Args:
        start: seconds, when it was called.
        end: seconds, when it answered; infinite: it was killed, and may have done it at any time.
        next: register -> register after it, or None where it cannot have been then.
        what: for people.
    """

    start: float
    end: float = math.inf
    next: Callable[[int], int | None]
    what: str = ""


def append(number: int) -> Callable[[int], int | None]:
    """Make a release: it replaces the one before."""
    return lambda head: number if head == number - 1 else None


def read(number: int) -> Callable[[int], int | None]:
    """Answer that this is the newest release."""
    return lambda head: head if head == number else None


def refused(expected: int) -> Callable[[int], int | None]:
    """Answer that the newest release is another one than expected."""
    return lambda head: head if head != expected else None


def found(number: int) -> Callable[[int], int | None]:
    """Answer that this release has been made."""
    return lambda head: head if head >= number else None


def linearizable(history: Sequence[Operation], head: int) -> bool:
    """Tell whether an order explains what everybody saw, and no operation comes after one that began when it had ended.

    Args:
        history: the operations, in any order. One that did nothing and told nobody is left out by the caller.
        head: the newest release before them.
    """
    dead_ends: set[tuple[frozenset[int], int]] = set()

    def search(left: frozenset[int], now: int) -> bool:
        if not left:
            return True
        if (left, now) in dead_ends:
            return False
        latest = min(history[place].end for place in left)
        for place in left:
            after = history[place].next(now) if history[place].start <= latest else None
            if after is not None and search(left - {place}, after):
                return True
        dead_ends.add((left, now))
        return False

    return search(frozenset(range(len(history))), head)
