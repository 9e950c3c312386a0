"""Extraction codes and linked courts: who else may read a deposit."""

from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from node.offchain.database import Database
from node.offchain.readers import LIVE_CODES_MAX, ExtractionCode, ReaderStore, TooManyCodes
from node.offchain.tables.cases import cases, exhibits

pytestmark = pytest.mark.anyio

NUMBER, OTHER = "EV20261121000000000042-47", "EV20261121000000000043-44"
CODE = ExtractionCode("1" * 32, NUMBER, "acme", 1_000, 2_000, None)
BLIND = bytes(range(32))


@pytest.fixture
def store(database: Database) -> ReaderStore:
    return ReaderStore(database)


async def test_a_code_opens_its_number_until_it_expires(store: ReaderStore) -> None:
    assert await store.make(CODE, BLIND) is CODE
    assert await store.opens(NUMBER, BLIND, 1_999) == CODE.id
    assert await store.opens(NUMBER, BLIND, 2_000) is None
    assert await store.opens(OTHER, BLIND, 1_999) is None
    assert await store.opens(NUMBER, bytes(32), 1_999) is None


async def test_a_repeated_request_finds_what_it_made(store: ReaderStore) -> None:
    await store.make(CODE, BLIND)
    later = replace(CODE, created_ms=1_500, expires_ms=None)
    assert await store.make(later, BLIND) == CODE
    assert await store.codes("acme", NUMBER) == [CODE]


async def test_a_revoked_code_opens_nothing_and_stays_in_the_list(store: ReaderStore) -> None:
    code = replace(CODE, expires_ms=None)
    await store.make(code, BLIND)
    assert await store.opens(NUMBER, BLIND, 1 << 50) == CODE.id
    assert not await store.revoke("rival", NUMBER, code.id, 1_100)
    assert not await store.revoke("acme", OTHER, code.id, 1_100)
    assert await store.opens(NUMBER, BLIND, 1_200) == CODE.id
    for now in (1_300, 1_400):
        assert await store.revoke("acme", NUMBER, code.id, now)
    assert await store.opens(NUMBER, BLIND, 1_350) is None
    assert await store.codes("acme", NUMBER) == [replace(code, revoked_ms=1_300)]
    assert await store.codes("rival", NUMBER) == []


async def test_live_codes_of_a_number_are_bounded(store: ReaderStore) -> None:
    made = [replace(CODE, id=f"{n:032}", expires_ms=None) for n in range(LIVE_CODES_MAX + 1)]
    for each in made[:-1]:
        await store.make(each, each.id.encode())
    with pytest.raises(TooManyCodes):
        await store.make(made[-1], BLIND)
    assert await store.make(made[0], made[0].id.encode()) == made[0]
    await store.revoke("acme", NUMBER, made[0].id, 1_001)
    assert await store.make(replace(made[-1], created_ms=1_002), BLIND)


async def test_an_exhibit_is_its_courts_to_read_while_it_is_one(
    database: Database, store: ReaderStore
) -> None:
    assert not await store.linked(NUMBER, {"浙0192"})
    case = insert(cases).values(
        id="1" * 32,
        case_no="（2026）浙0192民初1号",
        court_code="浙0192",
        account="clerk",
        created_ms=1,
    )
    exhibit = insert(exhibits).values(
        case_id="1" * 32,
        exhibit_no=1,
        evidence_no=NUMBER,
        litigation_role="PLAINTIFF",
        copies=1,
        pages=1,
        account="clerk",
        linked_ms=1,
    )
    await database.write(lambda c: (c.execute(case), c.execute(exhibit)))
    assert await store.linked(NUMBER, {"京0491", "浙0192"})
    assert not await store.linked(NUMBER, {"京0491"})
    assert not await store.linked(NUMBER, set())
    assert not await store.linked(OTHER, {"浙0192"})
    removal = update(exhibits).values(removed_ms=2)
    await database.write(lambda c: c.execute(removal))
    assert not await store.linked(NUMBER, {"浙0192"})
