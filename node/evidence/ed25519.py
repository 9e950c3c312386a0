"""Ed25519 (RFC 8032), by libsodium behind one strict rule.

Verifiers of Ed25519 disagree at the edges, and members that disagree about a signature disagree
about the chain. One rule is fixed, and every verifier we ship must give its verdicts (the vectors
are tests/vectors/ed25519-edges.json). A signature R || S by key A is valid exactly if

 1. S < L: otherwise S + L would be a second signature;
 2. A and R are canonical: the y inside is below p, so one point has one spelling;
 3. neither A nor R has small order: such a key accepts one signature for many messages;
 4. the equation holds without the cofactor: encode([S]B - [k]A) is R byte for byte, where
    k = SHA-512(R || A || message) mod L.

1 to 3 are checked here before the library is called, 4 is what libsodium computes. (A cofactored
verifier compares after multiplying by 8 and accepts more signatures; the vectors have such ones, so
that a libsodium which changed its mind would be noticed.)

A private key is the 32 bytes RFC 8032 calls so; signing is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

PUBLIC_KEY_SIZE = 32
PRIVATE_KEY_SIZE = 32
SIGNATURE_SIZE = 64
SIGNATURE_SIZES = range(SIGNATURE_SIZE, SIGNATURE_SIZE + 1)

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

# An order-8 point doubles to one of order 4, whose y is 0; by the addition law that is x^2 = -y^2,
# and with the curve equation d*y^4 + 2*y^2 - 1 = 0 (mod p), solved by y = +-_Y8 and nothing else.
_Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The eight points of small order by their y: the neutral point (1), order 2 (-1), two of order 4
# (0), four of order 8. With the sign bit ignored this also covers x = 0 written with sign 1.
_SMALL_ORDER_Y = frozenset({1, _P - 1, 0, _Y8, _P - _Y8})


def key_fault(raw: bytes) -> str | None:
    """Why these 32 bytes may not be enrolled (rules 2 and 3).

    Whether they are a point of the curve at all shows when verifying: without it nothing verifies.
    """
    y = int.from_bytes(raw, "little") & (_SIGN_BIT - 1)
    if y >= _P:
        return "not the canonical encoding of a point"
    if y in _SMALL_ORDER_Y:
        return "a point of small order"
    return None


def signature_fault(signature: bytes) -> str | None:
    """Why these 64 bytes are no signature of anything (rules 1 to 3)."""
    if int.from_bytes(signature[32:], "little") >= _L:
        return "S is not below the group order"
    fault = key_fault(signature[:32])
    return f"R: {fault}" if fault else None


def holds(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Rule 4."""
    try:
        VerifyKey(raw).verify(message, signature)
    except BadSignatureError:
        return False
    return True


def signer(private: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The public key of a private one, and what signs with it."""
    key = SigningKey(private)
    return bytes(key.verify_key), lambda message: key.sign(message).signature
