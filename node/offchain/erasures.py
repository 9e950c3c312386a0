"""Erasing what opens a deposit: for good, in one transaction with the request that says so.

    deposits    the data key and all that it opens; what its depositor called it
    items       the openings, and the keyed digests by which their files were found
    events      what opens earlier events about it; the erasure's own stays, it is the certificate
    exhibits    what was said of it on evidence lists that it was taken out of again
    bundles     those that can still be fetched hold what opens it, and what was sent for them
    requests    digests of the requests that brought all this: a guess could be tried on them

What stays is what the chain has anyway, whose account it was, and when it was erased. All items of
a deposit are erased together: one data key opens them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, Update, bindparam, select, tuple_, update

from node.evidence.number import format_number
from node.offchain.bundles import BundleState
from node.offchain.database import Database, Rows
from node.offchain.tables.bundles import bundle_deposits, bundles
from node.offchain.tables.cases import exhibits
from node.offchain.tables.deposits import deposits, events, items
from node.offchain.tables.requests import requests

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
    .where(deposits.c.statement_id == _BY, deposits.c.erased_ms.is_(None))
    .values(
        data_key=None,
        declared_sealed=None,
        submitter_sealed=None,
        client_ref=None,
        matter_id=None,
        phase=None,
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
_SENT_FOR_BUNDLES = (
    update(bundle_deposits).where(_IN_BUNDLES).values(data_key=None, opening_sealed=None)
)
"""One that is being made finds out, and is not kept."""


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


class ErasureStore:
    """Across the tables of deposits. Whatever the database refuses raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erasing(self, statement_id: bytes, numbers: Numbers, now_ms: int) -> tuple[Rows, ...]:
        """The rows that erase a deposit, to be written with the request for it."""
        by: dict[str, object] = {"by": statement_id}
        told: dict[str, object] = {"first": numbers.first, "end": numbers.end}
        return (
            *(Rows(change, [by]) for change in _OF_STATEMENT),
            Rows(_DEPOSIT, [{**by, "at": now_ms}]),
            Rows(_EXHIBITS, [told]),
            Rows(_BUNDLES, [told]),
            Rows(_SENT_FOR_BUNDLES, [told]),
        )

    async def in_case(self, numbers: Numbers) -> bool:
        """Whether one of these numbers stands on a case's evidence list."""
        query = select(exhibits.c.case_id).where(
            exhibits.c.evidence_no.between(numbers.first, numbers.end),
            exhibits.c.removed_ms.is_(None),
        )

        def work(connection: Connection) -> bool:
            return connection.execute(query.limit(1)).first() is not None

        return await self._database.read(work)

    async def overwrite(self) -> None:
        """Let nothing of what was erased be left in the database's own log."""
        await self._database.overwrite_deleted()
