"""The seals database: what this member sealed, saw and published. Nothing in it can be made again.

One LevelDB, `seals/`, every batch synced: a seal is on disk before it leaves, a note before it is
shown. Keys, with sizes as big-endian u64:

    "g"                 SHA-256 of the genesis file: whose seals these are
    "l"                 own last seal
    "f" member          newest seal of another member
    "n" size            published note: height u64, the note
    "b" size, member    a seal that came after the note of its size was published
    "x" size, member    contradiction: a seal on another root than ours
    "h"                 why this member stopped sealing
    "j"                 how far the journal had been written (`consensus.records.Mark`)

A seal is size u64 | length of body u16 | body | line.

If this database is lost or does not check, the member stops: it can no longer know what it must not
contradict. The journal's mark is repeated here so that a journal put back from an old copy is seen.
"""

from __future__ import annotations

import struct
from contextlib import closing
from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from node import leveldb
from node.errors import Corrupt, Misconfigured
from node.evidence.digests import sha256
from node.evidence.record import Genesis, format_genesis
from node.leveldb import NUMBER, key_of, number_of
from node.sealing import Contradiction, Note, Remembered, SentSeal, Step

_SEAL = struct.Struct(">QH")


class Seals:
    """The open database. One thread writes; any thread reads notes."""

    def __init__(self, directory: Path, genesis: Genesis, disk: Disk = REAL_DISK) -> None:
        self.directory = directory
        try:
            self._database = leveldb.open_checked(directory, disk)
        except Corrupt as error:
            raise _lost(str(error)) from error
        with leveldb.reading(directory):
            chain = self._database.get(b"g")
        if chain != sha256(format_genesis(genesis)):
            self.close()
            raise Misconfigured(f"{directory} holds the seals of another chain")

    @staticmethod
    def create(directory: Path, genesis: Genesis, disk: Disk = REAL_DISK) -> None:
        """Make the database of a member that has sealed nothing yet."""
        leveldb.create(directory, disk)
        with (
            closing(leveldb.open_checked(directory, disk)) as database,
            leveldb.reading(directory),
        ):
            batch = database.write_batch(sync=True)
            batch.put(b"g", sha256(format_genesis(genesis)))
            batch.write()

    def close(self) -> None:
        """Let go of the directory. Nothing is left to flush."""
        self._database.close()

    def load(self) -> Remembered:
        """What was decided before; `Corrupt` if it does not check."""
        database = self._database
        try:
            with leveldb.reading(self.directory):
                last = database.get(b"l")
                notes = leveldb.scan(database, b"n", reverse=True)
                return Remembered(
                    last=None if last is None else _parse_seal(last),
                    newest={
                        key[1:].decode(): _parse_seal(value)
                        for key, value in leveldb.scan(database, b"f")
                    },
                    note=next((_parse_note(key, value) for key, value in notes), None),
                    contradictions=[
                        Contradiction(key[1 + NUMBER.size :].decode(), _parse_seal(value))
                        for key, value in leveldb.scan(database, b"x")
                    ],
                    halted=(database.get(b"h") or b"").decode(),
                )
        except Corrupt as error:
            raise _lost(str(error)) from error

    def journal_mark(self) -> bytes | None:
        """How far the journal had been written when this member sealed last."""
        with leveldb.reading(self.directory):
            return self._database.get(b"j")

    def write(self, step: Step, journal_mark: bytes) -> None:
        """Make a step durable in one synced batch. Nobody has heard of it before this returns: if
        we stop here, it did not happen."""
        if not step:
            return
        batch = self._database.write_batch(sync=True)
        if step.own:
            batch.put(b"l", _format_seal(step.own[-1]))
            batch.put(b"j", journal_mark)
        for member, seal in step.newest.items():
            batch.put(b"f" + member.encode(), _format_seal(seal))
        for note in step.notes:
            batch.put(key_of(b"n", note.size), NUMBER.pack(note.height) + note.data)
        for size, member, line in step.beside:
            batch.put(key_of(b"b", size) + member.encode(), line)
        for each in step.contradictions:
            key = key_of(b"x", each.seal.size) + each.member.encode()
            batch.put(key, _format_seal(each.seal))
        if step.halted:
            batch.put(b"h", step.halted.encode())
        with leveldb.reading(self.directory):
            batch.write()

    def note_after(self, leaf_index: int) -> Note | None:
        """The first published checkpoint whose tree holds this leaf: the same one for ever."""
        start = NUMBER.pack(leaf_index + 1)
        with leveldb.reading(self.directory):
            notes = leveldb.scan(self._database, b"n", start)
            return next((_parse_note(key, value) for key, value in notes), None)

    def newest_note(self) -> Note | None:
        """The last published checkpoint."""
        with leveldb.reading(self.directory):
            notes = leveldb.scan(self._database, b"n", reverse=True)
            return next((_parse_note(key, value) for key, value in notes), None)

    def beside(self, size: int) -> list[bytes]:
        """Seals that came after the note of this size was published, by name of the member."""
        with leveldb.reading(self.directory):
            return [line for _, line in leveldb.scan(self._database, key_of(b"b", size))]


def _lost(what: str) -> Corrupt:
    return Corrupt(
        f"{what}; this member can no longer know what it sealed and must not seal again under this"
        " identity. Keep the directory for inspection and rejoin the group with a new one"
    )


def _format_seal(seal: SentSeal) -> bytes:
    return _SEAL.pack(seal.size, len(seal.body)) + seal.body + seal.line


def _parse_seal(value: bytes) -> SentSeal:
    size, length = _SEAL.unpack_from(value)
    middle = _SEAL.size + length
    return SentSeal(size, value[_SEAL.size : middle], value[middle:])


def _parse_note(key: bytes, value: bytes) -> Note:
    return Note(number_of(key), number_of(value[: NUMBER.size]), value[NUMBER.size :])
