"""What a journal that cannot be opened any more still tells: its entries up to the first doubt.

For an operator whose group has lost the majority of its disks, and for nothing else: who reads a
damaged journal may miss what was acknowledged, so nobody may vote from it. Nothing is changed where
the journal lies; what LevelDB needs to write, it writes beside it.

A damaged LevelDB opened in spite of it has holes (a block of a log, a table), and where a hole
swallowed a truncation, old rows show that had been replaced. So every batch must continue the one
before it, every entry stand at its place with a term that does not fall, and the content of a batch
of which nothing was replaced be the one it was written with. The prefix ends where any of this
fails first. It is then a prefix of what this log once was, which is all that can be known.
"""

import hashlib
import shutil
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from consensus.disk import REAL_DISK, Damaged, Database
from consensus.journal import (
    WRITE_BUFFER_BYTES,
    DirectoryInUse,
    NotBootstrapped,
    StorageCorrupt,
)
from consensus.messages import Configuration, Entry, EntryKind, ReplicaId
from consensus.records import (
    BATCH,
    HEADER,
    Batch,
    Content,
    Mark,
    parse_entry,
    parse_identity,
    parse_place,
    place,
)


@dataclass(frozen=True, slots=True)
class Ending:
    """Where the prefix ends: its last entry (0 and 0 for none), the newest term known to have been
    entered, and why it goes no further (empty: because the journal does not)."""

    last_index: int
    last_term: int
    term: int
    why: str


class Salvage:
    """The remains of one journal, open until the block ends.

    `replica_id` and `first`, the configuration it was bootstrapped with, are None where that cannot
    be read. Opening raises DirectoryInUse, NotBootstrapped if there is none, and StorageCorrupt if
    nothing can be made of it.
    """

    def __init__(self, journal: Path, scratch: Path) -> None:
        """`scratch` must not exist; it is deleted at the end."""
        if not (journal / "leveldb").is_dir():
            raise NotBootstrapped(f"there is no journal at {journal}")
        self.directory = journal
        self._scratch = scratch
        self._known = _known(journal)
        self.replica_id: ReplicaId | None = None
        self.first: Configuration | None = None
        self._base: bytes | None = None
        borrow(journal / "leveldb", scratch)
        try:
            self._database = _open(scratch)
        except Damaged as error:
            shutil.rmtree(scratch)
            raise StorageCorrupt(journal, str(error)) from error
        except BaseException:
            shutil.rmtree(scratch)
            raise
        with suppress(Damaged, ValueError):
            identity = self._database.get(b"i") or b""
            self.replica_id, self.first = parse_identity(identity)
            self._base = hashlib.sha256(identity).digest()
        self.ending = self._find_ending()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()
        shutil.rmtree(self._scratch)

    def entries(self) -> Iterator[Entry]:
        """All entries of the prefix, in order."""
        header, last_index = b"", self.ending.last_index
        if not last_index:
            return
        for key, record in self._database.scan(place(1, HEADER), None):
            index, part = parse_place(key)
            if part == HEADER:
                header = record
            elif part != BATCH:
                yield parse_entry(index, header, record)
                if index == last_index:
                    return  # Before the next row is read, which may be the damaged one.

    def _find_ending(self) -> Ending:
        """By reading everything once."""
        prefix = _Prefix(self._base)
        why = ""
        try:
            for key, record in self._database.scan(b"e", b"f"):
                prefix.take(*parse_place(key), record)
            prefix.end()
        except (Damaged, ValueError, struct.error) as error:
            why = str(error)
        if not why and self._known is not None and prefix.number < self._known.number:
            why = f"it ends at batch {prefix.number}, but batch {self._known.number} was synced"
        last = prefix.last
        return Ending(
            0 if last is None else last.index, 0 if last is None else last.term, prefix.term, why
        )


class _Prefix:
    """Takes rows in the order of keys for as long as they are a log; `last` is its last entry."""

    def __init__(self, base: bytes | None) -> None:
        """`base` is what the first batch must continue, if that is known."""
        self.last: Entry | None = None
        self.term = self.number = 0
        self._chain = base
        self._batch: Batch | None = None
        self._before: Entry | None = None  # The last entry before the batch.
        self._content = Content()
        self._header = b""

    def take(self, index: int, part: int, record: bytes) -> None:
        """ValueError for what does not fit; nothing may be taken after that."""
        expected = 1 if self.last is None else self.last.index + 1
        if index != expected:
            raise ValueError(f"entry {expected} is missing")
        if part == BATCH:
            self._finish_batch(index)
            self._begin_batch(Batch.parse(index, record))
        elif part == HEADER:
            self._header = record
        else:
            self._take_entry(parse_entry(index, self._header, record))
            self._header = b""

    def end(self) -> None:
        """There are no more rows."""
        if self._batch is None:
            raise ValueError("no batch is left")
        if self._batch.last_index != (0 if self.last is None else self.last.index):
            raise ValueError(f"batch {self._batch.number} is cut")
        self._finish_batch(self._batch.last_index + 1)

    def _begin_batch(self, batch: Batch) -> None:
        continues = self._chain is None or batch.previous == self._chain
        if not continues or batch.number <= self.number or batch.term < self.term:
            raise ValueError(f"batch {batch.number} does not continue batch {self.number}")
        self._batch, self._before, self._content = batch, self.last, Content()
        self._chain, self.number, self.term = batch.chain, batch.number, batch.term

    def _take_entry(self, entry: Entry) -> None:
        assert self._batch is not None, "a batch is the first row of all"
        floor = 0 if self.last is None else self.last.term
        if not floor <= entry.term <= self._batch.term or entry.index > self._batch.last_index:
            raise ValueError(f"entry {entry.index} is not of batch {self._batch.number}")
        if entry.kind is EntryKind.CONFIGURATION:
            Configuration.parse(entry.data)
        self._content.add(entry.index, self._header, entry.data)
        self.last = entry

    def _finish_batch(self, next_index: int) -> None:
        """If nothing of it was replaced later, its content is the one it was written with; if it is
        not, no entry of it can be trusted."""
        batch = self._batch
        if batch is None or next_index <= batch.last_index:
            return
        if self._content.finish(batch.hard_state, batch.last_index) != batch.content:
            self.last = self._before
            raise ValueError(f"batch {batch.number} is not what was written")


def _known(journal: Path) -> Mark | None:
    """How far the disk was told to remember, if that can be read still. Nobody may be at it."""
    position = journal / "position"
    try:
        REAL_DISK.open_locked(position).close()
    except BlockingIOError:
        raise DirectoryInUse(f"{journal} is open in another process; stop it first") from None
    except OSError:
        pass  # Not there, or a copy that cannot be written: then nobody is at it.
    try:
        return Mark.parse(REAL_DISK.read_file(position))
    except (OSError, ValueError, struct.error):
        return None


def borrow(database: Path, scratch: Path) -> None:
    """A copy of the files of the database. Never links: LevelDB may number a new table like one its
    manifest does not name any more, and would then write into the original."""
    scratch.mkdir(parents=True)
    for path in database.iterdir():
        if path.is_file() and path.name != "LOCK":
            shutil.copyfile(path, scratch / path.name)


def _open(directory: Path) -> Database:
    try:
        return REAL_DISK.open_database(directory, write_buffer_bytes=WRITE_BUFFER_BYTES)
    except Damaged:
        return REAL_DISK.open_remains(directory)
