"""A database with one writer: what many ask for at once becomes one transaction and one fsync.

    await database.write(work)         `work(connection)` in a transaction that is committed
    await database.find_or_add(work)   the same where another gateway may add the same first
    await database.add(Rows(...))      the same without a function, for what comes in thousands
    await database.read(work)          `work(connection)` in a transaction that sees one moment

A *work* is a plain function of the connection and of nothing that changes. It may run more than
once, since the transaction it ran in may fail for another's sake, and only its last run counts. It
does not commit, wait, or go on after an error of the database. What it returns or raises reaches
its caller; an `IntegrityError` is the caller's to explain, and says no more than which constraint.

If the process stops before a commit, no caller has been told anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from node.offchain import revisions
from node.offchain.engine import (
    StoreFailed,
    concerns_all,
    create_engine,
    empty_log,
    for_reading,
    require_durable,
    told,
)
from node.offchain.statements import Statement, Values, execute

TRIES = 5
"""Each fails only because somebody else's has succeeded."""

_Result = TypeVar("_Result")
Work = Callable[[Connection], _Result]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """One statement, carried out with each of the values. All of them have the same names.

    Those that wait for the writer with the same statement object are sent to the database together.
    """

    statement: Statement
    values: Sequence[Values]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What somebody asked the writer for, and where the answer goes."""

    rows: Sequence[Rows]
    work: Work[Any]
    done: asyncio.Future[Any]


class Database:
    """Use as an async context manager; refuses to open a schema that is not this version's."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._reading = for_reading(self._engine)
        self._reads: set[asyncio.Task[Any]] = set()
        self._waiting: list[_Waiting] = []  # Emptied by the writer alone.
        self._filled = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`, for the few statements that are spelled differently."""
        return self._engine.dialect.name

    async def __aenter__(self) -> Database:
        try:
            await self.read(require_durable)
            await self.read(revisions.require_current)
        except BaseException:
            await self._engine.dispose()
            raise
        self._writer = asyncio.create_task(self._write_what_waits())
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is waiting is still written."""
        assert self._writer is not None
        self._closing = True
        self._filled.set()
        await self._writer
        await asyncio.gather(*self._reads, return_exceptions=True)
        await self._engine.dispose()

    async def read(self, work: Callable[[Connection], _Result]) -> _Result:
        """What `work` finds; it sees the database as it was at one moment.

        Carried to its end also when its caller is cancelled: aiosqlite, cancelled twice while it
        gives up a connection, waits for ever, and web servers cancel until they are heard.
        """
        reading = asyncio.create_task(_carry_out(self._reading, work))
        self._reads.add(reading)
        reading.add_done_callback(self._has_read)
        try:
            return await asyncio.shield(reading)
        except Exception as error:
            failure = told(error)
            if failure is error:
                raise
        raise failure

    def _has_read(self, reading: asyncio.Task[Any]) -> None:
        self._reads.discard(reading)
        if not reading.cancelled():  # As it is where the loop itself ends.
            reading.exception()  # Heard, also if its caller has gone away.

    async def write(self, work: Callable[[Connection], _Result]) -> _Result:
        """Returns what `work` returned, once that is on disk."""
        result: _Result = await self._enqueue((), work)
        return result

    async def find_or_add(self, work: Callable[[Connection], _Result]) -> _Result:
        """The same for a work that adds what it does not find: what another gateway has added in
        between is found when it is done again."""
        for _ in range(TRIES - 1):
            with contextlib.suppress(IntegrityError):
                return await self.write(work)
        return await self.write(work)

    async def add(self, *rows: Rows, work: Work[None] | None = None) -> None:
        """Returns once all of them are on disk, and what `work` changed after them; raises
        `IntegrityError` if none of them is."""
        await self._enqueue(rows, work or _nothing)

    async def overwrite_deleted(self) -> None:
        """What was deleted is still in SQLite's write-ahead log until this has been done."""
        if self._engine.dialect.name == "sqlite" and not await self.read(empty_log):
            raise StoreFailed("somebody reads for long: what was deleted is still in the log")

    async def _enqueue(self, rows: Sequence[Rows], work: Work[Any]) -> Any:
        if self._closing:
            raise StoreFailed("the database is being closed")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(rows, work, done))
        self._filled.set()
        return await done

    async def _write_what_waits(self) -> None:
        while self._waiting or not self._closing:
            await self._filled.wait()
            self._filled.clear()
            group, self._waiting = self._waiting, []
            if group:
                await self._write_group(group)

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        """All in one transaction; if one of them fails it, each in its own: only that one fails."""
        try:
            results = await _carry_out(self._engine, lambda connection: _do_all(connection, group))
        except Exception as error:
            if len(group) > 1 and not concerns_all(error):
                for each in group:
                    await self._write_group([each])
            else:
                _fail(group, error)
            return
        for each, result in zip(group, results, strict=True):
            if not each.done.done():  # Its caller may have gone away; what is written stays.
                each.done.set_result(result)


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    if isinstance(told(error), StoreFailed):
        _log.error("the database failed %d who asked: %s", len(group), told(error))
    for each in group:
        if not each.done.done():
            each.done.set_exception(told(error))


def _do_all(connection: Connection, group: Sequence[_Waiting]) -> list[Any]:
    together: dict[Statement, list[Values]] = {}
    for each in group:
        for rows in each.rows:
            together.setdefault(rows.statement, []).extend(rows.values)
    for statement, values in together.items():
        if values:
            execute(connection, statement, values)
    results = [each.work(connection) for each in group]
    connection.commit()  # The fsync that everybody in the group waits for.
    return results


def _nothing(_: Connection) -> None:
    """The work of whoever has only rows."""


async def _carry_out(engine: AsyncEngine, work: Callable[[Connection], _Result]) -> _Result:
    """In one transaction, undone unless `work` commits it.

    A connection that was lost since its last use is no failure yet.
    """
    try:
        return await _carry_out_once(engine, work)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return await _carry_out_once(engine, work)


async def _carry_out_once(engine: AsyncEngine, work: Callable[[Connection], _Result]) -> _Result:
    async with engine.connect() as connection:
        return await connection.run_sync(work)
