"""Which rows a block leaves in the views: what is written down, and what it is compared with. PURE.

Numbers are big-endian; "leaf" is the index of a leaf, u64.

    "e" leaf                  entry (leaf data)
    "p" leaf                  where a record came from: height, time, number in its block, first
                              item, count, statement id
    "s" statement id          leaf
    "h" entry hash            leaf, of records
    "o" first item u64        leaf, of deposits
    "g" leaf                  leaf hashes of the item tree, where a deposit has several pages
    "d" alg u8, digest, leaf, item u32      items of deposits in digest mode
    "v" statement id, leaf    events about that statement, whether or not it is on the chain
    "k" public key, leaf      key entries that name it as key or successor
    "K" public key            its state: standing, serial, role
    "P" serial u64            leaf of the policy

What is not there is an answer too ("not found"), so of all kinds every row must be there and none
may be left over: each follows from the blocks, and but for the states of keys none ever changes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from node.chain.apply import Applied, KeyState, Taken
from node.evidence.digests import ALGS
from node.evidence.entry import BlockEntry, KeyEntry, PolicyEntry, StatementEntry
from node.evidence.item import ITEM_SIZE
from node.evidence.keys import PublicKey
from node.evidence.merkle import leaf_hash
from node.evidence.statement import Deposit
from node.leveldb import NUMBER, key_of

Row = tuple[bytes, bytes]

KINDS = {
    b"e": "entry",
    b"p": "place of a record",
    b"s": "index of statements",
    b"h": "index of entries",
    b"o": "index of numbers",
    b"g": "hashes of pages",
    b"d": "index of digests",
    b"v": "index of events",
    b"k": "index of keys",
    b"K": "state of a key",
    b"P": "index of policies",
}
"""In words, by the first byte of a key."""

DIGEST = struct.Struct(">B32s")
ITEM = struct.Struct(">QI")

_PLACE = struct.Struct(">QQIQI")
_KEY_STATE = struct.Struct(">8sQ")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record came from; `statement_id` is empty for keys and policies, `first_item` and
    `count` are 0 for all but deposits, `record` is its number in its block."""

    height: int
    time_ms: int
    record: int
    first_item: int
    count: int
    statement_id: bytes

    def format(self) -> bytes:
        head = (self.height, self.time_ms, self.record, self.first_item, self.count)
        return _PLACE.pack(*head) + self.statement_id

    @classmethod
    def parse(cls, value: bytes) -> Self:
        height, time_ms, record, first_item, count = _PLACE.unpack_from(value)
        return cls(height, time_ms, record, first_item, count, value[_PLACE.size :])


def rows_of(applied: Applied) -> Iterator[tuple[int, Row]]:
    """All rows of a block but those of the tree, each with the leaf it is about."""
    first = applied.chain.size - len(applied.leaves)
    for leaf, entry in enumerate(applied.leaves, first):
        yield leaf, (key_of(b"e", leaf), entry)
    for number, outcome in enumerate(applied.outcomes):
        if isinstance(outcome, Taken):
            for row in _rows_of_record(number, outcome):
                yield outcome.leaf_index, row
    for key, state in applied.key_states.items():
        yield applied.chain.size - 1, (b"K" + key.index_key, format_key_state(state))


def policy_leaf_of(applied: Applied) -> int | None:
    """Where the policy stands that this block brought, if it did: as its last record."""
    last = applied.outcomes[-1] if applied.outcomes else None
    is_policy = isinstance(last, Taken) and isinstance(last.entry, PolicyEntry)
    return last.leaf_index if is_policy and isinstance(last, Taken) else None


def format_key_state(state: KeyState) -> bytes:
    return _KEY_STATE.pack(state.standing.encode(), state.serial) + state.role.encode()


def parse_key_state(value: bytes) -> KeyState:
    standing, serial = _KEY_STATE.unpack_from(value)
    return KeyState(standing.rstrip(b"\0").decode(), value[_KEY_STATE.size :].decode(), serial)


def digest_prefix(alg: str, digest: bytes) -> bytes:
    """What the keys of all items with this digest begin with, behind their kind."""
    return DIGEST.pack(ALGS.index(alg), digest)


def leaf_of(key: bytes, value: bytes) -> int | None:
    """The leaf a row is about; None where the row does not say it."""
    kind = key[:1]
    if kind in b"shoP":
        return int(NUMBER.unpack(value)[0])
    if kind == b"d":
        return int(ITEM.unpack(key[-ITEM.size :])[0])
    return None if kind == b"K" else int(NUMBER.unpack(key[-NUMBER.size :])[0])


def keys_named(entry: KeyEntry) -> list[PublicKey]:
    """Whom a key entry is about: the key, and its successor if it names one."""
    record = entry.record
    return [record.key] if record.successor is None else [record.key, record.successor]


def _rows_of_record(number: int, taken: Taken) -> Iterator[Row]:
    entry, leaf = taken.entry, NUMBER.pack(taken.leaf_index)
    assert not isinstance(entry, BlockEntry)
    first_item, count, identity = 0, 0, b""
    match entry:
        case StatementEntry():
            identity = entry.statement_id
            yield b"s" + identity, leaf
            statement = entry.statement
            if isinstance(statement, Deposit):
                assert entry.first_item is not None
                first_item, count = entry.first_item, statement.count
                yield from _rows_of_items(taken, statement)
                yield key_of(b"o", first_item), leaf
            elif statement.subject is not None:
                yield b"v" + statement.subject.statement + leaf, b""
        case KeyEntry():
            for key in keys_named(entry):
                yield b"k" + key.index_key + leaf, b""
        case PolicyEntry():
            yield key_of(b"P", entry.note.serial), leaf
    yield b"h" + leaf_hash(taken.leaf), leaf
    place = Place(entry.height, entry.time_ms, number, first_item, count, identity)
    yield b"p" + leaf, place.format()


def _rows_of_items(taken: Taken, deposit: Deposit) -> Iterator[Row]:
    assert taken.statement is not None
    hashes = taken.statement.page_hashes
    if len(hashes) > 1:
        yield key_of(b"g", taken.leaf_index), b"".join(hashes)
    if deposit.mode == "digest":
        items = taken.statement.record.items
        for index in range(deposit.count):
            digest = items[index * ITEM_SIZE : (index + 1) * ITEM_SIZE]
            where = ITEM.pack(taken.leaf_index, index)
            yield b"d" + digest_prefix(deposit.alg, digest) + where, b""
