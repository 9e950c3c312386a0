"""The members as the gateway asks them: leaders that change, doubts, liars and strangers."""

import asyncio
import hashlib
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.digests import sha256
from node.gateway.members.client import CannotCheck, Members, ProposalRefused
from node.gateway.members.links import Endpoint, Identity
from tests.node.gateway.unhurried import EVENTUALLY_S

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": hashlib.sha256(b"a").hexdigest()}, "size": 1}


def proposals(cluster: Any, name: str) -> int:
    """How many proposals reached this member."""
    return int(cluster.members[name].asked.count("Propose"))


@pytest.fixture
def quick(monkeypatch: Any) -> None:
    """Pauses and time-outs that a test can sit out; these are for members that it pauses."""
    monkeypatch.setattr("node.gateway.members.client.PAUSE_MS_MIN", 1)
    monkeypatch.setattr("node.gateway.members.client.PAUSE_MS_MAX", 2)
    monkeypatch.setattr("node.gateway.members.client.PROPOSE_TIMEOUT_S", 1.0)
    monkeypatch.setattr("node.gateway.members.client.READ_TIMEOUT_S", 1.0)


async def test_hint_of_the_leader_is_followed_and_remembered(client: Any, cluster: Any) -> None:
    cluster.leader = "notary"
    for _ in range(3):
        assert (await client.anchor(BODY)).status_code == 201
    assert [proposals(cluster, name) for name in ("court", "forensic", "notary")] == [1, 0, 3]


async def test_without_a_hint_the_others_are_asked_in_turn(
    client: Any, cluster: Any, quick: None
) -> None:
    cluster.members["court"].refuse("Propose", "FAILED_PRECONDITION", "not-leader")
    cluster.members["forensic"].refuse("Propose", "FAILED_PRECONDITION", "not-leader")
    cluster.leader = "notary"
    assert (await client.anchor(BODY)).status_code == 201


DOUBTS = {
    "dropped": "ABORTED",
    "unknown": "UNAVAILABLE",
    "busy": "RESOURCE_EXHAUSTED",
    "disk-full": "RESOURCE_EXHAUSTED",
    "corrupt": "DATA_LOSS",
    "unavailable": "UNAVAILABLE",
}


@pytest.mark.parametrize("doubt", DOUBTS)
async def test_after_any_doubt_the_same_bytes_are_proposed_again(
    client: Any, cluster: Any, doubt: str, quick: None
) -> None:
    """Also where the first proposal was carried out and only the answer was lost."""
    cluster.members["court"].refuse(
        "Propose", DOUBTS[doubt], doubt, after_doing_it=doubt == "unknown"
    )
    response = await client.anchor(BODY)
    assert response.status_code == 201, response.text
    assert len(cluster.statements) == 1
    assert len({tuple(records) for records in cluster.proposals}) == 1
    assert len(cluster.proposals) == (2 if doubt == "unknown" else 1)


async def test_answers_that_are_none_are_asked_for_elsewhere(
    client: Any, cluster: Any, quick: None
) -> None:
    """Whatever a member says, in bytes that nobody can read: the others are there."""
    first = (await client.anchor(BODY)).json()
    for liar in cluster.members:
        for name, member in cluster.members.items():
            member.garbled = name == liar
        found = await client.get(f"/v1/evidence/{first['evidence_no']}")
        assert found.json()["found"] is True
        assert (await client.get("/readyz")).json()["unreachable"] == [liar]
    for name, member in cluster.members.items():
        member.garbled = name == "court"
    cluster.leader = "notary"  # The gateway still takes court for the leader.
    assert (await client.anchor(BODY)).status_code == 201


async def test_where_another_statement_stands_is_no_answer(
    client: Any, cluster: Any, quick: None
) -> None:
    """A member that leads could otherwise hand out another deposit's evidence number."""
    first = (await client.anchor(BODY)).json()["evidence_no"]
    (standing,) = cluster.statements.values()
    honest, lies = cluster.apply, [1, 1]

    def lie(records: list[bytes]) -> list[pb.Outcome]:
        outcomes: list[pb.Outcome] = honest(records)
        if lies:
            lies.pop()
            wrong = cluster.position(standing.entry.statement_id)
            return [pb.Outcome(position=wrong) for _ in outcomes]
        return outcomes

    cluster.apply = lie
    answer = await client.anchor({**BODY, "size": 2}, params={"wait": "committed"}, key="two")
    assert (answer.status_code, answer.json()["state"]) == (201, "COMMITTED")
    assert answer.json()["evidence_no"] != first
    assert not lies


