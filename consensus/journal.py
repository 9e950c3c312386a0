"""The journal: what this replica has promised, on disk before anyone hears of it.

One LevelDB with one owner; every append is one synced WriteBatch, so hard state, entries and the
truncation they imply become durable together or not at all. What LevelDB alone does not notice is
noticed here. Without paranoid checks it drops fsynced records behind a flipped log byte, and even
with them it opens as if new when its log file is gone. Therefore every batch carries a running
number and a chain digest, and a small file outside LevelDB says how far the disk has been told to
remember.

The position file is written after each sync and never synced itself, so it can lag but never claim
too much: a database that ends before it has lost something that was acknowledged. `records` has the
bytes.

Crash points: before the batch is synced nothing was promised and the next open sees the state
before it; between the sync and the position file the next open sees a database that is ahead of
the file, which is right.
"""

import fcntl
import hashlib
import os
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

try:
    import plyvel  # type: ignore[import-untyped,unused-ignore]
except ImportError:  # Python 3.13 and later have only the maintained fork.
    import plyvel_next as plyvel  # type: ignore[import-not-found,import-untyped,unused-ignore]

from consensus.messages import Configuration, Entry, EntryKind, HardState
from consensus.records import (
    GENESIS,
    NUMBER,
    Batch,
    Mark,
    format_header,
    key_of,
    number_of,
    parse_entry,
    term_of,
)

# LevelDB turns its log into a table when this much has been written. Larger tables mean fewer
# merges of a log that is only ever appended to; smaller means a shorter replay at open.
WRITE_BUFFER_BYTES = 8 << 20

# How far back an open recounts. LevelDB itself finds a missing or damaged table from its manifest;
# only what still lies in its logs can vanish unseen, and it keeps at most two, each no larger than
# the buffer and one batch. Older batches were counted by the open that followed them.
RECOUNT_BYTES = 4 * WRITE_BUFFER_BYTES


class JournalError(Exception):
    """Base of what a journal raises; never raised itself."""


class NotBootstrapped(JournalError):
    """There is no journal here. Only `bootstrap` makes one, and only an operator asks for it."""


class AlreadyBootstrapped(JournalError):
    """There is a journal here, and a journal is never made over another."""


class DirectoryInUse(JournalError):
    """Another process has this journal open. Stop it first: two writers would both be believed."""


class StorageCorrupt(JournalError):
    """The journal cannot prove that it is whole. It must not vote again: rejoin under a new id."""

    def __init__(self, directory: Path, what: str) -> None:
        super().__init__(
            f"journal {directory}: {what}; this replica can no longer prove what it promised."
            " Keep the directory for inspection and rejoin the group with a new one"
        )
        self.directory = directory
        self.what = what


class StorageFailed(JournalError):
    """The disk refused. What a failed write left on it is unknown until the next open: stop."""


