"""Real processes: what a devnet publishes is signed and stamped, and stock tools verify it."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.cluster import Cluster
from node.export.signing.certificate import format_certificates, parse_certificates
from tests.node.export.paper import openssl

DISTID = "distid:1234567812345678"


async def stamped(cluster: Cluster, number: str) -> dict[str, Any]:
    """The timestamp of a deposit, once there is one; the test's own time-out ends it."""
    async with httpx.AsyncClient(base_url=cluster.gateway_url()) as http:
        while True:
            told: dict[str, Any] = (await http.get(f"/v1/evidence/{number}/timestamp")).json()
            if told.get("timestamped"):
                return told
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.timeout(300)
async def test_a_deposit_of_a_devnet_is_timestamped(tmp_path: Path, devnet_database: str) -> None:
    """Deposited, stamped by the devnet's own service, verified by OpenSSL with its anchors."""
    async with Cluster(tmp_path / "devnet", 1, 1, database=devnet_database) as cluster:
        headers = {"authorization": f"Bearer {cluster.api_key}", "idempotency-key": "one"}
        async with httpx.AsyncClient(base_url=cluster.gateway_url(), headers=headers) as http:
            body = {"digests": {"sha256": "ab" * 32}, "size": 3}
            made = await http.post("/v1/anchors", json=body, timeout=60)
        assert made.status_code == 201, made.text
        told = await stamped(cluster, made.json()["evidence_no"])
        anchors = cluster.places.anchors
    (token,), (signed,) = told["tokens"], told["signatures"]
    assert token["independent"] is False
    assert token["body"] == signed["body"]
    (tmp_path / "body").write_text(token["body"])
    for name, text in (("tsr", token["response"]), ("p7s", signed["p7s"]), ("sm2", signed["sm2"])):
        (tmp_path / name).write_bytes(base64.b64decode(text))
    for certificate in parse_certificates(signed["certificates"].encode())[-1:]:
        (tmp_path / "sm2.pem").write_bytes(format_certificates([certificate]))
    key = openssl(tmp_path, "x509 -in sm2.pem -noout -pubkey")
    (tmp_path / "sm2.pub").write_text(key.text)
    for command in (
        f"ts -verify -data body -in tsr -CAfile {anchors}/tsa-root.pem",
        "cms -verify -binary -inform DER -purpose any -in p7s -content body -out /dev/null"
        f" -CAfile {anchors}/platform-p256-root.pem",
        f"verify -vfyopt {DISTID} -CAfile {anchors}/platform-sm2-root.pem sm2.pem",
        f"dgst -sm3 -verify sm2.pub -sigopt {DISTID} -signature sm2 body",
    ):
        said = openssl(tmp_path, command)
        assert said.ok, said.text
