"""Deposits off the chain: each step is made once, and openings are there for their owner alone."""

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from node.evidence.item import Opening
from node.offchain import deposits as deposits_module
from node.offchain.database import Database
from node.offchain.deposit_values import DepositRecord, Filing, NewDeposit, Standing, Wanted
from node.offchain.deposits import DepositStore
from node.offchain.following import FollowingStore
from node.offchain.notifications import NotificationStore
from node.vault.finding import Finder
from node.vault.keepsake import Keepsake, Submitter
from node.vault.keys import VaultKey
from node.vault.sealing import Unreadable, Vault
from node.words import State

pytestmark = pytest.mark.anyio

KEY, OTHER_KEY = VaultKey(bytes(range(32))), VaultKey(bytes(32))
SUBMITTER = Submitter(bytes(32), b'{"account":"acme"}')
SHA256 = hashlib.sha256(b"file").digest()
SM3 = hashlib.sha256(b"not really").digest()


def opening(sha256: bytes = SHA256) -> Opening:
    return Opening(
        bytes(32), (("sha256", sha256), ("sm3", SM3)), 4, b'{"name":["' + b"0" * 32 + b'","a"]}'
    )


def new(identity: int = 1, account: str = "acme", **changes: Any) -> NewDeposit:
    values: dict[str, Any] = {
        "statement_id": identity.to_bytes(32, "big"),
        "account": account,
        "category": "A14_0",
        "mode": "commitment",
        "alg": "sha256+sm3",
        "count": 1,
        "received_ms": 1_000 + identity,
        "keepsake": Keepsake(SUBMITTER, (opening(),)),
    }
    return NewDeposit(**values | changes)


def standing(leaf_index: int = 5, first_item: int = 0) -> Standing:
    return Standing(2, leaf_index, b"h" * 32, 1_795_190_400_000, first_item)


