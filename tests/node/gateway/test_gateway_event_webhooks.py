"""Webhooks about events: told of whatever the log has about a deposit, once, by any gateway."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.evidence.keys import Signer
from node.evidence.statement import Subject
from node.gateway.webhooks import notifier
from node.webhooks.signature import is_signed
from tests.databases import ON_BOTH
from tests.node.webhooks.receiver import Receiver

pytestmark = [pytest.mark.anyio, ON_BOTH]

SALTED = {"digests": {"sha256": hashlib.sha256(b"x").hexdigest()}, "size": 1, "client_ref": "o-7"}
COURT = Signer(b"\x21" * 32)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries follow each other closely."""
    monkeypatch.setattr(notifier, "LOOK_EVERY_S", 0.01)


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def two(make_gateway: Any, clients: Any) -> list[Any]:
    """Clients of two gateways of one database, each of which has looked once."""
    found = [clients(await make_gateway()) for _ in range(2)]
    for each in found:
        await each.gateway.follower().look()
    return found


async def register(client: Any, receiver: Receiver, *events: str) -> str:
    body: dict[str, Any] = {"url": receiver.url} | ({"events": list(events)} if events else {})
    response = await client.post("/v1/webhooks", body)
    assert response.status_code == 201, response.text
    secret: str = response.json()["secret"]
    return secret


async def deposit(client: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await client.anchor(SALTED)).json()
    return made


def happen(cluster: Any, made: dict[str, Any], kind: str, number: int, key: Any = None) -> None:
    """An event that came through a gateway of somebody else."""
    signer = key or cluster.world.depositor
    subject = Subject(made["evidence_no"], bytes.fromhex(made["statement_id"]))
    event = cluster.world.event(number, type=kind, key=signer.public, subject=subject)
    cluster.apply([cluster.world.record(event, by=signer)])


async def test_an_account_is_told_what_was_said_of_its_deposit(
    two: Any, receiver: Receiver, clock: Any
) -> None:
    first, second = two
    secret = await register(first, receiver, "deposit.event")
    made = await deposit(first)
    body = {"reason": "标题有误"}
    event = (await first.post(f"/v1/evidence/{made['evidence_no']}/corrections", body)).json()
    await second.gateway.follower().look()
    await receiver.wait(1)
    fields, sent = receiver.came[0]
    assert is_signed(fields["cunzheng-signature"], secret, sent, clock() // 1000)
    told = json.loads(sent)
    assert (told["event"], told["deposit"]["client_ref"]) == ("deposit.event", "o-7")
    assert told["deposit"]["statement_id"] == made["statement_id"]
    assert told["happened"] == {
        "effect": True,
        "entry_hash": event["entry_hash"],
        "evidence_no": made["evidence_no"],
        "height": event["height"],
        "statement_id": event["statement_id"],
        "type": "CORRECTION",
    }
    assert "标题有误" not in sent.decode()


async def test_also_what_somebody_else_said_through_another_gateway(
    two: Any, receiver: Receiver, cluster: Any
) -> None:
    """A hold of a court has effect, an invalidation by a stranger has none; both are told."""
    first, _ = two
    await register(first, receiver, "deposit.event")
    made = await deposit(first)
    cluster.apply([cluster.world.key("enrol", COURT.public, role="court")])
    happen(cluster, made, "hold", 1, COURT)
    happen(cluster, made, "invalidation", 2)
    await first.gateway.follower().look()
    await receiver.wait(2)
    told = [json.loads(body)["happened"] for _, body in receiver.came]
    assert sorted((each["type"], each["effect"]) for each in told) == [
        ("HOLD", True),
        ("INVALIDATION", False),
    ]


async def test_it_is_told_once_however_many_gateways_read(
    two: Any, receiver: Receiver, cluster: Any, eventually: Any
) -> None:
    first, second = two
    await register(first, receiver, "deposit.event")
    made = await deposit(first)
    for number in range(3):
        happen(cluster, made, "custody", number)
    await asyncio.gather(*(each.gateway.follower().look() for each in (first, second) * 2))
    await receiver.wait(3)
    listed = (await first.get("/v1/deliveries")).json()["deliveries"]
    assert len(listed) == 3
    told = [json.loads(each["body"])["happened"]["statement_id"] for each in listed]
    assert len(set(told)) == 3


async def test_many_entries_are_read_in_their_tiles(
    two: Any, receiver: Receiver, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = two
    await register(first, receiver, "deposit.event")
    made = await deposit(first)
    for number in range(140):  # With the entries of their blocks more than one tile of 256.
        happen(cluster, made, "custody", number)
    await first.gateway.follower().look()
    await receiver.wait(140)
    assert (await first.gateway.log.size()) > 256


async def test_whoever_does_not_want_it_is_not_told(
    two: Any, receiver: Receiver, cluster: Any, clients: Any
) -> None:
    """Neither those who want other messages, nor other accounts, nor of what was before."""
    first, _ = two
    await register(first, receiver, "deposit.final")
    made = await deposit(first)
    await receiver.wait(1)
    happen(cluster, made, "custody", 1)
    await first.gateway.follower().look()
    await register(first, receiver, "deposit.event")
    happen(cluster, made, "custody", 2)
    foreign = cluster.world.deposited(9)
    cluster.apply([foreign])
    await first.gateway.follower().look()
    await receiver.wait(2)
    listed = (await first.get("/v1/deliveries")).json()["deliveries"]
    assert sorted(each["event"] for each in listed) == ["deposit.event", "deposit.final"]


async def test_a_new_webhook_is_told_of_everything(two: Any, receiver: Receiver) -> None:
    first, _ = two
    await register(first, receiver)
    listed = (await first.get("/v1/webhooks")).json()["webhooks"]
    assert listed[0]["events"] == ["deposit.final", "deposit.failed", "deposit.event"]
