"""The integrator's vectors: what the product's writers make, and what they say computed anew with
the standard library and a signature library, after the documents and without the product."""

import base64
import hashlib
import importlib.util
import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

VECTORS = Path(__file__).parents[1] / "vectors"
FOLDER = VECTORS / "integrator"
ROOT = VECTORS.parents[1]


@pytest.fixture(scope="module")
def vectors() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "vectors.json").read_text())
    return found


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"ed25519:{base64.b64encode(raw).decode()}"


def signed(private_key: str, message: bytes) -> tuple[str, str]:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private_key))
    return public(key), f"ed25519:{base64.b64encode(key.sign(message)).decode()}"


def root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, of leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


def test_they_are_what_the_product_makes() -> None:
    path = VECTORS / "make_integrator.py"
    spec = importlib.util.spec_from_file_location("make_integrator", path)
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = maker
    spec.loader.exec_module(maker)
    made = maker.files()
    assert made == {each.name: each.read_bytes() for each in FOLDER.iterdir()}


def test_items(vectors: Any) -> None:
    for case in vectors["items"]:
        details = case["details"]
        preimage = b"".join(
            [
                f"cunzheng/item/v1 {case['alg']}\n".encode(),
                bytes.fromhex(case["salt"]),
                *(bytes.fromhex(case["digests"][alg]) for alg in case["alg"].split("+")),
                struct.pack(">Q", case["size"]),
                bytes(32) if details is None else sha256(details.encode()),
            ]
        )
        assert preimage.hex() == case["preimage"]
        assert sha256(preimage).hex() == case["item"]
        if case["content"] is not None and "sha256" in case["digests"]:
            content = bytes.fromhex(case["content"])
            assert sha256(content).hex() == case["digests"]["sha256"]
            assert len(content) == case["size"]


def test_pages(vectors: Any) -> None:
    for case in vectors["pages"]:
        packed, size = bytes.fromhex("".join(case["items"])), 32 * case["page"]
        pages = [packed[at : at + size] for at in range(0, len(packed), size)]
        leaves = [sha256(b"\x00" + page) for page in pages]
        assert [page.hex() for page in pages] == case["pages"]
        assert [leaf.hex() for leaf in leaves] == case["leaf_hashes"]
        assert root(leaves).hex() == case["items_root"]


def test_statements(vectors: Any) -> None:
    for case in vectors["statements"]:
        statement = case["statement"].encode()
        tag, _, value = statement.partition(b" ")
        fields = json.loads(value)
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
        assert (tag, canonical) == (b"cunzheng/statement/v1", value)
        assert sha256(statement).hex() == case["statement_id"]
        assert case["receipt_number"] == case["statement_id"][:32]
        key, signature = signed(case["private_key"], statement)
        assert key == fields["key"] == case["public_key"]
        assert signature == case["signature"]


def test_receipts(vectors: Any) -> None:
    origins = {json.loads(c["statement"].split(" ", 1)[1])["origin"] for c in vectors["statements"]}
    for case in vectors["receipts"]:
        tag, _, value = case["signed"].partition(" ")
        assert tag == "cunzheng/receipt/v1"
        told = json.loads(value)
        assert {told["origin"]} == origins
        assert (told["accepted_at"], told["statement"]) == (
            case["accepted_at"],
            case["statement_id"],
        )
        raw = base64.b64decode(case["gateway"].removeprefix("ed25519:"))
        signature = base64.b64decode(case["signature"].removeprefix("ed25519:"))
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, case["signed"].encode())


def test_requests(vectors: Any) -> None:
    for case in vectors["requests"]:
        body = sha256(case["body"].encode()).hex()
        message = "".join(
            f"{line}\n"
            for line in (
                "cunzheng/request/v1",
                f"origin {case['origin']}",
                f"method {case['method']}",
                f"target {case['target']}",
                f"body {body}",
                *(f"idempotency-key {case[name]}" for name in ("idempotency_key",) if name in case),
                f"time {case['time']}",
                f"nonce {case['nonce']}",
            )
        )
        key, signature = signed(case["private_key"], message.encode())
        assert case["authorization"] == (
            f'Cunzheng-Signature key="{key}", time="{case["time"]}", nonce="{case["nonce"]}", '
            f'body="{body}", signature="{signature}"'
        )


def test_numbers(vectors: Any) -> None:
    """ISO 7064 MOD 97-10 over the number with E=14 and V=31: the remainder is 1."""
    for case in vectors["numbers"]:
        number = case["evidence_no"]
        digits = number[2:].replace("-", "")
        assert int(f"1431{digits}") % 97 == 1, number
        assert int(digits[8:20]) == case["ordinal"]
    assert {case["evidence_no"][2:10] for case in vectors["numbers"]} == {"20261120", "20261121"}


def test_proofs_are_of_their_own_file_alone(vectors: Any) -> None:
    for case in vectors["proofs"]:
        own = case["proof"] == f"{case['file']}.proof.txt"
        assert case["code"] == ("V001" if own else "V102")


def test_every_part_is_described() -> None:
    text = (ROOT / "docs" / "integrating.md").read_text("utf-8")
    told = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    parts = json.loads((FOLDER / "vectors.json").read_text("utf-8"))
    assert told == list(parts)
