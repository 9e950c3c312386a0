"""POST /v1/anchors:batch: many files, packed items, and the depositor's own statement."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest

from node.evidence.digests import new, sha256
from node.evidence.keys import format_signature
from node.evidence.proof import derive
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.statement import format_statement
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify
from node.words import OpenPoint, ResultCode

pytestmark = pytest.mark.anyio


def files(count: int) -> list[dict[str, Any]]:
    contents = [b"file %d" % number for number in range(count)]
    return [
        {"digests": {"sha256": hashlib.sha256(data).hexdigest()}, "size": len(data)}
        for data in contents
    ]


def packed(count: int, seed: int = 0) -> bytes:
    return b"".join(sha256(b"%d/%d" % (seed, number)) for number in range(count))


def own(cluster: Any, items: bytes, **changes: Any) -> dict[str, str]:
    statement = format_statement(cluster.world.deposit(items, **changes))
    return {
        "cunzheng-statement": base64.b64encode(statement).decode(),
        "cunzheng-signature": format_signature(cluster.world.depositor.sign(statement)),
    }


def enrol(cluster: Any, *actions: str) -> None:
    world = cluster.world
    for serial, action in enumerate(actions, 1):
        cluster.apply([world.key(action, world.depositor.public, serial)])


async def test_json_batch_is_one_statement_with_all_openings(client: Any, cluster: Any) -> None:
    response = await client.batch({"items": files(20), "page": 16})
    assert response.status_code == 201, response.text
    answer = response.json()
    (part,) = answer["statements"]
    assert (answer["count"], part["count"], len(part["openings"])) == (20, 20, 20)
    assert answer["first_evidence_no"] == part["first_evidence_no"]
    assert answer["state"] == "FINAL"


async def test_one_proof_of_a_batch_gives_every_other_without_a_server(
    client: Any, cluster: Any
) -> None:
    part = (await client.batch({"items": files(20), "page": 16})).json()["statements"][0]
    rows = await client.gateway.store.under_key("acme", "test-1")
    openings = (await client.gateway.deposits.keepsake(rows[0].statement_id, "acme")).openings
    items = b"".join(opening.item() for opening in openings)
    proof = derive(parse_proof(part["proof"].encode()), 17, items, openings[17])
    sm3 = new("sm3")
    sm3.update(b"file 17")
    file = FileDigests(7, {"sha256": hashlib.sha256(b"file 17").digest(), "sm3": sm3.digest()})
    verdict = verify(format_proof(proof), Anchor(policy_text=cluster.policy_text), file)
    assert verdict.code is ResultCode.V001
    assert part["openings"][17]["salt"] == openings[17].salt.hex()


async def test_more_than_a_statement_holds_becomes_several(client: Any, cluster: Any) -> None:
    query = {"alg": "sha256", "page": "16"}
    answer = (await client.batch(packed(16_384 + 5), params=query)).json()
    assert [part["count"] for part in answer["statements"]] == [16_384, 5]
    assert answer["count"] == 16_389
    ordinals = [part["first_evidence_no"][10:22] for part in answer["statements"]]
    assert ordinals == ["000000000000", "000000016384"]
    assert len({part["statement_id"] for part in answer["statements"]}) == 2


async def test_packed_items_are_attested_and_their_openings_are_not_here(client: Any) -> None:
    answer = (await client.batch(packed(3), params={"alg": "sha256+sm3"})).json()
    assert OpenPoint.O01.en in answer["notices"]
    assert "with the depositor alone" in answer["notices"][0]
    assert "openings" not in answer["statements"][0]
    assert '"alg":"sha256+sm3"' in answer["statements"][0]["statement"]


async def test_own_statement_is_deposited_as_it_was_signed(client: Any, cluster: Any) -> None:
    enrol(cluster, "enrol")
    items = packed(2)
    headers = own(cluster, items)
    response = await client.batch(items, headers=headers)
    assert response.status_code == 201, response.text
    (part,) = response.json()["statements"]
    assert part["statement"].encode() == base64.b64decode(headers["cunzheng-statement"])
    assert OpenPoint.O01.en not in response.json()["notices"]
    verdict = verify(part["proof"].encode(), Anchor(policy_text=cluster.policy_text))
    assert OpenPoint.O01 not in verdict.open_points


@pytest.mark.parametrize("end", ["revoke", "rotate"])
async def test_a_key_that_has_ended_is_refused(client: Any, cluster: Any, end: str) -> None:
    world = cluster.world
    cluster.apply([world.key("enrol", world.depositor.public)])
    more = {"successor": world.log("spare").public} if end == "rotate" else {}
    cluster.apply([world.key(end, world.depositor.public, 2, **more)])
    response = await client.batch(packed(1), headers=own(cluster, packed(1)))
    assert (response.status_code, response.json()["code"]) == (403, "KEY_NOT_ENROLLED")
    assert client.left_nothing()


async def test_a_key_enrolled_for_something_else_is_refused(client: Any, cluster: Any) -> None:
    world = cluster.world
    cluster.apply([world.key("enrol", world.depositor.public, role="member")])
    response = await client.batch(packed(1), headers=own(cluster, packed(1)))
    assert response.json()["code"] == "KEY_NOT_ENROLLED"


async def test_own_plain_statement_with_the_declaration(client: Any, cluster: Any) -> None:
    enrol(cluster, "enrol")
    headers = own(cluster, packed(1), mode="digest")
    query = {"plain_declaration": "true"}
    assert (await client.batch(packed(1), headers=headers, params=query)).status_code == 201


async def test_same_statement_five_times_through_two_gateways_is_one_number(
    client: Any, cluster: Any, make_gateway: Any, clients: Any
) -> None:
    enrol(cluster, "enrol")
    other = cluster.world.log("gateway b")
    cluster.apply([cluster.world.key("enrol", other.public, role="gateway")])
    second = clients(await make_gateway("second", other))
    items = packed(3)
    headers = own(cluster, items)
    answers = await asyncio.gather(
        *(each.batch(items, headers=headers) for each in (client, second, client, second, client))
    )
    assert {each.json()["first_evidence_no"] for each in answers} == {
        answers[0].json()["first_evidence_no"]
    }
    assert len(cluster.statements) == 1


async def test_accepted_at_is_that_of_the_gateway_that_was_first(
    client: Any, cluster: Any, make_gateway: Any, clients: Any, clock: Any
) -> None:
    enrol(cluster, "enrol")
    other = cluster.world.log("gateway b")
    cluster.apply([cluster.world.key("enrol", other.public, role="gateway")])
    second = clients(await make_gateway("second", other))
    headers = own(cluster, packed(1))
    first = (await client.batch(packed(1), headers=headers)).json()["statements"][0]
    clock.now += 10_000
    again = (await second.batch(packed(1), headers=headers)).json()["statements"][0]
    assert again["times"]["accepted_at"] == first["times"]["accepted_at"]
    assert again["receipt"]["gateway"] != first["receipt"]["gateway"]


async def test_a_retry_of_a_batch_is_the_same_even_without_members(
    client: Any, cluster: Any
) -> None:
    enrol(cluster, "enrol")
    headers = own(cluster, packed(2))
    first = await client.batch(packed(2), headers=headers, key="batch")
    for member in cluster.members.values():
        await member.stop()
    again = await client.batch(packed(2), headers=headers, key="batch", params={"wait_ms": 0})
    assert again.status_code == 202
    number = [each.json()["statements"][0]["receipt"] for each in (first, again)]
    assert number[0] == number[1]


async def test_other_body_under_the_same_key_is_a_mismatch(client: Any, cluster: Any) -> None:
    query = {"alg": "sha256"}
    await client.batch(packed(2), key="batch", params=query)
    for other in (packed(2, seed=1), packed(1)):
        response = await client.batch(other, key="batch", params=query)
        assert (response.status_code, response.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    other_terms = await client.batch(packed(2), key="batch", params={"alg": "sm3"})
    assert other_terms.json()["code"] == "IDEMPOTENCY_MISMATCH"
    other_route = await client.anchor(files(1)[0], key="batch")
    assert other_route.json()["code"] == "IDEMPOTENCY_MISMATCH"
    patience = await client.batch(packed(2), key="batch", params=query | {"wait_ms": "9"})
    assert patience.status_code in (200, 202)
    assert len(cluster.statements) == 1


async def test_keys_of_two_accounts_do_not_meet(client: Any) -> None:
    rows = await client.gateway.store.under_key("somebody-else", "test-1")
    assert rows == []
