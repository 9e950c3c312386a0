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

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from operator import itemgetter
from pathlib import Path

from consensus.disk import REAL_DISK, Damaged, Database, Disk, LockedFile, WriteBatch
from consensus.messages import Configuration, Entry, EntryKind, HardState
from consensus.prefix import Prefix
from consensus.records import (
    BATCH,
    DATA,
    HEADER,
    NUMBER,
    Batch,
    Content,
    Mark,
    format_header,
    format_identity,
    key_of,
    parse_entry,
    parse_identity,
    parse_key,
    parse_place,
    place,
)
from consensus.recount import Part, recount

# LevelDB turns its log into a table when this much has been written, and may hold up an append
# while it does: 10 ms with this, 25 ms with twice as much (measured with 1 MiB entries).
WRITE_BUFFER_BYTES = 4 << 20

# With less than this left on the disk nothing more should be proposed. What was accepted by then is
# still written, up to 64 MiB (`leadership.Limits`), and twice while LevelDB turns a log into a
# table; the rest is for votes, for what the owner keeps beside the journal, and for one more start:
# LevelDB writes every log again when it opens, and on a full disk it does not open.
RESERVE_BYTES = 256 << 20

# How far back an open recounts. LevelDB itself finds a missing or damaged table from its manifest;
# only what still lies in its logs can vanish unseen, and it keeps at most two, each no larger than
# the buffer and one batch (`writer.BATCH_BYTES` and an entry). Older batches were counted by the
# open that followed them.
RECOUNT_BYTES = 24 << 20


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


class RolledBack(JournalError):
    """Others remember promises that this disk does not have: it was put back from a copy, or lost
    what it had synced. It must never be used again: rejoin under a new id."""


class StorageFailed(JournalError):
    """The disk refused. What a failed write left on it is unknown until the next open: stop."""


