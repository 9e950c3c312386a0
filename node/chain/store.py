"""Views: everything about the chain that can be computed again from the journal.

One LevelDB, `views/`, never synced: each block is one batch with the state after it, so a crash
leaves the views at some earlier block, and applying goes on from there. Views that do not open, do
not check or have a hole are put aside and made again from height 0 on the same way. Numbers are
big-endian.

    "c"                       the state after the last block
    "t" ...                   tiles of the tree (`tree`)
    ...                       everything else, which follows from one block each (`rows`)

Bodies (items) are not here but in the journal, written once.

A row that is not there is an answer: `not found`. LevelDB refuses to read what was changed and to
open what lacks a table; what it may lose without a word is the newest batches, or those right
before its logs, and every block has entries, so an open counts these (`_recount`). Whatever else
there may be, the scrub finds (`checking`).
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from consensus.disk import REAL_DISK, Database, Disk
from consensus.messages import Entry as RaftEntry
from node import leveldb
from node.chain.apply import Applied, Chain, KeyState, genesis
from node.chain.rows import (
    ITEM,
    Place,
    Row,
    digest_prefix,
    parse_key_state,
    policy_leaf_of,
    rows_of,
)
from node.chain.tree import Tree
from node.errors import Corrupt
from node.evidence.digests import sha256
from node.evidence.entry import BlockEntry, PolicyEntry, parse_entry
from node.evidence.keys import PublicKey
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE, leaf_hash
from node.evidence.policy_note import PolicyNote
from node.evidence.record import Genesis
from node.evidence.tiles import Node
from node.leveldb import NUMBER, key_of, number_of

FOUND_MAX = 100
"""Deposits named in one answer; whoever has more wants a list, not an answer."""

RECOUNT_BYTES = 2 * (leveldb.WRITE_BUFFER_BYTES + (8 << 20))
"""How much of the newest entries an open counts. A power cut may take the end of one log and leave
the next; there are two at most, each as large as the buffer and one block's batch."""

