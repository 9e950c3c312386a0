"""Timestamps and platform signatures of checkpoints: what was obtained once is kept as it was.

The first of a kind stays: whichever gateway of the database was faster, all of them serve the same
bytes from then on, and a bundle that is made twice has them twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Insert, Select, insert, select
from sqlalchemy.exc import IntegrityError

from node.offchain.database import Database, Rows
from node.offchain.tables.timestamps import checkpoint_signatures, timestamps

TOKENS_LOOKED_AT = 16
"""For those that reach a deposit: of two authorities, one may be silent for seven intervals before
a deposit goes without its token. Lookups read so many rows, however long the log is."""


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
        """The largest tree this authority stamped, and when."""
        table = timestamps
        query = select(table.c.tree_size, table.c.obtained_ms)
        query = query.where(table.c.authority == authority).order_by(table.c.tree_size.desc())
        return await self._newest(query.limit(1))

    async def newest_signature(self) -> Newest | None:
        """The largest tree that is signed, and when that was."""
        table = checkpoint_signatures
        query = select(table.c.tree_size, table.c.signed_ms).order_by(table.c.tree_size.desc())
        return await self._newest(query.limit(1))

    async def covering(self, tree_size: int) -> tuple[KeptTimestamp, ...]:
        """Of each authority the token of the first tree of at least this size that it stamped,
        among the next `TOKENS_LOOKED_AT` tokens."""
        table = timestamps
        query = select(table).where(table.c.tree_size >= tree_size)
        query = query.order_by(table.c.tree_size, table.c.authority).limit(TOKENS_LOOKED_AT)
        rows = await self._database.read(lambda it: it.execute(query).all())
        found: dict[str, KeptTimestamp] = {}
        for row in rows:
            found.setdefault(row.authority, KeptTimestamp(**row._mapping))
        return tuple(sorted(found.values(), key=lambda each: (each.time_ms, each.authority)))

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

    async def _newest(self, query: Select[Any]) -> Newest | None:
        rows = await self._database.read(lambda it: it.execute(query).all())
        return Newest(*rows[0]) if rows else None

    async def _add(self, statement: Insert, values: Mapping[str, object]) -> None:
        with suppress(IntegrityError):  # Somebody was faster, and the first stays.
            await self._database.add(Rows(statement, [values]))
