"""A tree read from tiles is the tree of its checkpoint, or the wrong tile is named."""

from random import Random

import pytest

from node.evidence.checkpoint import Checkpoint
from node.evidence.merkle import leaf_hash
from node.evidence.tiles import WIDTH, Frontier, Tile, format_tile_path, root_nodes, tiles
from node.published.reading import Damaged, TileReader, partial_tiles

SIZES = (1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000)


@pytest.fixture(scope="module")
def trees() -> dict[int, tuple[Checkpoint, dict[str, bytes]]]:
    """Checkpoints and files of one growing log."""
    frontier, nodes = Frontier(), {}
    made = {}
    for size in SIZES:
        more = [leaf_hash(b"%d" % index) for index in range(frontier.size, size)]
        frontier, grown = frontier.append(more)
        nodes |= dict(grown)
        files = {
            format_tile_path(tile): b"".join(nodes[each] for each in tile.nodes())
            for tile in tiles(0, size)
        }
        made[size] = Checkpoint("example.com/log", size, frontier.root()), files
    return made


@pytest.mark.parametrize("size", SIZES)
def test_every_tile_and_every_earlier_root_is_read(size: int, trees: dict) -> None:
    checkpoint, files = trees[size]
    reader = TileReader(checkpoint, [files.get])
    for tile in tiles(0, size):
        assert reader.tile(tile.level, tile.index) == files[format_tile_path(tile)]
        assert reader.widest(tile.level, tile.index) == tile
    for earlier in SIZES:
        if earlier <= size:
            assert reader.root(earlier) == trees[earlier][0].root
    assert len(reader.hashes(root_nodes(size))) == size.bit_count()
    assert set(partial_tiles(size)) == {tile for tile in tiles(0, size) if tile.width < 256}


def read(checkpoint: Checkpoint, files: dict[str, bytes], tile: Tile) -> bytes:
    return TileReader(checkpoint, [files.get]).tile(tile.level, tile.index)


@pytest.mark.parametrize("size", [257, 65_537, 70_000])
def test_a_flip_in_any_tile_names_it(size: int, trees: dict) -> None:
    checkpoint, files = trees[size]
    random = Random(size)
    full, edge = (
        [tile for tile in tiles(0, size) if (tile.width == WIDTH) is whole]
        for whole in (True, False)
    )
    for tile in [*random.sample(full, min(len(full), 9)), *edge]:
        path = format_tile_path(tile)
        flipped = bytearray(files[path])
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
        for wrong in (bytes(flipped), flipped[:-32], b"", None):
            with pytest.raises(Damaged) as caught:
                read(checkpoint, {**files, path: wrong}, tile)
            assert path in caught.value.path


def test_another_source_is_asked_for_what_one_has_wrong(trees: dict) -> None:
    checkpoint, files = trees[70_000]
    _, old = trees[65_537]
    wrong = {path: bytes(len(data)) for path, data in files.items()}
    for first in (wrong, {}, old):
        reader = TileReader(checkpoint, [first.get, files.get])
        assert reader.tile(0, 5) == files["tile/0/005"]
        assert reader.root(65_537) == trees[65_537][0].root


def test_a_tree_that_forks_has_another_earlier_root(trees: dict) -> None:
    frontier, nodes = Frontier().append(leaf_hash(b"other %d" % index) for index in range(300))
    stored = dict(nodes)
    files = {
        format_tile_path(tile): b"".join(stored[each] for each in tile.nodes())
        for tile in tiles(0, 300)
    }
    reader = TileReader(Checkpoint("example.com/log", 300, frontier.root()), [files.get])
    assert reader.root(257) != trees[257][0].root
