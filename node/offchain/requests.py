"""What the gateway promised, kept under the client's Idempotency-Key: the idempotency store.

One row per statement. It is on disk before its record is proposed for the first time, and from then
on exactly these bytes are proposed, however often, whoever leads: a retry can never deposit twice.
The primary key decides who was first when two requests with one key arrive at once, in this
process or in two gateways on one database.

A row is *settled* when the chain has taken or skipped its record. 24 hours later the record is
deleted, which the chain has, and the row only remembers that this key was used, and for which
statement. What opens a deposit is kept with it (`deposits`), not here.

A row may *await* the key of another gateway of the database: then its `record` is the bare
statement, which nobody proposes, until that gateway has put the signed record in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from node.offchain.database import Database, Rows, Work
from node.offchain.tables.requests import SKIPPED_LENGTH_MAX, requests

KEEP_MS = 24 * 3600 * 1000
"""How long after settling a record is kept: a client that lost its answer asks within a day, and
then without a member's help."""
RECOVER_BATCH = 64
"""Rows read at once when the gateway starts; each may hold half a megabyte."""

_COLUMNS = tuple(requests.columns.keys())
_ADD = insert(requests)
_SETTLE = (
    update(requests)
    .where(requests.c.statement_id == bindparam("by_statement"), requests.c.settled_ms.is_(None))
    .values(settled_ms=bindparam("at"), skipped=bindparam("why"))
)


_AWAITING = requests.c.awaits.is_not(None) & requests.c.settled_ms.is_(None)


class KeyTaken(Exception):
    """This account has used this Idempotency-Key before; nothing was stored."""


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """One row. `record` is what is proposed, once `awaits` names nobody."""

    account: str
    idempotency_key: str
    part: int
    request_digest: bytes
    statement_id: bytes
    record: bytes | None
    stored_ms: int
    settled_ms: int | None = None
    skipped: str | None = None
    awaits: str | None = None


class RequestStore:
    """The table `requests`. Whatever the database refuses to do raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, rows: Sequence[StoredStatement], *beside: Rows, work: Work[None] | None = None
    ) -> None:
        """Returns once all rows are on disk, with those of other tables that belong to them, and
        what `work` changed; raises `KeyTaken` if any of their keys was."""
        try:
            await self._database.add(Rows(_ADD, [_values(row) for row in rows]), *beside, work=work)
        except IntegrityError:
            raise KeyTaken from None

    async def settle(
        self, statement_id: bytes, now_ms: int, skipped: str | None, *beside: Rows
    ) -> None:
        """The chain has taken this statement, or skipped it for this reason; on disk together with
        what other tables say of that."""
        values: dict[str, object] = {
            "by_statement": statement_id,
            "at": now_ms,
            "why": skipped and skipped[:SKIPPED_LENGTH_MAX],
        }
        await self._database.add(Rows(_SETTLE, [values]), *beside)

    async def under_key(self, account: str, key: str) -> list[StoredStatement]:
        """The statements of one request, in order."""
        query = select(requests).where(
            requests.c.account == account, requests.c.idempotency_key == key
        )
        return await self._read(query.order_by(requests.c.part))

    async def by_receipt(self, account: str, prefix: bytes) -> list[StoredStatement]:
        """This account's statements whose id begins with these 16 bytes."""
        low, high = prefix.ljust(32, b"\x00"), prefix.ljust(32, b"\xff")
        query = select(requests).where(
            requests.c.account == account, requests.c.statement_id.between(low, high)
        )
        return await self._read(query)

    async def unsettled(
        self, after: bytes = b"", stored_before_ms: int | None = None
    ) -> list[StoredStatement]:
        """Some signed statements whose fate is not known here, in the order of their ids."""
        waits = requests.c.settled_ms.is_(None) & (requests.c.statement_id > after)
        waits &= requests.c.awaits.is_(None)
        if stored_before_ms is not None:
            waits &= requests.c.stored_ms < stored_before_ms
        query = select(requests).where(waits).order_by(requests.c.statement_id).limit(RECOVER_BATCH)
        return await self._read(query)

    async def awaiting(self, key: str) -> list[StoredStatement]:
        """Some statements that wait for the signature of this key, the oldest first."""
        query = select(requests).where(_AWAITING, requests.c.awaits == key)
        return await self._read(query.order_by(requests.c.stored_ms).limit(RECOVER_BATCH))

    async def sign(self, statement_id: bytes, key: str, record: bytes) -> None:
        """The record of a statement that has waited for this key; once only."""
        change = (
            update(requests)
            .where(_AWAITING, requests.c.statement_id == statement_id, requests.c.awaits == key)
            .values(record=record, awaits=None)
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def forget(self, now_ms: int) -> int:
        """Delete records settled more than `KEEP_MS` ago; says of how many rows."""
        old = (requests.c.settled_ms < now_ms - KEEP_MS) & requests.c.record.is_not(None)
        delete = update(requests).where(old).values(record=None)
        count = await self._database.write(lambda connection: connection.execute(delete).rowcount)
        await self._database.overwrite_deleted()  # Also what an earlier time left.
        return count

    async def check(self) -> None:
        """Raise if the database cannot be read."""
        await self._read(select(requests).limit(1))

    async def _read(self, query: Select[Any]) -> list[StoredStatement]:
        def work(connection: Connection) -> list[StoredStatement]:
            return [StoredStatement(**row._mapping) for row in connection.execute(query)]

        return await self._database.read(work)


def _values(row: StoredStatement) -> dict[str, object]:
    return {column: getattr(row, column) for column in _COLUMNS}
