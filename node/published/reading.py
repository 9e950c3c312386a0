"""Reads the tree under a checkpoint from tiles that anybody may have written.

Every tile is proven before it is used: those at the right edge together give the root of the
checkpoint, and every other one is the node that a tile above it says. So a wrong tile is named the
moment it is read, whoever gave it, and nothing has to be kept until the end to find out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from node.evidence.checkpoint import Checkpoint
from node.evidence.merkle import HASH_SIZE, root
from node.evidence.tiles import (
    HEIGHT,
    WIDTH,
    Node,
    Tile,
    format_tile_path,
    node_from_tile,
    root_from,
    root_nodes,
    tile_of,
)

KEPT = 64
"""Tiles kept as read: half a megabyte. Whoever reads in order needs the newest of each level."""

Fetch = Callable[[str], bytes | None]
"""The bytes under a path of the layout, or None if there are none."""


class Damaged(Exception):
    """A part of a published log that is not what the checkpoint says, or is not there."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class TileReader:
    """The tree of one checkpoint. A tile is asked of one source after the other until a source
    gives the true one; `Damaged` if none does."""

    def __init__(self, checkpoint: Checkpoint, sources: Sequence[Fetch]) -> None:
        self.size = checkpoint.size
        self._sources = tuple(sources)
        self._tiles: OrderedDict[Tile, bytes] = OrderedDict()
        self._edge = self._read_edge(checkpoint.root)

    def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile, as many as this tree has."""
        tile = self.widest(level, index)
        if tile in self._edge:
            return self._edge[tile]
        known = self._tiles.get(tile)
        if known is None:
            expected = self.hashes([((level + 1) * HEIGHT, index)])[0]
            known = self._first(tile, lambda data: root(_split(data)) == expected)
            self._tiles[tile] = known
            if len(self._tiles) > KEPT:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end(tile)
        return known

    def widest(self, level: int, index: int) -> Tile:
        """The tile of this place, as wide as in this tree, which must have it."""
        width = min(WIDTH, (self.size >> level * HEIGHT) - index * WIDTH)
        assert width > 0, "a tile beyond the tree"
        return Tile(level, index, width)

    def hashes(self, nodes: Sequence[Node]) -> list[bytes]:
        """The hashes of complete subtrees."""
        return [node_from_tile(node, self.tile(*tile_of(node))) for node in nodes]

    def root(self, size: int) -> bytes:
        """The root over the first leaves: what an earlier checkpoint must have said."""
        return root_from(self.hashes(root_nodes(size)))

    def _read_edge(self, expected: bytes) -> dict[Tile, bytes]:
        """The partial tiles. All their hashes are in the root, so all are true if it is."""
        wanted = list(partial_tiles(self.size))
        for fetch in self._sources:
            found = {tile: data for tile in wanted if (data := self._get(fetch, tile)) is not None}
            if len(found) == len(wanted) and _edge_root(found, self.size) == expected:
                return found
        paths = ", ".join(map(format_tile_path, wanted))
        raise Damaged(paths, "missing, or they do not give the root of the checkpoint")

    def _first(self, tile: Tile, is_true: Callable[[bytes], bool]) -> bytes:
        there = False
        for fetch in self._sources:
            data = self._get(fetch, tile)
            if data is not None and is_true(data):
                return data
            there |= data is not None
        why = "not what the tile above it says" if there else "missing"
        raise Damaged(format_tile_path(tile), why)

    def _get(self, fetch: Fetch, tile: Tile) -> bytes | None:
        data = fetch(format_tile_path(tile))
        return data if data is not None and len(data) == tile.width * HASH_SIZE else None


def partial_tiles(size: int) -> Iterator[Tile]:
    """The tiles at the right edge of a tree that are not full."""
    level = 0
    while size:
        if size % WIDTH:
            yield Tile(level, size // WIDTH, size % WIDTH)
        level, size = level + 1, size >> HEIGHT


def _edge_root(edge: dict[Tile, bytes], size: int) -> bytes:
    by_place = {(tile.level, tile.index): data for tile, data in edge.items()}
    return root_from([node_from_tile(node, by_place[tile_of(node)]) for node in root_nodes(size)])


def _split(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
