"""Evidence bundles that were asked for, until a day later: any gateway of the database makes them.

A gateway *claims* what waits, and says again and again that it is alive. What it has not spoken of
for `SILENT_MS` another one begins anew, as the next attempt; what the first may still write then
belongs to an attempt that nobody reads. The bytes are kept in parts, sealed under a key of the
attempt, so that no bundle is in memory whole when it is fetched.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from node.offchain.database import Database, Rows
from node.offchain.tables.bundles import bundle_parts, bundles
from node.vault.sealing import Row, Vault
from node.words import Bilingual

Random = Callable[[int], bytes]

KEEP_MS = 24 * 3600 * 1000
"""How long a bundle can be fetched: it can be made again, and holds what opens a deposit."""
SILENT_MS = 60_000
"""After which a gateway that makes a bundle is taken for dead: a bundle takes seconds."""
ATTEMPTS_MAX = 3
"""A bundle whose making ends the process must not end it for ever."""

_ADD_PART = insert(bundle_parts)


class BundleState(Bilingual):
    """How far a bundle has come."""

    WAITING = ("等待生成", "waiting")
    MAKING = ("正在生成", "being made")
    READY = ("已生成，可下载", "ready to be fetched")
    FAILED = ("未能生成", "could not be made")


class NotOurs(Exception):
    """Another gateway has begun this bundle anew: what is made here is not needed."""


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """What is kept of a bundle besides its bytes."""

    id: str
    account: str | None
    evidence_no: str
    state: BundleState
    why: str | None
    attempt: int
    asked_ms: int
    expires_ms: int
    name: str | None
    size: int | None


class BundleStore:
    """The tables of bundles. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def ask(
        self, bundle_id: str, account: str | None, number: str, now_ms: int
    ) -> BundleRecord:
        """The bundle of this id, which is a new one if there was none."""
        values = {
            "id": bundle_id,
            "account": account,
            "evidence_no": number,
            "state": BundleState.WAITING.name,
            "attempt": 0,
            "asked_ms": now_ms,
            "expires_ms": now_ms + KEEP_MS,
        }

        def work(connection: Connection) -> BundleRecord:
            if (found := _find(connection, bundle_id)) is None:
                connection.execute(insert(bundles).values(values))
                found = _find(connection, bundle_id)
            assert found is not None
            return _record(found)

        return await self._database.find_or_add(work)

    async def find(self, bundle_id: str, now_ms: int) -> BundleRecord | None:
        """The bundle of this id, unless its time is over."""
        found = await self._database.read(lambda connection: _find(connection, bundle_id))
        if found is None or found.expires_ms <= now_ms:
            return None
        return _record(found)

    async def claim(self, now_ms: int) -> Attempt | None:
        """The bundle that has waited longest, to be made here; None if none waits."""
        silent = bundles.c.alive_ms < now_ms - SILENT_MS
        free = or_(
            bundles.c.state == BundleState.WAITING.name,
            (bundles.c.state == BundleState.MAKING.name) & silent,
        ) & (bundles.c.expires_ms > now_ms)
        query = select(bundles).where(free).order_by(bundles.c.asked_ms, bundles.c.id).limit(1)
        found = await self._database.read(lambda connection: connection.execute(query).first())
        if found is None:
            return None
        number = found.attempt + 1
        if number > ATTEMPTS_MAX:
            await self._change(_is(found.id, found.attempt), state=BundleState.FAILED.name)
            return None
        row, data_key = self._vault.new_row("bundles", _place(found.id, number), self._random)
        claimed = await self._change(
            free & _is(found.id, found.attempt),
            state=BundleState.MAKING.name,
            attempt=number,
            alive_ms=now_ms,
            data_key=data_key,
        )
        return Attempt(self, found.id, found.evidence_no, number, row) if claimed else None

    async def part(self, record: BundleRecord, place: int) -> bytes | None:
        """A part of a bundle that is ready; None after the last."""
        query = (
            select(bundle_parts.c.part_sealed, bundles.c.data_key)
            .join(bundles, bundles.c.id == bundle_parts.c.bundle_id)
            .where(
                bundle_parts.c.bundle_id == record.id,
                bundle_parts.c.attempt == record.attempt,
                bundle_parts.c.place == place,
            )
        )
        found = await self._database.read(lambda connection: connection.execute(query).first())
        if found is None:
            return None
        row = self._vault.row("bundles", _place(record.id, record.attempt), found.data_key)
        return row.open(f"part {place}", found.part_sealed)

    async def forget(self, now_ms: int) -> int:
        """Delete the bundles whose time is over; says how many."""
        old = bundles.c.expires_ms <= now_ms
        parts = delete(bundle_parts).where(
            bundle_parts.c.bundle_id.in_(select(bundles.c.id).where(old))
        )

        def work(connection: Connection) -> int:
            connection.execute(parts)
            return connection.execute(delete(bundles).where(old)).rowcount

        count = await self._database.write(work)
        await self._database.overwrite_deleted()
        return count

    async def _change(self, where: ColumnElement[bool], **values: object) -> bool:
        change = update(bundles).where(where).values(values)
        return await self._database.write(
            lambda connection: connection.execute(change).rowcount > 0
        )

    async def _add_part(self, attempt: Attempt, place: int, data: bytes) -> None:
        values = {
            "bundle_id": attempt.bundle_id,
            "attempt": attempt.number,
            "place": place,
            "part_sealed": attempt.row.seal(f"part {place}", data, self._random),
        }
        await self._database.add(Rows(_ADD_PART, [values]))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A bundle that is being made here. Every step raises `NotOurs` once another one makes it."""

    store: BundleStore
    bundle_id: str
    evidence_no: str
    number: int
    row: Row

    async def alive(self, now_ms: int) -> None:
        """It goes on."""
        await self._change(alive_ms=now_ms)

    async def add(self, place: int, data: bytes, now_ms: int) -> None:
        """The next part of its bytes."""
        await self.alive(now_ms)
        await self.store._add_part(self, place, data)

    async def finish(self, name: str, size: int) -> None:
        """All parts are there."""
        await self._change(state=BundleState.READY.name, name=name, size=size)

    async def fail(self, why: str) -> None:
        """It cannot be made; `why` is the name of a problem."""
        await self._change(state=BundleState.FAILED.name, why=why)

    async def _change(self, **values: object) -> None:
        making = bundles.c.state == BundleState.MAKING.name
        if not await self.store._change(_is(self.bundle_id, self.number) & making, **values):
            raise NotOurs(self.bundle_id)


def _find(connection: Connection, bundle_id: str) -> Any:
    return connection.execute(select(bundles).where(bundles.c.id == bundle_id)).first()


def _is(bundle_id: str, attempt: int) -> ColumnElement[bool]:
    return (bundles.c.id == bundle_id) & (bundles.c.attempt == attempt)


def _place(bundle_id: str, attempt: int) -> bytes:
    return f"{bundle_id} {attempt}".encode()


def _record(row: Any) -> BundleRecord:
    return BundleRecord(
        id=row.id,
        account=row.account,
        evidence_no=row.evidence_no,
        state=BundleState[row.state],
        why=row.why,
        attempt=row.attempt,
        asked_ms=row.asked_ms,
        expires_ms=row.expires_ms,
        name=row.name,
        size=row.size,
    )
