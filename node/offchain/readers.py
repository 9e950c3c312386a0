"""Who may read a deposit besides its depositor: holders of extraction codes, courts with a case.

Of a code only a keyed digest is stored. One that was revoked or has expired stays as a row.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, update

from node.offchain.database import Database
from node.offchain.tables.cases import cases, exhibits
from node.offchain.tables.deposits import extraction_codes

LIVE_CODES_MAX = 20
"""Of one number at once: one for each party of a case, and some to spare."""

_CODE = tuple(column for column in extraction_codes.c if column.name != "code_blind")


class TooManyCodes(Exception):
    """The number has as many live codes as it may have."""


@dataclass(frozen=True, slots=True)
class ExtractionCode:
    """What is known of a code; the code itself is not."""

    id: str
    evidence_no: str
    account: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


class ReaderStore:
    """The table `extraction_codes`, and what links deposits to courts. Whatever the database
    refuses raises `StoreFailed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(self, code: ExtractionCode, blind: bytes) -> ExtractionCode:
        """Store a code, or find it as it was stored before; raises `TooManyCodes`."""

        def work(connection: Connection) -> ExtractionCode:
            if (kept := _by_id(connection, code.id)) is not None:
                return kept
            live = select(func.count()).where(
                extraction_codes.c.evidence_no == code.evidence_no, _live(code.created_ms)
            )
            if connection.execute(live).scalar_one() >= LIVE_CODES_MAX:
                raise TooManyCodes
            values = {column.name: getattr(code, column.name) for column in _CODE}
            connection.execute(insert(extraction_codes).values(code_blind=blind, **values))
            return code

        return await self._database.find_or_add(work)

    async def codes(self, account: str, evidence_no: str) -> list[ExtractionCode]:
        """All codes this account ever made for a number, the oldest first."""
        query = (
            select(*_CODE)
            .where(
                extraction_codes.c.account == account,
                extraction_codes.c.evidence_no == evidence_no,
            )
            .order_by(extraction_codes.c.created_ms, extraction_codes.c.id)
        )
        return await self._database.read(
            lambda connection: [_code(each) for each in connection.execute(query)]
        )

    async def revoke(self, account: str, evidence_no: str, code_id: str, now_ms: int) -> bool:
        """Let a code open nothing any more; the first time counts. False if there is none."""

        def work(connection: Connection) -> bool:
            kept = _by_id(connection, code_id)
            if kept is None or (kept.account, kept.evidence_no) != (account, evidence_no):
                return False
            change = update(extraction_codes).where(
                extraction_codes.c.id == code_id, extraction_codes.c.revoked_ms.is_(None)
            )
            connection.execute(change.values(revoked_ms=now_ms))
            return True

        return await self._database.write(work)

    async def opens(self, evidence_no: str, blind: bytes, now_ms: int) -> str | None:
        """The id of the code by which a number may be read, if it is one and live."""
        query = select(extraction_codes.c.id).where(
            extraction_codes.c.evidence_no == evidence_no,
            extraction_codes.c.code_blind == blind,
            _live(now_ms),
        )
        return await self._first(query)

    async def linked(self, evidence_no: str, courts: Collection[str]) -> bool:
        """Whether it is an exhibit in a case of one of these courts."""
        query = (
            select(cases.c.id)
            .join(exhibits, exhibits.c.case_id == cases.c.id)
            .where(
                exhibits.c.evidence_no == evidence_no,
                exhibits.c.removed_ms.is_(None),
                cases.c.court_code.in_(courts),
            )
        )
        return await self._first(query) is not None

    async def _first(self, query: Select[Any]) -> str | None:
        def work(connection: Connection) -> str | None:
            found: str | None = connection.scalars(query).first()
            return found

        return await self._database.read(work)


def _live(now_ms: int) -> ColumnElement[bool]:
    codes = extraction_codes.c
    return codes.revoked_ms.is_(None) & (codes.expires_ms.is_(None) | (codes.expires_ms > now_ms))


def _by_id(connection: Connection, code_id: str) -> ExtractionCode | None:
    query = select(*_CODE).where(extraction_codes.c.id == code_id)
    kept = connection.execute(query).first()
    return None if kept is None else _code(kept)


def _code(row: Row[Any]) -> ExtractionCode:
    return ExtractionCode(**row._mapping)
