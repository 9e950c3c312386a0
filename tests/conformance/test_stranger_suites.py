"""Rules 2, by two verifiers and by `openssl`: three suites, further signatures, their limits."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from node.evidence.explain import public_key_pem
from node.evidence.keys import (
    P256,
    SM2,
    BadSignature,
    PublicKey,
    Signature,
    Signer,
    parse_public_key,
    parse_signature,
    verify,
)
from node.evidence.steps import Anchor
from node.evidence.verify import verify as product

SUITES: dict[str, Any] = {
    "suites": {"depositor": "sm2", "gateway": "p256", "authority 0": "sm2", "authority 1": "p256"}
}
RULES_2: dict[str, Any] = {"rules": (2,), **SUITES}
BESIDE: dict[str, Any] = {**RULES_2, "further": ("p256", "sm2")}

Plan = dict[str, Any]
GOOD: dict[str, Plan] = {
    "rules 2 with Ed25519 alone": {"rules": (2,)},
    "all suites": RULES_2,
    "the other way round": {
        "rules": (2,),
        "suites": {"depositor": "p256", "gateway": "sm2", "authority 0": "p256"},
    },
    "attested by SM2": {"rules": (2,), "suites": {"gateway": "sm2"}, "attested": True},
    "further signatures": BESIDE,
    "further signatures of two of the members": {**BESIDE, "sealers": (0, 2)},
    "further signatures on the later checkpoint too": {**BESIDE, "later": 3},
    "from rules 1 to 2": {**BESIDE, "rules": (1, 2), "changes": 2, "changes_first": True}
    | {"suites": {"depositor": "sm2", "gateway": "p256"}},
}

BAD: dict[str, tuple[str, str, Plan]] = {
    "a depositor of SM2 under rules 1": ("V205", "suite", {"suites": {"depositor": "sm2"}}),
    "a gateway of P-256 under rules 1": ("V205", "suite", {"suites": {"gateway": "p256"}}),
    "enrolled under rules 1, used under 2": (
        "V205",
        "suite",
        {"rules": (1, 2), "changes": 1, "suites": {"depositor": "p256"}},
    ),
    "made under rules 1, sealed under 2": (
        "V205",
        "suite",
        {"rules": (1, 2), "late_changes": 1, "suites": {"depositor": "p256"}},
    ),
    "an authority of P-256 under rules 1": (
        "V200",
        "suite",
        {"suites": {"authority 1": "p256"}},
    ),
    "lower rules": ("V206", "lower", {"rules": (2, 1), "changes": 1}),
    "newer rules": ("V502", "newer", {"rules": (3,)}),
    "newer rules after a change": ("V502", "newer", {"rules": (2, 3), "changes": 1}),
}


def codes(stranger: ModuleType, made: Any) -> tuple[dict[str, Any], str]:
    """Both answers, trusting only the first policy."""
    mine = product(made.proof, Anchor(policy_text=made.policies[0]))
    return stranger.verify(made.proof, made.policies[0]), mine.code.name


@pytest.mark.parametrize("name", GOOD)
def test_both_accept_what_rules_2_allow(stranger: ModuleType, maker: ModuleType, name: str) -> None:
    made = maker.make(**GOOD[name])
    answer, code = codes(stranger, made)
    assert (answer["code"], answer["findings"], code) == ("V001", [], "V001")
    assert (b"\nkey court sm2:" in made.proof) == ("further" in GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_both_refuse_what_the_rules_do_not_take(
    stranger: ModuleType, maker: ModuleType, name: str
) -> None:
    expected, why, plan = BAD[name]
    answer, code = codes(stranger, maker.make(**plan))
    assert (answer["code"], code) == (expected, expected), answer
    assert any(why in each["text"] for each in answer["findings"]), answer


# Lines of further signatures and of members' keys, moved and exchanged.

COURT = "— \\S+/court \\S+\n"
FIRST, SECOND = 3, 4  # Of the lines behind three cosignatures: court's p256 and sm2.


def swapped(seals: list[bytes], one: int, two: int) -> list[bytes]:
    seals = list(seals)
    seals[one], seals[two] = seals[two], seals[one]
    return seals


def of_another_time(seals: list[bytes], maker: ModuleType) -> list[bytes]:
    """The further signature with a time one second off, over the message of the right time."""
    mark, name, data = seals[FIRST].decode().split(" ")
    raw = bytearray(maker.base64.b64decode(data))
    raw[11] ^= 1
    return [*seals[:FIRST], maker.lines(f"{mark} {name} {maker.b64(raw)}"), *seals[SECOND:]]


def with_first_twice(text: bytes) -> bytes:
    keys = [line for line in text.splitlines(keepends=True) if line.startswith(b"key ")]
    return text.replace(keys[0], keys[0] * 2)


def exchanged(text: bytes) -> bytes:
    keys = [line for line in text.splitlines(keepends=True) if line.startswith(b"key ")]
    return text.replace(b"".join(keys[:2]), keys[1] + keys[0])


def given_to_all(text: bytes) -> bytes:
    """Every member with the first one's key."""
    return b"".join(
        b"key %s %s" % (line.split(b" ")[1], first)
        if (first := text.split(b"key court ")[1].split(b"\n")[0] + b"\n")
        and line.startswith(b"key ")
        and b"p256" in line
        else line
        for line in text.splitlines(keepends=True)
    )


