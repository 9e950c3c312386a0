"""What a member publishes: bytes as a Go reference makes them, nothing beyond the newest note, and
nothing that does not lead to its root."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from consensus.messages import Entry
from node.chain import apply as chain
from node.chain.store import Store, ViewsCorrupt
from node.chain.tree import Tree
from node.errors import Absent, BadRequest
from node.evidence.checkpoint import Checkpoint, cosign, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.entry import BlockEntry, parse_entry
from node.evidence.merkle import leaf_hash, root, verify_consistency
from node.evidence.note import sign_ed25519
from node.evidence.record import format_record
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_seal
from node.evidence.tiles import Frontier, Tile, format_tile_path, tiles
from node.leveldb import key_of
from node.member.directory import Lost
from node.member.publishing import Publisher, tile_width
from node.seals.sealing import Note

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "go-reference" / "tiles.json"


def note_of(world: Any, checkpoint: Checkpoint, height: int) -> Note:
    body, names = format_checkpoint(checkpoint), ("court", "notary")
    lines = (cosign(body, 1, f"{world.origin}/{name}", world.witness(name)) for name in names)
    seals = tuple(parse_seal(line, world.origin) for line in lines)
    log_line = sign_ed25519(body, world.origin, world.log("court"))
    sealed = SealedCheckpoint(checkpoint, log_line, seals)
    return Note(checkpoint.size, height, format_sealed(sealed))


# Hash tiles: a tree alone, in a dictionary.


class _Rows(dict[bytes, bytes]):
    """As much of a database and of a batch as a tree needs."""

    def put(self, key: bytes, value: bytes) -> None:
        self[key] = value


class _TreeOnly(Tree):
    """A store whose entries nobody asks for."""


@dataclass
class Grown:
    world: Any
    rows: _Rows = field(default_factory=_Rows)
    frontiers: dict[int, Frontier] = field(default_factory=dict)

    def note(self, size: int) -> Note:
        return note_of(
            self.world, Checkpoint(self.world.origin, size, self.frontiers[size].root()), 1
        )

    def publisher(self) -> Publisher:
        return Publisher(_TreeOnly(self.rows), None)  # type: ignore[arg-type]


SIZES = (1, 2, 255, 256, 257, 1000, 65_535, 65_536, 65_537, 70_000)


@pytest.fixture(scope="module")
def grown(world: Any) -> Grown:
    """The tree of 70,000 leaves that the Go reference made, and its frontiers on the way."""
    made = Grown(world)
    tree, frontier = Tree(made.rows), Frontier()  # type: ignore[arg-type]
    for size in SIZES:
        more = [leaf_hash(b"evidence-%d" % index) for index in range(frontier.size, size)]
        frontier, nodes = frontier.append(more)
        tree.grow(made.rows, nodes)
        made.frontiers[size] = frontier
    return made


@pytest.mark.parametrize("size", [1, 255, 256, 257, 1000, 70000])
def test_tiles_are_those_of_the_go_reference(size: int, grown: Grown) -> None:
    """Also those of a smaller tree, which the member has long outgrown."""
    if not VECTORS.exists():
        pytest.skip("the published vectors are not beside this checkout")
    expected = json.loads(VECTORS.read_bytes())["tileSHA256BySize"][str(size)]
    publisher, note = grown.publisher(), grown.note(size)
    made = [
        {
            "Path": format_tile_path(tile),
            "SHA256": hashlib.sha256(publisher.tile(tile, note)).hexdigest(),
            "Hashes": tile.width,
        }
        for tile in tiles(0, size)
    ]
    assert sorted(made, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("size", SIZES)
def test_every_width_up_to_the_published_one(size: int, grown: Grown) -> None:
    publisher, note = grown.publisher(), grown.note(size)
    for tile in tiles(0, size):
        if tile.index % 97 and tile.width == 256:
            continue
        whole = publisher.tile(tile, note)
        for width in {1, tile.width // 2 or 1, tile.width}:
            narrow = Tile(tile.level, tile.index, width)
            assert publisher.tile(narrow, note) == whole[: 32 * width]
        for wrong in (
            Tile(tile.level, tile.index, tile.width + 1),
            Tile(tile.level, tile.index, 0),
        ):
            with pytest.raises(Absent):
                publisher.tile(wrong, note)
    for level in range(64):
        beyond = Tile(level, (size >> 8 * level) // 256 + 1, 1)
        assert tile_width(beyond, size) <= 0
        with pytest.raises(Absent):
            publisher.tile(beyond, note)


@pytest.mark.parametrize("size", [257, 1000, 65_537, 70_000])
def test_a_flip_in_any_tile_is_found(size: int, grown: Grown) -> None:
    """In the tile itself it is named, and nothing of the tile is served. Elsewhere it is found by
    what leads past it, or does no harm: whatever is served is right."""
    random, note = Random(size), grown.note(size)
    places = list(tiles(0, size))
    right = {tile: grown.publisher().tile(tile, note) for tile in places[:: len(places) // 9 or 1]}
    for tile in random.sample(places, min(len(places), 12)):
        rows = _Rows(grown.rows)
        key = b"t" + bytes([tile.level]) + tile.index.to_bytes(8, "big")
        packed = bytearray(rows[key])
        packed[random.randrange(32 * tile.width)] ^= 1 << random.randrange(8)
        rows[key] = bytes(packed)
        with pytest.raises(ViewsCorrupt, match=f"tile {tile.level}, {tile.index}"):
            Publisher(_TreeOnly(rows), None).tile(tile, note)  # type: ignore[arg-type]
        for other, expected in right.items():
            if other != tile:
                assert _served(rows, other, note) in (expected, None)


def _served(rows: _Rows, tile: Tile, note: Note) -> bytes | None:
    try:
        return Publisher(_TreeOnly(rows), None).tile(tile, note)  # type: ignore[arg-type]
    except ViewsCorrupt:
        return None


# All the rest: a real store.


class _Journal:
    """The blocks of a journal."""

    def __init__(self) -> None:
        self.blocks: dict[int, Entry] = {}

    def entries(self, start: int, stop: int, _: int) -> tuple[Entry, ...]:
        return tuple(self.blocks[index] for index in range(start, stop))


@dataclass
class Chain:
    """A chain of some hundred blocks on a disk, and notes for its heights."""

    world: Any
    store: Store
    journal: _Journal = field(default_factory=_Journal)
    notes: dict[int, Note] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)

    def apply(self, *records: bytes) -> None:
        block = self.world.block(self.store.chain.height + 1, *records)
        applied = chain.apply(self.store.chain, block, self.store)
        self.store.write(applied)
        self.journal.blocks[block.index] = block
        self.leaves += applied.leaves
        self.notes[block.index] = note_of(self.world, applied.chain.checkpoint, block.index)

    def publisher(self) -> Publisher:
        return Publisher(self.store, self.journal)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def short(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """401 entries in 300 blocks, with a second policy."""
    store = Store(tmp_path_factory.mktemp("published") / "views", world.genesis())
    made = Chain(world, store, leaves=list(world.genesis().entries()))
    for height in range(1, 298):
        made.apply(*([world.deposited(height, 3)] if height % 3 == 0 else []))
    made.apply(format_record(world.next_note(world.note(), quorum=3)))
    made.apply()
    yield made
    store.close()


@pytest.fixture
def mine(short: Chain) -> Iterator[Callable[[bytes, bytes], None]]:
    """Changes one row of the views with right checksums, until the test ends."""
    before: dict[bytes, bytes | None] = {}
    database = short.store._database

    def put(key: bytes, value: bytes | None) -> None:
        batch = database.write_batch()
        batch.delete(key) if value is None else batch.put(key, value)
        batch.write()

    def tamper(key: bytes, value: bytes) -> None:
        before.setdefault(key, database.get(key))
        put(key, value)

    yield tamper
    for key, value in before.items():
        put(key, value)


def bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def test_bundles_hold_the_entries(short: Chain) -> None:
    publisher, note = short.publisher(), short.notes[299]
    size = len(short.leaves)
    assert note.size == size == 401
    assert publisher.entries(0, 256, note) == bundle(short.leaves[:256])
    assert publisher.entries(0, 5, note) == bundle(short.leaves[:5])
    assert publisher.entries(1, 145, note) == bundle(short.leaves[256:])
    for index, width in ((1, 146), (1, 256), (2, 1), (0, 257), (0, 0)):
        with pytest.raises(Absent):
            publisher.entries(index, width, note)


def test_nothing_beyond_the_note_is_shown(short: Chain) -> None:
    publisher, note = short.publisher(), short.notes[9]
    leaf = note.size
    assert publisher.entries(0, leaf, note) == bundle(short.leaves[:leaf])
    with pytest.raises(Absent):
        publisher.entries(0, leaf + 1, note)
    with pytest.raises(Absent):
        publisher.tile(Tile(0, 0, leaf + 1), note)
    with pytest.raises(Absent):
        publisher.body(10, note)
    with pytest.raises(Absent):
        publisher.block(10, note)
    with pytest.raises(Absent):
        publisher.policy(2, note)
    with pytest.raises(Absent):
        publisher.consistency(1, leaf + 1, note)


def test_every_body_is_the_one_its_block_entry_names(short: Chain) -> None:
    publisher, note = short.publisher(), short.notes[299]
    blocks = {e.height: e for e in map(parse_entry, short.leaves) if isinstance(e, BlockEntry)}
    for height in range(300):
        data = publisher.body(height, note)
        assert sha256(data) == blocks[height].body
        assert height == 0 or data == short.journal.blocks[height].data


def test_every_block_is_the_one_that_the_next_names(short: Chain) -> None:
    publisher, note, previous = short.publisher(), short.notes[299], bytes(32)
    for height in range(300):
        block = publisher.block(height, note)
        assert block.entry_bytes == short.leaves[block.leaf_index]
        assert (block.entry.height, block.entry.previous) == (height, previous)
        following = short.leaves[block.after.size : block.after.size + 1]
        assert block.following == b"".join(following)
        previous = block.hash
    assert previous == short.store.chain.block_hash
    assert publisher.block(9, short.notes[9]).following == b""


def test_policies_by_their_serials(short: Chain) -> None:
    publisher, note = short.publisher(), short.notes[299]
    assert publisher.policy(1, note) == (1, short.leaves[1])
    leaf, entry = publisher.policy(2, note)
    assert entry == short.leaves[leaf]
    # The last leaf of a tree is published with it, though it governs larger ones only.
    assert publisher.policy(2, short.notes[298]) == (leaf, entry)
    assert short.notes[298].size == leaf + 1
    for serial in (0, 3):
        with pytest.raises(Absent):
            publisher.policy(serial, note)


def test_consistency_paths_lead_from_root_to_root(short: Chain) -> None:
    publisher, note, hashes = short.publisher(), short.notes[299], [*map(leaf_hash, short.leaves)]
    for old, new in ((1, 1), (1, 401), (2, 3), (256, 401), (255, 257), (400, 401), (401, 401)):
        path, old_root, new_root = publisher.consistency(old, new, note)
        assert (old_root, new_root) == (root(hashes[:old]), root(hashes[:new]))
        verify_consistency(old, old_root, new, new_root, path)
    for old, new in ((0, 5), (6, 5)):
        with pytest.raises(BadRequest):
            publisher.consistency(old, new, note)


def test_an_entry_that_is_not_the_leaf_is_not_served(
    short: Chain, mine: Callable[[bytes, bytes], None]
) -> None:
    publisher, note = short.publisher(), short.notes[299]
    mine(key_of(b"e", 300), short.leaves[300].replace(b"\ntime 1", b"\ntime 2"))
    with pytest.raises(ViewsCorrupt, match="entry 300"):
        publisher.entries(1, 100, note)
    assert publisher.entries(0, 256, note) + publisher.entries(1, 44, note)


def test_a_block_entry_or_policy_that_is_not_in_the_tree_proves_nothing(
    short: Chain, mine: Callable[[bytes, bytes], None]
) -> None:
    publisher, note = short.publisher(), short.notes[299]
    leaf = next(i for i, e in enumerate(short.leaves) if b"\nheight 100\n" in e)
    mine(key_of(b"e", leaf), short.leaves[leaf].replace(b"\ntime 1", b"\ntime 2"))
    mine(key_of(b"e", 1), short.leaves[1].replace(b"\ntime 1", b"\ntime 2"))
    with pytest.raises(ViewsCorrupt, match="height 100"):
        publisher.body(100, note)
    for height in (99, 100):
        with pytest.raises(ViewsCorrupt, match=f"height {height}"):
            publisher.block(height, note)
    with pytest.raises(ViewsCorrupt, match="policy 1"):
        publisher.policy(1, note)


def test_a_block_that_is_not_the_sealed_one_is_lost(
    short: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, note = short.publisher(), short.notes[299]
    monkeypatch.setitem(short.journal.blocks, 3, short.journal.blocks[6])
    with pytest.raises(Lost, match="height 3"):
        publisher.body(3, note)


def test_a_tree_that_is_not_the_sealed_one_gives_no_path(
    short: Chain, mine: Callable[[bytes, bytes], None], world: Any
) -> None:
    publisher = short.publisher()
    other = note_of(world, Checkpoint(world.origin, 401, bytes(32)), 299)
    with pytest.raises(ViewsCorrupt, match="size 5 or 401"):
        publisher.consistency(5, 401, other)
    with pytest.raises(ViewsCorrupt, match="size 5 or 6"):
        publisher.consistency(5, 6, other)
