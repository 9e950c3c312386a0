"""POST /v1/anchors: one file's deposit, from digests to a proof that verifies."""

import asyncio
import hashlib
from typing import Any

import pytest

from node.evidence.digests import new
from node.evidence.keys import parse_public_key, parse_signature, verify
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify as verify_proof
from node.words import OpenPoint, ResultCode

pytestmark = pytest.mark.anyio

FILE = "双方约定如下".encode()


def digests(data: bytes) -> dict[str, str]:
    sm3 = new("sm3")
    sm3.update(data)
    return {"sha256": hashlib.sha256(data).hexdigest(), "sm3": sm3.hexdigest()}


def of(data: bytes) -> FileDigests:
    return FileDigests(len(data), {k: bytes.fromhex(v) for k, v in digests(data).items()})


def body(data: bytes = FILE, **more: Any) -> dict[str, Any]:
    return {"digests": digests(data), "size": len(data), **more}


def plain(data: bytes = FILE) -> dict[str, Any]:
    sha256 = digests(data)["sha256"]
    return {"digests": {"sha256": sha256}, "mode": "digest", "plain_declaration": True}


async def test_answers_final_with_a_proof_that_verifies(client: Any, cluster: Any) -> None:
    asked = body(details={"file_name": "合同.pdf", "pages": 3, "signed": True})
    response = await client.anchor(asked)
    assert response.status_code == 201, response.text
    answer = response.json()
    assert answer["state"] == "FINAL"
    anchor = Anchor(policy_text=cluster.policy_text)
    verdict = verify_proof(answer["proof"].encode(), anchor, of(FILE))
    assert verdict.code is ResultCode.V001
    assert verdict.facts is not None
    assert verdict.facts.number == answer["evidence_no"]
    assert verdict.facts.entry_hash.hex() == answer["entry_hash"]
    other = verify_proof(answer["proof"].encode(), anchor, of(b"another file"))
    assert other.code is ResultCode.V102


async def test_every_detail_has_its_own_salt(client: Any) -> None:
    response = await client.anchor(body(details={"file_name": "a", "media_type": "a"}))
    details = response.json()["opening"]["details"]
    assert [value for _, value in details.values()] == ["a", "a"]
    assert len({salt for salt, _ in details.values()}) == 2


async def test_receipt_is_signed_by_the_gateway(client: Any, cluster: Any) -> None:
    answer = (await client.anchor(body())).json()
    receipt = answer["receipt"]
    key = parse_public_key(receipt["gateway"])
    assert key == cluster.world.gateway.public
    verify(key, receipt["signed"].encode(), parse_signature(receipt["signature"]))
    assert receipt["number"] == answer["statement_id"][:32]
    assert answer["statement_id"] in receipt["signed"]


async def test_times_name_whose_clock_they_are(client: Any) -> None:
    times = (await client.anchor(body())).json()["times"]
    assert {name: time["by"] for name, time in times.items()} == {
        "accepted_at": "gateway",
        "block_time": "proposer",
        "sealed_at": "members",
    }
    block = times["block_time"]
    assert block["beijing"] == "2026-09-21T22:13:20.002+08:00"
    assert block["utc"] == "2026-09-21T14:13:20.002Z"


async def test_says_what_losing_the_opening_means_and_who_signed(client: Any) -> None:
    notices = (await client.anchor(body())).json()["notices"]
    assert "losing it loses the deposit" in notices[0]
    assert OpenPoint.O01.en in notices
    assert OpenPoint.O05.en in notices


