"""A ZIP archive from a hostile hand, read strictly (docs/bundle-format.md, section 3).

Two readers of one archive can see different files: one believes the directory at its end, the other
the headers before the data; what stands before, between and behind is seen by neither. So here
every byte of an archive is accounted for before any of it is inflated:

    local header, data [descriptor], local header, data [descriptor], ..., directory, end

from the first byte to the last, each local header saying what the directory says. What common tools
write of an unpacked bundle is taken; what is not is a `Flaw`.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

from node.export.bundle import layout
from node.export.bundle.flaws import Broken, Flaw, Flaws
from node.export.bundle.manifest import CHUNK_SIZE
from node.export.bundle.names import judge_name
from node.export.bundle.zip_format import (
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    DESCRIPTOR_MAGIC,
    END,
    END_64,
    END_64_MAGIC,
    END_MAGIC,
    EXTRA,
    FULL_16,
    FULL_32,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR_64,
    LOCATOR_64_MAGIC,
    STORED,
    UNIX,
    ZIP_64_ID,
)

_ENCRYPTED, _DESCRIPTOR, _DEFLATE_OPTIONS, _UTF_8 = 0x0001, 0x0008, 0x0006, 0x0800
_ALLOWED_FLAGS = _DESCRIPTOR | _DEFLATE_OPTIONS | _UTF_8
_RENAMING = frozenset({0x7075, 0x6375})
"""Info-ZIP's Unicode path and comment: a second name, which some readers prefer."""
_COMMENT_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the directory."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    host: int
    attributes: int

    @property
    def text(self) -> str:
        """Its name, as far as it is one."""
        return self.name.decode("utf-8", "surrogateescape")

    @property
    def is_folder(self) -> bool:
        return self.name.endswith(b"/")


