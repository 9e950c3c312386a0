"""Health windows: each record checked against the chain, gaps and lies told apart."""

import json
from dataclasses import replace
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.keys import Signer
from node.operating.health import HealthRecord, Reported, parse_health, submit
from node.operating.window import INTERVAL_MS

pytestmark = pytest.mark.anyio

HOUR_MS = 3_600_000


def report(cluster: Any, member: str, end_ms: int, **changes: Any) -> Reported:
    values: dict[str, Any] = {
        "kind": "periodic", "serial": 1, "previous": None, "clock_off_ms": 0,
        "from_ms": end_ms - INTERVAL_MS, "to_ms": end_ms,
    }  # fmt: skip
    record = HealthRecord(
        origin=cluster.world.origin, member=member, series=bytes(8), version="0.1", python="3.11",
        code=bytes(32), configuration=bytes(32), role="follower", term=1, leader="court", terms=(),
        disk_free=1, disk_size=2, commit=1, applied=1, sealed_size=2, scrub_reached=0,
        scrub_passed_ms=0, scrub_damage=0, **(values | changes),
    )  # fmt: skip
    return submit(record, cluster.world.log(member), bytes(16))


def tell(cluster: Any, *told: Reported, on_chain: bool = True) -> list[pb.HealthReport]:
    """What members tell of these records, which are on the chain if it is said so."""
    found = []
    for each in told:
        found.append(pb.HealthReport(record=each.record_bytes, submission=each.submission))
        if on_chain:
            (outcome,) = cluster.apply([each.submission])
            found[-1].leaf_index = outcome.position.leaf_index
            found[-1].entry = outcome.position.entry
    return found


def let_tell(cluster: Any, reports: list[pb.HealthReport], *names: str) -> None:
    for name in names or cluster.members:
        cluster.members[name].lies["Health"] = pb.HealthResponse(reports=reports)


async def window(client: Any, from_ms: int, to_ms: int) -> Any:
    response = await client.get("/v1/health/window", params={"from": from_ms, "to": to_ms})
    assert response.status_code == 200, response.text
    return response.json()


async def test_records_are_shown_with_where_they_stand(client: Any, cluster: Any) -> None:
    """Once, however many members tell them; a record that is not on the chain yet is PENDING."""
    end_ms = cluster.clock.now
    told = [report(cluster, name, end_ms) for name in cluster.members]
    reports = [*tell(cluster, *told[:2]), *tell(cluster, told[2], on_chain=False)]
    let_tell(cluster, reports)
    found = await window(client, end_ms - INTERVAL_MS, end_ms)
    states = {each["member"]: each["state"] for each in found["records"]}
    assert states == {"court": "FINAL", "forensic": "FINAL", "notary": "PENDING"}
    first = next(each for each in found["records"] if each["member"] == "court")
    assert parse_health(first["record"].encode()) == told[0].record
    assert first["height"] == cluster.memory.chain.height - 1
    assert json.loads(first["statement"].partition(" ")[2])["type"] == "health"
    assert (found["gaps"], found["breaks"], found["unreachable"]) == ([], [], [])
    assert found["complete"]


async def test_what_one_member_withholds_another_tells(client: Any, cluster: Any) -> None:
    end_ms = cluster.clock.now
    let_tell(cluster, tell(cluster, report(cluster, "notary", end_ms)), "forensic")
    await cluster.members["notary"].stop()
    found = await window(client, end_ms - INTERVAL_MS, end_ms)
    assert [each["member"] for each in found["records"]] == ["notary"]
    assert found["unreachable"] == ["notary"]


