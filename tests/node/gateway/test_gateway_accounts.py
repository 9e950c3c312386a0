"""The routes of accounts: what an owner sees, agrees to, makes, rotates and takes back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.accounts.action import Action
from node.accounts.consent import IN_FORCE
from node.accounts.scopes import Scope, allowed
from node.accounts.signed_request import (
    EMPTY_BODY,
    Asked,
    account_key_message,
    format_authorization,
    sign_request,
)
from node.accounts.vocabulary import AccountStatus, Role, SubmitterType
from node.config import Officer
from node.evidence.keys import Signer, format_signature
from node.gateway.accounts.auth import REMEMBER_MS
from node.offchain.credentials import LIVE_MAX

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}
AGREED = {"version": IN_FORCE.version, "digest": IN_FORCE.digest.hex()}
DAY_MS = 24 * 3600 * 1000


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


@pytest.fixture
def with_key(client: Any) -> Callable[..., dict[str, Any]]:
    """Headers with this API key instead of the client's own."""
    return lambda key: {"headers": {"authorization": f"Bearer {key}"}}


async def test_an_account_sees_itself_and_no_full_number(client: Any) -> None:
    response = await client.get("/v1/account", headers={"accept-language": "zh"})
    assert response.status_code == 200
    value = response.json()
    assert value["account"] == "acme"
    assert value["submitter_type"] == {"code": "LEGAL_PERSON", "text": "法人"}
    assert value["roles"] == [{"code": "DEPOSITOR", "text": "存证主体"}]
    assert value["identity"]["id_no"] == "919*************X0"
    assert value["identity"]["verified"] is True
    assert value["scopes"] == [scope.text for scope in Scope if scope in allowed([Role.DEPOSITOR])]
    assert "missing" not in value
    assert [each["in_force"] for each in value["consents"]] == [True]
    assert response.headers["cache-control"] == "no-store"


async def test_nothing_is_deposited_before_the_identity_is_verified(client: Any) -> None:
    """电子签名法 Art. 20, 网络安全法 Art. 24: the acceptance criterion of both."""
    accounts, clock = client.gateway.accounts, client.gateway.clock
    await accounts.open("fresh", SubmitterType.NATURAL_PERSON, clock())
    await accounts.grant("fresh", Role.DEPOSITOR, None, clock())
    digest = client.gateway.authenticator.digest("czk_" + "11" * 32)
    await client.gateway.credentials.add_api_key("fresh", digest, frozenset(Scope), clock())
    client.http.headers["authorization"] = "Bearer czk_" + "11" * 32
    for language, title in (("zh", "账户尚未通过实名核验"), ("en", "the account's identity")):
        response = await client.anchor(BODY, headers={"accept-language": language})
        refused(response, 403, "REAL_NAME_REQUIRED")
        assert response.json()["title"].startswith(title)
        assert response.json()["result_code"] == "V501"
    assert client.left_nothing()
    lines = await client.gateway.accesses.between(0, clock() + 1, account="fresh")
    assert [(each.action, each.allowed) for each in lines] == [(Action.NOT_YET_REFUSED, False)] * 2
    value = (await client.get("/v1/account")).json()
    assert (value["missing"], value.get("identity")) == ("REAL_NAME_REQUIRED", None)


async def test_without_consent_nothing_new_is_deposited(client: Any) -> None:
    response = await client.http.delete("/v1/account/consents")
    assert response.status_code == 200
    assert [each["in_force"] for each in response.json()["consents"]] == [False]
    refused(await client.anchor(BODY), 403, "CONSENT_REQUIRED")
    assert (await client.get("/v1/account")).json()["missing"] == "CONSENT_REQUIRED"
    text = (await client.get("/v1/consent")).json()
    assert text["document"].encode() == IN_FORCE.document
    asked = {"version": text["version"], "digest": text["digest"]}
    for _ in range(2):
        response = await client.post("/v1/account/consents", asked)
        assert response.status_code == 201
        assert [each["in_force"] for each in response.json()["consents"]] == [False, True]
    assert (await client.anchor(BODY)).status_code == 201


@pytest.mark.parametrize("wrong", [{"version": "0"}, {"digest": "00" * 32}])
async def test_only_the_text_in_force_is_agreed_to(client: Any, wrong: dict[str, str]) -> None:
    refused(await client.post("/v1/account/consents", AGREED | wrong), 409, "CONSENT_OTHER_TEXT")


async def test_the_consent_text_is_for_everybody(client: Any) -> None:
    del client.http.headers["authorization"]
    assert (await client.get("/v1/consent")).json()["digest"] == IN_FORCE.digest.hex()
    refused(await client.get("/v1/account"), 401, "API_KEY_MISSING")


