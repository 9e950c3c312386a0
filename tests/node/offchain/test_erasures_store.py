"""Erasing a deposit: all of it, nothing of its neighbours, in either database."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select, text

from node.accounts.vocabulary import SubmitterType
from node.casework.case_number import parse_case_number
from node.casework.exhibit import ExhibitWords
from node.casework.vocabulary import LitigationRole
from node.evidence.item import Opening
from node.evidence.number import format_number
from node.offchain.accounts import AccountStore
from node.offchain.cases import CaseStore
from node.offchain.database import Database
from node.offchain.deposit_values import Filing, NewDeposit, Standing
from node.offchain.deposits import DepositStore
from node.offchain.engine import create_engine
from node.offchain.erasures import (
    NO_DIGEST,
    ErasedBefore,
    ErasureStore,
    Held,
    InCase,
    Numbers,
    let_stand,
)
from node.offchain.events import EventOpening, EventStore, NewEvent
from node.offchain.notification_values import Webhook
from node.offchain.notifications import NotificationStore
from node.offchain.requests import RequestStore, StoredStatement
from node.offchain.tables.cases import exhibits
from node.offchain.tables.deposits import deposits, events, items
from node.offchain.tables.notifications import deliveries
from node.offchain.tables.requests import requests
from node.vault.finding import Finder
from node.vault.keepsake import Keepsake, Submitter
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

KEY = VaultKey(b"\x11" * 32)
BLOCK_MS = 1_790_000_000_000
CASE = parse_case_number("（2026）浙0192民初1234号")
ONE, TWO = bytes([1]) * 32, bytes([2]) * 32
NUMBERS = Numbers(BLOCK_MS, 99, 2)
"""Ordinals 99 and 100: as numbers they are neighbours, and so they must be as texts."""


def statement(identity: bytes, key: str) -> StoredStatement:
    return StoredStatement("acme", key, 0, b"\x77" * 32, identity, b"record", 1, 2)


def deposit(identity: bytes) -> NewDeposit:
    opening = Opening(bytes(32), (("sha256", identity), ("sm3", identity)), 4, None)
    keepsake = Keepsake(Submitter(bytes(32), b"{}"), (opening, opening))
    filing = Filing(client_ref="order", matter_id="matter", phase="signing", declared=b"[]")
    return NewDeposit(identity, "acme", "A14_0", "commitment", "sha256+sm3", 2, 1, keepsake, filing)


def event(number: int, about: bytes, kind: str) -> NewEvent:
    opening = EventOpening(bytes(32), b"{}")
    return NewEvent(bytes([number]) * 32, "EV", about, "acme", kind, 3, opening)


@pytest.fixture
async def store(database: Database) -> ErasureStore:
    """Two deposits, each with an event and its requests."""
    vault, promised = Vault(KEY), RequestStore(database)
    kept, told = DepositStore(database, vault, Finder(KEY)), EventStore(database, vault)
    for number, identity in enumerate((ONE, TWO)):
        await promised.add([statement(identity, f"d{number}")], *kept.adding([deposit(identity)]))
        said = event(10 + number, identity, "custody")
        await promised.add([statement(said.statement_id, f"e{number}")], told.adding(said))
    return ErasureStore(database)


def erasing(
    store: ErasureStore, now_ms: int, *judged: bytes, one: bytes = ONE
) -> Callable[[Connection], None]:
    return store.erasing(one, NUMBERS, judged, now_ms)


async def rows(database: Database, table: Table, *names: str) -> list[tuple[Any, ...]]:
    order = table.primary_key.columns.values()[0]
    query = select(*(table.c[name] for name in names)).order_by(order)
    return await database.read(
        lambda connection: [tuple(each) for each in connection.execute(query)]
    )


async def test_all_of_a_deposit_and_nothing_of_another(
    store: ErasureStore, database: Database
) -> None:
    promised, told = RequestStore(database), EventStore(database, Vault(KEY))
    said = event(20, ONE, "erased")
    request = statement(said.statement_id, "erasure")
    await promised.add([request], told.adding(said), work=erasing(store, 7))
    names = ("data_key", "declared_sealed", "submitter_sealed", "client_ref", "matter_id", "phase")
    one, two = await rows(database, deposits, *names, "erased_ms")
    assert one == (None,) * 6 + (7,)
    assert (None in two[:6], two[6]) == (False, None)
    opened = await rows(database, items, "opening_sealed", "sha256_blind", "sm3_blind")
    assert opened[:2] == [(None,) * 3] * 2
    assert not [value for row in opened[2:] for value in row if value is None]
    kept = await rows(database, events, "type", "data_key", "opening_sealed")
    assert [(kind, key is None, sealed is None) for kind, key, sealed in kept] == [
        ("custody", True, True),
        ("custody", False, False),
        ("erased", False, False),
    ]
    query = select(requests.c.idempotency_key).where(requests.c.request_digest == NO_DIGEST)
    erased = await database.read(lambda connection: set(connection.scalars(query)))
    assert erased == {"d0", "e0"}


async def test_an_erasure_is_dated_once(store: ErasureStore, database: Database) -> None:
    await database.write(erasing(store, 7))
    with pytest.raises(ErasedBefore):
        await database.write(erasing(store, 8))
    assert [when for (when,) in await rows(database, deposits, "erased_ms")] == [7, None]


@pytest.mark.parametrize(
    ("ordinal", "its_own"), [(98, False), (99, True), (100, True), (101, False)]
)
async def test_exhibits_are_told_from_their_neighbours(
    store: ErasureStore, database: Database, ordinal: int, its_own: bool
) -> None:
    """On a list they forbid the erasure; taken out again, what was said of them is erased too."""
    court, number = CaseStore(database, Vault(KEY)), format_number(BLOCK_MS, ordinal)
    words = ExhibitWords(number, LitigationRole.PLAINTIFF, "录音", "手机", "借款", "通话")
    await court.link(CASE, "clerk", [words], 7)
    assert await store.in_case(NUMBERS) is its_own
    if its_own:
        with pytest.raises(InCase):
            await database.write(erasing(store, 7))
    await court.remove(CASE.text, 1, 8)
    assert not await store.in_case(NUMBERS)
    await database.write(erasing(store, 9))
    ((key, said),) = await rows(database, exhibits, "data_key", "words_sealed")
    assert ((key, said) == (None, None)) is its_own


async def take_hold(database: Database, number: int = 20, skipped: str | None = None) -> bytes:
    """A court's hold is taken in; says under which id."""
    said = event(number, ONE, "hold")
    promised, told = RequestStore(database), EventStore(database, Vault(KEY))
    request = StoredStatement("court", f"h{number}", 0, b"\x78" * 32, said.statement_id, b"r", 4)
    await promised.add([request], told.adding(said), work=let_stand(ONE))
    if skipped is not None:
        await promised.settle(said.statement_id, 5, skipped)
    return said.statement_id


