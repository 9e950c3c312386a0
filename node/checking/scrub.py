"""The scrub: what `fsck` does at once, a member that runs does slowly, for as long as it runs.

A byte that changes on a disk is noticed by whoever reads it, and most of a ledger nobody reads for
years. So a thread of its own reads everything again and again, and compares it with what the blocks
make. It begins anew with every start of the member, and with every pass at the first block.

What it finds is logged, and made good:

    a row of the views that is missing or says something else     is written again
    anything else about the views                                 they are made again as a whole
    the journal                                                   is mended, or the member rejoins
    a seal or a note that does not fit                            is told: only people can judge it
    seals that cannot be read                                     are set aside, and asked for

The second, third and last are errors that end the work under way (`member` then does the rest):
nobody must be served from such data meanwhile.
"""

from __future__ import annotations

import logging
import struct
import threading
import time
from collections.abc import Iterator

from consensus.journal import Journal, StorageCorrupt
from consensus.messages import Entry
from consensus.prefix import read
from consensus.recount import Part
from node.chain.rows import Row
from node.chain.store import ViewsCorrupt
from node.checking.comparison import Comparison
from node.checking.difference import Difference
from node.checking.vouching import Vouching
from node.evidence.record import Genesis
from node.member.directory import Directory, journal_errors
from node.seals.sealing import Note
from node.seals.store import Seals

SHARE = 0.02
"""Of one core. A ledger of 10 GB is read and computed again within half a day, and whoever waits
for an answer never notices."""
BURST_S = 0.005
"""Computing between two pauses: as long as Python lets one thread keep the others waiting."""
FIRST_S = 10.0
"""After a start there is more urgent work."""
APART_S = 600.0
"""Between two passes; a small ledger need not be read without end."""
WINDOW = 64
"""Blocks and notes read in one go: LevelDB keeps every file that a reader still has open."""

_log = logging.getLogger(__name__)


class _Stopped(Exception):
    """The member stops."""


class Scrub:
    """Of one start of a member. `reached` is the height up to which the pass under way has come,
    `passed_s` the POSIX time at which the last one ended (0: none yet), and `damage` what was found
    and not made good. Any thread reads these."""

    def __init__(self, directory: Directory, first: Genesis, member: str) -> None:
        self.reached = 0
        self.passed_s = 0
        self.damage: tuple[str, ...] = ()
        self._directory = directory
        self._first = first
        self._member = member
        self._stopping = threading.Event()
        self._busy_since_s = 0.0

    def stop(self) -> None:
        """Soon `run` returns."""
        self._stopping.set()

    def run(self) -> None:
        """In a thread of its own, until stopped; raises what ends the work under way."""
        try:
            self._sleep(FIRST_S)
            while True:
                with journal_errors():
                    self._pass()
                self.passed_s = int(time.time())
                self._sleep(APART_S)
        except _Stopped:
            return

    def _pass(self) -> None:
        seals, store = self._directory.seals, self._directory.store
        end = store.chain.height
        self._busy_since_s = time.thread_time()
        damage: list[Difference] = []
        comparison = Comparison(self._first, store.rows, pause=self._pause)
        vouching = Vouching(self._member, seals.load(), _notes(seals), seals.beside)
        for entry in self._entries(end):
            applied = comparison.take(entry)
            damage += vouching.take(applied)
            self._make_good(comparison)
            self.reached = entry.index
            self.damage = (*map(str, damage),)
            self._pause()
        comparison.end()
        self._make_good(comparison)
        for each in damage:
            _log.error("scrub: %s", each)

    def _entries(self, end: int) -> Iterator[Entry]:
        """Up to this height, or to that of the newest batch that does not go on behind it."""
        journal = self._directory.journal
        prefix = journal.prefix()
        try:
            yield from read(_rows(journal, end), prefix, to_the_end=False)
        except (ValueError, struct.error) as error:
            height = 1 if prefix.last is None else prefix.last.index + 1
            _log.critical("scrub: journal, height %d: %s", height, error)
            raise StorageCorrupt(journal.directory, f"height {height}: {error}") from error
        except StorageCorrupt as error:
            height = 1 if prefix.last is None else prefix.last.index + 1
            _log.critical("scrub: journal, height %d: %s", height, error.what)
            raise
        journal.check_beside(prefix)

    def _make_good(self, comparison: Comparison) -> None:
        found, comparison.found = comparison.found, []
        rows: list[Row] = []
        for each in found:
            _log.critical("scrub: %s", each)
            if each.row is None or not each.is_readable:
                raise ViewsCorrupt(str(each))
            rows.append(each.row)
        if rows:
            self._directory.store.restore(rows)
            _log.warning("scrub: %d rows of the views were written again", len(rows))

    def _pause(self) -> None:
        """So that this thread takes its share and no more."""
        busy_s = time.thread_time() - self._busy_since_s
        if busy_s >= BURST_S:
            self._sleep(busy_s * (1 / SHARE - 1))
            self._busy_since_s = time.thread_time()

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped


def _rows(journal: Journal, end: int) -> Iterator[Part]:
    """Of all entries up to this one."""
    for start in range(1, end + 1, WINDOW):
        yield from journal.rows(start, min(start + WINDOW, end + 1))


def _notes(seals: Seals) -> Iterator[Note]:
    """Those that are published, in the order of their sizes."""
    size = 0
    while notes := seals.notes_from(size, WINDOW):
        yield from notes
        size = notes[-1].size + 1
