"""A number that only grows, and tasks that wait for it to reach theirs."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from itertools import count


class Milestone:
    """Owned by one event loop. Waiters are answered in the order of what they wait for."""

    def __init__(self, value: int = 0) -> None:
        self.value = value
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._tickets = count()

    def advance(self, value: int) -> None:
        """It is this far now; a smaller value changes nothing."""
        self.value = max(self.value, value)
        while self._waiting and self._waiting[0][0] <= self.value:
            _, _, reached = heappop(self._waiting)
            if not reached.done():  # Its task may have stopped waiting.
                reached.set_result(None)

    async def wait_for(self, value: int) -> None:
        """Return once it is at least this far; at once if it is already."""
        if self.value >= value:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (value, next(self._tickets), reached))
        await reached