async def test_speaks_chinese_to_who_prefers_it(client: Any) -> None:
    response = await client.anchor(body(), headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert response.headers["content-language"] == "zh"
    assert response.json()["state_text"] == "已确认"
    assert "等于失去本存证" in response.json()["notices"][0]


async def test_plain_digest_has_no_opening_and_can_be_found(client: Any) -> None:
    answer = (await client.anchor(plain())).json()
    assert "opening" not in answer
    found = (await client.get("/v1/evidence", params={"alg": "sha256", **sha256()})).json()
    assert [each["evidence_no"] for each in found["deposits"]] == [answer["evidence_no"]]


def sha256(data: bytes = FILE) -> dict[str, str]:
    return {"digest": digests(data)["sha256"]}


async def test_a_retry_is_answered_the_same(client: Any, cluster: Any) -> None:
    first = await client.anchor(body(), key="retry")
    second = await client.anchor(body(), key="retry")
    assert (first.status_code, second.status_code) == (201, 200)
    same = ("evidence_no", "opening", "statement", "receipt", "times", "submitter")
    assert all(first.json()[name] == second.json()[name] for name in same)
    assert len(cluster.statements) == 1


async def test_two_requests_with_one_key_at_once_deposit_once(client: Any, cluster: Any) -> None:
    answers = await asyncio.gather(*(client.anchor(body(), key="twin") for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 200, 200, 200, 201]
    assert len({each.json()["evidence_no"] for each in answers}) == 1
    assert len(cluster.statements) == 1


async def test_wait_committed_does_not_wait_for_the_seals(client: Any, cluster: Any) -> None:
    cluster.sealing.clear()
    response = await client.anchor(body(), params={"wait": "committed"})
    assert response.status_code == 201
    answer = response.json()
    assert (answer["state"], "proof" in answer) == ("COMMITTED", False)
    assert answer["evidence_no"].startswith("EV20260921")


async def test_wait_none_answers_with_the_receipt(client: Any, cluster: Any) -> None:
    cluster.applying.clear()
    response = await client.anchor(body(), params={"wait": "none"})
    assert response.status_code == 202
    assert response.json()["state"] == "RECEIVED"
    assert response.json()["receipt"]["number"]


async def test_time_out_before_commit_is_pending_and_goes_on(client: Any, cluster: Any) -> None:
    cluster.applying.clear()
    response = await client.anchor(body(), key="slow", params={"wait_ms": 1})
    assert response.status_code == 202
    assert response.json()["state"] == "PENDING"
    assert "evidence_no" not in response.json()
    number = response.json()["receipt"]["number"]
    pending = (await client.get(f"/v1/receipts/{number}")).json()
    assert (pending["state"], pending["result_code"]) == ("PENDING", "V100")
    cluster.applying.set()
    again = await client.anchor(body(), key="slow")
    assert (again.status_code, again.json()["state"]) == (200, "FINAL")
    assert again.json()["receipt"]["number"] == number


async def test_time_out_before_the_seals_is_committed(client: Any, cluster: Any) -> None:
    cluster.sealing.clear()
    response = await client.anchor(body(), params={"wait_ms": 2_000})
    assert response.status_code == 202
    assert response.json()["state"] == "COMMITTED"


async def test_no_member_at_all_is_pending_not_an_error(client: Any, cluster: Any) -> None:
    assert await client.gateway.own_key.check()  # Once known, this is not asked again.
    for member in cluster.members.values():
        await member.stop()
    response = await client.anchor(body(), params={"wait_ms": 20})
    assert (response.status_code, response.json()["state"]) == (202, "PENDING")


async def test_after_a_day_a_retry_is_answered_from_the_chain(client: Any, clock: Any) -> None:
    first = (await client.anchor(body(), key="old")).json()
    await client.gateway.store.settle(bytes.fromhex(first["statement_id"]), clock(), None)
    clock.now += 24 * 3600 * 1000 + 10
    await client.gateway.store.forget(clock())
    answer = await client.anchor(body(), key="old")
    assert answer.status_code == 200
    (stored,) = await client.gateway.store.under_key("acme", "old")
    assert stored.record is None
    same = ("evidence_no", "opening", "statement", "receipt", "submitter", "notices")
    assert all(answer.json()[name] == first[name] for name in same)
    assert "opening\n" in answer.json()["proof"]
