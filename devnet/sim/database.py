"""One LevelDB in memory, and what a power cut, a bad sector or a careless hand leaves of it.

Every rule is something LevelDB 1.22 was seen to do when opened as `consensus.disk` opens it, with
paranoid checks; the tests do the same damage to a real one and compare.

A log holds the batches since the last open or since the write buffer was last full; then they
become a table. While they do there are two logs, and here there are until the buffer is full again:
the longest time the real one could take.

- An open writes what the logs hold into a synced table and starts an empty log. On a full disk it
  is refused.
- A batch cut short at the end of a log is dropped as a whole, without a word.
- A batch some of whose sectors never reached the disk, and read as zeros, fails the open; but if
  the zeros cover its header, it is dropped as a whole too.
- A flipped bit in a log fails the open. In the length of a record in the last 32 KiB of the log it
  looks like the end of the file: that batch and all behind it are lost without a word.
- A log that is missing while another is there is not missed: its batches are a hole.
- A table that is missing fails the open. A flipped bit in one does not: its block fails every read
  that meets it, and the compaction that meets it fails all later writes.
- After a sync that failed, or a write for which there was no room, all later writes fail. The
  batch is not seen by reads. The one whose sync failed is in the log and may be there after the
  next open.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from random import Random

from consensus.disk import Damaged
from devnet.sim.medium import Medium

# A log is read in blocks of this; a record that seems to go beyond the last one looks unfinished.
LOG_BLOCK_BYTES = 32 << 10

# What shares a checksum in a table, and is lost together.
TABLE_BLOCK_BYTES = 4 << 10

# What an open writes besides a table: a manifest and the beginning of a log.
OPEN_BYTES = 4 << 10

# Of a batch in the log: sequence, count and record header; of each change in it: its kind and two
# lengths. Near enough.
_BATCH_BYTES, _CHANGE_BYTES = 19, 4

Change = tuple[bytes, bytes | None]


class Condition(Enum):
    """How a batch in a log reads at the next open."""

    WHOLE = "whole"
    ENDING = "looks like the end of the log"
    BROKEN = "fails its checksum"


@dataclass(slots=True)
class Logged:
    """A batch in a log."""

    changes: list[Change]
    size: int
    synced: bool = False
    condition: Condition = Condition.WHOLE


@dataclass(frozen=True, slots=True)
class Loss:
    """What a power cut took: so many batches, and so many of them left parts behind, in the
    databases at these paths."""

    batches: int = 0
    torn: int = 0
    torn_at: frozenset[Path] = frozenset()

    def __add__(self, other: Loss) -> Loss:
        torn_at = self.torn_at | other.torn_at
        return Loss(self.batches + other.batches, self.torn + other.torn, torn_at)


@dataclass(slots=True)
class Files:
    """What the disk holds of one database, open or not."""

    tables: dict[bytes, bytes] = field(default_factory=dict)
    logs: list[list[Logged]] = field(default_factory=lambda: [[]])
    bad_keys: set[bytes] = field(default_factory=set)
    lacks_table: bool = False

    def copy(self) -> Files:
        """These, as they are now, for ever."""
        logs = [[replace(batch) for batch in log] for log in self.logs]
        return Files(dict(self.tables), logs, set(self.bad_keys), self.lacks_table)

    # What an open does.

    def recover(self, medium: Medium) -> None:
        """Turn the logs into a table, as far as they can be read."""
        if not self.logs:
            raise Damaged("the LevelDB log is missing")
        if self.lacks_table:
            raise Damaged("Corruption: 1 missing files")
        if any(batch.condition is Condition.BROKEN for log in self.logs for batch in log):
            raise Damaged("Corruption: checksum mismatch")
        log_bytes = sum(batch.size for log in self.logs for batch in log)
        medium.spend(OPEN_BYTES + log_bytes)  # The table is written before the log is removed.
        medium.free += log_bytes
        for log in self.logs:
            for batch in log:
                if batch.condition is Condition.ENDING:
                    break
                self._tabulate(batch)
        self.logs = [[]]

    def rotate(self) -> None:
        """The newest log is full: begin another, and make the one before it a table."""
        if len(self.logs) > 1:
            for batch in self.logs.pop(0):
                self._tabulate(batch)
        self.logs.append([])

    def _tabulate(self, batch: Logged) -> None:
        for key, value in batch.changes:
            if value is None:
                self.tables.pop(key, None)
            else:
                self.tables[key] = value

    # What may happen to it. Each says whether there was anything it could happen to.

    def lose(self, random: Random, tear: float) -> Loss:
        """The power fails: of what was not synced in each log some prefix is left, and with the
        probability `tear` parts of the first batch behind it."""
        loss = Loss()
        for log in self.logs:
            synced = max((n for n, batch in enumerate(log, 1) if batch.synced), default=0)
            if synced == len(log):
                continue
            keep = random.randint(synced, len(log))
            torn = log[keep : keep + 1] if random.random() < tear else []
            loss += Loss(len(log) - keep, len(torn))
            log[keep:] = torn
            for batch in torn:
                batch.condition = Condition.BROKEN
            for batch in log:
                batch.synced = True
        return loss

    def flip_log(self, random: Random) -> bool:
        """Flip a bit of a batch in a log; one time in four it is one of a length."""
        logs = [log for log in self.logs if log]
        if not logs:
            return False
        log = random.choice(logs)
        number = random.randrange(len(log))
        behind = sum(batch.size for batch in log[number:])
        unnoticed = random.randrange(4) == 0 and behind <= LOG_BLOCK_BYTES
        log[number].condition = Condition.ENDING if unnoticed else Condition.BROKEN
        return True

    def flip_table(self, random: Random) -> bool:
        """Flip a bit of a block in a table."""
        if not self.tables:
            return False
        keys = sorted(self.tables)
        at, size = random.randrange(len(keys)), 0
        while at < len(keys) and size < TABLE_BLOCK_BYTES:
            self.bad_keys.add(keys[at])
            size += len(keys[at]) + len(self.tables[keys[at]])
            at += 1
        return True

    def drop_log(self, random: Random) -> bool:
        """Remove a log file."""
        if not self.logs:
            return False
        del self.logs[random.randrange(len(self.logs))]
        return True

    def drop_table(self) -> bool:
        """Remove a table file."""
        self.lacks_table = self.lacks_table or bool(self.tables)
        return self.lacks_table


class SimDatabase:
    """An open one. Nothing is written while a scan is under way: there is only one thread."""

    def __init__(self, files: Files, medium: Medium, write_buffer_bytes: int) -> None:
        files.recover(medium)
        self.files = files
        self.is_open = True
        self._medium = medium
        self._buffer_bytes = write_buffer_bytes
        self._log_bytes = 0
        self._rows = dict(files.tables)
        self._keys = sorted(self._rows)
        self._failure: Exception | None = None

    def get(self, key: bytes, /) -> bytes | None:
        assert self.is_open
        if key in self.files.bad_keys:
            raise Damaged("Corruption: block checksum mismatch")
        return self._rows.get(key)

    def scan(
        self, start: bytes, stop: bytes | None, *, reverse: bool = False, fill_cache: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        assert self.is_open
        end = len(self._keys) if stop is None else bisect_left(self._keys, stop)
        keys = self._keys[bisect_left(self._keys, start) : end]
        for key in reversed(keys) if reverse else keys:
            if key in self.files.bad_keys:
                raise Damaged("Corruption: block checksum mismatch")
            yield key, self._rows[key]

    def write_batch(self, *, sync: bool = False) -> SimBatch:
        return SimBatch(self, sync)

    def close(self) -> None:
        self.is_open = False

    def write(self, changes: list[Change], sync: bool) -> None:
        """What `SimBatch.write` does."""
        assert self.is_open
        self._medium.check_power()
        if self._log_bytes > self._buffer_bytes:
            self._rotate()
        if self._failure is not None:
            raise self._failure
        size = _BATCH_BYTES + sum(
            len(key) + len(value or b"") + _CHANGE_BYTES for key, value in changes
        )
        logged = Logged(changes, size)
        try:
            self._medium.spend(size)
            self.files.logs[-1].append(logged)
            self._medium.operate()
            if sync:
                self._medium.sync()
        except OSError as error:
            self._failure = error
            raise
        logged.synced = sync
        self._apply(changes)
        self._log_bytes += size

    def _apply(self, changes: list[Change]) -> None:
        rows, keys = self._rows, self._keys
        for key, value in changes:
            if value is not None:
                if key not in rows:
                    if not keys or key > keys[-1]:
                        keys.append(key)
                    else:
                        insort(keys, key)
                rows[key] = value
            elif key in rows:
                del rows[key]
                del keys[bisect_left(keys, key)]

    def _rotate(self) -> None:
        self.files.rotate()
        self._log_bytes = 0
        if self.files.bad_keys:
            self._failure = Damaged("Corruption: block checksum mismatch")


class SimBatch:
    """A `consensus.disk.WriteBatch`."""

    __slots__ = ("_changes", "_database", "_sync")

    def __init__(self, database: SimDatabase, sync: bool) -> None:
        self._database = database
        self._sync = sync
        self._changes: list[Change] = []

    def put(self, key: bytes, value: bytes, /) -> None:
        self._changes.append((key, value))

    def delete(self, key: bytes, /) -> None:
        self._changes.append((key, None))

    def write(self) -> None:
        self._database.write(self._changes, self._sync)
