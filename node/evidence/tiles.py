"""What a store keeps of a tree: nodes that never change, in tiles (c2sp.org/tlog-tiles).

A **node** `(level, index)` is the hash over the leaves from `index << level` up to, not including,
`(index + 1) << level`, all of them present, so it is never recomputed. A run of leaves at the right
edge of the tree falls into several nodes. The maths names every node it needs at once, the store
reads them in one go, and I/O stays outside:

    >>> from node.evidence.merkle import leaf_hash
    >>> leaves = [leaf_hash(entry) for entry in (b"a", b"b", b"c")]
    >>> inclusion_nodes(0, 3)
    [(0, 1), (0, 2)]
    >>> inclusion_path_from(0, 3, [leaves[1], leaves[2]]) == leaves[1:]
    True

A **tile** holds up to 256 nodes of a level that is a multiple of 8: tile `(level, index)` has the
nodes `(8 * level, 256 * index + i)`, 32 bytes each, without gaps. All tiles are full but the last
of each level; a partial tile's width follows from the size of the tree, and no tile is empty. The
other levels are hashed from one tile's own nodes. Its path is `tile/LEVEL/INDEX[.p/WIDTH]` with the
index in groups of three digits:

    >>> format_tile_path(Tile(0, 1234067, 112))
    'tile/0/x001/x234/067.p/112'
    >>> tile_of((9, 5)), node_from_tile((9, 0), b"".join(leaves[:2])) == node_hash(*leaves[:2])
    ((1, 0), True)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from node.evidence.atoms import DECIMAL_MAX
from node.evidence.malformed import Malformed
from node.evidence.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    Range,
    consistency_ranges,
    inclusion_ranges,
    node_hash,
    root,
)

HEIGHT = 8
WIDTH = 1 << HEIGHT
# C2SP: levels 0 to 63, of which a tree of 2^63 leaves uses eight.
LEVEL_MAX = 63

# A complete subtree: (level, index).
Node = tuple[int, int]

_PATH = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that must be remembered of a tree to append to it: the hashes of `root_nodes(size)`.

    >>> from node.evidence.merkle import leaf_hash
    >>> frontier, grown = Frontier().append([leaf_hash(b"a"), leaf_hash(b"b")])
    >>> [node for node, _ in grown]
    [(0, 0), (0, 1), (1, 0)]
    >>> frontier.root() == root([leaf_hash(b"a"), leaf_hash(b"b")])
    True
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        assert len(self.hashes) == self.size.bit_count()

    def append(self, leaf_hashes: Iterable[bytes]) -> "tuple[Frontier, list[tuple[Node, bytes]]]":
        """The frontier after these leaves, and every node they completed, in order."""
        size, stack = self.size, list(self.hashes)
        grown: list[tuple[Node, bytes]] = []
        for leaf in leaf_hashes:
            level, index, result = 0, size, leaf
            grown.append(((level, index), result))
            while index & 1:
                level, index, result = level + 1, index >> 1, node_hash(stack.pop(), result)
                grown.append(((level, index), result))
            stack.append(result)
            size += 1
        return Frontier(size, tuple(stack)), grown

    def nodes(self) -> list[tuple[Node, bytes]]:
        """What to write down; `Frontier(size, hashes)` reads it back."""
        return list(zip(root_nodes(self.size), self.hashes, strict=True))

    def root(self) -> bytes:
        return root_from(self.hashes)


def range_nodes(run: Range) -> list[Node]:
    """The nodes a run falls into, largest first; `run` is a subtree of the RFC, so it aligns."""
    first, end = run
    nodes = []
    while first < end:
        level = (end - first).bit_length() - 1
        nodes.append((level, first >> level))
        first += 1 << level
    return nodes


def root_nodes(size: int) -> list[Node]:
    return range_nodes((0, size))


def inclusion_nodes(index: int, size: int) -> list[Node]:
    return [node for run in inclusion_ranges(index, size) for node in range_nodes(run)]


def consistency_nodes(old: int, new: int) -> list[Node]:
    return [node for run in consistency_ranges(old, new) for node in range_nodes(run)]


def root_from(hashes: Sequence[bytes]) -> bytes:
    """The root from the hashes of `root_nodes`."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def inclusion_path_from(index: int, size: int, hashes: Iterable[bytes]) -> list[bytes]:
    """The path from the hashes of `inclusion_nodes`, in that order."""
    return _join(inclusion_ranges(index, size), iter(hashes))


def consistency_path_from(old: int, new: int, hashes: Iterable[bytes]) -> list[bytes]:
    """The path from the hashes of `consistency_nodes`, in that order."""
    return _join(consistency_ranges(old, new), iter(hashes))


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile is and how many nodes it holds, 1 to 256."""

    level: int
    index: int
    width: int = WIDTH

    def nodes(self) -> list[Node]:
        """The nodes whose hashes, concatenated, are this tile's bytes."""
        first = self.index << HEIGHT
        return [(self.level * HEIGHT, first + i) for i in range(self.width)]


def tiles(old: int, new: int) -> Iterator[Tile]:
    """The tiles of a tree of `new` leaves that one of `old` leaves did not have, as wide as now."""
    level = 0
    while new:
        for index in range(old >> HEIGHT, -(-new >> HEIGHT)):
            width = min(WIDTH, new - (index << HEIGHT))
            if (index << HEIGHT) + width > old:
                yield Tile(level, index, width)
        level, old, new = level + 1, old >> HEIGHT, new >> HEIGHT


def tile_of(node: Node) -> tuple[int, int]:
    """Level and index of the tile a node is in or is hashed from."""
    level, index = node
    return level // HEIGHT, index >> (HEIGHT - level % HEIGHT)


def node_from_tile(node: Node, data: bytes) -> bytes:
    """The hash of a node from the bytes of its tile, which must be wide enough."""
    level, index = node
    count = 1 << level % HEIGHT
    start = (index * count) % WIDTH * HASH_SIZE
    end = start + count * HASH_SIZE
    assert end <= len(data)
    return root([data[at : at + HASH_SIZE] for at in range(start, end, HASH_SIZE)])


def format_tile_path(tile: Tile) -> str:
    return f"tile/{tile.level}/{_path_tail(tile)}"


def parse_tile_path(path: str) -> Tile:
    match = _PATH.fullmatch(path)
    if match is None:
        raise Malformed("tile path", "not tile/LEVEL/INDEX[.p/WIDTH]")
    index = int(match["index"].replace("x", "").replace("/", ""))
    tile = Tile(int(match["level"]), index, int(match["width"] or WIDTH))
    if tile.level > LEVEL_MAX or index > DECIMAL_MAX or tile.width > WIDTH:
        raise Malformed("tile path", "a number out of bounds")
    if format_tile_path(tile) != path:
        raise Malformed("tile path", "not the one spelling of this tile")
    return tile


def format_bundle_path(tile: Tile) -> str:
    """The path of the entries whose leaf hashes are a tile of level 0."""
    assert tile.level == 0
    return f"tile/entries/{_path_tail(tile)}"


def _path_tail(tile: Tile) -> str:
    groups = [f"{tile.index % 1000:03}"]
    rest = tile.index // 1000
    while rest:
        groups.insert(0, f"x{rest % 1000:03}")
        rest //= 1000
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return "/".join(groups) + partial


def _join(ranges: Iterable[Range], hashes: Iterator[bytes]) -> list[bytes]:
    path = [root_from([next(hashes) for _ in range_nodes(run)]) for run in ranges]
    assert next(hashes, None) is None
    return path
