"""The stand-ins for libraries: published vectors, our edges, and the tests' own twins.

What verify.py says of a signature is asked of verify.py itself, with all its rules in front: a
fresh Python that has nothing but that file.
"""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.evidence import p256, sm2
from node.evidence.curve import read_signature
from node.evidence.keys import ED25519, P256, SM2, Signer
from node.export.kit.files import kit
from node.export.kit.standin import edwards, rsa, weierstrass
from node.export.kit.standin.cryptography import ECDSA as ECDSA_OVER
from node.export.kit.standin.cryptography import SHA384, InvalidSignature, load_der_public_key
from node.export.kit.standin.sm3 import Sm3, sm3

VECTORS = Path(__file__).parents[3] / "vectors"
ED_EDGES = json.loads((VECTORS / "ed25519-edges.json").read_text())["cases"]
CURVE_EDGES = json.loads((VECTORS / "curve-edges.json").read_text())["cases"]
_DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
import verify
verify.install()
from node.evidence.keys import BadSignature, PublicKey, Signature, verify as check
from node.evidence.malformed import Malformed
def holds(algorithm, key, message, signature):
    try:
        check(PublicKey(algorithm, key), message, Signature(algorithm, signature))
    except (BadSignature, Malformed):
        return False
    return True
cases = json.load(sys.stdin)
json.dump([holds(each[0], *map(bytes.fromhex, each[1:])) for each in cases], sys.stdout)
"""

Case = tuple[str, str, str, str]
"""Algorithm, key, message and signature, the last three in hex."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Case]], list[bool]]:
    """Whether verify.py takes these signatures."""
    folder = tmp_path_factory.mktemp("kit")
    (folder / "verify.py").write_bytes(kit()["verify.py"])

    def ask(cases: list[Case]) -> list[bool]:
        command = [sys.executable, "-I", "-c", _DRIVER, str(folder)]
        done = subprocess.run(
            command, input=json.dumps(cases), capture_output=True, text=True, check=True
        )
        found: list[bool] = json.loads(done.stdout)
        return found

    return ask


def test_edges(asked: Callable[[list[Case]], list[bool]]) -> None:
    edges = [(ED25519, each) for each in ED_EDGES] + [(c["suite"], c) for c in CURVE_EDGES]
    found = asked([(alg, c["key"], c["message"], c["signature"]) for alg, c in edges])
    assert found == [each["valid"] for _, each in edges]
    assert {True, False} == set(found)


def test_wycheproof_ed25519(
    asked: Callable[[list[Case]], list[bool]], published_json: Callable[[str], Any]
) -> None:
    vectors = published_json("wycheproof/ed25519_test.json")
    cases = [
        (ED25519, group["publicKey"]["pk"], test["msg"], test["sig"])
        for group in vectors["testGroups"]
        for test in group["tests"]
    ]
    results = [test["result"] for group in vectors["testGroups"] for test in group["tests"]]
    assert asked(cases) == [each == "valid" for each in results]


def test_wycheproof_p256(
    asked: Callable[[list[Case]], list[bool]], published_json: Callable[[str], Any]
) -> None:
    """The rule takes s in the lower half alone; the arithmetic behind it takes both."""
    vectors = published_json("wycheproof/ecdsa_secp256r1_sha256_test.json")
    cases, expected, high = [], [], 0
    for group in vectors["testGroups"]:
        key = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
        for test in group["tests"]:
            signature = bytes.fromhex(test["sig"])
            numbers = read_signature(signature)
            low = numbers is not None and numbers[1] <= p256.CURVE.n // 2
            cases.append((P256, group["publicKeyDer"], test["msg"], test["sig"]))
            expected.append(test["result"] == "valid" and low)
            high += test["result"] == "valid" and not low
            held = _holds(key, bytes.fromhex(test["msg"]), signature)
            assert held is (test["result"] == "valid"), test["tcId"]
    assert asked(cases) == expected
    assert high > 20


def _holds(key: Any, message: bytes, signature: bytes) -> bool:
    from node.export.kit.standin.cryptography import SHA256

    try:
        key.verify(signature, message, ECDSA_OVER(SHA256()))
    except InvalidSignature:
        return False
    return True


