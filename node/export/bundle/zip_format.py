"""The parts of a ZIP archive that a bundle uses (APPNOTE 6.3), as bytes.

    local header, data, local header, data, ...     each entry
    central header, central header, ...             the directory, the same once more
    [end of directory 64, its locator]              beyond 65,534 entries or 4 GiB
    end of directory

What is written here is one of the many spellings of the same files: no comment, no extra field but
the sizes of ZIP64 where one is needed, one time for all. `archive` reads more than that.

    >>> header = local_header("a/b", Entry(3, 0x12345678))
    >>> len(header), header[:4], header[-3:]
    (33, b'PK\\x03\\x04', b'a/b')
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")
EXTRA = struct.Struct("<2H")

LOCAL_MAGIC = b"PK\x03\x04"
CENTRAL_MAGIC = b"PK\x01\x02"
DESCRIPTOR_MAGIC = b"PK\x07\x08"
END_MAGIC = b"PK\x05\x06"
END_64_MAGIC = b"PK\x06\x06"
LOCATOR_64_MAGIC = b"PK\x06\x07"

FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
"""In place of a number that stands in a field of 64 bits elsewhere."""
ZIP_64_ID = 0x0001
STORED, DEFLATED = 0, 8
UNIX = 3

_VERSION, _VERSION_64 = 20, 45
_DATE = 1 << 5 | 1
"""1980-01-01, the first day a ZIP archive can name; the time is 0."""
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored file: its size, its CRC-32, and where its local header stands."""

    size: int
    crc: int
    offset: int = 0


def local_header(path: str, entry: Entry) -> bytes:
    """What stands before the bytes of a file."""
    extra = b""
    if entry.size >= FULL_32:
        extra = _extra_64(entry.size, entry.size)
    return (
        LOCAL.pack(
            LOCAL_MAGIC,
            _VERSION_64 if extra else _VERSION,
            *(0, STORED, 0, _DATE, entry.crc),
            *([min(entry.size, FULL_32)] * 2),
            *(len(path), len(extra)),
        )
        + path.encode("ascii")
        + extra
    )


def central_header(path: str, entry: Entry) -> bytes:
    """Its line in the directory."""
    wide = [entry.size] * 2 if entry.size >= FULL_32 else []
    wide += [entry.offset] if entry.offset >= FULL_32 else []
    extra = _extra_64(*wide) if wide else b""
    version = _VERSION_64 if extra else _VERSION
    return (
        CENTRAL.pack(
            CENTRAL_MAGIC,
            *(UNIX << 8 | version, version, 0, STORED, 0, _DATE, entry.crc),
            *([min(entry.size, FULL_32)] * 2),
            *(len(path), len(extra), 0, 0, 0, _MODE),
            min(entry.offset, FULL_32),
        )
        + path.encode("ascii")
        + extra
    )


def end_of_directory(count: int, offset: int, size: int) -> bytes:
    """The end of an archive whose directory has these many entries, this offset and size."""
    end = END.pack(
        END_MAGIC,
        *(0, 0),
        *([min(count, FULL_16)] * 2),
        *(min(size, FULL_32), min(offset, FULL_32), 0),
    )
    if count < FULL_16 and max(offset, size) < FULL_32:
        return end
    versions = (UNIX << 8 | _VERSION_64, _VERSION_64)
    rest = END_64.size - 12
    wide = END_64.pack(END_64_MAGIC, rest, *versions, 0, 0, count, count, size, offset)
    return wide + LOCATOR_64.pack(LOCATOR_64_MAGIC, 0, offset + size, 1) + end


def _extra_64(*numbers: int) -> bytes:
    return EXTRA.pack(ZIP_64_ID, 8 * len(numbers)) + struct.pack(f"<{len(numbers)}Q", *numbers)
