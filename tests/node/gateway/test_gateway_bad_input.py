"""Bad input gets a clear answer and changes nothing: nothing is proposed, nothing is stored."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from node.evidence.digests import EMPTY, sha256
from node.evidence.keys import Signature, format_signature
from node.evidence.statement import format_statement
from node.gateway.app import create_app

pytestmark = pytest.mark.anyio

DIGEST = hashlib.sha256(b"a contract").hexdigest()
GOOD = {"digests": {"sha256": DIGEST}, "size": 10}
ITEMS = sha256(b"one") + sha256(b"two")


@pytest.fixture(autouse=True)
async def _nothing_is_left(client: Any) -> AsyncIterator[None]:
    yield
    assert client.left_nothing()


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, once it is the one that was expected."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert response.status_code == status
    assert problem["type"] == f"/problems/{code}"
    assert "{" not in problem["detail"]
    return problem


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST + "0", DIGEST[:-2], DIGEST + "\n"])
async def test_digest_of_wrong_length(client: Any, digest: str) -> None:
    response = await client.anchor({"digests": {"sha256": digest}, "size": 1})
    assert "64" in refused(response, 422, "DIGEST_SPELLING")["detail"]


@pytest.mark.parametrize("digest", [DIGEST.upper(), "g" * 64, "٣" * 64, 7, None])
async def test_digest_of_wrong_alphabet(client: Any, digest: object) -> None:
    response = await client.anchor({"digests": {"sha256": digest}, "size": 1})
    code = "DIGEST_MISSING" if digest is None else "DIGEST_SPELLING"
    refused(response, 422, code)


@pytest.mark.parametrize("alg", ["md5", "SHA256", "sha-256", "sha512"])
async def test_digest_of_wrong_algorithm(client: Any, alg: str) -> None:
    response = await client.anchor({"digests": {alg: DIGEST}, "size": 1})
    assert alg in refused(response, 422, "DIGEST_ALGORITHM")["detail"]


async def test_no_digest(client: Any) -> None:
    refused(await client.anchor({"digests": {}, "size": 1}), 422, "DIGEST_MISSING")


@pytest.mark.parametrize("alg", ["sha256", "sm3"])
@pytest.mark.parametrize("mode", ["commitment", "digest"])
async def test_digest_of_the_empty_content(client: Any, alg: str, mode: str) -> None:
    asked: dict[str, Any] = {"digests": {alg: EMPTY[alg].hex()}, "mode": mode}
    asked |= {"size": 0} if mode == "commitment" else {"plain_declaration": True}
    refused(await client.anchor(asked), 422, "DIGEST_OF_NOTHING")


async def test_digest_of_the_empty_content_among_packed_items(client: Any) -> None:
    query = {"alg": "sm3", "mode": "digest", "plain_declaration": "true"}
    packed = sha256(b"one") + EMPTY["sm3"]
    refused(await client.batch(packed, params=query), 422, "DIGEST_OF_NOTHING")


async def test_plain_digest_without_the_declaration(client: Any) -> None:
    response = await client.anchor({"digests": {"sha256": DIGEST}, "mode": "digest"})
    refused(response, 422, "DECLARATION_MISSING")


async def test_plain_batch_without_the_declaration(client: Any) -> None:
    items = [{"digests": {"sha256": DIGEST}}]
    refused(await client.batch({"items": items, "mode": "digest"}), 422, "DECLARATION_MISSING")
    query = {"alg": "sha256", "mode": "digest"}
    refused(await client.batch(ITEMS, params=query), 422, "DECLARATION_MISSING")


@pytest.mark.parametrize(
    "more",
    [{"size": 3}, {"details": {"file_name": "a"}}, {"digests": {"sha256": DIGEST, "sm3": DIGEST}}],
)
async def test_plain_digest_with_what_would_be_lost(client: Any, more: dict[str, Any]) -> None:
    asked = {"digests": {"sha256": DIGEST}, "mode": "digest", "plain_declaration": True}
    refused(await client.anchor(asked | more), 422, "PLAIN_DIGEST_ONLY")


async def test_salted_digest_without_size(client: Any) -> None:
    refused(await client.anchor({"digests": {"sha256": DIGEST}}), 422, "SIZE_MISSING")


@pytest.mark.parametrize("size", [-1, 2**53, 1.5, "10", True])
async def test_size_that_is_none(client: Any, size: object) -> None:
    refused(await client.anchor(GOOD | {"size": size}), 422, "FIELD_INVALID")


async def test_empty_batch(client: Any) -> None:
    refused(await client.batch({"items": []}), 422, "BATCH_EMPTY")
    refused(await client.batch(b"", params={"alg": "sha256"}), 422, "BATCH_EMPTY")


async def test_oversized_batch_names_the_limit(client: Any) -> None:
    items = [{"digests": {"sha256": DIGEST}, "size": 1}] * 32_769
    problem = refused(await client.batch({"items": items}), 413, "BATCH_TOO_LARGE")
    assert "32,768" in problem["detail"]


async def test_oversized_packed_batch_names_the_limit(client: Any) -> None:
    response = await client.batch(bytes(32 * 262_144 + 32), params={"alg": "sha256"})
    assert "262,144" in refused(response, 413, "BATCH_TOO_LARGE")["detail"]


async def test_packed_items_that_are_not_whole(client: Any) -> None:
    refused(await client.batch(ITEMS[:-1], params={"alg": "sha256"}), 422, "BATCH_UNEVEN")


async def test_batch_of_different_algorithms(client: Any) -> None:
    items = [GOOD, {"digests": {"sm3": DIGEST}, "size": 1}]
    assert "item 1" in refused(await client.batch({"items": items}), 422, "BATCH_MIXED")["detail"]


@pytest.mark.parametrize("where", ["body", "item", "query", "nested"])
async def test_unknown_fields_are_refused_not_ignored(client: Any, where: str) -> None:
    if where == "body":
        response = await client.anchor(GOOD | {"filename": "a"})
    elif where == "item":
        response = await client.batch({"items": [GOOD | {"category": "A14_0"}]})
    elif where == "query":
        response = await client.anchor(GOOD, params={"wait_for": "final"})
    else:
        response = await client.batch({"items": [GOOD]}, params={"mode": "digest"})
    refused(response, 422, "FIELD_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "text", "field"),
    [
        ("anchors", '{"digests":{"sha256":"D"},"size":1,"size":2}', "size"),
        ("anchors", '{"digests":{"sha256":"D","sha256":"D"},"size":1}', "sha256"),
        ("anchors", '{"digests":{"sha256":"D"},"size":1,"details":{"a":1,"a":"2"}}', "a"),
        ("anchors", r'{"digests":{"sha256":"D"},"size":1,"s\u0069ze":1}', "size"),
        ("anchors:batch", '{"items":[{"digests":{"sha256":"D"},"size":1,"size":1}]}', "size"),
        ("anchors:batch", '{"mode":"commitment","items":[I],"mode":"commitment"}', "mode"),
        ("keys", '{"record":"r","authority":"a","signature":"s","record":"r"}', "record"),
    ],
)
async def test_a_field_that_is_given_twice_is_refused(
    client: Any, path: str, text: str, field: str
) -> None:
    """Whoever reads the request beside us might take the other one."""
    body = text.replace("I", json.dumps(GOOD)).replace('"D"', f'"{DIGEST}"').encode()
    headers = {"content-type": "application/json"}
    problem = refused(
        await client.post(f"/v1/{path}", body, headers=headers), 422, "FIELD_REPEATED"
    )
    assert f"Field {field} " in problem["detail"]


async def test_missing_field_is_named(client: Any) -> None:
    assert "digests" in refused(await client.anchor({"size": 1}), 422, "FIELD_MISSING")["detail"]
    assert "alg" in refused(await client.batch(ITEMS), 422, "FIELD_MISSING")["detail"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]]", b'{"digests": {"sha256": "\\ud800"}}', b"\xff"]
)
async def test_body_that_is_not_json(client: Any, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    refused(await client.anchor(body, headers=headers), 400, "BODY_NOT_JSON")


@pytest.mark.parametrize("declared", [True, False])
async def test_body_over_the_limit(client: Any, declared: bool) -> None:
    """Refused by its declared length, and while it arrives if that was not declared."""
    body = json.dumps(GOOD | {"details": {"note": "x" * 70_000}}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 10_000):
            yield body[at : at + 10_000]

    headers = {"idempotency-key": "large", "content-type": "application/json"}
    content: Any = body if declared else pieces()
    response = await client.http.post("/v1/anchors", content=content, headers=headers)
    assert "65,536" in refused(response, 413, "BODY_TOO_LARGE")["detail"]


@pytest.mark.parametrize("length", ["0" * 5_000 + "2", "9" * 19])
async def test_content_length_that_is_spelled_at_length(client: Any, length: str) -> None:
    response = await client.anchor({}, headers={"content-length": length})
    code = "FIELD_MISSING" if length.startswith("0") else "BODY_TOO_LARGE"
    refused(response, 413 if code == "BODY_TOO_LARGE" else 422, code)


async def test_client_that_hangs_up_in_the_middle_of_its_body(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets no answer, and leaves no line in the log either: anybody could write it full."""
    messages = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/keys",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await create_app(client.gateway)(scope, receive, send)
    assert [message.get("status") for message in sent][:1] == [400]
    assert not caplog.records


