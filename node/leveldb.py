"""LevelDB as a node uses it: keys that sort by number, and errors that say whose move is next.

How a database is made and opened so that damage is seen is the business of `consensus.disk`. Here
whatever does not check is `Corrupt`, and what the device or the operating system refuses is
`DiskFailed`: the bytes may be fine, so nothing is put aside for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consensus.disk import REAL_DISK, Damaged, Database, Disk
from node.errors import Corrupt, DiskFailed

WRITE_BUFFER_BYTES = 16 << 20
NUMBER = struct.Struct(">Q")

# Nine of ten look-ups of a key that is not there are answered without reading a table.
BLOOM_BITS = 10


def key_of(prefix: bytes, number: int) -> bytes:
    """A key that sorts by number within its prefix."""
    return prefix + NUMBER.pack(number)


def number_of(key: bytes) -> int:
    """The number at the end of such a key."""
    return int(NUMBER.unpack(key[-NUMBER.size :])[0])


def create(directory: Path, disk: Disk = REAL_DISK) -> None:
    """Make an empty database where there is none."""
    with reading(directory):
        disk.create_database(directory)


def open_checked(directory: Path, disk: Disk = REAL_DISK) -> Database:
    """Open a database that `create` made; the caller closes it."""
    with reading(directory):
        return disk.open_database(
            directory, write_buffer_bytes=WRITE_BUFFER_BYTES, bloom_bits=BLOOM_BITS
        )


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Whatever does not check in here is `Corrupt`, whatever is refused `DiskFailed`."""
    try:
        yield
    except OSError as error:
        raise DiskFailed(f"{directory}: {error}") from error
    except (Damaged, ValueError, struct.error) as error:
        raise Corrupt(f"{directory}: {error}") from error


def scan(
    database: Database, prefix: bytes, start: bytes = b"", *, reverse: bool = False
) -> Iterator[tuple[bytes, bytes]]:
    """Everything whose keys have a prefix, from `start` on (up to and with it if reversed)."""
    if reverse and start:
        return database.scan(prefix, prefix + start + b"\0", reverse=True)
    return database.scan(prefix + start, _after(prefix), reverse=reverse)


def _after(prefix: bytes) -> bytes | None:
    """The first key that sorts behind all keys with a prefix; None if no key does."""
    body = prefix.rstrip(b"\xff")
    return body[:-1] + bytes([body[-1] + 1]) if body else None
