"""The disk as this house uses it: a few databases, a few small files, and what may go wrong.

`Disk` has two implementations: `RealDisk`, the only place that calls LevelDB, and the simulator's
imaginary one, which breaks on purpose. Both promise the same:

- A database is made by `create_database` and only then opened, checked, never repaired and never
  silently new. LevelDB loses records from a damaged log without a word unless it is told to be
  paranoid, opens as if new when its log file is gone, and its repair drops what it cannot read.
- Every read verifies checksums.
- What the device or the operating system refuses is an `OSError`: the bytes may be fine. What is
  there but does not check, or is not there and must be, is `Damaged`.
- What was not synced survives the end of the process, but not of the power supply.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

try:
    import plyvel  # type: ignore[import-untyped,unused-ignore]
except ImportError:  # Python 3.13 and later have only the maintained fork.
    import plyvel_next as plyvel  # type: ignore[import-not-found,import-untyped,unused-ignore]


class Damaged(Exception):
    """A database does not check. It is never repaired: what it lost would not be known."""


class WriteBatch(Protocol):
    """Changes that happen together or not at all."""

    def put(self, key: bytes, value: bytes, /) -> None: ...

    def delete(self, key: bytes, /) -> None: ...

    def write(self) -> None:
        """Once. A batch made with `sync` is durable when this returns."""


class Database(Protocol):
    """Values by key, in the order of keys. One thread writes, any thread reads."""

    def get(self, key: bytes, /) -> bytes | None: ...

    def scan(
        self, start: bytes, stop: bytes | None, *, reverse: bool = False, fill_cache: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        """Everything from `start` to before `stop`, as it was when the first row was asked for."""

    def write_batch(self, *, sync: bool = False) -> WriteBatch: ...

    def close(self) -> None:
        """Once no thread reads or writes any more; again does no harm."""


class LockedFile(Protocol):
    """A small file that nobody else has open this way."""

    def read(self) -> bytes:
        """All of it."""

    def write(self, data: bytes, /) -> None:
        """Over the beginning, in place. Not synced: a power cut may leave the old or the new."""

    def sync(self) -> None: ...

    def close(self) -> None:
        """Lets go of the lock, as the end of the process would; again does no harm."""


class Disk(Protocol):
    """Paths are the caller's; what is renamed or made lasts once its parent is synced."""

    def create_database(self, directory: Path, /) -> None:
        """Make an empty database, and its directory, where there is none."""

    def open_database(
        self, directory: Path, /, *, write_buffer_bytes: int, bloom_bits: int = 0
    ) -> Database:
        """`Damaged` if it is not there, lacks a file or does not check."""

    def open_locked(self, path: Path, /) -> LockedFile:
        """BlockingIOError if it is locked already, FileNotFoundError if it is not there."""

    def read_file(self, path: Path, /) -> bytes: ...

    def write_file(self, path: Path, data: bytes, /) -> None:
        """A new file, synced; its directory is not."""

    def names(self, directory: Path, /) -> list[str]:
        """What is in it; nothing if it is not there."""

    def make_directory(self, directory: Path, /) -> None:
        """With its parents; FileExistsError if it is there."""

    def rename(self, path: Path, new: Path, /) -> None: ...

    def remove_tree(self, directory: Path, /) -> None:
        """With everything in it; no harm if it is not there."""

    def sync(self, path: Path, /) -> None:
        """A directory: the names in it. A file: its bytes."""

    def free_bytes(self, path: Path, /) -> int:
        """What this process may still write to the file system that holds this path."""


