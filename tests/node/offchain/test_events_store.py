"""Events off the chain: what opens them is sealed, and stays as it was first."""

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from node.offchain.database import Database
from node.offchain.events import EventOpening, EventStore, NewEvent, OpenedEvent
from node.vault.keepsake import Submitter
from node.vault.keys import VaultKey
from node.vault.sealing import Unreadable, Vault

pytestmark = pytest.mark.anyio

OPENING = EventOpening(
    b"\x05" * 32,
    '{"reason":["00000000000000000000000000000000","笔误"]}'.encode(),
    Submitter(bytes(32), b'{"account":"acme"}'),
)
NEW = NewEvent(
    statement_id=b"\x01" * 32,
    subject_no="EV20260921000000000000-06",
    subject_id=b"\x02" * 32,
    account="acme",
    type="correction",
    received_ms=1_790_000_000_000,
    opening=OPENING,
)


def store(database: Database, key: bytes = bytes(32)) -> EventStore:
    return EventStore(database, Vault(VaultKey(key)), random.Random(3).randbytes)


async def test_an_opening_is_found_again_and_sealed(database: Database) -> None:
    events = store(database)
    other = replace(NEW, statement_id=b"\x09" * 32, opening=replace(OPENING, submitter=None))
    await database.add(events.adding(NEW), events.adding(other))
    found = await events.opened([NEW.statement_id, other.statement_id, bytes(32)])
    assert found == {
        NEW.statement_id: OpenedEvent("acme", OPENING),
        other.statement_id: OpenedEvent("acme", other.opening),
    }

    def everything(connection: Any) -> bytes:
        (row, _) = connection.execute(text("select data_key, opening_sealed from events"))
        return b"".join(bytes(each) for each in row)

    kept = await database.read(everything)
    assert "笔误".encode() not in kept
    assert OPENING.salt not in kept


async def test_an_event_that_is_there_stays_as_it_was(database: Database) -> None:
    events = store(database)
    await database.add(events.adding(NEW))
    await database.add(events.adding(replace(NEW, account="rival")))
    found = await events.opened([NEW.statement_id])
    assert found[NEW.statement_id].account == "acme"


async def test_without_its_data_key_it_is_erased(database: Database) -> None:
    events = store(database)
    await database.add(events.adding(NEW))
    with pytest.raises(Unreadable):
        await store(database, b"\x01" * 32).opened([NEW.statement_id])
    erase = text("update events set data_key = null")
    await database.write(lambda connection: connection.execute(erase))
    assert await events.opened([NEW.statement_id]) == {NEW.statement_id: OpenedEvent("acme", None)}