async def test_body_of_another_media_type(client: Any) -> None:
    headers = {"content-type": "text/plain"}
    problem = refused(await client.anchor(b"{}", headers=headers), 415, "MEDIA_TYPE")
    assert "application/json" in problem["detail"]


@pytest.mark.parametrize("path", ["/v1/anchors", "/v1/anchors:batch"])
async def test_missing_api_key(client: Any, path: str) -> None:
    del client.http.headers["authorization"]
    response = await client.post(path, GOOD)
    refused(response, 401, "API_KEY_MISSING")
    assert response.headers["www-authenticate"] == "Bearer, Cunzheng-Signature"


@pytest.mark.parametrize("key", ["czk_" + "00" * 32, "czk_", "secret", "czk_" + "5A" * 32])
async def test_wrong_api_key(client: Any, key: str) -> None:
    client.http.headers["authorization"] = f"Bearer {key}"
    refused(await client.anchor(GOOD), 401, "API_KEY_UNKNOWN")


async def test_missing_idempotency_key(client: Any) -> None:
    refused(await client.http.post("/v1/anchors", json=GOOD), 400, "IDEMPOTENCY_KEY_MISSING")


@pytest.mark.parametrize("key", ["", "a b", "x" * 129])
async def test_misspelled_idempotency_key(client: Any, key: str) -> None:
    headers = {"idempotency-key": key}
    response = await client.http.post("/v1/anchors", json=GOOD, headers=headers)
    refused(response, 400, "IDEMPOTENCY_KEY_SPELLING")