class Archive:
    """The files of an archive, under one top folder, by their paths inside it."""

    def __init__(self, file: BinaryIO) -> None:
        """Raises `Broken` where nothing can be read; what concerns one entry is among `flaws`."""
        self.flaws = Flaws()
        self._file = file
        file.seek(0, 2)
        offset, entries = _directory(file, file.tell())
        self._starts = _account(file, entries, offset, self.flaws)
        self._entries = self._sort_out(entries)
        self.sizes: Mapping[str, int] = MappingProxyType(
            {path: entry.size for path, entry in self._entries.items()}
        )

    def _sort_out(self, entries: list[_Entry]) -> dict[str, _Entry]:
        """The entries that are files of the bundle and may be read."""
        top = _top(entries)
        found: dict[str, _Entry] = {}
        folders: set[str] = set()
        for entry in entries:
            first, _, path = entry.text.partition("/")
            flaw = judge_name(entry.text.rstrip("/")) or _judge(entry)
            if flaw is None and first != top:
                flaw = Flaw.ROOTS
            if flaw is not None:
                self.flaws.add(flaw, entry.text)
            elif entry.is_folder:
                folders.add(path.rstrip("/"))
            elif path in found:
                self.flaws.add(Flaw.DUPLICATE, path)
            else:
                found[path] = entry
        for path in sorted(folders & found.keys()):
            self.flaws.add(Flaw.BOTH, path)
        return found

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file in pieces; raises `Broken` if they are not what the archive says."""
        entry, size, crc = self._entries[path], 0, 0
        pieces = self._stored(entry) if entry.method == STORED else self._inflated(entry)
        for piece in pieces:
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            if size > entry.size:
                raise Broken(Flaw.CORRUPT, path)
            yield piece
        if (size, crc) != (entry.size, entry.crc):
            raise Broken(Flaw.CORRUPT, path)

    def _stored(self, entry: _Entry) -> Iterator[bytes]:
        at, left = self._starts[entry.offset], entry.packed_size
        while left:
            self._file.seek(at)  # Others may read in between.
            piece = self._file.read(min(CHUNK_SIZE, left))
            if not piece:
                raise Broken(Flaw.CORRUPT, entry.text)
            at, left = at + len(piece), left - len(piece)
            yield piece

    def _inflated(self, entry: _Entry) -> Iterator[bytes]:
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        for packed in self._stored(entry):
            left = packed
            while left and not inflating.eof:
                try:
                    piece = inflating.decompress(left, CHUNK_SIZE)
                except zlib.error as error:
                    raise Broken(Flaw.CORRUPT, entry.text) from error
                left = inflating.unconsumed_tail
                if piece:
                    yield piece
            if left or inflating.unused_data:
                raise Broken(Flaw.CORRUPT, entry.text)
        if not inflating.eof:
            raise Broken(Flaw.CORRUPT, entry.text)


def _top(entries: list[_Entry]) -> str:
    """The folder in which the bundle lies; some tools add others of their own."""
    places = (entry.text.split("/") for entry in entries)
    tops = {parts[0] for parts in places if parts[1:] == [layout.BAGIT]}
    if len(tops) != 1:
        raise Broken(Flaw.ROOTS if tops else Flaw.NOT_A_BUNDLE)
    return tops.pop()


def _judge(entry: _Entry) -> Flaw | None:
    """What is wrong with one entry, or nothing."""
    mode = entry.attributes >> 16 if entry.host == UNIX else 0
    kind = stat.S_IFMT(mode)
    if entry.flags & _ENCRYPTED:
        return Flaw.ENCRYPTED
    if entry.flags & ~_ALLOWED_FLAGS or entry.method not in (STORED, DEFLATED):
        return Flaw.METHOD
    if kind == stat.S_IFLNK:
        return Flaw.LINK
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR) > entry.is_folder:
        return Flaw.SPECIAL
    # Nothing, deflated, takes two bytes.
    if entry.is_folder and (entry.size or entry.packed_size > (entry.method == DEFLATED) * 2):
        return Flaw.SPECIAL
    if entry.method == STORED and entry.size != entry.packed_size:
        return Flaw.HEADERS
    ratio_max = max(layout.RATIO_FREE_SIZE, layout.RATIO_MAX * entry.packed_size)
    return Flaw.EXPANDS if entry.size > ratio_max else None


# The directory


def _directory(file: BinaryIO, length: int) -> tuple[int, list[_Entry]]:
    """Where the directory begins, and its lines."""
    count, size, offset, end = _end(file, length)
    if count > layout.ENTRIES_MAX or size > layout.DIRECTORY_SIZE_MAX:
        raise Broken(Flaw.TOO_MANY)
    if offset + size != end:
        raise Broken(Flaw.PREPENDED if offset + size < end else Flaw.NOT_A_ZIP)
    if count == 0:
        raise Broken(Flaw.NOT_A_BUNDLE)
    return offset, list(_lines(_read(file, offset, size), count))


def _end(file: BinaryIO, length: int) -> tuple[int, int, int, int]:
    """(entries, size of the directory, its offset, where it must end)."""
    if length < END.size:
        raise Broken(Flaw.NOT_A_ZIP)
    at = length - END.size
    magic, *disks, here, count, size, offset, comment = END.unpack(_read(file, at, END.size))
    if magic != END_MAGIC or comment:
        start = max(0, length - END.size - _COMMENT_MAX)
        found = END_MAGIC in _read(file, start, length - start)
        raise Broken(Flaw.APPENDED if found else Flaw.NOT_A_ZIP)
    if FULL_16 in (here, count) or FULL_32 in (size, offset):
        return _end_64(file, at)
    if any(disks) or here != count:
        raise Broken(Flaw.METHOD)
    return count, size, offset, at


def _end_64(file: BinaryIO, end: int) -> tuple[int, int, int, int]:
    """The same, from the fields of 64 bits that then stand before it."""
    at = end - LOCATOR_64.size
    if at < END_64.size:
        raise Broken(Flaw.NOT_A_ZIP)
    magic, disk, place, disks = LOCATOR_64.unpack(_read(file, at, LOCATOR_64.size))
    if (magic, disk, disks) != (LOCATOR_64_MAGIC, 0, 1):
        raise Broken(Flaw.NOT_A_ZIP)
    if place != at - END_64.size:
        raise Broken(Flaw.PREPENDED if place < at - END_64.size else Flaw.NOT_A_ZIP)
    fields = END_64.unpack(_read(file, place, END_64.size))
    magic, rest, _, _, disk, first_disk, here, count, size, offset = fields
    if (magic, rest) != (END_64_MAGIC, END_64.size - 12):
        raise Broken(Flaw.NOT_A_ZIP)
    if disk or first_disk or here != count:
        raise Broken(Flaw.METHOD)
    return count, size, offset, place


def _lines(data: bytes, count: int) -> Iterator[_Entry]:
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(data):
            raise Broken(Flaw.NOT_A_ZIP)
        fields = CENTRAL.unpack_from(data, at)
        magic, made_by, _, flags, method, _, _, crc, packed, size, *rest = fields
        name_size, extra_size, comment_size, disk, _, attributes, offset = rest
        at += CENTRAL.size
        name, extra = data[at : at + name_size], data[at + name_size : at + name_size + extra_size]
        at += name_size + extra_size + comment_size
        if magic != CENTRAL_MAGIC or at > len(data):
            raise Broken(Flaw.NOT_A_ZIP)
        if comment_size or disk:
            raise Broken(Flaw.METHOD, name.decode("utf-8", "surrogateescape"))
        size, packed, offset = _widened(extra, [size, packed, offset])
        entry = _Entry(
            name, flags, method, crc, packed, size, offset, host=made_by >> 8, attributes=attributes
        )
        yield entry
    if at != len(data):
        raise Broken(Flaw.BETWEEN)


def _widened(extra: bytes, numbers: list[int]) -> list[int]:
    """The numbers with those from the ZIP64 field in place of the full ones."""
    wanted = [place for place, number in enumerate(numbers) if number == FULL_32]
    field = _fields(extra).get(ZIP_64_ID, b"")
    if wanted and len(field) >= 8 * len(wanted):
        values = struct.unpack_from(f"<{len(wanted)}Q", field)
        for place, value in zip(wanted, values, strict=True):
            numbers[place] = value
    return numbers


def _fields(extra: bytes) -> dict[int, bytes]:
    """The extra fields of an entry, by their ids."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        if at + EXTRA.size > len(extra):
            raise Broken(Flaw.HEADERS)
        kind, size = EXTRA.unpack_from(extra, at)
        at += EXTRA.size
        if at + size > len(extra) or kind in found:
            raise Broken(Flaw.HEADERS)
        if kind in _RENAMING:
            raise Broken(Flaw.METHOD)
        found[kind] = extra[at : at + size]
        at += size
    return found


