"""POST /v1/keys: key records of enrolling authorities."""

import asyncio
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.keys import P256, SM2, Signer, format_signature
from node.evidence.record import format_record
from node.evidence.sm2 import Sm2Missing

pytestmark = pytest.mark.anyio


def enrolment(cluster: Any, **changes: Any) -> dict[str, str]:
    world = cluster.world
    signer = changes.pop("signer", world.authority)
    values = {
        "origin": world.origin,
        "action": "enrol",
        "effective": 1_790_000_000_000,
        "key": world.depositor.public,
        "role": "depositor",
        "serial": 1,
    }
    record = format_key_record(KeyRecord(**values | changes))
    return {
        "record": record.decode(),
        "authority": changes.pop("authority", signer.public.text),
        "signature": format_signature(signer.sign(record)),
    }


async def post(client: Any, body: Any, **options: Any) -> Any:
    return await client.http.post("/v1/keys", json=body, **options)


async def test_a_signed_record_is_enough(client: Any, cluster: Any) -> None:
    del client.http.headers["authorization"]
    response = await post(client, enrolment(cluster))
    assert response.status_code == 201, response.text
    answer = response.json()
    assert (answer["action"], answer["role"], answer["height"]) == ("enrol", "depositor", 2)
    key = cluster.world.depositor.public
    assert await client.gateway.register.may_deposit(key)


@pytest.mark.parametrize("algorithm", [P256, SM2])
async def test_a_key_of_another_suite_is_for_rules_2(
    client: Any, cluster: Any, algorithm: str
) -> None:
    key = Signer(bytes(range(32)), algorithm).public
    refused = await post(client, enrolment(cluster, key=key))
    assert (refused.status_code, refused.json()["code"]) == (422, "KEY_RECORD_INVALID")
    assert f"rules 1 do not take {algorithm}" in refused.json()["detail"]
    note = cluster.world.next_note(cluster.memory.chain.note, rules=2)
    cluster.apply([format_record(note)])
    assert (await post(client, enrolment(cluster, key=key))).status_code == 201
    assert await client.gateway.register.may_deposit(key)


