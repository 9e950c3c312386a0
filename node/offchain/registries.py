"""The registries of courts, certification authorities and interests: what an operator loaded, and
what ships.

Rows are added and replaced, never deleted: a code that was once in use is found for its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select

from node.casework.court import SHIPPED_COURTS, Authority, AuthorityKind, Court, CourtLevel
from node.casework.interest import Interest, Relation
from node.offchain.database import Database
from node.offchain.tables.registries import authorities, courts, interests

_TABLES: dict[type, Table] = {Court: courts, Authority: authorities, Interest: interests}
_SHIPPED = {each.court_code: each for each in SHIPPED_COURTS}


class RegistryStore:
    """The tables of the registries. Whatever the database refuses raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(
        self, entries: Sequence[Court] | Sequence[Authority] | Sequence[Interest]
    ) -> None:
        """Add these, or none of them; those with a key that is there take its place."""

        def work(connection: Connection) -> None:
            for each in entries:
                table, values = _TABLES[type(each)], _values(each)
                same = (key == values[key.name] for key in table.primary_key.columns)
                connection.execute(delete(table).where(*same))
                connection.execute(insert(table).values(values))

        await self._database.write(work)

    async def court(self, code: str) -> Court | None:
        """The court of this code, as it was loaded or as it ships."""
        for row in await self._rows(courts, courts.c.court_code == code):
            return _court(row)
        return _SHIPPED.get(code)

    async def authority(self, root_digest: bytes) -> Authority | None:
        """The authority whose root certificate this is."""
        for row in await self._rows(authorities, authorities.c.root_digest == root_digest):
            return _authority(row)
        return None

    async def courts(self) -> list[Court]:
        """All courts, by code."""
        loaded = {row.court_code: _court(row) for row in await self._rows(courts)}
        return sorted((_SHIPPED | loaded).values(), key=lambda each: each.court_code)

    async def authorities(self) -> list[Authority]:
        """All authorities, by name."""
        found = [_authority(row) for row in await self._rows(authorities)]
        return sorted(found, key=lambda each: (each.name, each.root_digest))

    async def interests(self) -> list[Interest]:
        """All interests, by member."""
        found = [_interest(row) for row in await self._rows(interests)]
        return sorted(found, key=lambda each: (each.member, each.uscc))

    async def _rows(self, table: Table, *where: Any) -> Sequence[Row[Any]]:
        query = select(table).where(*where)
        return await self._database.read(lambda connection: connection.execute(query).all())


def _values(entry: Court | Authority | Interest) -> dict[str, object]:
    if isinstance(entry, Court):
        return {**asdict(entry), "level": entry.level and entry.level.name}
    if isinstance(entry, Interest):
        return {**asdict(entry), "relation": entry.relation.name}
    return {**asdict(entry), "kind": entry.kind.name}


def _court(row: Row[Any]) -> Court:
    values = dict(row._mapping)
    return Court(**{**values, "level": values["level"] and CourtLevel[values["level"]]})


def _authority(row: Row[Any]) -> Authority:
    values = dict(row._mapping)
    return Authority(**{**values, "kind": AuthorityKind[values["kind"]]})


def _interest(row: Row[Any]) -> Interest:
    values = dict(row._mapping)
    return Interest(**{**values, "relation": Relation[values["relation"]]})
