"""Events of deposits through the gateway: who may, what is told to whom, and once only."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.events import details_digest
from node.evidence.item import format_details, parse_details
from node.evidence.keys import PublicKey, Signer, format_signature, parse_public_key
from node.evidence.number import format_number
from node.evidence.statement import (
    Event,
    Subject,
    format_statement,
    parse_statement,
    statement_id,
)
from node.gateway.events import history
from tests.node.gateway.admitted import AUDITOR_KEY, JUDGE_KEY

pytestmark = pytest.mark.anyio

DIGEST = hashlib.sha256(b"contract").hexdigest()
SALTED = {"digests": {"sha256": DIGEST}, "size": 8}
REASON = {"reason": "标题有误", "details": {"title": "补充协议"}}
COURT, STRANGER = Signer(b"\x21" * 32), Signer(b"\x22" * 32)


async def deposit(client: Any) -> dict[str, Any]:
    response = await client.anchor(SALTED)
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


def url(made: dict[str, Any], what: str) -> str:
    return f"/v1/evidence/{made['evidence_no']}/{what}"


def enrol(cluster: Any, key: PublicKey, role: str) -> None:
    cluster.apply([cluster.world.key("enrol", key, role=role)])


UNKNOWN = format_number(1_790_000_000_000, 77)
OPENING = {"salt": "00" * 32, "details": "{}"}
DETAILS = format_details({"reason": (bytes(16), "保全裁定")})


def signed(
    cluster: Any,
    made: dict[str, Any],
    kind: str,
    by: Signer,
    text: bytes = DETAILS,
    **other: Any,
) -> dict[str, Any]:
    """An event statement of somebody's own, as keyword arguments of `client.post`."""
    subject = Subject(made["evidence_no"], bytes.fromhex(made["statement_id"]))
    event = cluster.world.event(
        7, type=kind, key=by.public, subject=subject, details=details_digest(bytes(32), text)
    )
    data = format_statement(replace(event, **other))
    return {
        "body": {"opening": {"salt": "00" * 32, "details": text.decode()}},
        "headers": {
            "cunzheng-statement": base64.b64encode(data).decode(),
            "cunzheng-signature": format_signature(by.sign(data)),
        },
    }


async def test_an_event_is_attested_put_on_the_chain_and_opened_by_its_maker(client: Any) -> None:
    made = await deposit(client)
    response = await client.post(url(made, "corrections"), REASON)
    answer = response.json()
    assert (response.status_code, answer["state"], answer["type"]) == (201, "FINAL", "CORRECTION")
    event = parse_statement(answer["statement"].encode())
    assert isinstance(event, Event)
    assert event.subject == Subject(made["evidence_no"], bytes.fromhex(made["statement_id"]))
    salt, details = bytes.fromhex(answer["opening"]["salt"]), answer["opening"]["details"].encode()
    assert details_digest(salt, details) == event.details
    values = {key: value for key, (_, value) in parse_details(details).items()}
    assert values == {"reason": "标题有误", "title": "补充协议"}
    assert statement_id(answer["statement"].encode()).hex() == answer["statement_id"]
    assert "标题有误" not in answer["statement"]


async def test_the_same_request_is_the_same_event_and_another_body_is_refused(
    client: Any, cluster: Any
) -> None:
    made = await deposit(client)
    first = await client.post(url(made, "custody"), REASON, key="k")
    again = await client.post(url(made, "custody"), REASON, key="k")
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(cluster.statements) == 2
    other = await client.post(url(made, "custody"), {"reason": "另一原因"}, key="k")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    elsewhere = await client.post(url(made, "corrections"), REASON, key="k")
    assert elsewhere.json()["code"] == "IDEMPOTENCY_MISMATCH"