async def test_a_leader_that_is_killed_loses_nothing(
    client: Any, cluster: Any, quick: None
) -> None:
    first = (await client.anchor(BODY)).json()
    await cluster.members["court"].stop()
    cluster.leader = "forensic"
    second = await client.anchor(BODY)
    assert second.json()["state"] == "FINAL"
    assert second.json()["evidence_no"] != first["evidence_no"]
    number = first["evidence_no"]
    assert (await client.get(f"/v1/evidence/{number}")).json()["found"] is True


async def test_a_leader_that_hangs_is_left_after_a_while(
    client: Any, cluster: Any, quick: None, monkeypatch: Any
) -> None:
    """Also while the others say nothing of whom they follow."""
    monkeypatch.setattr("node.gateway.members.client.SILENCE_S", 3_600)
    assert (await client.anchor(BODY)).status_code == 201
    cluster.members["court"].paused = True
    cluster.leader = "forensic"
    answer = await client.anchor(BODY, params={"wait": "committed"})
    assert (answer.status_code, answer.json()["state"]) == (201, "COMMITTED")
    assert proposals(cluster, "forensic") == 1
    assert len(cluster.statements) == 2


async def test_a_paused_leader_is_left_for_the_one_most_follow(
    client: Any, cluster: Any, quick: None, monkeypatch: Any
) -> None:
    """Its time-out is never waited for, and what it keeps of the deposit does no harm."""
    monkeypatch.setattr("node.gateway.members.client.PROPOSE_TIMEOUT_S", 3_600)
    monkeypatch.setattr("node.gateway.members.client.SILENCE_S", 0.01)
    assert (await client.anchor(BODY)).status_code == 201
    cluster.members["court"].paused = True
    cluster.leader = "notary"
    assert (await client.anchor(BODY)).json()["state"] == "FINAL"
    assert (proposals(cluster, "court"), len(cluster.statements)) == (2, 2)


async def test_one_member_alone_draws_no_proposal_from_a_slow_leader(
    client: Any, cluster: Any, quick: None, monkeypatch: Any, eventually: Any
) -> None:
    """Whatever it claims: the others name the leader that is only slow."""
    monkeypatch.setattr("node.gateway.members.client.PROPOSE_TIMEOUT_S", 3_600)
    monkeypatch.setattr("node.gateway.members.client.SILENCE_S", 0.0)

    async def was_asked() -> bool:
        return int(cluster.members["notary"].asked.count("Status")) > 3

    cluster.members["forensic"].claims = "forensic"
    cluster.applying.clear()
    waiting = asyncio.create_task(client.anchor(BODY))
    await eventually(was_asked)
    cluster.applying.set()
    assert (await waiting).json()["state"] == "FINAL"
    assert [proposals(cluster, name) for name in cluster.members] == [1, 0, 0]


# Patience


async def test_a_read_outlasts_refusals_that_pass(
    cluster: Any, make_gateway: Any, quick: None
) -> None:
    """As after an election, or while a member that came back is not connected yet."""
    gateway = await make_gateway(read_patience_s=60.0)
    for member in cluster.members.values():
        for _ in range(30):
            member.refuse("Find", "UNAVAILABLE", "unavailable")
            member.refuse("Prove", "UNAVAILABLE", "unavailable")
    assert (await gateway.members.find(ordinal=0)).found == ()
    assert (await gateway.members.prove(sha256(b"x"), 0, 0, gateway.check_proof)).placed is None
    assert {len(member.script["Find"]) for member in cluster.members.values()} == {0}


async def test_a_read_ends_with_its_patience(cluster: Any, make_gateway: Any, quick: None) -> None:
    """Not earlier, and not much later."""
    gateway, loop = await make_gateway(read_patience_s=0.2), asyncio.get_running_loop()
    for member in cluster.members.values():
        await member.stop()
    proving = gateway.members.prove(sha256(b"x"), 0, 0, gateway.check_proof)
    for asking in (gateway.members.find(ordinal=0), proving):
        start = loop.time()
        with pytest.raises(CannotCheck):
            await asking
        assert 0.19 < loop.time() - start < EVENTUALLY_S


async def test_no_patience_for_a_question_that_is_none(cluster: Any, make_gateway: Any) -> None:
    """What one member cannot read, no other will."""
    gateway = await make_gateway(read_patience_s=3_600.0)
    cluster.members["court"].refuse("Find", "INVALID_ARGUMENT", "malformed")
    with pytest.raises(CannotCheck):
        await gateway.members.find(ordinal=0)
    assert [each.asked.count("Find") for each in cluster.members.values()] == [1, 0, 0]


async def test_whoever_was_silent_is_asked_last(
    gateway: Any, cluster: Any, monkeypatch: Any
) -> None:
    """Only the first read waits for a paused member."""
    monkeypatch.setattr("node.gateway.members.client.READ_TIMEOUT_S", 0.5)
    cluster.members["court"].paused = True
    for _ in range(5):
        await gateway.members.find(ordinal=0)
    assert cluster.members["court"].asked.count("Find") == 1


