"""A registry client that counts its calls and can die after any of them."""

from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """The process is gone: nothing in the program may catch this."""


class Watched:
    """Passes calls on to an MLflow client, remembers their names, and dies after the n-th.

    Args:
        client: the real one.
        calls: shared with `watch`, so that downloads count too.
        die_after: number of the call whose answer never arrives; 0 never.
    """

    def __init__(self, client: Any, calls: list[str], die_after: int = 0) -> None:
        self._client = client
        self._calls = calls
        self._die_after = die_after

    def __getattr__(self, name: str) -> Any:
        """Return the client's method, watched."""
        return self.watch(name, getattr(self._client, name))

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._calls.append(name)
            number = len(self._calls)
            try:
                return call(*args, **kwargs)
            finally:
                if number == self._die_after:
                    raise Killed(name)

        return watched
