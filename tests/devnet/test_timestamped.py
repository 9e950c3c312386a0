"""Real processes: what a devnet publishes is signed and stamped, and stock tools verify it."""

import asyncio
import base64
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.cluster import Cluster
from node.evidence.steps import Anchor
from node.evidence.verdict import Outcome
from node.export.bundle import layout
from node.export.bundle.checking import check_bundle
from node.export.bundle.trust import Trust, trust_of
from node.export.certificate.validation import judge_signatures
from node.export.signing.certificate import format_certificates, parse_certificates
from node.export.vouching import vouching
from tests.node.export.nss import pdfsig_trusting
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


async def exported(http: httpx.AsyncClient, number: str) -> bytes:
    """The archive of a deposit's bundle, once it is made."""
    path = f"/v1/evidence/{number}/bundles"
    asked = await http.post(path, json={}, headers={"idempotency-key": "bundle"})
    place = f"{path}/{asked.raise_for_status().json()['bundle_id']}"
    while True:
        told = (await http.get(place)).raise_for_status().json()
        if told["state"] == "READY":
            return (await http.get(told["download"])).raise_for_status().content
        assert told["state"] != "FAILED", told
        await asyncio.sleep(0.2)


def anchored(places: Any) -> Trust:
    """What a court would have from elsewhere."""
    roots = [(path.name, path.read_bytes()) for path in sorted(places.anchors.glob("*.pem"))]
    fingerprint = (places.anchors / "policy-fingerprint.txt").read_text().strip()
    return trust_of(Anchor(fingerprint=fingerprint), roots)


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.timeout(300)
async def test_a_bundle_of_a_devnet_counts_with_its_anchors(
    tmp_path: Path, devnet_database: str
) -> None:
    """Steps 7 and 8 pass, and its certificate is a PDF signed with an authority's time, which
    pyHanko and poppler find valid and trust by the root; without the roots none of that counts."""
    async with Cluster(tmp_path / "devnet", 1, 1, database=devnet_database) as cluster:
        headers = {"authorization": f"Bearer {cluster.api_key}", "idempotency-key": "one"}
        url = cluster.gateway_url()
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
            body = {"digests": {"sha256": "ab" * 32}, "size": 3}
            made = (await http.post("/v1/anchors", json=body)).raise_for_status().json()
            await stamped(cluster, made["evidence_no"])
            archive = await exported(http, made["evidence_no"])
        trust = anchored(cluster.places)
    path, now_ms = tmp_path / "bundle.zip", time.time_ns() // 1_000_000
    path.write_bytes(archive)
    outcomes = {}
    for roots, each in (("all", trust), ("none", Trust(trust.anchor))):
        checked = check_bundle(path, each, verifiers=vouching(now_ms // 1000))
        (one,) = checked.deposits
        assert one.verdict.consistent, checked.to_json()
        found = (*one.verdict.findings, *checked.findings)
        outcomes[roots] = {finding.outcome for finding in found if finding.step in (7, 8)}
    assert outcomes == {"all": {Outcome.PASSED}, "none": {Outcome.NOT_CHECKED}}
    opened = zipfile.ZipFile(io.BytesIO(archive))
    (name,) = [each for each in opened.namelist() if each.endswith(f"/{layout.CERTIFICATE_PDF}")]
    pdf = tmp_path / "certificate.pdf"
    pdf.write_bytes(opened.read(name))
    judged = await asyncio.to_thread(judge_signatures, pdf.read_bytes(), trust, now_ms)
    assert [each.outcome for each in judged] == [Outcome.PASSED] * 2, judged
    root = (cluster.places.anchors / "platform-p256-root.pem").read_bytes()
    said = await asyncio.to_thread(pdfsig_trusting, root, pdf, tmp_path)
    assert "Signature is Valid" in said
    assert "Certificate is Trusted" in said
    assert "Total document signed" in said
