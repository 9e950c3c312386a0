"""The bytes of the journal: what stands in LevelDB under which key, and in the position file.

    directory/position     first index u64 | number u64 | chain 32 bytes | CRC-32 of these u32
    directory/leveldb/
      "e" index 0          the batch whose entries begin here, or that only changed the hard state
                           when this was the next index: number u64 | previous 32 bytes | content
                           32 bytes | term u64 | last index u64 | vote
      "e" index 1          entry header: term u64 | time_ms u64 | kind u8 | length of proposer u8,
                           of version u8, of data u32 | proposer | version
      "e" index 2          entry data, verbatim
      "i"                  replica id, "\\n", configuration: written once, by bootstrap
      "m" index            empty; the entry is a configuration
      "r"                  what others remember and this disk does not: never to be opened again
      "t" index            u64: entries from here on have this term

A batch replaces everything from its first index on, batches included, so the last batch in the
order of keys is the newest. content = SHA-256(for each entry: index u64 || header || data; then
term u64 || last index u64 || vote). chain = SHA-256(previous || number u64 || content), where
previous is the chain of the batch before it in the order of keys, or the SHA-256 of "i" for the
first. Integers are big-endian, text is UTF-8.

Keys are written in their order, so LevelDB need not merge a new table with old ones: everything is
written twice, once to its log and once to a table, however large the journal. The keys behind "e"
are too rare to change that.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from consensus.messages import Configuration, Entry, EntryKind, HardState, ReplicaId

NUMBER = struct.Struct(">Q")
BATCH, HEADER, DATA = range(3)

_PLACE = struct.Struct(">cQB")
_MARK = struct.Struct(">QQ32sI")
_BATCH = struct.Struct(">Q32s32sQQ")
_STATE = struct.Struct(">QQ")
_HEADER = struct.Struct(">QQBBBI")


def place(index: int, part: int) -> bytes:
    """The key of a part (BATCH, HEADER or DATA) at an index."""
    return _PLACE.pack(b"e", index, part)


def parse_place(key: bytes) -> tuple[int, int]:
    _, index, part = _PLACE.unpack(key)
    return index, part


def key_of(prefix: bytes, index: int) -> bytes:
    return prefix + NUMBER.pack(index)


def parse_key(key: bytes) -> int:
    return int(NUMBER.unpack(key[1:])[0])


def format_identity(replica_id: ReplicaId, configuration: Configuration) -> bytes:
    return replica_id.encode() + b"\n" + configuration.format()


def parse_identity(identity: bytes) -> tuple[ReplicaId, Configuration]:
    replica_id, _, configuration = identity.partition(b"\n")
    return replica_id.decode(), Configuration.parse(configuration)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal has been written: where its last batch begins, that batch's number, and
    the chain up to it."""

    first: int
    number: int
    chain: bytes

    def format(self) -> bytes:
        body = NUMBER.pack(self.first) + NUMBER.pack(self.number) + self.chain
        return body + zlib.crc32(body).to_bytes(4, "big")

    @classmethod
    def parse(cls, record: bytes) -> Self:
        first, number, chain, checksum = _MARK.unpack(record)
        if checksum != zlib.crc32(record[:-4]):
            raise ValueError("the position file is damaged")
        return cls(first, number, chain)


@dataclass(frozen=True)
class Batch:
    """One batch, and the state of the journal after it."""

    first: int
    number: int
    previous: bytes
    content: bytes
    term: int
    last_index: int
    vote: str

    def format(self) -> bytes:
        parts = (self.number, self.previous, self.content, self.term, self.last_index)
        return _BATCH.pack(*parts) + self.vote.encode()

    @classmethod
    def parse(cls, first: int, record: bytes) -> Self:
        number, previous, content, term, last_index = _BATCH.unpack_from(record)
        vote = record[_BATCH.size :].decode()
        return cls(first, number, previous, content, term, last_index, vote)

    @cached_property
    def chain(self) -> bytes:
        return hashlib.sha256(self.previous + NUMBER.pack(self.number) + self.content).digest()

    @property
    def mark(self) -> Mark:
        return Mark(self.first, self.number, self.chain)

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote or None)

    def check_follows(self, older: Self) -> None:
        """Numbers may leave gaps, where later batches replaced some; the chain may not."""
        if self.previous != older.chain or self.number <= older.number or self.term < older.term:
            raise ValueError(f"batch {self.number} does not continue batch {older.number}")


class Content:
    """The content digest of a batch in the making."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, index: int, header: bytes, data: bytes) -> None:
        self._hash.update(NUMBER.pack(index) + header)
        self._hash.update(data)

    def finish(self, state: HardState, last_index: int) -> bytes:
        self._hash.update(_STATE.pack(state.term, last_index) + (state.vote or "").encode())
        return self._hash.digest()


def format_header(entry: Entry) -> bytes:
    proposer, version = entry.proposer.encode(), entry.version.encode()
    lengths = (len(proposer), len(version), len(entry.data))
    return _HEADER.pack(entry.term, entry.time_ms, entry.kind, *lengths) + proposer + version


def parse_entry(index: int, header: bytes, data: bytes) -> Entry:
    """ValueError where header and data do not belong together, or one of them is missing."""
    if len(header) < _HEADER.size:
        raise ValueError(f"the header of entry {index} is missing")
    term, time_ms, kind, proposer_length, version_length, length = _HEADER.unpack_from(header)
    middle = _HEADER.size + proposer_length
    if len(header) != middle + version_length or len(data) != length:
        raise ValueError(f"entry {index} is cut")
    proposer, version = header[_HEADER.size : middle].decode(), header[middle:].decode()
    return Entry(index, term, EntryKind(kind), time_ms, proposer, version, data)
