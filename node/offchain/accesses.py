"""The record of accesses: who did or tried what, when, from where, and whether it was allowed.

公安部令第82号 Art. 7(三) names the fields. Rows are added and never changed; where a request came
from is personal data and sealed under a key of the row.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_

from node.accounts.action import Action
from node.offchain.accounts import ID_SIZE, Random
from node.offchain.database import Database, Rows
from node.offchain.tables.accesses import accesses
from node.offchain.tables.inspections import inspections
from node.vault.sealing import Vault

READ_MAX = 1_000
"""Rows in one answer; whoever wants more asks from where this one ended."""

DAY_MS = 24 * 3600 * 1000
KEEP_MS = 400 * DAY_MS
"""How long a line is kept; the law asks for six months (网络安全法 Art. 23(三))."""
assert KEEP_MS >= 184 * DAY_MS

_ADD = insert(accesses)
_place = tuple_(accesses.c.at_ms, accesses.c.id)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line stands among the others: lines of one millisecond have an order too."""

    at_ms: int
    id: str


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the record. `account` did it, to `object`, coming from `origin`; to show it
    in an `inspection`, if there was one. A line that was read has a `place`, from which reading
    goes on."""

    at_ms: int
    account: str | None
    action: Action
    object: str | None
    allowed: bool
    request_id: str | None = None
    origin: str | None = None
    inspection: str | None = None
    place: Place | None = None


class AccessStore:
    """The table of accesses. Whatever the database refuses to do raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def add(self, access: Access) -> None:
        """Returns once it is on disk: what is not recorded is not answered."""
        await self._database.add(Rows(_ADD, [self._values(access)]))

    async def between(
        self,
        from_ms: int,
        to_ms: int,
        *,
        account: str | None = None,
        inspection: str | None = None,
        after: Place | None = None,
        limit: int = READ_MAX,
    ) -> list[Access]:
        """From one time to before another, the oldest first; of one account, or shown in one
        inspection, if one is given."""
        query = select(accesses).where(accesses.c.at_ms >= from_ms, accesses.c.at_ms < to_ms)
        if account is not None:
            query = query.where(accesses.c.account == account)
        if inspection is not None:
            query = query.where(accesses.c.inspection == inspection)
        if after is not None:
            query = query.where(_place > (after.at_ms, after.id))
        query = query.order_by(accesses.c.at_ms, accesses.c.id).limit(min(limit, READ_MAX))
        return await self._database.read(
            lambda connection: [self._access(each) for each in connection.execute(query)]
        )

    async def about(
        self, objects: Collection[str], *, after: Place | None = None, limit: int = READ_MAX
    ) -> list[Access]:
        """What was done to exactly these, the oldest first. Where requests came from stays sealed:
        that is only for who is responsible for network security."""
        query = select(accesses).where(accesses.c.object.in_(objects))
        if after is not None:
            query = query.where(_place > (after.at_ms, after.id))
        query = query.order_by(accesses.c.at_ms, accesses.c.id).limit(min(limit, READ_MAX))
        return await self._database.read(
            lambda connection: [_without_origin(each) for each in connection.execute(query)]
        )

    async def forget(self, now_ms: int) -> int:
        """Delete the lines whose time is over, and the inspections in which such were shown; says
        how many lines."""
        old = delete(accesses).where(accesses.c.at_ms < now_ms - KEEP_MS)
        shown_in = delete(inspections).where(inspections.c.opened_ms < now_ms - KEEP_MS)

        def work(connection: Connection) -> int:
            connection.execute(shown_in)
            return connection.execute(old).rowcount

        return await self._database.write(work)

    def _values(self, access: Access) -> dict[str, object]:
        identity, data_key, sealed = self._random(ID_SIZE).hex(), None, None
        if access.origin is not None:
            row, data_key = self._vault.new_row("accesses", identity.encode(), self._random)
            sealed = row.seal("origin_sealed", access.origin.encode(), self._random)
        return {
            "id": identity,
            "at_ms": access.at_ms,
            "account": access.account,
            "action": access.action.name,
            "object": access.object,
            "allowed": access.allowed,
            "request_id": access.request_id,
            "inspection": access.inspection,
            "data_key": data_key,
            "origin_sealed": sealed,
        }

    def _access(self, kept: Row[Any]) -> Access:
        origin = None
        if kept.data_key is not None:
            row = self._vault.row("accesses", kept.id.encode(), kept.data_key)
            origin = row.open("origin_sealed", kept.origin_sealed).decode()
        return replace(_without_origin(kept), origin=origin)


def _without_origin(kept: Row[Any]) -> Access:
    return Access(
        kept.at_ms,
        kept.account,
        Action[kept.action],
        kept.object,
        kept.allowed,
        kept.request_id,
        inspection=kept.inspection,
        place=Place(kept.at_ms, kept.id),
    )