_STATE = struct.Struct(">QQ32sQQQQ")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stands on the chain; `statement_id` is empty for keys and policies,
    `first_item` and `count` are 0 for all but deposits, `record` is its number in its block."""

    leaf_index: int
    height: int
    time_ms: int
    record: int
    first_item: int
    count: int
    statement_id: bytes
    entry: bytes


Item = tuple[Position, int]
"""An item by its deposit and its index in it."""


class ViewsCorrupt(Corrupt):
    """The views do not check: put them aside, and the next start makes them again."""


class Store:
    """The open views. One thread writes; any thread reads what was written before it asked.

    Reads raise `ViewsCorrupt` for what does not check. `chain` is the state after the last block
    written and is replaced as a whole.
    """

    def __init__(self, directory: Path, first: Genesis, disk: Disk = REAL_DISK) -> None:
        """Open the views of this chain, making them where there are none or none that check."""
        self.directory = directory
        self._disk = disk
        self.chain: Chain
        # Leaves of the policy in force and of the last block entry.
        self._policy_leaf = self._block_leaf = 0
        with leveldb.reading(directory):
            there = directory.name in disk.names(directory.parent)
        if not there:
            leveldb.create(directory, disk)
            self._open(first, new=True)
            return
        try:
            self._open(first, new=False)
        except Corrupt as error:
            _log.error("views are put aside and made again from the journal: %s", error)
            self.set_aside()
            leveldb.create(directory, disk)
            self._open(first, new=True)

    def close(self) -> None:
        """Let go of the directory; again does no harm."""
        self._database.close()

    def set_aside(self) -> None:
        """Close, and rename the directory for inspection: the next open starts from nothing."""
        if hasattr(self, "_database"):
            self.close()
        aside = self.directory.with_name(self.directory.name + ".damaged")
        with leveldb.reading(self.directory):
            self._disk.remove_tree(aside)
            self._disk.rename(self.directory, aside)

    def continues(self, block: RaftEntry) -> bool:
        """Whether the last block written is this one of the journal; if not, these views are of
        another history."""
        with self._reading():
            entry = parse_entry(self._must(key_of(b"e", self._block_leaf)))
        assert isinstance(entry, BlockEntry)
        ours = entry.height, entry.term, entry.body
        return ours == (block.index, block.term, sha256(block.data))

    # Writing.

    def write(self, applied: Applied) -> None:
        """Write down one block. If we stop before LevelDB has it, it is applied again."""
        batch = self._database.write_batch()
        for _, (key, value) in rows_of(applied):
            batch.put(key, value)
        self._tree.grow(batch, applied.nodes)
        first_leaf = applied.chain.size - len(applied.leaves)
        policy_leaf = policy_leaf_of(applied) or self._policy_leaf
        batch.put(b"c", format_state(applied.chain, policy_leaf, first_leaf))
        with self._reading():
            batch.write()
        self._policy_leaf, self._block_leaf = policy_leaf, first_leaf
        self.chain = applied.chain

    def restore(self, rows: Iterable[Row]) -> None:
        """Write rows again that ought to be there and never change; any thread may."""
        batch = self._database.write_batch()
        for key, value in rows:
            batch.put(key, value)
        with self._reading():
            batch.write()

    @property
    def rows(self) -> Database:
        """All that is kept, for whoever compares it; only reads."""
        return self._database

    # What the next block asks (`chain.Past`).

    def has_statement(self, identity: bytes) -> bool:
        with self._reading():
            return self._database.get(b"s" + identity) is not None

    def key_state(self, key: PublicKey) -> KeyState | None:
        with self._reading():
            value = self._database.get(b"K" + key.index_key)
            return None if value is None else parse_key_state(value)

    # Finding.

    def position(self, leaf_index: int) -> Position:
        """Where the record of this leaf stands; it must be one."""
        with self._reading():
            return self._position(leaf_index)

    def find_statement(self, identity: bytes) -> Position | None:
        """A statement by its whole id."""
        with self._reading():
            leaf = self._database.get(b"s" + identity)
            return None if leaf is None else self._statement(number_of(leaf), identity)

    def find_receipt(self, prefix: bytes) -> list[Position]:
        """Statements whose ids begin so, oldest first."""
        with self._reading():
            found: list[tuple[int, bytes]] = []
            for key, leaf in leveldb.scan(self._database, b"s", prefix):
                if not key.startswith(prefix, 1) or len(found) == FOUND_MAX:
                    break
                found.append((number_of(leaf), key[1:]))
            return [self._statement(leaf, identity) for leaf, identity in sorted(found)]

    def find_ordinal(self, ordinal: int) -> Item | None:
        """The item that has this place in the whole chain."""
        start = NUMBER.pack(ordinal)
        with self._reading():
            for _, leaf in leveldb.scan(self._database, b"o", start, reverse=True):
                position = self._position(number_of(leaf))
                index = ordinal - position.first_item
                return (position, index) if index < position.count else None
            return None

    def find_entry(self, entry_hash: bytes) -> Position | None:
        """A record by the leaf hash of its entry."""
        with self._reading():
            leaf = self._database.get(b"h" + entry_hash)
            if leaf is None:
                return None
            position = self._position(number_of(leaf))
            if leaf_hash(position.entry) != entry_hash:
                raise ValueError(f"the index of entries leads to another, {position.leaf_index}")
            return position

    def find_digest(self, alg: str, digest: bytes) -> list[Item]:
        """Items deposited as this plain digest, oldest first, at most FOUND_MAX."""
        prefix = digest_prefix(alg, digest)
        found: list[Item] = []
        with self._reading():
            for key, _ in leveldb.scan(self._database, b"d" + prefix):
                if len(found) == FOUND_MAX:
                    break
                leaf, index = ITEM.unpack(key[1 + len(prefix) :])
                found.append((self._position(leaf), index))
        return found

    def find_events(self, subject: bytes, from_leaf: int) -> list[Position]:
        """Events about a statement, from this leaf on, oldest first, at most FOUND_MAX."""
        found: list[Position] = []
        start = NUMBER.pack(from_leaf)
        with self._reading():
            for key, _ in leveldb.scan(self._database, b"v" + subject, start):
                if len(found) == FOUND_MAX:
                    break
                found.append(self._position(number_of(key[1 + len(subject) :])))
        return found

    def key_leaves(self, key: PublicKey) -> list[int]:
        """Leaves of the key entries that name this key, oldest first."""
        with self._reading():
            return [number_of(row) for row, _ in leveldb.scan(self._database, b"k" + key.index_key)]

    def policies(self, size: int) -> list[tuple[int, PolicyNote]]:
        """Leaf and note of every policy from the first to the one that governs this size."""
        found: list[tuple[int, PolicyNote]] = []
        with self._reading():
            for _, row in leveldb.scan(self._database, b"P"):
                leaf = number_of(row)
                if found and size <= leaf + 1:
                    break
                found.append((leaf, self._policy_note(leaf)))
        return found

    # Proving.

    def entry(self, leaf_index: int) -> bytes:
        """Leaf data."""
        with self._reading():
            return self._must(key_of(b"e", leaf_index))

    def page_hashes(self, position: Position) -> list[bytes] | None:
        """Leaf hashes of a deposit's item tree; None if it has one page."""
        with self._reading():
            packed = self._database.get(key_of(b"g", position.leaf_index))
        if packed is None:
            return None
        return [packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE)]

    def tile(self, level: int, index: int) -> bytes:
        """The hashes of a C2SP tile, as many as there are so far."""
        with self._reading():
            return self._tree.tile(level, index)

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of complete subtrees."""
        with self._reading():
            return self._tree.hashes(nodes)

    def root(self, size: int) -> bytes:
        """The root over the first leaves."""
        with self._reading():
            return self._tree.root(size)

    def inclusion_path(self, index: int, size: int) -> tuple[bytes, ...]:
        """The way of a leaf to the root over the first `size`."""
        with self._reading():
            return self._tree.inclusion_path(index, size)

    def consistency_path(self, old: int, new: int) -> tuple[bytes, ...]:
        """Shows that the tree of `new` leaves extends that of `old`."""
        with self._reading():
            return self._tree.consistency_path(old, new)

    # Opening.

    def _open(self, first: Genesis, *, new: bool) -> None:
        self._database = leveldb.open_checked(self.directory, self._disk)
        self._tree = Tree(self._database)
        try:
            if new:
                self.write(genesis(first))
            with self._reading():
                self._load(first)
        except BaseException:
            self._database.close()
            raise

    def _load(self, first: Genesis) -> None:
        """Read the state, and check that it is of this chain and that its tree is there."""
        if [self._must(key_of(b"e", index)) for index in (0, 1)] != first.entries():
            raise ValueError("these are the views of another chain")
        state, hashes = parse_state(self._must(b"c"))
        height, time_ms, block_hash, size, ordinal, self._policy_leaf, self._block_leaf = state
        frontier = self._tree.load(size)
        if frontier.hashes != hashes:
            raise ValueError("the tree is not the one of the last block")
        self._recount(size)
        policy = self._policy_note(self._policy_leaf)
        self.chain = Chain(height, time_ms, block_hash, frontier, ordinal, policy)

    def _recount(self, size: int) -> None:
        """Every block has an entry at least, so a block that is missing is a hole in them."""
        expected, counted = size, 0
        for key, entry in leveldb.scan(self._database, b"e", reverse=True):
            expected -= 1
            if number_of(key) != expected:
                raise ValueError(f"entry {expected} is missing, or there is one behind the last")
            counted += len(entry)
            if counted > RECOUNT_BYTES:
                return

    def _policy_note(self, leaf: int) -> PolicyNote:
        entry = parse_entry(self._must(key_of(b"e", leaf)))
        if not isinstance(entry, PolicyEntry):
            raise ValueError(f"leaf {leaf} is not a policy")
        return entry.note

    def _position(self, leaf_index: int) -> Position:
        place = Place.parse(self._must(key_of(b"p", leaf_index)))
        entry = self._must(key_of(b"e", leaf_index))
        if leaf_hash(entry) != self._tree.hashes([(0, leaf_index)])[0]:
            raise ValueError(f"entry {leaf_index} is not the leaf of the tree")
        return Position(
            leaf_index,
            place.height,
            place.time_ms,
            place.record,
            place.first_item,
            place.count,
            place.statement_id,
            entry,
        )

    def _statement(self, leaf_index: int, identity: bytes) -> Position:
        position = self._position(leaf_index)
        if position.statement_id != identity:
            raise ValueError(f"the index of statements leads to another, entry {leaf_index}")
        return position

    def _must(self, key: bytes) -> bytes:
        value = self._database.get(key)
        if value is None:
            raise ValueError(f"{key[:1].decode()} {key[1:].hex()} is missing")
        return value

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with leveldb.reading(self.directory):
                yield
        except (Corrupt, Malformed) as error:
            raise ViewsCorrupt(str(error)) from error


def format_state(chain: Chain, policy_leaf: int, block_leaf: int) -> bytes:
    """The row "c"."""
    head = _STATE.pack(
        chain.height,
        chain.time_ms,
        chain.block_hash,
        chain.size,
        chain.next_ordinal,
        policy_leaf,
        block_leaf,
    )
    return head + b"".join(chain.frontier.hashes)


def parse_state(
    value: bytes,
) -> tuple[tuple[int, int, bytes, int, int, int, int], Sequence[bytes]]:
    """Height, time, block hash, size, next ordinal, leaves of policy and block; the frontier."""
    rest = value[_STATE.size :]
    hashes = tuple(rest[at : at + HASH_SIZE] for at in range(0, len(rest), HASH_SIZE))
    return _STATE.unpack_from(value), hashes
