"""The tree of one checkpoint, as members give it and proven before anybody else sees it.

One member may lie, and caches keep a full tile for ever: so nothing is passed on that does not lead
to the root of the checkpoint. The partial tiles at the right edge give that root; every other tile
is the node that the tile above it says. A member whose tile is another one is passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.checkpoint import Checkpoint
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE, root
from node.evidence.tiles import HEIGHT, WIDTH, Tile, node_from_tile, root_from, root_nodes, tile_of
from node.gateway.members.client import CannotCheck, Members
from node.gateway.members.links import Link
from node.published.reading import partial_tiles

KEPT = 256
"""Full tiles above level 0 that are kept: 2 MiB, and four million leaves below each of level 1."""

_log = logging.getLogger(__name__)


class ProvenTiles:
    """Owned by the event loop of its gateway. `checkpoint` is whose tree it is."""

    def __init__(self, checkpoint: Checkpoint, members: Members) -> None:
        self.checkpoint = checkpoint
        self._members = members
        self._edge: dict[tuple[int, int], bytes] = {}
        self._reading_edge = asyncio.Lock()
        self._above: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    async def tile(self, level: int, index: int) -> bytes:
        """The hashes of a tile, as many as this tree has; raises `Absent` if it has none."""
        if self._width(level, index) <= 0:
            raise Absent(f"level {level} has no tile {index}")
        if self._width(level, index) < WIDTH:
            return await self._partial(level, index)
        known = self._above.get((level, index))
        if known is None:
            above = await self.tile(level + 1, index // WIDTH)
            place = index % WIDTH * HASH_SIZE
            known = await self._full(Tile(level, index), above[place : place + HASH_SIZE])
            if level:
                self._above[level, index] = known
                if len(self._above) > KEPT:
                    self._above.popitem(last=False)
        return known

    async def leaf(self, index: int) -> bytes:
        """The leaf hash at this place; raises `Absent` if the tree ends before it."""
        tile, place = divmod(index, WIDTH)
        hashes = await self.tile(0, tile)
        if len(hashes) <= place * HASH_SIZE:
            raise Absent(f"there is no leaf {index}")
        return hashes[place * HASH_SIZE :][:HASH_SIZE]

    def _width(self, level: int, index: int) -> int:
        return min(WIDTH, (self.checkpoint.size >> level * HEIGHT) - index * WIDTH)

    async def _full(self, tile: Tile, expected: bytes) -> bytes:
        """From the first member that has the true one."""

        def read(answer: pb.TileResponse) -> bytes:
            if len(answer.hashes) != WIDTH * HASH_SIZE or root(_split(answer.hashes)) != expected:
                raise Malformed("Tile", f"another tile {tile.level}, {tile.index} than was sealed")
            return answer.hashes

        links = self._members.followers_first()
        return await self._members.read("Tile", _request(tile), read, links)

    async def _partial(self, level: int, index: int) -> bytes:
        async with self._reading_edge:
            for link in self._members.followers_first() if not self._edge else ():
                try:
                    self._edge = await self._edge_of(link)
                    break
                except (Absent, CannotCheck, Malformed) as error:
                    _log.debug("no edge of member %s: %s", link.name, error)
        if not self._edge:
            raise CannotCheck("no member gave the right edge of the tree")
        return self._edge[level, index]

    async def _edge_of(self, link: Link) -> dict[tuple[int, int], bytes]:
        """All partial tiles, by one member."""
        found: dict[tuple[int, int], bytes] = {}
        for tile in partial_tiles(self.checkpoint.size):

            def read(answer: pb.TileResponse, size: int = tile.width * HASH_SIZE) -> bytes:
                if len(answer.hashes) != size:
                    raise Malformed("Tile", "not as many hashes as were asked for")
                return answer.hashes

            found[tile.level, tile.index] = await self._members.read(
                "Tile", _request(tile), read, [link], 0.0, sure=False
            )
        nodes = root_nodes(self.checkpoint.size)
        hashes = [node_from_tile(node, found[tile_of(node)]) for node in nodes]
        if root_from(hashes) != self.checkpoint.root:
            _log.error("member %s gave partial tiles of another tree than was sealed", link.name)
            raise Malformed("Tile", "not of the tree that was sealed")
        return found


def _request(tile: Tile) -> pb.TileRequest:
    return pb.TileRequest(level=tile.level, index=tile.index, width=tile.width)


def _split(data: bytes) -> list[bytes]:
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
