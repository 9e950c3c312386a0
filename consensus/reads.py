"""Linearizable reads without writing (Raft thesis, 6.4: ReadIndex).

A leader may answer a read with its commit index once it knows that it still led when the read was
asked. It gives all reads that came up together one number, rising by one each time, and a
heartbeat carries the newest number; whoever answers confirms it and all before it. So a read is
confirmed by exactly the rule an entry is committed by, and no answer to an older heartbeat can
confirm a newer read.
"""

from collections import deque
from dataclasses import dataclass

from consensus.messages import ReplicaId

NUMBERS = 1 << 62
"""Forwarded reads are numbered from anywhere below this on; so numbers stay 64-bit for ever."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A read, by the replica that wants to know and the number it knows it by."""

    replica: ReplicaId
    context: int


@dataclass(frozen=True, slots=True)
class _Round:
    position: int
    index: int
    asked: tuple[Asked, ...]


class LeaderReads:
    """Owned by the `Leadership`: the reads it has not answered yet."""

    def __init__(self) -> None:
        self.position = 0
        """Of the newest round, 0 before the first."""
        self._waiting: list[Asked] = []
        self._rounds: deque[_Round] = deque()
        self.count = 0

    def ask(self, asked: Asked) -> None:
        self._waiting.append(asked)
        self.count += 1

    def begin(self, commit: int) -> bool:
        """Give what is waiting a number, if anything is; then a heartbeat must go out."""
        if not self._waiting:
            return False
        self.position += 1
        self._rounds.append(_Round(self.position, commit, tuple(self._waiting)))
        self._waiting.clear()
        return True

    def confirm(self, position: int) -> list[tuple[Asked, int]]:
        """A majority followed this leader after round `position` began: its reads and all before,
        each with the index that must be applied first."""
        confirmed = []
        while self._rounds and self._rounds[0].position <= position:
            done = self._rounds.popleft()
            confirmed += [(asked, done.index) for asked in done.asked]
        self.count -= len(confirmed)
        return confirmed

    def unanswered(self) -> list[Asked]:
        return [asked for round_ in self._rounds for asked in round_.asked] + self._waiting


class ForwardedReads:
    """Owned by the core: reads this replica has passed on to the leader.

    On the wire they go by numbers counted from a random start, so that an answer to a read of an
    earlier life of this replica cannot be taken for the answer to a new one.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._pending: dict[int, tuple[int, int]] = {}
        """Number on the wire -> the edge's number and the tick it was passed on."""

    def __len__(self) -> int:
        return len(self._pending)

    def forward(self, context: int, tick: int) -> int:
        """The number to ask the leader by."""
        self._next += 1
        self._pending[self._next] = (context, tick)
        return self._next

    def answered(self, number: int) -> int | None:
        """The edge's number, or None if it was answered or given up before."""
        context, _ = self._pending.pop(number, (None, 0))
        return context

    def expired(self, before_tick: int) -> list[int]:
        """Give up what was passed on at this tick or earlier; the oldest come first."""
        old = [number for number, (_, tick) in self._pending.items() if tick <= before_tick]
        return [self._pending.pop(number)[0] for number in old]
