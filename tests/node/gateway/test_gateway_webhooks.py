"""Webhooks through the gateway: registered, told, signed, tried again, through several gateways."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.gateway.deposits import finality
from node.gateway.webhooks import notifier
from node.offchain.notifications import CLAIMED_AT_ONCE
from node.webhooks.schedule import CLAIM_MS, DELAYS_MS
from node.webhooks.signature import is_signed
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import AUDITOR_KEY, RIVAL_KEY
from tests.node.webhooks.receiver import Receiver

pytestmark = [pytest.mark.anyio, ON_BOTH]

SALTED = {"digests": {"sha256": hashlib.sha256(b"x").hexdigest()}, "size": 1, "client_ref": "o-7"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other closely."""
    monkeypatch.setattr(notifier, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(finality, "LOOK_EVERY_S", 0.01)


@pytest.fixture
async def receiver(anyio_backend: str) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def register(client: Any, url: str, **options: Any) -> dict[str, Any]:
    response = await client.post("/v1/webhooks", {"url": url}, **options)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def deliveries(client: Any) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await client.get("/v1/deliveries")).json()["deliveries"]
    return listed


async def test_a_deposit_that_is_final_is_told_and_the_signature_verifies(
    client: Any, receiver: Receiver, clock: Any, eventually: Any
) -> None:
    webhook = await register(client, receiver.url)
    made = (await client.anchor(SALTED)).json()
    await receiver.wait(1)
    fields, body = receiver.came[0]
    assert is_signed(fields["cunzheng-signature"], webhook["secret"], body, clock() // 1000)
    told = json.loads(body)
    assert (told["event"], told["id"]) == ("deposit.final", fields["cunzheng-delivery"])
    assert told["deposit"]["first_evidence_no"] == made["evidence_no"]
    assert told["deposit"]["entry_hash"] == made["entry_hash"]
    assert told["deposit"]["client_ref"] == "o-7"

    async def noted() -> bool:
        return [each["state"] for each in await deliveries(client)] == ["delivered"]

    await eventually(noted)
    (kept,) = await deliveries(client)
    assert (kept["body"].encode(), kept["attempts"], kept["last_status"]) == (body, 1, 200)


async def test_a_receiver_that_was_down_is_told_when_it_is_back(
    client: Any, receiver: Receiver, clock: Any, eventually: Any
) -> None:
    await register(client, receiver.url)
    await receiver.stop()
    await client.anchor(SALTED)

    async def last_failure() -> bool:
        found = await deliveries(client)
        return bool(found) and found[0].get("last_failure") == "UNREACHABLE"

    await eventually(last_failure)
    await receiver.start()
    receiver.status = 503
    clock.now += DELAYS_MS[0]
    await receiver.wait(1)

    async def refused() -> bool:
        return (await deliveries(client))[0].get("last_status") == 503

    await eventually(refused)
    receiver.status = 200
    clock.now += DELAYS_MS[1]
    await receiver.wait(2)
    assert receiver.came[0][1] == receiver.came[1][1]


async def test_a_gateway_that_dies_between_claim_and_sending_loses_nothing(
    make_gateway: Any, clients: Any, receiver: Receiver, clock: Any, monkeypatch: Any
) -> None:
    first = await make_gateway()
    client = clients(first)
    claimed, never = asyncio.Event(), asyncio.Event()

    async def die(_: Any) -> None:
        claimed.set()
        await never.wait()

    monkeypatch.setattr(first.notifier, "_carry", die)
    await register(client, receiver.url)
    await client.anchor(SALTED)
    await claimed.wait()
    await make_gateway.stop(first)
    second = await make_gateway()
    client = clients(second)
    assert (await deliveries(client))[0]["state"] == "waiting"
    assert receiver.came == []
    clock.now += CLAIM_MS
    await receiver.wait(1)
    (told,) = receiver.came
    assert json.loads(told[1])["event"] == "deposit.final"


async def test_two_gateways_of_one_database_tell_it_once(
    make_gateway: Any, clients: Any, receiver: Receiver, eventually: Any
) -> None:
    client, other = clients(await make_gateway()), clients(await make_gateway())
    await register(client, receiver.url)
    for number in range(4):
        await client.anchor(SALTED, key=f"a{number}")
        await other.anchor(SALTED, key=f"b{number}")

    async def all_delivered() -> bool:
        return [each["state"] for each in await deliveries(client)] == ["delivered"] * 8

    await eventually(all_delivered)
    ids = [fields["cunzheng-delivery"] for fields, _ in receiver.came]
    assert len(ids) == len(set(ids)) == 8


async def test_the_secret_is_told_to_the_same_request_only(
    client: Any, receiver: Receiver, clock: Any
) -> None:
    made = await register(client, receiver.url, key="k")
    assert await register(client, receiver.url, key="k") == made
    clock.now += 1
    other = await register(client, receiver.url, key="other")
    assert other["id"] != made["id"]
    assert other["secret"] != made["secret"]
    body = {"url": receiver.url + "/elsewhere"}
    refused = await client.post("/v1/webhooks", body, key="k")
    assert (refused.status_code, refused.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    listed = (await client.get("/v1/webhooks")).json()["webhooks"]
    assert [each["id"] for each in listed] == [made["id"], other["id"]]
    assert not any("secret" in each for each in listed)
    rotated = await client.http.post(
        f"/v1/webhooks/{made['id']}/rotate", headers={"idempotency-key": "r"}
    )
    again = await client.http.post(
        f"/v1/webhooks/{made['id']}/rotate", headers={"idempotency-key": "r"}
    )
    assert rotated.json() == again.json()
    assert rotated.json()["secret"] != made["secret"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "FIELD_MISSING"),
        ({"url": "ftp://example.com/"}, 422, "WEBHOOK_URL"),
        ({"url": "https://u:p@example.com/"}, 422, "WEBHOOK_URL"),
        ({"url": "https://example.com/", "events": []}, 422, "FIELD_INVALID"),
        ({"url": "https://example.com/", "events": ["deposit.made"]}, 422, "FIELD_INVALID"),
        ({"url": "https://example.com/", "more": 1}, 422, "FIELD_UNKNOWN"),
    ],
)
async def test_registrations_that_make_no_sense(
    client: Any, body: dict[str, Any], status: int, code: str
) -> None:
    response = await client.post("/v1/webhooks", body)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_others_know_nothing_of_it(
    client: Any, clients: Any, gateway: Any, receiver: Receiver, eventually: Any
) -> None:
    made = await register(client, receiver.url)
    await client.anchor(SALTED)
    await receiver.wait(1)
    (delivery,) = await deliveries(client)
    rival = clients(gateway)
    rival.http.headers["authorization"] = f"Bearer {RIVAL_KEY}"
    assert await deliveries(rival) == []
    assert (await rival.get("/v1/webhooks")).json() == {"webhooks": []}
    headers = {"idempotency-key": "k"}
    for response, code in (
        (await rival.http.delete(f"/v1/webhooks/{made['id']}"), "WEBHOOK_UNKNOWN"),
        (
            await rival.http.post(f"/v1/webhooks/{made['id']}/enable", headers=headers),
            "WEBHOOK_UNKNOWN",
        ),
        (
            await rival.http.post(f"/v1/webhooks/{made['id']}/rotate", headers=headers),
            "WEBHOOK_UNKNOWN",
        ),
        (
            await rival.http.post(f"/v1/deliveries/{delivery['id']}/redeliver", headers=headers),
            "DELIVERY_UNKNOWN",
        ),
    ):
        assert (response.status_code, response.json()["code"]) == (404, code)
    office = clients(gateway)
    office.http.headers["authorization"] = f"Bearer {AUDITOR_KEY}"
    assert (await office.get("/v1/webhooks")).json()["code"] == "SCOPE_MISSING"


