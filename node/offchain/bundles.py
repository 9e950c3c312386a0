"""Evidence bundles that were asked for, until a day later: any gateway of the database makes them.

A gateway *claims* what waits, and says again and again that it is alive. What it has not spoken of
for `SILENT_MS` another one begins anew, as the next attempt; what the first may still write then
belongs to an attempt that nobody reads. The bytes are kept in parts, sealed under a key of the
attempt, so that no bundle is in memory whole when it is fetched. An opening that came with the
request is sealed under a key of its own, which goes when its deposit is erased.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from node.offchain.database import Database, Rows
from node.offchain.tables.bundles import bundle_deposits, bundle_parts, bundles
from node.vault.sealing import Row, Vault
from node.words import Bilingual

Random = Callable[[int], bytes]

KEEP_MS = 24 * 3600 * 1000
"""How long a bundle can be fetched: it can be made again, and holds what opens a deposit."""
SILENT_MS = 60_000
"""After which a gateway that makes a bundle is taken for dead: a bundle takes seconds."""
ATTEMPTS_MAX = 3
"""A bundle whose making ends the process must not end it for ever."""

WAITING_MAX = 8
"""Of one account at once, or of one number by extraction codes: they are made one after the other,
and nobody may keep all others waiting. Requests at the same moment may get past it."""

_ADD_PART = insert(bundle_parts)
_OPENING = "opening_sealed"


class BundleState(Bilingual):
    """How far a bundle has come."""

    WAITING = ("等待生成", "waiting")
    MAKING = ("正在生成", "being made")
    READY = ("已生成，可下载", "ready to be fetched")
    FAILED = ("未能生成", "could not be made")


class TooManyWaiting(Exception):
    """Who asks has as many bundles waiting to be made as it may have."""


class NotOurs(Exception):
    """Another gateway has begun this bundle anew: what is made here is not needed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A deposit that a bundle is to hold, by its exhibit number; `opening` is what whoever asked
    sent along, because the gateway has none."""

    place: int
    evidence_no: str
    statement_id: bytes
    opening: bytes | None = None


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """What is kept of a bundle besides its bytes."""

    id: str
    account: str | None
    case_no: str | None
    deposits: tuple[Wanted, ...]
    """Without their openings."""
    collected: int
    """The proofs of how many deposits were collected by now."""
    state: BundleState
    why: str | None
    attempt: int
    asked_ms: int
    expires_ms: int
    name: str | None
    size: int | None

    @property
    def evidence_no(self) -> str:
        """The first evidence number."""
        return self.deposits[0].evidence_no


class BundleStore:
    """The tables of bundles. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def ask(
        self,
        bundle_id: str,
        account: str | None,
        wanted: Sequence[Wanted],
        now_ms: int,
        case_no: str | None = None,
    ) -> BundleRecord:
        """The bundle of this id, which is a new one of these deposits if there was none; raises
        `TooManyWaiting`."""
        values = {
            "id": bundle_id,
            "account": account,
            "evidence_no": wanted[0].evidence_no,
            "case_no": case_no,
            "state": BundleState.WAITING.name,
            "attempt": 0,
            "asked_ms": now_ms,
            "expires_ms": now_ms + KEEP_MS,
        }
        rows = [self._wanted_row(bundle_id, each) for each in wanted]

        def work(connection: Connection) -> BundleRecord:
            if (found := _find(connection, bundle_id)) is None:
                waiting: int = connection.execute(_waiting(values)).scalar_one()
                if waiting >= WAITING_MAX:
                    raise TooManyWaiting
                connection.execute(insert(bundles).values(values))
                connection.execute(insert(bundle_deposits), rows)
                found = _find(connection, bundle_id)
            assert found is not None
            return found

        return await self._database.find_or_add(work)

    async def find(self, bundle_id: str, now_ms: int) -> BundleRecord | None:
        """The bundle of this id, unless its time is over."""
        found = await self._database.read(lambda connection: _find(connection, bundle_id))
        return None if found is None or found.expires_ms <= now_ms else found

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
        if not claimed:
            return None
        wanted = await self._wanted(found.id)
        return Attempt(self, found.id, found.account, found.case_no, wanted, number, row)

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
        ids = select(bundles.c.id).where(old)

        def work(connection: Connection) -> int:
            for table in (bundle_parts, bundle_deposits):
                connection.execute(delete(table).where(table.c.bundle_id.in_(ids)))
            return connection.execute(delete(bundles).where(old)).rowcount

        count = await self._database.write(work)
        await self._database.overwrite_deleted()
        return count

    def _wanted_row(self, bundle_id: str, wanted: Wanted) -> dict[str, object]:
        values: dict[str, object] = {
            "bundle_id": bundle_id,
            "place": wanted.place,
            "evidence_no": wanted.evidence_no,
            "statement_id": wanted.statement_id,
            _OPENING: None,
            "data_key": None,
        }
        if wanted.opening is not None:
            key = _place(bundle_id, wanted.place)
            row, values["data_key"] = self._vault.new_row("bundle_deposits", key, self._random)
            values[_OPENING] = row.seal(_OPENING, wanted.opening, self._random)
        return values

    async def _wanted(self, bundle_id: str) -> tuple[Wanted, ...]:
        """The deposits of a bundle with the openings that were sent along."""
        rows = await self._database.read(lambda connection: _deposits(connection, bundle_id))
        return tuple(self._opened(each) for each in rows)

    def _opened(self, row: Any) -> Wanted:
        if row.data_key is None:
            return _wanted(row)
        key = _place(row.bundle_id, row.place)
        sealed = self._vault.row("bundle_deposits", key, row.data_key)
        opening = sealed.open(_OPENING, row.opening_sealed)
        return replace(_wanted(row), opening=opening)

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
    account: str | None
    case_no: str | None
    deposits: tuple[Wanted, ...]
    number: int
    row: Row

    async def alive(self, now_ms: int, collected: int | None = None) -> None:
        """It goes on, and may have come further."""
        further = {} if collected is None else {"collected": collected}
        await self._change(alive_ms=now_ms, **further)

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


