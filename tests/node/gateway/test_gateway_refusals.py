"""Who is refused and known is a line in the record of accesses, once; nobody else is."""

from typing import Any

import pytest

from node.accounts.action import Action
from node.accounts.vocabulary import AccountStatus
from node.gateway.accounts.auth import REMEMBER_MS
from node.offchain.engine import StoreFailed
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import RIVAL_KEY

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}


def with_key(key: str) -> dict[str, dict[str, str]]:
    return {"headers": {"authorization": f"Bearer {key}"}}


async def refusals(client: Any, clock: Any) -> list[tuple[str | None, Action, str | None]]:
    lines = await client.gateway.accesses.between(0, clock.now + 1)
    return [(each.account, each.action, each.object) for each in lines if not each.allowed]


async def test_a_suspended_account_is_named(client: Any, clock: Any) -> None:
    await client.gateway.accounts.set_status("acme", AccountStatus.SUSPENDED, clock())
    response = await client.anchor(BODY)
    assert (response.status_code, response.json()["code"]) == (403, "ACCOUNT_NOT_ACTIVE")
    assert await refusals(client, clock) == [
        ("acme", Action.REQUEST_REFUSED, "ACCOUNT_NOT_ACTIVE POST /v1/anchors")
    ]


async def test_a_revoked_key_names_whose_it_was(client: Any, clock: Any) -> None:
    made = (await client.post("/v1/account/api-keys", {"scopes": ["read"]})).json()
    await client.http.delete(f"/v1/account/api-keys/{made['id']}")
    clock.now += REMEMBER_MS
    response = await client.get("/v1/deposits", **with_key(made["key"]))
    assert (response.status_code, response.json()["code"]) == (401, "API_KEY_UNKNOWN")
    assert await refusals(client, clock) == [
        ("acme", Action.REQUEST_REFUSED, "API_KEY_UNKNOWN GET /v1/deposits")
    ]


async def test_what_a_route_refuses_is_one_line(client: Any, clock: Any) -> None:
    number = (await client.anchor(BODY)).json()["evidence_no"]
    path = f"/v1/evidence/{number}"
    rival = with_key(RIVAL_KEY)
    await client.get(f"{path}/proof", **rival)
    await client.post(f"{path}/custody", {"reason": "x"}, **rival)
    await client.post(f"{path}/holds", {"reason": "x"}, **rival)
    lines = await refusals(client, clock)
    assert len(lines) == 3
    assert set(lines) == {
        ("rival", Action.PROOF_READ, number),
        ("rival", Action.REQUEST_REFUSED, f"EVENT_NOT_YOURS POST {path}/custody"),
        ("rival", Action.SCOPE_REFUSED, f"POST {path}/holds"),
    }


@ON_BOTH
async def test_no_path_escapes_the_record(client: Any, clock: Any) -> None:
    made = (await client.post("/v1/account/api-keys", {"scopes": ["deposit"]})).json()
    for path in ("/v1/matters/a%00b", "/v1/deposits/%0A%C2%85%FF"):
        response = await client.get(path, **with_key(made["key"]))
        assert (response.status_code, response.json()["code"]) == (403, "SCOPE_MISSING")
    assert {each for _, _, each in await refusals(client, clock)} == {
        "GET /v1/matters/a\ufffdb",
        "GET /v1/deposits/\ufffd\ufffd\ufffd",
    }


@ON_BOTH
async def test_the_database_is_asked_for_no_id_that_is_none(client: Any) -> None:
    number = (await client.anchor(BODY)).json()["evidence_no"]
    response = await client.http.delete(f"/v1/evidence/{number}/codes/%00")
    assert (response.status_code, response.json()["code"]) == (422, "FIELD_INVALID")


async def test_who_is_unknown_leaves_no_line(client: Any, clock: Any) -> None:
    for key in ("czk_" + "00" * 32, "nonsense"):
        assert (await client.get("/v1/deposits", **with_key(key))).status_code == 401
    assert await refusals(client, clock) == []


async def test_what_cannot_be_recorded_is_not_answered(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Any) -> None:
        raise StoreFailed("away")

    monkeypatch.setattr(client.gateway.accesses, "add", fail)
    response = await client.get("/v1/accesses", params={"from": 0, "to": 1})
    assert (response.status_code, response.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
