"""Tiles of large trees through a gateway: every one proven, whoever lies."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.checkpoint import Checkpoint
from node.evidence.malformed import Malformed
from node.evidence.merkle import leaf_hash
from node.evidence.tiles import Frontier, tiles
from node.gateway.log.proven_tiles import ProvenTiles
from node.gateway.members.client import CannotCheck

pytestmark = pytest.mark.anyio

SIZES = (1, 255, 256, 257, 65_536, 65_537, 70_000)
Tiles = dict[tuple[int, int, int], bytes]


@dataclass
class Member:
    """As much of a link as is looked at, and what it answers."""

    name: str
    tiles: Tiles


class Members:
    """Asks one after the other, as the gateway's own do, of members that are at hand."""

    def __init__(self, *members: Member) -> None:
        self.members = list(members)
        self.asked = 0

    def followers_first(self) -> list[Member]:
        return self.members

    async def read(
        self,
        _: str,
        request: pb.TileRequest,
        read: Callable[[Any], bytes],
        links: list[Member],
        *__: float,
        **___: bool,
    ) -> bytes:
        for member in links:
            self.asked += 1
            hashes = member.tiles.get((request.level, request.index, request.width))
            try:
                if hashes is not None:
                    return read(pb.TileResponse(hashes=hashes))
            except Malformed:
                continue
        raise CannotCheck("no member answered")


@pytest.fixture(scope="module")
def trees() -> dict[int, tuple[Checkpoint, Tiles]]:
    frontier, nodes, made = Frontier(), {}, {}
    for size in SIZES:
        more = [leaf_hash(b"%d" % index) for index in range(frontier.size, size)]
        frontier, grown = frontier.append(more)
        nodes |= dict(grown)
        found = {
            (tile.level, tile.index, tile.width): b"".join(nodes[each] for each in tile.nodes())
            for tile in tiles(0, size)
        }
        made[size] = Checkpoint("example.com/log", size, frontier.root()), found
    return made


def proven(checkpoint: Checkpoint, *members: Tiles) -> tuple[ProvenTiles, Members]:
    asked = Members(*(Member(str(number), each) for number, each in enumerate(members)))
    return ProvenTiles(checkpoint, asked), asked  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
async def test_every_tile_is_given_and_none_beyond(size: int, trees: dict) -> None:
    checkpoint, found = trees[size]
    reader, _ = proven(checkpoint, found)
    for (level, index, _), hashes in found.items():
        assert await reader.tile(level, index) == hashes
    for level in range(5):
        with pytest.raises(Absent):
            await reader.tile(level, -(-(size >> 8 * level) // 256))


@pytest.mark.parametrize("size", [257, 65_537, 70_000])
async def test_a_tile_that_was_flipped_is_had_from_another_member(size: int, trees: dict) -> None:
    checkpoint, found = trees[size]
    random = Random(size)
    for place in random.sample(sorted(found), min(12, len(found))):
        flipped = bytearray(found[place])
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
        liar = {**found, place: bytes(flipped)}
        reader, _ = proven(checkpoint, liar, found)
        assert await reader.tile(*place[:2]) == found[place]
        reader, _ = proven(checkpoint, liar, {})
        with pytest.raises(CannotCheck):
            await reader.tile(*place[:2])


async def test_what_is_above_is_asked_for_once(trees: dict) -> None:
    """Whoever reads all tiles costs the members one question each, and the edge."""
    checkpoint, found = trees[70_000]
    reader, members = proven(checkpoint, found)
    for index in range(273):
        await reader.tile(0, index)
    assert members.asked == 273 + 1 + 3
