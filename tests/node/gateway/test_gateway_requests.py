"""The idempotency store: on disk before the first proposal, found again after a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from node import member_pb2 as pb
from node.gateway import requests
from node.gateway.requests import KEEP_MS, KeyTaken, RequestStore, StoredStatement, StoreFailed

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


def row(key: str = "key", part: int = 0, identity: int = 1, **changes: Any) -> StoredStatement:
    values: dict[str, Any] = {
        "account": "acme",
        "idempotency_key": key,
        "part": part,
        "request_digest": bytes(32),
        "statement_id": identity.to_bytes(32, "big"),
        "record": b"record",
        "keepsake": b"{}",
        "stored_ms": 1,
    }
    return StoredStatement(**values | changes)


def files(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of all files."""
    return {
        each.name: (each.stat().st_mode & 0o777, each.read_bytes()) for each in directory.iterdir()
    }


async def nothing_unsettled(gateway: Any) -> bool:
    return not await gateway.store.unsettled()


@pytest.fixture
async def store(tmp_path: Path, anyio_backend: str) -> AsyncIterator[RequestStore]:
    async with RequestStore(f"sqlite+aiosqlite:///{tmp_path / 'store.db'}") as store:
        task = asyncio.create_task(store.run())
        yield store
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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


async def test_concurrent_requests_share_a_commit(store: RequestStore, monkeypatch: Any) -> None:
    groups: list[int] = []
    write = requests._write_group

    def counted(connection: Any, group: Any) -> None:
        groups.append(len(group))
        write(connection, group)

    monkeypatch.setattr(requests, "_write_group", counted)
    await asyncio.gather(*(store.add([row(str(n), identity=n)]) for n in range(50)))
    assert sum(groups) == 50
    assert len(groups) <= 2


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


async def test_what_opens_the_items_is_deleted_a_day_after_settling(store: RequestStore) -> None:
    await store.add([row("old", identity=1), row("new", identity=2), row("open", identity=3)])
    await store.settle((1).to_bytes(32, "big"), 1_000, None)
    await store.settle((2).to_bytes(32, "big"), 1_001, None)
    assert await store.forget(1_001 + KEEP_MS) == 1
    (old,) = await store.under_key("acme", "old")
    assert (old.record, old.keepsake, old.statement_id) == (None, None, (1).to_bytes(32, "big"))
    for key in ("new", "open"):
        assert (await store.under_key("acme", key))[0].keepsake == b"{}"


async def test_what_is_deleted_is_in_no_file_any_more(store: RequestStore, tmp_path: Path) -> None:
    """Neither in unused pages of the database nor in the log beside it."""
    openings = [b"%064x opens an item" % (7**number) for number in range(60, 90)]
    for number, opening in enumerate(openings):
        await store.add([row(str(number), identity=number, keepsake=opening * 50)])
        await store.settle(number.to_bytes(32, "big"), 1, None)
    assert any(openings[0] in data for _, data in files(tmp_path).values())
    assert await store.forget(2 + KEEP_MS) == len(openings)
    for name, (_, data) in files(tmp_path).items():
        assert not any(opening in data for opening in openings), name


async def test_only_its_owner_reads_the_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch(0o666)
    for _ in range(2):
        async with RequestStore(f"sqlite+aiosqlite:///{path}") as store:
            writing = asyncio.create_task(store.run())
            await store.add([row(str(time.monotonic_ns()), identity=time.monotonic_ns())])
            modes = {name: mode for name, (mode, _) in files(tmp_path).items()}
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        assert set(modes.values()) == {0o600}, modes
        assert "store.db-wal" in modes


async def test_errors_do_not_tell_whose_request_it_was(
    store: RequestStore, caplog: pytest.LogCaptureFixture
) -> None:
    """They end in logs, and an Idempotency-Key is the client's own words."""
    async with store._engine.begin() as connection:
        await connection.exec_driver_sql("drop table requests")
    with pytest.raises(StoreFailed) as failed:
        await store.add([row("zhang-v-li-2026-17")])
    assert "zhang-v-li" not in str(failed.value) + caplog.text
    assert "acme" not in str(failed.value) + caplog.text


async def test_receipts_are_found_by_their_first_half_and_by_their_owner(
    store: RequestStore,
) -> None:
    identity = bytes(range(32))
    await store.add([row(statement_id=identity), row("other", identity=7)])
    assert [r.statement_id for r in await store.by_receipt("acme", identity[:16])] == [identity]
    assert await store.by_receipt("somebody-else", identity[:16]) == []