class Journal:
    """An open journal: the `log.Storage` that lasts. One thread appends; any thread reads.

    Opening raises NotBootstrapped, DirectoryInUse or StorageCorrupt; afterwards reads raise
    StorageCorrupt and appends StorageFailed, and after the first failed append every one does.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._failed = False
        self._position_file = _lock(directory)
        try:
            self._db = self._open()
            self._last = self._recount()
            self.replica_id, self._bootstrap_configuration = self._read_identity()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def bootstrap(directory: Path, replica_id: str, configuration: Configuration) -> None:
        """Make a journal for a new replica, whole or not at all: it is built beside and renamed."""
        if directory.exists() and any(directory.iterdir()):
            raise AlreadyBootstrapped(f"{directory} exists; a journal is never made over another")
        new = directory.with_name(directory.name + ".new")
        if new.exists():  # An earlier attempt stopped half-way. It was never served: start over.
            shutil.rmtree(new)
        new.mkdir(parents=True)
        identity = replica_id.encode() + b"\n" + configuration.format()
        first = GENESIS.next(hashlib.sha256(identity), len(identity), HardState(), 0)
        db = plyvel.DB(str(new / "leveldb"), create_if_missing=True, error_if_exists=True)
        with db.write_batch(sync=True) as batch:
            batch.put(b"i", identity)
            batch.put(key_of(b"b", first.number), first.format())
        db.close()
        (new / "position").write_bytes(first.mark.format())
        for path in (new / "position", new / "leveldb", new):
            _sync(path)
        new.rename(directory)
        _sync(directory.parent)

    def close(self) -> None:
        """Let go of the directory. Nothing is left to flush: appends return when synced."""
        if hasattr(self, "_db"):
            self._db.close()
        self._position_file.close()

    # Writing: one thread only.

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> Mark:
        """Make this durable in one synced batch, and return once it is.

        The entries replace whatever the journal had from the first one's index on.
        """
        last = self._last
        batch = self._db.write_batch(sync=True)
        content = hashlib.sha256()
        size = 0
        if entries:
            self._truncate(batch, entries[0].index)
        for index, entry in enumerate(entries, entries[0].index if entries else 0):
            assert entry.index == index, "entries leave a gap"
            header = format_header(entry)
            batch.put(key_of(b"t", index), header)
            batch.put(key_of(b"d", index), entry.data)
            if entry.kind is EntryKind.CONFIGURATION:
                batch.put(key_of(b"c", index), b"")
            content.update(NUMBER.pack(index) + header)
            content.update(entry.data)
            size += len(header) + len(entry.data)
        state = self.hard_state if hard_state is None else hard_state
        assert state.term >= last.term, "the term went back"
        last_index = entries[-1].index if entries else last.last_index
        record = last.next(content, size, state, last_index)
        batch.put(key_of(b"b", record.number), record.format())
        with self._writing():
            batch.write()
            # If we stop here, the database is ahead of the position file, which is right.
            os.pwrite(self._position_file.fileno(), record.mark.format(), 0)
        self._last = record
        return record.mark

    def probe(self) -> None:
        """Write and sync something of no meaning, to learn whether the disk still answers."""
        with self._writing():
            self._db.put(b"p", b"", sync=True)

    def _truncate(self, batch: Any, first: int) -> None:
        assert 1 <= first <= self.last_index + 1, "entries leave a gap"
        for index in range(first, self.last_index + 1):
            for prefix in (b"t", b"d", b"c"):
                batch.delete(key_of(prefix, index))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what the disk says into StorageFailed, once and for all: a failed sync leaves pages
        marked clean that never reached the disk, so a second try would succeed and mean nothing."""
        if self._failed:
            raise StorageFailed(f"{self.directory}: an earlier write failed")
        try:
            yield
        except (plyvel.Error, OSError) as error:
            self._failed = True
            raise StorageFailed(f"{self.directory}: {error}") from error

    # Reading: any thread.

    @property
    def mark(self) -> Mark:
        return self._last.mark

    @property
    def hard_state(self) -> HardState:
        return self._last.hard_state

    @property
    def last_index(self) -> int:
        return self._last.last_index

    def holds(self, mark: Mark) -> bool:
        """Whether this journal once stood at that position; if not, it was put back or replaced."""
        record = self._get(key_of(b"b", mark.number))
        return record is not None and Batch.parse(mark.number, record).chain == mark.chain

    def term(self, index: int) -> int:
        header = self._get(key_of(b"t", index))
        if header is None:
            raise self._corrupt(f"entry {index} is missing")
        with self._reading():
            return term_of(header)

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        assert 1 <= start < stop <= self.last_index + 1
        entries: list[Entry] = []
        size = 0
        with (
            self._reading(),
            self._scan(b"t", start, stop) as t,
            self._scan(b"d", start, stop) as d,
        ):
            for index in range(start, stop):
                header, data = next(t, (None, b"")), next(d, (None, b""))
                if header[0] != key_of(b"t", index) or data[0] != key_of(b"d", index):
                    raise ValueError(f"entry {index} is missing")
                size += len(data[1])
                if entries and size > bytes_max:
                    break
                entries.append(parse_entry(index, header[1], data[1]))
        return tuple(entries)

    def configurations(self) -> tuple[tuple[int, Configuration], ...]:
        with self._reading(), self._scan(b"c", 1, self.last_index + 1) as records:
            indexes = [number_of(key) for key, _ in records]
            data = [self._get(key_of(b"d", index)) or b"" for index in indexes]
            later = zip(indexes, map(Configuration.parse, data), strict=True)
            return ((0, self._bootstrap_configuration), *later)

    def _get(self, key: bytes) -> bytes | None:
        with self._reading():
            record: bytes | None = self._db.get(key, verify_checksums=True)
            return record

    def _scan(self, prefix: bytes, start: int, stop: int) -> Any:
        """A LevelDB iterator over the records from `start` up to and without `stop`."""
        return self._db.iterator(
            start=key_of(prefix, start),
            stop=key_of(prefix, stop),
            verify_checksums=True,
            fill_cache=False,
        )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except plyvel.IOError as error:  # Permissions, descriptors, the device: not the bytes.
            raise StorageFailed(f"{self.directory}: {error}") from error
        except (plyvel.Error, ValueError, struct.error) as error:
            raise self._corrupt(str(error)) from error

    def _corrupt(self, what: str) -> StorageCorrupt:
        return StorageCorrupt(self.directory, what)

    # Opening.

    def _open(self) -> Any:
        """Open LevelDB, which checks its manifest, its tables' presence and its log's checksums."""
        leveldb = self.directory / "leveldb"
        # LevelDB starts a new log at every open and removes old ones only when they have become
        # tables, so there is always one. Without any it would open, short of fsynced records.
        if not any(leveldb.glob("*.log")):
            raise self._corrupt("the LevelDB log is missing")
        with self._reading():
            return plyvel.DB(
                str(leveldb),
                create_if_missing=False,
                paranoid_checks=True,
                write_buffer_size=WRITE_BUFFER_BYTES,
                compression=None,  # Digests do not compress.
            )

    def _recount(self) -> Batch:
        """Count the newest batches and entries again, and return the last batch.

        Finds: fewer batches than the position file knows of, a missing batch, batches of two
        histories, a missing entry, entries beyond the last one, terms that fall.
        """
        with self._reading():
            known = Mark.parse(self._position_file.read())
            batches = self._newest_batches()
            last = batches[0]
            if last.number < known.number:
                raise ValueError(f"ends at batch {last.number}, but {known.number} was synced")
            for newer, older in pairwise(batches):
                newer.check_follows(older)
            if not self.holds(known):
                raise ValueError(f"batch {known.number} is not the one that was synced")
            first = max(1, min(batch.last_index for batch in batches))
            self._recount_entries(first, last.last_index)
            return last

    def _newest_batches(self) -> list[Batch]:
        """Batches from the last one back until RECOUNT_BYTES were seen, or back to what was before
        the first."""
        batches = []
        size = 0
        with self._db.iterator(prefix=b"b", reverse=True, verify_checksums=True) as records:
            for key, record in records:
                batches.append(Batch.parse(number_of(key), record))
                size += len(key) + len(record) + batches[-1].size
                if size > RECOUNT_BYTES:
                    return batches
        if not batches:
            raise ValueError("the database is empty")
        return [*batches, GENESIS]

    def _recount_entries(self, first: int, last: int) -> None:
        expected, term = first, 0
        with self._scan(b"t", first, 1 << 63) as records:
            for key, header in records:
                if number_of(key) != expected:
                    break
                if (next_term := term_of(header)) < term:
                    raise ValueError(f"the term falls at entry {expected}")
                expected, term = expected + 1, next_term
        if expected != last + 1:
            raise ValueError(f"entries are missing or left over at {expected}, last is {last}")

    def _read_identity(self) -> tuple[str, Configuration]:
        with self._reading():
            identity = self._db.get(b"i", verify_checksums=True) or b""
            replica_id, _, configuration = identity.partition(b"\n")
            return replica_id.decode(), Configuration.parse(configuration)


def _lock(directory: Path) -> FileIO:
    """Open and lock the position file; the lock goes with the process, however that ends."""
    try:
        position_file = FileIO(directory / "position", "r+")
    except FileNotFoundError:
        if directory.exists() and any(directory.iterdir()):
            raise StorageCorrupt(directory, "the position file is missing") from None
        raise NotBootstrapped(f"there is no journal at {directory}") from None
    try:
        fcntl.flock(position_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        position_file.close()
        raise DirectoryInUse(f"{directory} is open in another process; stop it first") from None
    return position_file


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