@pytest.mark.parametrize(
    "details",
    [
        {"File": "a"},
        {"": "a"},
        {"note": "a\u202eb"},
        {"note": "line\nbreak"},
        {"note": "x" * 20_000},
        {"pages": 2**53},
        {"pages": -1},
    ],
)
async def test_details_that_draw_lines_or_do_not_fit(client: Any, details: dict[str, Any]) -> None:
    refused(await client.anchor(GOOD | {"details": details}), 422, "DETAILS_REFUSED")


@pytest.mark.parametrize("value", [1.5, None, ["a"], {"a": 1}])
async def test_details_of_another_type(client: Any, value: object) -> None:
    refused(await client.anchor(GOOD | {"details": {"note": value}}), 422, "FIELD_INVALID")


async def test_unknown_category_mode_wait_or_page(client: Any) -> None:
    refused(await client.anchor(GOOD | {"category": "A15"}), 422, "FIELD_INVALID")
    refused(await client.anchor(GOOD | {"mode": "plain"}), 422, "FIELD_INVALID")
    refused(await client.anchor(GOOD, params={"wait": "sealed"}), 422, "FIELD_INVALID")
    refused(await client.anchor(GOOD, params={"wait_ms": "60001"}), 422, "FIELD_INVALID")
    refused(await client.batch({"items": [GOOD], "page": 2}), 422, "FIELD_INVALID")
    refused(await client.batch(ITEMS, params={"alg": "sm3", "page": "2"}), 422, "FIELD_INVALID")
    refused(await client.batch(ITEMS, params={"alg": "md5"}), 422, "DIGEST_ALGORITHM")
    plain = {"mode": "digest", "plain_declaration": True}
    items = [{"digests": {"sha256": DIGEST}}]
    refused(await client.batch({"items": items, "page": 16} | plain), 422, "FIELD_INVALID")
    query = {"alg": "sha256+sm3"} | plain
    refused(await client.batch(ITEMS, params=query), 422, "PLAIN_DIGEST_ONLY")


def own(cluster: Any, items: bytes = ITEMS, **changes: Any) -> dict[str, str]:
    """The headers of a statement signed by the depositor."""
    signer = changes.pop("signer", cluster.world.depositor)
    statement = format_statement(cluster.world.deposit(items, **changes))
    return headers_of(statement, signer.sign(statement))


def headers_of(statement: bytes, signature: Signature) -> dict[str, str]:
    return {
        "cunzheng-statement": base64.b64encode(statement).decode(),
        "cunzheng-signature": format_signature(signature),
    }


async def test_statement_for_another_chain(client: Any, cluster: Any) -> None:
    response = await client.batch(ITEMS, headers=own(cluster, origin="cunzheng.test/other"))
    problem = refused(response, 422, "OTHER_CHAIN")
    assert problem["result_code"] == "V104"
    assert cluster.world.origin in problem["detail"]


async def test_key_that_is_not_enrolled(client: Any, cluster: Any) -> None:
    refused(await client.batch(ITEMS, headers=own(cluster)), 403, "KEY_NOT_ENROLLED")


async def test_key_that_cannot_be_looked_up(client: Any, cluster: Any) -> None:
    for member in cluster.members.values():
        for _ in range(10):
            member.refuse("FindKey", "UNAVAILABLE", "unavailable")
    problem = refused(await client.batch(ITEMS, headers=own(cluster)), 503, "CANNOT_CHECK")
    assert problem["result_code"] == "V502"


