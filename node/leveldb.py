"""LevelDB as this house opens it: checked, never repaired, and never silently new.

LevelDB loses records from a damaged log without a word unless it is told to be paranoid, and opens
as if new when its log file is gone. So databases are made by `create` and only then opened by
`open_checked`, every read verifies checksums, and whatever does not check is `Corrupt`. LevelDB's
own repair drops what it cannot read and is never used. What the device or the operating system
refuses is `DiskFailed`: the bytes may be fine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import plyvel  # type: ignore[import-untyped,unused-ignore]
except ImportError:  # Python 3.13 and later have only the maintained fork.
    import plyvel_next as plyvel  # type: ignore[import-not-found,import-untyped,unused-ignore]

from node.errors import Corrupt, DiskFailed

Database = Any
"""A `plyvel.DB`; plyvel has no types of its own."""

WRITE_BUFFER_BYTES = 16 << 20
NUMBER = struct.Struct(">Q")


def key_of(prefix: bytes, number: int) -> bytes:
    """A key that sorts by number within its prefix."""
    return prefix + NUMBER.pack(number)


def number_of(key: bytes) -> int:
    """The number at the end of such a key."""
    return int(NUMBER.unpack(key[-NUMBER.size :])[0])


def create(directory: Path) -> None:
    """Make an empty database where there is none."""
    directory.mkdir(parents=True)
    plyvel.DB(str(directory), create_if_missing=True, error_if_exists=True).close()


def open_checked(directory: Path) -> Database:
    """Open a database that `create` made; the caller closes it. A file that is missing is damage
    here, whatever the operating system calls it."""
    if not any(directory.glob("*.log")):
        raise Corrupt(f"{directory}: it or its log file is missing")
    try:
        return plyvel.DB(
            str(directory),
            create_if_missing=False,
            paranoid_checks=True,
            write_buffer_size=WRITE_BUFFER_BYTES,
            bloom_filter_bits=10,
            compression=None,  # Digests and signatures do not compress.
        )
    except plyvel.Error as error:
        raise Corrupt(f"{directory}: {error}") from error


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Whatever does not check in here is `Corrupt`, whatever is refused `DiskFailed`."""
    try:
        yield
    except plyvel.IOError as error:
        raise DiskFailed(f"{directory}: {error}") from error
    except (plyvel.Error, ValueError, struct.error) as error:
        raise Corrupt(f"{directory}: {error}") from error


def get(database: Database, key: bytes) -> bytes | None:
    """A value with its checksum verified."""
    value: bytes | None = database.get(key, verify_checksums=True)
    return value


def scan(database: Database, prefix: bytes, start: bytes = b"", *, reverse: bool = False) -> Any:
    """An iterator over the keys with a prefix, from `start` on (up to and with it if reversed)."""
    bounds = {"start": prefix + start, "stop": _after(prefix)}
    if reverse and start:
        bounds = {"start": prefix, "stop": prefix + start}
    return database.iterator(**bounds, include_stop=reverse, reverse=reverse, verify_checksums=True)


def _after(prefix: bytes) -> bytes | None:
    """The first key that sorts behind all keys with a prefix; None if no key does."""
    body = prefix.rstrip(b"\xff")
    return body[:-1] + bytes([body[-1] + 1]) if body else None