async def test_a_message_is_sent_again_on_request_and_not_after_deletion(
    client: Any, receiver: Receiver
) -> None:
    made = await register(client, receiver.url)
    await client.anchor(SALTED)
    await receiver.wait(1)
    (delivery,) = await deliveries(client)
    response = await client.post(f"/v1/deliveries/{delivery['id']}/redeliver", b"")
    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    await receiver.wait(2)
    assert receiver.came[0][1] == receiver.came[1][1]
    enabled = await client.post(f"/v1/webhooks/{made['id']}/enable", b"")
    assert enabled.json()["enabled"] is True
    assert (await client.http.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
    assert await deliveries(client) == []


async def test_a_message_that_is_sent_after_an_erasure_says_no_name(
    client: Any, receiver: Receiver
) -> None:
    await register(client, receiver.url)
    made = (await client.anchor({**SALTED, "matter_id": "张三案"})).json()
    await receiver.wait(1)
    erasure = {"ground": "CONSENT_WITHDRAWN", "count": 1}
    erased = await client.post(f"/v1/evidence/{made['evidence_no']}/erasures", erasure)
    assert erased.status_code == 201, erased.text
    (delivery,) = await deliveries(client)
    await client.post(f"/v1/deliveries/{delivery['id']}/redeliver", b"")
    await receiver.wait(2)
    before, after = (json.loads(body) for _, body in receiver.came)
    names = {name: before["deposit"].pop(name) for name in ("client_ref", "matter_id")}
    assert names == {"client_ref": "o-7", "matter_id": "张三案"}
    assert after == before


async def test_a_receiver_that_is_quick_is_sent_all_that_waits_without_a_pause(
    make_gateway: Any,
    clients: Any,
    receiver: Receiver,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once sixteen a second was all that one webhook got, and deposits came faster."""
    monkeypatch.setattr(notifier, "LOOK_EVERY_S", 3_600)
    client = clients(await make_gateway())
    await register(client, receiver.url)
    count = 2 * CLAIMED_AT_ONCE + 3
    for n in range(count):
        assert (await client.anchor(SALTED, key=f"key-{n}")).status_code == 201

    async def all_wait() -> bool:
        return len(await deliveries(client)) == count

    await eventually(all_wait)
    assert receiver.came == []
    await make_gateway()
    await receiver.wait(count)
    assert len({fields["cunzheng-delivery"] for fields, _ in receiver.came}) == count
