"""Bundles are made by one gateway at a time, by another one if that dies, and go after a day."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from node.offchain.bundles import (
    ATTEMPTS_MAX,
    KEEP_MS,
    SILENT_MS,
    Attempt,
    BundleState,
    BundleStore,
    NotOurs,
    Wanted,
)
from node.offchain.database import Database
from node.offchain.tables.bundles import bundle_deposits
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

WANTED = [Wanted(1, "EV20261121000000000000-76", b"\x01" * 32)]
BUNDLE = "0f" * 16


@pytest.fixture
def store(database: Database) -> BundleStore:
    return BundleStore(database, Vault(VaultKey(b"\x76" * 32)))


async def claimed(store: BundleStore, now_ms: int) -> Attempt:
    attempt = await store.claim(now_ms)
    assert attempt is not None
    return attempt


async def test_what_is_asked_twice_is_one_bundle(store: BundleStore) -> None:
    first = await store.ask(BUNDLE, "acme", WANTED, 1)
    assert await store.ask(BUNDLE, "acme", WANTED, 2) == first
    assert (first.state, first.expires_ms) == (BundleState.WAITING, 1 + KEEP_MS)


async def test_a_bundle_is_made_by_one(store: BundleStore) -> None:
    assert await store.claim(1) is None
    await store.ask(BUNDLE, None, WANTED, 1)
    attempt = await claimed(store, 2)
    assert await store.claim(2 + SILENT_MS) is None
    await attempt.add(0, b"first ", 3)
    await attempt.add(1, b"second", 4)
    await attempt.finish("EVB_name", 12)
    record = await store.find(BUNDLE, 5)
    assert record is not None
    assert (record.state, record.name, record.size) == (BundleState.READY, "EVB_name", 12)
    assert [await store.part(record, place) for place in range(3)] == [b"first ", b"second", None]
    assert await store.claim(10 * SILENT_MS) is None


async def test_who_is_silent_is_followed_by_another(store: BundleStore) -> None:
    await store.ask(BUNDLE, None, WANTED, 1)
    dead = await claimed(store, 2)
    await dead.add(0, b"half", 2)
    attempt = await claimed(store, 3 + SILENT_MS)
    with pytest.raises(NotOurs):
        await dead.add(1, b"late", 4 + SILENT_MS)
    with pytest.raises(NotOurs):
        await dead.finish("EVB_late", 8)
    await attempt.add(0, b"whole", 5 + SILENT_MS)
    await attempt.finish("EVB_name", 5)
    record = await store.find(BUNDLE, 6 + SILENT_MS)
    assert record is not None
    assert await store.part(record, 0) == b"whole"
    assert await store.part(record, 1) is None


async def test_what_ends_every_gateway_is_given_up(store: BundleStore) -> None:
    await store.ask(BUNDLE, None, WANTED, 1)
    now_ms = 1
    for _ in range(ATTEMPTS_MAX):
        now_ms += SILENT_MS + 1
        await claimed(store, now_ms)
    assert await store.claim(now_ms + SILENT_MS + 1) is None
    record = await store.find(BUNDLE, now_ms)
    assert record is not None
    assert record.state is BundleState.FAILED


async def test_a_bundle_goes_after_its_day(store: BundleStore) -> None:
    await store.ask(BUNDLE, None, WANTED, 1)
    attempt = await claimed(store, 2)
    await attempt.add(0, b"whole", 3)
    assert await store.find(BUNDLE, 1 + KEEP_MS) is None
    assert await store.forget(KEEP_MS) == 0
    assert await store.forget(1 + KEEP_MS) == 1
    with pytest.raises(NotOurs):
        await attempt.finish("EVB_name", 5)


async def test_a_bundle_is_of_deposits_in_their_order(
    store: BundleStore, database: Database
) -> None:
    """What was sent to open one of them is for whoever makes the bundle, and nobody else."""
    second = Wanted(7, "EV20261121000000000001-49", b"\x02" * 32, b"opening")
    asked = await store.ask(BUNDLE, "acme", [second, *WANTED], 1, "（2026）浙0192民初1号")
    assert (asked.case_no, asked.collected) == ("（2026）浙0192民初1号", 0)
    assert asked.deposits == (*WANTED, replace(second, opening=None))
    kept = await database.read(lambda connection: connection.execute(select(bundle_deposits)).all())
    assert all(b"opening" not in (row.opening_sealed or b"") for row in kept)
    attempt = await claimed(store, 2)
    assert attempt.deposits == (*WANTED, second)
    await attempt.alive(3, 1)
    record = await store.find(BUNDLE, 4)
    assert record is not None
    assert record.collected == 1
    assert await store.forget(1 + KEEP_MS) == 1
    left = await database.read(lambda connection: connection.execute(select(bundle_deposits)).all())
    assert not left
