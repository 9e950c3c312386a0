"""What the gateway promised, kept under the client's Idempotency-Key: the idempotency store.

One row per statement. It is on disk before its record is proposed for the first time, and from then
on exactly these bytes are proposed, however often, whoever leads: a retry can never deposit twice.
The primary key decides who was first when two requests with one key arrive at once, in this
process or in two gateways on one database.

A row is *settled* when the chain has taken or skipped its record. From then on its answer can be
asked for again for 24 hours; after that the record and what opens its items are deleted, and the
row only remembers that this key was used, and for which statement.

The store holds what opens deposits. So nobody but the gateway's own user may read the file of an
SQLite store, and what is deleted is overwritten; other databases are for their operator to set up.

One task writes (`run`): it takes all that is waiting into one transaction, so that many clients
share one fsync. If the process stops before a commit, no caller has been told anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    bindparam,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

KEEP_MS = 24 * 3600 * 1000
"""How long after settling the full answer is kept: a client that lost it asks within a day."""
IDEMPOTENCY_KEY_LENGTH_MAX = 128
RECOVER_BATCH = 64
"""Rows read at once when the gateway starts; each may hold half a megabyte."""
SKIPPED_LENGTH_MAX = 300
SQLITE_BUSY_TIMEOUT_MS = 5_000
"""A second process on one SQLite file waits this long for the first one's transaction."""

_PRIVATE = 0o600

_log = logging.getLogger(__name__)

