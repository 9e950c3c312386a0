"""Erasing what opens a deposit: for good, in one transaction with the request that says so.

    deposits    the data key and all that it opens; what its depositor called it
    deliveries  what its depositor called it, in messages to webhooks
    items       the openings, and the keyed digests by which their files were found
    events      what opens earlier events about it; the erasure's own stays, it is the certificate
    exhibits    what was said of it on evidence lists that it was taken out of again
    bundles     those that can still be fetched hold what opens it, and what was sent for them
    requests    digests of the requests that brought all this: a guess could be tried on them

A deposit that may not be erased yet is restricted (`restrict`): nobody but a court opens it, until
the gateway erases it (`node.gateway.events.restricting`).

What stays is what the chain has anyway, whose account it was, and when it was erased. All items of
a deposit are erased together: one data key opens them.

Whether it may be erased is decided in the same transaction, which begins by locking the deposit's
row. Whoever says something of a deposit, a court's hold first of all, or puts it on an evidence
list, locks that row too (`let_stand`), at whichever gateway of the database: who comes first wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    Update,
    bindparam,
    select,
    tuple_,
    update,
)

from node.evidence.number import format_number
from node.offchain.bundles import BundleState
from node.offchain.database import Database, Work
from node.offchain.deposit_values import RECORD, record_of
from node.offchain.tables.bundles import bundle_deposits, bundles
from node.offchain.tables.cases import exhibits
from node.offchain.tables.deposits import deposits, events, items
from node.offchain.tables.notifications import deliveries
from node.offchain.tables.requests import requests
from node.webhooks.message import without_names

REVIEW_MS = 30 * 24 * 3600 * 1000
"""How long a restriction lasts until its reason is examined again: as long as whoever asks for an
erasure waits for an answer by GB/T 35273-2020."""
WAITING_AT_ONCE = 100

NO_DIGEST = bytes(32)
"""In place of a request's digest; no request has it."""
_CHECK_LENGTH = 3
"""The hyphen and the check digits of an evidence number."""

_BY: BindParameter[bytes] = bindparam("by")
_EARLIER = select(events.c.statement_id).where(
    events.c.subject_id == _BY, events.c.type != "erased"
)
_BROUGHT = select(requests.c.account, requests.c.idempotency_key).where(
    (requests.c.statement_id == _BY) | requests.c.statement_id.in_(_EARLIER)
)
_OF_STATEMENT: tuple[Update, ...] = (
    update(items)
    .where(items.c.statement_id == _BY)
    .values(opening_sealed=None, sha256_blind=None, sm3_blind=None),
    update(requests)
    .where(tuple_(requests.c.account, requests.c.idempotency_key).in_(_BROUGHT))
    .values(request_digest=NO_DIGEST),
    update(events)
    .where(events.c.subject_id == _BY, events.c.type != "erased")
    .values(data_key=None, opening_sealed=None),
)
_DEPOSIT = (
    update(deposits)
    .where(deposits.c.statement_id == _BY)
    .values(
        data_key=None,
        declared_sealed=None,
        submitter_sealed=None,
        client_ref=None,
        matter_id=None,
        phase=None,
        restricted_ms=None,
        review_ms=None,
        erasure_ground=None,
        erasure_account=None,
        erased_ms=bindparam("at"),
    )
)
_EXHIBITS = (
    update(exhibits)
    .where(
        exhibits.c.evidence_no.between(bindparam("first"), bindparam("end")),
        exhibits.c.removed_ms.is_not(None),
    )
    .values(data_key=None, words_sealed=None)
)
_IN_BUNDLES = bundle_deposits.c.evidence_no.between(bindparam("first"), bindparam("end"))
_BUNDLES = (
    update(bundles)
    .where(bundles.c.id.in_(select(bundle_deposits.c.bundle_id).where(_IN_BUNDLES)))
    .values(data_key=None, state=BundleState.FAILED.name)
)
"""One that is being made finds out, and is not kept."""
_SENT_FOR_BUNDLES = (
    update(bundle_deposits).where(_IN_BUNDLES).values(data_key=None, opening_sealed=None)
)
_HOLDS = (
    select(events.c.statement_id)
    .join(requests, requests.c.statement_id == events.c.statement_id)
    .where(events.c.subject_id == _BY, events.c.type == "hold", requests.c.skipped.is_(None))
)
_LOCKED = select(deposits.c.erased_ms).where(deposits.c.statement_id == _BY).with_for_update()
_MESSAGES = select(deliveries.c.id, deliveries.c.body).where(deliveries.c.statement_id == _BY)


class NotErasable(Exception):
    """Something that came first forbids it; nothing was erased."""


class ErasedBefore(NotErasable):
    """Another request has erased it."""


class Held(NotErasable):
    """A court's hold was taken in, and may not have reached the chain yet."""


