"""Timestamps and platform signatures of checkpoints: what was obtained once is kept as it was.

The first of a kind stays: whichever gateway of the database was faster, all of them serve the same
bytes from then on, and a bundle that is made twice has them twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from sqlalchemy import Insert, func, insert, select
from sqlalchemy.exc import IntegrityError

from node.offchain.database import Database, Rows
from node.offchain.tables.timestamps import checkpoint_signatures, timestamps


@dataclass(frozen=True, slots=True)
class KeptTimestamp:
    """One authority's token over one checkpoint body, with what it takes to renew it."""

    tree_size: int
    authority: str
    body: bytes
    time_ms: int
    obtained_ms: int
    request: bytes
    response: bytes
    chain: bytes


@dataclass(frozen=True, slots=True)
class KeptSignature:
    """The platform's signatures of one checkpoint body, where it has such a key."""

    tree_size: int
    body: bytes
    signed_ms: int
    p7s: bytes | None
    sm2: bytes | None
    certificates: bytes


@dataclass(frozen=True, slots=True)
class Newest:
    """How far something has come, and when."""

    tree_size: int
    at_ms: int


class TimestampStore:
    """Adds and reads; nothing is changed or deleted. Whatever the database refuses raises
    `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, kept: KeptTimestamp) -> None:
        """Keep it, unless there is one of this authority and size."""
        await self._add(insert(timestamps), asdict(kept))

    async def add_signature(self, kept: KeptSignature) -> None:
        """Keep it, unless there is one of this size."""
        await self._add(insert(checkpoint_signatures), asdict(kept))

    async def newest(self, authority: str) -> Newest | None:
        """The largest tree this authority stamped, and when it was asked last."""
        sizes = select(func.max(timestamps.c.tree_size), func.max(timestamps.c.obtained_ms)).where(
            timestamps.c.authority == authority
        )
        size, at_ms = await self._database.read(lambda it: it.execute(sizes).one())
        return None if size is None else Newest(size, at_ms)

    async def newest_signature(self) -> Newest | None:
        """The largest tree that is signed, and when that was."""
        table = checkpoint_signatures
        sizes = select(func.max(table.c.tree_size), func.max(table.c.signed_ms))
        size, at_ms = await self._database.read(lambda it: it.execute(sizes).one())
        return None if size is None else Newest(size, at_ms)

    async def covering(self, tree_size: int) -> tuple[KeptTimestamp, ...]:
        """Of each authority its token of the first stamped tree of at least this size."""
        table = timestamps
        first = (
            select(table.c.authority, func.min(table.c.tree_size).label("tree_size"))
            .where(table.c.tree_size >= tree_size)
            .group_by(table.c.authority)
            .subquery()
        )
        same = (table.c.authority == first.c.authority) & (table.c.tree_size == first.c.tree_size)
        query = select(table).join(first, same).order_by(table.c.time_ms, table.c.authority)
        rows = await self._database.read(lambda it: it.execute(query).all())
        return tuple(KeptTimestamp(**row._mapping) for row in rows)

    async def signature_covering(self, tree_size: int) -> KeptSignature | None:
        """The signatures of the first signed tree of at least this size."""
        table = checkpoint_signatures
        query = select(table).where(table.c.tree_size >= tree_size)
        query = query.order_by(table.c.tree_size).limit(1)
        rows = await self._database.read(lambda it: it.execute(query).all())
        return KeptSignature(**rows[0]._mapping) if rows else None

    async def signature(self, tree_size: int) -> KeptSignature | None:
        """The signatures of the tree of exactly this size."""
        found = await self.signature_covering(tree_size)
        return found if found is not None and found.tree_size == tree_size else None

    async def _add(self, statement: Insert, values: Mapping[str, object]) -> None:
        with suppress(IntegrityError):  # Somebody was faster, and the first stays.
            await self._database.add(Rows(statement, [values]))
