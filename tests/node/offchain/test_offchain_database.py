"""The database: what waits is written together, and what fails fails alone and tells nothing."""

import asyncio
import contextlib
import logging
import sqlite3
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import await_only

from node.errors import Misconfigured
from node.offchain import database as database_module
from node.offchain import engine
from node.offchain.database import Database, Rows
from node.offchain.engine import StoreFailed, create_engine

pytestmark = pytest.mark.anyio

TABLES = MetaData()
OWNERS = Table(
    "owners", TABLES, Column("name", String(64), primary_key=True), Column("age", BigInteger)
)
THINGS = Table(
    "things",
    TABLES,
    Column("thing", String(64), primary_key=True),
    Column("owner", String(64), ForeignKey("owners.name"), nullable=False),
)
ADD_OWNERS, ADD_THINGS = insert(OWNERS), insert(THINGS)
NAME = "zhang-v-li-2026-17"


def owners(*names: str) -> Rows:
    return Rows(ADD_OWNERS, [{"name": name, "age": 1} for name in names])


def thing(name: str, owner: str) -> Rows:
    return Rows(ADD_THINGS, [{"thing": name, "owner": owner}])


@pytest.fixture
async def database_url(anyio_backend: str, database_url: str) -> str:
    """With tables of this test's own, which change with no version."""
    made = create_engine(database_url)
    async with made.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    await made.dispose()
    return database_url


def adding(name: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(ADD_OWNERS, {"name": name, "age": 1})
        return name

    return work


def names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(OWNERS.c.name).order_by(OWNERS.c.name)))


def count_requests(connection: Connection) -> int:
    return int(connection.exec_driver_sql("select count(*) from requests").scalar_one())


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the writer's transactions, also of those that fail."""
    sizes: list[int] = []
    do_all = database_module._do_all

    def counted(connection: Connection, group: Any) -> Any:
        sizes.append(len(group))
        return do_all(connection, group)

    monkeypatch.setattr(database_module, "_do_all", counted)
    return sizes


async def test_what_was_written_is_read(database: Database) -> None:
    assert await database.write(adding("a")) == "a"
    await database.add(owners("b", "c"))
    assert await database.read(names) == ["a", "b", "c"]


async def test_what_waits_shares_a_transaction(database: Database, groups: list[int]) -> None:
    works = [database.write(adding(f"w{number:02}")) for number in range(25)]
    rows = [database.add(owners(f"r{number:02}")) for number in range(25)]
    assert (await asyncio.gather(*works, *rows))[:2] == ["w00", "w01"]
    assert sum(groups) == 50
    assert len(groups) <= 2
    assert len(await database.read(names)) == 50


async def test_only_who_caused_a_failure_hears_of_it(database: Database) -> None:
    """Whether the database refused, or the work itself."""

    def refuse(_: Connection) -> None:
        raise LookupError("nothing to change")

    results = await asyncio.gather(
        *(database.write(adding(name)) for name in "abca"),
        database.write(refuse),
        database.add(owners("d", "b")),
        database.add(owners("e")),
        return_exceptions=True,
    )
    assert [type(each) for each in results] == [
        *(str, str, str, IntegrityError, LookupError, IntegrityError),
        type(None),
    ]
    assert await database.read(names) == ["a", "b", "c", "e"]


async def test_rows_of_several_tables_are_one_write(database: Database) -> None:
    await database.add(owners("a"), thing("k", "a"))
    with pytest.raises(IntegrityError):
        await database.add(owners("b"), thing("k", "b"))
    assert await database.read(names) == ["a"]


