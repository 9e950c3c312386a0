"""Requests signed with a key of the account's own: each works once, as it was signed, in time."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from node.accounts.scopes import Scope
from node.accounts.signed_request import (
    EMPTY_BODY,
    TIME_TOLERANCE_MS,
    Asked,
    account_key_message,
    format_authorization,
    sign_request,
)
from node.evidence.keys import Signer, format_signature
from node.gateway.accounts.auth import REMEMBER_MS

pytestmark = pytest.mark.anyio

SIGNER = Signer(bytes(range(32)))
BODY = json.dumps({"digests": {"sha256": "01" * 32}, "size": 1}).encode()


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def possession(origin: str, account: str, time_ms: int, signer: Signer = SIGNER) -> dict[str, Any]:
    """What registers the signer's key."""
    message = account_key_message(origin, account, signer.public, time_ms)
    signature = format_signature(signer.sign(message))
    return {"key": signer.public.text, "time": time_ms, "signature": signature}


@pytest.fixture
async def signed(client: Any, clock: Any) -> Callable[..., Any]:
    """Sends requests that are signed with a key the account has registered."""
    origin = client.gateway.origin
    response = await client.post("/v1/account/keys", possession(origin, "acme", clock.now))
    assert response.status_code == 201, response.text
    assert response.json()["key"] == SIGNER.public.text
    del client.http.headers["authorization"]
    nonces = iter(range(2**32))

    async def send(
        method: str,
        target: str,
        body: bytes = b"",
        *,
        sent: bytes | None = None,
        to: str | None = None,
        time_ms: int | None = None,
        nonce: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        digest, key = hashlib.sha256(body).digest(), "one"
        made = sign_request(
            SIGNER,
            Asked(origin, method, target, digest, key),
            clock.now if time_ms is None else time_ms,
            nonce or next(nonces).to_bytes(16, "big"),
        )
        return await client.http.request(
            method,
            to or target,
            content=body if sent is None else sent,
            headers={
                "authorization": format_authorization(made),
                "content-type": "application/json",
                "idempotency-key": key,
                **(headers or {}),
            },
        )

    return send


async def test_a_signed_request_is_the_accounts(client: Any, signed: Any) -> None:
    value = (await signed("GET", "/v1/account")).json()
    assert value["account"] == "acme"
    response = await signed("POST", "/v1/anchors?wait=final", BODY)
    assert response.status_code == 201
    again = await signed("POST", "/v1/anchors?wait=final", BODY)
    assert again.status_code == 200
    assert again.json()["statement_id"] == response.json()["statement_id"]


async def test_it_works_once(client: Any, signed: Any) -> None:
    nonce = b"\x07" * 16
    assert (await signed("GET", "/v1/account", nonce=nonce)).status_code == 200
    refused(await signed("GET", "/v1/account", nonce=nonce), 401, "SIGNED_REQUEST_REPEATED")


async def test_another_gateway_of_the_database_knows_it_too(
    client: Any, signed: Any, make_gateway: Any, clients: Any
) -> None:
    second = clients(await make_gateway())
    nonce = b"\x07" * 16
    assert (await signed("GET", "/v1/account", nonce=nonce)).status_code == 200
    client.http, second.http = second.http, client.http
    refused(await signed("GET", "/v1/account", nonce=nonce), 401, "SIGNED_REQUEST_REPEATED")


async def test_the_idempotency_key_is_the_signed_one(client: Any, signed: Any) -> None:
    """Whoever holds a request up and sends it on under another key would make two deposits of one,
    when the client tries again."""
    response = await signed("POST", "/v1/anchors", BODY, headers={"idempotency-key": "two"})
    refused(response, 401, "SIGNED_REQUEST_INVALID")
    assert client.left_nothing()


async def test_the_body_is_the_signed_one(client: Any, signed: Any) -> None:
    other = BODY.replace(b"01", b"02")
    response = await signed("POST", "/v1/anchors", BODY, sent=other)
    refused(response, 401, "SIGNED_BODY_DIFFERS")
    refused(await signed("POST", "/v1/anchors", BODY, sent=b""), 401, "SIGNED_BODY_DIFFERS")
    refused(await signed("GET", "/v1/account", BODY, sent=b""), 401, "SIGNED_BODY_DIFFERS")
    assert client.left_nothing()


async def test_the_target_is_the_signed_one(client: Any, signed: Any) -> None:
    response = await signed("POST", "/v1/anchors?wait=none", BODY, to="/v1/anchors?wait=final")
    refused(response, 401, "SIGNED_REQUEST_INVALID")
    response = await signed("GET", "/v1/account", to="/v1/account/keys")
    refused(response, 401, "SIGNED_REQUEST_INVALID")


@pytest.mark.parametrize("by_ms", [-TIME_TOLERANCE_MS, TIME_TOLERANCE_MS])
async def test_its_time_is_near_the_gateways(
    client: Any, signed: Any, clock: Any, by_ms: int
) -> None:
    at_the_edge = clock.now + by_ms
    assert (await signed("GET", "/v1/account", time_ms=at_the_edge)).status_code == 200
    beyond = at_the_edge + (1 if by_ms > 0 else -1)
    response = await signed("GET", "/v1/account", time_ms=beyond)
    refused(response, 401, "SIGNED_REQUEST_UNTIMELY")
    assert str(clock.now) in response.json()["detail"]


async def test_a_nonce_is_remembered_for_as_long_as_its_request_is_timely(
    client: Any, signed: Any, clock: Any
) -> None:
    nonce, time_ms = b"\x07" * 16, clock.now + TIME_TOLERANCE_MS
    assert (await signed("GET", "/v1/account", nonce=nonce, time_ms=time_ms)).status_code == 200
    clock.now = time_ms + TIME_TOLERANCE_MS
    assert (await signed("GET", "/v1/account")).status_code == 200  # Sweeps what is over.
    response = await signed("GET", "/v1/account", nonce=nonce, time_ms=time_ms)
    refused(response, 401, "SIGNED_REQUEST_REPEATED")
    clock.now += 1
    response = await signed("GET", "/v1/account", nonce=nonce, time_ms=time_ms)
    refused(response, 401, "SIGNED_REQUEST_UNTIMELY")


async def test_a_gateway_whose_clock_is_ahead_forgets_no_nonce_another_would_take(
    client: Any, signed: Any, clock: Any
) -> None:
    nonce, time_ms = b"\x07" * 16, clock.now
    assert (await signed("GET", "/v1/account", nonce=nonce, time_ms=time_ms)).status_code == 200
    clock.now = time_ms + TIME_TOLERANCE_MS + 60_000
    assert (await signed("GET", "/v1/account")).status_code == 200  # There, a minute ahead.
    clock.now = time_ms + TIME_TOLERANCE_MS
    response = await signed("GET", "/v1/account", nonce=nonce, time_ms=time_ms)
    refused(response, 401, "SIGNED_REQUEST_REPEATED")


async def test_a_key_nobody_registered(client: Any, clock: Any) -> None:
    made = sign_request(
        Signer(b"\x09" * 32),
        Asked(client.gateway.origin, "GET", "/v1/account", EMPTY_BODY),
        clock.now,
        bytes(16),
    )
    headers = {"authorization": format_authorization(made)}
    refused(await client.get("/v1/account", headers=headers), 401, "KEY_NOT_REGISTERED")


@pytest.mark.parametrize("header", ["Cunzheng-Signature", 'cunzheng-signature key="x"'])
async def test_headers_that_are_no_signature(client: Any, header: str) -> None:
    response = await client.get("/v1/account", headers={"authorization": header})
    refused(response, 401, "SIGNED_REQUEST_INVALID")


async def test_a_withdrawn_key_signs_nothing_and_never_comes_back(
    client: Any, signed: Any, clock: Any
) -> None:
    listed = (await signed("GET", "/v1/account/keys")).json()["keys"]
    assert [each["key"] for each in listed] == [SIGNER.public.text]
    response = await signed("DELETE", f"/v1/account/keys/{listed[0]['id']}")
    assert response.status_code == 204
    refused(await signed("GET", "/v1/account"), 401, "KEY_NOT_REGISTERED")


async def test_a_key_is_registered_by_who_has_it(client: Any, clock: Any) -> None:
    origin, path = client.gateway.origin, "/v1/account/keys"
    good = possession(origin, "acme", clock.now)
    other = Signer(b"\x09" * 32).public.text
    for wrong in (
        possession(origin, "office", clock.now),
        possession("cunzheng.test/other", "acme", clock.now),
        good | {"key": other},
        good | {"time": clock.now + 1},
    ):
        refused(await client.post(path, wrong), 422, "SIGNATURE_WRONG")
    late = possession(origin, "acme", clock.now - TIME_TOLERANCE_MS - 1)
    refused(await client.post(path, late), 422, "TOO_SOON_OR_LATE")
    for wrong in (good | {"key": "ed25519:AA"}, good | {"signature": "none"}):
        refused(await client.post(path, wrong), 422, "KEY_SPELLING")
    assert (await client.post(path, good)).status_code == 201
    refused(await client.post(path, good), 409, "ACCOUNT_KEY_KNOWN")


async def test_a_registered_key_may_do_what_registered_it(client: Any, clock: Any) -> None:
    made = (await client.post("/v1/account/api-keys", {"scopes": ["account", "read"]})).json()
    response = await client.post(
        "/v1/account/keys",
        possession(client.gateway.origin, "acme", clock.now),
        headers={"authorization": f"Bearer {made['key']}"},
    )
    assert response.json()["scopes"] == [Scope.READ.text, Scope.ACCOUNT.text]
    assert REMEMBER_MS <= 5_000
