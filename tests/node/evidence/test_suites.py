"""P-256 and SM2: published vectors, a plain twin of both, one spelling of everything."""

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence import curve, p256, sm2
from node.evidence.curve import read_signature, write_signature
from node.evidence.keys import (
    P256,
    SM2,
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
twin = SimpleNamespace(**runpy.run_path(str(VECTORS / "weierstrass_twin.py")))
PRIVATE = bytes(range(32))
SUITES = {P256: p256, SM2: sm2}
TWINS = {P256: twin.P256, SM2: twin.SM2}

quick = settings(derandomize=True, deadline=None, max_examples=15)
algorithms = pytest.mark.parametrize("algorithm", [P256, SM2])


def fault(key: PublicKey, message: bytes, signature: bytes) -> str | None:
    """What the product says of a signature, in the spelling it would have in an entry."""
    try:
        verify(key, message, Signature(key.algorithm, signature))
    except (Malformed, BadSignature) as error:
        return str(error)
    return None


def point_of(key: PublicKey) -> tuple[int, int]:
    return int.from_bytes(key.raw[-64:-32]), int.from_bytes(key.raw[-32:])


def holds(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """What the twin says of one that is spelled right."""
    numbers = read_signature(signature)
    assert numbers is not None
    if key.algorithm == P256:
        return twin.p256_holds(point_of(key), message, *numbers)
    return twin.sm2_holds(point_of(key), message, *numbers, sm2.IDENTITY)


# Published vectors


def test_wycheproof(published_json: Callable[[str], Any]) -> None:
    """All that are valid but for an s in the upper half, whose twin in the lower half is; of the
    invalid ones none, and neither is its lower twin."""
    vectors = published_json("wycheproof/ecdsa_secp256r1_sha256_test.json")
    seen, high = 0, 0
    for group in vectors["testGroups"]:
        key = PublicKey(P256, bytes.fromhex(group["publicKeyDer"]))
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            found, numbers = fault(key, message, signature), read_signature(signature)
            if test["result"] == "valid":
                assert numbers is not None
                r, s = numbers
                if s > p256.CURVE.n // 2:
                    assert found is not None
                    assert "upper half" in found, test["tcId"]
                    signature, high = write_signature(r, p256.CURVE.n - s), high + 1
                assert fault(key, message, signature) is None, test["tcId"]
            else:
                assert found is not None, test["tcId"]
                if numbers is not None and 0 < numbers[1] < p256.CURVE.n:
                    lower = write_signature(numbers[0], p256.CURVE.n - numbers[1])
                    assert fault(key, message, lower), test["tcId"]
            seen += 1
    assert seen == vectors["numberOfTests"]
    assert high > 20


def test_the_example_of_the_sm2_standard(published_json: Callable[[str], Any]) -> None:
    """GB/T 32918.5, annex A: the product accepts it, and the twin makes it."""
    vector = published_json("sm2-sm3/sm2.json")["sm2_gbt32918_5_example"]
    signer = Signer(bytes.fromhex(vector["privHex"]), SM2)
    assert signer.public.raw == bytes.fromhex(vector["spkiDER"])
    message, signature = vector["message"].encode(), bytes.fromhex(vector["sigDER"])
    assert fault(signer.public, message, signature) is None
    assert fault(signer.public, message + b".", signature) == "this key did not sign these bytes"
    identity, numbers = vector["id"].encode(), read_signature(signature)
    assert identity == sm2.IDENTITY
    point = int(vector["pubX"], 16), int(vector["pubY"], 16)
    assert twin.sm2_digest(point, message, identity) == int(vector["e"], 16)
    private, k = int(vector["privHex"], 16), int(vector["kHex"], 16)
    assert twin.sm2_sign(private, message, identity, k) == numbers


# Edges


EDGES = json.loads((VECTORS / "curve-edges.json").read_text())["cases"]


@pytest.mark.parametrize("case", EDGES, ids=[f"{c['suite']}: {c['comment']}" for c in EDGES])
def test_edges(case: dict[str, Any]) -> None:
    key, message, signature = (bytes.fromhex(case[n]) for n in ("key", "message", "signature"))
    try:
        found = fault(PublicKey(case["suite"], key), message, signature)
    except Malformed as error:
        found = str(error)
    assert (found is None) is case["valid"] is (case["fault"] is None), found


def test_edges_are_remade_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(VECTORS))
    make = runpy.run_path(str(VECTORS / "make_curve_edges.py"))
    assert make["as_json"]() == (VECTORS / "curve-edges.json").read_text()


def test_every_sentence_refuses_something() -> None:
    both = {"DER", "coordinate", "equation", "key DER", "off the curve", "range"}
    faults = {suite: {c["fault"] for c in EDGES if c["suite"] == suite} for suite in SUITES}
    assert faults == {P256: both | {None, "upper half"}, SM2: both | {None, "t is 0"}}


# The twin


@algorithms
@quick
@given(st.integers(1, 2**250), st.binary(max_size=40))
def test_signing_agrees_with_the_twin(algorithm: str, private: int, message: bytes) -> None:
    signer, other = Signer(private.to_bytes(32), algorithm), TWINS[algorithm]
    assert point_of(signer.public) == other.multiply(private, other.base)
    signature = signer.sign(message)
    verify(signer.public, message, signature)
    assert holds(signer.public, message, signature.raw)
    assert not holds(signer.public, message + b".", signature.raw)
    if algorithm == P256:
        assert signature == signer.sign(message)


@quick
@given(st.integers(1, 2**250), st.integers(1, 2**250), st.binary(max_size=40))
def test_what_the_twin_signs_holds(private: int, k: int, message: bytes) -> None:
    signature = write_signature(*twin.sm2_sign(private, message, sm2.IDENTITY, k))
    key = Signer(private.to_bytes(32), SM2).public
    assert fault(key, message, signature) is None
    other = write_signature(*twin.sm2_sign(private, message, b"", k))
    assert fault(key, message, other) == "this key did not sign these bytes"


@algorithms
def test_odd_numbers_are_refused_as_by_the_twin(algorithm: str) -> None:
    """r + s = n among them, which GB/T 32918.2 refuses on its own."""
    key, n = Signer(PRIVATE, algorithm).public, SUITES[algorithm].CURVE.n
    for r in (1, 2, n // 2, n - 2, n - 1):
        for s in (1, 2, n // 2, n - r):
            signature = write_signature(r, s)
            assert fault(key, b"m", signature) is not None
            assert not holds(key, b"m", signature)


# One spelling


@algorithms
def test_a_public_key_has_one_spelling(algorithm: str) -> None:
    key = Signer(PRIVATE, algorithm).public
    assert parse_public_key(key.text) == key
    assert len(key.raw) == curve.PUBLIC_KEY_SIZE
    limit = SUITES[algorithm].CURVE.p
    x, y = point_of(key)
    good = key.raw[:-64]
    for raw, why in (
        (key.raw[:-1], "90 bytes"),
        (key.raw + b"\0", "92 bytes"),
        (good[:-1] + b"\2" + key.raw[-64:], "SubjectPublicKeyInfo"),
        (b"\x31" + key.raw[1:], "SubjectPublicKeyInfo"),
        (good + bytes(64), "not a point"),
        (good + x.to_bytes(32) + (y + 1).to_bytes(32), "not a point"),
        (good + y.to_bytes(32) + x.to_bytes(32), "not a point"),
        (good + limit.to_bytes(32) + y.to_bytes(32), "field"),
        (good + x.to_bytes(32) + b"\xff" * 32, "field"),
    ):
        with pytest.raises(Malformed, match=why):
            PublicKey(algorithm, raw)


def test_the_same_point_is_no_key_of_the_other_curve() -> None:
    for mine, other in ((P256, SM2), (SM2, P256)):
        raw = Signer(PRIVATE, mine).public.raw
        with pytest.raises(Malformed, match="SubjectPublicKeyInfo"):
            PublicKey(other, raw)
        with pytest.raises(Malformed, match="not a point"):
            PublicKey(other, SUITES[other].CURVE.spki + raw[-64:])


def other_spellings(r: int, s: int) -> Iterator[bytes]:
    """BER and near-DER of one signature, as readers are known to take them."""
    one, two = (x.to_bytes(33).lstrip(b"\0") or b"\0" for x in (r, s))
    pad = [b"\0" + x if x[0] & 0x80 else x for x in (one, two)]
    body = b"".join(b"\2" + bytes([len(x)]) + x for x in pad)
    good = b"\x30" + bytes([len(body)]) + body
    assert good == write_signature(r, s)
    long = b"\2" + bytes([len(pad[0]) + 1]) + b"\0" + pad[0] + body[2 + len(pad[0]) :]
    yield b"\x30" + bytes([len(long)]) + long  # a zero byte too many
    yield b"\x30\x81" + good[1:]  # a long length
    yield b"\x30\x80" + body + b"\0\0"  # an open length
    yield good + b"\0"
    yield good[:-1]
    yield b"\x31" + good[1:]
    yield good[:2] + b"\x03" + good[3:]
    yield b"\x30" + bytes([len(body) + 1]) + body
    yield one.rjust(32, b"\0") + two.rjust(32, b"\0")  # r || s, as COSE and browsers write it
    yield b""


@algorithms
def test_a_signature_has_one_spelling(algorithm: str) -> None:
    signer = Signer(PRIVATE, algorithm)
    signature = signer.sign(b"m")
    assert parse_signature(format_signature(signature)) == signature
    numbers = read_signature(signature.raw)
    assert numbers is not None
    for other in other_spellings(*numbers):
        assert read_signature(other) is None
        assert fault(signer.public, b"m", other) is not None
    (r, s), n = numbers, SUITES[algorithm].CURVE.n
    for wrong in ((0, s), (r, 0), (n, s), (r, n), (r + n, s), (r, s + n)):
        found = fault(signer.public, b"m", write_signature(*wrong))
        assert found in ("r or s is not from 1 to n - 1", "not two integers in their one DER")


@given(st.binary(max_size=80))
def test_what_is_read_is_written_back(data: bytes) -> None:
    numbers = read_signature(data)
    assert numbers is None or write_signature(*numbers) == data


def test_a_signature_of_another_suite_is_none() -> None:
    """Also where its bytes would hold: the word in front of them is part of what is signed for."""
    keys = [Signer(PRIVATE), Signer(PRIVATE, P256), Signer(PRIVATE, SM2)]
    for mine in keys:
        for other in keys:
            if mine is not other:
                with pytest.raises(BadSignature, match="not the algorithm"):
                    verify(mine.public, b"m", other.sign(b"m"))


def test_sizes_are_checked_when_a_signature_is_read() -> None:
    for text in ("p256:" + "A" * 8, "sm2:" + "A" * 100, "p256:", "p256:A"):
        with pytest.raises(Malformed, match="signature"):
            parse_signature(text)


def test_no_index_key_begins_with_another() -> None:
    """An Ed25519 key may be any 32 bytes that are spelled right, also those a DER begins with."""
    keys = [Signer(PRIVATE).public, Signer(PRIVATE, P256).public, Signer(PRIVATE, SM2).public]
    keys += [PublicKey("ed25519", key.raw[:32]) for key in keys[1:]]
    for one in keys:
        for other in keys:
            assert one is other or not other.index_key.startswith(one.index_key)


# Machines without SM2


@pytest.fixture
def no_sm2(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sm2, "LIBRARIES", ("libcrypto.so.0",))
    sm2.library.cache_clear()
    yield
    sm2.library.cache_clear()


def test_a_libcrypto_without_sm2_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As some distributions build it: there, but SM2 left out."""

    class Built:
        """A libcrypto that knows no algorithm by name."""

        def __getattr__(self, name: str) -> Any:
            return lambda *_: None

    assert sm2.is_available()
    monkeypatch.setattr(sm2, "CDLL", lambda name: Built())
    sm2.library.cache_clear()
    try:
        assert not sm2.is_available()
    finally:
        sm2.library.cache_clear()


def test_without_sm2_nothing_is_said_about_a_signature(no_sm2: None) -> None:
    private = int.from_bytes(PRIVATE)
    point = twin.SM2.multiply(private, twin.SM2.base)
    key = PublicKey(SM2, sm2.CURVE.spki + b"".join(x.to_bytes(32) for x in point))
    signature = write_signature(*twin.sm2_sign(private, b"m", sm2.IDENTITY, 7))
    assert not sm2.is_available()
    with pytest.raises(sm2.Sm2Missing, match="install OpenSSL 3"):
        verify(key, b"m", Signature(SM2, signature))
    with pytest.raises(sm2.Sm2Missing):
        Signer(PRIVATE, SM2)
    with pytest.raises(BadSignature):  # What is misspelled is misspelled anywhere.
        verify(key, b"m", Signature(SM2, signature + b"\0"))
