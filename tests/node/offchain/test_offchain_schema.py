"""Revisions: what makes the tables, what a gateway refuses to open, how old data comes along."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    inspect,
    select,
    text,
)

from node.errors import Misconfigured
from node.offchain import engine, revisions, schema
from node.offchain.database import Database
from node.offchain.engine import StoreFailed, create_engine
from node.offchain.requests import RequestStore, StoredStatement
from tests.databases import ON_BOTH

pytestmark = pytest.mark.anyio

BEFORE_REVISIONS = MetaData()
"""What gateways made before there were revisions; never changed again."""

OLD_REQUESTS = Table(
    "requests",
    BEFORE_REVISIONS,
    Column("account", String(64), primary_key=True),
    Column("idempotency_key", String(128), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("request_digest", LargeBinary(32), nullable=False),
    Column("statement_id", LargeBinary(32), nullable=False, index=True),
    Column("record", LargeBinary, nullable=True),
    Column("keepsake", LargeBinary, nullable=True),
    Column("stored_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=True, index=True),
    Column("skipped", String(300), nullable=True),
)
OLD_ROW: dict[str, Any] = {
    "account": "acme",
    "idempotency_key": "key",
    "part": 0,
    "request_digest": bytes(32),
    "statement_id": bytes(range(32)),
    "record": b"record",
    "keepsake": b"what opens a deposit",
    "stored_ms": 1,
    "settled_ms": None,
    "skipped": None,
}


async def execute(url: str, *statements: Any) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement) if isinstance(statement, str) else statement)
    await engine.dispose()


async def tables(url: str) -> list[str]:
    engine = create_engine(url)
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda each: inspect(each).get_table_names())
    await engine.dispose()
    return found


async def make_old(url: str) -> None:
    """A database as a gateway left it before there were revisions, with one row."""
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(BEFORE_REVISIONS.create_all)
    await engine.dispose()
    await execute(url, OLD_REQUESTS.insert().values(OLD_ROW))


def contents(directory: Path) -> list[bytes]:
    return [each.read_bytes() for each in directory.iterdir()]


async def refusal(url: str) -> str:
    with pytest.raises(Misconfigured) as refused:
        async with Database(url):
            pass
    return str(refused.value)


@ON_BOTH
async def test_the_steps_make_the_tables_the_code_works_with(empty_database: str) -> None:
    """If this fails after a table was changed: a step in `migrations` is missing."""
    assert await revisions.upgrade(empty_database) == (None, revisions.newest())
    report = await revisions.check(empty_database)
    assert report.differences == ()
    assert report.is_current


@ON_BOTH
async def test_what_an_older_gateway_stored_comes_along(empty_database: str) -> None:
    """All but the openings, which stood there in the clear."""
    await make_old(empty_database)
    assert "missing" in await refusal(empty_database)
    await revisions.upgrade(empty_database)
    assert (await revisions.check(empty_database)).is_current
    async with Database(empty_database) as database:
        store = RequestStore(database)
        kept = {name: value for name, value in OLD_ROW.items() if name != "keepsake"}
        assert await store.under_key("acme", "key") == [StoredStatement(**kept)]


async def test_openings_of_an_older_gateway_are_in_no_file_any_more(tmp_path: Path) -> None:
    """It kept them in the clear."""
    url = f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
    await make_old(url)
    assert any(OLD_ROW["keepsake"] in data for data in contents(tmp_path))
    await revisions.upgrade(url)
    assert not any(OLD_ROW["keepsake"] in data for data in contents(tmp_path))


@ON_BOTH
async def test_messages_of_an_older_gateway_forget_what_was_erased_and_say_what_they_are_about(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = command.upgrade
    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _: whole(config, "0004"))
        await revisions.upgrade(empty_database)
    kept = {"account": "acme", "category": "A14_0", "mode": "commitment", "alg": "sha256"}
    came = {"count": 1, "received_ms": 1, "state": "FINAL", "client_ref": "张三"}
    erased, other = (bytes([number]) * 32 for number in (1, 2))
    told = {each: {"statement_id": each.hex(), "client_ref": "张三"} for each in (erased, other)}
    messages = {each: json.dumps({"deposit": told[each]}).encode() for each in told}
    account = {"account": "acme", "submitter_type": "COURT", "status": "ACTIVE", "created_ms": 1}
    webhook = {"id": "w", "account": "acme", "url": "u", "events": "e", "created_ms": 1}
    delivery = {"webhook": "w", "event": "e", "created_ms": 1, "attempts": 1}
    # As the tables were then: these columns have not changed since.
    await execute(
        empty_database,
        schema.metadata.tables["accounts"].insert().values(account),
        schema.metadata.tables["webhooks"].insert().values(webhook),
        schema.metadata.tables["deposits"]
        .insert()
        .values({**kept, **came, "statement_id": erased, "erased_ms": 2}),
        *(
            schema.metadata.tables["deliveries"]
            .insert()
            .values({**delivery, "id": each.hex()[:32], "body": body})
            for each, body in messages.items()
        ),
    )
    await revisions.upgrade(empty_database)
    table = schema.metadata.tables["deliveries"]
    async with Database(empty_database) as database:
        query = select(table.c.statement_id, table.c.body)
        found = dict(await database.read(lambda each: [tuple(row) for row in each.execute(query)]))
    assert json.loads(found[erased]) == {"deposit": {"statement_id": erased.hex()}}
    assert found[other] == messages[other]


async def test_an_upgrade_is_repeated_without_harm(database_url: str) -> None:
    assert await revisions.upgrade(database_url) == (revisions.newest(), revisions.newest())


@ON_BOTH
async def test_who_upgrades_second_waits_for_the_first(empty_database: str) -> None:
    results = await asyncio.gather(*(revisions.upgrade(empty_database) for _ in range(3)))
    assert sorted(results, key=str) == [(revisions.newest(),) * 2] * 2 + [
        (None, revisions.newest())
    ]


async def test_an_upgrade_may_take_longer_than_any_other_command(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it waits for somebody else's; a gateway would have given up long before."""
    monkeypatch.setattr(engine, "COMMAND_TIMEOUT_S", 0.001)
    first = create_engine(postgresql_url, patient=True)
    async with first.begin() as connection:
        await connection.execute(text(f"select pg_advisory_xact_lock({revisions._UPGRADE_LOCK})"))
        waiting = asyncio.create_task(revisions.upgrade(postgresql_url))
        for _ in range(20):
            await connection.execute(text("select 1"))
        assert not waiting.done()
    assert await waiting == (revisions.newest(), revisions.newest())
    await first.dispose()


