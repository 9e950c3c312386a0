"""The views: what was written is found and proven, and what is damaged is made again."""

import os
import random
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from devnet.sim.disk import SimDisk
from devnet.sim.medium import PLENTY_BYTES
from node import leveldb
from node.chain import apply as chain
from node.chain.apply import Taken
from node.chain.store import FOUND_MAX, Store
from node.errors import Corrupt, DiskFailed
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.merkle import (
    consistency_path,
    inclusion_path,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from node.evidence.number import format_number
from node.evidence.record import format_record
from node.evidence.statement import Subject


@pytest.fixture
def store(tmp_path: Path, world: Any) -> Iterator[Store]:
    store = Store(tmp_path / "views", world.genesis())
    yield store
    store.close()


def extend(store: Store, world: Any, *records: bytes, **changes: Any) -> chain.Applied:
    block = world.block(store.chain.height + 1, *records, **changes)
    applied = chain.apply(store.chain, block, store)
    store.write(applied)
    return applied


def tamper(store: Store, key: bytes, value: bytes | None) -> None:
    """Change one record as LevelDB itself would, so that every checksum is right."""
    batch = store._database.write_batch()
    batch.delete(key) if value is None else batch.put(key, value)
    batch.write()


def reopened(store: Store, world: Any) -> Store:
    store.close()
    return Store(store.directory, world.genesis())


def test_the_store_is_the_same_past_as_memory(store: Store, world: Any) -> None:
    """One behaviour, two implementations: the same blocks, the same leaves."""
    rng, memory = random.Random(1), world.memory()
    key = Signer(bytes([9]) * 32).public
    records = [
        *(world.deposited(n, 1 + n % 3) for n in range(12)),
        world.record(world.event(3)),
        world.key("enrol", key),
        world.key("revoke", key, serial=2),
        format_record(world.next_note(world.note())),
    ]
    for height in range(1, 40):
        some = rng.choices(records, k=rng.randrange(5)) if height != 20 else records[-1:]
        assert extend(store, world, *some) == memory.apply(world.block(height, *some))
        if rng.random() < 0.1:
            store = reopened(store, world)
        assert store.chain == memory.chain
    assert [store.entry(index) for index in range(store.chain.size)] == memory.leaves
    assert [note for _, note in store.policies(1 << 40)] == [world.note(), memory.chain.note]
    assert store.key_state(key) == memory.key_state(key)


@pytest.mark.parametrize("count", [1, 5, 255, 256, 257, 700])
def test_paths_from_tiles_are_those_of_all_leaves(store: Store, world: Any, count: int) -> None:
    """Against RFC 6962 over every leaf, at sizes around a tile's edge."""
    rng = random.Random(count)
    records = [world.record(world.event(n)) for n in range(count)]
    for at in range(0, count, 90):
        extend(store, world, *records[at : at + 90])
    hashes = [leaf_hash(store.entry(index)) for index in range(store.chain.size)]
    for _ in range(20):
        size = rng.randint(1, len(hashes))
        index, old = rng.randrange(size), rng.randint(1, size)
        assert store.root(size) == root(hashes[:size])
        path = store.inclusion_path(index, size)
        assert list(path) == inclusion_path(index, hashes[:size])
        verify_inclusion(hashes[index], index, size, path, store.root(size))
        path = store.consistency_path(old, size)
        assert list(path) == consistency_path(old, size, hashes[:size])
        verify_consistency(old, store.root(old), size, store.root(size), path)
    width = min(256, len(hashes))
    assert store.tile(0, 0) == b"".join(hashes[:width])
    assert store.tile(1, 0)[:32] == (root(hashes[:256]) if len(hashes) > 255 else b"")
    assert store.tile(0, 9) == b""


def test_a_statement_is_found_by_all_its_names(store: Store, world: Any) -> None:
    extend(store, world, world.deposited(1, 2), world.deposited(2, 3))
    extend(store, world, world.record(world.event(7)), world.deposited(3))
    first = store.find_ordinal(3)
    assert first is not None
    position, index = first
    assert (position.height, position.record, position.first_item) == (1, 1, 2)
    assert (position.count, position.leaf_index, index) == (3, 4, 1)
    assert store.find_statement(position.statement_id) == position
    assert store.find_receipt(position.statement_id[:16]) == [position]
    assert store.find_entry(leaf_hash(position.entry)) == position
    assert store.position(4) == position
    assert [store.find_ordinal(n)[0].count for n in (0, 1, 2, 4, 5)] == [2, 2, 3, 3, 1]  # type: ignore[index]
    event = store.position(6)
    assert (event.first_item, event.count, event.height) == (0, 0, 2)


def test_events_are_found_by_what_they_are_about(
    store: Store, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.chain.store.FOUND_MAX", 2)
    about, other = (Subject(format_number(1_790_000_000_000, n), bytes([n]) * 32) for n in (1, 2))
    events = [world.event(n, type="custody", subject=about) for n in range(3)]
    extend(store, world, *(world.record(each) for each in events))
    more = world.event(4, type="custody", subject=other), world.event(5)
    extend(store, world, *(world.record(each) for each in more), world.deposited(1))
    leaves = [position.leaf_index for position in store.find_events(about.statement, 0)]
    assert leaves == [3, 4]
    (last,) = store.find_events(about.statement, leaves[-1] + 1)
    assert (last.leaf_index, last.count) == (5, 0)
    assert store.find_events(about.statement, 6) == []
    assert store.find_events(bytes(32), 0) == []


def test_what_is_not_there_is_not_found(store: Store, world: Any) -> None:
    assert store.find_ordinal(0) is None
    extend(store, world, world.deposited(1, 2))
    assert store.find_ordinal(2) is None
    assert store.find_statement(bytes(32)) is None
    assert store.find_receipt(bytes(16)) == []
    assert store.find_entry(bytes(32)) is None
    assert store.find_digest("sha256", bytes(32)) == []
    assert store.key_leaves(world.depositor.public) == []
    assert store.key_state(world.depositor.public) is None
    with pytest.raises(Corrupt, match="is missing"):
        store.position(2)  # A block entry is no record.


def test_keys_and_policies_stand_somewhere_too(store: Store, world: Any) -> None:
    first, second = (Signer(bytes([n]) * 32).public for n in (1, 2))
    extend(store, world, world.key("enrol", first), world.deposited(1))
    extend(store, world, world.key("rotate", first, serial=2, successor=second))
    extend(store, world, format_record(world.next_note(world.note())))
    assert store.key_leaves(first) == [3, 6]
    assert store.key_leaves(second) == [6]
    governing = [[leaf for leaf, _ in store.policies(size)] for size in (2, 9, 10)]
    assert governing == [[1], [1], [1, 8]]
    position = store.position(8)
    assert (position.statement_id, position.count, position.height) == (b"", 0, 3)
    assert store.find_entry(leaf_hash(store.entry(6))) == store.position(6)


def test_plain_digests_are_found_under_their_algorithm(store: Store, world: Any) -> None:
    digests = [sha256(b"%d" % n) for n in range(4)]
    packed = b"".join(digests)
    for number, alg in ((1, "sha256"), (2, "sha256"), (3, "sm3")):
        deposit = world.deposit(packed, number, mode="digest", alg=alg)
        extend(store, world, world.record(deposit, packed))
    found = store.find_digest("sha256", digests[2])
    assert [(p.height, index) for p, index in found] == [(1, 2), (2, 2)]
    assert [p.height for p, _ in store.find_digest("sm3", digests[0])] == [3]


def test_commitments_are_not_found_by_digest(store: Store, world: Any) -> None:
    extend(store, world, world.record(world.deposit(bytes(32)), bytes(32)))
    assert store.find_digest("sha256", bytes(32)) == []


def test_one_answer_names_a_limited_number(store: Store, world: Any) -> None:
    for block in range(3):
        records = [
            world.record(world.deposit(bytes(32), block * 50 + n, mode="digest"), bytes(32))
            for n in range(50)
        ]
        extend(store, world, *records)
    found = store.find_digest("sha256", bytes(32))
    assert len(found) == FOUND_MAX
    assert found == sorted(found, key=lambda item: item[0].leaf_index)


def test_page_hashes_are_kept_where_there_are_several(store: Store, world: Any) -> None:
    applied = extend(store, world, world.deposited(1, 40, page=16), world.deposited(2, 16, page=16))
    several, one = applied.outcomes
    assert isinstance(several, Taken)
    assert isinstance(one, Taken)
    assert several.statement is not None
    assert store.page_hashes(store.position(several.leaf_index)) == list(
        several.statement.page_hashes
    )
    assert store.page_hashes(store.position(one.leaf_index)) is None


def test_views_of_another_history_are_seen(store: Store, world: Any) -> None:
    extend(store, world, world.deposited(1))
    block = world.block(1, world.deposited(1))
    assert store.continues(block)
    assert not store.continues(world.block(1, world.deposited(1), term=2))
    assert not store.continues(world.block(1, world.deposited(2)))


# Damage.


def test_views_of_another_chain_are_put_aside(tmp_path: Path, world: Any) -> None:
    other = type(world)(origin="cunzheng.test/other")
    Store(tmp_path / "views", other.genesis()).close()
    store = Store(tmp_path / "views", world.genesis())
    assert store.chain.origin == world.origin
    assert (tmp_path / "views.damaged").is_dir()
    store.close()


@pytest.mark.parametrize("what", ["empty", "no log", "flipped log", "no manifest", "no state"])
def test_damaged_views_are_made_again(
    store: Store, world: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    extend(store, world, *(world.deposited(n) for n in range(20)))
    if what == "no state":
        tamper(store, b"c", None)
    store.close()
    directory = store.directory
    (log,) = directory.glob("*.log")
    match what:
        case "empty":
            for path in directory.iterdir():
                path.unlink()
        case "no log":
            log.unlink()
        case "flipped log":
            data = bytearray(log.read_bytes())
            data[len(data) // 2] ^= 1
            log.write_bytes(data)
        case "no manifest":
            next(directory.glob("MANIFEST-*")).unlink()
    again = Store(directory, world.genesis())
    assert again.chain == world.memory().chain
    assert "made again from the journal" in caplog.text
    extend(again, world, world.deposited(1))
    again.close()


@pytest.mark.parametrize("seed", range(30))
def test_after_a_power_cut_the_views_have_no_hole(world: Any, seed: int) -> None:
    """Nothing in them is synced, so blocks at the end may be gone; but LevelDB keeps two logs while
    one becomes a table, and may lose the end of the older and keep the newer."""
    disk, directory = SimDisk(write_buffer_bytes=3000), Path("/views")
    store = Store(directory, world.genesis(), disk)
    blocks = [world.block(height, world.deposited(height)) for height in range(1, 30)]
    for block in blocks:
        store.write(chain.apply(store.chain, block, store))
    disk.sync(Path("/"))
    disk.crash(Random(seed))
    again, memory = Store(directory, world.genesis(), disk), world.memory()
    for block in blocks[: again.chain.height]:
        memory.apply(block)
    assert again.chain == memory.chain
    assert [again.entry(leaf) for leaf in range(again.chain.size)] == memory.leaves
    for identity in memory.statements:
        assert again.has_statement(identity)
    for size in range(1, again.chain.size + 1):
        assert again.root(size) == root([leaf_hash(leaf) for leaf in memory.leaves[:size]])


def test_only_what_a_power_cut_can_take_is_counted_at_an_open(
    store: Store, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    extend(store, world, *(world.deposited(n) for n in range(20)))
    tamper(store, leveldb.key_of(b"e", 5), None)
    monkeypatch.setattr("node.chain.store.RECOUNT_BYTES", 5000)
    again = reopened(store, world)
    assert again.chain.size == 23
    monkeypatch.setattr("node.chain.store.RECOUNT_BYTES", 50_000)
    again = reopened(again, world)
    assert again.chain.size == 2, "made again"
    again.close()


def test_views_on_a_full_disk_are_refused_not_damaged(world: Any) -> None:
    """Nothing is put aside for it: there may be no room to make them again."""
    disk, directory = SimDisk(), Path("/views")
    store = Store(directory, world.genesis(), disk)
    extend(store, world, world.deposited(1))
    disk.kill()
    disk.fill()
    with pytest.raises(DiskFailed, match="No space left"):
        Store(directory, world.genesis(), disk)
    disk.fill(PLENTY_BYTES)
    again = Store(directory, world.genesis(), disk)
    assert again.chain == store.chain
    assert disk.names(Path("/")) == ["views"]


def test_views_that_cannot_be_opened_for_want_of_descriptors_are_not_damaged(
    store: Store, world: Any
) -> None:
    extend(store, world, world.deposited(1))
    store.close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    for few in range(8):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + few, limits[1]))
        try:
            with suppress(DiskFailed):
                Store(store.directory, world.genesis()).close()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    again = Store(store.directory, world.genesis())
    assert again.chain == store.chain
    again.close()


def test_an_edited_entry_is_not_served(store: Store, world: Any) -> None:
    """Look-ups compare what they give with the tree, as proofs do."""
    extend(store, world, world.deposited(1))
    item = store.find_ordinal(0)
    assert item is not None
    edited = item[0].entry.replace(b"height 1", b"height 2")
    tamper(store, leveldb.key_of(b"e", item[0].leaf_index), edited)
    with pytest.raises(Corrupt, match="not the leaf"):
        store.find_ordinal(0)


def test_a_damaged_tile_is_not_served(store: Store, world: Any) -> None:
    extend(store, world, *(world.deposited(n) for n in range(20)))
    key = next(iter(leveldb.scan(store._database, b"t")))[0]
    tamper(store, key, store.tile(0, 0)[:-32])
    with pytest.raises(Corrupt, match="too short"):
        store.root(store.chain.size)
    again = reopened(store, world)
    assert again.chain.size == 2
    again.close()
