"""Two verifiers that share nothing but the document give one answer, whatever the bytes.

One is the product's, the other (`stranger.py`) was written from the document alone. Proofs come
from a maker that was written like the second verifier, and are then damaged: single bytes, whole
lines, lines of another proof, with the head computed again so that the damage gets past it.
"""

import hashlib
import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from node.evidence.steps import Anchor, FileDigests
from node.evidence.verify import verify

PLANS: list[dict[str, Any]] = [
    {},
    {"page": 16, "count": 40, "index": 21},
    {"mode": "digest", "alg": "sha256"},
    {"opening": False, "attested": True},
    {"changes": 1, "later": 2, "network": "production"},
    {"records": (), "series": True, "alg": "sm3"},
    {"members": 1, "quorum": 1, "later": -1},
    {
        "rules": (2,),
        "suites": {"depositor": "sm2", "gateway": "p256", "authority 0": "p256"},
        "further": ("p256", "sm2"),
    },
]


def product(proof: bytes, policy: bytes, file: bytes | None) -> str:
    held = None
    if file is not None:
        digests = {alg: hashlib.new(alg, file).digest() for alg in ("sha256", "sm3")}
        held = FileDigests(len(file), digests)
    return verify(proof, Anchor(policy_text=policy), held).code.name


def flip(rng: random.Random, proof: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(proof))
    return proof[:at] + bytes([proof[at] ^ (1 << rng.randrange(8))]) + proof[at + 1 :]


def drop_line(rng: random.Random, proof: bytes, _: bytes) -> bytes:
    lines = proof.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def repeat_line(rng: random.Random, proof: bytes, _: bytes) -> bytes:
    lines = proof.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


def foreign_line(rng: random.Random, proof: bytes, other: bytes) -> bytes:
    """A line of another proof in the place of one that begins alike."""
    lines, strange = proof.splitlines(keepends=True), other.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    alike = [line for line in strange if line[:4] == lines[at][:4]] or strange
    lines[at] = rng.choice(alike)
    return b"".join(lines)


def other_digit(rng: random.Random, proof: bytes, _: bytes) -> bytes:
    places = [at for at, byte in enumerate(proof) if byte in b"0123456789abcdef"]
    at = rng.choice(places)
    return proof[:at] + bytes([rng.choice(b"0123456789abcdef")]) + proof[at + 1 :]


DAMAGE: list[Callable[[random.Random, bytes, bytes], bytes]] = [
    flip,
    drop_line,
    repeat_line,
    foreign_line,
    other_digit,
]


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_both_accept_and_both_refuse_the_other_file(
    stranger: ModuleType, maker: ModuleType, plan: dict[str, Any]
) -> None:
    made = maker.make(**plan)
    for file in (None, made.file, made.file + b"."):
        expected = stranger.verify(made.proof, made.policy, None, file)["code"]
        assert product(made.proof, made.policy, file) == expected


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_one_answer_to_every_damage(
    stranger: ModuleType, maker: ModuleType, plan: dict[str, Any]
) -> None:
    rng = random.Random(str(plan))
    made, other = maker.make(**plan), maker.make(**plan | {"seed": 99}).proof
    codes = set()
    for _ in range(100):
        damaged = rng.choice(DAMAGE)(rng, made.proof, other)
        if rng.random() < 0.5:
            damaged = maker.with_new_head(damaged)
        expected = stranger.verify(damaged, made.policies[0], None, made.file)["code"]
        assert product(damaged, made.policies[0], made.file) == expected, damaged.decode(
            "utf-8", "replace"
        )
        codes.add(expected)
    assert len(codes) > 1