async def test_a_hold_that_was_taken_in_forbids_it_before_the_chain_has_it(
    store: ErasureStore, database: Database
) -> None:
    """Unless it was seen on the chain, and judged, or the chain has skipped it."""
    taken = await take_hold(database)
    await take_hold(database, 21, skipped="no such key")
    before = await rows(database, deposits, "data_key", "client_ref", "erased_ms")
    with pytest.raises(Held):
        await database.write(erasing(store, 7))
    assert await rows(database, deposits, "data_key", "client_ref", "erased_ms") == before
    await database.write(erasing(store, 7, one=TWO))
    await database.write(erasing(store, 7, taken))


async def test_messages_forget_what_the_client_called_it(
    store: ErasureStore, database: Database
) -> None:
    """Whether they were sent or are sent again."""
    vault, finder, clock = Vault(KEY), Finder(KEY), iter(range(10, 20)).__next__
    await AccountStore(database, vault, finder).open("acme", SubmitterType.LEGAL_PERSON, 1)
    notes = NotificationStore(database, vault, "a.test", clock)
    webhook = Webhook("0" * 32, "acme", "https://a.example/", ("deposit.final",), 1)
    await notes.register(webhook, "cws_" + "1" * 64)
    kept = DepositStore(database, vault, finder, told=[notes.tell])
    for index, identity in enumerate((ONE, TWO)):
        standing = Standing(7, index, bytes(32), BLOCK_MS, 99 + 2 * index)
        await database.add(kept.committing(identity, standing))
    await kept.finish(2, 9)
    before = await rows(database, deliveries, "statement_id", "body")
    await database.write(erasing(store, 7))
    after = dict(await rows(database, deliveries, "statement_id", "body"))
    assert [len(before), len(after)] == [2, 2]
    for identity, body in before:
        was, told = (json.loads(each)["deposit"] for each in (body, after[identity]))
        gone = {"client_ref": "order", "matter_id": "matter"}
        assert was == ({**told, **gone} if identity == ONE else told)
    assert {*was} >= {"client_ref", "matter_id"}


async def waiting_for_a_lock(database: Database) -> None:
    """Until PostgreSQL says that somebody waits."""
    query = text("select count(*) from pg_locks where not granted")
    while not await database.read(lambda each: each.execute(query).scalar_one()):  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.mark.parametrize("hold_first", [True, False])
async def test_whoever_locks_the_deposit_first_wins(postgresql_url: str, hold_first: bool) -> None:
    """Two gateways on one PostgreSQL, in the worst order: the first has begun to write and has not
    committed, the second looks in between, sees nothing of it, and waits for the lock. (SQLite has
    one writer: there is no between.)"""
    async with Database(postgresql_url) as database:
        store, vault = ErasureStore(database), Vault(KEY)
        kept = DepositStore(database, vault, Finder(KEY))
        await RequestStore(database).add([statement(ONE, "d")], *kept.adding([deposit(ONE)]))
        said = event(20, ONE, "hold")
        (told,) = EventStore(database, vault).adding(said).values

        def hold(connection: Connection) -> None:
            request = asdict(statement(said.statement_id, "h"))
            connection.execute(insert(requests).values(request))
            connection.execute(insert(events).values(told))
            let_stand(ONE)(connection)

        first = create_engine(postgresql_url)
        async with first.begin() as transaction:
            if hold_first:
                await transaction.run_sync(hold)
                second = asyncio.create_task(database.write(erasing(store, 7)))
            else:
                await transaction.run_sync(erasing(store, 7))
                second = asyncio.create_task(database.write(hold))
            await waiting_for_a_lock(database)
            assert not second.done()
        await first.dispose()
        if hold_first:
            with pytest.raises(Held):
                await second
        else:
            await second
        ((erased_ms,),) = await rows(database, deposits, "erased_ms")
        assert erased_ms == (None if hold_first else 7)