_metadata = MetaData()
_requests = Table(
    "requests",
    _metadata,
    Column("account", String(64), primary_key=True),
    Column("idempotency_key", String(IDEMPOTENCY_KEY_LENGTH_MAX), primary_key=True),
    Column("part", Integer, primary_key=True),  # The statement's place in its request.
    Column("request_digest", LargeBinary(32), nullable=False),
    Column("statement_id", LargeBinary(32), nullable=False, index=True),
    Column("record", LargeBinary, nullable=True),
    Column("keepsake", LargeBinary, nullable=True),
    Column("stored_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=True, index=True),
    Column("skipped", String(SKIPPED_LENGTH_MAX), nullable=True),
)


class KeyTaken(Exception):
    """This account has used this Idempotency-Key before; nothing was stored."""


class StoreFailed(Exception):
    """The database did not do it; nothing was stored."""


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """One row. `record` is what is proposed; `keepsake` is what only the depositor should have."""

    account: str
    idempotency_key: str
    part: int
    request_digest: bytes
    statement_id: bytes
    record: bytes | None
    keepsake: bytes | None
    stored_ms: int
    settled_ms: int | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class _Write:
    """Work for the writer: rows to add, or one row's settlement."""

    rows: Sequence[StoredStatement]
    settled: dict[str, object] | None
    done: asyncio.Future[None]


class RequestStore:
    """The table, its one writer and its readers. Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._waiting: list[_Write] = []
        self._filled = asyncio.Event()

    async def __aenter__(self) -> RequestStore:
        async with self._engine.begin() as connection:
            await connection.run_sync(_metadata.create_all)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.dispose()

    async def run(self) -> NoReturn:
        """Write what is waiting, until cancelled. A database error fails those who waited."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            group, self._waiting = self._waiting, []
            try:
                async with self._engine.connect() as connection:
                    await connection.run_sync(_write_group, group)
            except SQLAlchemyError as error:
                _log.exception("the idempotency store failed")
                for write in group:
                    _finish(write, StoreFailed(str(error)))

    async def add(self, rows: Sequence[StoredStatement]) -> None:
        """Returns once all rows are on disk; raises `KeyTaken` if any of their keys was."""
        await self._enqueue(_Write(rows, None, asyncio.get_running_loop().create_future()))

    async def settle(self, statement_id: bytes, now_ms: int, skipped: str | None) -> None:
        """The chain has taken this statement, or skipped it for this reason."""
        values: dict[str, object] = {
            "by_statement": statement_id,
            "at": now_ms,
            "why": skipped and skipped[:SKIPPED_LENGTH_MAX],
        }
        await self._enqueue(_Write((), values, asyncio.get_running_loop().create_future()))

    async def under_key(self, account: str, key: str) -> list[StoredStatement]:
        """The statements of one request, in order."""
        query = select(_requests).where(
            _requests.c.account == account, _requests.c.idempotency_key == key
        )
        return await self._read(query.order_by(_requests.c.part))

    async def by_receipt(self, account: str, prefix: bytes) -> list[StoredStatement]:
        """This account's statements whose id begins with these 16 bytes."""
        low, high = prefix.ljust(32, b"\x00"), prefix.ljust(32, b"\xff")
        query = select(_requests).where(
            _requests.c.account == account, _requests.c.statement_id.between(low, high)
        )
        return await self._read(query)

    async def unsettled(self, after: bytes = b"") -> list[StoredStatement]:
        """Some statements whose fate is not known here, in the order of their ids."""
        query = (
            select(_requests)
            .where(_requests.c.settled_ms.is_(None), _requests.c.statement_id > after)
            .order_by(_requests.c.statement_id)
            .limit(RECOVER_BATCH)
        )
        return await self._read(query)

    async def forget(self, now_ms: int) -> int:
        """Delete records and keepsakes settled more than `KEEP_MS` ago; says of how many rows."""
        old = (_requests.c.settled_ms < now_ms - KEEP_MS) & _requests.c.record.is_not(None)
        try:
            async with self._engine.begin() as connection:
                result = await connection.execute(
                    update(_requests).where(old).values(record=None, keepsake=None)
                )
            if result.rowcount and self._engine.dialect.name == "sqlite":
                await self._empty_wal()
        except SQLAlchemyError as error:
            raise StoreFailed(str(error)) from error
        return result.rowcount

    async def _empty_wal(self) -> None:
        """The write-ahead log still has the pages as they were before."""
        async with self._engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    async def check(self) -> None:
        """Raise if the database cannot be read."""
        await self._read(select(_requests).limit(1))

    async def _read(self, query: Select[Any]) -> list[StoredStatement]:
        async with self._engine.connect() as connection:
            return [_stored(row) for row in await connection.execute(query)]

    async def _enqueue(self, write: _Write) -> None:
        self._waiting.append(write)
        self._filled.set()
        await write.done


def _write_group(connection: Connection, group: Sequence[_Write]) -> None:
    """All in one transaction; if a key in it was taken, each in its own so that only that fails."""
    try:
        _write(connection, group)
    except IntegrityError:
        connection.rollback()
        if len(group) == 1:
            _finish(group[0], KeyTaken())
            return
        for write in group:
            _write_group(connection, [write])
        return
    for write in group:
        _finish(write, None)


def _write(connection: Connection, group: Sequence[_Write]) -> None:
    rows = [_values(row) for write in group for row in write.rows]
    settled = [write.settled for write in group if write.settled is not None]
    if rows:
        connection.execute(insert(_requests), rows)
    if settled:
        connection.execute(
            update(_requests)
            .where(
                _requests.c.statement_id == bindparam("by_statement"),
                _requests.c.settled_ms.is_(None),
            )
            .values(settled_ms=bindparam("at"), skipped=bindparam("why")),
            settled,
        )
    connection.commit()  # The fsync that every caller of this group waits for.


def _finish(write: _Write, error: Exception | None) -> None:
    if write.done.done():  # Its caller went away; what is written stays written.
        return
    if error is None:
        write.done.set_result(None)
    else:
        write.done.set_exception(error)


def _values(row: StoredStatement) -> dict[str, object]:
    return {column.name: getattr(row, column.name) for column in _requests.columns}


def _stored(row: Row[Any]) -> StoredStatement:
    return StoredStatement(**row._mapping)


def _engine(url: str) -> AsyncEngine:
    # An error's text ends in a log, where accounts and what they call their requests do not belong.
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _make_private(engine.url.database)

        @event.listens_for(engine.sync_engine, "connect")
        def _durable(connection: Any, _: object) -> None:
            # WAL: readers never wait for the writer. FULL: a commit is on the disk, not in a cache.
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA secure_delete=ON")
            cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
            cursor.close()

    return engine


def _make_private(path: str | None) -> None:
    """Only the owner reads the file; SQLite gives the log beside it the same permissions."""
    if not path or path == ":memory:":
        return
    with contextlib.suppress(OSError):  # What cannot be opened is told when it is.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.chmod(path + suffix, _PRIVATE)
