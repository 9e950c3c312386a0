"""Matters and series as they are read from the table of deposits."""

from typing import Any

import pytest

from node.offchain.courses import CourseStore
from node.offchain.database import Database
from node.offchain.deposit_values import Filing, NewDeposit
from node.offchain.deposits import DepositStore
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault

pytestmark = pytest.mark.anyio

KEY = VaultKey(b"\x11" * 32)
SERIES = b"\x5e" * 32


def identity(number: int) -> bytes:
    return bytes([number]) * 32


@pytest.fixture
def store(database: Database) -> CourseStore:
    return CourseStore(database)


@pytest.fixture
def deposits(database: Database) -> DepositStore:
    return DepositStore(database, Vault(KEY), Finder(KEY))


@pytest.fixture
def deposit(database: Database, deposits: DepositStore) -> Any:
    async def add(number: int, account: str = "acme", received_ms: int = 7, **filing: Any) -> None:
        new = NewDeposit(
            statement_id=identity(number),
            account=account,
            category="A14_0",
            mode="digest",
            alg="sha256",
            count=1,
            received_ms=received_ms,
            filing=Filing(**filing),
        )
        await database.add(*deposits.adding([new]))

    return add


async def test_the_statement_before_is_the_next_lower_of_the_account(
    store: CourseStore, deposits: DepositStore, deposit: Any
) -> None:
    assert await store.before("acme", SERIES, 5) is None
    for seq in (0, 1, 3):
        await deposit(seq, series=SERIES, series_seq=seq)
    await deposit(9, account="other", series=SERIES, series_seq=4)
    assert await store.before("acme", SERIES, 5) == identity(3)
    assert await store.before("acme", SERIES, 3) == identity(1)
    assert await store.before("acme", SERIES, 0) is None
    await deposits.fail(identity(3), "skipped")
    assert await store.before("acme", SERIES, 5) == identity(1)


async def test_a_series_is_read_in_the_order_of_its_numbers(
    store: CourseStore, deposit: Any
) -> None:
    for number, seq in ((1, 7), (2, 0), (3, 2)):
        await deposit(number, series=SERIES, series_seq=seq)
    found = await store.series("acme", SERIES, 1)
    assert [each.filing.series_seq for each in found] == [2, 7]
    assert await store.series("other", SERIES, 0) == []


async def test_a_matter_is_read_oldest_first(store: CourseStore, deposit: Any) -> None:
    await deposit(1, received_ms=9, matter_id="m", phase="ACCEPTANCE")
    await deposit(2, received_ms=8, matter_id="m", phase="OFFER")
    await deposit(3, matter_id="n")
    await deposit(4, account="other", matter_id="m")
    found = await store.matter("acme", "m")
    assert [each.filing.phase for each in found] == ["OFFER", "ACCEPTANCE"]