class InCase(NotErasable):
    """It stands on a case's evidence list."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The evidence numbers of a deposit: `count` consecutive ordinals under one date, so they
    stand together also as texts, whatever the database's collation."""

    block_ms: int
    first_item: int
    count: int

    @property
    def first(self) -> str:
        """Not above any of them."""
        return format_number(self.block_ms, self.first_item)[:-_CHECK_LENGTH]

    @property
    def end(self) -> str:
        """Above all of them, and not above any other."""
        return format_number(self.block_ms, self.first_item + self.count)[:-_CHECK_LENGTH]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A deposit that was to be erased and might not be: what was asked, and when to look again."""

    statement_id: bytes
    number: str
    account: str
    ground: str
    review_ms: int


class ErasureStore:
    """Across the tables of deposits. Whatever the database refuses raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erasing(
        self, statement_id: bytes, numbers: Numbers, judged: Collection[bytes], now_ms: int
    ) -> Work[None]:
        """The work that erases a deposit, to be done with the request for it; raises `NotErasable`.

        `judged` are the events about it that were found on the chain, and do not forbid it.
        """
        by: dict[str, object] = {"by": statement_id}

        def work(connection: Connection) -> None:
            found = connection.execute(_LOCKED, by).first()
            if found is None or found.erased_ms is not None:
                raise ErasedBefore
            # From here on nobody else says anything of it; what they have said, is seen.
            if set(connection.execute(_HOLDS, by).scalars()) - set(judged):
                raise Held
            if _in_case(connection, numbers):
                raise InCase
            for change in _OF_STATEMENT:
                connection.execute(change, by)
            connection.execute(_DEPOSIT, {**by, "at": now_ms})
            for change in (_EXHIBITS, _BUNDLES, _SENT_FOR_BUNDLES):
                connection.execute(change, {"first": numbers.first, "end": numbers.end})
            _erase_messages(connection, by)

        return work

    async def in_case(self, numbers: Numbers) -> bool:
        """Whether one of these numbers stands on a case's evidence list."""
        return await self._database.read(lambda connection: _in_case(connection, numbers))

    async def restrict(self, statement_id: bytes, account: str, ground: str, now_ms: int) -> int:
        """Its processing is restricted from now on, if it was not before, and bundles of it can no
        longer be fetched; returns when that is examined again."""
        change = (
            update(deposits)
            .where(
                deposits.c.statement_id == statement_id,
                deposits.c.restricted_ms.is_(None),
                deposits.c.erased_ms.is_(None),
            )
            .values(
                restricted_ms=now_ms,
                review_ms=now_ms + REVIEW_MS,
                erasure_ground=ground,
                erasure_account=account,
            )
        )
        query: Select[Any] = select(*RECORD).where(deposits.c.statement_id == statement_id)

        def work(connection: Connection) -> int:
            connection.execute(change)
            record = record_of(connection.execute(query).one())
            if (standing := record.standing) is not None:
                numbers = Numbers(standing.block_ms, standing.first_item, record.count)
                connection.execute(_BUNDLES, {"first": numbers.first, "end": numbers.end})
            return now_ms if record.review_ms is None else record.review_ms

        return await self._database.write(work)

    async def waiting(self, after: bytes = b"") -> list[Waiting]:
        """Some of what waits to be erased, in the order of their ids."""
        query: Select[Any] = (
            select(*RECORD, deposits.c.erasure_account, deposits.c.erasure_ground)
            .where(deposits.c.restricted_ms.is_not(None), deposits.c.statement_id > after)
            .order_by(deposits.c.statement_id)
            .limit(WAITING_AT_ONCE)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            Waiting(
                row.statement_id,
                record_of(row).number() or "",
                row.erasure_account,
                row.erasure_ground,
                row.review_ms,
            )
            for row in rows
        ]

    async def postpone(self, statement_id: bytes, now_ms: int) -> None:
        """The reason for a restriction was examined, and goes on."""
        change = (
            update(deposits)
            .where(deposits.c.statement_id == statement_id, deposits.c.restricted_ms.is_not(None))
            .values(review_ms=now_ms + REVIEW_MS)
        )
        await self._database.write(lambda connection: connection.execute(change))

    async def overwrite(self) -> None:
        """Let nothing of what was erased be left in the database's own log."""
        await self._database.overwrite_deleted()


def let_stand(deposit: bytes) -> Work[None]:
    """The work after which nobody erases this deposit until its transaction has ended; who does
    then, sees what that wrote.

    SQLite has one writer, and needs no lock.
    """
    query = select(deposits.c.statement_id).where(deposits.c.statement_id == deposit)

    def work(connection: Connection) -> None:
        connection.execute(query.with_for_update(read=True))

    return work


def let_numbers_stand(connection: Connection, ordinals: Iterable[int]) -> None:
    """The same, here and now, for the deposits that have the items of these ordinals."""
    for ordinal in sorted(ordinals):
        query = select(deposits.c.statement_id).where(deposits.c.first_item <= ordinal)
        query = query.order_by(deposits.c.first_item.desc()).limit(1)
        connection.execute(query.with_for_update(read=True))


def _in_case(connection: Connection, numbers: Numbers) -> bool:
    query = select(exhibits.c.case_id).where(
        exhibits.c.evidence_no.between(numbers.first, numbers.end),
        exhibits.c.removed_ms.is_(None),
    )
    return connection.execute(query.limit(1)).first() is not None


def _erase_messages(connection: Connection, by: dict[str, object]) -> None:
    """In messages that were sent, are being sent, or are to be sent again."""
    for message in connection.execute(_MESSAGES, by).all():
        if (body := without_names(message.body)) != message.body:
            change = update(deliveries).where(deliveries.c.id == message.id)
            connection.execute(change.values(body=body))
