"""The writer: one batch at a time on its way to the disk, as `consensus.writer` has it in a thread.

Everything queued goes into one synced batch. The journal is only called when the time of the write
is over, so to the core a write under way is one that is not there yet. What a power cut makes of it
(nothing, all or a part) is decided by the disk when `interrupt` puts it there unsynced.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from consensus.journal import Journal, JournalError
from consensus.ready import Write
from consensus.writer import BATCH_BYTES, Probe, join
from devnet.sim.medium import PowerCut
from devnet.sim.schedule import Life, Schedule
from devnet.sim.setting import Setting


class WriterEdge(Protocol):
    """The machine, as far as its disk goes."""

    def begin_write(self) -> int:
        """The disk begins to write: how long that takes, in microseconds."""

    def disk_stall_us(self) -> int:
        """How much longer the disk hangs or the process is stopped; 0 if they work."""

    def failed(self, error: Exception) -> None:
        """The process ends."""


class Writer:
    def __init__(
        self,
        journal: Journal,
        edge: WriterEdge,
        written: Callable[[Sequence[Write]], None],
        setting: Setting,
        schedule: Schedule,
        life: Life,
    ) -> None:
        self._journal = journal
        self._edge = edge
        self._written = written
        self._one_at_a_time = setting.one_write_at_a_time
        self._schedule = schedule
        self._life = life
        self._queue: deque[Write | Probe] = deque()
        self._under_way: list[Write | Probe] = []

    def put(self, item: Write | Probe) -> None:
        self._queue.append(item)
        if not self._under_way:
            self._begin()

    @property
    def under_way(self) -> list[Write]:
        return [item for item in self._under_way if isinstance(item, Write)]

    def interrupt(self) -> None:
        """The power fails now, or the process is killed: the journal gets what was on its way, and
        nobody hears of it."""
        if writes := self.under_way:
            with suppress(PowerCut, JournalError):
                self._journal.append(*join(writes))

    def _begin(self) -> None:
        size = 0
        while self._queue and size < BATCH_BYTES:
            item = self._queue.popleft()
            self._under_way.append(item)
            if self._one_at_a_time:
                break
            if isinstance(item, Write):
                size += sum(len(entry.data) for entry in item.entries)
        self._schedule.after(self._edge.begin_write(), self._finish, self._life)

    def _finish(self) -> None:
        if stall_us := self._edge.disk_stall_us():
            self._schedule.after(stall_us, self._finish, self._life)
            return
        writes = self.under_way
        try:
            if writes:
                self._journal.append(*join(writes))
            else:
                self._journal.probe()
        except Exception as error:
            self._edge.failed(error)
            return
        self._under_way.clear()
        self._written(writes)
        if self._queue and not self._under_way and not self._life.is_over:
            self._begin()
