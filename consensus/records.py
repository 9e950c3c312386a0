"""The bytes of the journal: what stands in LevelDB under which key, and in the position file.

    directory/position     number u64 | chain 32 bytes | CRC-32 of both u32      (44 bytes)
    directory/leveldb/     numbers in keys are big-endian u64, so keys sort by number
      "i"                  replica id, "\n", configuration: written once, by bootstrap
      "b" number           one per batch, the state after it: chain 32 bytes | content 32 bytes |
                           size u32 | term u64 | last index u64 | vote
      "t" index            entry header: term u64 | time_ms u64 | kind u8 | length of proposer u8,
                           of version u8, of data u32 | proposer | version
      "d" index            entry data, verbatim
      "c" index            empty; present where the entry is a configuration
      "p"                  empty; overwritten by probes

Batch n has content = SHA-256(for each entry: index u64 || header || data; then term u64 || last
index u64 || vote) and chain = SHA-256(chain of batch n-1 || content). Batch 1 is the bootstrap and
has the identity in place of entries. Integers are big-endian, text is UTF-8.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Self

from consensus.messages import Entry, EntryKind, HardState

NUMBER = struct.Struct(">Q")
_MARK = struct.Struct(">Q32sI")
_BATCH = struct.Struct(">32s32sIQQ")
_STATE = struct.Struct(">QQ")
_HEADER = struct.Struct(">QQBBBI")


def key_of(prefix: bytes, number: int) -> bytes:
    return prefix + NUMBER.pack(number)


def number_of(key: bytes) -> int:
    return int(NUMBER.unpack(key[1:])[0])


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal has been written: the number of its last batch and the chain up to it."""

    number: int
    chain: bytes

    def format(self) -> bytes:
        body = NUMBER.pack(self.number) + self.chain
        return body + zlib.crc32(body).to_bytes(4, "big")

    @classmethod
    def parse(cls, record: bytes) -> Self:
        number, chain, checksum = _MARK.unpack(record)
        if checksum != zlib.crc32(record[:-4]):
            raise ValueError("the position file is damaged")
        return cls(number, chain)


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, and the state of the journal after it."""

    number: int
    chain: bytes
    content: bytes
    size: int
    term: int
    last_index: int
    vote: str

    def format(self) -> bytes:
        numbers = (self.size, self.term, self.last_index)
        return _BATCH.pack(self.chain, self.content, *numbers) + self.vote.encode()

    @classmethod
    def parse(cls, number: int, record: bytes) -> Self:
        chain, content, size, term, last_index = _BATCH.unpack_from(record)
        vote = record[_BATCH.size :].decode()
        return cls(number, chain, content, size, term, last_index, vote)

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote or None)

    @property
    def mark(self) -> Mark:
        return Mark(self.number, self.chain)

    def next(self, content: "hashlib._Hash", size: int, state: HardState, last_index: int) -> Self:
        """The batch after this one, given the hash over the entries in it."""
        vote = state.vote or ""
        content.update(_STATE.pack(state.term, last_index) + vote.encode())
        digest = content.digest()
        chain = hashlib.sha256(self.chain + digest).digest()
        return type(self)(self.number + 1, chain, digest, size, state.term, last_index, vote)

    def check_follows(self, older: Self) -> None:
        if self.number != older.number + 1:
            raise ValueError(f"batches between {older.number} and {self.number} are missing")
        if self.chain != hashlib.sha256(older.chain + self.content).digest():
            raise ValueError(f"batch {self.number} does not continue batch {older.number}")
        if self.term < older.term:
            raise ValueError(f"the term falls at batch {self.number}")


# What the first batch follows; it is not stored.
GENESIS = Batch(0, bytes(32), bytes(32), 0, 0, 0, "")


def format_header(entry: Entry) -> bytes:
    proposer, version = entry.proposer.encode(), entry.version.encode()
    lengths = (len(proposer), len(version), len(entry.data))
    return _HEADER.pack(entry.term, entry.time_ms, entry.kind, *lengths) + proposer + version


def term_of(header: bytes) -> int:
    return int(NUMBER.unpack_from(header)[0])


def parse_entry(index: int, header: bytes, data: bytes) -> Entry:
    """Raises ValueError or struct.error where header and data do not belong together."""
    term, time_ms, kind, proposer_length, version_length, length = _HEADER.unpack_from(header)
    middle = _HEADER.size + proposer_length
    if len(header) != middle + version_length or len(data) != length:
        raise ValueError(f"entry {index} is cut")
    proposer, version = header[_HEADER.size : middle].decode(), header[middle:].decode()
    return Entry(index, term, EntryKind(kind), time_ms, proposer, version, data)
