"""Time: what is to happen, in the order in which it does.

One number of microseconds since the start of the run, which moves only from event to event. Two at
the same time happen in the order in which they were asked for, so a run has one order and no more.
"""

from collections.abc import Callable
from heapq import heappop, heappush

MS = 1_000
SECOND = 1_000_000

Action = Callable[[], None]


class Life:
    """What an event belongs to: once it is over, the event never happens."""

    __slots__ = ("is_over",)

    def __init__(self) -> None:
        self.is_over = False


class Schedule:
    def __init__(self) -> None:
        self.now_us = 0
        self.count = 0
        """Events that have happened."""
        self._heap: list[tuple[int, int, Action, Life | None]] = []
        self._asked = 0

    def after(self, delay_us: int, action: Action, life: Life | None = None) -> None:
        self._asked += 1
        heappush(self._heap, (self.now_us + delay_us, self._asked, action, life))

    def step(self) -> bool:
        """The next event; False if there is none any more."""
        while self._heap:
            time_us, _, action, life = heappop(self._heap)
            if life is None or not life.is_over:
                self.now_us = time_us
                self.count += 1
                action()
                return True
        return False