class Town:
    """Hears what becomes of deposits."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, State]] = []

    def __call__(self, _: Connection, records: Any) -> None:
        self.heard += [(each.statement_id, each.state) for each in records]


def store_of(database: Database, key: VaultKey = KEY, told: Any = ()) -> DepositStore:
    chance = random.Random(1).randbytes
    return DepositStore(database, Vault(key), Finder(key), chance, told)


@pytest.fixture
def store(database: Database) -> DepositStore:
    return store_of(database)


async def add(database: Database, store: DepositStore, *each: NewDeposit) -> None:
    await database.add(*store.adding(each))


async def commit(database: Database, store: DepositStore, identity: int, at: Standing) -> None:
    await database.add(store.committing(identity.to_bytes(32, "big"), at))


async def state(store: DepositStore, identity: int = 1) -> State:
    record = await store.by_id(identity.to_bytes(32, "big"))
    assert record is not None
    return record.state


async def test_what_was_taken_in_is_kept_with_what_it_is_filed_under(
    database: Database, store: DepositStore
) -> None:
    filing = Filing("ref", "matter", "phase", b"s" * 32, 7, b"p" * 32, "NONE", b'{"who":"me"}')
    await add(database, store, new(filing=filing))
    record = await store.by_id(new().statement_id)
    assert record == DepositRecord(
        statement_id=new().statement_id,
        account="acme",
        category="A14_0",
        mode="commitment",
        alg="sha256+sm3",
        count=1,
        filing=Filing("ref", "matter", "phase", b"s" * 32, 7, b"p" * 32, "NONE"),
        received_ms=1_001,
        state=State.RECEIVED,
        skipped=None,
        standing=None,
        final_ms=None,
        erased_ms=None,
    )
    assert await store.declared(new().statement_id) == b'{"who":"me"}'
    assert record.number() is None


async def test_openings_are_their_owners_alone(database: Database, store: DepositStore) -> None:
    openings = tuple(opening(hashlib.sha256(b"%d" % n).digest()) for n in range(300))
    await add(database, store, new(keepsake=Keepsake(SUBMITTER, openings), count=300))
    identity = new().statement_id
    assert await store.keepsake(identity, "acme") == Keepsake(SUBMITTER, openings)
    assert (await store.keepsake(identity, "acme", 297, 2)).openings == openings[297:299]
    assert await store.keepsake(identity, "somebody-else") == Keepsake()
    with pytest.raises(Unreadable):
        await store_of(database, OTHER_KEY).keepsake(identity, "acme")


async def test_without_its_data_key_nothing_of_a_deposit_opens(
    database: Database, store: DepositStore
) -> None:
    await add(database, store, new(filing=Filing(declared=b"{}")))
    await database.write(lambda c: c.execute(text("update deposits set data_key = null")))
    assert await store.keepsake(new().statement_id, "acme") == Keepsake()
    assert await store.declared(new().statement_id) is None


async def test_a_statement_that_is_there_stays_its_first_accounts(
    database: Database, store: DepositStore
) -> None:
    await add(database, store, new())
    await add(database, store, new(account="late", keepsake=Keepsake(), received_ms=9))
    record = await store.by_id(new().statement_id)
    assert record is not None
    assert (record.account, record.received_ms) == ("acme", 1_001)
    assert (await store.keepsake(new().statement_id, "acme")).openings == (opening(),)


async def test_from_received_to_final_each_step_is_made_once(
    database: Database, store: DepositStore
) -> None:
    heard = Town()
    two = [store_of(database, told=(heard,)) for _ in range(2)]  # Two gateways.
    await add(database, store, new())
    assert await state(store) is State.RECEIVED
    await store.slow([new().statement_id])
    assert await state(store) is State.PENDING
    assert not await store.any_committed()
    for _ in range(2):
        await commit(database, store, 1, standing(leaf_index=5, first_item=42))
    assert await state(store) is State.COMMITTED
    assert await store.any_committed()
    await store.slow([new().statement_id])
    assert await state(store) is State.COMMITTED
    assert await asyncio.gather(*(each.finish(5, 9_000) for each in two)) == [0, 0]
    assert sorted(await asyncio.gather(*(each.finish(6, 9_000) for each in two))) == [0, 1]
    record = await store.by_id(new().statement_id)
    assert record is not None
    assert (record.state, record.final_ms) == (State.FINAL, 9_000)
    assert record.number() == "EV20261121000000000042-47"
    await commit(database, store, 1, standing())
    assert await state(store) is State.FINAL
    assert heard.heard == [(record.statement_id, State.FINAL)]


async def test_failing_is_told_once_and_the_chain_has_the_last_word(
    database: Database,
) -> None:
    heard = Town()
    store = store_of(database, told=(heard,))
    await add(database, store, new())
    for _ in range(2):
        await store.fail(new().statement_id, "because" * 100)
    record = await store.by_id(new().statement_id)
    assert record is not None
    assert record.state is State.FAILED
    assert record.skipped is not None
    assert record.skipped.startswith("because")
    assert heard.heard == [(record.statement_id, State.FAILED)]
    notifications = NotificationStore(database, Vault(KEY), "origin", lambda: 1)
    following = FollowingStore(database, notifications)
    assert await following.known([record.statement_id]) == set(), "no member can find it"
    await commit(database, store, 1, standing())
    assert await state(store) is State.COMMITTED
    assert await following.known([record.statement_id]) == {record.statement_id}


async def test_whoever_is_told_and_fails_keeps_the_step_from_being_made(
    database: Database,
) -> None:
    def refuse(*_: object) -> None:
        raise LookupError

    store = store_of(database, told=(refuse,))
    await add(database, store, new())
    await commit(database, store, 1, standing())
    with pytest.raises(LookupError):
        await store.finish(6, 1)
    assert await state(store) is State.COMMITTED


async def test_what_becomes_final_at_once_is_bounded(
    database: Database, store: DepositStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deposits_module, "FINAL_AT_ONCE", 2)
    await add(database, store, *(new(each) for each in range(1, 6)))
    for each in range(1, 6):
        await commit(database, store, each, standing(leaf_index=10 - each))
    assert [await store.finish(9, 1) for _ in range(3)] == [2, 2, 0]
    states = [(await state(store, each)).name for each in range(1, 6)]
    assert states == ["COMMITTED", *["FINAL"] * 4]


async def test_lists_are_an_accounts_own_newest_first_page_by_page(
    database: Database, store: DepositStore
) -> None:
    times = {1: 10, 2: 20, 3: 20, 4: 30, 5: 5}
    await add(database, store, *(new(each, received_ms=at) for each, at in times.items()))
    await add(database, store, new(6, account="somebody-else", received_ms=20))
    seen: list[int] = []
    before = None
    while page := await store.listed("acme", Wanted(), before, 2):
        seen += [int.from_bytes(each.statement_id, "big") for each in page]
        before = page[-1].received_ms, page[-1].statement_id
    assert seen == [4, 3, 2, 1, 5]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(client_ref="a"), [3, 1]),
        (Wanted(matter_id="m"), [2]),
        (Wanted(series=b"s" * 32), [3]),
        (Wanted(category="A14_4_ELECTRONIC_FILE"), [2]),
        (Wanted(state=State.PENDING), [1]),
        (Wanted(from_ms=1_002, to_ms=1_003), [2]),
        (Wanted(client_ref="a", state=State.RECEIVED), [3]),
        (Wanted(client_ref="b"), []),
    ],
)
async def test_lists_hold_what_is_wanted(
    database: Database, store: DepositStore, wanted: Wanted, found: list[int]
) -> None:
    await add(
        database,
        store,
        new(1, filing=Filing(client_ref="a")),
        new(2, filing=Filing(matter_id="m"), category="A14_4_ELECTRONIC_FILE"),
        new(3, filing=Filing(client_ref="a", series=b"s" * 32)),
    )
    await store.slow([new(1).statement_id])
    listed = await store.listed("acme", wanted, None, 10)
    assert [int.from_bytes(each.statement_id, "big") for each in listed] == found


async def test_salted_deposits_are_found_by_digest_only_with_the_vault_key(
    database: Database, store: DepositStore
) -> None:
    await add(database, store, new(1), new(2, account="late"), new(3))
    await commit(database, store, 3, standing(first_item=0))
    await commit(database, store, 1, standing(first_item=1))
    for alg, digest in (("sha256", SHA256), ("sm3", SM3)):
        found = await store.by_digest(alg, digest)
        assert [each.deposit.statement_id[-1] for each in found] == [3, 1, 2]
        own = await store.by_digest(alg, digest, "late")
        assert [each.deposit.statement_id[-1] for each in own] == [2]
    assert await store.by_digest("sm3", SHA256) == []
    assert await store_of(database, OTHER_KEY).by_digest("sha256", SHA256) == []


async def test_deposits_are_found_by_the_ordinal_of_any_item(
    database: Database, store: DepositStore
) -> None:
    await add(database, store, new(1, count=3), new(2))
    await commit(database, store, 1, standing(first_item=10))
    await commit(database, store, 2, standing(first_item=20))
    found = {}
    for ordinal in (9, 10, 12, 13, 20, 21):
        item = await store.by_ordinal(ordinal)
        found[ordinal] = item and (item.deposit.statement_id[-1], item.item_index)
    assert found == {9: None, 10: (1, 0), 12: (1, 2), 13: None, 20: (2, 0), 21: None}


async def test_receipts_are_found_by_their_owner(database: Database, store: DepositStore) -> None:
    await add(database, store, new(statement_id=bytes(range(32))))
    found = await store.by_receipt("acme", bytes(range(16)))
    assert [each.statement_id for each in found] == [bytes(range(32))]
    assert await store.by_receipt("somebody-else", bytes(range(16))) == []


async def test_no_file_holds_a_digest_or_a_detail(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        filing = Filing(client_ref="seen", declared=b"a secret matter")
        await add(database, store_of(database), new(filing=filing))
        directory = Path(sqlite_url.partition("///")[2]).parent
        data = b"".join(each.read_bytes() for each in directory.iterdir())
    assert b"seen" in data
    hidden = (SHA256, SHA256.hex().encode(), SM3, b"a secret matter", b'"name"', b'{"account"')
    assert not any(each in data for each in hidden)
