"""The thread that waits for the disk, so that the loop never does.

It joins everything queued into one synced batch: while one sync is under way the next writes
gather, and the busier the replica, the more of them share a sync. It owns the journal's appends.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from consensus.journal import Journal
from consensus.messages import Entry, HardState
from consensus.ready import Write

# Data in one batch. More would only delay the acknowledgement of what came first.
BATCH_BYTES = 4 << 20

# A disk that hangs must not keep a process from ending.
CLOSE_S = 5.0


class Probe:
    """Asks the disk whether it still answers; written when there is nothing else to write."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """This disk has forgotten something: after what waits before it, the last that is written."""

    forgotten: str


class Spent:
    """How many writes the disk has taken, and how long they took together. One thread adds."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.seconds += seconds


class Writer:
    """Makes writes durable in the order they were put.

    In its own thread it calls `written` with the number of the newest durable write (None after a
    probe alone), or `failed`, once, after which it does nothing more.
    """

    def __init__(
        self,
        journal: Journal,
        written: Callable[[int | None], None],
        failed: Callable[[Exception], None],
        spent: Spent | None = None,
    ) -> None:
        self._journal = journal
        self._written = written
        self._failed = failed
        self._spent = spent or Spent()
        self._queue: SimpleQueue[Write | Probe | GiveUp | None] = SimpleQueue()
        self._closing = False  # The thread's own: it has seen the None that ends the queue.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, write: Write | Probe | GiveUp) -> None:
        self._queue.put(write)

    async def close(self) -> None:
        """Write what is queued, then stop; returns when that is done, or the disk hangs."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, CLOSE_S)

    def _run(self) -> None:
        try:
            while gathered := self._gather():
                writes = [item for item in gathered if isinstance(item, Write)]
                if writes:
                    begun_s = time.perf_counter()
                    self._journal.append(*join(writes))
                    self._spent.add(time.perf_counter() - begun_s)
                else:
                    self._journal.probe()
                for item in gathered:
                    if isinstance(item, GiveUp):
                        self._journal.give_up(item.forgotten)
                self._written(writes[-1].number if writes else None)
        except Exception as error:
            self._failed(error)

    def _gather(self) -> list[Write | Probe | GiveUp]:
        """Wait for something and take what else is there; nothing means stop."""
        gathered: list[Write | Probe | GiveUp] = []
        size = 0
        while not self._closing and size < BATCH_BYTES:
            try:
                item = self._queue.get(block=not gathered)
            except Empty:
                break
            if item is None:
                self._closing = True
                break
            gathered.append(item)
            if isinstance(item, Write):
                size += sum(len(entry.data) for entry in item.entries)
        return gathered


def join(writes: Iterable[Write]) -> tuple[HardState | None, list[Entry]]:
    """Several writes as one: the last hard state, and the entries with later ones replacing all
    from their first index on."""
    hard_state = None
    entries: list[Entry] = []
    for write in writes:
        hard_state = write.hard_state or hard_state
        if write.entries and entries:
            if (keep := write.entries[0].index - entries[0].index) < 0:
                entries.clear()
            else:
                assert keep <= len(entries), "entries leave a gap"
                del entries[keep:]
        entries.extend(write.entries)
    return hard_state, entries
