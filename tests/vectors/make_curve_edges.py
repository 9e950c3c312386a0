"""Writes curve-edges.json beside this file: `python tests/vectors/make_curve_edges.py`.

Every case is built from the arithmetic of weierstrass_twin.py to sit on one edge of the rules of
P-256 and SM2, so its verdict is known by construction and asked of no library. README.md explains
the file.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import weierstrass_twin as twin

HERE = Path(__file__).parent
MESSAGE = b"existed no later than"
IDENTITY = b"1234567812345678"
PRIVATE = 0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0
NONCE = 0x0FED_CBA9_8765_4321_0FED_CBA9_8765_4321_0FED_CBA9_8765_4321_0FED_CBA9_8765_4321
CURVES = {"p256": twin.P256, "sm2": twin.SM2}
SPKI = {
    "p256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    "sm2": bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
}

Case = dict[str, object]
Pair = tuple[int, int]


def case(
    suite: str,
    comment: str,
    key: bytes,
    signature: bytes,
    fault: str | None,
    message: bytes = MESSAGE,
) -> Case:
    return {
        "suite": suite,
        "comment": comment,
        "key": key.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
        "valid": fault is None,
        "fault": fault,
    }


def encode_key(suite: str, point: Pair) -> bytes:
    return SPKI[suite] + b"".join(number.to_bytes(32) for number in point)


def encode_integer(number: int, more: bytes = b"") -> bytes:
    data = more + number.to_bytes(number.bit_length() // 8 + 1)
    return b"\2" + bytes([len(data)]) + data


def encode_pair(r: int, s: int) -> bytes:
    body = encode_integer(r) + encode_integer(s)
    return b"\x30" + bytes([len(body)]) + body


def sign(suite: str, message: bytes = MESSAGE, private: int = PRIVATE, k: int = NONCE) -> Pair:
    pair: Pair
    if suite == "p256":
        pair = twin.p256_sign(private, message, k)
    else:
        pair = twin.sm2_sign(private, message, IDENTITY, k)
    return pair


def key_of(suite: str, private: int = PRIVATE) -> Pair:
    point = CURVES[suite].multiply(private, CURVES[suite].base)
    assert point is not None
    return point


def plain_cases(suite: str) -> Iterator[Case]:
    key, good = encode_key(suite, key_of(suite)), encode_pair(*sign(suite))
    yield case(suite, "a plain signature", key, good, None)
    yield case(suite, "the empty message", key, encode_pair(*sign(suite, b"")), None, b"")
    yield case(suite, "another message", key, good, "equation", MESSAGE + b".")
    yield case(suite, "another key", encode_key(suite, key_of(suite, 2)), good, "equation")
    r, s = sign(suite)
    high = suite == "p256" and r > CURVES[suite].n // 2
    swapped = "upper half" if high else "equation"
    yield case(suite, "r and s exchanged", key, encode_pair(s, r), swapped)
    for name, private in (("1", 1), ("n - 2", CURVES[suite].n - 2)):
        signed = encode_pair(*sign(suite, private=private))
        point = encode_key(suite, key_of(suite, private))
        yield case(suite, f"the private key is {name}", point, signed, None)


def der_cases(suite: str) -> Iterator[Case]:
    r, s = sign(suite)
    key, good = encode_key(suite, key_of(suite)), encode_pair(r, s)
    body = good[2:]
    long = encode_integer(r, b"\0") + encode_integer(s)
    for comment, signature in (
        ("a zero byte too many before r", b"\x30" + bytes([len(long)]) + long),
        ("the length of the sequence in two bytes", b"\x30\x81" + good[1:]),
        ("a sequence of open length", b"\x30\x80" + body + b"\0\0"),
        ("the length of r in two bytes", b"\x30" + bytes([len(body) + 1]) + b"\2\x81" + body[1:]),
        ("a byte after the sequence", good + b"\0"),
        ("a byte after s, inside", b"\x30" + bytes([len(body) + 1]) + body + b"\0"),
        ("the last byte missing", good[:-1]),
        ("a set", b"\x31" + good[1:]),
        ("r as an octet string", good[:2] + b"\4" + good[3:]),
        ("r and s as 64 bytes, as COSE writes them", r.to_bytes(32) + s.to_bytes(32)),
        ("no integers", b"\x30\0"),
        ("one integer", b"\x30" + bytes([len(encode_integer(r))]) + encode_integer(r)),
        ("r negative", encode_pair(r, s)[:4] + b"\xff" * good[3] + body[2 + good[3] :]),
    ):
        yield case(suite, comment, key, signature, "DER")


def range_cases(suite: str) -> Iterator[Case]:
    n, (r, s) = CURVES[suite].n, sign(suite)
    key = encode_key(suite, key_of(suite))
    for comment, pair in (
        ("r = 0", (0, s)),
        ("s = 0", (r, 0)),
        ("r = n", (n, s)),
        ("s = n", (r, n)),
        ("r + n", (r + n, s)),
        ("s + n", (r, s + n)),
        ("r and s 0", (0, 0)),
    ):
        yield case(suite, comment, key, encode_pair(*pair), "range")
    yield case(suite, "r = 1, s = 1", key, encode_pair(1, 1), "equation")
    twin_fault = "upper half" if suite == "p256" else "equation"
    yield case(suite, "n - s", key, encode_pair(r, n - s), twin_fault)
    top = encode_pair(r, n - 1)
    yield case(suite, "s = n - 1", key, top, twin_fault)


def key_cases(suite: str) -> Iterator[Case]:
    curve, (x, y) = CURVES[suite], key_of(suite)
    good, signature = encode_key(suite, (x, y)), encode_pair(*sign(suite))
    other = "sm2" if suite == "p256" else "p256"
    for comment, key, fault in (
        ("y + 1", encode_key(suite, (x, y + 1)), "off the curve"),
        ("x and y exchanged", encode_key(suite, (y, x)), "off the curve"),
        ("x = y = 0", encode_key(suite, (0, 0)), "off the curve"),
        ("x = p", encode_key(suite, (curve.p, y)), "coordinate"),
        ("y = 2^256 - 1", encode_key(suite, (x, 2**256 - 1)), "coordinate"),
        ("the other curve's word", SPKI[other] + good[27:], "off the curve"),
        ("a key of the other curve", encode_key(other, key_of(other)), "key DER"),
        ("a compressed point", good[:26] + bytes([2 + y % 2]) + good[27:59], "key DER"),
        ("a hybrid point", good[:26] + bytes([6 + y % 2]) + good[27:], "key DER"),
        ("the bare point", good[26:], "key DER"),
        ("a byte after it", good + b"\0", "key DER"),
        ("the last byte missing", good[:-1], "key DER"),
    ):
        # What bears the other curve's word is judged as the other curve's.
        judged = other if comment == "the other curve's word" else suite
        yield case(judged, comment, key, signature, fault)


def infinity_cases(suite: str) -> Iterator[Case]:
    """Sums that no honest signer meets: at infinity, and with an x above n."""
    n, curve = CURVES[suite].n, CURVES[suite]
    if suite == "sm2":
        r, s = sign(suite)
        key = encode_key(suite, key_of(suite))
        yield case(suite, "r + s = n", key, encode_pair(r, n - r), "t is 0")
        r = (-s * pow(PRIVATE, -1, n) - s) % n
        yield case(suite, "the sum is at infinity", key, encode_pair(r, s), "equation")
        return
    e, r, s = int.from_bytes(hashlib.sha256(MESSAGE).digest()), 7, 5
    private = -e * pow(r, -1, n) % n
    key = encode_key(suite, key_of(suite, private))
    yield case(suite, "the sum is at infinity", key, encode_pair(r, s), "equation")
    x = n
    while (y := _root(curve, x)) is None:
        x += 1
    # Q = (s * R - e * G) / r has, by construction, the signature (x - n, s).
    r = x - n
    point = curve.add(curve.multiply(s, (x, y)), curve.multiply(n - e % n, curve.base))
    key_point = curve.multiply(pow(r, -1, n), point)
    assert key_point is not None
    signature = encode_pair(r, s)
    yield case(suite, "x of the sum is above n", encode_key(suite, key_point), signature, None)


def _root(curve: twin.Curve, x: int) -> int | None:
    square = (x**3 - 3 * x + curve.b) % curve.p
    y = pow(square, (curve.p + 1) // 4, curve.p)
    return y if y * y % curve.p == square and x % curve.n else None


def all_cases() -> list[Case]:
    makers = plain_cases, der_cases, range_cases, key_cases, infinity_cases
    return [each for suite in CURVES for make in makers for each in make(suite)]


def as_json() -> str:
    return json.dumps({"rule": 1, "cases": all_cases()}, indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "curve-edges.json").write_text(as_json())
