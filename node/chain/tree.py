"""The tree of all leaves, kept as C2SP tiles in LevelDB.

    "t" level u8, index u64      up to 256 hashes of 32 bytes: nodes of level 8 * `level`

Only the last tile of a level is ever rewritten, and only by appending to it. So whatever is read
for a size that was reached stays right while the tree grows, and needs no lock.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from consensus.disk import Database, WriteBatch
from node.evidence.merkle import HASH_SIZE
from node.evidence.tiles import (
    HEIGHT,
    WIDTH,
    Frontier,
    Node,
    consistency_nodes,
    consistency_path_from,
    inclusion_nodes,
    inclusion_path_from,
    node_from_tile,
    root_from,
    root_nodes,
    tile_of,
)

NODES_MAX = 65_536
"""Nodes remembered: about 10 MB. The upper ones are in every path, and never change."""

_KEY = struct.Struct(">cBQ")


class Tree:
    """Reads and grows the tiles of one database. Reads raise ValueError where a tile is missing;
    the owner of the database turns it into its own error."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The last tile of each level unless it is full; one thread grows, none else looks here.
        self._edges: dict[int, bytes] = {}
        self._nodes: dict[Node, bytes] = {}

    def load(self, size: int) -> Frontier:
        """Find the edges of a tree of this size, and what is needed to append to it."""
        self._edges.clear()
        level, width = 0, size
        while width:
            if width % WIDTH:
                tile = self._tile(level, width // WIDTH)
                self._edges[level] = tile[: width % WIDTH * HASH_SIZE]
            level, width = level + 1, width >> HEIGHT
        return Frontier(size, tuple(self.hashes(root_nodes(size))))

    def grow(self, batch: WriteBatch, nodes: Iterable[tuple[Node, bytes]]) -> None:
        """Write the nodes that new leaves completed; `batch` must be written or the tree loaded
        again."""
        touched: dict[tuple[int, int], bytes] = {}
        for (level, index), value in nodes:
            if level % HEIGHT == 0:
                place = level // HEIGHT, index // WIDTH
                before = self._edges.get(place[0], b"") if index % WIDTH else b""
                touched[place] = self._edges[place[0]] = before + value
        for (level, index), tile in touched.items():
            batch.put(tile_key(level, index), tile)

    def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile, as many as it has so far; empty if there is none."""
        return self._database.get(tile_key(level, index)) or b""

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of these nodes, each tile read at most once."""
        known = {node: self._nodes.get(node) for node in nodes}
        unknown = [node for node, value in known.items() if value is None]
        tiles = {place: self._tile(*place) for place in {tile_of(node) for node in unknown}}
        if len(self._nodes) > NODES_MAX:
            self._nodes.clear()
        for node in unknown:
            known[node] = self._nodes[node] = _hash(node, tiles[tile_of(node)])
        return [value for node in nodes if (value := known[node]) is not None]

    def root(self, size: int) -> bytes:
        """The root over the first leaves."""
        return root_from(self.hashes(root_nodes(size)))

    def inclusion_path(self, index: int, size: int) -> tuple[bytes, ...]:
        """The way of a leaf to the root over the first `size`."""
        hashes = self.hashes(inclusion_nodes(index, size))
        return tuple(inclusion_path_from(index, size, hashes))

    def consistency_path(self, old: int, new: int) -> tuple[bytes, ...]:
        """Shows that the first `old` leaves are the start of the first `new`."""
        hashes = self.hashes(consistency_nodes(old, new))
        return tuple(consistency_path_from(old, new, hashes))

    def _tile(self, level: int, index: int) -> bytes:
        tile = self.tile(level, index)
        if not tile or len(tile) % HASH_SIZE:
            raise ValueError(f"tile {level}, {index} is missing or cut")
        return tile


def tile_key(level: int, index: int) -> bytes:
    """Where a tile stands."""
    return _KEY.pack(b"t", level, index)


def _hash(node: Node, tile: bytes) -> bytes:
    level, index = node
    count = 1 << level % HEIGHT
    if len(tile) < (index * count % WIDTH + count) * HASH_SIZE:
        raise ValueError(f"the tile of node {level}, {index} is too short")
    return node_from_tile(node, tile)
