"""Deposits go from state to state in the database, whoever waits and whichever gateway it was."""

import base64
from typing import Any

import pytest

from node import member_pb2 as pb
from node.gateway.deposits import finality, submissions
from node.offchain.deposit_values import DepositRecord
from node.words import State
from tests.node.gateway.admitted import RIVAL_KEY

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


@pytest.fixture(autouse=True)
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests look themselves."""
    monkeypatch.setattr(finality, "LOOK_EVERY_S", 3_600)


async def deposited(gateway: Any, answer: Any) -> DepositRecord:
    record = await gateway.deposits.by_id(bytes.fromhex(answer["statement_id"]))
    assert isinstance(record, DepositRecord)
    return record


@pytest.fixture
def reached(eventually: Any) -> Any:
    """Waits until the database says that a deposit has come so far."""

    async def wait(gateway: Any, answer: Any, state: State) -> DepositRecord:
        async def is_there() -> bool:
            return (await deposited(gateway, answer)).state is state

        await eventually(is_there)
        return await deposited(gateway, answer)

    return wait


async def test_a_deposit_is_final_once_a_checkpoint_covers_it(
    client: Any, cluster: Any, clock: Any, reached: Any
) -> None:
    cluster.sealing.clear()
    answer = (await client.anchor(BODY, params={"wait": "committed"})).json()
    committed = await reached(client.gateway, answer, State.COMMITTED)
    assert committed.number() == answer["evidence_no"]
    assert committed.standing is not None
    assert committed.standing.entry_hash.hex() == answer["entry_hash"]
    await client.gateway.finality.look()
    assert (await deposited(client.gateway, answer)).state is State.COMMITTED
    cluster.sealing.set()
    clock.now += 5
    await client.gateway.finality.look()
    final = await deposited(client.gateway, answer)
    assert (final.state, final.final_ms) == (State.FINAL, clock())


async def test_what_members_do_not_answer_for_long_is_pending(
    client: Any, cluster: Any, reached: Any
) -> None:
    cluster.applying.clear()
    answer = (await client.anchor(BODY, params={"wait": "none"})).json()
    assert answer["receipt"]["signature"]
    await client.gateway.finality.look()
    assert (await deposited(client.gateway, answer)).state is State.RECEIVED
    await client.gateway.finality.look()
    assert (await deposited(client.gateway, answer)).state is State.PENDING
    cluster.applying.set()
    await reached(client.gateway, answer, State.COMMITTED)


async def test_what_all_members_skip_has_failed(
    client: Any, cluster: Any, monkeypatch: Any, reached: Any
) -> None:
    monkeypatch.setattr(cluster, "apply", lambda records: [pb.Outcome(skipped="because")])
    await client.anchor(BODY, key="bad")
    (stored,) = await client.gateway.store.under_key("acme", "bad")
    answer = {"statement_id": stored.statement_id.hex()}
    failed = await reached(client.gateway, answer, State.FAILED)
    assert failed.skipped == "because"


async def test_deposits_of_a_gateway_that_is_gone_go_on_through_another(
    make_gateway: Any,
    clients: Any,
    cluster: Any,
    clock: Any,
    reached: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both share a database; the first stops while the members answer nobody."""
    monkeypatch.setattr(submissions, "TAKE_OVER_EVERY_S", 0)
    cluster.applying.clear()
    first, second = await make_gateway(), await make_gateway()
    answer = (await clients(first).anchor(BODY, params={"wait": "none"})).json()
    await make_gateway.stop(first)
    assert second.submissions.on_way == []
    clock.now += submissions.TAKE_OVER_MS + 1
    cluster.applying.set()
    await reached(second, answer, State.COMMITTED)
    await second.finality.look()
    assert (await deposited(second, answer)).state is State.FINAL
    assert len(cluster.statements) == 1


async def test_who_repeats_somebody_elses_statement_is_told_nothing_that_opens_it(
    client: Any, cluster: Any
) -> None:
    """Whoever was shown a proof has the statement, its signature and the item."""
    made = (await client.anchor(BODY)).json()
    (standing,) = cluster.statements.values()
    headers = {
        "authorization": f"Bearer {RIVAL_KEY}",
        "cunzheng-statement": base64.b64encode(made["statement"].encode()).decode(),
        "cunzheng-signature": made["signature"],
    }
    for status in (201, 200):
        again = await client.batch(standing.items, headers=headers, key="mine")
        assert again.status_code == status, again.text
        (part,) = again.json()["statements"]
        assert part["statement_id"] == made["statement_id"]
        assert not {"openings", "submitter"} & part.keys()
    assert (await deposited(client.gateway, made)).account == "acme"
