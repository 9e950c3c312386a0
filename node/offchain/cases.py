"""Cases: their parties, the exhibits linked to them, and the receipts their courts gave.

What is said of an exhibit is sealed under a key of its row, and so is a receipt. An exhibit keeps
its number also after it was taken out again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from node.casework.case_number import CaseNumber
from node.casework.exhibit import Exhibit, ExhibitWords
from node.casework.interest import Party
from node.casework.vocabulary import LitigationRole
from node.evidence.number import parse_number
from node.offchain.database import Database
from node.offchain.erasures import let_numbers_stand
from node.offchain.tables.cases import cases, court_receipts, exhibits, parties
from node.vault.sealing import Vault

Random = Callable[[int], bytes]

ID_SIZE = 16
EXHIBITS_MAX = 1_000
"""Exhibits of one case: more than a court can hear."""

_SEALED = ("name", "source", "proof_object", "content", "adverse_to_submitter")


class Linked(Exception):
    """Exhibits (by their places in the request) that are linked already, with other words."""

    def __init__(self, indexes: Sequence[int]) -> None:
        super().__init__(indexes)
        self.indexes = tuple(indexes)


class TooManyExhibits(Exception):
    """The case has as many as it may."""


class ReceiptExists(Exception):
    """A receipt of this id was given before, about something else."""


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """What was asked for, and the receipt that was given."""

    asked: dict[str, Any]
    said: dict[str, Any]
    """What was answered; its `text` is the receipt."""

    @property
    def text(self) -> str:
        """The receipt as it was given."""
        text: str = self.said["text"]
        return text


class CaseStore:
    """The tables of cases. Whatever the database refuses raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def link(
        self, case: CaseNumber, account: str, wanted: Sequence[ExhibitWords], now_ms: int
    ) -> tuple[list[Exhibit], bool]:
        """The exhibits, numbered, and whether one of them is new: all are linked or none is."""
        ordinals = [parse_number(each.evidence_no)[1] for each in wanted]

        def work(connection: Connection) -> tuple[list[Exhibit], bool]:
            let_numbers_stand(connection, ordinals)
            return self._link(connection, case, account, wanted, now_ms)

        return await self._database.find_or_add(work)

    async def exhibits(self, case_no: str) -> list[Exhibit]:
        """What stands on a case's evidence list, by number."""

        def work(connection: Connection) -> list[Exhibit]:
            case_id = connection.scalar(_id_of(case_no))
            return [] if case_id is None else self._standing(connection, case_id)

        return await self._database.read(work)

    async def remove(self, case_no: str, exhibit_no: int, now_ms: int) -> bool:
        """Take an exhibit out; says whether it was there."""

        def work(connection: Connection) -> bool:
            change = (
                update(exhibits)
                .where(
                    exhibits.c.case_id == _id_of(case_no).scalar_subquery(),
                    exhibits.c.exhibit_no == exhibit_no,
                    exhibits.c.removed_ms.is_(None),
                )
                .values(removed_ms=now_ms)
            )
            return connection.execute(change).rowcount > 0

        return await self._database.write(work)

    async def name_parties(
        self, case: CaseNumber, account: str, named: Sequence[Party], now_ms: int
    ) -> None:
        """These are a case's parties from now on."""

        def work(connection: Connection) -> None:
            case_id = self._case(connection, case, account, now_ms)
            connection.execute(delete(parties).where(parties.c.case_id == case_id))
            for each in named:
                values = {
                    "case_id": case_id,
                    "uscc": each.uscc,
                    "litigation_role": each.role.name,
                    "account": account,
                    "named_ms": now_ms,
                }
                connection.execute(insert(parties).values(values))

        await self._database.find_or_add(work)

    async def parties(self, case_no: str) -> list[Party]:
        """A case's parties, by role and code."""
        query = (
            select(parties.c.uscc, parties.c.litigation_role)
            .join(cases, cases.c.id == parties.c.case_id)
            .where(cases.c.case_no == case_no)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        named = [Party(row.uscc, LitigationRole[row.litigation_role]) for row in rows]
        order = list(LitigationRole)
        return sorted(named, key=lambda each: (order.index(each.role), each.uscc))

    async def issue(
        self, case_no: str, account: str, receipt_id: str, receipt: StoredReceipt, now_ms: int
    ) -> tuple[StoredReceipt, bool]:
        """The receipt under this id, which is this one if it is new. Raises `ReceiptExists`."""
        row, data_key = self._vault.new_row("court_receipts", receipt_id.encode(), self._random)
        kept = json.dumps(asdict(receipt), ensure_ascii=False)
        values = {
            "id": receipt_id,
            "data_key": data_key,
            "receipt_sealed": row.seal("receipt_sealed", kept.encode(), self._random),
            "account": account,
            "issued_ms": now_ms,
        }

        def work(connection: Connection) -> tuple[StoredReceipt, bool]:
            query = select(court_receipts).where(court_receipts.c.id == receipt_id)
            if (found := connection.execute(query).first()) is not None:
                before = self._receipt(found)
                if before.asked != receipt.asked:
                    raise ReceiptExists
                return before, False
            case_id = connection.scalar(_id_of(case_no))
            connection.execute(insert(court_receipts).values(case_id=case_id, **values))
            return receipt, True

        return await self._database.find_or_add(work)

    async def receipt(self, case_no: str, receipt_id: str) -> StoredReceipt | None:
        """A receipt of a case."""
        query = (
            select(court_receipts)
            .join(cases, cases.c.id == court_receipts.c.case_id)
            .where(court_receipts.c.id == receipt_id, cases.c.case_no == case_no)
        )
        found = await self._database.read(lambda connection: connection.execute(query).first())
        return None if found is None else self._receipt(found)

    def _link(
        self,
        connection: Connection,
        case: CaseNumber,
        account: str,
        wanted: Sequence[ExhibitWords],
        now_ms: int,
    ) -> tuple[list[Exhibit], bool]:
        case_id = self._case(connection, case, account, now_ms)
        standing = {each.words.evidence_no: each for each in self._standing(connection, case_id)}
        last = connection.scalar(
            select(func.max(exhibits.c.exhibit_no)).where(exhibits.c.case_id == case_id)
        )
        number, linked, new, clashing = last or 0, [], False, []
        for index, words in enumerate(wanted):
            if (known := standing.get(words.evidence_no)) is not None:
                linked.append(known)
                if known.words != words:
                    clashing.append(index)
                continue
            number, new = number + 1, True
            exhibit = Exhibit(number, words, now_ms)
            connection.execute(insert(exhibits).values(self._values(case_id, account, exhibit)))
            standing[words.evidence_no] = exhibit
            linked.append(exhibit)
        if clashing:
            raise Linked(clashing)
        if number > EXHIBITS_MAX:
            raise TooManyExhibits
        return linked, new

    def _case(self, connection: Connection, case: CaseNumber, account: str, now_ms: int) -> str:
        found: str | None = connection.scalar(_id_of(case.text))
        if found is not None:
            return found
        identity = self._random(ID_SIZE).hex()
        connection.execute(
            insert(cases).values(
                id=identity,
                case_no=case.text,
                court_code=case.court_code,
                account=account,
                created_ms=now_ms,
            )
        )
        return identity

    def _standing(self, connection: Connection, case_id: str) -> list[Exhibit]:
        query = select(exhibits).where(
            exhibits.c.case_id == case_id, exhibits.c.removed_ms.is_(None)
        )
        rows = connection.execute(query.order_by(exhibits.c.exhibit_no))
        return [self._exhibit(row) for row in rows]

    def _values(self, case_id: str, account: str, exhibit: Exhibit) -> dict[str, object]:
        words = asdict(exhibit.words)
        row, data_key = self._vault.new_row(
            "exhibits", _key(case_id, exhibit.exhibit_no), self._random
        )
        said = json.dumps({name: words[name] for name in _SEALED}, ensure_ascii=False)
        return {
            "case_id": case_id,
            "exhibit_no": exhibit.exhibit_no,
            "evidence_no": exhibit.words.evidence_no,
            "litigation_role": exhibit.words.litigation_role.name,
            "copies": exhibit.words.copies,
            "pages": exhibit.words.pages,
            "data_key": data_key,
            "words_sealed": row.seal("words_sealed", said.encode(), self._random),
            "account": account,
            "linked_ms": exhibit.linked_ms,
        }

    def _exhibit(self, kept: Row[Any]) -> Exhibit:
        row = self._vault.row("exhibits", _key(kept.case_id, kept.exhibit_no), kept.data_key)
        words = ExhibitWords(
            evidence_no=kept.evidence_no,
            litigation_role=LitigationRole[kept.litigation_role],
            copies=kept.copies,
            pages=kept.pages,
            **json.loads(row.open("words_sealed", kept.words_sealed)),
        )
        return Exhibit(kept.exhibit_no, words, kept.linked_ms)

    def _receipt(self, kept: Row[Any]) -> StoredReceipt:
        row = self._vault.row("court_receipts", kept.id.encode(), kept.data_key)
        said = json.loads(row.open("receipt_sealed", kept.receipt_sealed))
        return StoredReceipt(**said)


def _id_of(case_no: str) -> Select[Any]:
    return select(cases.c.id).where(cases.c.case_no == case_no)


def _key(case_id: str, exhibit_no: int) -> bytes:
    return f"{case_id} {exhibit_no}".encode()