# Every byte before it


def _account(file: BinaryIO, entries: list[_Entry], end: int, flaws: Flaws) -> dict[int, int]:
    """Where the data of each entry begin, by its offset: entry after entry, nothing between."""
    starts, at = {}, 0
    for entry in sorted(entries, key=lambda each: each.offset):
        if entry.offset != at:
            raise Broken(Flaw.BETWEEN if at else Flaw.PREPENDED, entry.text)
        start = _check_local(file, entry)
        starts[at] = start
        at = start + entry.packed_size
        if at > end:
            raise Broken(Flaw.BETWEEN, entry.text)
        if entry.flags & _DESCRIPTOR:
            at += _descriptor_size(file, entry, at, end)
    if at != end:
        raise Broken(Flaw.BETWEEN)
    return starts


def _check_local(file: BinaryIO, entry: _Entry) -> int:
    """Where the data begin, after a local header that says what the directory says."""
    head = _read(file, entry.offset, LOCAL.size)
    magic, _, flags, method, _, _, crc, packed, size, *lengths = LOCAL.unpack(head)
    name_size, extra_size = map(int, lengths)
    rest = _read(file, entry.offset + LOCAL.size, name_size + extra_size)
    name, extra = rest[:name_size], rest[name_size:]
    size, packed = _widened(extra, [size, packed])
    said = (crc, packed, size)
    later = bool(flags & _DESCRIPTOR) and said == (0, 0, 0)
    agrees = said == (entry.crc, entry.packed_size, entry.size)
    same = (flags, method, name) == (entry.flags, entry.method, entry.name)
    if magic != LOCAL_MAGIC or not same or not (agrees or later):
        raise Broken(Flaw.HEADERS, entry.text)
    return entry.offset + LOCAL.size + name_size + extra_size


def _descriptor_size(file: BinaryIO, entry: _Entry, at: int, end: int) -> int:
    """The length of the descriptor behind the data, in one of its four spellings."""
    found = _read(file, at, min(24, end - at))
    for layout_64 in ("<IQQ", "<III"):
        if layout_64 == "<III" and max(entry.packed_size, entry.size) > FULL_32:
            continue
        plain = struct.pack(layout_64, entry.crc, entry.packed_size, entry.size)
        for spelled in (DESCRIPTOR_MAGIC + plain, plain):
            if found.startswith(spelled):
                return len(spelled)
    raise Broken(Flaw.HEADERS, entry.text)


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    data = file.read(size)
    if len(data) != size:
        raise Broken(Flaw.NOT_A_ZIP)
    return data
