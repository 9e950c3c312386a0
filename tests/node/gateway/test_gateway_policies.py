"""POST and GET /v1/policies: a chain gets its next policy."""

import asyncio
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.entry import PolicyEntry, format_entry
from node.evidence.policy import fingerprint
from node.evidence.policy_note import PolicyNote, format_policy_note
from node.evidence.record import format_record
from node.evidence.succession import parse_policies

pytestmark = pytest.mark.anyio


async def post(client: Any, note: PolicyNote | bytes, **options: Any) -> Any:
    data = note if isinstance(note, bytes) else format_policy_note(note)
    headers = {"content-type": "text/plain"}
    return await client.http.post("/v1/policies", content=data, headers=headers, **options)


async def history(client: Any) -> tuple[PolicyNote, ...]:
    response = await client.http.get("/v1/policies")
    assert response.status_code == 200, response.text
    return parse_policies(response.content).notes


async def test_the_members_signatures_are_enough(client: Any, cluster: Any) -> None:
    del client.http.headers["authorization"]
    first = cluster.world.note()
    assert await history(client) == (first,)
    note = cluster.world.next_note(first, quorum=3)
    response = await post(client, note)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert (answer["serial"], answer["state"]) == (2, "COMMITTED")
    assert answer["fingerprint"] == fingerprint(note.policy_text)
    assert await history(client) == (first, note)
    assert (await client.http.get("/v1/policy")).json()["quorum"] == 3


async def test_sent_again_it_is_found_standing(client: Any, cluster: Any) -> None:
    note = cluster.world.next_note(cluster.world.note(), quorum=3)
    await post(client, note)
    assert (await post(client, note)).status_code == 200
    assert len(cluster.proposals) == 1


async def test_sent_many_times_at_once_it_is_found_standing(client: Any, cluster: Any) -> None:
    note = cluster.world.next_note(cluster.world.note(), quorum=3)
    answers = await asyncio.gather(*(post(client, note) for _ in range(5)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * 4 + [201], [answer.text for answer in answers]
    assert len(cluster.proposals) == 1, "each would be a block"


async def test_one_member_neither_hides_nor_invents_a_policy(client: Any, cluster: Any) -> None:
    """Whoever signs the next one would follow an old one, or one that was signed and given up."""
    world = cluster.world
    first = world.note()
    second, given_up = world.next_note(first, quorum=3), world.next_note(first, quorum=1)
    cluster.apply([format_record(second)])
    entry = format_entry(PolicyEntry(7, 7, given_up))
    for liar in cluster.members.values():
        liar.refuse("Policy", "NOT_FOUND", "absent")
        assert await history(client) == (first, second)
        liar.lies = {"Policy": pb.PolicyResponse(leaf_index=3, entry=entry)}
        assert await history(client) == (first, second)
        liar.lies = {}
        liar.script.clear()


async def test_what_the_chain_would_skip_makes_no_block(client: Any, cluster: Any) -> None:
    world = cluster.world
    first = world.note()
    second = world.next_note(first, quorum=3)
    for wrong in (world.next_note(first, ("court",)), world.next_note(second)):
        response = await post(client, wrong)
        assert (response.status_code, response.json()["code"]) == (409, "POLICY_NOT_NEXT")
    for wrong in (b"", format_policy_note(second)[:-1], format_policy_note(second) + b"\n"):
        response = await post(client, wrong)
        assert (response.status_code, response.json()["code"]) == (422, "POLICY_INVALID")
    response = await post(client, bytes(100_000))
    assert (response.status_code, response.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert client.left_nothing()


async def test_another_that_came_first_is_told(client: Any, cluster: Any) -> None:
    world = cluster.world
    first = world.note()
    await post(client, world.next_note(first, quorum=3))
    response = await post(client, world.next_note(first, quorum=1))
    assert (response.status_code, response.json()["code"]) == (409, "POLICY_NOT_NEXT")
    assert len(cluster.proposals) == 1


async def test_time_out_is_pending(client: Any, cluster: Any) -> None:
    cluster.applying.clear()
    note = cluster.world.next_note(cluster.world.note(), quorum=3)
    response = await post(client, note, params={"wait_ms": 1})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")


async def test_proofs_after_a_change_are_good(client: Any, cluster: Any) -> None:
    """The gateway was told the first policy only, and passes on what descends from it."""
    note = cluster.world.next_note(cluster.world.note(), quorum=3)
    assert (await post(client, note)).status_code == 201
    deposit = await client.anchor({"digests": {"sha256": "11" * 32}, "size": 1})
    assert deposit.status_code == 201, deposit.text
    assert deposit.json()["state"] == "FINAL"


async def test_rules_are_raised_only_when_every_member_knows_them(
    client: Any, cluster: Any
) -> None:
    """A member that does not know the rules in force stops."""
    note = cluster.world.next_note(cluster.world.note(), rules=2)
    old, *_ = cluster.members.values()
    old.rules = 1
    response = await post(client, note)
    assert (response.status_code, response.json()["code"]) == (409, "RULES_NOT_KNOWN")
    assert old.name in response.json()["detail"]
    assert not cluster.proposals
    old.rules = 2
    assert (await post(client, note)).status_code == 201
    assert cluster.memory.chain.note.rules == 2


async def test_a_member_that_is_away_may_not_know_them(client: Any, cluster: Any) -> None:
    away, *_ = cluster.members.values()
    await away.stop()
    response = await post(client, cluster.world.next_note(cluster.world.note(), rules=2))
    assert (response.status_code, response.json()["code"]) == (409, "RULES_NOT_KNOWN")
    assert not cluster.proposals


async def test_no_member_answers(client: Any, cluster: Any) -> None:
    for member in cluster.members.values():
        await member.stop()
    assert (await client.http.get("/v1/policies")).status_code == 503
    note = cluster.world.next_note(cluster.world.note(), quorum=3)
    assert (await post(client, note)).status_code == 503