async def test_a_database_that_cannot_fails_all_who_wait_at_once(
    sqlite_url: str, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not asked again for each of them: that it is locked takes its time to find out."""
    monkeypatch.setattr(engine, "SQLITE_BUSY_TIMEOUT_MS", 1)
    path = sqlite_url.partition("///")[2]
    async with Database(sqlite_url) as database:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            works = [database.write(count_requests) for _ in range(10)]
            results = await asyncio.gather(*works, return_exceptions=True)
        assert [str(each) for each in results] == ["OperationalError: database is locked"] * 10
        assert sum(groups) == 10
        assert await database.write(count_requests) == 0


async def test_what_others_refer_to_stays(database: Database) -> None:
    await database.add(owners("a"), thing("k", "a"))
    with pytest.raises(IntegrityError):
        await database.write(lambda connection: connection.execute(delete(OWNERS)))
    with pytest.raises(IntegrityError):
        await database.add(thing("l", "nobody"))


async def test_a_caller_that_goes_away_changes_nothing(database: Database) -> None:
    await asyncio.gather(database.write(adding("a")))  # The writer waits again.
    caller = asyncio.create_task(database.write(adding("b")))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert await database.write(adding("c")) == "c"
    assert await database.read(names) == ["a", "b", "c"]


async def test_what_waits_is_written_before_it_is_closed(database_url: str) -> None:
    async with Database(database_url) as database:
        writes = [asyncio.create_task(database.write(adding(name))) for name in "ab"]
        await asyncio.sleep(0)
    assert await asyncio.gather(*writes) == ["a", "b"]
    with pytest.raises(StoreFailed):
        await database.write(adding("c"))
    async with Database(database_url) as database:
        assert await database.read(names) == ["a", "b"]


async def test_a_reader_sees_one_moment(database: Database) -> None:
    """While it reads, another owner comes in."""

    def count_twice(connection: Connection) -> list[int]:
        query = select(func.count()).select_from(OWNERS)
        first = connection.execute(query).scalar_one()
        await_only(database.write(adding("late")))
        return [first, connection.execute(query).scalar_one()]

    await database.write(adding("early"))
    assert await database.read(count_twice) == [1, 1]
    assert await database.read(names) == ["early", "late"]


async def test_a_reader_writes_nothing(database: Database, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        assert await database.read(lambda c: adding("a")(c)) == "a"  # Rolled back.
    else:
        with pytest.raises(StoreFailed, match="read-only"):
            await database.read(adding("a"))
    assert await database.read(names) == []


async def test_errors_tell_no_values(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in their texts, in what they were made from, or in the log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    await database.write(adding(NAME))
    failures: list[BaseException] = []
    for bad in (owners(NAME), thing(NAME, "nobody"), Rows(ADD_THINGS, [{"thing": NAME}])):
        with pytest.raises(IntegrityError) as refused:
            await database.add(bad)
        failures.append(refused.value)
    if not database_url.startswith("sqlite"):  # Which would store a text as a number.
        with pytest.raises(StoreFailed) as failed:
            await database.add(Rows(ADD_OWNERS, [{"name": "a", "age": NAME}]))
        failures.append(failed.value)
    with pytest.raises(StoreFailed) as failed:
        await database.read(lambda c: c.execute(text("select :it from nowhere"), {"it": NAME}))
    failures.append(failed.value)
    await database.read(names)
    told = "".join(line for each in failures for line in traceback.format_exception(each))
    assert "owners" in told
    assert NAME not in told + caplog.text


async def test_a_lost_connection_is_replaced(postgresql_url: str) -> None:
    """PostgreSQL was restarted, or a firewall forgot about us, while nobody asked anything."""

    def end_the_others(connection: Connection) -> int:
        ended = connection.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        return len(ended.all())

    async with Database(postgresql_url) as database, Database(postgresql_url) as other:
        for task in (database.write, database.read):
            await asyncio.gather(database.write(count_requests), database.read(count_requests))
            assert await other.write(end_the_others) >= 1
            assert await task(count_requests) == 0


async def test_two_processes_write_to_one_database(database: Database, database_url: str) -> None:
    async with Database(database_url) as other:
        results = await asyncio.gather(
            *(each.write(adding(f"{n:02}")) for n in range(20) for each in (database, other)),
            return_exceptions=True,
        )
    assert sorted(each for each in results if isinstance(each, str)) == await database.read(names)
    assert sum(isinstance(each, IntegrityError) for each in results) == 20


async def test_sqlite_syncs_every_commit_and_overwrites_what_is_deleted(sqlite_url: str) -> None:
    """WAL with synchronous=FULL (2): what was answered survives a power cut."""
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    async with Database(sqlite_url) as database:
        for name, value in expected.items():
            found = await database.read(
                lambda c, name=name: c.exec_driver_sql(f"PRAGMA {name}").scalar()  # type: ignore[misc]
            )
            assert (name, found) == (name, value)


async def test_a_reader_that_keeps_what_is_deleted_is_told(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SQLITE_BUSY_TIMEOUT_MS", 1)
    async with Database(sqlite_url) as database:
        path = sqlite_url.partition("///")[2]
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("select count(*) from requests").fetchone()
            await database.write(lambda each: each.execute(text("delete from requests")))
            await database.write(lambda each: each.execute(text("create table more (id integer)")))
            with pytest.raises(StoreFailed, match="somebody reads"):
                await database.overwrite_deleted()
        await database.overwrite_deleted()


async def test_many_overwrite_at_once(sqlite_url: str) -> None:
    """Whoever finds another at it waits a moment, instead of leaving what was deleted."""
    async with Database(sqlite_url) as database, Database(sqlite_url) as other:
        for _ in range(20):
            await database.write(lambda each: each.execute(text("delete from requests")))
            await asyncio.gather(*(each.overwrite_deleted() for each in (database, other) * 4))


async def test_who_is_cancelled_again_and_again_leaves_nothing_waiting(sqlite_url: str) -> None:
    before = asyncio.all_tasks()
    for turns in range(30):
        async with Database(sqlite_url) as database:
            reads = {asyncio.create_task(database.read(how_many)) for _ in range(8)}
            for _ in range(turns):
                await asyncio.sleep(0)
            while reads:
                for each in reads:
                    each.cancel()
                _, reads = await asyncio.wait(reads, timeout=0)
    assert asyncio.all_tasks() == before


async def test_a_loop_that_ends_cancels_what_is_read(sqlite_url: str) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))
    async with Database(sqlite_url) as database:
        reading = asyncio.create_task(database.read(how_many))
        await asyncio.sleep(0)
        for each in database._reads:
            each.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert told == []


def how_many(connection: Connection) -> object:
    return connection.execute(text("select count(*) from requests")).scalar()


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


def modes(directory: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()}


async def test_only_its_owner_reads_the_file(sqlite_url: str) -> None:
    path = Path(sqlite_url.partition("///")[2])
    for _ in range(2):
        open_to_all(path)
        async with Database(sqlite_url) as database:
            await database.write(
                lambda connection: connection.execute(text("delete from requests"))
            )
            found = modes(path.parent)
        assert set(found.values()) == {0o600}, found
        assert "gateway.db-wal" in found


async def test_a_postgresql_that_forgets_is_refused(postgresql_url: str) -> None:
    other = create_engine(postgresql_url)
    async with other.begin() as connection:
        name = (await connection.exec_driver_sql("select current_database()")).scalar_one()
        await connection.exec_driver_sql(f"alter database {name} set synchronous_commit = off")
    await other.dispose()
    with pytest.raises(Misconfigured, match="synchronous_commit"):
        async with Database(postgresql_url):
            pass


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("gateway.db", "must begin with"),
        ("postgresql://localhost/gateway", "must begin with"),
        ("mysql+aiomysql://localhost/gateway", "must begin with"),
        ("sqlite+aiosqlite://", "must name a file"),
        ("sqlite+aiosqlite:///:memory:", "must name a file"),
        ("sqlite+aiosqlite:///file:gateway.db?mode=ro&uri=true", "unknown option `mode`"),
        ("postgresql+asyncpg://localhost/gateway?sslmode=require", "unknown option `sslmode`"),
    ],
)
def test_a_url_that_is_wrong_is_told(url: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        Database(url)


async def test_why_there_is_no_connection_is_told(tmp_path: Path) -> None:
    database = Database(f"postgresql+asyncpg://gateway@/gateway?host={tmp_path}")
    with pytest.raises(StoreFailed, match="No such file"):
        async with database:
            pass
