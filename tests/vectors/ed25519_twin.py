"""A plain Ed25519 (RFC 8032 section 5.1) for the tests: slow, not constant-time, easy to check.

It shares nothing with the product or with libsodium, so that the product's rule has a second
opinion. Points are affine (x, y) on -x^2 + y^2 = 1 + d x^2 y^2.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
SIGN_BIT = 1 << 255

Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    """Double and add, in coordinates (X/Z, Y/Z) so that one division at the end is enough."""
    total, power = (0, 1, 1), (*point, 1)
    while scalar:
        if scalar & 1:
            total = _add_projective(total, power)
        power = _add_projective(power, power)
        scalar >>= 1
    x, y, z = total
    inverse = pow(z, -1, P)
    return x * inverse % P, y * inverse % P


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) * SIGN_BIT).to_bytes(32, "little")


def decode(encoded: bytes) -> Point | None:
    """The point as lenient readers decode it: y above p and x = 0 with sign 1 are let through."""
    number = int.from_bytes(encoded, "little")
    sign, y = number // SIGN_BIT, number % SIGN_BIT % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return (x if x & 1 == sign else -x % P), y


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little")) or NEUTRAL


def challenge(r: bytes, a: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def public_key(seed: bytes) -> bytes:
    return encode(multiply(_expand(seed)[0], BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    scalar, prefix = _expand(seed)
    a = encode(multiply(scalar, BASE))
    nonce = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    r = encode(multiply(nonce, BASE))
    s = (nonce + challenge(r, a, message) * scalar) % L
    return r + s.to_bytes(32, "little")


def equation_holds(key: bytes, message: bytes, signature: bytes, cofactor: int = 1) -> bool:
    """[c]([S]B) = [c](R + [k]A), and with c = 1 also byte for byte, without any other check."""
    r_bytes, s = signature[:32], int.from_bytes(signature[32:], "little")
    a, r = decode(key), decode(r_bytes)
    if a is None or r is None:
        return False
    right = multiply(challenge(r_bytes, key, message), a)
    if cofactor == 1:
        minus_right = (-right[0] % P, right[1])
        return encode(add(multiply(s, BASE), minus_right)) == r_bytes
    return multiply(cofactor * s, BASE) == multiply(cofactor, add(r, right))


def fault(key: bytes, message: bytes, signature: bytes) -> str | None:
    """Our rule, each sentence of it, from the group's definition; None means valid."""
    if len(key) != 32 or len(signature) != 64:
        return "length"
    if int.from_bytes(signature[32:], "little") >= L:
        return "S range"
    for name, encoded in ("A", key), ("R", signature[:32]):
        point = decode(encoded)
        if point is None:
            return f"{name} off the curve"
        if encode(point) != encoded:
            return f"{name} encoding"
        if multiply(8, point) == NEUTRAL:
            return f"{name} small order"
    return None if equation_holds(key, message, signature) else "equation"


def _expand(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & ((1 << 254) - 8) | (1 << 254), digest[32:]


def _add_projective(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    (x1, y1, z1), (x2, y2, z2) = a, b
    zz, xx, yy = z1 * z2 % P, x1 * x2 % P, y1 * y2 % P
    t, square = D * xx * yy % P, zz * zz % P
    x = zz * (square - t) * (x1 * y2 + x2 * y1) % P
    y = zz * (square + t) * (yy + xx) % P
    return x, y, (square - t) * (square + t) % P