async def test_without_sm2_nobody_can_check_such_a_record(
    client: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = cluster.world.next_note(cluster.memory.chain.note, rules=2)
    cluster.apply([format_record(note)])

    def missing(*_: object) -> None:
        raise Sm2Missing

    monkeypatch.setattr("node.gateway.log.enrolments.check_enrolment", missing)
    refused = await post(client, enrolment(cluster))
    assert (refused.status_code, refused.json()["code"]) == (503, "CANNOT_CHECK")


async def test_who_enrols_keys_is_no_one_members_word(client: Any, cluster: Any) -> None:
    """What an invented authority signs would be skipped, and stay on the chain for ever."""
    mallory = cluster.world.log("mallory")
    text, members = cluster.world.policy_texts(authorities=[mallory.public])
    lie = pb.CheckpointResponse(note=b"", policy_text=text, members_text=members)
    for liar in cluster.members.values():
        liar.lies = {"Checkpoint": lie}
        response = await post(client, enrolment(cluster, signer=mallory))
        assert (response.status_code, response.json()["code"]) == (403, "AUTHORITY_UNKNOWN")
        liar.lies = {}
    assert client.left_nothing()


async def test_sent_again_it_is_found_standing(client: Any, cluster: Any) -> None:
    await post(client, enrolment(cluster))
    again = await post(client, enrolment(cluster))
    assert (again.status_code, again.json()["height"]) == (200, 2)
    assert len(cluster.proposals) == 1


@pytest.mark.parametrize("changes", [{"effective": 1_790_000_000_001}, {"serial": 2}])
async def test_a_key_that_is_enrolled_already_is_told_so(
    client: Any, cluster: Any, changes: dict[str, int]
) -> None:
    await post(client, enrolment(cluster))
    response = await post(client, enrolment(cluster, **changes))
    assert (response.status_code, response.json()["code"]) == (409, "KEY_RECORD_SKIPPED")
    assert "already enrolled, as depositor" in response.json()["detail"]
    assert "serial 1" not in response.json()["detail"]
    assert len(cluster.proposals) == 1


async def test_serial_that_is_not_the_next(client: Any, cluster: Any) -> None:
    response = await post(client, enrolment(cluster, serial=2))
    assert (response.status_code, response.json()["code"]) == (409, "KEY_RECORD_SKIPPED")
    assert client.left_nothing()


async def test_what_the_chain_would_skip_makes_no_block(client: Any, cluster: Any) -> None:
    """Anybody who has seen such a record could otherwise make the chain grow without end."""
    key, other = cluster.world.depositor.public, cluster.world.log("other").public
    revoked = cluster.world.log("revoked").public
    cluster.apply([cluster.world.key("enrol", key), cluster.world.key("enrol", revoked)])
    cluster.apply([cluster.world.key("revoke", revoked, 2)])
    late: list[dict[str, Any]] = [
        {"serial": 2},
        {"serial": 3, "action": "revoke"},
        {"serial": 2, "action": "revoke", "role": "gateway"},
        {"serial": 3, "action": "revoke", "key": revoked},
        {"serial": 3, "action": "rotate", "key": revoked, "successor": other},
        {"serial": 1, "action": "revoke", "key": other},
        {"serial": 2, "action": "rotate", "successor": revoked},
        {"serial": 2, "action": "rotate", "successor": key},
    ]
    for changes in late:
        response = await post(client, enrolment(cluster, **changes))
        assert (response.status_code, response.json()["code"]) == (409, "KEY_RECORD_SKIPPED")
    assert client.left_nothing()
    for changes in (
        {"serial": 2, "action": "rotate", "successor": other},
        {"serial": 3, "action": "revoke"},
        {"serial": 1, "action": "revoke", "key": other},
    ):
        assert (await post(client, enrolment(cluster, **changes))).status_code == 201


async def test_sent_many_times_at_once_it_is_found_standing(client: Any, cluster: Any) -> None:
    body = enrolment(cluster)
    answers = await asyncio.gather(*(post(client, body) for _ in range(20)))
    codes = sorted(answer.status_code for answer in answers)
    assert set(codes) <= {200, 201}, codes
    assert sum(map(len, cluster.proposals)) == 1, "all but one would be skipped, and stay for ever"


async def test_sent_many_times_without_waiting_it_is_one_record(client: Any, cluster: Any) -> None:
    cluster.applying.clear()
    body = enrolment(cluster)
    for _ in range(20):
        assert (await post(client, body, params={"wait": "none"})).status_code == 202
    cluster.applying.set()
    assert (await post(client, body)).status_code in (200, 201)
    assert sum(map(len, cluster.proposals)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"authority": "mallory"}, 403, "AUTHORITY_UNKNOWN"),
        ({"signature": "mallory"}, 422, "SIGNATURE_WRONG"),
        ({"origin": "cunzheng.test/other"}, 422, "OTHER_CHAIN"),
        ({"record": "cunzheng/key/v1 {}"}, 422, "KEY_RECORD_INVALID"),
        ({"key_text": "ed25519:AAAA"}, 422, "KEY_RECORD_INVALID"),
        ({"extra": "x"}, 422, "FIELD_UNKNOWN"),
    ],
)
async def test_bad_records_are_refused_and_leave_nothing(
    client: Any, cluster: Any, changes: dict[str, str], status: int, code: str
) -> None:
    mallory = cluster.world.log("mallory")
    if "authority" in changes:
        body = enrolment(cluster, signer=mallory)
    elif "signature" in changes:
        body = enrolment(cluster) | {"signature": enrolment(cluster, signer=mallory)["signature"]}
    elif "origin" in changes:
        body = enrolment(cluster, **changes)
    elif "key_text" in changes:
        body = enrolment(cluster) | {"authority": changes["key_text"]}
    else:
        body = enrolment(cluster) | changes
    response = await post(client, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert client.left_nothing()


async def test_time_out_is_pending(client: Any, cluster: Any) -> None:
    cluster.applying.clear()
    response = await post(client, enrolment(cluster), params={"wait_ms": 1})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")


async def test_a_yes_is_remembered_for_a_moment_only(client: Any, cluster: Any, clock: Any) -> None:
    world, register = cluster.world, client.gateway.register
    key = world.depositor.public
    assert not await register.may_deposit(key)
    cluster.apply([world.key("enrol", key)])
    assert await register.may_deposit(key)
    cluster.apply([world.key("revoke", key, 2)])
    assert await register.may_deposit(key)
    clock.now += 5_001
    assert not await register.may_deposit(key)


async def test_what_comes_in_here_counts_here_at_once(client: Any, cluster: Any) -> None:
    """A deposit taken with a key that was just revoked would have a proof that is not valid."""
    world, register = cluster.world, client.gateway.register
    key = world.depositor.public
    cluster.apply([world.key("enrol", key)])
    assert await register.may_deposit(key)
    assert (await post(client, enrolment(cluster, action="revoke", serial=2))).status_code == 201
    assert not await register.may_deposit(key)
    again = await post(client, enrolment(cluster, action="revoke", serial=3))
    assert again.json()["code"] == "KEY_RECORD_SKIPPED"
    assert "revoked or replaced already" in again.json()["detail"]


async def ask(client: Any, key: str) -> Any:
    return await client.http.get("/v1/keys", params={"key": key})


async def test_what_stands_about_a_key_is_for_everyone(client: Any, cluster: Any) -> None:
    del client.http.headers["authorization"]
    key, successor = cluster.world.depositor.public, cluster.world.log("successor").public
    assert (await ask(client, key.text)).json() == {
        "key": key.text,
        "next_serial": 1,
        "records": [],
    }
    cluster.apply([cluster.world.key("enrol", key)])
    rotation = enrolment(cluster, serial=2, action="rotate", successor=successor)
    assert (await post(client, rotation)).status_code == 201
    told = (await ask(client, key.text)).json()
    assert told["next_serial"] == 3
    assert [each["action"] for each in told["records"]] == ["enrol", "rotate"]
    assert told["records"][1]["successor"] == successor.text
    assert told["records"][1]["record"] == rotation["record"]
    # The successor's own serials begin anew.
    told = (await ask(client, successor.text)).json()
    assert (told["next_serial"], len(told["records"])) == (1, 1)


async def test_what_is_no_key_is_named(client: Any) -> None:
    response = await ask(client, "ed25519:AAAA")
    assert (response.status_code, response.json()["code"]) == (422, "KEY_SPELLING")