async def test_a_paused_member_does_not_keep_a_probe_waiting(client: Any, cluster: Any) -> None:
    """Who watches `/readyz` gives up after a second; the others are there."""
    assert (await client.get("/readyz")).json()["unreachable"] == []
    cluster.members["forensic"].paused = True
    ready = await client.get("/readyz")
    assert 0 < sum(cluster.given_s) < 1
    assert (ready.status_code, ready.json()["unreachable"]) == (200, ["forensic"])


async def test_two_members_that_point_at_each_other_do_not_keep_it_spinning(
    gateway: Any, cluster: Any, monkeypatch: Any, eventually: Any
) -> None:
    """It pauses after as many hints as there are members; here, for an hour."""
    monkeypatch.setattr("node.gateway.members.client.PAUSE_MS_MIN", 3_600_000)
    monkeypatch.setattr("node.gateway.members.client.PAUSE_MS_MAX", 3_600_000)
    cluster.leader = None
    for name, other in (("court", "forensic"), ("forensic", "court"), ("notary", "court")):
        for _ in range(1_000):
            how = {"leader": other}
            cluster.members[name].refuse("Propose", "FAILED_PRECONDITION", "not-leader", **how)

    def asked() -> int:
        return sum(proposals(cluster, name) for name in cluster.members)

    async def followed_all_hints() -> bool:
        return asked() >= 3

    proposing = asyncio.create_task(gateway.members.propose([b"x"]))
    await eventually(followed_all_hints)
    for _ in range(20):  # Longer than the next hint would take.
        await gateway.members.statuses()
    assert asked() == 3
    proposing.cancel()


async def test_what_can_never_succeed_ends_at_once(gateway: Any, cluster: Any) -> None:
    cluster.members["court"].refuse("Propose", "INVALID_ARGUMENT", "malformed")
    with pytest.raises(ProposalRefused):
        await gateway.members.propose([b"x"])


async def test_a_proof_that_does_not_hold_is_never_passed_on(client: Any, cluster: Any) -> None:
    """One member lies; the gateway notices and takes the proof of another."""

    def forge(proof: bytes) -> bytes:
        return proof.replace(b"item-index 0", b"item-index 1")

    def cut_a_seal(proof: bytes) -> bytes:
        return proof[: proof.rindex("—".encode())]

    for lie in (forge, cut_a_seal, lambda proof: b"", lambda proof: proof[:-1]):
        cluster.members["court"].tamper = lie
        answer = (await client.anchor(BODY)).json()
        assert answer["state"] == "FINAL"
        assert "Propose" in cluster.members["court"].asked


async def test_without_an_honest_member_nothing_is_called_final(
    client: Any, cluster: Any, quick: None
) -> None:
    for member in cluster.members.values():
        member.tamper = lambda proof: proof[:-1]
    response = await client.anchor(BODY, params={"wait_ms": 2_000})
    assert (response.status_code, response.json()["state"]) == (202, "COMMITTED")
    assert "proof" not in response.json()


async def test_a_member_that_has_not_applied_the_block_is_not_believed(
    client: Any, cluster: Any
) -> None:
    """It knows no such statement yet; the proof comes from one that does."""
    cluster.members["court"].behind = True
    answer = (await client.anchor(BODY)).json()
    assert answer["state"] == "FINAL"
    assert cluster.members["court"].asked.count("Prove") == 1


async def test_only_the_pinned_certificate_is_spoken_to(
    cluster: Any, tls: Any, quick: None
) -> None:
    """Another certificate with the right name is not the member."""
    identity = Identity(tls["gateway"].certificate, tls["gateway"].private_key)
    address = f"127.0.0.1:{cluster.members['court'].port}"
    members = Members([Endpoint("court", address, tls["stranger"].certificate)], identity, 0.0)
    with pytest.raises(CannotCheck):
        await members.checkpoint()
    assert cluster.members["court"].asked == []
    await members.close()


async def test_a_stranger_is_not_answered(cluster: Any, tls: Any, quick: None) -> None:
    identity = Identity(tls["stranger"].certificate, tls["stranger"].private_key)
    address = f"127.0.0.1:{cluster.members['court'].port}"
    members = Members([Endpoint("court", address, tls["court"].certificate)], identity, 0.0)
    with pytest.raises(CannotCheck):
        await members.checkpoint()
    assert cluster.members["court"].asked == []
    await members.close()


async def test_no_member_at_all_cannot_be_checked(gateway: Any, cluster: Any, quick: None) -> None:
    for member in cluster.members.values():
        await member.stop()
    with pytest.raises(CannotCheck):
        await gateway.members.find(ordinal=0)
    with pytest.raises(CannotCheck):
        await gateway.members.prove(sha256(b"x"), 0, 0, gateway.check_proof)
    assert await gateway.members.statuses() == {}