async def test_a_database_that_fails_fails_who_waited_and_nobody_else(
    store: RequestStore, monkeypatch: Any
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("disk full", None, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(requests, "_write_group", fail)
        with pytest.raises(StoreFailed):
            await store.add([row("a")])
    await store.add([row("a")])


async def test_a_commit_is_on_the_disk(store: RequestStore) -> None:
    """WAL with synchronous=FULL (2): what was answered survives a power cut."""
    async with store._engine.connect() as connection:
        pragmas = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous")
        ]
    assert pragmas == ["wal", 2]


async def test_what_a_stopped_gateway_left_over_is_proposed_at_the_next_start(
    make_gateway: Any, clients: Any, cluster: Any
) -> None:
    """Stored and answered 202, then the process stops: the promise is kept, with the same bytes."""
    cluster.applying.clear()
    first = await make_gateway()
    answer = await clients(first).anchor(BODY, key="kept", params={"wait_ms": 1})
    assert answer.json()["state"] == "PENDING"
    await make_gateway.stop(first)
    assert cluster.statements == {}
    cluster.applying.set()
    second = await make_gateway()
    client = clients(second)
    again = await client.anchor(BODY, key="kept")
    assert again.json()["state"] == "FINAL"
    assert again.json()["statement"] == answer.json()["statement"]
    assert again.json()["receipt"] == answer.json()["receipt"]
    assert len(cluster.statements) == 1


async def test_left_overs_reach_the_chain_without_anyone_asking(
    make_gateway: Any, clients: Any, cluster: Any, eventually: Any
) -> None:
    cluster.applying.clear()
    first = await make_gateway()
    for number in range(3):
        await clients(first).anchor(BODY, key=f"k{number}", params={"wait": "none"})
    await make_gateway.stop(first)
    cluster.applying.set()
    second = await make_gateway()
    await eventually(lambda: nothing_unsettled(second))
    assert len(cluster.statements) == 3


async def test_a_statement_that_all_members_skip_is_failed_for_good(
    client: Any, cluster: Any, monkeypatch: Any, eventually: Any
) -> None:
    monkeypatch.setattr(cluster, "apply", lambda records: [pb.Outcome(skipped="because")])
    response = await client.anchor(BODY, key="bad")
    assert (response.status_code, response.json()["code"]) == (422, "RECORD_SKIPPED")
    assert "because" in response.json()["detail"]
    await eventually(lambda: nothing_unsettled(client.gateway))
    again = await client.anchor(BODY, key="bad")
    assert again.json()["code"] == "RECORD_SKIPPED"
    assert len(cluster.proposals) == 1
    (stored,) = await client.gateway.store.under_key("acme", "bad")
    answer = (await client.get(f"/v1/receipts/{stored.statement_id.hex()[:32]}")).json()
    assert (answer["state"], answer["reason"]) == ("FAILED", "because")


def deny(cluster: Any) -> None:
    """Let the leader deny what it has just put onto the chain."""
    honest = cluster.apply

    def lie(records: list[bytes]) -> list[pb.Outcome]:
        return [pb.Outcome(skipped="a lie") for _ in honest(records)]

    cluster.apply = lie


async def test_a_false_skip_is_not_believed_of_the_leader_alone(
    client: Any, cluster: Any, eventually: Any
) -> None:
    deny(cluster)
    cluster.members["court"].behind = True  # Nor is it asked a second time.
    response = await client.anchor(BODY, key="denied", params={"wait": "committed"})
    assert (response.status_code, response.json()["state"]) == (201, "COMMITTED")
    await eventually(lambda: nothing_unsettled(client.gateway))
    (stored,) = await client.gateway.store.under_key("acme", "denied")
    assert stored.skipped is None
    assert (await client.anchor(BODY, key="denied")).json()["state"] == "FINAL"


async def test_a_false_refusal_is_not_believed_of_one_member_either(
    client: Any, cluster: Any
) -> None:
    cluster.members["court"].refuse("Propose", "INVALID_ARGUMENT", "malformed", after_doing_it=True)
    assert (await client.anchor(BODY)).json()["state"] == "FINAL"


async def test_a_skip_stays_open_until_a_second_member_answers(
    client: Any, cluster: Any, monkeypatch: Any, eventually: Any
) -> None:
    monkeypatch.setattr("node.gateway.submissions.ASK_ELSEWHERE_EVERY_S", 0)
    deny(cluster)
    for name in ("forensic", "notary"):
        for _ in range(20):
            cluster.members[name].refuse("Find", "UNAVAILABLE", "unavailable")
    response = await client.anchor(BODY, key="open", params={"wait_ms": 1})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")
    await eventually(lambda: nothing_unsettled(client.gateway))
    assert (await client.anchor(BODY, key="open")).json()["state"] == "FINAL"
    assert len(cluster.proposals) == 1
    assert cluster.members["court"].asked.count("Find") == 0


async def test_what_cannot_be_stored_is_not_proposed(
    client: Any, cluster: Any, monkeypatch: Any
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("disk full", None, Exception())

    monkeypatch.setattr(requests, "_write_group", fail)
    with pytest.raises(StoreFailed):  # Goes to the log; the client sees the problem INTERNAL.
        await client.anchor(BODY)
    assert client.left_nothing()