async def test_it_goes_on_to_the_chain_with_the_same_bytes_after_a_restart(
    client: Any, cluster: Any, make_gateway: Any, clients: Any, gateway: Any
) -> None:
    made = await deposit(client)
    cluster.applying.clear()
    no_time = {"wait": "final", "wait_ms": 0}
    pending = await client.post(url(made, "custody"), REASON, key="k", params=no_time)
    assert (pending.status_code, pending.json()["state"]) == (202, "PENDING")
    await make_gateway.stop(gateway)
    cluster.applying.set()
    later = clients(await make_gateway())
    answer = (await later.post(url(made, "custody"), REASON, key="k")).json()
    assert (answer["state"], answer["statement"]) == ("FINAL", pending.json()["statement"])
    assert answer["opening"] == pending.json()["opening"]
    events = (await later.get(url(made, "events"))).json()["events"]
    assert len(events) == 1


@pytest.mark.parametrize(
    "field", ["sha256", "sm3", "size", "salt", "evidence_no", "copy.sha256", "digests.sm3"]
)
async def test_digests_cannot_be_corrected(client: Any, field: str) -> None:
    made = await deposit(client)
    body = {"reason": "误", "details": {"title": "无误", field: DIGEST}}
    response = await client.post(url(made, "corrections"), body)
    assert (response.status_code, response.json()["code"]) == (422, "DIGEST_IMMUTABLE")
    assert field.split(".")[-1] in response.json()["detail"]


async def test_nor_by_a_statement_of_ones_own(client: Any, cluster: Any) -> None:
    made = await deposit(client)
    details = format_details({"sha256": (bytes(16), DIGEST)})
    own = signed(cluster, made, "correction", cluster.world.depositor, details)
    response = await client.post(url(made, "corrections"), **own)
    assert response.json()["code"] == "DIGEST_IMMUTABLE"


async def test_history_is_told_in_order_and_details_only_to_who_may_read_them(
    client: Any, clients: Any, gateway: Any
) -> None:
    made = await deposit(client)
    for what in ("custody", "corrections", "invalidations"):
        response = await client.post(url(made, what), {"reason": what})
        assert response.status_code == 201, response.text
    mine = (await client.get(url(made, "events"))).json()
    assert [each["type"] for each in mine["events"]] == ["CUSTODY", "CORRECTION", "INVALIDATION"]
    assert [each["details"]["reason"] for each in mine["events"]] == [
        "custody",
        "corrections",
        "invalidations",
    ]
    assert [each["flag"] for each in mine["flags"]] == ["SUPERSEDED", "INVALIDATED"]
    assert all(each["effect"] and each["attested"] for each in mine["events"])
    heights = [each["height"] for each in mine["events"]]
    assert heights == sorted(heights)
    other, nobody = clients(gateway), clients(gateway)
    other.http.headers["authorization"] = f"Bearer {AUDITOR_KEY}"
    del nobody.http.headers["authorization"]
    for who in (other, nobody):
        told = (await who.get(url(made, "events"))).json()
        assert [each["type"] for each in told["events"]] == [e["type"] for e in mine["events"]]
        assert not any("details" in each for each in told["events"])
        assert made["statement_id"] not in json.dumps(told)


async def test_who_has_an_extraction_code_reads_the_details(
    client: Any, clients: Any, gateway: Any
) -> None:
    made = await deposit(client)
    await client.post(url(made, "custody"), {"reason": "移交"})
    code = (await client.post(url(made, "codes"), {})).json()["code"]
    nobody = clients(gateway)
    del nobody.http.headers["authorization"]
    (event,) = (await nobody.get(url(made, "events"), headers={"extraction-code": code})).json()[
        "events"
    ]
    assert event["details"] == {"reason": "移交"}
    wrong = {"extraction-code": "0000-0000-0000"}
    (event,) = (await nobody.get(url(made, "events"), headers=wrong)).json()["events"]
    assert "details" not in event


