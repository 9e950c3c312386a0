"""Ed25519 in plain integers (RFC 8032, section 5.1): rule 4 of `node.evidence.ed25519`, to verify.

Points are (X/Z, Y/Z, T = XY/Z) on -x^2 + y^2 = 1 + d x^2 y^2. R is compared as bytes and never
decoded; the cofactor plays no part. Nothing here is secret.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
_SIGN_BIT = 1 << 255

_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether encode([S]B - [k]A) is R, byte for byte."""
    point = _decode(key)
    if point is None:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    x, y, z, t = point
    negated = (P - x, y, z, P - t)
    return _encode(_sum(s, k, negated)) == r


def _sum(s: int, k: int, point: _Point) -> _Point:
    """[s]B + [k] of the point, both walked at once."""
    places = (_NEUTRAL, _BASE, point, _add(_BASE, point))
    total = _NEUTRAL
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _add(total, total)
        total = _add(total, places[(s >> bit & 1) | (k >> bit & 1) << 1])
    return total


def _add(one: _Point, two: _Point) -> _Point:
    """The complete law: it also doubles."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, two
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * _D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) * _SIGN_BIT).to_bytes(32, "little")


def _decode(encoded: bytes) -> _Point | None:
    """Section 5.1.3; None where there is no such point."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (_SIGN_BIT - 1)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * _ROOT_OF_MINUS_1 % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


_BASE = _decode((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or _NEUTRAL