async def test_whom_to_write_to_stands_beside_the_consent_text(gateway: Any, clients: Any) -> None:
    officer = Officer("王五", "dpo@example.test")
    client = clients(replace(gateway, data_protection_officer=officer))
    told = (await client.get("/v1/consent")).json()["data_protection_officer"]
    assert told == {"name": "王五", "contact": "dpo@example.test"}
    assert "data_protection_officer" not in (await clients(gateway).get("/v1/consent")).json()


async def test_a_key_of_fewer_scopes_does_only_that(client: Any, with_key: Any) -> None:
    asked = {"scopes": ["read", "account"], "expires_in_days": 1}
    response = await client.post("/v1/account/api-keys", asked)
    assert response.status_code == 201
    made = response.json()
    assert made["scopes"] == ["read", "account"]
    assert made["expires_at"]["ms"] - made["created_at"]["ms"] == DAY_MS
    less = with_key(made["key"])
    refused(await client.post("/v1/anchors", BODY, **less), 403, "SCOPE_MISSING")
    for scopes in (["deposit"], ["read", "deposit"], ["audit"]):
        response = await client.post("/v1/account/api-keys", {"scopes": scopes}, **less)
        refused(response, 403, "SCOPES_BEYOND")
        assert "read account" in response.json()["detail"]
    assert (await client.get("/v1/account", **less)).json()["scopes"] == ["read", "account"]
    listed = (await client.get("/v1/account/api-keys")).json()["keys"]
    assert made["id"] in [each["id"] for each in listed]
    assert not any("key" in each for each in listed)


async def test_a_key_expires(client: Any, clock: Any, with_key: Any) -> None:
    asked = {"scopes": ["account"], "expires_in_days": 1}
    made = (await client.post("/v1/account/api-keys", asked)).json()
    clock.now += DAY_MS - 1
    assert (await client.get("/v1/account", **with_key(made["key"]))).status_code == 200
    clock.now += 1
    refused(await client.get("/v1/account", **with_key(made["key"])), 401, "API_KEY_UNKNOWN")
    (_, listed) = (await client.get("/v1/account/api-keys")).json()["keys"]
    assert listed["live"] is False


async def test_a_key_that_ends_makes_none_that_goes_on(
    client: Any, clock: Any, with_key: Any
) -> None:
    (endless,) = (await client.get("/v1/account/api-keys")).json()["keys"]
    asked = {"scopes": endless["scopes"], "expires_in_days": 2}
    made = (await client.post("/v1/account/api-keys", asked)).json()
    ends, ending = made["expires_at"], with_key(made["key"])
    clock.now += DAY_MS
    for days, status in ((2, 403), (1, 201)):
        asked = {"scopes": ["read"], "expires_in_days": days}
        response = await client.post("/v1/account/api-keys", asked, **ending)
        assert response.status_code == status, response.text
        if status == 403:
            refused(response, 403, "EXPIRY_BEYOND")
            assert str(ends["ms"]) in response.json()["detail"]
    response = await client.post("/v1/account/api-keys", {"scopes": ["read"]}, **ending)
    assert response.json()["expires_at"] == ends
    for each in (endless, made):
        path = f"/v1/account/api-keys/{each['id']}/rotate"
        response = await client.post(path, {"overlap_s": 86_400}, **ending)
        assert (response.status_code, response.json()["expires_at"]) == (201, ends)


async def test_a_key_of_its_own_ends_with_what_registered_it_and_is_renewed(
    client: Any, clock: Any, with_key: Any
) -> None:
    asked = {"scopes": ["account", "read"], "expires_in_days": 1}
    made = (await client.post("/v1/account/api-keys", asked)).json()
    signer, origin = Signer(bytes(range(32))), client.gateway.origin

    async def register(**options: Any) -> Any:
        message = account_key_message(origin, "acme", signer.public, clock.now)
        signature = format_signature(signer.sign(message))
        body = {"key": signer.public.text, "time": clock.now, "signature": signature}
        return await client.post("/v1/account/keys", body, **options)

    async def ask() -> Any:
        asked = Asked(origin, "GET", "/v1/account", EMPTY_BODY)
        nonce = next(nonces).to_bytes(16, "big")
        header = format_authorization(sign_request(signer, asked, clock.now, nonce))
        return await client.get("/v1/account", headers={"authorization": header})

    nonces = iter(range(9))
    registered = (await register(**with_key(made["key"]))).json()
    assert registered["expires_at"] == made["expires_at"]
    assert (await ask()).status_code == 200
    clock.now += DAY_MS
    refused(await ask(), 401, "KEY_NOT_REGISTERED")
    renewed = await register()
    assert renewed.status_code == 201, renewed.text
    assert (renewed.json()["id"], "expires_at" in renewed.json()) == (registered["id"], False)
    assert (await ask()).json()["account"] == "acme"
    clock.now += 1
    refused(await register(), 409, "ACCOUNT_KEY_KNOWN")


