"""The health records a member keeps: its own, and those the others sent it.

One LevelDB, `health/` in the data directory, every batch synced. Keys, times as big-endian u64:

    "g"                    the chain, and the series of this store: 8 random bytes
    "o"                    key of the own newest record
    "p" end, statement id  an own record that was not seen on the chain yet
    "r" end, statement id  a record: length of it u16 | it | what was submitted

Records that ended more than `KEEP_MS` ago are deleted. A store that is lost or does not check costs
this member's copies only: the others have theirs, the chain has the digests, and the next record
begins a series of its own, which shows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from node import leveldb
from node.errors import Corrupt
from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.leveldb import key_of
from node.operating.health import SERIES_SIZE, HealthRecord, Reported, parse_health

KEEP_MS = 400 * 24 * 3600 * 1000
"""网络安全法 Art. 23 asks for six months of logs; a court may ask later than that."""
FORGET_MAX = 1_000
"""Records deleted in one go."""

_LENGTH = struct.Struct(">H")
_PREFIX_SIZE = 1


class Kept:
    """A record as it is kept: bytes, and the id of the statement that commits to it."""

    __slots__ = ("record_bytes", "statement_id", "submission")

    def __init__(self, key: bytes, value: bytes) -> None:
        (length,) = _LENGTH.unpack_from(value)
        middle = _LENGTH.size + length
        self.record_bytes = value[_LENGTH.size : middle]
        self.submission = value[middle:]
        self.statement_id = key[-32:]

    @property
    def record(self) -> HealthRecord:
        return parse_health(self.record_bytes)

    @property
    def digest(self) -> bytes:
        """What the next record calls `previous`."""
        return sha256(self.record_bytes)


class Records:
    """The open database. One thread uses it at a time."""

    def __init__(self, directory: Path, origin: str, random: Callable[[int], bytes]) -> None:
        """Made if it is not there. Raises `Corrupt` for what does not check."""
        self.directory = directory
        if not directory.exists():
            leveldb.create(directory)
        self._database = leveldb.open_checked(directory)
        try:
            self.series = self._series(origin.encode(), random)
        except BaseException:
            self.close()
            raise

    def _series(self, origin: bytes, random: Callable[[int], bytes]) -> bytes:
        with self._reading():
            known = self._database.get(b"g")
            if known is None:
                known = random(SERIES_SIZE) + origin
                batch = self._database.write_batch(sync=True)
                batch.put(b"g", known)
                batch.write()
        if known[SERIES_SIZE:] != origin:
            raise Corrupt(f"{self.directory} holds the records of another chain")
        return known[:SERIES_SIZE]

    def close(self) -> None:
        """Let go of the directory."""
        self._database.close()

    def newest_own(self) -> Kept | None:
        """The record the next one follows."""
        with self._reading():
            key = self._database.get(b"o")
            value = None if key is None else self._database.get(key)
        return None if key is None or value is None else Kept(key, value)

    def has(self, reported: Reported) -> bool:
        """Whether just this is kept."""
        place = key_of(b"", reported.record.to_ms) + reported.statement_id
        with self._reading():
            return self._database.get(b"r" + place) is not None

    def add(self, reported: Reported, *, own: bool = False) -> None:
        """Keep a record; on disk when this returns. Again does no harm."""
        place = key_of(b"", reported.record.to_ms) + reported.statement_id
        value = _LENGTH.pack(len(reported.record_bytes)) + reported.record_bytes
        batch = self._database.write_batch(sync=True)
        batch.put(b"r" + place, value + reported.submission)
        if own:
            batch.put(b"o", b"r" + place)
            batch.put(b"p" + place, b"")
        with self._reading():
            batch.write()

    def pending(self, count: int) -> list[Kept]:
        """The oldest own records that are not settled, `count` at most."""
        found = []
        with self._reading():
            for key, _ in islice(leveldb.scan(self._database, b"p"), count):
                value = self._database.get(b"r" + key[_PREFIX_SIZE:])
                if value is not None:
                    found.append(Kept(key, value))
        return found

    def settle(self, kept: Kept) -> None:
        """It stands on the chain."""
        place = key_of(b"", kept.record.to_ms) + kept.statement_id
        batch = self._database.write_batch(sync=True)
        batch.delete(b"p" + place)
        with self._reading():
            batch.write()

    def between(self, from_ms: int, to_ms: int, count: int) -> list[Kept]:
        """Records that end within these times, the oldest first, `count` at most."""
        last, found = key_of(b"r", to_ms + 1), []
        with self._reading():
            rows = leveldb.scan(self._database, b"r", key_of(b"", from_ms))
            for key, value in islice(rows, count):
                if key >= last:
                    break
                found.append(Kept(key, value))
        return found

    def forget(self, now_ms: int) -> int:
        """Delete some of what is too old; returns how many records."""
        old = self.between(0, max(0, now_ms - KEEP_MS), FORGET_MAX)
        batch = self._database.write_batch(sync=True)
        for each in old:
            place = key_of(b"", each.record.to_ms) + each.statement_id
            batch.delete(b"r" + place)
            batch.delete(b"p" + place)
        with self._reading():
            batch.write()
        return len(old)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with leveldb.reading(self.directory):
                yield
        except Malformed as error:
            raise Corrupt(f"{self.directory}: {error}") from error
