"""Deposits of this gateway's accounts: how far each has come, and what opens it, sealed.

    RECEIVED --on its way for long--> PENDING --applied--> COMMITTED --sealed--> FINAL
                                             \\--skipped by all members--> FAILED

A deposit is written in the transaction that takes its request in (`requests`), and goes from state
to state by updates that say from which: several gateways may do the same step, and it is done once.
Whoever must be told of a step (`told`) is told in its transaction.

The openings of salted deposits, and what opens `submitter`, are sealed under a data key of the
deposit: once that is destroyed nobody can open it, here or from a copy. Digests are found by keyed
digests of them (`node.vault.finding`), so that the database alone tells nobody which files there
are. A statement that is here already, under the account that brought it first, stays as it is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Select,
    bindparam,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from node.evidence.item import Opening
from node.offchain.database import Database, Rows
from node.offchain.deposit_values import (
    FILED,
    RECORD,
    STANDING,
    UNDER_WAY,
    DepositRecord,
    FoundItem,
    NewDeposit,
    Standing,
    Wanted,
    record_of,
)
from node.offchain.tables.deposits import SKIPPED_LENGTH_MAX, deposits, items
from node.vault.finding import Finder
from node.vault.keepsake import (
    Keepsake,
    Submitter,
    format_opening,
    format_submitter,
    parse_opening,
    parse_submitter,
)
from node.vault.sealing import Row as Vaulted
from node.vault.sealing import Vault
from node.words import State

Random = Callable[[int], bytes]

FINAL_AT_ONCE = 1_000
"""Deposits that become FINAL in one transaction: the writer is kept for some hundredths of a second
at a time."""
OPENED_AT_ONCE = 256
"""Openings that are read on the event loop: some milliseconds."""
LIST_MAX = 100
"""Rows in one answer; whoever wants more asks from where this one ended."""

_ON_WAY = (State.RECEIVED.name, State.PENDING.name)
_UNDER_WAY = tuple(sorted(each.name for each in UNDER_WAY))


Told = Callable[[Connection, Sequence[DepositRecord]], None]
"""Hears of deposits that have just become FINAL or FAILED, in the same transaction."""

_ADD: dict[str, Insert] = {
    "sqlite": sqlite.insert(deposits).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(deposits).on_conflict_do_nothing(),
}
_ADD_ITEMS = insert(items)
_SLOW = (
    update(deposits)
    .where(deposits.c.statement_id == bindparam("by"), deposits.c.state == State.RECEIVED.name)
    .values(state=State.PENDING.name)
)
# The chain has the last word: also over a deposit that was taken for failed.
_COMMIT = (
    update(deposits)
    .where(deposits.c.statement_id == bindparam("by"), deposits.c.leaf_index.is_(None))
    .values(
        state=State.COMMITTED.name,
        skipped=None,
        **{name: bindparam(f"new_{name}") for name in STANDING},
    )
)


class DepositStore:
    """The tables `deposits` and `items`. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        finder: Finder,
        random: Random = secrets.token_bytes,
        told: Iterable[Told] = (),
    ) -> None:
        self._database = database
        self._vault = vault
        self._finder = finder
        self._random = random
        self._told = tuple(told)
        self._add = _ADD[database.dialect]

    # What is written with others' rows, in one transaction.

    def adding(self, new: Iterable[NewDeposit]) -> tuple[Rows, Rows]:
        """The rows of new deposits. Sealing thousands of openings takes its time: computes only."""
        rows: list[dict[str, object]] = []
        opened: list[dict[str, object]] = []
        for each in new:
            row, stored_key = None, None
            keepsake, declared = each.keepsake, each.filing.declared
            if keepsake.openings or keepsake.submitter or declared:
                row, stored_key = self._vault.new_row("deposits", each.statement_id, self._random)
                opened += self._items(row, each)
            rows.append(
                {
                    **{name: getattr(each.filing, name) for name in FILED},
                    "statement_id": each.statement_id,
                    "account": each.account,
                    "category": each.category,
                    "mode": each.mode,
                    "alg": each.alg,
                    "count": each.count,
                    "received_ms": each.received_ms,
                    "state": State.RECEIVED.name,
                    "data_key": stored_key,
                    "declared_sealed": self._seal(row, "declared_sealed", declared),
                    "submitter_sealed": self._seal(row, "submitter_sealed", _submitted(keepsake)),
                }
            )
        return Rows(self._add, rows), Rows(_ADD_ITEMS, opened)

    def committing(self, statement_id: bytes, standing: Standing) -> Rows:
        """That the chain has taken a deposit."""
        values = {f"new_{name}": getattr(standing, name) for name in STANDING}
        return Rows(_COMMIT, [{"by": statement_id, **values}])

    # Steps.

    async def slow(self, statement_ids: Iterable[bytes]) -> None:
        """These have been on their way for long."""
        await self._database.add(Rows(_SLOW, [{"by": each} for each in statement_ids]))

    async def fail(self, statement_id: bytes, why: str) -> None:
        """All members have skipped it."""
        change = (
            update(deposits)
            .where(deposits.c.statement_id == statement_id, deposits.c.state.in_(_ON_WAY))
            .values(state=State.FAILED.name, skipped=why[:SKIPPED_LENGTH_MAX])
        )
        await self._step(change)

    async def finish(self, size: int, now_ms: int) -> int:
        """What stands below this size of the tree is sealed by a quorum; says of how many at most
        `FINAL_AT_ONCE` that was new."""
        committed = deposits.c.state == State.COMMITTED.name
        some = (
            select(deposits.c.statement_id)
            .where(committed, deposits.c.leaf_index < size)
            .order_by(deposits.c.leaf_index)
            .limit(FINAL_AT_ONCE)
        )
        change = (
            update(deposits)
            .where(committed, deposits.c.statement_id.in_(some.scalar_subquery()))
            .values(state=State.FINAL.name, final_ms=now_ms)
        )
        return await self._step(change)

    async def any_committed(self) -> bool:
        """Whether a deposit waits for its seals."""
        query = select(deposits.c.leaf_index).where(deposits.c.state == State.COMMITTED.name)
        return bool(await self._read(query.limit(1), list))

    async def overdue(self, before_ms: int) -> int:
        """How many that came before this time are neither FINAL nor FAILED; at most `LIST_MAX`."""
        query = select(deposits.c.statement_id).where(*_overdue(before_ms))
        return len(await self._read(query.limit(LIST_MAX), list))

    async def _step(self, change: Any) -> int:
        def work(connection: Connection) -> int:
            moved = connection.execute(change.returning(*RECORD)).all()
            if moved and self._told:
                records = tuple(record_of(each) for each in moved)
                for tell in self._told:
                    tell(connection, records)
            return len(moved)

        return await self._database.write(work)

    # What is asked.

    async def listed(
        self, account: str, wanted: Wanted, before: tuple[int, bytes] | None, limit: int
    ) -> list[DepositRecord]:
        """An account's deposits, the newest first; `before` is the time and id of the one that was
        listed last."""
        query = select(*RECORD).where(deposits.c.account == account)
        same = {
            "state": wanted.state and wanted.state.name,
            "client_ref": wanted.client_ref,
            "matter_id": wanted.matter_id,
            "series": wanted.series,
            "category": wanted.category,
        }
        for name, value in same.items():
            if value is not None:
                query = query.where(deposits.c[name] == value)
        if wanted.overdue_before_ms is not None:
            query = query.where(*_overdue(wanted.overdue_before_ms))
        if wanted.from_ms is not None:
            query = query.where(deposits.c.received_ms >= wanted.from_ms)
        if wanted.to_ms is not None:
            query = query.where(deposits.c.received_ms < wanted.to_ms)
        if before is not None:
            query = query.where(tuple_(deposits.c.received_ms, deposits.c.statement_id) < before)
        order = deposits.c.received_ms.desc(), deposits.c.statement_id.desc()
        return await self._records(query.order_by(*order).limit(limit))

    async def by_id(self, statement_id: bytes) -> DepositRecord | None:
        """The deposit of this statement."""
        query = select(*RECORD).where(deposits.c.statement_id == statement_id)
        return next(iter(await self._records(query)), None)

    async def by_receipt(self, account: str, prefix: bytes) -> list[DepositRecord]:
        """An account's deposits whose ids begin with these 16 bytes."""
        low, high = prefix.ljust(32, b"\x00"), prefix.ljust(32, b"\xff")
        query = select(*RECORD).where(
            deposits.c.account == account, deposits.c.statement_id.between(low, high)
        )
        return await self._records(query)

    async def by_ordinal(self, ordinal: int) -> FoundItem | None:
        """The deposit that has the item of this ordinal."""
        query = (
            select(*RECORD)
            .where(deposits.c.first_item <= ordinal)
            .order_by(deposits.c.first_item.desc())
            .limit(1)
        )
        for record in await self._records(query):
            assert record.standing is not None
            if (index := ordinal - record.standing.first_item) < record.count:
                return FoundItem(record, index)
        return None

    async def by_digest(
        self, alg: str, digest: bytes, account: str | None = None
    ) -> list[FoundItem]:
        """Salted deposits of a file with this digest, oldest first: of an account, or of all."""
        column = {"sha256": items.c.sha256_blind, "sm3": items.c.sm3_blind}[alg]
        query = (
            select(items.c.item_index, *RECORD)
            .join(deposits, deposits.c.statement_id == items.c.statement_id)
            .where(column == self._finder.digest(alg, digest))
        )
        if account is not None:  # A court that searches has a right of its own.
            query = query.where(deposits.c.account == account, deposits.c.restricted_ms.is_(None))
        # What has no ordinal yet comes last, in both databases.
        order = deposits.c.first_item.is_(None), deposits.c.first_item, deposits.c.received_ms
        query = query.order_by(*order, deposits.c.statement_id, items.c.item_index)
        return await self._read(
            query.limit(LIST_MAX),
            lambda rows: [FoundItem(record_of(each), each.item_index) for each in rows],
        )

    async def keepsake(
        self,
        statement_id: bytes,
        account: str,
        first: int = 0,
        limit: int | None = None,
        *,
        for_court: bool = False,
    ) -> Keepsake:
        """What opens a deposit of this account, of its items from one on; nothing of what was
        erased, and of what is restricted for a court only. Who repeats somebody else's statement
        has got a request for it, but no deposit."""
        query = select(items.c.item_index, items.c.opening_sealed).where(
            items.c.statement_id == statement_id, items.c.item_index >= first
        )
        query = query.order_by(items.c.item_index).limit(limit)
        sealed = select(deposits.c.data_key, deposits.c.submitter_sealed).where(
            deposits.c.statement_id == statement_id, deposits.c.account == account
        )
        if not for_court:
            sealed = sealed.where(deposits.c.restricted_ms.is_(None))

        def work(connection: Connection) -> tuple[Any, Sequence[Any]]:
            return connection.execute(sealed).first(), connection.execute(query).all()

        deposit, opened = await self._database.read(work)
        if deposit is None or deposit.data_key is None:
            return Keepsake()
        row = self._vault.row("deposits", statement_id, deposit.data_key)
        if len(opened) <= OPENED_AT_ONCE:
            openings = _openings(row, opened)
        else:
            openings = await asyncio.to_thread(_openings, row, opened)
        return Keepsake(_submitter(row, deposit.submitter_sealed), openings)

    async def declared(self, statement_id: bytes, *, for_court: bool = False) -> bytes | None:
        """What the depositor declared, in the clear; of what is restricted for a court only."""
        query = select(deposits.c.data_key, deposits.c.declared_sealed).where(
            deposits.c.statement_id == statement_id
        )
        if not for_court:
            query = query.where(deposits.c.restricted_ms.is_(None))
        for kept in await self._read(query, list):
            if kept.data_key is not None and kept.declared_sealed is not None:
                row = self._vault.row("deposits", statement_id, kept.data_key)
                return row.open("declared_sealed", kept.declared_sealed)
        return None

    async def _records(self, query: Select[Any]) -> list[DepositRecord]:
        return await self._read(query, lambda rows: [record_of(each) for each in rows])

    async def _read(self, query: Select[Any], read: Callable[[Any], list[Any]]) -> list[Any]:
        return await self._database.read(lambda connection: read(connection.execute(query)))

    def _seal(self, row: Vaulted | None, column: str, value: bytes | None) -> bytes | None:
        return None if row is None or value is None else row.seal(column, value, self._random)

    def _items(self, row: Vaulted, new: NewDeposit) -> list[dict[str, object]]:
        opened: list[dict[str, object]] = []
        for index, opening in enumerate(new.keepsake.openings):
            blind = {alg: self._finder.digest(alg, digest) for alg, digest in opening.digests}
            opened.append(
                {
                    "statement_id": new.statement_id,
                    "item_index": index,
                    "opening_sealed": self._seal(row, _place(index), format_opening(opening)),
                    "sha256_blind": blind.get("sha256"),
                    "sm3_blind": blind.get("sm3"),
                }
            )
        return opened


def _overdue(before_ms: int) -> tuple[ColumnElement[bool], ...]:
    return deposits.c.state.in_(_UNDER_WAY), deposits.c.received_ms < before_ms


def _place(item_index: int) -> str:
    """Where in the deposit's row of the vault the opening of an item belongs."""
    return f"items {item_index} opening_sealed"


def _openings(row: Vaulted, opened: Sequence[Any]) -> tuple[Opening, ...]:
    return tuple(
        parse_opening(row.open(_place(each.item_index), each.opening_sealed))
        for each in opened
        if each.opening_sealed is not None
    )


def _submitted(keepsake: Keepsake) -> bytes | None:
    return None if keepsake.submitter is None else format_submitter(keepsake.submitter)


def _submitter(row: Vaulted, sealed: bytes | None) -> Submitter | None:
    return None if sealed is None else parse_submitter(row.open("submitter_sealed", sealed))
