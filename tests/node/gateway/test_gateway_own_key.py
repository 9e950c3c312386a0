"""A gateway takes deposits only once its own key is enrolled: their proofs would stay open."""

import asyncio
import hashlib
import logging
from typing import Any

import pytest

from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.keys import Signer, format_signature
from node.evidence.proof_text import parse_proof
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.words import OpenPoint

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": hashlib.sha256(b"a").hexdigest()}, "size": 1}


@pytest.fixture
def own(cluster: Any) -> Signer:
    """A gateway's key of which the chain knows nothing."""
    key: Signer = cluster.world.log("a new gateway")
    return key


@pytest.fixture
async def client(own: Signer, make_gateway: Any, clients: Any) -> Any:
    return clients(await make_gateway(signer=own))


def enrol(cluster: Any, key: Any, role: str = "gateway", **changes: Any) -> None:
    cluster.apply([cluster.world.key("enrol", key, role=role, **changes)])


async def post_record(client: Any, cluster: Any, own: Signer, event: str, serial: int) -> None:
    """A record about this gateway's own key, through itself."""
    world = cluster.world
    record = format_key_record(
        KeyRecord(world.origin, event, 1_790_000_000_000, own.public, "gateway", serial)
    )
    body = {
        "record": record.decode(),
        "authority": world.authority.public.text,
        "signature": format_signature(world.authority.sign(record)),
    }
    assert (await client.http.post("/v1/keys", json=body)).status_code == 201


def times_asked(cluster: Any) -> int:
    return sum(member.asked.count("FindKey") for member in cluster.members.values())


async def test_deposits_are_refused_and_the_key_is_named(
    client: Any, cluster: Any, own: Signer
) -> None:
    batch = {"items": [BODY]}
    for response in (await client.anchor(BODY), await client.batch(batch)):
        assert (response.status_code, response.json()["code"]) == (503, "GATEWAY_NOT_ENROLLED")
        assert own.public.text in response.json()["detail"]
        assert response.headers["retry-after"] == "1"
    chinese = await client.anchor(BODY, headers={"accept-language": "zh"})
    assert own.public.text in chinese.json()["detail"]
    assert "网关运营方" in chinese.json()["detail"]
    assert client.left_nothing()


async def test_look_ups_and_health_go_on(client: Any) -> None:
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["enrolled"]) == (200, False)
    assert (await client.get("/healthz")).status_code == 200
    found = await client.get(f"/v1/evidence?digest={'01' * 32}&alg=sha256")
    assert (found.status_code, found.json()["found"]) == (200, False)


async def test_its_key_comes_in_through_itself_and_counts_at_once(
    client: Any, cluster: Any, own: Signer
) -> None:
    assert (await client.anchor(BODY, key="early")).status_code == 503
    await post_record(client, cluster, own, "enrol", 1)
    answer = await client.anchor(BODY, key="early")
    assert answer.status_code == 201, answer.text
    proof = answer.json()["proof"].encode()
    verdict = verify(proof, Anchor(policy_text=cluster.policy_text))
    assert OpenPoint.O06 not in verdict.open_points
    assert parse_proof(proof).entry.receipt.gateway == own.public
    assert (await client.get("/readyz")).json()["enrolled"] is True


@pytest.mark.parametrize("state", ["depositor", "not yet", "revoked"])
async def test_only_a_gateways_key_that_is_good_now_counts(
    client: Any, cluster: Any, own: Signer, clock: Any, state: str
) -> None:
    if state == "depositor":
        enrol(cluster, own.public, "depositor")
    elif state == "not yet":
        enrol(cluster, own.public, effective=clock() + 3_600_000)
    else:
        enrol(cluster, own.public)
        cluster.apply([cluster.world.key("revoke", own.public, 2, role="gateway")])
    clock.now += 1_000
    assert (await client.anchor(BODY)).json()["code"] == "GATEWAY_NOT_ENROLLED"


async def test_a_no_is_asked_again_after_a_second_and_a_yes_after_a_minute(
    client: Any, cluster: Any, own: Signer, clock: Any
) -> None:
    assert not await client.gateway.own_key.check()
    asked = times_asked(cluster)
    answers = await asyncio.gather(*(client.anchor(BODY) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {503}
    assert times_asked(cluster) == asked == 1
    enrol(cluster, own.public)
    clock.now += 1_000
    for _ in range(3):
        assert (await client.anchor(BODY)).status_code == 201
    assert times_asked(cluster) == 2
    cluster.apply([cluster.world.key("revoke", own.public, 2, role="gateway")])
    assert (await client.anchor(BODY)).status_code == 201
    clock.now += 60_000
    assert (await client.anchor(BODY)).json()["code"] == "GATEWAY_NOT_ENROLLED"


async def test_its_revocation_comes_in_through_itself_and_counts_at_once(
    client: Any, cluster: Any, own: Signer
) -> None:
    """Every proof of what it took in afterwards would be V302."""
    enrol(cluster, own.public)
    assert (await client.anchor(BODY)).status_code == 201
    await post_record(client, cluster, own, "revoke", 2)
    assert (await client.anchor(BODY)).json()["code"] == "GATEWAY_NOT_ENROLLED"


async def test_a_yes_stays_while_nobody_answers(client: Any, cluster: Any, own: Signer) -> None:
    enrol(cluster, own.public)
    own_key = client.gateway.own_key
    assert await own_key.check()
    for member in cluster.members.values():
        await member.stop()
    own_key.ask_again()
    assert await own_key.check()


async def test_where_nobody_answers_a_deposit_still_has_its_receipt(
    client: Any, cluster: Any, clock: Any
) -> None:
    assert not await client.gateway.own_key.check()
    for member in cluster.members.values():
        await member.stop()
    clock.now += 1_000
    response = await client.anchor(BODY, params={"wait_ms": 50})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")
    assert "enrolled" not in (await client.get("/readyz")).json()


async def test_what_was_taken_in_before_is_still_answered(
    client: Any, cluster: Any, own: Signer, make_gateway: Any, clients: Any, clock: Any
) -> None:
    """Its key was revoked and the gateway started again: promises are kept, none are made."""
    enrol(cluster, own.public)
    clock.now += 1_000
    first = await client.anchor(BODY, key="kept")
    assert first.status_code == 201
    await make_gateway.stop(client.gateway)
    cluster.apply([cluster.world.key("revoke", own.public, 2, role="gateway")])
    again = clients(await make_gateway(signer=own))
    kept = await again.anchor(BODY, key="kept")
    assert (kept.status_code, kept.json()["state"]) == (200, "FINAL")
    assert kept.json()["evidence_no"] == first.json()["evidence_no"]
    assert (await again.anchor(BODY, key="new")).json()["code"] == "GATEWAY_NOT_ENROLLED"


async def test_the_log_says_it_at_start(
    make_gateway: Any, own: Signer, caplog: pytest.LogCaptureFixture, eventually: Any
) -> None:
    async def said() -> bool:
        return bool(caplog.messages)

    with caplog.at_level(logging.INFO, "node.gateway.gateway"):
        await make_gateway(signer=own)
        await eventually(said)
    assert f"{own.public.text} is not enrolled" in caplog.text
