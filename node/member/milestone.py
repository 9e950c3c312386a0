"""A number that only grows, and tasks that wait for it to reach theirs."""

from __future__ import annotations

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count


class Milestone:
    """Owned by one event loop. Waiters are answered in the order of what they wait for."""

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._left = 0  # How many of them nobody waits for any more.
        self._tickets = count()

    def advance(self, value: int) -> None:
        """It is this far now; a smaller value changes nothing."""
        self.value = max(self.value, value)
        while self._waiting and self._waiting[0][0] <= self.value:
            _, _, reached = heappop(self._waiting)
            if reached.done():  # Its task has stopped waiting.
                self._left -= 1
            else:
                reached.set_result(None)

    async def wait_for(self, value: int) -> None:
        """Return once it is at least this far; at once if it is already."""
        if self.value >= value:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (value, next(self._tickets), reached))
        try:
            await reached
        except asyncio.CancelledError:
            if reached.cancelled():
                self._forget()
            raise

    def _forget(self) -> None:
        """Somebody left. While the number stands still nobody else would clear up after them."""
        self._left += 1
        if 2 * self._left > len(self._waiting):
            self._waiting = [each for each in self._waiting if not each[2].done()]
            heapify(self._waiting)
            self._left = 0