async def test_what_no_member_signed_is_not_shown(client: Any, cluster: Any) -> None:
    """By another key, bytes that are none, a place where it does not stand."""
    end_ms = cluster.clock.now
    true = report(cluster, "court", end_ms)
    forged = submit(replace(true.record, term=9), Signer(bytes(32)), bytes(16))
    (good,) = tell(cluster, true)
    (elsewhere,) = tell(cluster, report(cluster, "notary", end_ms), on_chain=False)
    elsewhere.leaf_index, elsewhere.entry = good.leaf_index, good.entry
    (moved,) = tell(cluster, report(cluster, "forensic", end_ms))
    moved.leaf_index = 1
    (other,) = tell(cluster, forged)
    garbage = pb.HealthReport(record=b"\xff", submission=b"\xff")
    let_tell(cluster, [good, elsewhere, moved, other, garbage])
    found = await window(client, end_ms - INTERVAL_MS, end_ms)
    states = {each["member"]: each["state"] for each in found["records"]}
    assert states == {"court": "FINAL", "notary": "PENDING", "forensic": "PENDING"}


async def test_a_gap_has_its_kind_and_its_words(client: Any, cluster: Any) -> None:
    now_ms = cluster.clock.now
    stop = report(cluster, "court", now_ms - 2 * INTERVAL_MS, kind="stop")
    start = report(
        cluster, "court", now_ms, kind="start", serial=2, previous=stop.digest, from_ms=now_ms
    )
    let_tell(cluster, tell(cluster, stop, start))
    span = {"from": now_ms - 3 * INTERVAL_MS, "to": now_ms - 2 * INTERVAL_MS + 5}
    response = await client.get("/v1/health/window", params=span, headers={"accept-language": "zh"})
    gaps = {each["member"]: each for each in response.json()["gaps"]}
    assert gaps["court"]["kind"] == "stopped"
    assert gaps["court"]["kind_text"] == "已正常停止"
    assert (gaps["court"]["from_ms"], gaps["court"]["to_ms"]) == (span["to"] - 5, span["to"])
    assert gaps["notary"]["kind"] == "silent"


@pytest.mark.parametrize(
    ("good", "passed_ms", "impact"),
    [(3, HOUR_MS, "NONE"), (2, 0, "NONE"), (1, HOUR_MS, "POSSIBLE"), (1, 0, "NOT_YET_KNOWN")],
)
async def test_a_deposit_has_its_window(
    client: Any, cluster: Any, good: int, passed_ms: int, impact: str
) -> None:
    """From an hour before it was accepted to an hour after it was final; the impact is judged by
    how many members were in good order at its block time."""
    answer = await client.anchor({"digests": {"sha256": "ab" * 32, "sm3": "cd" * 32}, "size": 3})
    deposit = answer.json()
    block_ms = deposit["times"]["block_time"]["ms"]
    told = [
        report(cluster, name, block_ms + 1_000, clock_off_ms=0 if index < good else 3_000)
        for index, name in enumerate(cluster.members)
    ]
    let_tell(cluster, tell(cluster, *told))
    cluster.clock.now += passed_ms
    path = f"/v1/evidence/{deposit['evidence_no']}/health-window"
    found = (await client.get(path)).json()
    assert (found["impact"], found["quorum"]) == (impact, 2)
    assert found["in_good_order"] == sorted(cluster.members)[:good]
    assert found["from_ms"] == deposit["times"]["accepted_at"]["ms"] - HOUR_MS
    sealed_s = cluster.clock.now // 1000 + 1  # These members seal whenever they are asked.
    assert found["to_ms"] == sealed_s * 1000 + HOUR_MS
    assert len(found["records"]) == 3


async def test_what_cannot_be_shown_is_refused(client: Any, cluster: Any) -> None:
    for span in ({"from": 2, "to": 1}, {"from": 0, "to": 24 * HOUR_MS + 1}):
        response = await client.get("/v1/health/window", params=span)
        assert (response.status_code, response.json()["code"]) == (422, "WINDOW_INVALID")
    response = await client.get("/v1/evidence/EV2026/health-window")
    assert response.json()["code"] == "NUMBER_SPELLING"
    client.http.headers.pop("authorization")
    response = await client.get("/v1/health/window", params={"from": 1, "to": 2})
    assert response.status_code == 401


async def test_nobody_answers_is_not_nothing_happened(client: Any, cluster: Any) -> None:
    for member in cluster.members.values():
        await member.stop()
    response = await client.get("/v1/health/window", params={"from": 1, "to": 2})
    assert (response.status_code, response.json()["code"]) == (503, "CANNOT_CHECK")
