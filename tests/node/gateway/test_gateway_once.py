"""Writes that are not deposits take an Idempotency-Key too: same request, same answer, once."""

from typing import Any

import pytest

from node.accounts.consent import IN_FORCE
from node.gateway.app import routes
from node.offchain.answers import KEEP_MS
from tests.node.gateway.admitted import CLERK_KEY
from tests.node.gateway.test_gateway_cases import CASE, deposited, exhibit
from tests.node.gateway.test_gateway_declared import PROFILE

pytestmark = pytest.mark.anyio

CLERK = {"authorization": f"Bearer {CLERK_KEY}"}
NAMED_OTHERWISE = {
    "/v1/keys": "a key record names itself by its serial",
    "/v1/policies": "a policy names itself by its serial",
    "/v1/verify": "writes nothing",
    "/v1/verify:batch": "writes nothing",
}


def test_every_post_that_writes_takes_a_key() -> None:
    """As the document says, which the fuzzing holds the gateway to."""
    paths = routes().openapi()["paths"]
    posts = {path: each["post"] for path, each in paths.items() if "post" in each}
    taking = {
        path
        for path, post in posts.items()
        for each in post.get("parameters", ())
        if each.get("name") == "Idempotency-Key" and each["required"]
    }
    assert posts.keys() - taking == NAMED_OTHERWISE.keys()


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


async def test_a_retry_is_answered_as_before_and_restores_nothing(client: Any) -> None:
    """A profile withdrawn since stays withdrawn; under another key it is registered again."""
    first = await client.post("/v1/source-profiles", PROFILE, key="mine")
    assert first.status_code == 201
    path = f"/v1/source-profiles/{first.json()['digest']}"
    assert (await client.http.delete(path)).status_code == 204
    again = await client.post("/v1/source-profiles", PROFILE, key="mine")
    assert (again.status_code, again.content) == (200, first.content)
    (kept,) = (await client.get("/v1/source-profiles")).json()["profiles"]
    assert "withdrawn_at" in kept
    other = await client.post("/v1/source-profiles", PROFILE, key="other")
    assert (other.status_code, "withdrawn_at" in other.json()) == (200, False)


async def test_another_request_under_a_key_is_refused(client: Any) -> None:
    """Another body, another address, or the same from a key that may do less."""
    await client.post("/v1/source-profiles", PROFILE, key="mine")
    body = {**PROFILE, "system": "另一系统"}
    refused(await client.post("/v1/source-profiles", body, key="mine"), 409, "IDEMPOTENCY_MISMATCH")
    asked = {"scopes": ["account", "read"]}
    made = (await client.post("/v1/account/api-keys", asked, key="keys")).json()
    agreed = {"version": IN_FORCE.version, "digest": IN_FORCE.digest.hex()}
    refused(
        await client.post("/v1/account/consents", agreed, key="keys"), 409, "IDEMPOTENCY_MISMATCH"
    )
    less = {"headers": {"authorization": f"Bearer {made['key']}"}}
    told = await client.post("/v1/account/api-keys", asked, key="keys", **less)
    refused(told, 409, "IDEMPOTENCY_MISMATCH")
    assert len((await client.get("/v1/source-profiles")).json()["profiles"]) == 1


async def test_a_key_is_told_to_its_request_for_a_day(client: Any, clock: Any) -> None:
    """No second one is made, and after a day the answer is in the database no more."""
    made = await client.post("/v1/account/api-keys", {"scopes": ["read"]}, key="one")
    again = await client.post("/v1/account/api-keys", {"scopes": ["read"]}, key="one")
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    assert len((await client.get("/v1/account/api-keys")).json()["keys"]) == 2
    assert await client.gateway.answers.forget(clock.now + KEEP_MS) == 0
    assert await client.gateway.answers.forget(clock.now + KEEP_MS + 1) == 1
    third = await client.post("/v1/account/api-keys", {"scopes": ["read"]}, key="one")
    assert (third.status_code, third.json()["key"] != made.json()["key"]) == (201, True)


async def test_what_was_refused_leaves_its_key_free(client: Any) -> None:
    number = await deposited(client)
    wrong = {"exhibits": [exhibit(number), exhibit("x")]}
    refused(
        await client.post(f"{CASE}/links", wrong, key="k", headers=CLERK), 422, "EVIDENCE_SPELLING"
    )
    right = {"exhibits": [exhibit(number)]}
    linked = await client.post(f"{CASE}/links", right, key="k", headers=CLERK)
    assert linked.status_code == 201
    await client.http.delete(f"{CASE}/links/1", headers=CLERK)
    again = await client.post(f"{CASE}/links", right, key="k", headers=CLERK)
    assert (again.status_code, again.content) == (200, linked.content)
    left = await client.get(f"{CASE}/evidence-list", headers=CLERK)
    assert left.json()["exhibits"] == []


async def test_a_retry_does_not_agree_again(client: Any) -> None:
    agreed = {"version": IN_FORCE.version, "digest": IN_FORCE.digest.hex()}
    await client.http.delete("/v1/account/consents")
    given = await client.post("/v1/account/consents", agreed, key="yes")
    assert given.status_code == 201
    await client.http.delete("/v1/account/consents")
    again = await client.post("/v1/account/consents", agreed, key="yes")
    assert (again.status_code, again.content) == (200, given.content)
    refused(
        await client.anchor({"digests": {"sha256": "01" * 32}, "size": 1}), 403, "CONSENT_REQUIRED"
    )


async def test_without_a_key_nothing_is_written(client: Any) -> None:
    response = await client.http.post("/v1/source-profiles", json=PROFILE)
    refused(response, 400, "IDEMPOTENCY_KEY_MISSING")
    assert (await client.get("/v1/source-profiles")).json()["profiles"] == []
