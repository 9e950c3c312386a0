"""ECDSA on P-256 with SHA-256 (FIPS 186-5), by `cryptography`, in the one spelling of `curve`.

If (r, s) is a signature so is (r, n - s): only the one with s <= n/2 is accepted, so that nobody
but the signer can turn one signature into another. Signing is deterministic (RFC 6979). A private
key is the scalar, 32 bytes big-endian, from 1 to n - 1.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.evidence import curve

PUBLIC_KEY_SIZE = curve.PUBLIC_KEY_SIZE
PRIVATE_KEY_SIZE = curve.SCALAR_SIZE
SIGNATURE_SIZES = curve.SIGNATURE_SIZES

CURVE = curve.Curve(
    spki=bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)
_S_MAX = CURVE.n // 2
_POINT_SIZE = 1 + 2 * curve.SCALAR_SIZE


def key_fault(raw: bytes) -> str | None:
    """Why these 91 bytes are no public key."""
    return CURVE.key_fault(raw)


def signature_fault(signature: bytes) -> str | None:
    """Why these bytes are no signature of anything."""
    return CURVE.signature_fault(signature, _S_MAX)


def holds(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the equation holds."""
    point = raw[-_POINT_SIZE:]
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def signer(private: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The public key of a private one, and what signs with it."""
    key = ec.derive_private_key(int.from_bytes(private), ec.SECP256R1())

    def sign(message: bytes) -> bytes:
        algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)
        numbers = curve.read_signature(key.sign(message, algorithm))
        assert numbers is not None
        r, s = numbers
        return curve.write_signature(r, min(s, CURVE.n - s))

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return public, sign
