"""A plain ECDSA on P-256 and a plain SM2 for the tests: slow, not constant-time, easy to check.

Written from FIPS 186-5 section 6.4 and GB/T 32918.2 with affine points (x, y), None at infinity. It
shares nothing with the product or with OpenSSL, so that both suites have a second opinion.
"""

import hashlib
from dataclasses import dataclass

Point = tuple[int, int] | None


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 - 3x + b mod p with a base point of prime order n."""

    p: int
    b: int
    n: int
    base: tuple[int, int]

    def add(self, one: Point, two: Point) -> Point:
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        above, below = (3 * x1 * x1 - 3, 2 * y1) if one == two else (y2 - y1, x2 - x1)
        slope = above * pow(below, -1, self.p) % self.p
        x = (slope * slope - x1 - x2) % self.p
        return x, (slope * (x1 - x) - y1) % self.p

    def multiply(self, scalar: int, point: Point) -> Point:
        total: Point = None
        for bit in f"{scalar:b}":
            total = self.add(total, total)
            total = self.add(total, point) if bit == "1" else total
        return total


P256 = Curve(
    p=2**256 - 2**224 + 2**192 + 2**96 - 1,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    base=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
SM2 = Curve(
    p=2**256 - 2**224 - 2**96 + 2**64 - 1,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
    base=(
        0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
    ),
)


def p256_holds(key: Point, message: bytes, r: int, s: int) -> bool:
    """FIPS 186-5 section 6.4.2, the range of r and s included."""
    n = P256.n
    if not (0 < r < n and 0 < s < n):
        return False
    e, w = int.from_bytes(hashlib.sha256(message).digest()), pow(s, -1, n)
    point = P256.add(P256.multiply(e * w % n, P256.base), P256.multiply(r * w % n, key))
    return point is not None and point[0] % n == r


def p256_sign(private: int, message: bytes, k: int) -> tuple[int, int]:
    """FIPS 186-5 section 6.4.1 with the random number given; s in the lower half."""
    n, point = P256.n, P256.multiply(k, P256.base)
    assert point is not None
    e, r = int.from_bytes(hashlib.sha256(message).digest()), point[0] % n
    s = pow(k, -1, n) * (e + r * private) % n
    return r, min(s, n - s)


def sm2_digest(key: tuple[int, int], message: bytes, identity: bytes) -> int:
    """e of GB/T 32918.2: SM3 of Z and the message, Z binding identity, curve and key."""
    numbers = (SM2.p - 3, SM2.b, *SM2.base, *key)
    bound = (8 * len(identity)).to_bytes(2) + identity + b"".join(x.to_bytes(32) for x in numbers)
    return int.from_bytes(_sm3(_sm3(bound) + message))


def sm2_holds(key: tuple[int, int], message: bytes, r: int, s: int, identity: bytes) -> bool:
    """GB/T 32918.2 section 7.1."""
    n, t = SM2.n, (r + s) % SM2.n
    if not (0 < r < n and 0 < s < n) or t == 0:
        return False
    point = SM2.add(SM2.multiply(s, SM2.base), SM2.multiply(t, key))
    return point is not None and (sm2_digest(key, message, identity) + point[0]) % n == r


def sm2_sign(private: int, message: bytes, identity: bytes, k: int) -> tuple[int, int]:
    """GB/T 32918.2 section 6.1 with the random number given."""
    n, key, point = SM2.n, SM2.multiply(private, SM2.base), SM2.multiply(k, SM2.base)
    assert key is not None
    assert point is not None
    r = (sm2_digest(key, message, identity) + point[0]) % n
    s = pow(1 + private, -1, n) * (k - r * private) % n
    assert 0 not in (r, s, (r + k) % n)
    return r, s


def _sm3(data: bytes) -> bytes:
    return hashlib.new("sm3", data).digest()
