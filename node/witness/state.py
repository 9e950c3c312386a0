"""What a witness cosigned last, of each log: the one thing it must never forget.

A directory with a lock and a small LevelDB, every batch synced:

    lock           held by the one process that may cosign
    leveldb/
      "o" SHA-256 of the origin     the note cosigned last, with the cosignature
      "p" SHA-256 of the origin     policies that were followed (proof-format.md, section 18)
    HASH.contradiction   a note of the log with that hash and another root for the size cosigned

Two processes on one state would each cosign what the other did not see, so the second is refused.
A state that does not check is refused too, and never begun anew by itself: a witness that forgot
what it cosigned would cosign a second history, which is all it exists to prevent.
"""

from __future__ import annotations

from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from node import leveldb
from node.errors import Corrupt, Misconfigured
from node.evidence.checkpoint import Checkpoint, parse_foreign_checkpoint
from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.evidence.note import parse_note
from node.evidence.succession import Succession, format_policies, parse_policies

LOCK = "lock"
DATABASE = "leveldb"


class State:
    """The open state. One thread uses it; opening and reading raise `Corrupt` or `DiskFailed`."""

    def __init__(self, directory: Path, disk: Disk = REAL_DISK) -> None:
        self.directory = directory
        self._disk = disk
        with leveldb.reading(directory):
            try:
                self._lock = disk.open_locked(directory / LOCK)
            except BlockingIOError:
                raise Misconfigured(f"{directory} is in use by another process") from None
            except FileNotFoundError:
                raise Corrupt(f"{directory}: the lock is missing") from None
        try:
            self._database = leveldb.open_checked(directory / DATABASE, disk)
        except BaseException:
            self._lock.close()
            raise

    @staticmethod
    def create(directory: Path, disk: Disk = REAL_DISK) -> None:
        """Make the state of a witness that has cosigned nothing, whole or not at all."""
        new = directory.with_name(directory.name + ".new")
        with leveldb.reading(new):
            disk.remove_tree(new)  # An earlier attempt that stopped half-way.
            disk.create_database(new / DATABASE)
            disk.write_file(new / LOCK, b"")
            disk.sync(new)
            disk.rename(new, directory)
            disk.sync(directory.parent)

    def close(self) -> None:
        """Let go of the directory. Nothing is left to flush."""
        self._database.close()
        self._lock.close()

    def note(self, origin_hash: bytes) -> bytes | None:
        """The note cosigned last of the log whose origin has this SHA-256."""
        with leveldb.reading(self.directory):
            return self._database.get(b"o" + origin_hash)

    def last(self, origin: str) -> Checkpoint | None:
        """What that note says the tree was."""
        note = self.note(sha256(origin.encode()))
        if note is None:
            return None
        try:
            return parse_foreign_checkpoint(parse_note(note).text)[0]
        except Malformed as error:
            raise Corrupt(f"{self.directory}: {error}") from error

    def keep(self, origin: str, note: bytes) -> None:
        """From now on this is the last. On disk before this returns: if we stop before, the log
        was not answered, and what it has not got was not cosigned."""
        with leveldb.reading(self.directory):
            batch = self._database.write_batch(sync=True)
            batch.put(b"o" + sha256(origin.encode()), note)
            batch.write()

    def policies(self, origin: str) -> Succession | None:
        """The policies of a log that were kept last."""
        with leveldb.reading(self.directory):
            data = self._database.get(b"p" + sha256(origin.encode()))
        try:
            return None if data is None else parse_policies(data)
        except Malformed as error:
            raise Corrupt(f"{self.directory}: {error}") from error

    def keep_policies(self, origin: str, policies: Succession) -> None:
        """On disk before a note is cosigned by them: if we stop before, they are fetched again."""
        with leveldb.reading(self.directory):
            batch = self._database.write_batch(sync=True)
            batch.put(b"p" + sha256(origin.encode()), format_policies(policies))
            batch.write()

    def keep_contradiction(self, origin: str, note: bytes) -> bool:
        """Keep a note that contradicts the last; False if there is one already, which is enough."""
        path = self.directory / f"{sha256(origin.encode()).hex()}.contradiction"
        with leveldb.reading(self.directory):
            if path.name in self._disk.names(self.directory):
                return False
            self._disk.write_file(path, note)
            self._disk.sync(self.directory)
        return True
