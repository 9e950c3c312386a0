"""The second verifier accepts what the document allows, and no proof with one byte changed."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pages of 16": {"page": 16, "count": 40, "index": 21},
    "last page": {"page": 16, "count": 40, "index": 39},
    "one item": {"count": 1, "index": 0, "page": 16},
    "no details": {"details": False, "alg": "sha256"},
    "sm3 alone": {"alg": "sm3", "file": b""},
    "digest mode": {"mode": "digest", "alg": "sha256"},
    "digest mode, sm3": {"mode": "digest", "alg": "sm3"},
    "public form": {"opening": False},
    "attested": {"attested": True},
    "series and profile": {"series": True},
    "production": {"network": "production"},
    "no keys": {"records": ()},
    "later": {"later": 3},
    "later, the same tree": {"later": -1},
    "policy changed": {"changes": 1},
    "policy changed, everything": {"changes": 3, "later": 2, "page": 16, "count": 17},
    "one member": {"members": 1, "quorum": 1},
    "many members": {"members": 32, "quorum": 17, "sealers": list(range(3, 25))},
    "no fillers": {"fillers": 0},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_accepts_what_the_document_allows(
    stranger: ModuleType, maker: ModuleType, variant: str
) -> None:
    plan = VARIANTS[variant]
    made = maker.make(**plan)
    file = None if plan.get("opening") is False else made.file
    answer = stranger.verify(made.proof, made.policy, None, file)
    assert (answer["code"], answer["findings"]) == ("V001", [])
    assert stranger.verify(made.proof, None, maker.fingerprint(made.policy), None)["code"] == "V001"
    points = " ".join(answer["open"])
    assert ("depositor did not sign" in points) == ("attested" in plan)
    assert ("owner not checked" in points) == (plan.get("records") == ())
    assert ("a test network" in points) == (plan.get("network") != "production")
    assert ("no file was compared" in points) == (file is None)
    assert "revocations were not looked for" in points


def test_any_policy_of_the_chain_may_be_the_one_from_elsewhere(
    stranger: ModuleType, maker: ModuleType
) -> None:
    made = maker.make(changes=2)
    for policy in made.policies:
        assert stranger.verify(made.proof, policy)["code"] == "V001"


def test_every_item_can_be_derived_from_the_batch_file(
    stranger: ModuleType, maker: ModuleType
) -> None:
    made = maker.make(page=16, count=20, index=0)
    values = [json.loads(line[5:]) for line in made.batch.decode().split("\n")[3:-1]]
    items = []
    for value in values:
        digests = {name: bytes.fromhex(value[name]) for name in ("sha256", "sm3")}
        details = maker.canonical(value["details"]).encode()
        opening = stranger.Opening(bytes.fromhex(value["salt"]), digests, value["size"], details)
        items.append(opening.item())
    pages = [b"".join(items[:16]), b"".join(items[16:])]
    for i, value in enumerate(values):
        made.parts.opening = [
            *(f"{name} {value[name]}" for name in ("salt", "sha256", "sm3", "size")),
            f"details {maker.canonical(value['details'])}",
        ]
        made.parts.page = [
            f"item-index {i}",
            *(f"item {item.hex()}" for item in items[i // 16 * 16 :][:16]),
            *(f"path {step.hex()}" for step in maker.path(i // 16, pages)),
        ]
        assert stranger.verify(made.parts.render(), made.policy)["code"] == "V001"


def test_the_command(maker: ModuleType, tmp_path: Path) -> None:
    made = maker.make()
    for name, data in {"p": made.proof, "policy": made.policy, "f": made.file, "g": b"x"}.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, str(Path(__file__).parent / "stranger.py"), "p"]
    for arguments, code, status in [
        (["--policy", "policy", "--file", "f"], "V001", 0),
        (["--policy-fingerprint", maker.fingerprint(made.policy), "--file", "g"], "V102", 1),
        ([], "V204", 1),
    ]:
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, timeout=30, check=False
        )
        assert (json.loads(done.stdout)["code"], done.returncode) == (code, status)
        assert done.stdout.count(b"\n") == 1


def test_damage_in_transit_is_named_and_the_text_without_it_shown(
    stranger: ModuleType, maker: ModuleType
) -> None:
    made = maker.make()
    for damaged in (b"\xef\xbb\xbf" + made.proof, made.proof.replace(b"\n", b"\r\n")):
        answer = stranger.verify(damaged, made.policy, None, made.file)
        assert answer["code"] == "V200"
        assert answer["repaired"]["code"] == "V001"


def flipped(rng: random.Random, data: bytes) -> bytes:
    """One byte changed, half of the time to one that could stand there."""
    at = rng.randrange(len(data))
    old = chr(data[at])
    alike = next(
        (
            letters
            for letters in (
                "0123456789",
                "abcdefghijklmnopqrstuvwxyz",
                "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            )
            if old in letters
        ),
        "",
    )
    if alike and rng.random() < 0.5:
        new = rng.choice(alike.replace(old, "")).encode()
    else:
        new = bytes([data[at] ^ rng.randrange(1, 256)])
    return data[:at] + new + data[at + 1 :]


def refuses_flips(stranger: ModuleType, maker: ModuleType, seed: int, count: int) -> set[str]:
    """The answers to `count` proofs with one byte changed, half of them with the head that fits."""
    rng = random.Random(seed)
    made = maker.make(seed=seed, changes=1, later=2, page=16, count=33)
    assert stranger.verify(made.proof, made.policy, None, made.file)["code"] == "V001"
    codes = set()
    for i in range(count):
        if i % 2:
            proof = flipped(rng, made.proof)
        else:
            proof = maker.with_head(flipped(rng, made.parts.body()))
        answer = stranger.verify(proof, made.policies[0], None, made.file)
        assert answer["code"] not in ("V000", "V001"), proof
        codes.add(answer["code"])
    return codes


def test_refuses_flipped_bytes(stranger: ModuleType, maker: ModuleType) -> None:
    refuses_flips(stranger, maker, 1, 60)


@pytest.mark.slow
def test_refuses_a_thousand_flipped_bytes(stranger: ModuleType, maker: ModuleType) -> None:
    codes = refuses_flips(stranger, maker, 2, 1000)
    assert codes >= {"V104", "V200", "V201", "V202", "V203"}


def test_refuses_lines_taken_away_doubled_or_swapped(
    stranger: ModuleType, maker: ModuleType
) -> None:
    rng = random.Random(4)
    made = maker.make(changes=1, later=2, page=16, count=33)
    lines = made.parts.body().splitlines(keepends=True)
    for _ in range(250):
        i, j = sorted(rng.sample(range(len(lines)), 2))
        changed = rng.choice(
            [
                [*lines[:i], *lines[i + 1 :]],
                [*lines[:i], lines[i], *lines[i:]],
                [*lines[:i], lines[j], *lines[i + 1 : j], lines[i], *lines[j + 1 :]],
            ]
        )
        if changed == lines:
            continue
        answer = stranger.verify(maker.with_head(b"".join(changed)), made.policies[0])
        # one of three seals may be taken away, no other line
        fewer = len(changed) < len(lines) and lines[i].startswith("— ".encode())
        assert answer["code"] not in ("V000", "V001") or fewer, (i, j, lines[i])


def test_refuses_every_shorter_and_a_longer_proof(stranger: ModuleType, maker: ModuleType) -> None:
    made = maker.make()
    for length in range(0, len(made.proof), 61):
        assert stranger.verify(made.proof[:length], made.policy)["code"] == "V200"
    ends = [i for i, c in enumerate(made.proof) if c == ord("\n")][:-1]
    for end in ends:
        # without its last cosignatures it can be read, but the head differs
        assert stranger.verify(made.proof[: end + 1], made.policy)["code"] == "V200"
    assert stranger.verify(made.proof + b"\n", made.policy)["code"] == "V200"


# ---- The parts it stands on ----------------------------------------------------------------------


def test_signing_and_verifying_agree_with_another_library(
    stranger: ModuleType, maker: ModuleType
) -> None:
    rng = random.Random(3)
    for size in range(20):
        seed, message = rng.randbytes(32), rng.randbytes(size * 7)
        theirs, mine = Ed25519PrivateKey.from_private_bytes(seed), maker.Key(seed)
        assert mine.public == theirs.public_key().public_bytes_raw()
        signature = mine.sign(message)
        assert signature == theirs.sign(message)
        assert stranger.ed25519_verify(mine.public, message, signature)
        assert not stranger.ed25519_verify(mine.public, message + b"x", signature)
        assert not stranger.ed25519_verify(mine.public, message, flipped(rng, signature))


def test_ed25519_vector_of_rfc_8032(stranger: ModuleType) -> None:
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert stranger.ed25519_verify(public, b"\xaf\x82", signature)


def small_order_points(maker: ModuleType) -> list[Any]:
    """The eight points of order 1, 2, 4 and 8."""
    y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
    u, v = (y * y - 1) % maker.P, (maker.D * y * y + 1) % maker.P
    square = u * pow(v, -1, maker.P) % maker.P
    x = pow(square, (maker.P + 3) // 8, maker.P)
    if (x * x - square) % maker.P:
        x = x * pow(2, (maker.P - 1) // 4, maker.P) % maker.P
    return [maker.multiple(i, (x, y, 1)) for i in range(1, 9)]


def test_ed25519_odd_keys_and_signatures(stranger: ModuleType, maker: ModuleType) -> None:
    key, message = maker.Key(bytes(32)), b"message"
    signature = key.sign(message)
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    assert not stranger.ed25519_verify(
        key.public, message, r + (s + maker.L).to_bytes(32, "little")
    )
    assert not stranger.ed25519_verify(key.public, message, signature[:-1])
    torsion = small_order_points(maker)
    assert len({maker.encode(point) for point in torsion}) == 8
    for point in torsion:
        small = maker.encode(point)
        zero = bytes(32)
        # with A of small order, R = S·B - k·A is easily found: rule 3 alone refuses
        for tried in range(16):
            r = maker.encode(maker.multiple(tried, torsion[0]))
            assert not stranger.ed25519_verify(small, b"m", r + zero)
    for y in (stranger.P, stranger.P + 1, 2**255 - 1):  # another spelling of 0, 1 and 18
        assert not stranger.ed25519_verify(y.to_bytes(32, "little"), message, signature)
        assert not stranger.ed25519_verify(
            key.public, message, y.to_bytes(32, "little") + bytes(32)
        )
    for y in (1, stranger.P - 1):  # x is 0, and its sign the other one
        assert stranger._decode((y | 1 << 255).to_bytes(32, "little")) is None
    off_curve = next(
        y for y in range(2, 99) if stranger._decode(y.to_bytes(32, "little")) is None
    ).to_bytes(32, "little")
    assert not stranger.ed25519_verify(off_curve, message, signature)
    assert stranger.canonical(off_curve) == off_curve


def test_ed25519_keys_with_a_torsion_component(stranger: ModuleType, maker: ModuleType) -> None:
    """Rule 4 for keys of mixed order: k is reduced mod L, and the equation has no cofactor."""
    key = maker.Key(bytes(32))
    point = maker.add(maker.multiple(key.scalar, maker.BASE), small_order_points(maker)[0])
    public, held = maker.encode(point), 0
    for n in range(40):
        message = b"%d" % n
        r = maker.encode(maker.times_base(n + 2))
        k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % maker.L
        s = (n + 2 + k * key.scalar) % maker.L
        holds = stranger.ed25519_verify(public, message, r + s.to_bytes(32, "little"))
        assert holds == (k % 8 == 0)
        held += holds
    assert 0 < held < 40


def test_sm3_agrees_with_openssl_and_the_standard(
    stranger: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert stranger.own_sm3(b"abc").hex() == stranger.sm3(b"abc").hex() == word
    monkeypatch.setattr(hashlib, "algorithms_available", set())
    assert stranger.sm3(b"abc").hex() == word
    for size in (0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 200):
        assert stranger.own_sm3(b"a" * size) == hashlib.new("sm3", b"a" * size).digest()


def test_paths_agree_with_the_definition_of_the_tree(
    stranger: ModuleType, maker: ModuleType
) -> None:
    leaves = [bytes([i]) for i in range(19)]
    for size in range(1, 20):
        tree, root = leaves[:size], maker.root(leaves[:size])
        for index in range(size):
            leaf, way = stranger.leaf_hash(tree[index]), maker.path(index, tree)
            assert stranger.included(leaf, index, size, way, root)
            assert not stranger.included(leaf, index, size, [*way, root], root)
            assert not stranger.included(leaf, index, size, way[:-1], root) or not way
            assert not stranger.included(leaf, index + size, size, way, root)
        for first in range(1, size + 1):
            way, old = maker.consistency(first, tree), maker.root(leaves[:first])
            assert stranger.consistent(first, old, size, root, way)
            assert not stranger.consistent(first, old, size, root, [*way, root])
            assert not stranger.consistent(first, old, size, root, way[:-1]) or not way
            assert not stranger.consistent(first, bytes(32), size, root, way)
            assert not stranger.consistent(first, old, size, bytes(32), way)
    assert not stranger.consistent(2, root, 1, root, [])


def test_evidence_number_of_the_document(stranger: ModuleType) -> None:
    day = 1_795_190_400_000  # 2026-11-20T16:00Z, the first millisecond of the 21st in UTC+8
    assert stranger.evidence_number(day, 42) == "EV20261121000000000042-47"
    assert stranger.evidence_number(day - 1, 42).startswith("EV20261120")
    last = stranger.TIME_LIMIT - 1
    assert stranger.evidence_number(last, 10**12 - 1).startswith("EV99991231999999999999-")
