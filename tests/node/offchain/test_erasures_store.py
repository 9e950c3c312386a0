"""Erasing a deposit: all of it, nothing of its neighbours, in either database."""

from typing import Any

import pytest
from sqlalchemy import Table, select

from node.casework.case_number import parse_case_number
from node.casework.exhibit import ExhibitWords
from node.casework.vocabulary import LitigationRole
from node.evidence.item import Opening
from node.evidence.number import format_number
from node.offchain.cases import CaseStore
from node.offchain.database import Database
from node.offchain.deposit_values import Filing, NewDeposit
from node.offchain.deposits import DepositStore
from node.offchain.erasures import NO_DIGEST, ErasureStore, Numbers
from node.offchain.events import EventOpening, EventStore, NewEvent
from node.offchain.requests import RequestStore, StoredStatement
from node.offchain.tables.cases import exhibits
from node.offchain.tables.deposits import deposits, events, items
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
    await promised.add([request], told.adding(said), *store.erasing(ONE, NUMBERS, 7))
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
    for now_ms in (7, 8):
        await database.add(*store.erasing(ONE, NUMBERS, now_ms))
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
    await court.remove(CASE.text, 1, 8)
    assert not await store.in_case(NUMBERS)
    await database.add(*store.erasing(ONE, NUMBERS, 9))
    ((key, said),) = await rows(database, exhibits, "data_key", "words_sealed")
    assert ((key, said) == (None, None)) is its_own
