"""Inspections by authorities: opened with all that is asked of them, closed, and kept as a record.

What was shown in one are the lines of the record of accesses that name it; it is forgotten with
them (`AccessStore.forget`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from node.accounts.inspection import Inspection, format_inspection, parse_inspection
from node.offchain.accounts import ID_SIZE, Random
from node.offchain.database import Database, Rows
from node.offchain.tables.inspections import inspections
from node.vault.sealing import Vault

_ADD = insert(inspections)
_COLUMN = "inspection_sealed"


class NotOpen(Exception):
    """There is no such inspection, or it has ended."""


@dataclass(frozen=True, slots=True)
class KeptInspection:
    """An inspection, and when it was."""

    id: str
    inspection: Inspection
    opened_ms: int
    closed_ms: int | None


class InspectionStore:
    """The table `inspections`. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def open(self, inspection: Inspection, now_ms: int) -> str:
        """It begins; returns its id, which is written on what is shown."""
        identity = self._random(ID_SIZE).hex()
        row, data_key = self._vault.new_row("inspections", identity.encode(), self._random)
        values = {
            "id": identity,
            "opened_ms": now_ms,
            "data_key": data_key,
            _COLUMN: row.seal(_COLUMN, format_inspection(inspection), self._random),
        }
        await self._database.add(Rows(_ADD, [values]))
        return identity

    async def require_open(self, identity: str) -> None:
        """Raise `NotOpen` unless things may be shown under it."""
        found = await self.find(identity)
        if found is None or found.closed_ms is not None:
            raise NotOpen

    async def close(self, identity: str, now_ms: int) -> None:
        """It ends; raises `NotOpen`."""
        change = (
            update(inspections)
            .where(inspections.c.id == identity, inspections.c.closed_ms.is_(None))
            .values(closed_ms=now_ms)
        )
        if not await self._database.write(lambda connection: connection.execute(change).rowcount):
            raise NotOpen

    async def find(self, identity: str) -> KeptInspection | None:
        """One of them."""
        query = select(inspections).where(inspections.c.id == identity)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else self._kept(row)

    async def all(self) -> list[KeptInspection]:
        """All that are kept, the oldest first."""
        query = select(inspections).order_by(inspections.c.opened_ms, inspections.c.id)
        return await self._database.read(
            lambda connection: [self._kept(each) for each in connection.execute(query)]
        )

    def _kept(self, kept: Row[Any]) -> KeptInspection:
        row = self._vault.row("inspections", kept.id.encode(), kept.data_key)
        inspection = parse_inspection(row.open(_COLUMN, kept.inspection_sealed))
        return KeptInspection(kept.id, inspection, kept.opened_ms, kept.closed_ms)
