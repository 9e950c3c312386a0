"""Answers to writes that are not deposits, kept a day under the client's Idempotency-Key.

A row is *claimed* before anything is done and *answered* afterwards. If the process stops between,
the next retry finds it claimed and does the work again: every such work may be done twice without
harm. Of two that are answered at once, in two gateways on one database, the first answer stands.

Answers may hold what people wrote and keys that are told once: they are sealed under a key of their
row, and the row is deleted after a day.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from node.offchain.database import Database
from node.offchain.tables.answers import answers
from node.vault.sealing import Vault

Random = Callable[[int], bytes]

KEEP_MS = 24 * 3600 * 1000
"""How long a key is remembered: a client that lost its answer asks within a day."""


class OtherRequest(Exception):
    """This account asked for something else under this key."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What makes two requests the same: account, key, and everything that was asked."""

    account: str
    idempotency_key: str
    digest: bytes

    def __post_init__(self) -> None:
        assert len(self.digest) == 32

    @property
    def place(self) -> bytes:
        """The row's primary key as one value; an account's id holds no space."""
        return f"{self.account} {self.idempotency_key}".encode()


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it was given."""

    status: int
    language: str
    body: bytes


class AnswerStore:
    """The table `answers`. Whatever the database refuses to do raises `StoreFailed`."""

    def __init__(
        self, database: Database, vault: Vault, random: Random = secrets.token_bytes
    ) -> None:
        self._database = database
        self._vault = vault
        self._random = random

    async def claim(self, asked: Asked, now_ms: int) -> Answered | None:
        """What this request was answered before, None if its work is (still) to be done. Raises
        `OtherRequest`."""
        new = insert(answers).values(
            account=asked.account,
            idempotency_key=asked.idempotency_key,
            request_digest=asked.digest,
            asked_ms=now_ms,
        )

        def work(connection: Connection) -> Answered | None:
            if (found := _found(connection, asked)) is not None:
                return self._answered(asked, found)
            connection.execute(new)
            return None

        return await self._database.find_or_add(work)

    async def keep(self, asked: Asked, given: Answered, now_ms: int) -> Answered:
        """The answer that stands from now on: this one, if none was given before."""
        row, data_key = self._vault.new_row("answers", asked.place, self._random)
        values = {
            "status": given.status,
            "language": given.language,
            "data_key": data_key,
            "answer_sealed": row.seal("answer_sealed", given.body, self._random),
        }
        new = insert(answers).values(
            account=asked.account,
            idempotency_key=asked.idempotency_key,
            request_digest=asked.digest,
            asked_ms=now_ms,
            **values,
        )

        def work(connection: Connection) -> Answered:
            if (found := _found(connection, asked)) is None:  # Released by one that was refused.
                connection.execute(new)
            elif (before := self._answered(asked, found)) is not None:
                return before
            else:
                connection.execute(update(answers).where(_is(asked)).values(values))
            return given

        return await self._database.find_or_add(work)

    async def release(self, asked: Asked) -> None:
        """It was refused, and nothing was done: the key is as if it had not been used."""
        change = delete(answers).where(
            _is(asked), answers.c.request_digest == asked.digest, answers.c.status.is_(None)
        )
        await self._database.write(lambda connection: connection.execute(change).rowcount)

    async def forget(self, now_ms: int) -> int:
        """Delete what was asked more than `KEEP_MS` ago; says how many."""
        old = delete(answers).where(answers.c.asked_ms < now_ms - KEEP_MS)
        count = await self._database.write(lambda connection: connection.execute(old).rowcount)
        await self._database.overwrite_deleted()
        return count

    def _answered(self, asked: Asked, found: Row[Any]) -> Answered | None:
        if found.request_digest != asked.digest:
            raise OtherRequest
        if found.status is None:
            return None
        row = self._vault.row("answers", asked.place, found.data_key)
        return Answered(
            found.status, found.language, row.open("answer_sealed", found.answer_sealed)
        )


def _found(connection: Connection, asked: Asked) -> Row[Any] | None:
    return connection.execute(select(answers).where(_is(asked))).first()


def _is(asked: Asked) -> ColumnElement[bool]:
    return (answers.c.account == asked.account) & (
        answers.c.idempotency_key == asked.idempotency_key
    )
