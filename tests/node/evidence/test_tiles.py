"""What a store keeps is enough: every path from nodes, every node from tiles as Go makes them."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence.malformed import Malformed
from node.evidence.merkle import consistency_path, inclusion_path, leaf_hash, root
from node.evidence.tiles import (
    WIDTH,
    Frontier,
    Node,
    Tile,
    consistency_nodes,
    consistency_path_from,
    format_bundle_path,
    format_tile_path,
    inclusion_nodes,
    inclusion_path_from,
    node_from_tile,
    parse_tile_path,
    root_from,
    root_nodes,
    tile_of,
    tiles,
)

quick = settings(derandomize=True, deadline=None, max_examples=100)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"evidence-%d" % i) for i in range(count)]


@pytest.fixture(scope="module")
def grown() -> tuple[Frontier, dict[Node, bytes]]:
    """A tree of 70,000 leaves in one append."""
    frontier, nodes = Frontier().append(leaves(70000))
    return frontier, dict(nodes)


def test_paths_from_nodes_are_the_paths_from_leaves() -> None:
    all_leaves = leaves(64)
    stored = dict(Frontier().append(all_leaves)[1])
    for size in range(65):
        assert root_from([stored[each] for each in root_nodes(size)]) == root(all_leaves[:size])
        for index in range(size):
            hashes = [stored[each] for each in inclusion_nodes(index, size)]
            path = inclusion_path_from(index, size, hashes)
            assert path == inclusion_path(index, all_leaves[:size])
        for old in range(1, size + 1):
            hashes = [stored[each] for each in consistency_nodes(old, size)]
            path = consistency_path_from(old, size, hashes)
            assert path == consistency_path(old, size, all_leaves)


def test_a_frontier_grows_the_same_tree_in_any_steps() -> None:
    all_leaves = leaves(50)
    whole, all_nodes = Frontier().append(all_leaves)
    for cut in range(51):
        first, some = Frontier().append(all_leaves[:cut])
        assert first.root() == root(all_leaves[:cut])
        stored = Frontier(first.size, tuple(each for _, each in first.nodes()))
        second, rest = stored.append(all_leaves[cut:])
        assert second == whole
        assert some + rest == all_nodes
    assert len(all_nodes) == len(dict(all_nodes))


def test_roots_by_go(published_json: Callable[[str], Any]) -> None:
    vectors = published_json("go-reference/tree-roots.json")["roots"]
    frontier = Frontier()
    for size in sorted(map(int, vectors)):
        more = [leaf_hash(b"evidence-%d" % i) for i in range(frontier.size, size)]
        frontier, _ = frontier.append(more)
        assert frontier.root().hex() == vectors[str(size)]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000, 70000])
def test_tiles_by_go(
    size: int, grown: tuple[Frontier, dict[Node, bytes]], published_json: Callable[[str], Any]
) -> None:
    expected = published_json("go-reference/tiles.json")["tileSHA256BySize"][str(size)]
    made = [
        {
            "Path": format_tile_path(tile),
            "SHA256": hashlib.sha256(b"".join(grown[1][each] for each in tile.nodes())).hexdigest(),
            "Hashes": tile.width,
        }
        for tile in tiles(0, size)
    ]
    assert sorted(made, key=str) == sorted(expected, key=str)


def test_tile_paths_by_go(published_json: Callable[[str], Any]) -> None:
    vectors = published_json("go-reference/tiles.json")
    for case in vectors["paths"]:
        tile = Tile(case["Level"], case["N"], case["Width"] or WIDTH)
        assert format_tile_path(tile) == case["Path"]
        assert parse_tile_path(case["Path"]) == tile
    for case in vectors["entryPaths"]:
        assert format_bundle_path(Tile(0, case["N"], case["Width"] or WIDTH)) == case["Path"]


def test_every_node_comes_from_its_tile(grown: tuple[Frontier, dict[Node, bytes]]) -> None:
    frontier, stored = grown
    data = {
        (tile.level, tile.index): b"".join(stored[each] for each in tile.nodes())
        for tile in tiles(0, frontier.size)
    }
    some = [node for node in stored if node[1] % 97 == 0 or node[0] > 5]
    assert {level for level, _ in some} == set(range(17))
    for node in some:
        assert node_from_tile(node, data[tile_of(node)]) == stored[node]


def test_growing_names_exactly_the_tiles_that_changed() -> None:
    sizes = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537, 65792, 70000]
    for i, old in enumerate(sizes):
        for new in sizes[i:]:
            before, after = set(tiles(0, old)), set(tiles(0, new))
            assert set(tiles(old, new)) == after - before


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/entries/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000 ",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/" + "x999/" * 7 + "999",
    ],
)
def test_tile_paths_refused(path: str) -> None:
    with pytest.raises(Malformed, match="tile path"):
        parse_tile_path(path)


@quick
@given(st.from_regex(r"\Atile/[0-9]{1,2}/(x[0-9]{3}/){0,8}[0-9]{3}(\.p/[0-9]{1,3})?\Z"))
def test_hostile_tile_paths(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except Malformed:
        return
    assert format_tile_path(tile) == path
    assert 1 <= tile.width <= WIDTH
