"""Deposits are stored before they are proposed, and go on after a restart."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from node import member_pb2 as pb
from node.offchain import database
from tests.databases import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


async def nothing_unsettled(gateway: Any) -> bool:
    return not await gateway.store.unsettled()


async def test_what_a_stopped_gateway_left_over_is_proposed_at_the_next_start(
    make_gateway: Any, clients: Any, cluster: Any
) -> None:
    """Stored and answered 202, then the process stops: the promise is kept, with the same bytes."""
    cluster.applying.clear()
    first = await make_gateway()
    answer = await clients(first).anchor(BODY, key="kept", params={"wait_ms": 1})
    assert answer.json()["state"] == "PENDING"
    await make_gateway.stop(first)
    assert cluster.statements == {}
    cluster.applying.set()
    second = await make_gateway()
    client = clients(second)
    again = await client.anchor(BODY, key="kept")
    assert again.json()["state"] == "FINAL"
    assert again.json()["statement"] == answer.json()["statement"]
    assert again.json()["receipt"] == answer.json()["receipt"]
    assert len(cluster.statements) == 1


async def test_left_overs_reach_the_chain_without_anyone_asking(
    make_gateway: Any, clients: Any, cluster: Any, eventually: Any
) -> None:
    cluster.applying.clear()
    first = await make_gateway()
    for number in range(3):
        await clients(first).anchor(BODY, key=f"k{number}", params={"wait": "none"})
    await make_gateway.stop(first)
    cluster.applying.set()
    second = await make_gateway()
    await eventually(lambda: nothing_unsettled(second))
    assert len(cluster.statements) == 3


async def test_a_statement_that_all_members_skip_is_failed_for_good(
    client: Any, cluster: Any, monkeypatch: Any, eventually: Any
) -> None:
    monkeypatch.setattr(cluster, "apply", lambda records: [pb.Outcome(skipped="because")])
    response = await client.anchor(BODY, key="bad")
    assert (response.status_code, response.json()["code"]) == (422, "RECORD_SKIPPED")
    assert "because" in response.json()["detail"]
    await eventually(lambda: nothing_unsettled(client.gateway))
    again = await client.anchor(BODY, key="bad")
    assert again.json()["code"] == "RECORD_SKIPPED"
    assert len(cluster.proposals) == 1
    (stored,) = await client.gateway.store.under_key("acme", "bad")
    answer = (await client.get(f"/v1/receipts/{stored.statement_id.hex()[:32]}")).json()
    assert (answer["state"], answer["reason"]) == ("FAILED", "because")


def deny(cluster: Any) -> None:
    """Let the leader deny what it has just put onto the chain."""
    honest = cluster.apply

    def lie(records: list[bytes]) -> list[pb.Outcome]:
        return [pb.Outcome(skipped="a lie") for _ in honest(records)]

    cluster.apply = lie


async def test_a_false_skip_is_not_believed_of_the_leader_alone(
    client: Any, cluster: Any, eventually: Any
) -> None:
    deny(cluster)
    cluster.members["court"].behind = True  # Nor is it asked a second time.
    response = await client.anchor(BODY, key="denied", params={"wait": "committed"})
    assert (response.status_code, response.json()["state"]) == (201, "COMMITTED")
    await eventually(lambda: nothing_unsettled(client.gateway))
    (stored,) = await client.gateway.store.under_key("acme", "denied")
    assert stored.skipped is None
    assert (await client.anchor(BODY, key="denied")).json()["state"] == "FINAL"


async def test_a_false_refusal_is_not_believed_of_one_member_either(
    client: Any, cluster: Any
) -> None:
    cluster.members["court"].refuse("Propose", "INVALID_ARGUMENT", "malformed", after_doing_it=True)
    assert (await client.anchor(BODY)).json()["state"] == "FINAL"


async def test_a_skip_stays_open_until_a_second_member_answers(
    client: Any, cluster: Any, monkeypatch: Any, eventually: Any
) -> None:
    monkeypatch.setattr("node.gateway.deposits.submissions.ASK_ELSEWHERE_EVERY_S", 0)
    deny(cluster)
    for name in ("forensic", "notary"):
        for _ in range(20):
            cluster.members[name].refuse("Find", "UNAVAILABLE", "unavailable")
    response = await client.anchor(BODY, key="open", params={"wait_ms": 1})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")
    await eventually(lambda: nothing_unsettled(client.gateway))
    assert (await client.anchor(BODY, key="open")).json()["state"] == "FINAL"
    assert len(cluster.proposals) == 1
    assert cluster.members["court"].asked.count("Find") == 0


async def test_what_cannot_be_stored_is_not_proposed(
    client: Any, cluster: Any, monkeypatch: Any
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("disk full", None, Exception())

    monkeypatch.setattr(database, "_do_all", fail)
    response = await client.anchor(BODY)  # Why goes to the log.
    assert (response.status_code, response.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert client.left_nothing()
