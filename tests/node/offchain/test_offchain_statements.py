"""Statements that are compiled once say in both databases what SQLAlchemy would say with them."""

from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    String,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from node.offchain.database import Database, Rows
from node.offchain.schema import metadata
from node.offchain.tables.requests import requests

pytestmark = pytest.mark.anyio

ADD = insert(requests)
SETTLE = (
    update(requests)
    .where(requests.c.statement_id == bindparam("by"), requests.c.settled_ms.is_(None))
    .values(settled_ms=bindparam("at"), skipped="not said", record=None)
)
REMOVE = delete(requests).where(requests.c.stored_ms < bindparam("before"))


def row(number: int) -> dict[str, object]:
    return {
        "account": "acme",
        "idempotency_key": f"key-{number}",
        "part": 0,
        "request_digest": bytes(32),
        "statement_id": bytes([number]) * 32,
        "record": b"\x00record\xff" if number else None,
        "stored_ms": number,
    }


def kept(connection: Connection) -> list[dict[str, Any]]:
    columns = [requests.c[name] for name in (*row(0), "settled_ms", "skipped")]
    query = select(*columns).order_by(requests.c.stored_ms)
    return [dict(each._mapping) for each in connection.execute(query)]


async def test_rows_are_written_with_what_they_and_the_statement_say(database: Database) -> None:
    rows = [row(number) for number in range(3)]
    await database.add(Rows(ADD, rows))
    unsettled = {"settled_ms": None, "skipped": None}
    assert await database.read(kept) == [each | unsettled for each in rows]
    changes = [{"by": bytes([number]) * 32, "at": 7} for number in (1, 2)]
    await database.add(Rows(SETTLE, changes), Rows(REMOVE, [{"before": 2}]))
    (left,) = await database.read(kept)
    assert left == rows[2] | {"settled_ms": 7, "skipped": "not said", "record": None}


async def test_rows_of_other_names_are_another_statement(database: Database) -> None:
    """The columns that are not named get what the table says, not what was left of others."""
    await database.add(Rows(ADD, [row(1) | {"skipped": "why", "settled_ms": 9}]))
    await database.add(Rows(ADD, [row(2)]))
    found = {each["stored_ms"]: each["skipped"] for each in await database.read(kept)}
    assert found == {1: "why", 2: None}


def test_every_column_holds_what_drivers_take_as_it_is() -> None:
    """A type that SQLAlchemy has to translate on the way in would not be, in `Rows`."""
    plain = (BigInteger, Boolean, Integer, LargeBinary, String)
    columns = [column for table in metadata.tables.values() for column in table.c]
    assert columns
    assert [str(each) for each in columns if type(each.type) not in plain] == []
