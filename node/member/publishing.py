"""What a member publishes of its chain: C2SP tiles, entries, bodies, policies, consistency paths.

Whoever reads these checks the chain without believing anyone, so only what leads to a checkpoint
that a quorum sealed may leave: nothing beyond the newest published note is shown, and everything is
followed to the root under that note before it is. A member whose own data do not lead there raises
`Corrupt` and serves nothing of it.

A tile of level L stands for one node of level 8L + 8, cut off at the right edge of the tree. Cut
into runs as long as that node, the tree has one run for each tile of the level, and the way of a
tile to the root is the inclusion path of its run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

from consensus.journal import Journal
from node.chain.store import Store, ViewsCorrupt
from node.errors import Absent, BadRequest
from node.evidence.checkpoint import Checkpoint
from node.evidence.digests import sha256
from node.evidence.entry import parse_entry
from node.evidence.malformed import Malformed
from node.evidence.merkle import (
    HASH_SIZE,
    BadPath,
    Range,
    inclusion_ranges,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from node.evidence.record import format_block, format_record
from node.evidence.sealed import parse_sealed
from node.evidence.tiles import HEIGHT, WIDTH, Tile, range_nodes, root_from
from node.member.directory import Lost, journal_errors
from node.published.blocks import Block, parse_block_entry
from node.published.layout import BUNDLE_SIZE_MAX, join_bundle
from node.seals.sealing import Note

MESSAGE_SIZE_MAX = BUNDLE_SIZE_MAX + 64
"""A bundle as an answer over gRPC: 16 MiB at most. Statements take about 2 kB each, and nothing but
a run of huge policies comes near."""


class Publisher:
    """Reads only; any thread may use it. `note` is always the newest that is published; what is
    not under it raises `Absent`."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal

    def tile(self, wanted: Tile, note: Note) -> bytes:
        """The hashes of a tile, as many as were asked for."""
        head = parse_sealed(note.data).checkpoint
        width = tile_width(wanted, head.size)
        if not 0 < wanted.width <= width:
            raise Absent(f"level {wanted.level} has no tile {wanted.index} of {wanted.width}")
        with _proving(f"tile {wanted.level}, {wanted.index}"):
            hashes = self._store.tile(wanted.level, wanted.index)[: width * HASH_SIZE]
            self._check(Tile(wanted.level, wanted.index, width), hashes, head)
        return hashes[: wanted.width * HASH_SIZE]

    def entries(self, index: int, width: int, note: Note) -> bytes:
        """The entries under a tile of level 0, each after its length."""
        hashes = self.tile(Tile(0, index, width), note)
        first = index * WIDTH
        entries = [self._store.entry(leaf) for leaf in range(first, first + width)]
        for place, entry in enumerate(entries):
            if leaf_hash(entry) != hashes[place * HASH_SIZE : (place + 1) * HASH_SIZE]:
                raise ViewsCorrupt(f"entry {first + place} is not the leaf of the tree")
        return join_bundle(entries)

    def body(self, height: int, note: Note) -> bytes:
        """What the members agreed on as the block of this height."""
        with _proving(f"the block entry of height {height}"):
            _, entry = self._block_entry(height, note)
        data = self._data(height, note)
        if sha256(data) != parse_block_entry(entry).body:
            raise Lost(f"the block of height {height} is not the one that was sealed")
        return data

    def block(self, height: int, note: Note) -> Block:
        """Where the block of this height stands, and the tree after it."""
        head = parse_sealed(note.data).checkpoint
        with _proving(f"the block of height {height}"):
            leaf, entry = self._block_entry(height, note)
            size, following = note.size, b""
            if height < note.height:
                size, following = self._block_entry(height + 1, note)
            after = Checkpoint(head.origin, size, self._store.root(size))
            block = Block(leaf, entry, after, following)
            block.check(height, head)
        return block

    def policy(self, serial: int, note: Note) -> tuple[int, bytes]:
        """Leaf index and entry of a policy."""
        for leaf, policy in self._store.policies(note.size + 1):
            if policy.serial == serial and leaf < note.size:
                with _proving(f"policy {serial}"):
                    return leaf, self._leaf(leaf, note)
        raise Absent(f"no policy {serial} is published")

    def consistency(self, old: int, new: int, note: Note) -> tuple[tuple[bytes, ...], bytes, bytes]:
        """The path from one size to another, and the roots of both."""
        if not 0 < old <= new:
            raise BadRequest(f"no path leads from size {old} to size {new}")
        head = parse_sealed(note.data).checkpoint
        if new > head.size:
            raise Absent(f"the newest published checkpoint has {head.size} entries")
        with _proving(f"size {old} or {new}"):
            old_root, new_root = self._store.root(old), self._store.root(new)
            path = self._store.consistency_path(old, new)
            verify_consistency(old, old_root, new, new_root, path)
            rest = self._store.consistency_path(new, head.size)
            verify_consistency(new, new_root, head.size, head.root, rest)
        return path, old_root, new_root

    # Inside.

    def _check(self, tile: Tile, hashes: bytes, head: Checkpoint) -> None:
        """Raise `BadPath` unless these are the hashes of this tile, as wide as it is in that tree.
        Behind them there may be leaves too few for another hash of their level."""
        rise = (tile.level + 1) * HEIGHT
        first, end = tile.index << rise, min((tile.index + 1) << rise, head.size)
        rest = first + (tile.width << tile.level * HEIGHT), end
        nodes = [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]
        if rest[0] < rest[1]:
            nodes.append(self._root(rest))
        runs = inclusion_ranges(tile.index, -(-head.size >> rise))
        path = [self._root((a << rise, min(b << rise, head.size))) for a, b in runs]
        verify_inclusion(root(nodes), tile.index, -(-head.size >> rise), path, head.root)

    def _root(self, run: Range) -> bytes:
        return root_from(self._store.hashes(range_nodes(run)))

    def _leaf(self, index: int, note: Note) -> bytes:
        """An entry that is in the tree."""
        head, entry = parse_sealed(note.data).checkpoint, self._store.entry(index)
        path = self._store.inclusion_path(index, head.size)
        verify_inclusion(leaf_hash(entry), index, head.size, path, head.root)
        return entry

    def _block_entry(self, height: int, note: Note) -> tuple[int, bytes]:
        """The first entry of its height, which is the block entry; heights never fall."""
        if height > note.height:
            raise Absent(f"the newest published checkpoint is of height {note.height}")
        leaf = bisect_left(range(note.size), height, key=self._height)
        entry = self._leaf(leaf, note)
        if parse_block_entry(entry).height != height:
            raise BadPath("it is not where the heights of the entries lead")
        return leaf, entry

    def _height(self, leaf: int) -> int:
        return parse_entry(self._store.entry(leaf)).height

    def _data(self, height: int, note: Note) -> bytes:
        """Block data; nobody had to agree on that of height 0, it is made from the first policy."""
        if height == 0:
            _, first = self._store.policies(note.size)[0]
            return format_block([format_record(first)])
        with journal_errors():
            (block,) = self._journal.entries(height, height + 1, 0)
        return block.data


def tile_width(tile: Tile, size: int) -> int:
    """How many hashes this tile has in a tree of `size` leaves; 0 or less if it has none."""
    return min(WIDTH, (size >> tile.level * HEIGHT) - tile.index * WIDTH)


@contextmanager
def _proving(what: str) -> Iterator[None]:
    try:
        yield
    except (BadPath, Malformed) as error:
        raise ViewsCorrupt(f"{what}: {error}") from error
