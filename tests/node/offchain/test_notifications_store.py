"""Webhooks and deliveries off the chain: made with their deposit; sent and given up by one."""

import asyncio
import json
import random
from typing import Any

import pytest
from sqlalchemy import text

from node.accounts.vocabulary import SubmitterType
from node.offchain import notifications
from node.offchain.accounts import AccountStore
from node.offchain.database import Database
from node.offchain.deposit_values import Filing, NewDeposit, Standing
from node.offchain.deposits import DepositStore
from node.offchain.notification_values import Webhook
from node.offchain.notifications import NotificationStore, TooManyWebhooks
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault
from node.webhooks.schedule import CLAIM_MS, DELAYS_MS
from node.webhooks.signature import format_secret

pytestmark = pytest.mark.anyio

KEY = VaultKey(bytes(range(32)))
SECRET, OTHER = format_secret(b"\x01" * 32), format_secret(b"\x02" * 32)
BOTH = ("deposit.final", "deposit.failed")


class World:
    """A gateway's stores on one database, and the time."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = 1_790_000_000_000
        self.random = random.Random(7)
        vault, finder = Vault(KEY), Finder(KEY)
        self.store = NotificationStore(
            database, vault, "a.test", lambda: self.now, self.random.randbytes
        )
        self.deposits = DepositStore(
            database, vault, finder, self.random.randbytes, [self.store.tell]
        )
        self.accounts = AccountStore(database, vault, finder)

    async def deposit(self, identity: int = 1, account: str = "acme") -> None:
        new = NewDeposit(
            statement_id=identity.to_bytes(32, "big"),
            account=account,
            category="A14_0",
            mode="commitment",
            alg="sha256",
            count=2,
            received_ms=self.now,
            filing=Filing(client_ref="order 7"),
        )
        await self.database.add(*self.deposits.adding([new]))

    async def finish(self, identity: int = 1, account: str = "acme") -> None:
        """A deposit, on the chain and sealed."""
        await self.deposit(identity, account)
        standing = Standing(2, identity, b"h" * 32, 1_795_190_400_000, 40)
        await self.database.add(self.deposits.committing(identity.to_bytes(32, "big"), standing))
        await self.deposits.finish(10_000, self.now)

    async def register(self, identity: str = "1", account: str = "acme", **changes: Any) -> Webhook:
        values: dict[str, Any] = {
            "id": identity.rjust(32, "0"),
            "account": account,
            "url": "https://hooks.example.com/",
            "events": BOTH,
            "created_ms": self.now,
        }
        return await self.store.register(Webhook(**values | changes), SECRET)


@pytest.fixture
async def world(database: Database) -> World:
    world = World(database)
    for account in ("acme", "rival"):
        await world.accounts.open(account, SubmitterType.LEGAL_PERSON, world.now)
    return world


async def test_a_delivery_is_made_with_its_deposit_for_its_account_alone(world: World) -> None:
    mine, theirs = await world.register(), await world.register("2", "rival")
    await world.finish()
    (claimed,) = await world.store.claim()
    assert (claimed.delivery.webhook, claimed.url) == (mine.id, mine.url)
    assert claimed.secrets == (SECRET,)
    told = json.loads(claimed.delivery.body)
    assert told["id"] == claimed.delivery.id
    assert (told["event"], told["origin"], told["created_at"]) == (
        "deposit.final",
        "a.test",
        world.now,
    )
    assert told["deposit"] == {
        "statement_id": "00" * 31 + "01",
        "receipt_no": "00" * 16,
        "state": "FINAL",
        "count": 2,
        "client_ref": "order 7",
        "first_evidence_no": "EV20261121000000000040-" + told["deposit"]["first_evidence_no"][-2:],
        "height": 2,
        "entry_hash": b"h".hex() * 32,
    }
    assert await world.store.deliveries("rival") == []
    assert theirs.id != mine.id


async def test_of_what_a_webhook_does_not_ask_for_it_is_not_told(world: World) -> None:
    await world.register("1", events=("deposit.failed",))
    await world.finish()
    assert await world.store.claim() == []
    await world.deposit(2)
    await world.deposits.fail((2).to_bytes(32, "big"), "no room")
    (claimed,) = await world.store.claim()
    told = json.loads(claimed.delivery.body)
    assert (told["event"], told["deposit"]["reason"]) == ("deposit.failed", "no room")
    assert "first_evidence_no" not in told["deposit"]


async def test_the_secret_is_not_in_the_database(world: World) -> None:
    await world.register()

    def everything(connection: Any) -> str:
        return repr([tuple(row) for row in connection.execute(text("select * from webhooks"))])

    assert SECRET not in await world.database.read(everything)


async def test_a_claim_is_one_gateways_until_it_ends(world: World) -> None:
    await world.register()
    await world.finish()
    (first,) = await world.store.claim()
    assert await world.store.claim() == []
    world.now += CLAIM_MS - 1
    assert await world.store.claim() == []
    world.now += 1
    (second,) = await world.store.claim()
    assert (second.delivery.id, second.delivery.attempts) == (first.delivery.id, 0)
    # The first gateway comes back late: what it says of a failure counts no more.
    await world.store.failed(first, None, "TIMEOUT")
    (kept,) = await world.store.deliveries("acme")
    assert (kept.attempts, kept.last_failure) == (0, None)
    # But what has arrived has arrived, and the second's failure changes nothing of it.
    await world.store.delivered(first, 200)
    await world.store.failed(second, 500, "STATUS")
    (kept,) = await world.store.deliveries("acme")
    assert (kept.state, kept.last_status) == ("delivered", 200)
    world.now += 10 * CLAIM_MS
    assert await world.store.claim() == []


async def test_two_gateways_never_claim_the_same(database_url: str, world: World) -> None:
    await world.register()
    for identity in range(1, 60):
        await world.finish(identity)
    async with Database(database_url) as other:
        elsewhere = World(other)
        taken: list[str] = []
        for _ in range(4):
            rounds = await asyncio.gather(world.store.claim(), elsewhere.store.claim())
            taken += [each.delivery.id for claimed in rounds for each in claimed]
    assert len(taken) == len(set(taken)) == 59


async def test_busy_webhooks_are_left_out(world: World) -> None:
    first, second = await world.register(), await world.register("2")
    await world.finish()
    (claimed,) = await world.store.claim([first.id])
    assert claimed.delivery.webhook == second.id


async def fail_once(world: World, status: int | None = 500) -> None:
    (claimed,) = await world.store.claim()
    await world.store.failed(claimed, status, "STATUS" if status else "TIMEOUT")


async def test_after_the_last_try_the_webhook_is_disabled_with_the_reason(world: World) -> None:
    await world.register()
    await world.finish()
    for delay in DELAYS_MS:
        await fail_once(world)
        world.now += delay - 1
        assert await world.store.claim() == []
        world.now += 1
    await fail_once(world)
    (kept,) = await world.store.listed("acme")
    assert (kept.disabled_why, kept.disabled_ms) == ("DELIVERY_FAILED", world.now)
    (delivery,) = await world.store.deliveries("acme")
    assert (delivery.state, delivery.attempts) == ("failed", len(DELAYS_MS) + 1)
    await world.finish(2)
    assert len(await world.store.deliveries("acme")) == 1
    # Enabled again, it is told what it was not told.
    enabled = await world.store.enable("acme", kept.id)
    assert enabled is not None
    assert enabled.disabled_ms is None
    (claimed,) = await world.store.claim()
    assert (claimed.delivery.id, claimed.delivery.attempts) == (delivery.id, 0)


async def test_two_gateways_do_not_both_give_up(database_url: str, world: World) -> None:
    """The claim ends while the first gateway still waits: only the second's word counts."""
    await world.register()
    await world.finish()
    for delay in DELAYS_MS:
        await fail_once(world)
        world.now += delay
    (first,) = await world.store.claim()
    world.now += CLAIM_MS
    async with Database(database_url) as other:
        elsewhere = World(other)
        elsewhere.now = world.now
        (second,) = await elsewhere.store.claim()
        await world.store.failed(first, None, "TIMEOUT")
        (kept,) = await world.store.listed("acme")
        assert kept.disabled_ms is None
        await elsewhere.store.delivered(second, 200)
    (kept,) = await world.store.listed("acme")
    assert kept.disabled_ms is None


