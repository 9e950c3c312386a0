"""Hands committed entries to whoever applies them, at their pace and in a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from consensus.messages import Entry

# Data that may wait here. Beyond it the core keeps what is committed to itself, in its log.
WAITING_BYTES_MAX = 16 << 20

Apply = Callable[[Sequence[Entry]], Awaitable[None]]


class Delivery:
    """Owned by the replica's loop. `applied` is the last index `apply` has returned for."""

    def __init__(self, apply: Apply, applied: int) -> None:
        self.applied = applied
        self._apply = apply
        self._waiting: list[Entry] = []
        self._waiting_bytes = 0
        self._filled = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return self._waiting_bytes < WAITING_BYTES_MAX

    def put(self, entries: Sequence[Entry]) -> None:
        self._waiting += entries
        self._waiting_bytes += _data_bytes(entries)
        self._filled.set()

    async def run(self, progress: Callable[[], None]) -> NoReturn:
        """Call `apply` with all that waits, again and again, and `progress` after each time."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            entries, self._waiting = self._waiting, []
            await self._apply(entries)
            self.applied = entries[-1].index
            self._waiting_bytes -= _data_bytes(entries)
            progress()


def _data_bytes(entries: Sequence[Entry]) -> int:
    return sum(len(entry.data) for entry in entries)
