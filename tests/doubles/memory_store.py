"""A ledger's store in memory."""

from collections.abc import Callable, Mapping


class MemoryStore:
    """Write-once texts.

    Args:
        texts: what it holds at first.
        before_put: called before each write, so that a test can be another writer who is faster.
    """

    def __init__(self, texts: Mapping[str, str] | None = None, before_put: Callable[[], None] | None = None) -> None:
        self.texts = dict(texts or {})
        self.before_put = before_put

    def read(self) -> Mapping[str, str]:
        return dict(self.texts)

    def put_once(self, key: str, value: str) -> bool:
        if self.before_put:
            self.before_put()
        return self.texts.setdefault(key, value) == value
