"""A verifier of cunzheng proofs, written from docs/proof-format.md alone.

It shares no line with the node: a second reader of the same document. Python's standard library
only; whoever has this file and Python 3.11 can verify a proof on a machine without network.
Sections named below are those of the document.

    python stranger.py PROOF [--policy FILE | --policy-fingerprint F] [--file FILE]

prints one JSON line, first its code: V000 and V001 say that the evidence holds, everything else
that it does not.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import functools
import hashlib
import itertools
import json
import re
import struct
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

ANSWERS = {
    "V000": "consistent",
    "V001": "consistent, with open points",
    "V102": "the file is not the deposited one",
    "V104": "proof of another chain",
    "V106": "the digests disagree",
    "V200": "damaged or not recognised",
    "V201": "inclusion path not valid",
    "V202": "cosignatures too few or not valid",
    "V203": "chain not continuous",
    "V204": "no trust anchor from outside",
    "V205": "a signature of statement, receipt or key record is not valid",
    "V206": "policy not valid, or not the one named from outside",
    "V302": "key revoked or replaced before signing",
    "V502": "could not check",
}
# Section 13: of the failures of the steps the first in this order is the answer.
ORDER = ("V204", "V104", "V201", "V205", "V206", "V202", "V203", "V302", "V102", "V106", "V502")

INTEGER_LIMIT = 2**53  # exclusive, section 1
TIME_LIMIT = 253402272000000  # milliseconds; the year 10000 in UTC+8
SECONDS_LIMIT = 253402272000
PROOF_LIMIT = 4_194_304
ENTRY_LIMIT = 65_535
STATEMENT_LIMIT = 4_096
KEY_RECORD_LIMIT = 1_024
DETAILS_LIMIT = 16_384
PATH_LIMIT = 63
SKEW_LIMIT = 60_000
UTC8 = timedelta(hours=8)
BOM = b"\xef\xbb\xbf"

T = TypeVar("T")


class Unreadable(Exception):
    """Bytes that a reader must not go on with: V200, or V502 if the document does not know them."""

    def __init__(self, why: str, code: str = "V200") -> None:
        super().__init__(why)
        self.code = code


def refuse(why: str) -> NoReturn:
    """These bytes cannot be read."""
    raise Unreadable(why)


def newer(why: str) -> NoReturn:
    """These bytes may be good, for a newer document than the one this reader knows."""
    raise Unreadable(f"{why} is newer than this verifier", "V502")


# ---- SHA-256 and SM3 -----------------------------------------------------------------------------


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def _rol(x: int, n: int) -> int:
    n %= 32
    return (x << n | x >> (32 - n)) & 0xFFFFFFFF


def own_sm3(data: bytes) -> bytes:
    """SM3 (GB/T 32905-2016), for a Python whose OpenSSL lacks it; slow."""
    v = [
        0x7380166F,
        0x4914B2B9,
        0x172442D7,
        0xDA8A0600,
        0xA96F30BC,
        0x163138AA,
        0xE38DEE4D,
        0xB0FB0E4E,
    ]
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack(">Q", len(data) * 8)
    for start in range(0, len(padded), 64):
        w = list(struct.unpack(">16I", padded[start : start + 64]))
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ _rol(w[j - 3], 15)
            w.append(x ^ _rol(x, 15) ^ _rol(x, 23) ^ _rol(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = v
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = _rol((_rol(a, 12) + e + _rol(t, j)) & 0xFFFFFFFF, 7)
            ff, gg = (a ^ b ^ c, e ^ f ^ g) if j < 16 else (a & b | a & c | b & c, e & f | ~e & g)
            tt1 = (ff + d + (ss1 ^ _rol(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            d, c, b, a = c, _rol(b, 9), a, tt1
            h, g, f, e = g, _rol(f, 19), e, tt2 ^ _rol(tt2, 9) ^ _rol(tt2, 17)
        v = [x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h), strict=True)]
    return struct.pack(">8I", *v)


def sm3(data: bytes) -> bytes:
    """SM3, by OpenSSL where it can."""
    if "sm3" in hashlib.algorithms_available:
        return hashlib.new("sm3", data).digest()
    return own_sm3(data)


DIGESTS: dict[str, Callable[[bytes], bytes]] = {"sha256": sha256, "sm3": sm3}


# ---- Ed25519 (RFC 8032, with the rule of section 1) ----------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        P - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z
Addend = tuple[
    int, int, int, int
]  # Y + X, Y - X, 2Z, 2dT: what an addition needs of its second point


def _double(p: Point) -> Point:
    x, y, z, _ = p
    a, b = x * x % P, y * y % P
    h, g = a + b, a - b
    e, f = h - (x + y) * (x + y), 2 * z * z + g
    e, f = e % P, f % P
    return e * f % P, g * h % P, f * g % P, e * h % P


def _add(p: Point, q: Addend) -> Point:
    x, y, z, t = p
    a, b, c, d = (y - x) * q[1] % P, (y + x) * q[0] % P, t * q[3] % P, z * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _addend(p: Point) -> Addend:
    x, y, z, t = p
    return (y + x) % P, (y - x) % P, 2 * z % P, 2 * D * t % P


def _odd_multiples(p: Point, count: int) -> list[Addend]:
    """1p, 3p, 5p, ... as addends."""
    twice, multiples = _addend(_double(p)), []
    for _ in range(count):
        multiples.append(_addend(p))
        p = _add(p, twice)
    return multiples


def _decode(encoded: bytes) -> tuple[int, int] | None:
    """The point with these bytes (RFC 8032 section 5.1.3), if there is one."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7 % P, (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * SQRT_MINUS_1 % P
        if (v * x * x - u) % P:
            return None
    if x == 0 and sign:
        return None
    return (x if x & 1 == sign else P - x), y


def _digits(n: int, width: int) -> list[int]:
    """n in signed digits, lowest first: each 0 or odd and below 2^width in absolute value."""
    digits = []
    while n:
        digit = 0
        if n & 1:
            digit = n & (2 << width) - 1
            if digit >> width:
                digit -= 2 << width
            n -= digit
        digits.append(digit)
        n >>= 1
    return digits


@functools.cache
def _base() -> list[Addend]:
    y = 4 * pow(5, -1, P) % P
    point = _decode(y.to_bytes(32, "little"))
    assert point is not None
    return _odd_multiples((point[0], y, 1, point[0] * y % P), 64)


@functools.lru_cache(maxsize=256)
def _negated(public: bytes) -> list[Addend] | None:
    """Odd multiples of -A, or nothing where rules 2 and 3 refuse A or it is not on the curve."""
    point = _decode(public)
    if point is None or point[1] in SMALL_ORDER_Y:
        return None
    x, y = P - point[0], point[1]
    return _odd_multiples((x, y, 1, x * y % P), 8)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the four rules of section 1 hold."""
    if len(public) != 32 or len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    y = int.from_bytes(r, "little") & (1 << 255) - 1
    key = _negated(public)
    if s >= L or y >= P or y in SMALL_ORDER_Y or key is None:
        return False
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    sum_ = (0, 1, 1, 0)
    tracks = [(_digits(s, 7), _base()), (_digits(h, 4), key)]
    for i in range(max(len(digits) for digits, _ in tracks) - 1, -1, -1):
        sum_ = _double(sum_)
        for digits, multiples in tracks:
            digit = digits[i] if i < len(digits) else 0
            if digit > 0:
                sum_ = _add(sum_, multiples[digit >> 1])
            elif digit < 0:
                plus, minus, z2, t2d = multiples[-digit >> 1]
                sum_ = _add(sum_, (minus, plus, z2, -t2d))
    inverse = pow(sum_[2], -1, P)
    x, y = sum_[0] * inverse % P, sum_[1] * inverse % P
    return r == (y | (x & 1) << 255).to_bytes(32, "little")


# ---- P-256 and SM2 (section 1) -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Curve:
    """y^2 = x^3 - 3x + b mod p, base point, its order n, what stands before x in a key's DER."""

    p: int
    b: int
    n: int
    base: tuple[int, int]
    der: bytes