def test_the_example_of_the_sm2_standard(
    asked: Callable[[list[Case]], list[bool]], published_json: Callable[[str], Any]
) -> None:
    vector = published_json("sm2-sm3/sm2.json")["sm2_gbt32918_5_example"]
    message = vector["message"].encode().hex()
    key, signature = vector["spkiDER"], vector["sigDER"]
    assert asked([(SM2, key, message, signature), (SM2, key, message + "00", signature)]) == [
        True,
        False,
    ]


def made(seed: int) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """Signatures of our own, and each with one bit of key, message or signature changed."""
    dice = random.Random(seed)
    for algorithm in (ED25519, P256, SM2):
        for _ in range(4):
            signer = Signer(dice.randbytes(31) + b"\x01", algorithm)
            message = dice.randbytes(dice.randrange(1, 200))
            parts = [signer.public.raw, message, signer.sign(message).raw]
            yield algorithm, parts[0], parts[1], parts[2]
            for at in range(3):
                changed = [bytearray(each) for each in parts]
                changed[at][dice.randrange(len(changed[at]))] ^= 1 << dice.randrange(8)
                yield algorithm, *map(bytes, changed)  # type: ignore[misc]


def test_what_we_sign_holds_and_nothing_else(asked: Callable[[list[Case]], list[bool]]) -> None:
    cases = list(made(7))
    found = asked([(alg, *(each.hex() for each in parts)) for alg, *parts in cases])  # type: ignore[misc]
    assert found == [True, False, False, False] * 12


def test_sm3_of_every_length() -> None:
    """GB/T 32905, annex A, and OpenSSL for every way in which a block can be full."""
    assert sm3(b"abc").hex().startswith("66c7f0f462eeedd9")
    assert sm3(b"abcd" * 16).hex().startswith("debe9ff92275b8a1")
    data = random.Random(1).randbytes(300)
    for size in range(300):
        assert sm3(data[:size]) == hashlib.new("sm3", data[:size]).digest(), size
    running = Sm3()
    for at in range(0, 300, 7):
        running.update(data[at : at + 7])
        assert running.digest() == sm3(data[: at + 7])


def test_curves_have_the_order_they_say() -> None:
    for curve in (weierstrass.P256, weierstrass.P384, weierstrass.SM2):
        assert curve.has(curve.base)
        assert curve.sum_x(curve.n - 1, 1, curve.base) is None
        assert curve.sum_x(curve.n - 1, 2, curve.base) == curve.base[0]
        assert curve.sum_x(curve.n - 1, 0, curve.base) == curve.base[0]
    for of_ours, theirs in ((weierstrass.P256, p256.CURVE), (weierstrass.SM2, sm2.CURVE)):
        assert (of_ours.p, of_ours.b, of_ours.n) == (theirs.p, theirs.b, theirs.n)


def test_keys_of_other_kinds_are_refused() -> None:
    good = Signer(bytes(31) + b"\x07", P256).public.raw
    for data in (b"", good[:-1], good + b"\0", good[:-1] + b"\0", Signer(bytes(32)).public.raw):
        with pytest.raises(ValueError, match=r"key|point"):
            load_der_public_key(data)
    assert not edwards.holds(b"\xff" * 32, b"", bytes(64))
    assert not rsa.holds(1 << 2047 | 1, 65537, b"", bytes(256), "sha256")


def test_rsa_and_p384_as_cryptography_signs_them() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric import rsa as theirs
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from node.export.kit.standin.cryptography import PKCS1v15, RSAPublicKey

    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    curve = ec.derive_private_key(7, ec.SECP384R1())
    signed = curve.sign(b"x", ec.ECDSA(hashes.SHA384()))
    key: Any = load_der_public_key(curve.public_key().public_bytes(*spki))
    key.verify(signed, b"x", ECDSA_OVER(SHA384()))
    with pytest.raises(InvalidSignature):
        key.verify(signed, b"y", ECDSA_OVER(SHA384()))
    private = theirs.generate_private_key(65537, 2048)
    signature = private.sign(b"x", padding.PKCS1v15(), hashes.SHA384())
    read = load_der_public_key(private.public_key().public_bytes(*spki))
    assert isinstance(read, RSAPublicKey)
    assert read.key_size == 2048
    read.verify(signature, b"x", PKCS1v15(), SHA384())
    for message, made_of in ((b"y", signature), (b"x", b"\0" + signature), (b"x", signature[1:])):
        with pytest.raises(InvalidSignature):
            read.verify(made_of, message, PKCS1v15(), SHA384())
