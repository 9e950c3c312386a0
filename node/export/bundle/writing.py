"""A bundle onto disk: a directory, or the same files as one ZIP archive (docs, section 3).

Both forms come into being under another name and get theirs when they are whole. An original that
is not the file any more that was hashed is not exported: `Changed`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from node.evidence import digests
from node.export.bundle.manifest import CHUNK_SIZE, Hashed, hash_chunks
from node.export.bundle.package import Bag
from node.export.bundle.zip_format import Entry, central_header, end_of_directory, local_header


@dataclass(frozen=True, slots=True)
class InBag:
    """A file of another bundle, which is open."""

    bag: Bag
    path: str


Source = bytes | Path | InBag
"""The bytes of a file, or where it lies and is streamed from."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All files of a bundle, and of those under data/ what was read of them."""

    name: str
    files: Mapping[str, Source]
    payload: Mapping[str, Hashed]

    def size(self, path: str) -> int:
        """How many bytes a file has."""
        source = self.files[path]
        return len(source) if isinstance(source, bytes) else self.payload[path].size


class Changed(Exception):
    """A file is not the one any more that was hashed."""

    def __init__(self, source: Path | InBag) -> None:
        self.path = source if isinstance(source, Path) else Path(source.path)
        super().__init__(str(self.path))


def hash_all(files: Mapping[str, Source]) -> dict[str, Hashed]:
    """Size and digests of each."""
    return {path: hash_chunks(_chunks(source)) for path, source in files.items()}


def write_directory(target: Path, whole: Whole) -> Path:
    """The directory of its name in `target`; raises `FileExistsError` if it is there."""
    place = target / whole.name
    with _under_another_name(place) as part:
        part.mkdir()
        for path in sorted(whole.files):
            file = part / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as out:
                out.writelines(_checked(whole, path))
        _publish(part, place)
    return place


def write_zip(target: Path, whole: Whole) -> Path:
    """The archive in `target`; raises `FileExistsError` if it is there."""
    place = target / f"{whole.name}.zip"
    with _under_another_name(place) as part:
        with part.open("xb") as out:
            _write_archive(out, whole)
            out.flush()
            os.fsync(out.fileno())
        _publish(part, place)
    return place


def _write_archive(out: BinaryIO, whole: Whole) -> None:
    directory = []
    for path in sorted(whole.files):
        name, offset = f"{whole.name}/{path}", out.tell()
        size, crc = whole.size(path), 0
        header_size = out.write(local_header(name, Entry(size, crc)))
        for chunk in _checked(whole, path):
            out.write(chunk)
            crc = zlib.crc32(chunk, crc)
        entry = Entry(size, crc, offset)
        header = local_header(name, entry)
        assert len(header) == header_size, "the sums in a header do not change its length"
        end = out.tell()
        out.seek(offset)
        out.write(header)
        out.seek(end)
        directory.append(central_header(name, entry))
    offset = out.tell()
    length = sum(out.write(each) for each in directory)
    out.write(end_of_directory(len(directory), offset, length))


def _checked(whole: Whole, path: str) -> Iterator[bytes]:
    """A file in pieces; an original must still be what was hashed, or the last one raises."""
    source = whole.files[path]
    if isinstance(source, bytes):
        yield source
        return
    expected, size, running = whole.payload[path], 0, digests.new("sha256")
    for chunk in _chunks(source):
        size += len(chunk)
        running.update(chunk)
        yield chunk
    if (size, running.digest()) != (expected.size, expected.sha256):
        raise Changed(source)


def _chunks(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    if isinstance(source, InBag):
        yield from source.bag.chunks(source.path)
        return
    with source.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_SIZE):
            yield chunk


@contextlib.contextmanager
def _under_another_name(place: Path) -> Iterator[Path]:
    """A place beside it that is cleared away unless it was given its name."""
    if os.path.lexists(place):
        raise FileExistsError(str(place))
    part = place.with_name(f".{place.name}.{secrets.token_hex(8)}.part")
    try:
        yield part
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _publish(part: Path, place: Path) -> None:
    if os.path.lexists(place):  # It has come into being meanwhile.
        raise FileExistsError(str(place))
    part.rename(place)
    with contextlib.suppress(OSError):  # Where directories cannot be synced.
        descriptor = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