LINES: dict[str, tuple[str, str, Callable[[Any, ModuleType], Any]]] = {
    "of one member exchanged": ("V202", "seals", lambda s, m: swapped(s, FIRST, SECOND)),
    "of two members exchanged": ("V202", "seals", lambda s, m: swapped(s, FIRST, 5)),
    "one twice": ("V200", "seals", lambda s, m: [*s, s[FIRST]]),
    "before a cosignature": ("V200", "seals", lambda s, m: swapped(s, 2, FIRST)),
    "of another time": ("V202", "seals", of_another_time),
    "one left out": ("V001", "seals", lambda s, m: [*s[:FIRST], *s[SECOND:]]),
    "all left out": ("V001", "seals", lambda s, m: s[:FIRST]),
    "of a member that did not seal": ("V200", "seals", lambda s, m: s[1:]),
    "too short": (
        "V200",
        "seals",
        lambda s, m: [*s[:FIRST], m.lines(" ".join([*s[0].decode().split(" ")[:2], "AAAAAAAA"]))],
    ),
    "of an unknown key": (
        "V202",
        "seals",
        lambda s, m: [*s[:FIRST], m.lines(s[FIRST].decode()[:-21] + "A" * 20)],
    ),
    "key twice": ("V200", "members", lambda t, m: with_first_twice(t)),
    "keys out of order": ("V200", "members", lambda t, m: exchanged(t)),
    "one key of all members": ("V200", "members", lambda t, m: given_to_all(t)),
    "a key of nobody": ("V200", "members", lambda t, m: t.replace(b"key court ", b"key nobody ")),
    "a key of Ed25519": (
        "V200",
        "members",
        lambda t, m: t + m.lines("key forensic " + m.Key(bytes(32)).text),
    ),
    "a key without a name": ("V200", "members", lambda t, m: t + b"key\n"),
    "an authority's key": (
        "V200",
        "policy",
        lambda t, m: m.lines(
            *(
                "#cunzheng authority " + m.CurveKey("p256", m.sha256(b"1 court")).text
                if "authority p256" in line
                else line
                for line in t.decode().splitlines()
            )
        ),
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_further_signatures_and_keys(stranger: ModuleType, maker: ModuleType, name: str) -> None:
    expected, where, change = LINES[name]
    made = maker.make(**BESIDE | {"hooks": {where: lambda value: change(value, maker)}})
    answer, code = codes(stranger, made)
    assert (answer["code"], code) == (expected, expected), answer


def test_keys_under_rules_1_are_refused(stranger: ModuleType, maker: ModuleType) -> None:
    key = maker.lines("key court " + maker.CurveKey("p256", bytes(range(32))).text)
    made = maker.make(hooks={"members": lambda text: text + key})
    answer, code = codes(stranger, made)
    assert (answer["code"], code) == ("V200", "V200"), answer


# Signatures one by one: the product, the second verifier, and openssl.


def test_the_second_verifier_gives_the_verdicts_on_the_edges(stranger: ModuleType) -> None:
    path = Path(__file__).parents[1] / "vectors" / "curve-edges.json"
    cases = json.loads(path.read_text())["cases"]
    for case in cases:
        key, message, signed = (bytes.fromhex(case[n]) for n in ("key", "message", "signature"))
        holds = stranger.curve_verify(case["suite"], key, message, signed)
        assert holds is case["valid"], case["comment"]
    assert len(cases) > 80


@pytest.mark.parametrize("suite", [P256, SM2])
def test_signatures_of_three_makers_hold_for_all(
    stranger: ModuleType, maker: ModuleType, suite: str
) -> None:
    for n in range(8):
        seed, message = bytes([n + 1]) * 32, b"message %d" % n
        theirs = maker.CurveKey(suite, seed)
        mine = Signer(theirs.scalar.to_bytes(32), suite)
        assert mine.public.text == theirs.text
        for signed in (mine.sign(message).raw, theirs.sign(message)):
            verify(parse_public_key(theirs.text), message, Signature(suite, signed))
            assert stranger.curve_verify(suite, theirs.public, message, signed)
            assert not stranger.curve_verify(suite, theirs.public, message + b".", signed)
        with pytest.raises(BadSignature):
            verify(mine.public, message + b".", parse_signature(theirs.signed(message)))


def _options(suite: str) -> list[str]:
    if suite == P256:
        return ["-rawin", "-digest", "sha256"]
    return ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")
@pytest.mark.parametrize("suite", [P256, SM2])
def test_openssl_both_ways(tmp_path: Path, stranger: ModuleType, suite: str) -> None:
    def openssl(*arguments: str) -> bytes:
        command = ["openssl", *arguments]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    mine = Signer(bytes(range(32)), suite)
    message = tmp_path / "message"
    message.write_bytes(b"existed no later than")
    (tmp_path / "mine.pem").write_bytes(public_key_pem(mine.public))
    (tmp_path / "mine.sig").write_bytes(mine.sign(message.read_bytes()).raw)
    given = [*_options(suite), "-in", "message", "-sigfile", "mine.sig"]
    told = openssl("pkeyutl", "-verify", "-pubin", "-inkey", "mine.pem", *given)
    assert b"Verified Successfully" in told

    kind = ["SM2"] if suite == SM2 else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl("genpkey", "-algorithm", *kind, "-out", "theirs.pem")
    der = openssl("pkey", "-in", "theirs.pem", "-pubout", "-outform", "DER")
    key = PublicKey(suite, der)
    for _ in range(6):
        signed = openssl(
            "pkeyutl", "-sign", "-inkey", "theirs.pem", *_options(suite), "-in", "message"
        )
        if stranger.curve_verify(suite, der, message.read_bytes(), signed):
            verify(key, message.read_bytes(), Signature(suite, signed))
            continue
        assert suite == P256
        with pytest.raises(BadSignature, match="upper half"):  # openssl takes either half.
            verify(key, message.read_bytes(), Signature(suite, signed))
