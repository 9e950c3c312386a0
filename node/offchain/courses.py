"""How matters and series run: their deposits in order, read from the table of deposits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from node.offchain.database import Database
from node.offchain.deposit_values import RECORD, DepositRecord, record_of
from node.offchain.tables.deposits import deposits
from node.words import State

READ_MAX = 1_000
"""Deposits in one answer; whoever wants more asks from where this one ended."""


class CourseStore:
    """Reads only. Whatever the database refuses raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def before(self, account: str, series: bytes, seq: int) -> bytes | None:
        """The statement of the next lower number in the account's series, which has not failed."""
        query = (
            _of_series(account, series)
            .where(deposits.c.series_seq < seq, deposits.c.state != State.FAILED.name)
            .order_by(deposits.c.series_seq.desc(), deposits.c.received_ms)
            .limit(1)
        )
        found = await self._records(query)
        return found[0].statement_id if found else None

    async def series(self, account: str, series: bytes, first: int) -> list[DepositRecord]:
        """The deposits of an account's series from one number on, `READ_MAX` at most."""
        query = _of_series(account, series).where(deposits.c.series_seq >= first)
        order = deposits.c.series_seq, deposits.c.received_ms, deposits.c.statement_id
        return await self._records(query.order_by(*order).limit(READ_MAX))

    async def matter(self, account: str, matter_id: str) -> list[DepositRecord]:
        """The deposits of an account's matter, the oldest first, `READ_MAX` at most."""
        query = select(*RECORD).where(
            deposits.c.account == account, deposits.c.matter_id == matter_id
        )
        order = deposits.c.received_ms, deposits.c.statement_id
        return await self._records(query.order_by(*order).limit(READ_MAX))

    async def _records(self, query: Select[Any]) -> list[DepositRecord]:
        return await self._database.read(
            lambda connection: [record_of(each) for each in connection.execute(query)]
        )


def _of_series(account: str, series: bytes) -> Select[Any]:
    return select(*RECORD).where(deposits.c.account == account, deposits.c.series == series)