async def test_an_upgrade_that_is_broken_off_was_none(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_old(empty_database)
    whole = command.upgrade

    def broken_off(*arguments: Any) -> None:
        whole(*arguments)
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", broken_off)
        with pytest.raises(StoreFailed):
            await revisions.upgrade(empty_database)
    assert await tables(empty_database) == ["requests"]
    assert await revisions.upgrade(empty_database) == (None, revisions.newest())


@ON_BOTH
async def test_a_gateway_opens_no_schema_but_its_own(empty_database: str) -> None:
    assert "its schema is missing" in await refusal(empty_database)
    await revisions.upgrade(empty_database)
    await execute(empty_database, "update alembic_version set version_num = '0001'")
    told = await refusal(empty_database)
    assert "its schema is 0001" in told
    assert "cunzheng admin database upgrade" in told


async def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    await execute(database_url, "update alembic_version set version_num = '9999'")
    assert "newer version" in await refusal(database_url)
    with pytest.raises(Misconfigured, match="9999 is of a newer version"):
        await revisions.upgrade(database_url)


@ON_BOTH
async def test_somebody_elses_database_is_left_alone(empty_database: str) -> None:
    await execute(empty_database, "create table requests (id integer)")
    await execute(empty_database, "create table invoices (id integer)")
    with pytest.raises(Misconfigured, match="not a gateway's"):
        await revisions.upgrade(empty_database)
    assert sorted(await tables(empty_database)) == ["invoices", "requests"]


async def test_what_was_changed_by_hand_is_found(database_url: str) -> None:
    await execute(
        database_url,
        "drop table roles",
        "drop index ix_deposits_state",
        "alter table cases add column more integer",
    )
    report = await revisions.check(database_url)
    assert report.found == report.needed
    assert not report.is_current
    told = " ".join(report.differences)
    assert all(name in told for name in ("roles", "ix_deposits_state", "cases more"))