async def test_only_who_deposited_may_have_events_attested(
    client: Any, clients: Any, gateway: Any, cluster: Any
) -> None:
    foreign = cluster.world.deposited(1)
    cluster.apply([foreign])
    entry = next(iter(cluster.statements.values())).entry
    made = {"evidence_no": entry.number(0), "statement_id": entry.statement_id.hex()}
    response = await client.post(url(made, "invalidations"), {"reason": "x"})
    assert (response.status_code, response.json()["code"]) == (403, "EVENT_NOT_YOURS")
    own = signed(cluster, made, "invalidation", STRANGER)
    response = await client.post(url(made, "invalidations"), **own)
    assert (response.status_code, response.json()["code"]) == (403, "EVENT_OTHER_KEY")
    own = signed(cluster, made, "invalidation", cluster.world.depositor)
    response = await client.post(url(made, "invalidations"), **own)
    assert (response.status_code, response.json()["state"]) == (201, "FINAL")
    assert "submitter" not in response.json()
    other = clients(gateway)
    other.http.headers["authorization"] = f"Bearer {AUDITOR_KEY}"
    response = await other.post(url(made, "invalidations"), {"reason": "x"})
    assert response.json()["code"] == "SCOPE_MISSING"


@pytest.fixture
def judge(gateway: Any, clients: Callable[[Any], Any]) -> Any:
    client = clients(gateway)
    client.http.headers["authorization"] = f"Bearer {JUDGE_KEY}"
    return client


async def test_a_court_holds_and_releases_with_its_own_key(
    client: Any, judge: Any, cluster: Any
) -> None:
    made = await deposit(client)
    own = signed(cluster, made, "hold", COURT)
    refused = await judge.post(url(made, "holds"), **own)
    assert (refused.status_code, refused.json()["code"]) == (403, "EVENT_NEEDS_COURT")
    enrol(cluster, COURT.public, "court")
    attested = await judge.post(url(made, "holds"), {"reason": "保全裁定"})
    assert (attested.status_code, attested.json()["code"]) == (403, "EVENT_NEEDS_COURT")
    held = await judge.post(url(made, "holds"), **own)
    assert held.status_code == 201, held.text
    flags = (await client.get(url(made, "events"))).json()["flags"]
    assert [each["flag"] for each in flags] == ["HELD"]
    assert flags[0]["entry_hash"] == held.json()["entry_hash"]
    assert flags[0]["entry_hash"] in flags[0]["text"]
    released = await judge.post(url(made, "releases"), **signed(cluster, made, "release", COURT))
    assert released.status_code == 201
    assert (await client.get(url(made, "events"))).json()["flags"] == []
    denied = await client.post(url(made, "holds"), **own)
    assert denied.json()["code"] == "SCOPE_MISSING"


@pytest.mark.parametrize("role", ["notary", "forensic", "court"])
@pytest.mark.parametrize("kind", ["notarisation", "verification"])
async def test_who_notarised_or_verified_says_so_with_its_own_key(
    client: Any, clients: Any, gateway: Any, cluster: Any, role: str, kind: str
) -> None:
    made = await deposit(client)
    auditor, mine = clients(gateway), Signer(b"\x23" * 32)
    auditor.http.headers["authorization"] = f"Bearer {AUDITOR_KEY}"
    enrol(cluster, STRANGER.public, "depositor")
    for body in (signed(cluster, made, kind, STRANGER), {"body": {"reason": "核验笔录"}}):
        refused = await auditor.post(url(made, f"{kind}s"), **body)
        assert (refused.status_code, refused.json()["code"]) == (403, "EVENT_NEEDS_INSTITUTION")
    enrol(cluster, mine.public, role)
    told = await auditor.post(url(made, f"{kind}s"), **signed(cluster, made, kind, mine))
    assert (told.status_code, told.json()["type"]) == (201, kind.upper()), told.text
    (event,) = (await client.get(url(made, "events"))).json()["events"]
    assert (event["type"], event["effect"], event["attested"]) == (kind.upper(), True, False)


