"""The views of a member, compared with what its blocks make of them. PURE: rows come from outside.

Every block is applied again, signatures and all, and every row it leaves is looked up; at the end
the rows of each kind are counted, so that none is left over either. Views that are ahead of the
comparison, because their member runs, are compared up to where it has come.

What earlier blocks left behind (`chain.Past`) is taken from the views under comparison: by then it
has been compared. Where it was not what it must be, what it must be is used.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from consensus.disk import Damaged, Database
from consensus.messages import Entry as RaftEntry
from node import leveldb
from node.chain.apply import LIVE, REVOKED, ROTATED, Applied, Chain, KeyState, apply, genesis
from node.chain.rows import (
    KINDS,
    Place,
    Row,
    format_key_state,
    keys_named,
    leaf_of,
    policy_leaf_of,
    rows_of,
)
from node.chain.tree import tile_key
from node.checking.difference import Difference, Part
from node.errors import Corrupt
from node.evidence.entry import KeyEntry, parse_entry
from node.evidence.keys import PublicKey
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE
from node.evidence.record import Genesis
from node.evidence.tiles import HEIGHT, WIDTH, tiles
from node.leveldb import NUMBER, key_of

DIFFERENCES_MAX = 1_000
"""Then it is no use to go on: more than a few damaged places are a reason to make all again."""
RACES = 3
"""The state of a key may change between the two looks that compare it, but not that often."""


class Comparison:
    """Goes through the blocks in order, from the genesis on."""

    def __init__(
        self, first: Genesis, rows: Database, pause: Callable[[], None] = lambda: None
    ) -> None:
        """`pause` is called often, by whoever must not take all the time there is."""
        self.chain: Chain
        self.found: list[Difference] = []
        self._rows = rows
        self._pause = pause
        self._right: dict[bytes, bytes] = {}  # Of the rows that are wrong: what they ought to be.
        self._counts: Counter[bytes] = Counter()
        self.policy_leaf = self.block_leaf = 0
        self._take_in(genesis(first))

    @property
    def is_full(self) -> bool:
        """Whether so much is different that the rest says nothing more."""
        return len(self.found) >= DIFFERENCES_MAX

    def take(self, block: RaftEntry) -> Applied:
        """The next block; what is different is added to `found`."""
        applied = apply(self.chain, block, self)
        self._take_in(applied)
        return applied

    def end(self, *, state: bytes | None = None) -> None:
        """Count what there is of each kind, as far as the blocks went; `state` is the row of the
        state after the last block, of views that do not change meanwhile."""
        exactly = state is not None
        if state is not None:
            self._compare_row(self.chain.height, "state", (b"c", state))
        for kind, name in KINDS.items():
            try:
                count = sum(exactly or self._is_reached(row) for row in self._all(kind))
            except (Damaged, Corrupt) as error:
                self._differs(None, f"{name}: {error}")
                continue
            if count != (expected := self._counts[kind]):
                self._differs(None, f"{name}: {count} rows, where the blocks make {expected}")
        self._count_tiles(exactly=exactly)

    # `chain.Past`, as it was before the block that asks.

    def has_statement(self, identity: bytes) -> bool:
        leaf = self._past(b"s" + identity)
        if leaf is None or (index := NUMBER.unpack(leaf)[0]) >= self.chain.size:
            return False
        place = self._past(key_of(b"p", index))
        return place is not None and Place.parse(place).statement_id == identity

    def key_state(self, key: PublicKey) -> KeyState | None:
        return self._fold(key, self.chain.size)

    def _past(self, key: bytes) -> bytes | None:
        """What cannot be read, and is not among the rows that ought to be there, never was."""
        if key in self._right:
            return self._right[key]
        try:
            return self._rows.get(key)
        except (Damaged, Corrupt):
            return None

    def _fold(self, key: PublicKey, size: int | None = None) -> KeyState | None:
        """What the records about a key amount to (as `chain` judges them one by one)."""
        state = None
        start = b"k" + key.index_key
        rows = {row[0]: row for row in self._all(start)}
        rows |= {each: (each, b"") for each in self._right if each.startswith(start)}
        for row in sorted(rows.values()):
            leaf = leaf_of(*row)
            if leaf is None or len(row[0]) != len(start) + NUMBER.size:
                continue
            if size is not None and leaf >= size:
                break
            entry = parse_entry(self._past(key_of(b"e", leaf)) or b"")
            if isinstance(entry, KeyEntry):
                state = _next_state(entry, key)
        return state

    # Comparing.

    def _take_in(self, applied: Applied) -> None:
        height = applied.block.height
        is_first = height == 0
        self._counts[b"K"] += sum(
            is_first or self.key_state(key) is None for key in applied.key_states
        )
        self.chain = applied.chain
        self.policy_leaf = policy_leaf_of(applied) or self.policy_leaf
        self.block_leaf = applied.chain.size - len(applied.leaves)
        for leaf, row in rows_of(applied):
            kind = row[0][:1]
            if kind == b"K":
                continue
            self._counts[kind] += 1
            self._compare_row(height, f"{KINDS[kind]}, entry {leaf}", row)
        for key in applied.key_states:
            self._compare_key(height, key)
        self._compare_tree(applied)

    def _compare_row(self, height: int | None, name: str, row: Row) -> None:
        key, value = row
        self._pause()
        try:
            there = self._rows.get(key)
        except (Damaged, Corrupt) as error:
            self._differs(height, f"{name}: cannot be read: {error}", row, is_readable=False)
            return
        if there != value:
            why = "is missing" if there is None else "is another"
            self._differs(height, f"{name}: {why}", row)

    def _compare_key(self, height: int, key: PublicKey) -> None:
        """Its newest state, also if this block is older."""
        name = f"{KINDS[b'K']} {key.text}"
        for _ in range(RACES):
            try:
                there, state = self._rows.get(b"K" + key.index_key), self._fold(key)
            except (Damaged, Corrupt, Malformed) as error:
                self._differs(height, f"{name}: cannot be read: {error}")
                return
            if state is not None and there == format_key_state(state):
                return
        why = "is missing" if there is None else "is another"
        row = None if state is None else (b"K" + key.index_key, format_key_state(state))
        self._differs(height, f"{name}: {why}", row)

    def _compare_tree(self, applied: Applied) -> None:
        touched: dict[tuple[int, int], list[tuple[int, bytes]]] = defaultdict(list)
        for (level, index), value in applied.nodes:
            if level % HEIGHT == 0:
                touched[level // HEIGHT, index // WIDTH].append((index % WIDTH, value))
        for (level, index), hashes in touched.items():
            name = f"tile {level}, {index}"
            try:
                tile = self._rows.get(tile_key(level, index)) or b""
            except (Damaged, Corrupt) as error:
                self._differs(applied.block.height, f"{name}: cannot be read: {error}")
                continue
            first, end = hashes[0][0] * HASH_SIZE, (hashes[-1][0] + 1) * HASH_SIZE
            if tile[first:end] != b"".join(value for _, value in hashes):
                why = "is another" if len(tile) >= end else "is missing or cut"
                self._differs(applied.block.height, f"{name}: {why}")

    # Counting.

    def _is_reached(self, row: Row) -> bool:
        """Whether a row is about a block that was compared."""
        leaf = leaf_of(*row)
        if leaf is None:
            first = next(self._all(b"k" + row[0][1:]), None)
            leaf = None if first is None else leaf_of(*first)
        return leaf is None or leaf < self.chain.size

    def _count_tiles(self, *, exactly: bool) -> None:
        expected = {(t.level, t.index): t.width * HASH_SIZE for t in tiles(0, self.chain.size)}
        try:
            for key, tile in self._all(b"t"):
                width = expected.pop((key[1], NUMBER.unpack(key[2:])[0]), None)
                if exactly and width != len(tile):
                    level, index = key[1], NUMBER.unpack(key[2:])[0]
                    self._differs(None, f"tile {level}, {index}: is too long, or there is none")
        except (Damaged, Corrupt) as error:
            self._differs(None, f"tiles: {error}")
            return
        if expected:
            level, index = min(expected)
            self._differs(None, f"tile {level}, {index}: is missing")

    def _all(self, prefix: bytes) -> Iterator[Row]:
        for row in leveldb.scan(self._rows, prefix):
            self._pause()
            yield row

    def _differs(
        self, height: int | None, what: str, row: Row | None = None, *, is_readable: bool = True
    ) -> None:
        self.found.append(Difference(Part.VIEWS, height, what, row, is_readable))
        if row is not None:
            self._right[row[0]] = row[1]


def _next_state(entry: KeyEntry, key: PublicKey) -> KeyState:
    record = entry.record
    if key != record.key:
        assert key in keys_named(entry)
        return KeyState(LIVE, record.role, 0)
    standing = {"enrol": LIVE, "rotate": ROTATED, "revoke": REVOKED}[record.action]
    return KeyState(standing, record.role, record.serial)