CURVES = {
    "p256": Curve(
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        (
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
        bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    ),
    "sm2": Curve(
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
        0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
        0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
        (
            0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
            0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
        ),
        bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
    ),
}
Jacobian = tuple[int, int, int]  # X, Y, Z with x = X/Z^2, y = Y/Z^3; Z = 0 at infinity


def _curve_double(curve: Curve, q: Jacobian) -> Jacobian:
    x, y, z = q
    p = curve.p
    delta, gamma = z * z % p, y * y % p
    beta, alpha = x * gamma % p, 3 * (x - delta) * (x + delta) % p
    x3 = (alpha * alpha - 8 * beta) % p
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % p, 2 * y * z % p


def _curve_add(curve: Curve, q: Jacobian, r: Jacobian) -> Jacobian:
    if not q[2] or not r[2]:
        return q if q[2] else r
    p = curve.p
    z1, z2 = q[2] * q[2] % p, r[2] * r[2] % p
    u1, u2 = q[0] * z2 % p, r[0] * z1 % p
    s1, s2 = q[1] * r[2] * z2 % p, r[1] * q[2] * z1 % p
    if u1 == u2:
        return _curve_double(curve, q) if s1 == s2 else (1, 1, 0)
    h, i = u2 - u1, s2 - s1
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x = (i * i - hhh - 2 * v) % p
    return x, (i * (v - x) - s1 * hhh) % p, h * q[2] * r[2] % p


def _curve_sum(curve: Curve, u: int, v: int, key: tuple[int, int]) -> int | None:
    """x of u times the base point and v times the key, both bit by bit; nothing at infinity."""
    one, two, total = (*curve.base, 1), (*key, 1), (1, 1, 0)
    points = (None, one, two, _curve_add(curve, one, two))
    for i in range(255, -1, -1):
        total = _curve_double(curve, total)
        point = points[(u >> i & 1) | (v >> i & 1) << 1]
        total = _curve_add(curve, total, point) if point else total
    return total[0] * pow(total[2], -2, curve.p) % curve.p if total[2] else None


def curve_point(curve: Curve, der: bytes) -> tuple[int, int] | None:
    """The point of a key, if these bytes are its one spelling."""
    if len(der) != 91 or not der.startswith(curve.der):
        return None
    x, y = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big")
    on_curve = (y * y - x * x * x + 3 * x - curve.b) % curve.p == 0
    return (x, y) if x < curve.p and y < curve.p and on_curve else None


def der_numbers(data: bytes) -> tuple[int, int] | None:
    """r and s, if these bytes are their one spelling."""
    if not 8 <= len(data) <= 72 or data[0] != 0x30 or data[1] != len(data) - 2:
        return None
    found, rest = [], data[2:]
    for _ in range(2):
        if len(rest) < 3 or rest[0] != 0x02 or len(rest) < 2 + rest[1] or not rest[1]:
            return None
        number, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if number[0] & 0x80 or (number[0] == 0 and len(number) > 1 and not number[1] & 0x80):
            return None
        found.append(int.from_bytes(number, "big"))
    return None if rest else (found[0], found[1])


def curve_verify(name: str, der: bytes, message: bytes, signed: bytes) -> bool:
    """Whether an ECDSA or SM2 signature holds."""
    curve = CURVES[name]
    key, numbers = curve_point(curve, der), der_numbers(signed)
    if key is None or numbers is None:
        return False
    (r, s), n = numbers, curve.n
    if not (0 < r < n and 0 < s < n):
        return False
    if name == "p256":
        e, w = int.from_bytes(sha256(message), "big"), pow(s, -1, n)
        x = _curve_sum(curve, e * w % n, r * w % n, key) if 2 * s < n else None
        return x is not None and x % n == r
    numbers_of_z = (curve.p - 3, curve.b, *curve.base, *key)
    z = b"\x00\x801234567812345678" + b"".join(each.to_bytes(32, "big") for each in numbers_of_z)
    e, t = int.from_bytes(sm3(sm3(z) + message), "big"), (r + s) % n
    x = _curve_sum(curve, s, t, key) if t else None
    return x is not None and (e + x) % n == r


# ---- Spellings (section 1) -----------------------------------------------------------------------

MEMBER = re.compile(r"[a-z][a-z0-9-]{0,31}")
ORIGIN = re.compile(r"[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9._-]*)*")
OTHERS_ORIGINS = ("cunzheng/", "cosignature/", "c2sp.org/")
# Words of c2sp.org/tlog-policy, the name of our group, the proposer of height 0.
RESERVED_MEMBERS = frozenset({"all", "any", "genesis", "members", "none"})


def integer(text: str) -> int:
    """A decimal number in its one spelling."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,15}", text) or int(text) >= INTEGER_LIMIT:
        refuse(f"not an integer: {text[:40]!r}")
    return int(text)


def moment(text: str) -> int:
    """A time in milliseconds."""
    value = integer(text)
    if value >= TIME_LIMIT:
        refuse(f"not a time: {text}")
    return value


def digest(text: str) -> bytes:
    """64 lower-case hex digits."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        refuse(f"not a digest: {text[:80]!r}")
    return bytes.fromhex(text)


def b64(text: str, size: int | None = None) -> bytes:
    """Base64, of `size` bytes if that is given."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        refuse(f"not base64: {text[:80]!r}")
    if size not in (None, len(data)) or base64.b64encode(data).decode("ascii") != text:
        refuse(f"not the base64 of {size} bytes: {text[:80]!r}")
    return data


@dataclass(frozen=True, slots=True)
class Word:
    """A public key or a signature, and the word before it."""

    suite: str
    raw: bytes

    def __str__(self) -> str:
        return f"{self.suite}:{base64.b64encode(self.raw).decode('ascii')}"


def _word(text: str) -> Word:
    suite, colon, encoded = text.partition(":")
    if suite == "mldsa44" and colon:
        newer("the algorithm " + suite)
    if suite not in ("ed25519", "p256", "sm2") or not colon:
        refuse(f"not a key or signature: {text[:80]!r}")
    return Word(suite, b64(encoded))


def public_key(text: str) -> Word:
    """A public key."""
    word = _word(text)
    if word.suite == "ed25519":
        if len(word.raw) != 32:
            refuse("a key that is not the base64 of 32 bytes")
        canonical(word.raw)
    elif curve_point(CURVES[word.suite], word.raw) is None:
        refuse(f"no key of {word.suite}")
    return word


def canonical(public: bytes) -> bytes:
    """A key that rules 2 and 3 allow."""
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    if y >= P or y in SMALL_ORDER_Y:
        refuse("a key that is not canonical or of small order")
    return public


def signature(text: str) -> Word:
    """A signature."""
    word = _word(text)
    least, most = (64, 64) if word.suite == "ed25519" else (8, 72)
    if not least <= len(word.raw) <= most:
        refuse(f"a signature that is not the base64 of {least} to {most} bytes")
    return word


def holds_by(key: Word, message: bytes, signed: Word) -> bool:
    """Whether a signature by this key verifies."""
    if key.suite != signed.suite:
        return False
    if key.suite == "ed25519":
        return ed25519_verify(key.raw, message, signed.raw)
    return curve_verify(key.suite, key.raw, message, signed.raw)


# Which suites the rules numbers take (section 14).
SUITES = {1: ("ed25519",), 2: ("ed25519", "p256", "sm2")}


def origin(text: str) -> str:
    """The name of a chain."""
    if len(text) > 128 or not ORIGIN.fullmatch(text) or text.startswith(OTHERS_ORIGINS):
        refuse(f"not an origin: {text[:140]!r}")
    return text


def member(text: str) -> str:
    """The name of a member."""
    if not MEMBER.fullmatch(text) or text in RESERVED_MEMBERS:
        refuse(f"not a member's name: {text[:40]!r}")
    return text


def same(text: str, wanted: str) -> None:
    """A line that can only be one."""
    if text != wanted:
        refuse(f"{text[:80]!r} instead of {wanted!r}")


def tag(text: str, name: str, mark: str = "/") -> None:
    """`cunzheng/NAME/v1`; a higher number is newer than the document."""
    found = re.fullmatch(rf"{re.escape(name)}{mark}v([1-9][0-9]{{0,15}})", text)
    if found is None:
        refuse(f"{text[:80]!r} instead of {name}{mark}v1")
    if found[1] != "1":
        newer(text)


class Lines:
    """Lines of a text, read one after the other."""

    def __init__(self, text: bytes) -> None:
        if not text.endswith(b"\n"):
            refuse("the last line has no end")
        try:
            self.lines = text.decode("utf-8").split("\n")[:-1]
        except UnicodeDecodeError:
            refuse("not UTF-8")
        self.at = 0

    def peek(self) -> str | None:
        """The next line, if there is one."""
        return self.lines[self.at] if self.at < len(self.lines) else None

    def next(self) -> str:
        """The next line."""
        line = self.peek()
        if line is None:
            refuse("the text breaks off")
        self.at += 1
        return line

    def value(self, keyword: str) -> str:
        """What stands behind the keyword of the next line."""
        line = self.next()
        if not line.startswith(keyword + " "):
            refuse(f"{line[:80]!r} instead of {keyword} ...")
        return line[len(keyword) + 1 :]

    def values(self, keyword: str) -> list[str]:
        """The values of the next lines with this keyword, 0 or more."""
        found = []
        while (line := self.peek()) is not None and line.startswith(keyword + " "):
            found.append(self.value(keyword))
        return found

    def take(self, count: int) -> bytes:
        """The next lines, verbatim."""
        taken = self.lines[self.at : self.at + count]
        if len(taken) < count or count == 0:
            refuse("a text inside the text breaks off")
        self.at += count
        return ("\n".join(taken) + "\n").encode()

    def rest(self) -> bytes:
        """All lines that are left, verbatim."""
        return self.take(len(self.lines) - self.at)

    def end(self) -> None:
        """Nothing may follow."""
        if self.peek() is not None:
            refuse(f"unexpected: {self.next()[:80]!r}")


# ---- JSON (sections 1 and 2) ---------------------------------------------------------------------


def _number(text: str) -> NoReturn:
    refuse(f"not an integer: {text[:40]!r}")


def json_object(text: str, *, ascii_only: bool) -> dict[str, object]:
    """One JSON object, if it is in its one spelling (RFC 8785, for the values of the document)."""
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_number)
        again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        again.encode("utf-8")  # a lone surrogate breaks here
    except (ValueError, RecursionError):
        refuse("not JSON")
    if not isinstance(value, dict) or again != text:
        refuse("JSON in another spelling than its one")
    if ascii_only and not re.fullmatch(r"[ -\[\]-~]*", text):
        refuse("a string beyond printable ASCII")
    return value


Check = Callable[[object], None]


def _text(check: Callable[[str], object]) -> Check:
    def run(value: object) -> None:
        if not isinstance(value, str):
            refuse(f"not a string: {value!r}")
        check(value)

    return run


def _whole(least: int = 0, most: int = INTEGER_LIMIT - 1) -> Check:
    def run(value: object) -> None:
        if type(value) is not int or not least <= value <= most:
            refuse(f"not an integer from {least} to {most}: {value!r}")

    return run


def _one_of(*words: str) -> Check:
    def run(value: object) -> None:
        if value not in words:
            refuse(f"{value!r} is none of {', '.join(words)}")

    return run


def _nonce(text: str) -> None:
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        refuse(f"not 32 hex digits: {text!r}")


def fields(
    value: object, needed: dict[str, Check], optional: dict[str, Check] | None = None
) -> dict[str, object]:
    """An object that has exactly these fields."""
    optional = optional or {}
    if not isinstance(value, dict):
        refuse("not an object")
    if missing := needed.keys() - value.keys():
        refuse(f"missing: {', '.join(sorted(missing))}")
    for name, found in value.items():
        check = needed.get(name) or optional.get(name)
        if check is None:
            refuse(f"unknown field {name!r}")
        check(found)
    return value


def tagged(line: str, name: str, limit: int) -> dict[str, object]:
    """The object behind the tag."""
    first, _, rest = line.partition(" ")
    tag(first, f"cunzheng/{name}")
    if len(line.encode()) > limit:
        refuse(f"a {name} of more than {limit} bytes")
    return json_object(rest, ascii_only=True)


def _ranges(text: str) -> re.Pattern[str]:
    """A class of the code points listed as in the document: `0041-005A, 00B7, ...`."""
    ends = [[int(end, 16) for end in part.split("-")] for part in text.split(", ")]
    return re.compile("[" + "".join(f"\\U{e[0]:08x}-\\U{e[-1]:08x}" for e in ends) + "]")


HIDING = _ranges(
    "0000-001F, 007F-009F, 00AD, 034F, 061C, 115F, 1160, 17B4, 17B5, 180B-180F, 200B-200F, "
    "2028-202E, 2060-206F, 3164, FEFF, FFA0, FFF9-FFFB, E0000-E0FFF"
)


def check_details(text: str) -> None:
    """The details of an item (section 2)."""
    if len(text.encode()) > DETAILS_LIMIT:
        refuse("details of too many bytes")
    details = json_object(text, ascii_only=False)
    if not details:
        refuse("details without keys")
    for key, pair in details.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", key):
            refuse(f"not a key of details: {key!r}")
        if not isinstance(pair, list) or len(pair) != 2:
            refuse("a detail is not [salt, value]")
        _text(_nonce)(pair[0])
        if not isinstance(pair[1], str | bool):
            _whole()(pair[1])
        if isinstance(pair[1], str) and HIDING.search(pair[1]):
            refuse("a detail with a code point that draws lines or hides")


# ---- The tree (section 9) ------------------------------------------------------------------------


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf."""
    return sha256(b"\x00" + leaf)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right)


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """RFC 9162 section 2.1.4.2."""
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    hashes = list(path) if first & first - 1 else [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = hashes[0]
    for c in hashes[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


# ---- Policies, their notes, checkpoints (sections 10 and 11) -------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose seals count."""

    text: bytes
    network: str
    serial: int
    skew: int
    members_hash: bytes
    authorities: tuple[Word, ...]
    rules: int
    origin: str
    logs: tuple[bytes, ...]
    witnesses: tuple[bytes, ...]
    names: tuple[str, ...]
    quorum: int

    @property
    def fingerprint(self) -> str:
        """What a court publishes on paper."""
        word = base64.b32encode(sha256(self.text)[:20]).decode("ascii")
        return "-".join(word[i : i + 4] for i in range(0, 32, 4))


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes by which a signature line names its key."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def read_vkey(text: str, kind: int) -> tuple[str, bytes]:
    """Name and key of a verifier key."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        refuse(f"not a verifier key: {text[:200]!r}")
    data = b64(parts[2], 33)
    if data[0] != kind or parts[1] != key_id(parts[0], kind, data[1:]).hex():
        refuse(f"the verifier key of {parts[0][:140]!r} has another type or id")
    return parts[0], canonical(data[1:])


def read_policy(text: bytes) -> Policy:
    """A policy text."""
    lines = Lines(text)
    tag(lines.next(), "#cunzheng policy", " ")
    network = lines.value("#cunzheng network")
    _one_of("test", "production")(network)
    rules = integer(lines.value("#cunzheng rules"))
    if rules > 2:
        newer(f"rules number {rules}")
    serial = integer(lines.value("#cunzheng serial"))
    if rules == 0 or serial == 0:
        refuse("a policy with a number 0")
    skew = integer(lines.value("#cunzheng skew-ms"))
    if skew > SKEW_LIMIT:
        refuse("a skew of more than a minute")
    members_hash = digest(lines.value("#cunzheng members"))
    authorities = lines.values("#cunzheng authority")
    authority_keys = tuple(public_key(text) for text in authorities)
    if not 1 <= len(authorities) <= 16 or authorities != sorted(set(authorities)):
        refuse("the authorities are not 1 to 16, ascending")
    logs = [read_vkey(text, 1) for text in lines.values("log")]
    if not 1 <= len(logs) <= 32:
        refuse("the members are not 1 to 32")
    chain = origin(logs[0][0])
    names, witnesses = [], []
    for line in lines.values("witness"):
        name, _, vkey = line.partition(" ")
        names.append(member(name))
        full, key = read_vkey(vkey, 4)
        same(full, f"{chain}/{name}")
        witnesses.append(key)
    number, *group = lines.value("group members").split(" ")
    quorum = integer(number)
    same(lines.next(), "quorum members")
    lines.end()
    if any(key.suite not in SUITES[rules] for key in authority_keys):
        refuse("an authority of a suite that the rules do not take")
    keys = [*authority_keys, *(Word("ed25519", key) for key in [k for _, k in logs] + witnesses)]
    if len(set(keys)) != len(keys):
        refuse("a key stands twice in the policy")
    if any(name != chain for name, _ in logs) or len(names) != len(logs) or group != names:
        refuse("the members of the policy's lines differ")
    if len(set(names)) != len(names) or not 1 <= quorum <= len(names):
        refuse("a member twice, or a quorum that cannot be")
    if network == "production" and 2 * quorum <= len(names):
        refuse("a quorum that is no majority")
    if len({key_id(chain, 1, key) for _, key in logs}) != len(logs):
        refuse("two log keys of one key id")
    return Policy(
        text,
        network,
        serial,
        skew,
        members_hash,
        authority_keys,
        rules,
        chain,
        tuple(key for _, key in logs),
        tuple(witnesses),
        tuple(names),
        quorum,
    )


ORGANISATION = _ranges(
    "0020-007E, 00B7, 00C0-024F, 2010-2015, 2018, 2019, 201C, 201D, 3001, 3002, 3005-3011, "
    "3400-4DBF, 4E00-9FFF, F900-FAFF, FF01-FF5E, 20000-323AF"
)


def read_members(text: bytes) -> tuple[tuple[str, ...], list[tuple[str, Word]]]:
    """The members text: the members' names, and their keys for further signatures."""
    lines = Lines(text)
    tag(lines.next(), "cunzheng/members")
    names, organisations = [], []
    for line in lines.values("member"):
        name, kind, organisation = [*line.split(" ", 2), "", ""][:3]
        names.append(member(name))
        _one_of("court", "notary", "forensic", "industry", "other")(kind)
        if not 1 <= len(organisation) <= 100 or ORGANISATION.sub("", organisation):
            refuse("the name of an organisation is empty, too long or of other characters")
        if organisation != organisation.strip(" ") or "  " in organisation:
            refuse("a space too many in the name of an organisation")
        organisations.append(organisation)
    keys = []
    for line in lines.values("key"):
        name, blank, text_of_key = line.partition(" ")
        if not blank:
            refuse("a key of nobody")
        keys.append((name, public_key(text_of_key)))
    lines.end()
    if not 1 <= len(names) <= 32 or len(set(names)) != len(names):
        refuse("the members are not 1 to 32 different ones")
    if len(set(organisations)) != len(names):
        refuse("an organisation is two members")
    places = [(name, suite) for name in names for suite in ("p256", "sm2")]
    at = [places.index((n, k.suite)) if (n, k.suite) in places else -1 for n, k in keys]
    if -1 in at or at != sorted(set(at)) or len({key for _, key in keys}) != len(keys):
        refuse("members' keys of nobody, out of order or twice")
    return tuple(names), keys


def fit(policy: Policy, members: bytes, whose: str) -> None:
    """The members text is the policy's."""
    names, keys = read_members(members)
    if sha256(members) != policy.members_hash or names != policy.names:
        refuse(f"the members are not {whose}")
    if any(key.suite not in SUITES[policy.rules] or key in policy.authorities for _, key in keys):
        refuse("a member's key that the rules do not take, or an authority's")


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line below a note."""

    name: str
    key_id: bytes
    payload: bytes


def read_signature_line(line: str, size: int | None = None) -> SignatureLine:
    """A signature line with `size` bytes of payload, or with any."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        refuse(f"not a signature line: {line[:80]!r}")
    data = b64(parts[2], None if size is None else 4 + size)
    return SignatureLine(parts[1], data[:4], data[4:])


@dataclass(frozen=True, slots=True)
class Seal:
    """One cosignature line."""

    member: str
    key_id: bytes
    seconds: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as signed note."""

    body: bytes
    origin: str
    size: int
    root: bytes
    log: SignatureLine
    seals: tuple[Seal, ...]
    further: tuple[SignatureLine, ...]


def read_checkpoint(text: bytes) -> Checkpoint:
    """One log line, then 1 to 32 cosignature lines."""
    lines = Lines(text)
    body = lines.take(3)
    chain, size, root = body.decode().split("\n")[:3]
    origin(chain)
    same(lines.next(), "")
    log = read_signature_line(lines.next(), 64)
    same(log.name, chain)
    seals: list[Seal] = []
    further: list[SignatureLine] = []
    seen = set()
    while lines.peek() is not None:
        text_of_line = lines.next()
        known = {f"{chain}/{seal.member}" for seal in seals}
        if further or (text_of_line + "  ").split(" ")[1] in known:
            line = read_signature_line(text_of_line)
            if line.name not in known or not 16 <= len(line.payload) <= 80:
                refuse("a further signature of nobody, or of another size")
            further.append(line)
            if (line.name, line.key_id) in seen:
                refuse("two lines by one key")
            seen.add((line.name, line.key_id))
            continue
        line = read_signature_line(text_of_line, 72)
        seen.add((line.name, line.key_id))
        if not line.name.startswith(chain + "/"):
            refuse(f"a cosignature of {line.name[:140]!r}")
        seconds = int.from_bytes(line.payload[:8], "big")
        if seconds >= SECONDS_LIMIT:
            refuse("a cosignature after the year 9999")
        name = member(line.name.removeprefix(chain + "/"))
        seals.append(Seal(name, line.key_id, seconds, line.payload[8:]))
    if not 1 <= len(seals) <= 32 or len({seal.member for seal in seals}) != len(seals):
        refuse("the cosignature lines are not 1 to 32, of different members")
    if len(further) > 64:
        refuse("more further signatures than members can have")
    return Checkpoint(body, chain, integer(size), b64(root, 32), log, tuple(seals), tuple(further))


def logged_by(line: SignatureLine, body: bytes, policy: Policy) -> int | None:
    """Which member's log key signed, if one did."""
    for i, key in enumerate(policy.logs):
        if line.name == policy.origin and line.key_id == key_id(policy.origin, 1, key):
            return i if ed25519_verify(key, body, line.payload) else None
    return None


def sealed_by(seal: Seal, note: Checkpoint, policy: Policy) -> int | None:
    """Which member's witness key sealed, if one did."""
    if note.origin != policy.origin or seal.member not in policy.names:
        return None
    i = policy.names.index(seal.member)
    key = policy.witnesses[i]
    if seal.key_id != key_id(f"{policy.origin}/{seal.member}", 4, key):
        return None
    signed = b"cosignature/v1\ntime %d\n" % seal.seconds + note.body
    return i if ed25519_verify(key, signed, seal.signature) else None


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """A policy as it stands in the log."""

    body: bytes
    origin: str
    previous: bytes
    policy: Policy
    members: bytes
    lines: tuple[SignatureLine, ...]


def read_policy_note(text: bytes) -> PolicyNote:
    """A policy note, serial 1 without and every other with signatures."""
    lines = Lines(text)
    tag(lines.next(), "cunzheng/policy")
    chain = origin(lines.value("origin"))
    serial = integer(lines.value("serial"))
    previous = digest(lines.value("previous"))
    policy = read_policy(lines.take(integer(lines.value("policy"))))
    members = lines.take(integer(lines.value("members")))
    body = ("\n".join(lines.lines[: lines.at]) + "\n").encode()
    if policy.serial != serial or policy.origin != chain:
        refuse("the policy note says another serial or origin than its policy")
    fit(policy, members, "its policy's")
    if serial == 1:
        if previous != bytes(32):
            refuse("the first policy has a previous one")
        lines.end()
        return PolicyNote(body, chain, previous, policy, members, ())
    same(lines.next(), "")
    found = []
    while lines.peek() is not None:
        found.append(read_signature_line(lines.next(), 64))
    if not found:
        refuse("a policy note without signatures")
    return PolicyNote(body, chain, previous, policy, members, tuple(found))


# ---- Statements, key records and their entries (sections 2 to 8) ---------------------------------

ALGS = {"commitment": ("sha256", "sm3", "sha256+sm3"), "digest": ("sha256", "sm3")}
CATEGORIES = (
    "A14_0",
    "A14_1_WEB_PUBLICATION",
    "A14_2_NETWORK_COMMUNICATION",
    "A14_3_ACCOUNT_TRANSACTION_LOG",
    "A14_4_ELECTRONIC_FILE",
    "A14_5_OTHER_DIGITAL",
)
ROLES = ("depositor", "gateway", "court", "notary", "forensic", "member")


def _series(value: object) -> None:
    series = fields(value, {"id": _text(digest), "seq": _whole()}, {"prev": _text(digest)})
    if ("prev" in series) != (series["seq"] != 0):
        refuse("prev is there exactly if seq > 0")


DEPOSIT: dict[str, Check] = {
    "alg": _one_of("sha256", "sm3", "sha256+sm3"),
    "category": _one_of(*CATEGORIES),
    "claimed_at": _whole(most=TIME_LIMIT - 1),
    "count": _whole(1, 16_384),
    "items_root": _text(digest),
    "key": _text(public_key),
    "mode": _one_of("commitment", "digest"),
    "nonce": _text(_nonce),
    "origin": _text(origin),
    "page": _whole(),
    "type": _one_of("deposit"),
}
DEPOSIT_OPTIONAL: dict[str, Check] = {
    "profile": _text(digest),
    "series": _series,
    "submitter": _text(digest),
}
KEY_RECORD: dict[str, Check] = {
    "action": _one_of("enrol", "rotate", "revoke"),
    "effective": _whole(most=TIME_LIMIT - 1),
    "key": _text(public_key),
    "origin": _text(origin),
    "role": _one_of(*ROLES),
    "serial": _whole(1),
}


@dataclass(frozen=True, slots=True)
class Deposit:
    """The entry of a deposit: statement, signature and receipt."""

    entry: bytes
    time: int
    first_item: int
    gateway: Word
    accepted_at: int
    receipt: Word
    signature: Word
    statement: bytes
    origin: str
    alg: str
    count: int
    items_root: bytes
    key: Word
    mode: str
    page: int

    @property
    def attested(self) -> bool:
        """Whether the gateway signed for the depositor."""
        return self.key == self.gateway

    @property
    def algs(self) -> list[str]:
        """The algorithms by name."""
        return self.alg.split("+")

    def signed_receipt(self) -> bytes:
        """What the gateway signed (section 4)."""
        return (
            f'cunzheng/receipt/v1 {{"accepted_at":{self.accepted_at},"origin":"{self.origin}",'
            f'"statement":"{sha256(self.statement).hex()}"}}'
        ).encode("ascii")


def _entry(text: bytes, kind: str) -> tuple[Lines, int]:
    """The lines after the first four, and the block's time."""
    if len(text) > ENTRY_LIMIT:
        refuse("an entry of too many bytes")
    lines = Lines(text)
    tag(lines.next(), "cunzheng/entry")
    same(lines.next(), f"kind {kind}")
    integer(lines.value("height"))
    return lines, moment(lines.value("time"))


def read_deposit(text: bytes) -> Deposit:
    """The entry of a deposit."""
    lines, time = _entry(text, "statement")
    first_item = integer(lines.value("first-item"))
    gateway = public_key(lines.value("gateway"))
    accepted_at = moment(lines.value("accepted-at"))
    receipt, signed = signature(lines.value("receipt")), signature(lines.value("signature"))
    line = lines.next()
    lines.end()
    value = tagged(line, "statement", STATEMENT_LIMIT)
    s = fields(value, DEPOSIT, DEPOSIT_OPTIONAL)
    mode, alg, count, page = str(s["mode"]), str(s["alg"]), s["count"], s["page"]
    assert isinstance(count, int)
    assert isinstance(page, int)
    if alg not in ALGS[mode] or page not in ((1, 16) if mode == "commitment" else (1,)):
        refuse(f"{alg} and pages of {page} do not go with mode {mode}")
    if first_item + count > 10**12:
        refuse("an ordinal of more than 12 digits")
    key = public_key(str(s["key"]))
    if key == gateway and "submitter" not in s:
        refuse("an attested statement without submitter")
    return Deposit(
        text,
        time,
        first_item,
        gateway,
        accepted_at,
        receipt,
        signed,
        line.encode(),
        str(s["origin"]),
        alg,
        count,
        digest(str(s["items_root"])),
        key,
        mode,
        page,
    )


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """The entry of a key record."""

    entry: bytes
    authority: Word
    signature: Word
    record: bytes
    origin: str
    action: str
    key: Word
    role: str
    serial: int
    effective: int
    successor: Word | None


def read_key_entry(text: bytes) -> KeyEntry:
    """The entry of a key record."""
    lines, _ = _entry(text, "key")
    authority = public_key(lines.value("authority"))
    signed = signature(lines.value("signature"))
    line = lines.next()
    lines.end()
    value = tagged(line, "key", KEY_RECORD_LIMIT)
    rotate = value.get("action") == "rotate"
    r = fields(value, KEY_RECORD | ({"successor": _text(public_key)} if rotate else {}))
    effective, serial = r["effective"], r["serial"]
    assert isinstance(effective, int)
    assert isinstance(serial, int)
    return KeyEntry(
        text,
        authority,
        signed,
        line.encode(),
        str(r["origin"]),
        str(r["action"]),
        public_key(str(r["key"])),
        str(r["role"]),
        serial,
        effective,
        public_key(str(r["successor"])) if rotate else None,
    )


def evidence_number(time: int, ordinal: int) -> str:
    """The number a court reads (section 8)."""
    string = f"EV{local(time):%Y%m%d}{ordinal:012d}"
    number = int(string.replace("E", "14").replace("V", "31"))
    return f"{string}-{98 - 100 * number % 97:02d}"


def utc(milliseconds: int) -> datetime:
    """A time as date and clock."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def local(milliseconds: int) -> datetime:
    """A time as date and clock of Beijing."""
    return utc(milliseconds) + UTC8


# ---- The proof file (section 12) -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the item."""

    salt: bytes
    digests: dict[str, bytes]
    size: int
    details: bytes | None

    def item(self) -> bytes:
        """The item these bytes hash to (section 2)."""
        return sha256(
            f"cunzheng/item/v1 {'+'.join(self.digests)}\n".encode()
            + self.salt
            + b"".join(self.digests.values())
            + self.size.to_bytes(8, "big")
            + (bytes(32) if self.details is None else sha256(self.details))
        )


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """An entry with its index and path."""

    index: int
    path: list[bytes]
    entry: bytes
    value: T


@dataclass(slots=True)
class Proof:
    """All sections of a proof file."""

    head: list[str]
    opening: Opening | None
    item_index: int
    items: list[bytes]
    page_path: list[bytes]
    deposit: Deposit
    keys: list[Placed[KeyEntry]]
    policy: Policy
    members: bytes
    policies: list[Placed[PolicyNote]]
    later: tuple[list[bytes], Checkpoint] | None
    index: int
    path: list[bytes]
    note: Checkpoint

    @property
    def item(self) -> bytes:
        """The item the proof is about."""
        return self.items[self.item_index % self.deposit.page]


def _opening(lines: Lines) -> Opening | None:
    if lines.peek() != "opening":
        return None
    lines.next()
    salt = digest(lines.value("salt"))
    digests = {
        name: digest(lines.value(name))
        for name in ("sha256", "sm3")
        if (lines.peek() or "").startswith(name + " ")
    }
    size = integer(lines.value("size"))
    details = None
    if lines.peek() != "":
        details = lines.value("details")
        check_details(details)
    same(lines.next(), "")
    return Opening(salt, digests, size, None if details is None else details.encode())


def _path(lines: Lines) -> list[bytes]:
    """`path` lines, 0 to 63."""
    path = [digest(value) for value in lines.values("path")]
    if len(path) > PATH_LIMIT:
        refuse("a path of more than 63 hashes")
    return path


def _counted(lines: Lines, keyword: str) -> bytes:
    """`KEYWORD N` and the N lines."""
    return lines.take(integer(lines.value(keyword)))


def _placed(lines: Lines, keyword: str, most: int, read: Callable[[bytes], T]) -> list[Placed[T]]:
    """All sections of one keyword, index ascending."""
    found: list[Placed[T]] = []
    while lines.peek() == keyword:
        lines.next()
        index = integer(lines.value("index"))
        path = _path(lines)
        entry = _counted(lines, "entry")
        found.append(Placed(index, path, entry, read(entry)))
        same(lines.next(), "")
        if len(found) > most or (found[1:] and found[-2].index >= index):
            refuse(f"too many sections {keyword}, or not ascending")
    return found


def _policy_entry(text: bytes) -> PolicyNote:
    lines, _ = _entry(text, "policy")
    return read_policy_note(lines.rest())


def _later(lines: Lines) -> tuple[list[bytes], Checkpoint] | None:
    if lines.peek() != "later":
        return None
    lines.next()
    path = _path(lines)
    note = read_checkpoint(_counted(lines, "note"))
    same(lines.next(), "")
    return path, note


def read_proof(data: bytes) -> Proof:
    """The whole structure, from the first byte to the last; the head is compared at the end."""
    if len(data) > PROOF_LIMIT:
        refuse("a proof of too many bytes")
    lines = Lines(data)
    tag(lines.peek() or "", "cunzheng/proof")
    head = []
    while line := lines.next():
        head.append(line)
    opening = _opening(lines)
    same(lines.next(), "page")
    item_index = integer(lines.value("item-index"))
    items = [digest(value) for value in lines.values("item")]
    page_path = _path(lines)
    same(lines.next(), "")
    deposit = read_deposit(_counted(lines, "entry"))
    same(lines.next(), "")
    keys = _placed(lines, "key", 16, read_key_entry)
    policy = read_policy(_counted(lines, "policy"))
    same(lines.next(), "")
    members = _counted(lines, "members")
    read_members(members)
    same(lines.next(), "")
    policies = _placed(lines, "policy-entry", 1000, _policy_entry)
    later = _later(lines)
    same(lines.next(), "c2sp.org/tlog-proof@v1")
    index = integer(lines.value("index"))
    path = []
    while line := lines.next():
        path.append(b64(line, 32))
    if len(path) > PATH_LIMIT:
        refuse("a path of more than 63 hashes")
    proof = Proof(
        head,
        opening,
        item_index,
        items,
        page_path,
        deposit,
        keys,
        policy,
        members,
        policies,
        later,
        index,
        path,
        read_checkpoint(lines.rest()),
    )
    fit(policy, members, "the policy's")
    _check_item(proof)
    _check_keys(proof)
    _check_rest(proof)
    if head != head_of(proof):
        refuse("the head does not say what the proof says")
    return proof


def _check_item(proof: Proof) -> None:
    """What the statement allows in page and opening."""
    deposit, opening = proof.deposit, proof.opening
    left = deposit.count - proof.item_index // deposit.page * deposit.page
    if proof.item_index >= deposit.count or len(proof.items) != min(deposit.page, left):
        refuse("the page has not the items that count and page say")
    if deposit.mode == "digest" and proof.item == DIGESTS[deposit.alg](b""):
        refuse("the digest of the empty content")
    if opening and (deposit.mode == "digest" or list(opening.digests) != deposit.algs):
        refuse("the opening does not go with mode and algorithms of the statement")
    if opening and opening.item() != proof.item:
        refuse("the opening does not give the item")


def _check_keys(proof: Proof) -> None:
    """Only records about the two keys, with their serials from 1 on."""
    ours = (proof.deposit.key, proof.deposit.gateway)
    records = [key.value for key in proof.keys]
    if any(r.key not in ours and r.successor not in ours for r in records):
        refuse("a key section about another key")
    for key in ours:
        serials = [r.serial for r in records if r.key == key]
        if serials != list(range(1, len(serials) + 1)):
            refuse("the serials of a key's records have a gap")
    if proof.keys and proof.keys[-1].index >= proof.index:
        refuse("a key section behind the entry")


def _check_rest(proof: Proof) -> None:
    """Policy entries and the later checkpoint."""
    entries = proof.policies
    if len(entries) != (0 if proof.policy.serial == 1 else proof.policy.serial):
        refuse("not as many policy entries as the policy's serial says")
    if entries:
        last = entries[-1].value
        serials = [entry.value.policy.serial for entry in entries]
        if entries[0].index != 1 or serials != list(range(1, len(serials) + 1)):
            refuse("the policy entries do not run from leaf 1 and serial 1 on")
        if (last.policy.text, last.members) != (proof.policy.text, proof.members):
            refuse("the last policy entry is not the policy of the proof")
    if proof.later:
        later = proof.later[1]
        if later.origin != proof.note.origin or later.size < proof.note.size:
            refuse("the later checkpoint is of another chain or smaller")


def seal_time(note: Checkpoint, quorum: int) -> int | None:
    """The Q-th smallest time of the cosignature lines, in milliseconds."""
    times = sorted(seal.seconds for seal in note.seals)
    return times[quorum - 1] * 1000 if len(times) >= quorum else None


def _clock(milliseconds: int, digits: str) -> str:
    both = [f"{t:%Y-%m-%d %H:%M:%S}" + digits for t in (local(milliseconds), utc(milliseconds))]
    return f"{both[0]} 北京时间 UTC+8 ({both[1]} UTC)"


def head_of(proof: Proof) -> list[str]:
    """The head that belongs to the other sections."""
    deposit, policy, note = proof.deposit, proof.policy, proof.note
    sealed = seal_time(note, policy.quorum)
    ordinal = deposit.first_item + proof.item_index
    digests: Iterable[tuple[str, bytes]] = ()
    if proof.opening:
        digests = proof.opening.digests.items()
    elif deposit.mode == "digest":
        digests = [(deposit.alg, proof.item)]
    labels = {"sha256": "SHA-256", "sm3": "SM3"}
    head = [
        "cunzheng/proof/v1",
        "以下由本文件自身算出，须经核验 "
        "Computed from this file itself; verify before relying on it",
        f"存证编号 Evidence number: {evidence_number(deposit.time, ordinal)}",
        "联签时间 Sealed no later than: "
        + ("联签不足 not enough cosignatures" if sealed is None else _clock(sealed, "")),
        "区块时间 Block time, by its proposer's clock: "
        + _clock(deposit.time, f".{deposit.time % 1000:03d}"),
        f"数据项 Item: {proof.item.hex()}",
        *(f"{labels[name]}: {value.hex()}" for name, value in digests),
        f"联签 Cosignatures: {len(note.seals)} of {len(policy.names)} members, "
        f"quorum {policy.quorum}: {', '.join(seal.member for seal in note.seals)}",
        f"策略指纹 Policy fingerprint: {policy.fingerprint}",
        f"链 Chain: {note.origin}",
    ]
    if deposit.attested:
        head.append(
            "存证主体未自行签名，由网关依据账户认证代为提交 "
            "The depositor did not sign; the gateway attested"
        )
    if policy.network == "test":
        head.append("测试链，不得作为证据 Test network, not to be used as evidence")
    return head


# ---- Verification (section 13) -------------------------------------------------------------------


@dataclass(slots=True)
class Findings:
    """What the steps found: failures with a code, open points without."""

    found: list[dict[str, object]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def fail(self, step: int, code: str, why: str) -> None:
        """This step failed."""
        self.found.append({"step": step, "code": code, "text": why})

    def need(self, step: int, code: str, holds: bool, why: str) -> None:
        """This must hold."""
        if not holds:
            self.fail(step, code, why)

    def code(self) -> str:
        """The answer: the first code that applies."""
        codes = {finding["code"] for finding in self.found}
        return next((code for code in ORDER if code in codes), "V001" if self.open else "V000")


def step_file(proof: Proof, file: bytes | None, out: Findings) -> None:
    """1. The file gives the item."""
    opening, deposit = proof.opening, proof.deposit
    if file is None:
        out.open.append("no file was compared")
        return
    if deposit.mode == "digest":
        given, size = {deposit.alg: proof.item}, len(file)
    elif opening:
        given, size = opening.digests, opening.size
    else:
        out.fail(1, "V502", "without the opening no file can be compared")
        return
    equal = [DIGESTS[name](file) == value for name, value in given.items()]
    if not any(equal):
        out.fail(1, "V102", "no digest of the file is that of the proof")
    elif not all(equal) or size != len(file):
        out.fail(1, "V106", "some digests of the file agree, others or the size do not")


def step_item(proof: Proof, out: Findings) -> None:
    """2. The item is in the statement under this evidence number."""
    deposit = proof.deposit
    leaf, pages = leaf_hash(b"".join(proof.items)), -(-deposit.count // deposit.page)
    at = proof.item_index // deposit.page
    holds = included(leaf, at, pages, proof.page_path, deposit.items_root)
    out.need(2, "V201", holds, "the page's path does not lead to items_root")


def _policy_at(proof: Proof, index: int) -> Policy | None:
    """The policy in force when the leaf of this index was made."""
    if not proof.policies:
        return proof.policy
    before = [p.value.policy for p in proof.policies if p.index < index]
    return before[-1] if before else None


def _taken_at(proof: Proof, index: int, *keys: Word | None) -> bool:
    """Whether the rules in force there take the suites of these keys."""
    policy = _policy_at(proof, index)
    return policy is None or all(k is None or k.suite in SUITES[policy.rules] for k in keys)


def step_keys(proof: Proof, out: Findings) -> None:
    """3. The key signed the statement, and the gateway its receipt."""
    deposit, note = proof.deposit, proof.note
    holds = _taken_at(proof, proof.index, deposit.key, deposit.gateway)
    out.need(3, "V205", holds, "a key of a suite that the rules did not take")
    holds = holds_by(deposit.key, deposit.statement, deposit.signature)
    out.need(3, "V205", holds, "the signature of the statement does not hold")
    holds = holds_by(deposit.gateway, deposit.signed_receipt(), deposit.receipt)
    out.need(3, "V205", holds, "the signature of the receipt does not hold")
    for key in proof.keys:
        record, what = key.value, f"key entry {key.index}"
        policy = _policy_at(proof, key.index)
        known = policy is not None and record.authority in policy.authorities
        out.need(3, "V205", known, f"{what}: not an authority of the policy")
        holds = _taken_at(proof, key.index, record.authority, record.key, record.successor)
        out.need(3, "V205", holds, f"{what}: a suite that the rules did not take")
        holds = holds_by(record.authority, record.record, record.signature)
        out.need(3, "V205", holds, f"{what}: the signature does not hold")
        holds = included(leaf_hash(key.entry), key.index, note.size, key.path, note.root)
        out.need(3, "V201", holds, f"{what}: the path does not lead to the root")
    roles = _roles(proof, deposit.key, "statement", out)
    if not roles or "member" in roles:
        out.open.append(f"signed by key {deposit.key}, owner not checked")
    if deposit.attested or "gateway" in roles:
        out.open.append("the depositor did not sign; the gateway attested")
    if "gateway" not in _roles(proof, deposit.gateway, "receipt", out):
        out.open.append(f"received by key {deposit.gateway}, owner not checked")


def _roles(proof: Proof, key: Word, what: str, out: Findings) -> set[str]:
    """In what roles the key was enrolled at the block's time; revoked or rotated is V302."""
    in_force = [k.value for k in proof.keys if k.value.effective <= proof.deposit.time]
    ended = any(r.key == key and r.action != "enrol" for r in in_force)
    out.need(3, "V302", not ended, f"the {what}'s key {key} was revoked or rotated")
    return {
        r.role for r in in_force if (r.key == key and r.action == "enrol") or r.successor == key
    }


def step_entry(proof: Proof, out: Findings) -> None:
    """4. The statement is in the entry, the entry in the tree."""
    deposit, note = proof.deposit, proof.note
    origins = {deposit.origin, note.origin, proof.policy.origin}
    origins.update(key.value.origin for key in proof.keys)
    origins.update(entry.value.origin for entry in proof.policies)
    out.need(4, "V104", len(origins) == 1, "the origins differ: " + ", ".join(sorted(origins)))
    holds = included(leaf_hash(deposit.entry), proof.index, note.size, proof.path, note.root)
    out.need(4, "V201", holds, "the entry's path does not lead to the root")


def _check_further(note: Checkpoint, proof: Proof, what: str, out: Findings) -> None:
    """Every further signature is by a key of the members text, in its order, and verifies."""
    _, keys = read_members(proof.members)
    seconds = {seal.member: seal.seconds for seal in note.seals}
    places: list[tuple[str, bytes, Word]] = []
    for member_name, key in keys:
        name = f"{note.origin}/{member_name}"
        word = f"cunzheng/{key.suite}/v1".encode() + key.raw
        places.append((member_name, key_id(name, 0xFF, word), key))
    at = -1
    for line in note.further:
        member_name = line.name.removeprefix(note.origin + "/")
        found = [i for i, p in enumerate(places) if p[:2] == (member_name, line.key_id) and i > at]
        holds = bool(found)
        if found:
            at = found[0]
            time, key = seconds[member_name], places[at][2]
            signed = b"cosignature/v1\ntime %d\n" % time + note.body
            holds = line.payload[:8] == time.to_bytes(8, "big")
            holds = holds and curve_verify(key.suite, key.raw, signed, line.payload[8:])
        out.need(5, "V202", holds, f"{what}: a further signature does not hold")


def _check_lines(note: Checkpoint, proof: Proof, what: str, out: Findings) -> None:
    """Every signature line verifies, in the policy's order, and a quorum sealed."""
    policy = proof.policy
    _check_further(note, proof, what, out)
    log = logged_by(note.log, note.body, policy)
    out.need(5, "V202", log is not None, f"{what}: the log line is by no key of the policy")
    by = [sealed_by(seal, note, policy) for seal in note.seals]
    good = [i for i in by if i is not None]
    out.need(5, "V202", len(good) == len(by), f"{what}: a cosignature does not hold")
    out.need(5, "V202", good == sorted(good), f"{what}: cosignatures not in the policy's order")
    out.need(5, "V202", len(good) >= policy.quorum, f"{what}: fewer cosignatures than the quorum")


def step_seals(proof: Proof, out: Findings) -> None:
    """5. A quorum of the policy sealed the tree."""
    note = proof.note
    _check_lines(note, proof, "checkpoint", out)
    if proof.later:
        path, later = proof.later
        _check_lines(later, proof, "later checkpoint", out)
        holds = consistent(note.size, note.root, later.size, later.root, path)
        out.need(5, "V203", holds, "the consistency path does not hold")


def step_policies(proof: Proof, out: Findings) -> None:
    """5. The chain of policies from leaf 1 to the one of this proof."""
    note, entries = proof.note, proof.policies
    for entry in entries:
        holds = included(leaf_hash(entry.entry), entry.index, note.size, entry.path, note.root)
        out.need(
            5, "V201", holds, f"policy entry {entry.index}: the path does not lead to the root"
        )
    if entries:
        out.need(5, "V206", note.size > entries[-1].index + 1, "the policy was not yet in force")
    for before, after in itertools.pairwise(entries):
        old, new, what = before.value.policy, after.value, f"policy entry {after.index}"
        out.need(5, "V206", new.previous == sha256(old.text), f"{what}: another previous policy")
        out.need(5, "V206", new.policy.network == old.network, f"{what}: another network")
        out.need(5, "V206", new.policy.rules >= old.rules, f"{what}: lower rules")
        by = [logged_by(line, new.body, old) for line in new.lines]
        good = [i for i in by if i is not None]
        holds = len(good) == len(by) and good == sorted(set(good)) and len(good) >= old.quorum
        out.need(5, "V206", holds, f"{what}: not signed by the quorum before it")


def step_trust(proof: Proof, policy: bytes | None, fingerprint: str | None, out: Findings) -> None:
    """5. The policy is the one from elsewhere, or follows from it."""
    if policy is None and fingerprint is None:
        out.fail(5, "V204", "no policy and no fingerprint from elsewhere")
    known = [proof.policy, *(entry.value.policy for entry in proof.policies)]
    if policy is not None:
        holds = any(p.text == policy for p in known)
        out.need(5, "V206", holds, "the proof does not have the policy from elsewhere")
    if fingerprint is not None:
        holds = any(p.fingerprint == fingerprint for p in known)
        out.need(5, "V206", holds, "the proof does not have the fingerprint from elsewhere")


def step_times(proof: Proof, out: Findings) -> None:
    """6. The times agree: open points, not failures."""
    deposit, skew = proof.deposit, proof.policy.skew
    sealed = seal_time(proof.note, proof.policy.quorum)
    if sealed is not None and abs(deposit.time - sealed) > skew + 1000:
        out.open.append(f"block time and seal time are {abs(deposit.time - sealed)} ms apart")
    if deposit.accepted_at > deposit.time + skew:
        out.open.append("accepted by the gateway after the block's time")


def verify(
    proof: bytes,
    policy: bytes | None = None,
    fingerprint: str | None = None,
    file: bytes | None = None,
) -> dict[str, object]:
    """Verify a proof with what came from elsewhere; `code` is the answer."""
    if proof.startswith(BOM) or b"\r\n" in proof:
        damaged = "a byte order mark or CR LF line ends: damaged in transit"
        answer = _answer("V200", [{"step": 0, "code": "V200", "text": damaged}], [])
        repaired = proof.removeprefix(BOM).replace(b"\r\n", b"\n")
        answer["repaired"] = verify(repaired, policy, fingerprint, file)
        return answer
    try:
        read = read_proof(proof)
    except Unreadable as error:
        return _answer(error.code, [{"step": 0, "code": error.code, "text": str(error)}], [])
    out = Findings()
    step_file(read, file, out)
    step_item(read, out)
    step_keys(read, out)
    step_entry(read, out)
    step_seals(read, out)
    step_policies(read, out)
    step_trust(read, policy, fingerprint, out)
    step_times(read, out)
    out.open.append("later corrections, invalidations and revocations were not looked for")
    if read.policy.network == "test":
        out.open.append("a test network: no evidence")
    answer = _answer(out.code(), out.found, out.open)
    answer["head"] = read.head
    return answer


def _answer(code: str, found: list[dict[str, object]], points: list[str]) -> dict[str, object]:
    return {"code": code, "answer": ANSWERS[code], "findings": found, "open": points}


def main(arguments: list[str] | None = None) -> int:
    """The command; exit status 0 if the evidence holds."""
    parser = argparse.ArgumentParser(description="Verify a cunzheng proof.")
    parser.add_argument("proof", type=Path)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--policy", type=Path, help="the policy text, from elsewhere")
    trust.add_argument("--policy-fingerprint", help="its fingerprint, from elsewhere")
    parser.add_argument("--file", type=Path, help="the file the proof is about")
    given = parser.parse_args(arguments)
    answer = verify(
        given.proof.read_bytes(),
        given.policy.read_bytes() if given.policy else None,
        given.policy_fingerprint,
        given.file.read_bytes() if given.file else None,
    )
    print(json.dumps(answer, ensure_ascii=False))
    return 0 if answer["code"] in ("V000", "V001") else 1


if __name__ == "__main__":
    sys.exit(main())
