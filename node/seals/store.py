"""The seals database: what this member sealed, saw and published. Nothing in it can be made again.

One LevelDB, `seals/`, every batch synced: a seal is on disk before it leaves, a note before it is
shown. Keys, with sizes as big-endian u64:

    "g"                 SHA-256 of the genesis file: whose seals these are
    "l"                 own last seal
    "f" member          newest seal of another member
    "n" size            published note: height u64, the note
    "b" size, member    a seal that came after the note of its size was published
    "x" size, member    contradiction: a seal on another root than ours
    "w" name            newest cosignature of a witness outside the members
    "e" name            a file that shows a contradiction to others
    "h"                 why this member stopped sealing
    "j"                 how far the journal had been written (`consensus.records.Mark`)

A seal is size u64 | length of body u16 | body | line.

A member whose database is lost or does not check no longer knows what it must not contradict,
until the others have told it (`directory`). The journal's mark is repeated here so that a journal
put back from an old copy is seen.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from consensus.disk import REAL_DISK, Disk
from node import leveldb
from node.errors import Corrupt, Misconfigured
from node.evidence.digests import sha256
from node.evidence.record import Genesis, format_genesis
from node.leveldb import NUMBER, key_of, number_of
from node.seals.sealing import Contradiction, Note, Remembered, SentSeal, Step

COPY_BYTES = 4 << 20
"""Copied in one batch."""

_SEAL = struct.Struct(">QH")


class SealsCorrupt(Corrupt):
    """The seals do not check: put them aside, and the next start makes new ones."""


class Seals:
    """The open database. One thread writes; any thread reads notes.

    Opening and reading raise `SealsCorrupt` for what does not check."""

    def __init__(self, directory: Path, genesis: Genesis, disk: Disk = REAL_DISK) -> None:
        self.directory = directory
        with self._reading():
            self._database = leveldb.open_checked(directory, disk)
        try:
            with self._reading():
                chain = self._database.get(b"g")
            if chain is None:
                raise SealsCorrupt(f"{directory}: it does not say of which chain it is")
            if chain != sha256(format_genesis(genesis)):
                raise Misconfigured(f"{directory} holds the seals of another chain")
            self.load()
        except BaseException:
            self.close()
            raise

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

    @staticmethod
    def copy(old: Path, new: Path, genesis: Genesis, disk: Disk = REAL_DISK) -> None:
        """Take over into a database just created what another incarnation kept. Not the journal's
        mark: that journal is gone."""
        with (
            closing(Seals(old, genesis, disk)) as source,
            closing(Seals(new, genesis, disk)) as target,
            source._reading(),
        ):
            batch, size = target._database.write_batch(sync=True), 0
            for key, value in source._database.scan(b"", None):
                if key != b"j":
                    batch.put(key, value)
                    size += len(key) + len(value)
                if size > COPY_BYTES:
                    batch.write()
                    batch, size = target._database.write_batch(sync=True), 0
            batch.write()

    def close(self) -> None:
        """Let go of the directory. Nothing is left to flush."""
        self._database.close()

    def load(self) -> Remembered:
        """What was decided before."""
        database = self._database
        with self._reading():
            last = database.get(b"l")
            note = self.newest_note()
            return Remembered(
                last=None if last is None else _parse_seal(last),
                newest={
                    key[1:].decode(): _parse_seal(value)
                    for key, value in leveldb.scan(database, b"f")
                },
                note=note,
                beside=self.beside(note.size) if note else [],
                contradictions=[
                    Contradiction(key[1 + NUMBER.size :].decode(), _parse_seal(value))
                    for key, value in leveldb.scan(database, b"x")
                ],
                halted=(database.get(b"h") or b"").decode(),
            )

    def journal_mark(self) -> bytes | None:
        """How far the journal had been written when this member sealed last."""
        with self._reading():
            return self._database.get(b"j")

    def follow_journal(self, mark: bytes) -> None:
        """Another journal with the same entries takes the place of the one that was marked."""
        batch = self._database.write_batch(sync=True)
        batch.put(b"j", mark)
        with self._reading():
            batch.write()

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
        for name, data in step.files.items():
            batch.put(b"e" + name.encode(), data)
        if step.halted:
            batch.put(b"h", step.halted.encode())
        with self._reading():
            batch.write()

    def write_witnessed(self, name: str, cosigned: SentSeal) -> None:
        """Keep the newest cosignature of a witness. If we stop before, it is asked for again."""
        batch = self._database.write_batch(sync=True)
        batch.put(b"w" + name.encode(), _format_seal(cosigned))
        with self._reading():
            batch.write()

    def witnessed(self) -> dict[str, SentSeal]:
        """The newest cosignature of every witness that ever gave one, by its name."""
        with self._reading():
            rows = leveldb.scan(self._database, b"w")
            return {key[1:].decode(): _parse_seal(value) for key, value in rows}

    def note_after(self, leaf_index: int) -> Note | None:
        """The first published checkpoint whose tree holds this leaf: the same one for ever."""
        return next(iter(self.notes_from(leaf_index + 1, 1)), None)

    def notes_from(self, size: int, count: int) -> list[Note]:
        """The first published checkpoints of at least this size, `count` at most."""
        with self._reading():
            notes = leveldb.scan(self._database, b"n", NUMBER.pack(size))
            return [_parse_note(key, value) for key, value in islice(notes, count)]

    def newest_notes(self, count: int) -> list[Note]:
        """The last published checkpoints, the newest first, `count` at most."""
        with self._reading():
            notes = leveldb.scan(self._database, b"n", reverse=True)
            return [_parse_note(key, value) for key, value in islice(notes, count)]

    def notes(self, above_size: int = 0) -> Iterator[Note]:
        """The published checkpoints of larger trees, in the order of their sizes."""
        with self._reading():
            start = NUMBER.pack(above_size + 1)
            for key, value in leveldb.scan(self._database, b"n", start):
                yield _parse_note(key, value)

    def note_up_to(self, size: int) -> Note | None:
        """The last published checkpoint of a tree that is no larger."""
        with self._reading():
            notes = leveldb.scan(self._database, b"n", NUMBER.pack(size), reverse=True)
            return next((_parse_note(key, value) for key, value in notes), None)

    def newest_note(self) -> Note | None:
        """The last published checkpoint."""
        return next(iter(self.newest_notes(1)), None)

    def beside(self, size: int) -> list[bytes]:
        """Seals that came after the note of this size was published, by name of the member."""
        with self._reading():
            return [line for _, line in leveldb.scan(self._database, key_of(b"b", size))]

    def contradiction_files(self) -> dict[str, bytes]:
        """The files that show contradictions, by name."""
        with self._reading():
            rows = leveldb.scan(self._database, b"e")
            return {key[1:].decode(): data for key, data in rows}

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with leveldb.reading(self.directory):
                yield
        except Corrupt as error:
            raise SealsCorrupt(str(error)) from error


def _format_seal(seal: SentSeal) -> bytes:
    return _SEAL.pack(seal.size, len(seal.body)) + seal.body + seal.line


def _parse_seal(value: bytes) -> SentSeal:
    size, length = _SEAL.unpack_from(value)
    middle = _SEAL.size + length
    return SentSeal(size, value[_SEAL.size : middle], value[middle:])


def _parse_note(key: bytes, value: bytes) -> Note:
    return Note(number_of(key), number_of(value[: NUMBER.size]), value[NUMBER.size :])