async def test_a_key_is_rotated_without_a_pause(client: Any, clock: Any, with_key: Any) -> None:
    (own,) = (await client.get("/v1/account/api-keys")).json()["keys"]
    path = f"/v1/account/api-keys/{own['id']}/rotate"
    response = await client.post(path, {"overlap_s": 60})
    assert response.status_code == 201
    made = response.json()
    assert made["scopes"] == own["scopes"]
    for key in (made["key"], client.http.headers["authorization"][7:]):
        assert (await client.get("/v1/account", **with_key(key))).status_code == 200
    clock.now += 60_000
    refused(await client.get("/v1/account"), 401, "API_KEY_UNKNOWN")
    assert (await client.get("/v1/account", **with_key(made["key"]))).status_code == 200


async def test_a_lesser_key_cannot_rotate_a_greater_one(client: Any, with_key: Any) -> None:
    (own,) = (await client.get("/v1/account/api-keys")).json()["keys"]
    made = (await client.post("/v1/account/api-keys", {"scopes": ["account"]})).json()
    less = with_key(made["key"])
    path = f"/v1/account/api-keys/{own['id']}/rotate"
    refused(await client.post(path, {}, **less), 403, "SCOPES_BEYOND")


async def test_a_revoked_key_is_refused_at_once(client: Any, with_key: Any) -> None:
    made = (await client.post("/v1/account/api-keys", {"scopes": ["account"]})).json()
    assert (await client.get("/v1/account", **with_key(made["key"]))).status_code == 200
    path = f"/v1/account/api-keys/{made['id']}"
    response = await client.http.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    refused(await client.get("/v1/account", **with_key(made["key"])), 401, "API_KEY_UNKNOWN")
    assert (await client.http.delete(path)).status_code == 204


@pytest.mark.parametrize("key_id", ["00" * 16, "office"])
async def test_other_accounts_keys_are_not_there(client: Any, key_id: str) -> None:
    if key_id == "office":
        (key,) = await client.gateway.credentials.api_keys("office")
        key_id = key.id
    rotate = await client.post(f"/v1/account/api-keys/{key_id}/rotate", {})
    refused(rotate, 404, "CREDENTIAL_UNKNOWN")
    for path in (f"/v1/account/api-keys/{key_id}", f"/v1/account/keys/{key_id}"):
        refused(await client.http.delete(path), 404, "CREDENTIAL_UNKNOWN")
    (key,) = await client.gateway.credentials.api_keys("office")
    assert key.revoked_ms is None


async def test_there_is_an_end_to_keys(client: Any) -> None:
    for _ in range(LIVE_MAX - 1):
        response = await client.post("/v1/account/api-keys", {"scopes": ["read"]})
        assert response.status_code == 201
    response = await client.post("/v1/account/api-keys", {"scopes": ["read"]})
    refused(response, 409, "CREDENTIALS_MAX")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "FIELD_MISSING"),
        ({"scopes": []}, "FIELD_INVALID"),
        ({"scopes": ["everything"]}, "FIELD_INVALID"),
        ({"scopes": ["read"], "expires_in_days": 0}, "FIELD_INVALID"),
        ({"scopes": ["read"], "expires_in_days": "1"}, "FIELD_INVALID"),
        ({"scopes": ["read"], "expires_in_days": 1.5}, "FIELD_INVALID"),
        ({"scopes": ["read"], "expires_in_days": 1e300}, "FIELD_INVALID"),
        ({"scopes": ["read"], "expires_in_days": True}, "FIELD_INVALID"),
        ({"scopes": ["read"], "for": "ever"}, "FIELD_UNKNOWN"),
    ],
)
async def test_bad_requests_for_keys(client: Any, body: Any, code: str) -> None:
    refused(await client.post("/v1/account/api-keys", body), 422, code)


async def test_a_whole_number_may_be_spelled_as_json_may_spell_it(client: Any) -> None:
    body = b'{"scopes":["read"],"expires_in_days":2.0}'
    headers = {"content-type": "application/json"}
    made = (await client.post("/v1/account/api-keys", body, headers=headers)).json()
    assert made["expires_at"]["ms"] - made["created_at"]["ms"] == 2 * DAY_MS


