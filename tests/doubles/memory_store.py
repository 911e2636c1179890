"""A ledger's store in memory."""

from collections.abc import Callable, Mapping


class MemoryStore:
    """A row of segments of write-once texts.

    Args:
        texts: what its first segment holds at first.
        before_put: called before each write, so that a test can be another writer who is faster.
        size: entries in a segment.
    """

    def __init__(
        self, texts: Mapping[str, str] | None = None, before_put: Callable[[], None] | None = None, size: int = 1000
    ) -> None:
        self.segments: list[dict[str, str]] = [dict(texts or {})]
        self.before_put = before_put
        self.size = size

    @property
    def texts(self) -> dict[str, str]:
        """Return what the first segment holds."""
        return self.segments[0]

    def newest(self) -> tuple[int, Mapping[str, str]]:
        return len(self.segments), self.read(len(self.segments))

    def read(self, segment: int = 1) -> Mapping[str, str]:
        return dict(self.segments[segment - 1])

    def put_once(self, key: str, value: str, segment: int = 1) -> bool:
        if self.before_put:
            self.before_put()
        return self.segments[segment - 1].setdefault(key, value) == value

    def add(self, segment: int, texts: Mapping[str, str]) -> None:
        if segment > len(self.segments):
            self.segments.append(dict(texts))
