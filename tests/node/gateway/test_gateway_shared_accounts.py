"""Two gateways on one database, of either kind: accounts are the same at both, within 5 seconds."""

from typing import Any

import pytest

from node.accounts.consent import IN_FORCE
from node.gateway.accounts.auth import REMEMBER_MS
from tests.databases import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


@pytest.fixture
async def two(make_gateway: Any, clients: Any) -> tuple[Any, Any]:
    """Clients of two gateways, both with the same API key."""
    return clients(await make_gateway()), clients(await make_gateway())


async def test_a_new_key_works_at_the_other_gateway_at_once(two: tuple[Any, Any]) -> None:
    first, second = two
    made = (await first.post("/v1/account/api-keys", {"scopes": ["account"]})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    response = await second.get("/v1/account", headers=headers)
    assert (response.status_code, response.json()["credential"]) == (200, made["id"])


async def test_what_was_taken_back_is_noticed_within_5_seconds(
    two: tuple[Any, Any], clock: Any
) -> None:
    first, second = two
    made = (await first.post("/v1/account/api-keys", {"scopes": ["account"]})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (await second.get("/v1/account", headers=headers)).status_code == 200
    await first.http.delete(f"/v1/account/api-keys/{made['id']}")
    assert (await first.get("/v1/account", headers=headers)).status_code == 401
    clock.now += REMEMBER_MS
    assert (await second.get("/v1/account", headers=headers)).status_code == 401


async def test_consent_is_given_at_one_and_counts_at_both(two: tuple[Any, Any], clock: Any) -> None:
    first, second = two
    await first.http.delete("/v1/account/consents")
    clock.now += REMEMBER_MS
    refused = await second.anchor(BODY)
    assert refused.json()["code"] == "CONSENT_REQUIRED"
    agreed = {"version": IN_FORCE.version, "digest": IN_FORCE.digest.hex()}
    assert (await first.post("/v1/account/consents", agreed)).status_code == 201
    clock.now += REMEMBER_MS
    assert (await second.anchor(BODY)).status_code == 201


async def test_both_write_one_record_of_accesses(two: tuple[Any, Any], clock: Any) -> None:
    start = clock.now
    for client in two:
        assert (await client.get("/v1/account")).status_code == 200
    for client in two:
        lines = await client.gateway.accesses.between(start, clock.now + 1)
        assert [each.account for each in lines] == ["acme", "acme"]