async def test_one_message_that_is_refused_does_not_stop_the_others(world: World) -> None:
    await world.register()
    await world.finish()
    for delay in DELAYS_MS:
        await fail_once(world)
        world.now += delay
    await world.finish(2)
    for claimed in await world.store.claim():
        if claimed.delivery.attempts:
            poison = claimed
        else:
            await world.store.delivered(claimed, 200)
    await world.store.failed(poison, 500, "STATUS")
    (kept,) = await world.store.listed("acme")
    assert kept.disabled_ms is None
    states = {each.state for each in await world.store.deliveries("acme")}
    assert states == {"delivered", "failed"}


async def test_where_nobody_answers_the_others_wait_too(world: World) -> None:
    await world.register()
    await world.finish(1)
    (claimed,) = await world.store.claim()
    await world.finish(2)
    await world.store.failed(claimed, None, "TIMEOUT")
    assert await world.store.claim() == []
    world.now += DELAYS_MS[0]
    assert len(await world.store.claim()) == 2


async def test_a_registration_is_found_as_it_was_and_their_number_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "WEBHOOKS_MAX", 2)
    first = await world.register()
    assert await world.register("1", url="https://other.example.com/") == first
    await world.register("2")
    with pytest.raises(TooManyWebhooks):
        await world.register("3")
    await world.register("4", "rival")
    assert [each.id[-1] for each in await world.store.listed("acme")] == ["1", "2"]