def _find(connection: Connection, bundle_id: str) -> BundleRecord | None:
    row = connection.execute(select(bundles).where(bundles.c.id == bundle_id)).first()
    return None if row is None else _record(row, _deposits(connection, bundle_id))


def _deposits(connection: Connection, bundle_id: str) -> Sequence[Any]:
    query = select(bundle_deposits).where(bundle_deposits.c.bundle_id == bundle_id)
    return connection.execute(query.order_by(bundle_deposits.c.place)).all()


def _wanted(row: Any) -> Wanted:
    return Wanted(row.place, row.evidence_no, row.statement_id)


def _waiting(values: Mapping[str, Any]) -> Select[Any]:
    """How many bundles wait or are being made for who asks for this one."""
    asker = bundles.c.account == values["account"]
    if values["account"] is None:
        asker = bundles.c.account.is_(None) & (bundles.c.evidence_no == values["evidence_no"])
    states = (BundleState.WAITING.name, BundleState.MAKING.name)
    live = bundles.c.state.in_(states) & (bundles.c.expires_ms > values["asked_ms"])
    return select(func.count()).select_from(bundles).where(asker, live)


def _is(bundle_id: str, attempt: int) -> ColumnElement[bool]:
    return (bundles.c.id == bundle_id) & (bundles.c.attempt == attempt)


def _place(bundle_id: str, number: int) -> bytes:
    return f"{bundle_id} {number}".encode()


def _record(row: Any, deposits: Sequence[Any]) -> BundleRecord:
    return BundleRecord(
        id=row.id,
        account=row.account,
        case_no=row.case_no,
        deposits=tuple(_wanted(each) for each in deposits),
        collected=row.collected or 0,
        state=BundleState[row.state],
        why=row.why,
        attempt=row.attempt,
        asked_ms=row.asked_ms,
        expires_ms=row.expires_ms,
        name=row.name,
        size=row.size,
    )
