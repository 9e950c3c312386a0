"""How a database is opened, whoever works with it: durable, private, and silent about values.

What is kept here opens deposits and names people. So nobody but the gateway's own user may read the
file of an SQLite database, and what is deleted from it is overwritten; of PostgreSQL the same is
its operator's to see to (docs/operations.md). And no error or log line says what stood in a row.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from typing import Any

from sqlalchemy import URL, AdaptedConnection, Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from node.errors import Misconfigured

SQLITE_BUSY_TIMEOUT_MS = 5_000
"""A second process on one SQLite file waits this long for the first one's transaction."""
AGAIN_PAUSE_S = 0.005
CONNECT_TIMEOUT_S = 10
COMMAND_TIMEOUT_S = 60
"""PostgreSQL that does not answer: the largest statement takes seconds, a dead host for ever."""

_OPTIONS = {
    "sqlite+aiosqlite": frozenset[str](),
    "postgresql+asyncpg": frozenset({"host", "passfile", "ssl"}),
}
"""The databases there are, and what a URL may say after its question mark."""
_PRIVATE = 0o600
_TELLING = ("aiosqlite", "sqlalchemy")
"""Loggers that at their most talkative write what stands in rows."""
_HARMLESS = frozenset({"08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"})
"""SQLSTATE classes about connections, resources and the schema: their texts hold no values."""


class StoreFailed(Exception):
    """The database did not say that it did it; asking for the same again is safe."""


def create_engine(url: str, *, patient: bool = False) -> AsyncEngine:
    """The engine of a database, its transactions beginning where SQLAlchemy says they begin.

    A `patient` one waits for PostgreSQL as long as a command takes. Raises `Misconfigured` if it
    is no database we know, and `StoreFailed` if it is a file that cannot be opened.
    """
    for name in _TELLING:
        logging.getLogger(name).setLevel(logging.WARNING)
    parsed = _parse(url)
    command_timeout_s = None if patient else COMMAND_TIMEOUT_S
    timeouts = {"timeout": CONNECT_TIMEOUT_S, "command_timeout": command_timeout_s}
    engine = create_async_engine(
        parsed, hide_parameters=True, connect_args={} if is_sqlite(url) else timeouts
    )
    if is_sqlite(url):
        assert parsed.database is not None
        _make_private(parsed.database)
        event.listen(engine.sync_engine, "connect", _durable)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    options = _OPTIONS.get(parsed.drivername) if parsed is not None else None
    if parsed is None or options is None:
        raise Misconfigured(
            f"database: its URL must begin with {' or '.join(_OPTIONS)}",
            f"数据库：地址须以 {' 或 '.join(_OPTIONS)} 开头",
        )
    if is_sqlite(url) and parsed.database in (None, "", ":memory:"):
        raise Misconfigured("database: its URL must name a file", "数据库：地址须指明一个文件")
    if unknown := parsed.query.keys() - options:
        unknown_one = min(unknown)
        raise Misconfigured(
            f"database: unknown option `{unknown_one}` in its URL",
            f"数据库：地址中有未知的选项 `{unknown_one}`",
        )
    return parsed


def require_durable(connection: Connection) -> None:
    """Raise `Misconfigured` if PostgreSQL may forget what it said it has stored."""
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql("show synchronous_commit").scalar_one() == "off":
        raise Misconfigured(
            "database: its `synchronous_commit` is off, it would lose promises",
            "数据库：`synchronous_commit` 已关闭，已答复的存证可能丢失",
        )


def is_sqlite(url: str) -> bool:
    """Whether this is one gateway's own file."""
    return url.startswith("sqlite")


def for_reading(engine: AsyncEngine) -> AsyncEngine:
    """The same, with transactions that see one moment and write nothing."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reads=True)
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def empty_log(connection: Connection) -> bool:
    """Empty SQLite's write-ahead log; False if somebody reads what stands in it."""

    async def checkpoint(driver: Any) -> bool:
        # SQLite waits for readers itself, but not for another who empties the log just then.
        end = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
        while True:
            # Not through SQLAlchemy: it would begin a transaction, and in one it cannot be done.
            async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                (busy, *_) = await cursor.fetchone()
            if not busy or time.monotonic() > end:
                return not busy
            await asyncio.sleep(AGAIN_PAUSE_S)

    return _driver(connection).run_async(checkpoint)


def told(error: Exception) -> Exception:
    """What may be told of an error: its kind, and never what stood in a row.

    Anything that is not of the database's making is returned as it is.
    """
    if isinstance(error, IntegrityError):
        return IntegrityError(None, None, Exception(_kind(error)))
    if isinstance(error, SQLAlchemyError | sqlite3.Error | OSError):
        return StoreFailed(_kind(error))
    return error


def concerns_all(error: Exception) -> bool:
    """Whether the database itself cannot, whoever asks: it is gone, does not answer, or is locked.

    Asking again for everyone who waits would take seconds for each of them.
    """
    if isinstance(error, DBAPIError):
        return error.statement is None or error.connection_invalidated
    return isinstance(error, SQLAlchemyError | sqlite3.Error | OSError)


def _kind(error: Exception) -> str:
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state: str | None = getattr(origin, "sqlstate", None)
    name = type(origin).__name__
    if state is not None and state[:2] not in _HARMLESS:
        return f"{name} {state} {_constraint(origin)}".rstrip()
    stated = isinstance(error, DBAPIError) and error.statement is not None
    if stated and state is None and "asyncpg" in type(origin).__module__:
        return name  # A driver's own complaint quotes what it could not send.
    return f"{name}: {origin}".partition("\n")[0]


def _constraint(origin: BaseException) -> str:
    """What was violated, where PostgreSQL says it apart from the values that did."""
    driver = getattr(origin, "driver_exception", None)
    return getattr(driver, "constraint_name", None) or getattr(driver, "column_name", None) or ""


def _durable(connection: Any, _: object) -> None:
    connection.isolation_level = None  # Python would begin late, and end before a DDL statement.
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
    # WAL: readers never wait for the writer. FULL: a commit is on the disk, not in a cache.
    _use_write_ahead_log(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_write_ahead_log(cursor: Any) -> None:
    """Two who open a new file at once each want what the other holds: then SQLite refuses one of
    them without waiting. The other is done in a moment."""
    end = time.monotonic() + SQLITE_BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(AGAIN_PAUSE_S)
        else:
            return


def _begin(connection: Connection) -> None:
    # A reader that became a writer half-way would be refused, however long it waited.
    reads = connection.get_execution_options().get("reads", False)
    statement = "BEGIN" if reads else "BEGIN IMMEDIATE"
    # Not `exec_driver_sql`, which would go four times to the connection's thread, not once.
    _driver(connection).run_async(lambda driver: driver.execute(statement))


def _driver(connection: Connection) -> AdaptedConnection:
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, AdaptedConnection)
    return driver


def _make_private(path: str) -> None:
    """Only the owner reads the file; SQLite gives the log beside it the same permissions."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.chmod(path + suffix, _PRIVATE)
    except OSError as error:
        raise StoreFailed(f"{path}: {error.strerror}") from error
