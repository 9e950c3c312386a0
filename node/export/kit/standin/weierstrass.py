"""Short Weierstrass curves in plain integers: the equations of ECDSA and of SM2, to verify with.

y^2 = x^3 - 3x + b over the integers mod p, of prime order n. Points are affine, None at infinity;
sums are computed in Jacobian coordinates (X/Z^2, Y/Z^3), so that one division at the end is enough.
Nothing here is secret, so nothing has to take the same time for all numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.export.kit.standin.sm3 import sm3

Point = tuple[int, int]
_Jacobian = tuple[int, int, int]
_INFINITY: _Jacobian = (1, 1, 0)


@dataclass(frozen=True)
class Curve:
    """A curve with its base point."""

    name: str
    size: int
    p: int
    b: int
    n: int
    base: Point

    def has(self, point: Point) -> bool:
        """Whether these two numbers, each below p, are a point."""
        x, y = point
        return x < self.p and y < self.p and (y * y - (x * x - 3) * x - self.b) % self.p == 0

    def sum_x(self, u: int, v: int, key: Point) -> int | None:
        """The x of u times the base and v times the key; None at infinity."""
        both = self._add((*self.base, 1), (*key, 1))
        places = (_INFINITY, (*self.base, 1), (*key, 1), both)
        total = _INFINITY
        for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
            total = self._double(total)
            total = self._add(total, places[(u >> bit & 1) | (v >> bit & 1) << 1])
        if total[2] == 0:
            return None
        return total[0] * pow(total[2], -2, self.p) % self.p

    def _double(self, point: _Jacobian) -> _Jacobian:
        x, y, z = point
        if z == 0 or y == 0:
            return _INFINITY
        p, square = self.p, z * z
        slope, doubled = 3 * (x - square) * (x + square) % p, 4 * x * y * y % p
        new_x = (slope * slope - 2 * doubled) % p
        return new_x, (slope * (doubled - new_x) - 8 * pow(y, 4, p)) % p, 2 * y * z % p

    def _add(self, one: _Jacobian, two: _Jacobian) -> _Jacobian:
        (x1, y1, z1), (x2, y2, z2), p = one, two, self.p
        if z1 == 0 or z2 == 0:
            return two if z1 == 0 else one
        square1, square2 = z1 * z1 % p, z2 * z2 % p
        u1, u2 = x1 * square2 % p, x2 * square1 % p
        s1, s2 = y1 * square2 * z2 % p, y2 * square1 * z1 % p
        if u1 == u2:
            return self._double(one) if s1 == s2 else _INFINITY
        step, slope = u2 - u1, s2 - s1
        cube, shared = step * step * step % p, u1 * step * step % p
        x = (slope * slope - cube - 2 * shared) % p
        return x, (slope * (shared - x) - s1 * cube) % p, step * z1 * z2 % p


P256 = Curve(
    name="secp256r1",
    size=32,
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    base=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
P384 = Curve(
    name="secp384r1",
    size=48,
    p=2**384 - 2**128 - 2**96 + 2**32 - 1,
    b=int(
        "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE814112"
        "0314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF",
        16,
    ),
    n=int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
    base=(
        int(
            "AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B98"
            "59F741E082542A385502F25DBF55296C3A545E3872760AB7",
            16,
        ),
        int(
            "3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147C"
            "E9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F",
            16,
        ),
    ),
)
SM2 = Curve(
    name="sm2p256v1",
    size=32,
    p=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
    base=(
        0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
    ),
)


def ecdsa_holds(curve: Curve, key: Point, digest: bytes, r: int, s: int) -> bool:
    """FIPS 186-5, section 6.4.2, from the digest of the message on."""
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    surplus = max(0, 8 * len(digest) - curve.n.bit_length())
    number, inverse = int.from_bytes(digest, "big") >> surplus, pow(s, -1, curve.n)
    x = curve.sum_x(number * inverse % curve.n, r * inverse % curve.n, key)
    return x is not None and x % curve.n == r


def sm2_holds(key: Point, message: bytes, r: int, s: int, identity: bytes) -> bool:
    """GB/T 32918.2, section 7.1."""
    n, t = SM2.n, (r + s) % SM2.n
    if not (0 < r < n and 0 < s < n) or t == 0:
        return False
    numbers = (SM2.p - 3, SM2.b, *SM2.base, *key)
    bound = b"".join(number.to_bytes(SM2.size, "big") for number in numbers)
    z = sm3((8 * len(identity)).to_bytes(2, "big") + identity + bound)
    e, x = int.from_bytes(sm3(z + message), "big"), SM2.sum_x(s, t, key)
    return x is not None and (e + x) % n == r