async def test_events_of_others_are_shown_as_without_effect(client: Any, cluster: Any) -> None:
    """They came through a gateway that does not look."""
    made = await deposit(client)
    subject = Subject(made["evidence_no"], bytes.fromhex(made["statement_id"]))
    event = cluster.world.event(9, type="invalidation", subject=subject)
    cluster.apply([cluster.world.record(event)])
    told = (await client.get(url(made, "events"))).json()
    assert [(each["type"], each["effect"]) for each in told["events"]] == [("INVALIDATION", False)]
    assert told["flags"] == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"origin": "another.test"}, "OTHER_CHAIN"),
        ({"type": "custody"}, "EVENT_OTHER_SUBJECT"),
        (
            {"subject": Subject(UNKNOWN, bytes(32))},
            "EVENT_OTHER_SUBJECT",
        ),
        ({"details": bytes(32)}, "EVENT_BODY"),
        ({"key": parse_public_key(COURT.public.text)}, "SIGNATURE_WRONG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_statement_that_is_not_for_this_address_is_refused(
    client: Any, cluster: Any, changes: dict[str, Any], code: str
) -> None:
    made = await deposit(client)
    own = signed(cluster, made, "correction", STRANGER, **changes)
    response = await client.post(url(made, "corrections"), **own)
    assert response.json()["code"] == code
    assert len(cluster.proposals) == 1


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("corrections", {}, "FIELD_MISSING"),
        ("corrections", {"reason": "x", "details": {"see": "y"}}, "EVENT_BODY"),
        (
            "corrections",
            {"reason": "x", "opening": OPENING},
            "EVENT_BODY",
        ),
        ("supplements", {"reason": "x"}, "EVENT_SEE_MISSING"),
        (
            "renditions",
            {"reason": "x", "see": UNKNOWN},
            "NUMBER_UNKNOWN",
        ),
        ("custody", {"reason": "x", "details": {"A": 1}}, "DETAILS_REFUSED"),
        ("custody", {"reason": "x", "more": 1}, "FIELD_UNKNOWN"),
    ],
)
async def test_bodies_that_make_no_sense_are_refused(
    client: Any, cluster: Any, what: str, body: dict[str, Any], code: str
) -> None:
    made = await deposit(client)
    response = await client.post(url(made, what), body)
    assert response.json()["code"] == code
    assert len(cluster.proposals) == 1


async def test_what_supplements_a_deposit_is_named(client: Any) -> None:
    made, more = await deposit(client), await deposit(client)
    body = {"reason": "续页", "see": more["evidence_no"]}
    assert (await client.post(url(made, "supplements"), body)).status_code == 201
    (event,) = (await client.get(url(made, "events"))).json()["events"]
    assert event["details"] == {"reason": "续页", "see": more["evidence_no"]}


async def test_an_unknown_number_has_no_events(client: Any) -> None:
    for response in (
        await client.get(f"/v1/evidence/{UNKNOWN}/events"),
        await client.post(f"/v1/evidence/{UNKNOWN}/custody", {"reason": "x"}),
    ):
        assert (response.status_code, response.json()["code"]) == (404, "NUMBER_UNKNOWN")


async def test_more_events_than_a_member_lists_at_once(
    client: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await deposit(client)
    monkeypatch.setattr(history, "PAGE", 2)
    all_events = cluster.events
    monkeypatch.setattr(cluster, "events", lambda *asked: all_events(*asked)[:2])
    for _ in range(5):
        await client.post(url(made, "custody"), {"reason": "x"})
    answer = (await client.get(url(made, "events"))).json()
    assert (len(answer["events"]), answer["complete"]) == (5, True)
    monkeypatch.setattr(history, "EVENTS_MAX", 4)
    answer = (await client.get(url(made, "events"))).json()
    assert (len(answer["events"]), answer["complete"]) == (4, False)


async def test_a_member_that_tells_of_other_events_is_not_believed(
    client: Any, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, other = await deposit(client), await deposit(client)
    await client.post(url(other, "custody"), {"reason": "x"})
    lie = cluster.events(bytes.fromhex(other["statement_id"]), 0)
    monkeypatch.setattr(cluster, "events", lambda *_: lie)
    response = await client.get(url(made, "events"))
    assert (response.status_code, response.json()["code"]) == (503, "CANNOT_CHECK")
