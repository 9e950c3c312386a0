"""Extraction codes open proof and deposit of one number for whoever has them, until revoked."""

import re
from typing import Any

import pytest
from sqlalchemy import insert

from node.evidence.number import format_number
from node.offchain.readers import LIVE_CODES_MAX
from node.offchain.tables.cases import cases, exhibits
from tests.node.gateway.admitted import AUDITOR_KEY, CLERK_KEY, COURT, RIVAL_KEY

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


def with_key(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {key}"}}


@pytest.fixture
async def number(client: Any) -> str:
    number: str = (await client.anchor(BODY)).json()["evidence_no"]
    return number


@pytest.fixture
async def stranger(client: Any, clients: Any) -> Any:
    stranger = clients(client.gateway)
    del stranger.http.headers["authorization"]
    return stranger


async def make(client: Any, number: str, body: Any = None, **options: Any) -> Any:
    return await client.post(f"/v1/evidence/{number}/codes", body or {}, **options)


def opening(code: str) -> dict[str, dict[str, str]]:
    return {"headers": {"extraction-code": code}}


async def test_a_code_opens_proof_and_deposit_without_an_account(
    client: Any, number: str, stranger: Any
) -> None:
    response = await make(client, number)
    assert response.status_code == 201, response.text
    code = response.json()["code"]
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}", code)
    for typed in (code, code.lower().replace("-", " ")):
        proof = await stranger.get(f"/v1/evidence/{number}/proof", **opening(typed))
        assert proof.status_code == 200
        assert number in proof.text
    told = (await stranger.get(f"/v1/deposits/{number}", **opening(code))).json()
    assert told["openings"][0]["evidence_no"] == number
    lines = await client.gateway.accesses.between(0, 1 << 50)
    line = f"{number} code {response.json()['id']}"
    recorded = [each.action.name for each in lines if (each.account, each.object) == (None, line)]
    assert sorted(recorded) == ["DEPOSIT_READ", "PROOF_READ", "PROOF_READ"]
    assert code not in str(lines)


async def test_without_or_with_a_wrong_code_nothing_opens(
    client: Any, number: str, stranger: Any
) -> None:
    other = (await client.anchor(BODY)).json()["evidence_no"]
    code = (await make(client, other)).json()["code"]
    for path in (f"/v1/evidence/{number}/proof", f"/v1/deposits/{number}"):
        nothing = await stranger.get(path)
        assert (nothing.status_code, nothing.json()["code"]) == (401, "API_KEY_MISSING")
        for wrong in ("0000-0000-0000", "nonsense", "", code):
            response = await stranger.get(path, **opening(wrong))
            assert response.status_code == 403, wrong
            assert response.json()["code"] == "EXTRACTION_CODE_REFUSED"
            assert response.json()["result_code"] == "V501"
        assert (await stranger.get(path, **opening("0" * 41))).status_code == 422


async def test_a_revoked_or_expired_code_opens_nothing(
    client: Any, number: str, stranger: Any, clock: Any
) -> None:
    lasting = (await make(client, number)).json()
    short = (await make(client, number, {"expires_in_days": 1})).json()
    path = f"/v1/evidence/{number}/proof"
    assert short["expires_at"]["ms"] == clock.now + 86_400_000
    clock.now += 86_400_000
    assert (await stranger.get(path, **opening(short["code"]))).status_code == 403
    assert (await stranger.get(path, **opening(lasting["code"]))).status_code == 200
    for _ in range(2):
        revoked = await client.http.delete(f"/v1/evidence/{number}/codes/{lasting['id']}")
        assert revoked.status_code == 204
    assert (await stranger.get(path, **opening(lasting["code"]))).status_code == 403
    codes = (await client.get(f"/v1/evidence/{number}/codes")).json()["codes"]
    assert [(each["id"], each["live"]) for each in codes] == [
        (lasting["id"], False),
        (short["id"], False),
    ]
    assert "code" not in codes[0]


