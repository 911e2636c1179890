"""A deterministic scheduler: several writers over one store, one call at a time, in the order that a test says."""

from collections.abc import Callable, Mapping, Sequence
from threading import Semaphore, Thread
from typing import Any

from doubles.memory_store import MemoryStore


class Turns:
    """Runs functions in threads that take turns at every call of a `Shared` store.

    Args:
        schedule: whose turn it is, as an index into those that are still running; when it is used up, the first.
    """

    def __init__(self, schedule: Sequence[int]) -> None:
        self._schedule = list(schedule)
        self._back = Semaphore(0)
        self._go: dict[int, Semaphore] = {}
        self._ended: dict[int, Any] = {}
        self.current = 0

    def run(self, *functions: Callable[[], Any]) -> list[Any]:
        """Return what each returned, or the exception that it raised."""
        self._go = {number: Semaphore(0) for number in range(len(functions))}
        threads = [Thread(target=self._one, args=(number, act)) for number, act in enumerate(functions)]
        for thread in threads:
            thread.start()
        while live := [number for number in self._go if number not in self._ended]:
            turn = self._schedule.pop(0) if self._schedule else 0
            self.current = live[turn % len(live)]
            self._go[self.current].release()
            self._back.acquire()
        for thread in threads:
            thread.join()
        return [self._ended[number] for number in self._go]

    def wait(self) -> None:
        """Let the others have a turn."""
        mine = self.current
        self._back.release()
        self._go[mine].acquire()

    def _one(self, number: int, act: Callable[[], Any]) -> None:
        self._go[number].acquire()
        try:
            self._ended[number] = act()
        except Exception as error:  # noqa: BLE001 -- handed to the test
            self._ended[number] = error
        self._back.release()


class Shared(MemoryStore):
    """A store whose callers take turns."""

    turns: Turns | None = None

    def newest(self) -> tuple[int, Mapping[str, str]]:
        self._turn()
        return super().newest()

    def read(self, segment: int = 1) -> Mapping[str, str]:
        self._turn()
        return super().read(segment)

    def put_once(self, key: str, value: str, segment: int = 1) -> bool:
        self._turn()
        return super().put_once(key, value, segment)

    def add(self, segment: int, texts: Mapping[str, str]) -> None:
        self._turn()
        super().add(segment, texts)

    def _turn(self) -> None:
        if self.turns:
            self.turns.wait()
