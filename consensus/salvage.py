"""What a journal that cannot be opened any more still tells: its entries up to the first doubt.

Who reads a damaged journal may miss what was acknowledged, so nobody may vote from it. It is for an
operator whose group has lost the majority of its disks, and for whoever fills its holes with what
others have, if `check_rest` holds: then its end is what was synced last, and nothing is missing but
what lies in the holes. Nothing is changed where the journal lies; what LevelDB needs to write, it
writes beside it.

A damaged LevelDB opened in spite of it has holes (a block of a log, a table), and where a hole
swallowed a truncation, old rows show that had been replaced. So it is read only as far as it is a
log (`prefix`); that this was once a prefix of it is all that can be known.
"""

import hashlib
import os
import re
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from consensus.messages import Configuration, Entry, ReplicaId
from consensus.prefix import Prefix
from consensus.records import (
    BATCH,
    DATA,
    HEADER,
    Batch,
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

    def entry(self, index: int) -> Entry | None:
        """One entry, wherever it lies, if it can be read; whether it is the right one is for the
        caller to find out."""
        try:
            header = self._database.get(place(index, HEADER)) or b""
            data = self._database.get(place(index, DATA))
            return None if data is None else parse_entry(index, header, data)
        except (Damaged, ValueError, struct.error):
            return None

    def newest(self) -> Batch:
        """The last batch; ValueError unless it can be read and is no older than what was synced."""
        with self._doubting():
            rows = self._database.scan(b"e", b"f", reverse=True)
            newest = next((each for each in map(_batch, rows) if each is not None), None)
            if newest is None or self._known is None:
                raise ValueError("what was written last cannot be read")
            if newest.number < self._known.number:
                raise ValueError(
                    f"it ends at batch {newest.number}, but batch {self._known.number} was synced"
                )
            rows = self._database.scan(b"e", place(self._known.first, HEADER), reverse=True)
            then = next((each for each in map(_batch, rows) if each is not None), None)
            if then is None or (then.number <= self._known.number and then.mark != self._known):
                raise ValueError("it is of another history than what was synced")
            return newest

    def check_rest(self, start: int, before: Entry | None) -> None:
        """ValueError unless everything from the batch of entry `start` on to the end is there, and
        one continues the other. `before` is the entry before `start`."""
        with self._doubting():
            rows = self._database.scan(b"e", place(start, HEADER), reverse=True)
            first = next((each.first for each in map(_batch, rows) if each is not None), None)
            if first is None:
                raise ValueError("no batch is left")
            prefix = Prefix(None)
            prefix.last = before if first == start else self.entry(first - 1)
            if first > 1 and prefix.last is None:
                raise ValueError(f"entry {first - 1} cannot be read")
            for key, record in self._database.scan(place(first, BATCH), b"f"):
                prefix.take(*parse_place(key), record)
            prefix.end()

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        try:
            yield
        except (Damaged, struct.error) as error:
            raise ValueError(str(error)) from error

    def _find_ending(self) -> Ending:
        """By reading everything once."""
        prefix = Prefix(self._base)
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


def _batch(row: tuple[bytes, bytes]) -> Batch | None:
    index, part = parse_place(row[0])
    return Batch.parse(index, row[1]) if part == BATCH else None


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
    """The database as it is, for somebody who may write into it: nothing he does reaches the
    original.

    Tables are never written again, so those that can be are linked, and all else is copied. What
    cannot: LevelDB may number a new table like one that its manifest does not name any more, and
    would write into that; its new numbers are above that of the manifest itself, which it began
    when it was opened last.
    """
    scratch.mkdir(parents=True)
    manifest = _manifest_number(database)
    for path in database.iterdir():
        is_table = path.suffix in (".ldb", ".sst") and path.stem.isdecimal()
        if is_table and int(path.stem) < manifest:
            with suppress(OSError):  # Another file system, or one without links.
                os.link(path, scratch / path.name)
                continue
        if path.is_file() and path.name != "LOCK":
            shutil.copyfile(path, scratch / path.name)


def _manifest_number(database: Path) -> int:
    """0 if it cannot be told."""
    try:
        current = (database / "CURRENT").read_bytes()
    except OSError:
        return 0
    match = re.fullmatch(rb"MANIFEST-([0-9]+)\n", current)
    return int(match[1]) if match else 0


def _open(directory: Path) -> Database:
    try:
        return REAL_DISK.open_database(directory, write_buffer_bytes=WRITE_BUFFER_BYTES)
    except Damaged:
        return REAL_DISK.open_remains(directory)