async def test_signature_by_another_key(client: Any, cluster: Any) -> None:
    headers = own(cluster, signer=cluster.world.gateway)
    refused(await client.batch(ITEMS, headers=headers), 422, "SIGNATURE_WRONG")


async def test_statement_of_other_items(client: Any, cluster: Any) -> None:
    headers = own(cluster)
    refused(await client.batch(ITEMS[:32], headers=headers), 422, "STATEMENT_INVALID")
    other = ITEMS[32:] + ITEMS[:32]
    refused(await client.batch(other, headers=headers), 422, "STATEMENT_INVALID")


async def test_statement_of_a_newer_format(client: Any, cluster: Any) -> None:
    statement = format_statement(cluster.world.deposit(ITEMS)).replace(b"/v1 ", b"/v2 ")
    headers = headers_of(statement, cluster.world.depositor.sign(statement))
    refused(await client.batch(ITEMS, headers=headers), 422, "STATEMENT_NEWER")


async def test_statement_that_is_an_event(client: Any, cluster: Any) -> None:
    statement = format_statement(cluster.world.event())
    headers = headers_of(statement, cluster.world.depositor.sign(statement))
    refused(await client.batch(ITEMS, headers=headers), 422, "STATEMENT_INVALID")


async def test_statement_attested_by_another_gateway_needs_its_signature(
    client: Any, cluster: Any
) -> None:
    """Whoever signs in this gateway's name without its key is refused like any forger."""
    headers = own(cluster, key=cluster.world.gateway.public, submitter=bytes(32))
    refused(await client.batch(ITEMS, headers=headers), 422, "SIGNATURE_WRONG")


async def test_own_plain_statement_without_the_declaration(client: Any, cluster: Any) -> None:
    headers = own(cluster, mode="digest")
    refused(await client.batch(ITEMS, headers=headers), 422, "DECLARATION_MISSING")


@pytest.mark.parametrize("missing", ["cunzheng-statement", "cunzheng-signature"])
async def test_half_of_the_statement_headers(client: Any, cluster: Any, missing: str) -> None:
    headers = own(cluster)
    del headers[missing]
    refused(await client.batch(ITEMS, headers=headers), 400, "STATEMENT_HEADERS")


async def test_statement_headers_that_are_not_spelled_right(client: Any, cluster: Any) -> None:
    for name, value in (("cunzheng-statement", "***"), ("cunzheng-signature", "rsa:AAAA")):
        headers = own(cluster) | {name: value}
        refused(await client.batch(ITEMS, headers=headers), 400, "STATEMENT_HEADERS")


async def test_statement_headers_where_they_do_not_belong(client: Any, cluster: Any) -> None:
    headers = own(cluster)
    refused(await client.anchor(GOOD, headers=headers), 400, "STATEMENT_HEADERS")
    refused(await client.batch({"items": [GOOD]}, headers=headers), 400, "STATEMENT_HEADERS")
    query = {"alg": "sha256"}
    refused(await client.batch(ITEMS, headers=headers, params=query), 400, "STATEMENT_HEADERS")


async def test_more_than_the_gateway_can_hold(client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("node.gateway.members.coalesce.WAITING_SIZE_MAX", 10)
    response = await client.anchor(GOOD)
    refused(response, 503, "BUSY")
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    "number", ["EV1", "EV20260921000000000000-00", "ev20260921000000000000-11"]
)
async def test_misspelled_evidence_number(client: Any, number: str) -> None:
    refused(await client.get(f"/v1/evidence/{number}"), 422, "NUMBER_SPELLING")
    refused(await client.get(f"/v1/evidence/{number}/proof"), 422, "NUMBER_SPELLING")


@pytest.mark.parametrize("number", ["0", "0" * 31, "G" * 32, "A" * 32])
async def test_misspelled_receipt_number(client: Any, number: str) -> None:
    refused(await client.get(f"/v1/receipts/{number}"), 422, "NUMBER_SPELLING")


async def test_search_without_algorithm_or_with_another(client: Any) -> None:
    refused(await client.get(f"/v1/evidence?digest={DIGEST}"), 422, "FIELD_MISSING")
    url = f"/v1/evidence?digest={DIGEST}&alg=md5"
    refused(await client.get(url), 422, "DIGEST_ALGORITHM")
    url = f"/v1/evidence?digest={DIGEST[1:]}&alg=sm3"
    refused(await client.get(url), 422, "DIGEST_SPELLING")


async def test_unknown_page_and_method(client: Any) -> None:
    refused(await client.get("/v1/nothing"), 404, "NOT_FOUND")
    response = await client.get("/v1/anchors")
    refused(response, 405, "METHOD")
    assert response.headers["allow"] == "POST"
    several = await client.http.put("/v1/source-profiles")
    assert several.headers["allow"] == "GET, POST"