async def test_a_retry_is_told_the_same_code(client: Any, number: str) -> None:
    first = await make(client, number, {"expires_in_days": 2}, key="same")
    again = await make(client, number, {"expires_in_days": 2}, key="same")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    changed = await make(client, number, {"expires_in_days": 3}, key="same")
    assert (changed.status_code, changed.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    other = await make(client, number, key="another")
    assert other.json()["code"] != first.json()["code"]


async def test_codes_are_the_depositors_to_give(client: Any, number: str) -> None:
    code_id = (await make(client, number)).json()["id"]
    path = f"/v1/evidence/{number}/codes"
    rival = {"authorization": f"Bearer {RIVAL_KEY}"}
    for response in (
        await make(client, number, headers=rival),
        await client.get(path, headers=rival),
        await client.http.delete(f"{path}/{code_id}", headers=rival),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "READING_REFUSED")
    unknown = await client.http.delete(f"{path}/{'0' * 32}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "EXTRACTION_CODE_UNKNOWN")
    nowhere = await make(client, format_number(1_790_000_000_000, 99))
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NUMBER_UNKNOWN")


async def test_a_code_takes_what_exporting_takes(client: Any, number: str) -> None:
    made = (await client.post("/v1/account/api-keys", {"scopes": ["account", "read"]})).json()
    reading, path = with_key(made["key"]), f"/v1/evidence/{number}/codes"
    refused = await make(client, number, **reading)
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_MISSING")
    code = (await make(client, number)).json()
    assert len((await client.get(path, **reading)).json()["codes"]) == 1
    revoked = await client.http.delete(f"{path}/{code['id']}", **reading)
    assert revoked.status_code == 204
    await client.http.delete("/v1/account/consents")
    refused = await make(client, number)
    assert (refused.status_code, refused.json()["code"]) == (403, "CONSENT_REQUIRED")
    assert len((await client.get(path)).json()["codes"]) == 1


async def test_live_codes_are_bounded(client: Any, number: str) -> None:
    for _ in range(LIVE_CODES_MAX):
        assert (await make(client, number)).status_code == 201
    response = await make(client, number)
    assert (response.status_code, response.json()["code"]) == (409, "CODES_MAX")


@pytest.mark.parametrize("days", [0, -1, 3_651, "1", 1.5, True])
async def test_a_time_that_makes_no_sense_is_refused(client: Any, number: str, days: Any) -> None:
    response = await make(client, number, {"expires_in_days": days})
    assert (response.status_code, response.json()["code"]) == (422, "FIELD_INVALID")


async def test_a_court_reads_the_exhibits_of_its_cases(client: Any, number: str) -> None:
    other = (await client.anchor(BODY)).json()["evidence_no"]
    case = insert(cases).values(
        id="1" * 32,
        case_no="（2026）浙0192民初1号",
        court_code=COURT,
        account="clerk",
        created_ms=1,
    )
    exhibit = insert(exhibits).values(
        case_id="1" * 32,
        exhibit_no=1,
        evidence_no=number,
        litigation_role="PLAINTIFF",
        copies=1,
        pages=1,
        account="clerk",
        linked_ms=1,
    )
    await client.gateway.database.write(lambda c: (c.execute(case), c.execute(exhibit)))
    for path in ("/v1/evidence/{}/proof", "/v1/deposits/{}"):
        assert (await client.get(path.format(number), **with_key(CLERK_KEY))).status_code == 200
        refused = await client.get(path.format(other), **with_key(CLERK_KEY))
        assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")


async def test_an_auditor_fetches_proofs_and_opens_nothing(client: Any, number: str) -> None:
    auditor = with_key(AUDITOR_KEY)
    assert (await client.get(f"/v1/evidence/{number}/proof", **auditor)).status_code == 200
    refused = await client.get(f"/v1/deposits/{number}", **auditor)
    assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")
    refused = await client.get(f"/v1/evidence/{number}/proof", **with_key(RIVAL_KEY))
    assert (refused.status_code, refused.json()["code"]) == (403, "READING_REFUSED")