async def test_a_rotated_secret_signs_beside_the_old_one_for_a_day(world: World) -> None:
    webhook = await world.register()
    assert await world.store.rotate("rival", webhook.id, OTHER) is None
    assert await world.store.rotate("acme", webhook.id, OTHER) == webhook
    assert await world.store.rotate("acme", webhook.id, OTHER) == webhook  # A retry.
    await world.finish()
    (claimed,) = await world.store.claim()
    assert claimed.secrets == (OTHER, SECRET)
    world.now += notifications.OLD_SECRET_MS
    (claimed,) = await world.store.claim()
    assert claimed.secrets == (OTHER,)


async def test_nobody_deletes_enables_or_reads_what_is_anothers(world: World) -> None:
    webhook = await world.register()
    await world.finish()
    (delivery,) = await world.store.deliveries("acme")
    assert not await world.store.delete("rival", webhook.id)
    assert await world.store.enable("rival", webhook.id) is None
    assert await world.store.redeliver("rival", delivery.id) is None
    assert await world.store.deliveries("rival", webhook.id) == []
    assert await world.store.delete("acme", webhook.id)
    assert await world.store.deliveries("acme") == []
    assert await world.store.claim() == []


async def test_a_delivery_is_sent_again_with_the_same_bytes(world: World) -> None:
    await world.register()
    await world.finish()
    (claimed,) = await world.store.claim()
    await world.store.delivered(claimed, 204)
    assert await world.store.claim() == []
    again = await world.store.redeliver("acme", claimed.delivery.id)
    assert again is not None
    assert again.state == "waiting"
    (second,) = await world.store.claim()
    assert second.delivery.body == claimed.delivery.body


async def test_what_is_asked_for_during_a_try_is_sent_once_more(world: World) -> None:
    """Its answer comes after the request, and says nothing about that."""
    await world.register()
    await world.finish()
    (claimed,) = await world.store.claim()
    again = await world.store.redeliver("acme", claimed.delivery.id)
    assert again is not None
    await world.store.delivered(claimed, 204)
    (second,) = await world.store.claim()
    assert second.delivery.id == claimed.delivery.id
    await world.store.delivered(second, 204)
    assert await world.store.claim() == []


async def test_deliveries_are_listed_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LIST_MAX", 2)
    await world.register()
    for identity in range(1, 6):
        world.now += identity // 3  # Some at the same time.
        await world.finish(identity)
    seen: list[Any] = []
    while page := await world.store.deliveries("acme", before=seen[-1].id if seen else None):
        seen += page
    assert len({each.id for each in seen}) == 5
    order = [(each.created_ms, each.id) for each in seen]
    assert order == sorted(order, reverse=True)


async def test_old_deliveries_are_forgotten(world: World) -> None:
    await world.register()
    await world.finish(1)
    world.now += notifications.KEEP_MS
    assert await world.store.forget() == 0
    world.now += 1
    await world.finish(2)
    assert await world.store.forget() == 1
    assert len(await world.store.deliveries("acme")) == 1
