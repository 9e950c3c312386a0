"""Writes ed25519-edges.json beside this file: `python tests/vectors/make_ed25519_edges.py`.

Every case is built from the group's arithmetic (ed25519_twin.py) to sit exactly on one edge of the
rule, so its verdict is known by construction and asked of no library. README.md explains the file.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import ed25519_twin as twin

HERE = Path(__file__).parent
SEED = bytes(range(32))
MESSAGE = b"existed no later than"
SCALAR = 0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0
NONCE = 0x0FED_CBA9_8765_4321_0FED_CBA9_8765_4321

Case = dict[str, object]


def case(comment: str, key: bytes, message: bytes, signature: bytes, fault: str | None) -> Case:
    return {
        "comment": comment,
        "key": key.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
        "valid": fault is None,
        "fault": fault,
        "cofactorless": twin.equation_holds(key, message, signature),
        "cofactored": twin.equation_holds(key, message, signature, cofactor=8),
    }


def small_order_points() -> list[twin.Point]:
    """The eight points killed by 8: multiples of a point whose part outside the subgroup is 8."""
    y = 2
    while True:
        point = twin.decode(y.to_bytes(32, "little"))
        torsion = twin.multiply(twin.L, point) if point else twin.NEUTRAL
        if twin.multiply(4, torsion) != twin.NEUTRAL:
            return [twin.multiply(i, torsion) for i in range(8)]
        y += 1


def spellings(point: twin.Point) -> Iterator[tuple[str, bytes]]:
    """Every 32 bytes that a lenient reader takes for this point."""
    x, y = point
    for high_y in (y, y + twin.P):
        for sign in (0, 1):
            if high_y < twin.SIGN_BIT and (x == 0 or x & 1 == sign):
                encoded = (high_y | sign * twin.SIGN_BIT).to_bytes(32, "little")
                yield ("canonical" if encoded == twin.encode(point) else "not canonical"), encoded


def scalar_bytes(number: int) -> bytes:
    return number.to_bytes(32, "little")


def made_for(r: bytes, key: bytes, message: bytes = MESSAGE) -> bytes:
    """R || S with S as the holder of SCALAR and NONCE computes it over these very bytes."""
    return r + scalar_bytes((NONCE + twin.challenge(r, key, message) * SCALAR) % twin.L)


def message_with(r: bytes, key: bytes, remainder: int, modulus: int) -> bytes:
    """A message whose challenge k is `remainder` mod `modulus`, so that [k]T is known."""
    number = 0
    while twin.challenge(r, key, b"message %d" % number) % modulus != remainder:
        number += 1
    return b"message %d" % number


def plain_cases() -> Iterator[Case]:
    key, signature = twin.public_key(SEED), twin.sign(SEED, MESSAGE)
    yield case("a plain signature", key, MESSAGE, signature, None)
    yield case("the empty message", key, b"", twin.sign(SEED, b""), None)
    yield case("another message", key, MESSAGE + b".", signature, "equation")
    other = twin.public_key(bytes(32))
    yield case("another key", other, MESSAGE, signature, "equation")
    yield case("a signature of 63 bytes", key, MESSAGE, signature[:-1], "length")
    yield case("a signature of 65 bytes", key, MESSAGE, signature + b"\0", "length")
    yield case("no signature", key, MESSAGE, b"", "length")
    for bit in (0, 100, 254, 255, 256, 300, 507):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        reason = twin.fault(key, MESSAGE, bytes(flipped))
        yield case(f"bit {bit} flipped", key, MESSAGE, bytes(flipped), reason)


def s_cases() -> Iterator[Case]:
    key, signature = twin.public_key(SEED), twin.sign(SEED, MESSAGE)
    s = int.from_bytes(signature[32:], "little")
    for extra in range(1, 16):
        if s + extra * twin.L < 2**256:
            high = signature[:32] + scalar_bytes(s + extra * twin.L)
            yield case(f"S + {extra}L", key, MESSAGE, high, "S range")
    for name, number in ("L", twin.L), ("2^253", 2**253), ("2^256 - 1", 2**256 - 1):
        edge = signature[:32] + scalar_bytes(number)
        yield case(f"S = {name}", key, MESSAGE, edge, "S range")
    # Valid signatures with such an S cannot be made: S follows from R and A through the hash.
    for name, number in ("0", 0), ("1", 1), ("L - 1", twin.L - 1):
        edge = signature[:32] + scalar_bytes(number)
        yield case(f"S = {name} is in range, and wrong", key, MESSAGE, edge, "equation")


def small_order_cases() -> Iterator[Case]:
    key = twin.encode(twin.multiply(SCALAR, twin.BASE))
    for number, point in enumerate(small_order_points()):
        for spelling, encoded in spellings(point):
            fault = "small order" if spelling == "canonical" else "encoding"
            name = f"{number} times a point of order 8, {spelling}"
            # R = [S]B - [k]A: with A of small order and 8 | k any R = [S]B is valid for anyone.
            r = twin.encode(twin.multiply(NONCE, twin.BASE))
            message = message_with(r, encoded, 0, 8)
            forged = r + scalar_bytes(NONCE)
            yield case(f"A is {name}: forged without a key", encoded, message, forged, f"A {fault}")
            neutral = twin.encode(twin.NEUTRAL) + scalar_bytes(0)
            message = message_with(neutral[:32], encoded, 0, 8)
            comment = f"A is {name}: R neutral, S = 0"
            yield case(comment, encoded, message, neutral, f"A {fault}")
            # R of small order: S = k * a then satisfies the equation up to that point.
            k = twin.challenge(encoded, key, MESSAGE)
            weak = encoded + scalar_bytes(k * SCALAR % twin.L)
            yield case(f"R is {name}", key, MESSAGE, weak, f"R {fault}")


def encoding_cases() -> Iterator[Case]:
    """The encodings above p that are points of large order: y is 3 to 18 (0 and 1 are small)."""
    key = twin.encode(twin.multiply(SCALAR, twin.BASE))
    for y in range(2, 19):
        for sign in (0, 1):
            encoded = (y + twin.P | sign * twin.SIGN_BIT).to_bytes(32, "little")
            on_curve = twin.decode(encoded) is not None
            fault = "encoding" if on_curve else "off the curve"
            name = f"y = p + {y}, sign {sign}"
            signature = made_for(twin.encode(twin.multiply(NONCE, twin.BASE)), encoded)
            yield case(f"A: {name}", encoded, MESSAGE, signature, f"A {fault}")
            yield case(f"R: {name}", key, MESSAGE, made_for(encoded, key), f"R {fault}")
    off = next(y for y in range(2, 99) if twin.decode(scalar_bytes(y)) is None)
    signature = made_for(twin.encode(twin.multiply(NONCE, twin.BASE)), scalar_bytes(off))
    yield case("A off the curve", scalar_bytes(off), MESSAGE, signature, "A off the curve")
    signature = made_for(scalar_bytes(off), key)
    yield case("R off the curve", key, MESSAGE, signature, "R off the curve")


def mixed_order_cases() -> Iterator[Case]:
    """A or R = a point of the subgroup + T of small order: only the cofactor tells them apart."""
    r_point, a_point = (twin.multiply(n, twin.BASE) for n in (NONCE, SCALAR))
    r, key = twin.encode(r_point), twin.encode(a_point)
    for number, torsion in enumerate(small_order_points()[1:], start=1):
        mixed = twin.encode(twin.add(r_point, torsion))
        comment = f"R + {number}T: only a cofactored verifier agrees"
        yield case(comment, key, MESSAGE, made_for(mixed, key), "equation")
        mixed = twin.encode(twin.add(a_point, torsion))
        message = message_with(r, mixed, 1, 8)
        comment = f"A + {number}T, k = 1 mod 8: only a cofactored verifier agrees"
        yield case(comment, mixed, message, made_for(r, mixed, message), "equation")
        message = message_with(r, mixed, 0, 8)
        comment = f"A + {number}T, k = 0 mod 8: all verifiers agree, the key is odd but no danger"
        yield case(comment, mixed, message, made_for(r, mixed, message), None)
    torsion = small_order_points()[1]
    mixed_a, mixed_r = (twin.encode(twin.add(point, torsion)) for point in (a_point, r_point))
    message = message_with(mixed_r, mixed_a, 7, 8)
    comment = "A + T, R + T, k = -1 mod 8: the two T cancel"
    yield case(comment, mixed_a, message, made_for(mixed_r, mixed_a, message), None)


def all_cases() -> list[Case]:
    makers = plain_cases, s_cases, small_order_cases, encoding_cases, mixed_order_cases
    return [each for make in makers for each in make()]


def as_json() -> str:
    return json.dumps({"rule": 1, "cases": all_cases()}, indent=1) + "\n"


if __name__ == "__main__":
    (HERE / "ed25519-edges.json").write_text(as_json())
