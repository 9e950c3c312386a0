"""Folders 07, 08, 10 and 11 of a bundle: what stood around the deposit, and what is missing."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from node import member_pb2 as pb
from node.evidence.digests import sha256
from node.export.bundle import layout
from node.export.certificate.facts import parse_facts
from node.gateway.bundles import bundling, dossier, surroundings
from node.gateway.bundles.surroundings import SurroundingPoint, health_window
from node.gateway.operating.around import Impact
from node.offchain.accesses import KEEP_MS
from node.operating.health import HealthRecord, Reported, parse_health, submit
from node.operating.versions import code_digest
from node.operating.window import INTERVAL_MS
from tests.node.gateway.admitted import RIVAL_KEY

pytestmark = pytest.mark.anyio

DEPOSIT = {"digests": {"sha256": "ab" * 32}, "size": 23}


@pytest.fixture(autouse=True)
def as_members_do(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.proofs_stay = True
    monkeypatch.setattr(bundling, "LOOK_EVERY_S", 0.01)


def report(cluster: Any, member: str, end_ms: int) -> Reported:
    record = HealthRecord(
        origin=cluster.world.origin, member=member, series=bytes(8), version="0.1", python="3.11",
        code=bytes(32), configuration=bytes(32), role="follower", term=1, leader="court", terms=(),
        disk_free=1, disk_size=2, commit=1, applied=1, sealed_size=2, scrub_reached=0,
        scrub_passed_ms=0, scrub_damage=0, kind="periodic", serial=1, previous=None,
        clock_off_ms=0, from_ms=end_ms - INTERVAL_MS, to_ms=end_ms,
    )  # fmt: skip
    return submit(record, cluster.world.log(member), bytes(16))


def all_tell(cluster: Any, at_ms: int) -> list[Reported]:
    """A record of each member that speaks for this time, on the chain and told by all."""
    told = [report(cluster, name, at_ms + 1_000) for name in cluster.members]
    reports = []
    for each in told:
        (outcome,) = cluster.apply([each.submission])
        position = outcome.position
        reports.append(
            pb.HealthReport(
                record=each.record_bytes,
                submission=each.submission,
                leaf_index=position.leaf_index,
                entry=position.entry,
            )
        )
    for member in cluster.members.values():
        member.lies["Health"] = pb.HealthResponse(reports=reports)
    return told


async def bundle(
    client: Any, eventually: Callable[..., Any], number: str, **options: Any
) -> dict[str, bytes]:
    asked = (await client.post(f"/v1/evidence/{number}/bundles", {}, **options)).json()
    path, told = f"/v1/evidence/{number}/bundles/{asked['bundle_id']}", {}

    async def over() -> bool:
        told.update((await client.get(path, **options)).json())
        return told["state"] in ("READY", "FAILED")

    await eventually(over)
    assert told["state"] == "READY", told
    archive = zipfile.ZipFile(io.BytesIO((await client.get(told["download"], **options)).content))
    return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def issues(files: dict[str, bytes]) -> set[str]:
    return {each["code"] for each in json.loads(files[f"{layout.OPEN_ISSUES}open-issues.json"])}


async def test_the_window_has_what_each_member_signed(
    client: Any, cluster: Any, eventually: Callable[..., Any]
) -> None:
    """Verbatim, with its place on the chain, versions, and the summary in the certificate."""
    made = (await client.anchor(DEPOSIT)).json()
    number = made["evidence_no"]
    told = all_tell(cluster, made["times"]["block_time"]["ms"])
    files = await bundle(client, eventually, number)
    window = json.loads(files[health_window(number)])
    assert window["impact"] == Impact.NONE.name
    assert window["in_good_order"] == sorted(cluster.members)
    assert {each["record"].encode() for each in window["records"]} == {
        each.record_bytes for each in told
    }
    for each in window["records"]:
        record, statement = each["record"].encode(), json.loads(each["statement"].partition(" ")[2])
        assert parse_health(record).member == each["member"]
        assert statement["details"] == sha256(record).hex()
        assert each["height"] <= cluster.memory.chain.height
        assert each["entry_hash"]
    versions = json.loads(files[f"{layout.ENVIRONMENT}versions.json"])
    assert versions["gateway"]["code"] == code_digest().hex()
    assert [each["member"] for each in versions["members"][number]] == sorted(cluster.members)
    facts = parse_facts(files[layout.CERTIFICATE_JSON])
    assert facts.health is not None
    assert (facts.health.from_ms, facts.health.to_ms) == (window["from_ms"], window["to_ms"])
    assert Impact.NONE.zh in facts.health.zh
    names = {each.name for each in SurroundingPoint if each.name.startswith("HEALTH_")}
    assert names & {each.code for each in facts.open_points} == set()


async def test_what_is_missing_of_the_window_is_named(
    client: Any, clock: Any, eventually: Callable[..., Any]
) -> None:
    """Nobody said anything yet, and then never did."""
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    files = await bundle(client, eventually, number)
    early = parse_facts(files[layout.CERTIFICATE_JSON])
    assert SurroundingPoint.HEALTH_NOT_YET_KNOWN.name in {each.code for each in early.open_points}
    clock.now += 2 * INTERVAL_MS
    files = await bundle(client, eventually, number)
    late = parse_facts(files[layout.CERTIFICATE_JSON])
    assert SurroundingPoint.HEALTH_TO_BE_EXAMINED.name in {each.code for each in late.open_points}
    assert SurroundingPoint.HEALTH_INCOMPLETE.name in issues(files)


async def test_a_window_that_cannot_be_had_holds_up_no_bundle(
    client: Any, cluster: Any, eventually: Callable[..., Any]
) -> None:
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    for member in cluster.members.values():
        for _ in range(20):
            member.refuse("Health", "UNAVAILABLE", "unavailable")
    files = await bundle(client, eventually, number)
    assert health_window(number) not in files
    assert SurroundingPoint.HEALTH_UNKNOWN.name in issues(files)
    state = next(
        each for each in json.loads(files[dossier.DOSSIER]) if each["key"] == "SYSTEM_STATE"
    )
    assert state["provided"] is False
    assert "NOT_PROVIDED_SYSTEM_STATE" in issues(files)


async def test_the_record_of_accesses_says_by_which_right_and_not_from_where(
    client: Any, eventually: Callable[..., Any]
) -> None:
    """Who asked and was refused stands there too; of another deposit nothing does."""
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    other = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    await client.get(f"/v1/evidence/{other}/proof")
    await client.get(f"/v1/evidence/{number}/proof")
    rival = {"headers": {"authorization": f"Bearer {RIVAL_KEY}"}}
    refused = await client.get(f"/v1/evidence/{number}/proof", **rival)
    assert refused.status_code == 403
    code = (await client.post(f"/v1/evidence/{number}/codes", {})).json()["code"]
    key = client.http.headers.pop("authorization")
    by_code = await client.get(f"/v1/evidence/{number}/proof", headers={"extraction-code": code})
    assert by_code.status_code == 200
    client.http.headers["authorization"] = key
    files = await bundle(client, eventually, number)
    lines = [json.loads(line) for line in files[surroundings.ACCESSES].splitlines()]
    told = [(each["action"], each["by"], each["allowed"]) for each in lines]
    assert set(told) - {("BUNDLE_READ", "depositor", True)} == {
        ("PROOF_READ", "depositor", True),
        ("PROOF_READ", "another account", False),
        ("EXTRACTION_CODE_MADE", "depositor", True),
        ("PROOF_READ", "extraction code", True),
        ("BUNDLE_ASKED", "depositor", True),
    }
    assert told.count(("PROOF_READ", "depositor", True)) == 1
    assert {each["evidence_no"] for each in lines} == {number}
    assert all(each["said"]["zh"] and each["request_id"] for each in lines)
    for personal in (b"127.0.0.1", b"acme", b"rival"):
        assert personal not in files[surroundings.ACCESSES]


async def test_an_old_deposits_accesses_are_gone_and_that_is_said(
    client: Any, clock: Any, eventually: Callable[..., Any]
) -> None:
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    clock.now += KEEP_MS + 3_600_000
    files = await bundle(client, eventually, number)
    assert SurroundingPoint.ACCESSES_DELETED.name in issues(files)


async def test_the_dossier_names_each_item_and_what_is_not_there(
    client: Any, eventually: Callable[..., Any]
) -> None:
    number = (await client.anchor(DEPOSIT)).json()["evidence_no"]
    files = await bundle(client, eventually, number)
    told = json.loads(files[dossier.DOSSIER])
    assert [each["key"] for each in told] == [each.key for each in dossier.ITEMS]
    for each in told:
        assert each["provided"] is bool(each["files"])
        assert all(any(path.startswith(where) for path in files) for where in each["files"])
        assert (f"NOT_PROVIDED_{each['key']}" in issues(files)) is not each["provided"]
    provided = {each["key"] for each in told if each["provided"]}
    assert {"WHO_SEALED", "CUSTODY", "SYSTEM_STATE", "VERSIONS", "VERIFICATION"} <= provided
    assert "CERTIFIER_LICENCE" not in provided
    wide = [
        each
        for each in json.loads(files[f"{layout.OPEN_ISSUES}open-issues.json"])
        if "evidence_no" not in each
    ]
    assert {each["code"] for each in wide} == {
        f"NOT_PROVIDED_{each['key']}" for each in told if not each["provided"]
    }
