"""Timestamps and signatures of checkpoints are kept as they came first, whoever came second."""

import asyncio
from dataclasses import replace

import pytest

from node.offchain.database import Database
from node.offchain.timestamps import (
    TOKENS_LOOKED_AT,
    KeptSignature,
    KeptTimestamp,
    Newest,
    TimestampStore,
)

pytestmark = pytest.mark.anyio

FIRST = KeptTimestamp(
    tree_size=20,
    authority="example",
    body=b"cunzheng.test/devnet\n20\n...\n",
    time_ms=1_000,
    obtained_ms=1_001,
    request=b"\x30\x00",
    response=b"\x30\x01",
    chain=b"-----BEGIN CERTIFICATE-----",
)
SIGNED = KeptSignature(20, FIRST.body, 900, b"p7s", None, b"-----BEGIN CERTIFICATE-----")


@pytest.fixture
def store(database: Database) -> TimestampStore:
    return TimestampStore(database)


async def test_nothing_is_covered_by_nothing(store: TimestampStore) -> None:
    assert await store.newest("example") is None
    assert await store.newest_signature() is None
    assert await store.covering(1) == ()
    assert await store.signature_covering(1) is None


async def test_a_tree_is_covered_by_the_next_larger_one(store: TimestampStore) -> None:
    larger = replace(FIRST, tree_size=30, time_ms=2_000, obtained_ms=2_001)
    for each in (larger, FIRST):
        await store.add(each)
    assert await store.covering(1) == (FIRST,)
    assert await store.covering(20) == (FIRST,)
    assert await store.covering(21) == (larger,)
    assert await store.covering(31) == ()
    assert await store.newest("example") == Newest(30, 2_001)
    assert await store.newest("another") is None


async def test_each_authority_has_its_first(store: TimestampStore) -> None:
    same = replace(FIRST, authority="another", time_ms=999)
    larger = replace(FIRST, authority="slow", tree_size=25, time_ms=3_000)
    for each in (FIRST, same, larger, replace(larger, tree_size=99)):
        await store.add(each)
    assert await store.covering(5) == (same, FIRST, larger)
    assert await store.covering(21) == (larger,)


async def test_a_lookup_reads_only_so_many_tokens(store: TimestampStore) -> None:
    """An authority that was silent for long is left out, and no lookup reads the whole table."""
    for each in range(TOKENS_LOOKED_AT):
        await store.add(replace(FIRST, tree_size=20 + each))
    await store.add(replace(FIRST, authority="late", tree_size=20 + TOKENS_LOOKED_AT))
    assert [each.authority for each in await store.covering(20)] == ["example"]
    assert [each.authority for each in await store.covering(21)] == ["example", "late"]


async def test_the_first_token_stays(store: TimestampStore) -> None:
    later = replace(FIRST, response=b"\x30\x02", obtained_ms=5_000)
    await store.add(FIRST)
    await asyncio.gather(*(store.add(later) for _ in range(3)))
    assert await store.covering(20) == (FIRST,)


async def test_the_first_signature_stays(store: TimestampStore) -> None:
    await store.add_signature(SIGNED)
    await store.add_signature(replace(SIGNED, p7s=b"another"))
    await store.add_signature(replace(SIGNED, tree_size=40, signed_ms=950))
    assert await store.signature(20) == SIGNED
    assert await store.signature(21) is None
    found = await store.signature_covering(21)
    assert found is not None
    assert found.tree_size == 40
    assert await store.newest_signature() == Newest(40, 950)