class RealDisk:
    """The machine's."""

    def create_database(self, directory: Path, /) -> None:
        directory.mkdir(parents=True)
        try:
            plyvel.DB(str(directory), create_if_missing=True, error_if_exists=True).close()
        except plyvel.Error as error:
            raise _translated(error) from error

    def open_database(
        self, directory: Path, /, *, write_buffer_bytes: int, bloom_bits: int = 0
    ) -> Database:
        # LevelDB starts a new log at every open and removes old ones only when they have become
        # tables, so there is always one. Without any it would open, short of synced records.
        if not any(name.endswith(".log") for name in self.names(directory)):
            raise Damaged("the LevelDB log is missing")
        try:
            raw = plyvel.DB(
                str(directory),
                create_if_missing=False,
                paranoid_checks=True,
                write_buffer_size=write_buffer_bytes,
                bloom_filter_bits=bloom_bits,
                compression=None,  # Digests and signatures do not compress.
            )
        except plyvel.Error as error:
            raise _translated(error) from error
        return _RealDatabase(raw)

    def open_remains(self, directory: Path, /) -> Database:
        """What LevelDB can still make of a damaged database, holes and all; only for `salvage`, on
        files of its own. Its repair moves aside what it cannot read."""
        options = {"create_if_missing": False, "compression": None}
        try:
            return _RealDatabase(plyvel.DB(str(directory), **options))
        except plyvel.Error:
            pass
        try:
            plyvel.repair_db(str(directory))
            return _RealDatabase(plyvel.DB(str(directory), **options))
        except plyvel.Error as error:
            raise _translated(error) from error

    def open_locked(self, path: Path, /) -> LockedFile:
        file = FileIO(path, "r+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            file.close()
            raise
        return _RealFile(file)

    def read_file(self, path: Path, /) -> bytes:
        return path.read_bytes()

    def write_file(self, path: Path, data: bytes, /) -> None:
        with FileIO(path, "x") as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(file.fileno())

    def names(self, directory: Path, /) -> list[str]:
        try:
            return os.listdir(directory)
        except FileNotFoundError:
            return []

    def make_directory(self, directory: Path, /) -> None:
        directory.mkdir(parents=True)

    def rename(self, path: Path, new: Path, /) -> None:
        path.rename(new)

    def remove_tree(self, directory: Path, /) -> None:
        if directory.exists():
            shutil.rmtree(directory)

    def sync(self, path: Path, /) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def free_bytes(self, path: Path, /) -> int:
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize


REAL_DISK = RealDisk()


class _RealDatabase:
    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        self._raw = raw  # A `plyvel.DB`; plyvel has no types of its own.

    def get(self, key: bytes, /) -> bytes | None:
        try:
            value: bytes | None = self._raw.get(key, verify_checksums=True)
        except plyvel.Error as error:
            raise _translated(error) from error
        return value

    def scan(
        self, start: bytes, stop: bytes | None, *, reverse: bool = False, fill_cache: bool = True
    ) -> Iterator[tuple[bytes, bytes]]:
        try:
            with self._raw.raw_iterator(verify_checksums=True, fill_cache=fill_cache) as cursor:
                if reverse:
                    yield from _rows_back(cursor, start, stop)
                else:
                    yield from _rows(cursor, start, stop)
        except plyvel.Error as error:
            raise _translated(error) from error

    def write_batch(self, *, sync: bool = False) -> WriteBatch:
        return _RealBatch(self._raw.write_batch(sync=sync))

    def close(self) -> None:
        self._raw.close()


class _RealBatch:
    __slots__ = ("_raw", "delete", "put")

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.put = raw.put
        self.delete = raw.delete

    def write(self) -> None:
        try:
            self._raw.write()
        except plyvel.Error as error:
            raise _translated(error) from error


# A raw cursor says after every step whether it skipped a damaged block. Those of plyvel that know
# where to stop end there without a word if nothing follows, and, going back, miss a lone row whose
# key is their start (1.5.1).


def _rows(cursor: Any, start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    cursor.seek(start)
    while cursor.valid():
        key, value = cursor.item()
        if stop is not None and key >= stop:
            return
        yield key, value
        cursor.next()


def _rows_back(cursor: Any, start: bytes, stop: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    if stop is not None:
        cursor.seek(stop)
    if stop is not None and cursor.valid():
        cursor.prev()
    else:
        cursor.seek_to_last()
    while cursor.valid():
        key, value = cursor.item()
        if key < start:
            return
        yield key, value
        cursor.prev()


class _RealFile:
    __slots__ = ("_file",)

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def read(self) -> bytes:
        self._file.seek(0)
        return self._file.readall()

    def write(self, data: bytes, /) -> None:
        if os.pwrite(self._file.fileno(), data, 0) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self) -> None:
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _translated(error: Exception) -> Exception:
    """LevelDB says "IO error" where the system refused, and is believed; a file that is missing is
    "not found" or "corruption" to it, and damage here."""
    (status,) = error.args
    said = status.decode(errors="replace")
    return OSError(said) if isinstance(error, OSError) else Damaged(said)