class Journal:
    """An open journal: the `log.Storage` that lasts. One thread appends; any thread reads.

    Opening raises NotBootstrapped, DirectoryInUse, RolledBack, StorageCorrupt or StorageFailed; so
    do reads and appends, the last two, and after the first failed append every one does.

    `has_room` says whether there was more than the reserve at the last append or probe.
    """

    def __init__(self, directory: Path, disk: Disk = REAL_DISK) -> None:
        self.directory = directory
        self._disk = disk
        self._failed = self._busy = False
        self._position_file = _lock(directory, disk)
        try:
            with self._reading():
                self._look_for_room()
                self._db = self._open()
                if (forgotten := self._db.get(b"r")) is not None:
                    raise RolledBack(f"{directory}: {forgotten.decode()}")
                identity = self._db.get(b"i") or b""
                self.replica_id, self._bootstrap_configuration = parse_identity(identity)
                self._base = hashlib.sha256(identity).digest()
                # Where terms begin; replaced, never changed, by the thread that appends.
                self._terms = self._read_terms()
                self._last = self._recount()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def bootstrap(
        directory: Path, replica_id: str, configuration: Configuration, disk: Disk = REAL_DISK
    ) -> None:
        """Make a journal for a new replica, whole or not at all: it is built beside and renamed."""
        if disk.names(directory):
            raise AlreadyBootstrapped(f"{directory} exists; a journal is never made over another")
        new = directory.with_name(directory.name + ".new")
        disk.remove_tree(new)  # An earlier attempt stopped half-way. It was never served.
        identity = format_identity(replica_id, configuration)
        first = Batch(
            1, 1, hashlib.sha256(identity).digest(), Content().finish(HardState(), 0), 0, 0, ""
        )
        disk.create_database(new / "leveldb")
        db = disk.open_database(new / "leveldb", write_buffer_bytes=WRITE_BUFFER_BYTES)
        with closing(db):
            batch = db.write_batch(sync=True)
            batch.put(b"i", identity)
            batch.put(place(1, BATCH), first.format())
            batch.write()
        disk.write_file(new / "position", first.mark.format())
        for path in (new / "leveldb", new):
            disk.sync(path)
        disk.rename(new, directory)
        disk.sync(directory.parent)

    def close(self) -> None:
        """Let go of the directory. Nothing is left to flush: appends return when synced. If one
        hangs, it cannot let go, as LevelDB must not be closed under it: the process's end does."""
        if self._busy:
            return
        if hasattr(self, "_db"):
            self._db.close()
        self._position_file.close()

    # Writing: one thread only.

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> Mark:
        """Make this durable in one synced batch, and return once it is.

        The entries replace whatever the journal had from the first one's index on.
        """
        last = self._last
        first = entries[0].index if entries else last.last_index + 1
        state = last.hard_state if hard_state is None else hard_state
        assert 1 <= first <= last.last_index + 1, "entries leave a gap"
        assert state.term >= last.term, "the term went back"
        batch = self._db.write_batch(sync=True)
        with self._writing():  # It reads what it removes, and may meet damage there.
            previous = self._truncate(batch, first)
        terms = self._terms
        if first <= last.last_index:
            terms = [run for run in terms if run[0] < first]
        content = Content()
        for index, entry in enumerate(entries, first):
            assert entry.index == index, "entries leave a gap"
            header = format_header(entry)
            content.add(index, header, entry.data)
            batch.put(place(index, HEADER), header)
            batch.put(place(index, DATA), entry.data)
            if entry.kind is EntryKind.CONFIGURATION:
                batch.put(key_of(b"m", index), b"")
            if not terms or terms[-1][1] != entry.term:
                terms = [*terms, (index, entry.term)]
                batch.put(key_of(b"t", index), NUMBER.pack(entry.term))
        last_index = first + len(entries) - 1
        digest = content.finish(state, last_index)
        new = Batch(
            first, last.number + 1, previous, digest, state.term, last_index, state.vote or ""
        )
        batch.put(place(first, BATCH), new.format())
        with self._writing():
            batch.write()
            # If we stop here, the database is ahead of the position file, which is right.
            self._position_file.write(new.mark.format())
            self._look_for_room()
        self._last, self._terms = new, terms
        return new.mark

    def give_up(self, forgotten: str) -> None:
        """Never let this be opened again: what others remember is not here. Whoever told it may be
        away at the next start, and those that come then know nothing of it."""
        with self._writing():
            batch = self._db.write_batch(sync=True)
            batch.put(b"r", forgotten.encode())
            batch.write()

    def probe(self) -> None:
        """Write and sync something that says nothing new, to learn whether the disk answers."""
        with self._writing():
            self._position_file.write(self._last.mark.format())
            self._position_file.sync()
            self._look_for_room()

    def _look_for_room(self) -> None:
        self.has_room = self._disk.free_bytes(self.directory) >= RESERVE_BYTES

    def _truncate(self, batch: WriteBatch, first: int) -> bytes:
        """Remove everything from `first` on; returns the chain of the batch that is last then."""
        last = self._last
        if first > last.first:
            kept = last.chain
        elif first == last.first:  # The usual case after a hard state alone.
            kept = last.previous
        else:
            batch_before = next(self._batches_before(first), None)
            kept = self._base if batch_before is None else batch_before.chain
        for index in range(first, last.last_index + 1):
            for part in (BATCH, HEADER, DATA):
                batch.delete(place(index, part))
            batch.delete(key_of(b"m", index))
            batch.delete(key_of(b"t", index))
        batch.delete(place(last.last_index + 1, BATCH))
        return kept

    def _batches_before(self, index: int) -> Iterator[Batch]:
        """From the newest of those that begin before this index back to the oldest."""
        for key, record in self._db.scan(b"e", place(index, BATCH), reverse=True):
            first, part = parse_place(key)
            if part == BATCH:
                yield Batch.parse(first, record)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what the disk says into StorageFailed, once and for all: a failed sync leaves pages
        marked clean that never reached the disk, so a second try would succeed and mean nothing."""
        if self._failed:
            raise StorageFailed(f"{self.directory}: an earlier write failed")
        self._busy = self._failed = True
        try:
            with self._reading():
                yield
            self._failed = False
        finally:
            self._busy = False

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

    def covers(self, mark: Mark) -> bool:
        """Whether this journal once stood at that mark and was only written on since. If not, it
        was put back or replaced."""
        with self._reading():
            batch = next(self._batches_before(mark.first + 1), None)
        return batch is not None and (batch.number > mark.number or batch.mark == mark)

    def term(self, index: int) -> int:
        terms = self._terms
        return terms[bisect_right(terms, index, key=itemgetter(0)) - 1][1]

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        assert 1 <= start < stop <= self.last_index + 1
        entries: list[Entry] = []
        size = 0
        with self._reading():
            records = self._db.scan(place(start, HEADER), place(stop, BATCH), fill_cache=False)
            parts = (record for key, record in records if parse_place(key)[1] != BATCH)
            for index in range(start, stop):
                header, data = next(parts, b""), next(parts, b"")
                size += len(data)
                if entries and size > bytes_max:
                    break
                entries.append(parse_entry(index, header, data))
        return tuple(entries)

    def rows(self, start: int, stop: int) -> Iterator[Part]:
        """All rows of the entries from `start` to before `stop`, as `prefix` takes them."""
        with self._reading():
            for key, record in self._db.scan(place(start, BATCH), place(stop, BATCH)):
                yield *parse_place(key), record

    def check_beside(self, prefix: Prefix) -> None:
        """Raise StorageCorrupt unless what stands beside the entries is what follows from them, as
        far as they were read."""
        end = 0 if prefix.last is None else prefix.last.index
        with self._reading():
            terms = [each for each in self._read_terms() if each[0] <= end]
            if terms != prefix.terms:
                raise ValueError("the terms do not begin where those of the entries do")
            marked = [parse_key(key) for key, _ in self._db.scan(b"m", b"n")]
            if [index for index in marked if index <= end] != prefix.configurations:
                raise ValueError("the configurations are not where those of the entries are")
            known = (
                (b"", b"e"),
                (b"f", b"i"),
                (b"i\0", b"m"),
                (b"n", b"r"),
                (b"s", b"t"),
                (b"u", None),
            )
            if extra := next((key for span in known for key, _ in self._db.scan(*span)), None):
                raise ValueError(f"row {extra.hex()} is none of a journal")

    def prefix(self) -> Prefix:
        """What reads this journal from its beginning."""
        return Prefix(self._base)

    def configurations(self) -> tuple[tuple[int, Configuration], ...]:
        with self._reading():
            indexes = [parse_key(key) for key, _ in self._db.scan(b"m", b"n")]
        later = [(i, Configuration.parse(self.entries(i, i + 1, 0)[0].data)) for i in indexes]
        return ((0, self._bootstrap_configuration), *later)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # Permissions, descriptors, the device: not the bytes.
            raise StorageFailed(f"{self.directory}: {error}") from error
        except (Damaged, ValueError, LookupError, struct.error) as error:
            raise StorageCorrupt(self.directory, str(error)) from error

    # Opening.

    def _open(self) -> Database:
        directory = self.directory / "leveldb"
        return self._disk.open_database(directory, write_buffer_bytes=WRITE_BUFFER_BYTES)

    def _read_terms(self) -> list[tuple[int, int]]:
        return [(parse_key(key), NUMBER.unpack(term)[0]) for key, term in self._db.scan(b"t", b"u")]

    def _recount(self) -> Batch:
        """Count again what could have vanished unseen; returns the last batch."""
        last = recount(self._newest_parts(), self._base, self.term)
        known = Mark.parse(self._position_file.read())
        if last.number < known.number or not self.covers(known):
            raise ValueError(f"it ends at batch {last.number}, but batch {known.number} was synced")
        return last

    def _newest_parts(self) -> list[Part]:
        """All parts, or those of the last RECOUNT_BYTES, in order and beginning with a batch."""
        parts = []
        size = 0
        for key, record in self._db.scan(b"e", b"f", reverse=True):
            parts.append((*parse_place(key), record))
            size += len(key) + len(record)
            if size > RECOUNT_BYTES and parts[-1][1] == BATCH:
                break
        else:
            if parts and parts[-1][:2] != (1, BATCH):
                raise ValueError("its beginning is missing")
        return parts[::-1]


def _lock(directory: Path, disk: Disk) -> LockedFile:
    """Open and lock the position file; the lock goes with the process, however that ends."""
    try:
        return disk.open_locked(directory / "position")
    except FileNotFoundError:
        if disk.names(directory):
            raise StorageCorrupt(directory, "the position file is missing") from None
        raise NotBootstrapped(f"there is no journal at {directory}") from None
    except BlockingIOError:
        raise DirectoryInUse(f"{directory} is open in another process; stop it first") from None
    except OSError as error:
        raise StorageFailed(f"{directory}: {error}") from error
