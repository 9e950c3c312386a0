"""One verdict on every odd signature: the product's rule, a plain twin of it, published vectors."""

import json
import runpy
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence import ed25519
from node.evidence.keys import (
    ED25519,
    BadSignature,
    PublicKey,
    Signature,
    Signer,
    format_signature,
    parse_public_key,
    parse_signature,
    verify,
)
from node.evidence.malformed import Malformed

VECTORS = Path(__file__).parents[2] / "vectors"
twin = SimpleNamespace(**runpy.run_path(str(VECTORS / "ed25519_twin.py")))
EDGES = json.loads((VECTORS / "ed25519-edges.json").read_text())["cases"]
SEED = bytes(range(32))

quick = settings(derandomize=True, deadline=None, max_examples=40)


def fault(key: bytes, message: bytes, signature: bytes) -> str | None:
    """What the product says; a key that may not be enrolled is a verdict too."""
    try:
        verify(PublicKey(ED25519, key), message, Signature(ED25519, signature))
    except (Malformed, BadSignature) as error:
        return str(error)
    return None


@pytest.mark.parametrize("case", EDGES, ids=[case["comment"] for case in EDGES])
def test_edges(case: dict[str, Any]) -> None:
    key, message, signature = (bytes.fromhex(case[n]) for n in ("key", "message", "signature"))
    assert twin.fault(key, message, signature) == case["fault"]
    assert (fault(key, message, signature) is None) is case["valid"] is (case["fault"] is None)


def test_edges_are_remade_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(VECTORS))
    make = runpy.run_path(str(VECTORS / "make_ed25519_edges.py"))
    assert make["as_json"]() == (VECTORS / "ed25519-edges.json").read_text()


def test_edges_cover_what_verifiers_disagree_about() -> None:
    """Every sentence of the rule refuses something, and both careless schools are caught."""
    assert {case["fault"] for case in EDGES} == {
        None,
        "length",
        "S range",
        "equation",
        *(
            f"{point} {why}"
            for point in "AR"
            for why in ("encoding", "off the curve", "small order")
        ),
    }
    refused = [case for case in EDGES if not case["valid"]]
    assert any(case["cofactorless"] for case in refused)
    assert any(case["cofactored"] and not case["cofactorless"] for case in refused)


def test_wycheproof(published_json: Callable[[str], Any]) -> None:
    vectors = published_json("wycheproof/ed25519_test.json")
    seen = 0
    for group in vectors["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            expected = test["result"] == "valid"
            assert (fault(key, message, signature) is None) is expected, test["tcId"]
            assert (twin.fault(key, message, signature) is None) is expected, test["tcId"]
            seen += 1
    assert seen == vectors["numberOfTests"]


@quick
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64))
def test_signing_agrees_with_the_twin(seed: bytes, message: bytes) -> None:
    signer = Signer(seed)
    assert signer.public.raw == twin.public_key(seed)
    assert signer.sign(message).raw == twin.sign(seed, message)
    verify(signer.public, message, signer.sign(message))


@quick
@given(
    st.binary(min_size=32, max_size=32), st.binary(max_size=8), st.binary(min_size=64, max_size=64)
)
def test_verdicts_agree_with_the_twin(key: bytes, message: bytes, signature: bytes) -> None:
    assert (fault(key, message, signature) is None) is (twin.fault(key, message, signature) is None)


def test_the_list_of_small_order_points_is_complete() -> None:
    """As derived in the source: 8 kills them, and two y solve d*y^4 + 2*y^2 - 1 = 0."""
    p, d = twin.P, twin.D
    assert len(ed25519._SMALL_ORDER_Y) == 5
    points = set()
    for y in ed25519._SMALL_ORDER_Y:
        for sign in (0, 1):
            point = twin.decode((y | sign << 255).to_bytes(32, "little"))
            assert twin.multiply(8, point) == twin.NEUTRAL
            points.add(point)
    assert len(points) == 8  # The torsion subgroup is cyclic of order 8: these are all of it.
    roots = [y for y in ed25519._SMALL_ORDER_Y if (d * pow(y, 4, p) + 2 * y * y - 1) % p == 0]
    assert len(roots) == 2


def test_public_key_text() -> None:
    key = Signer(SEED).public
    assert parse_public_key(key.text) == key
    assert key.text.startswith("ed25519:")
    assert len(key.text) == 8 + 44


GOOD = Signer(SEED).public.text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no algorithm"),
        (GOOD.removeprefix("ed25519:"), "no algorithm"),
        (GOOD.replace("ed25519", "ED25519"), "unknown algorithm"),
        (GOOD.replace("ed25519", "p256"), "32 bytes instead of 91"),
        (GOOD.replace("ed25519", "sm2"), "32 bytes instead of 91"),
        (GOOD.replace("ed25519", "mldsa44"), "unknown algorithm"),
        (GOOD[:-1], "not base64"),
        (GOOD + "\n", "base64"),
        (GOOD[:-2] + "h=", "spelling"),
        (GOOD.replace("/", "_"), "base64"),
        ("ed25519:AAAA", "3 bytes"),
        ("ed25519:\u0660AAA", "base64"),
        ("ed25519:" + "A" * 43 + "=", "small order"),
        ("ed25519:" + "/" * 42 + "8=", "canonical"),
    ],
)
def test_public_key_text_refused(text: str, why: str) -> None:
    with pytest.raises(Malformed, match=why) as caught:
        parse_public_key(text)
    assert caught.value.where == "public key"
    assert why in caught.value.why
    assert caught.value.newer == text.startswith("mldsa44:")


def test_a_key_is_checked_at_birth() -> None:
    with pytest.raises(Malformed, match="31 bytes"):
        PublicKey(ED25519, bytes(31))
    with pytest.raises(Malformed, match="unknown algorithm"):
        PublicKey("rsa", Signer(SEED).public.raw)


def test_signature_text() -> None:
    signature = Signer(SEED).sign(b"m")
    assert parse_signature(format_signature(signature)) == signature
    with pytest.raises(Malformed, match="signature: 32 bytes instead of 64"):
        parse_signature("ed25519:" + GOOD.removeprefix("ed25519:"))


@quick
@given(st.text(max_size=60))
def test_hostile_text_raises_only_malformed(text: str) -> None:
    for hostile in (text, "ed25519:" + text):
        with suppress(Malformed):
            assert parse_public_key(hostile).text == hostile
        with suppress(Malformed):
            assert format_signature(parse_signature(hostile)) == hostile


def test_a_signer_does_not_show_its_seed() -> None:
    signer = Signer(SEED)
    assert repr(signer) == f"Signer({signer.public.text})"
    assert SEED.hex() not in repr(signer) + str(signer)
    assert not hasattr(signer, "__dict__")
