"""The idempotency store: a key is used once, and what was proposed does not stay."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.offchain.database import Database
from node.offchain.requests import KEEP_MS, KeyTaken, RequestStore, StoredStatement

pytestmark = pytest.mark.anyio


def row(key: str = "key", part: int = 0, identity: int = 1, **changes: Any) -> StoredStatement:
    values: dict[str, Any] = {
        "account": "acme",
        "idempotency_key": key,
        "part": part,
        "request_digest": bytes(32),
        "statement_id": identity.to_bytes(32, "big"),
        "record": b"record",
        "stored_ms": 1,
    }
    return StoredStatement(**values | changes)


@pytest.fixture
def store(database: Database) -> RequestStore:
    return RequestStore(database)


async def test_what_was_added_is_read_in_order(store: RequestStore) -> None:
    rows = [row(part=part, identity=9 - part) for part in range(3)]
    await store.add(rows)
    assert await store.under_key("acme", "key") == rows


async def test_a_key_is_used_once_and_the_whole_request_fails(store: RequestStore) -> None:
    await store.add([row(part=1)])
    with pytest.raises(KeyTaken):
        await store.add([row(part=0, identity=2), row(part=1, identity=3)])
    assert [each.part for each in await store.under_key("acme", "key")] == [1]


async def test_only_who_took_the_key_twice_is_refused_of_a_group(store: RequestStore) -> None:
    """Ten requests share one transaction; two of them have the same key."""
    keys = ["a", "b", "c", "d", "a", "e", "f", "g", "h", "i"]
    results = await asyncio.gather(
        *(store.add([row(key, identity=at)]) for at, key in enumerate(keys)),
        return_exceptions=True,
    )
    assert [type(each) for each in results] == [type(None)] * 4 + [KeyTaken] + [type(None)] * 5


async def test_settled_rows_are_no_longer_unsettled(store: RequestStore) -> None:
    await store.add([row("a", identity=1), row("b", identity=2), row("c", identity=3)])
    await store.settle((2).to_bytes(32, "big"), 5, None)
    await store.settle((3).to_bytes(32, "big"), 6, "why")
    assert [each.idempotency_key for each in await store.unsettled()] == ["a"]
    assert (await store.under_key("acme", "c"))[0].skipped == "why"


async def test_the_first_settlement_stands(store: RequestStore) -> None:
    await store.add([row()])
    await store.settle(row().statement_id, 5, None)
    await store.settle(row().statement_id, 9, "why")
    (found,) = await store.under_key("acme", "key")
    assert (found.settled_ms, found.skipped) == (5, None)


async def test_the_record_is_deleted_a_day_after_settling(store: RequestStore) -> None:
    await store.add([row("old", identity=1), row("new", identity=2), row("open", identity=3)])
    await store.settle((1).to_bytes(32, "big"), 1_000, None)
    await store.settle((2).to_bytes(32, "big"), 1_001, None)
    assert await store.forget(1_001 + KEEP_MS) == 1
    (old,) = await store.under_key("acme", "old")
    assert (old.record, old.statement_id) == (None, (1).to_bytes(32, "big"))
    for key in ("new", "open"):
        assert (await store.under_key("acme", key))[0].record == b"record"


async def test_receipts_are_found_by_their_first_half_and_by_their_owner(
    store: RequestStore,
) -> None:
    identity = bytes(range(32))
    await store.add([row(statement_id=identity), row("other", identity=7)])
    assert [r.statement_id for r in await store.by_receipt("acme", identity[:16])] == [identity]
    assert await store.by_receipt("somebody-else", identity[:16]) == []


async def test_what_is_deleted_is_in_no_file_any_more(
    sqlite_url: str,
) -> None:
    """Neither in unused pages of the database nor in the log beside it."""
    directory = Path(sqlite_url.partition("///")[2]).parent
    records = [b"%064x is deposited" % (7**number) for number in range(60, 90)]
    async with Database(sqlite_url) as database:
        store = RequestStore(database)
        for number, record in enumerate(records):
            await store.add([row(str(number), identity=number, record=record * 50)])
            await store.settle(number.to_bytes(32, "big"), 1, None)
        assert any(records[0] in each.read_bytes() for each in directory.iterdir())
        assert await store.forget(2 + KEEP_MS) == len(records)
        for each in directory.iterdir():
            data = each.read_bytes()
            assert not any(record in data for record in records), each.name
