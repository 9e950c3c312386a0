"""What P-256 and SM2 have in common: keys on a short Weierstrass curve, signatures of two integers.

Both are written in DER, and libraries read many spellings of one thing. Here there is one:

    public key   SubjectPublicKeyInfo, always the same 26 bytes of it, then the uncompressed point
                 04 || x[32] || y[32] with x, y < p, on the curve y^2 = x^3 - 3x + b (mod p); the
                 point at infinity has no such spelling, and the cofactor is 1
    signature    SEQUENCE of INTEGER r, INTEGER s, each in its shortest form, 0 < r, s < n

Every verifier we ship must give the verdicts of tests/vectors/curve-edges.json.

    >>> write_signature(1, 200).hex()
    '3007020101020200c8'
    >>> read_signature(write_signature(1, 200))
    (1, 200)
"""

from __future__ import annotations

from dataclasses import dataclass

SCALAR_SIZE = 32
PUBLIC_KEY_SIZE = 91
SIGNATURE_SIZES = range(8, 73)
"""Two integers of 1 to 33 bytes, each with two bytes before it, and two before both."""

_POINT_AT = PUBLIC_KEY_SIZE - 2 * SCALAR_SIZE
_INTEGER, _SEQUENCE = 0x02, 0x30


@dataclass(frozen=True, slots=True)
class Curve:
    """y^2 = x^3 - 3x + b over the integers mod p, of prime order n; `spki` is what stands before x
    in the DER of a public key."""

    spki: bytes
    p: int
    b: int
    n: int

    def key_fault(self, raw: bytes) -> str | None:
        """Why these 91 bytes are no public key."""
        if raw[:_POINT_AT] != self.spki:
            return "not the SubjectPublicKeyInfo of an uncompressed point of this curve"
        x = int.from_bytes(raw[_POINT_AT:-SCALAR_SIZE])
        y = int.from_bytes(raw[-SCALAR_SIZE:])
        if x >= self.p or y >= self.p:
            return "a coordinate is not below the field's size"
        if (y * y - (x * x - 3) * x - self.b) % self.p:
            return "not a point of the curve"
        return None

    def signature_fault(self, signature: bytes, s_max: int | None = None) -> str | None:
        """Why these bytes are no signature of anything."""
        numbers = read_signature(signature)
        if numbers is None:
            return "not two integers in their one DER"
        if not all(0 < number < self.n for number in numbers):
            return "r or s is not from 1 to n - 1"
        if s_max is not None and numbers[1] > s_max:
            return "s is in the upper half, where each signature has its twin"
        return None


def read_signature(data: bytes) -> tuple[int, int] | None:
    """r and s; None unless these bytes are what `write_signature` writes for them."""
    if len(data) not in SIGNATURE_SIZES:
        return None
    end = 4 + data[3]
    r, s = int.from_bytes(data[4:end]), int.from_bytes(data[end + 2 :])
    return (r, s) if write_signature(r, s) == data else None


def write_signature(r: int, s: int) -> bytes:
    """The DER of a signature; r and s have at most some 60 bytes, so each length is one byte."""
    body = _integer(r) + _integer(s)
    return bytes([_SEQUENCE, len(body)]) + body


def _integer(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1)
    return bytes([_INTEGER, len(data)]) + data