async def test_a_suspended_account_is_told_so(client: Any, clock: Any) -> None:
    assert (await client.get("/v1/account")).status_code == 200
    accounts = client.gateway.accounts
    await accounts.set_status("acme", AccountStatus.SUSPENDED, clock())
    clock.now += REMEMBER_MS  # As long as another gateway may not know of it.
    for response in (await client.get("/v1/account"), await client.anchor(BODY)):
        refused(response, 403, "ACCOUNT_NOT_ACTIVE")
    await accounts.set_status("acme", AccountStatus.ACTIVE, clock())
    clock.now += REMEMBER_MS
    assert (await client.anchor(BODY)).status_code == 201


async def test_a_role_taken_away_takes_its_scopes(client: Any, clock: Any) -> None:
    await client.gateway.accounts.revoke("acme", Role.DEPOSITOR)
    clock.now += REMEMBER_MS
    response = await client.anchor(BODY)
    refused(response, 403, "SCOPE_MISSING")
    assert "deposit" in response.json()["detail"]
    assert client.left_nothing()


async def test_what_was_done_and_refused_is_recorded(client: Any, clock: Any) -> None:
    start = clock.now
    made = (await client.post("/v1/account/api-keys", {"scopes": ["read"]})).json()
    less = {"headers": {"authorization": f"Bearer {made['key']}"}}
    await client.post("/v1/anchors?wait=none", BODY, **less)
    await client.http.delete(f"/v1/account/api-keys/{made['id']}")
    lines = await client.gateway.accesses.between(start, clock.now + 1)
    assert {(each.account, each.action, each.object, each.allowed) for each in lines} == {
        ("acme", Action.API_KEY_MADE, "acme", True),
        ("acme", Action.SCOPE_REFUSED, "POST /v1/anchors", False),
        ("acme", Action.API_KEY_REVOKED, made["id"], True),
    }
    assert len(lines) == 3
    assert {each.origin for each in lines} == {"127.0.0.1 123"}


async def test_a_line_names_the_request(client: Any, clock: Any) -> None:
    """By the id that the client gave it, or was given."""
    start = clock.now
    answer = await client.get("/v1/account", headers={"x-request-id": "ab12-cd34"})
    assert answer.status_code == 200
    (line,) = await client.gateway.accesses.between(start, clock.now + 1)
    assert (line.action, line.request_id) == (Action.ACCOUNT_READ, "ab12-cd34")


async def test_the_security_officer_reads_who_did_what(
    client: Any, clock: Any, with_key: Any
) -> None:
    path, times = "/v1/accesses", {"from": clock.now, "to": clock.now + 1_000}
    refused(await client.get(path, params=times), 403, "SCOPE_MISSING")
    accounts, officer = client.gateway.accounts, "czk_" + "22" * 32
    await accounts.open("guard", SubmitterType.LEGAL_PERSON, clock())
    await accounts.grant("guard", Role.SECURITY_OFFICER, None, clock())
    digest = client.gateway.authenticator.digest(officer)
    await client.gateway.credentials.add_api_key("guard", digest, frozenset(Scope), clock())
    for _ in range(4):
        clock.now += 1
        await client.get("/v1/account")
    clock.now += 1  # What is read is recorded later than what was asked for.
    times["to"] = clock.now
    found, after = [], {}
    while True:
        page = await client.get(path, params={**times, "limit": 2, **after}, **with_key(officer))
        assert page.status_code == 200, page.text
        found += page.json()["accesses"]
        if (more := page.json().get("next")) is None:
            break
        after = {"after": more}
    assert [(each["action"]["code"], each.get("account")) for each in found] == [
        ("SCOPE_REFUSED", "acme"),
        *[("ACCOUNT_READ", "acme")] * 4,
    ]
    assert found[0]["object"] == "GET /v1/accesses"
    assert found[0]["origin"] == "127.0.0.1 123"
    assert found[0]["allowed"] is False


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": "0"}, "FIELD_MISSING"),
        ({"from": "-1", "to": "1"}, "FIELD_INVALID"),
        ({"from": "0", "to": "1", "after": "here"}, "FIELD_INVALID"),
        ({"from": "0", "to": "1", "limit": "1001"}, "FIELD_INVALID"),
        ({"from": "0", "to": "1", "until": "2"}, "FIELD_UNKNOWN"),
    ],
)
async def test_bad_questions_about_accesses(
    client: Any, clock: Any, query: dict[str, str], code: str
) -> None:
    await client.gateway.accounts.grant("acme", Role.SECURITY_OFFICER, None, clock())
    digest = client.gateway.authenticator.digest("czk_" + "22" * 32)
    await client.gateway.credentials.add_api_key("acme", digest, {Scope.SECURITY}, clock())
    headers = {"authorization": "Bearer czk_" + "22" * 32}
    refused(await client.get("/v1/accesses", params=query, headers=headers), 422, code)
