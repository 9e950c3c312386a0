"""In place of `node.evidence.sm2`: the same rules for keys and signatures, the equation in plain
integers instead of OpenSSL's. It is always there, so nothing is ever left unchecked for want of it.
"""

from __future__ import annotations

from node.evidence import curve
from node.export.kit.standin import weierstrass

PUBLIC_KEY_SIZE = curve.PUBLIC_KEY_SIZE
PRIVATE_KEY_SIZE = curve.SCALAR_SIZE
SIGNATURE_SIZES = curve.SIGNATURE_SIZES
IDENTITY = b"1234567812345678"

CURVE = curve.Curve(
    spki=bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
    p=weierstrass.SM2.p,
    b=weierstrass.SM2.b,
    n=weierstrass.SM2.n,
)


class Sm2Missing(Exception):
    """Never raised here."""


def is_available() -> bool:
    """Always."""
    return True


def key_fault(raw: bytes) -> str | None:
    """Why these 91 bytes are no public key."""
    return CURVE.key_fault(raw)


def signature_fault(signature: bytes) -> str | None:
    """Why these bytes are no signature of anything."""
    return CURVE.signature_fault(signature)


def holds(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the equation holds."""
    numbers = curve.read_signature(signature)
    if numbers is None:
        return False
    x, y = int.from_bytes(raw[-64:-32], "big"), int.from_bytes(raw[-32:], "big")
    return weierstrass.sm2_holds((x, y), message, *numbers, IDENTITY)
