"""Policies: one text, one meaning, and a fingerprint for paper."""

import base64
import hashlib
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.evidence.policy import (
    POLICY_SIZE_MAX,
    Policy,
    Sealer,
    fingerprint,
    format_policy,
    parse_policy,
)
from node.evidence.tlog_policy import parse_policy as parse_tlog_policy


def public(name: str) -> Any:
    return Signer(hashlib.sha256(name.encode()).digest()).public


SEALERS = tuple(Sealer(n, public(f"{n} log"), public(f"{n} witness")) for n in ("court", "notary"))
POLICY = Policy(
    origin="cunzheng.test/example",
    network="test",
    rules=1,
    serial=1,
    skew_ms=2000,
    members_hash=bytes(32),
    authorities=tuple(sorted((public("a1"), public("a2")), key=lambda key: key.text)),
    sealers=SEALERS,
    quorum=2,
)
TEXT = format_policy(POLICY)


def test_round_trip() -> None:
    assert parse_policy(TEXT) == POLICY
    production = replace(POLICY, network="production", serial=2**53 - 1, skew_ms=0)
    assert parse_policy(format_policy(production)) == production


def test_readers_of_the_published_format_understand_it() -> None:
    published = parse_tlog_policy(TEXT)
    assert {log.vkey.name for log in published.logs} == {POLICY.origin}
    assert published.satisfied({"court", "notary"})
    assert not published.satisfied({"court"})


def test_the_largest_policy_is_far_below_the_limit() -> None:
    origin = "a" * 128
    names = [f"m{n:031d}" for n in range(32)]
    sealers = tuple(Sealer(n, public(n + "l"), public(n + "w")) for n in names)
    keys = sorted((public(f"a{n}") for n in range(16)), key=lambda key: key.text)
    big = replace(POLICY, origin=origin, sealers=sealers, authorities=tuple(keys), quorum=32)
    assert parse_policy(format_policy(big)) == big
    assert 2 * len(format_policy(big)) < 1.2 * POLICY_SIZE_MAX


def test_the_fingerprint_is_160_bits_in_base32() -> None:
    shown = fingerprint(TEXT)
    assert len(shown) == 39
    assert base64.b32decode(shown.replace("-", "")) == hashlib.sha256(TEXT).digest()[:20]
    assert fingerprint(TEXT + b"\n") != shown


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "Bad"},
        {"network": "prod"},
        {"rules": 0},
        {"serial": 0},
        {"sealers": ()},
        {"sealers": SEALERS * 17},
        {"sealers": (SEALERS[0], replace(SEALERS[1], member="court"))},
        {"sealers": (SEALERS[0], replace(SEALERS[1], member="all"))},
        {"sealers": (SEALERS[0], replace(SEALERS[1], log=SEALERS[0].log))},
        {"sealers": (SEALERS[0], replace(SEALERS[1], witness=SEALERS[0].log))},
        {"sealers": (SEALERS[0], replace(SEALERS[1], witness=POLICY.authorities[0]))},
        {"quorum": 0},
        {"quorum": 3},
        {"network": "production", "quorum": 1},
        {"skew_ms": 60_001},
        {"authorities": ()},
        {"authorities": POLICY.authorities[::-1]},
        {"authorities": POLICY.authorities[:1] * 2},
        {"authorities": tuple(sorted((public(str(n)) for n in range(17)), key=lambda k: k.text))},
    ],
)
def test_a_policy_is_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        replace(POLICY, **changes)


def test_two_log_keys_of_one_key_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has two such keys at hand, so the id is made short."""
    monkeypatch.setattr("node.evidence.note.Vkey.key_id", b"same")
    with pytest.raises(Malformed, match="key id"):
        replace(POLICY, serial=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"#cunzheng policy v1\n", b""),
        (b"policy v1", b"policy v0"),
        (b"#cunzheng network test", b"#cunzheng network Test"),
        (b"rules 1", b"rules 0"),
        (b"rules 1", b"rules 01"),
        (b"serial 1", b"serial 0"),
        (b"skew-ms 2000", b"skew-ms 02000"),
        (b"members 00", b"members "),
        (b"#cunzheng authority", b"#cunzheng  authority"),
        (b"log cunzheng", b"log  cunzheng"),
        (b"+", b"-"),
        (b"witness court ", b"witness notary "),
        (b"witness notary ", b"witness other "),
        (b"witness court ", b"witness court\t"),
        (b"group members 2", b"group members 02"),
        (b"group members 2", b"group members two"),
        (b"group members 2", "group members ٢".encode()),
        (b"group members 2", b"group members 3"),
        (b"group members 2 court", b"group members 2 notary court"),
        (b"group members 2 court notary", b"group members 2 court"),
        (b"group members 2 court notary", b"group members"),
        (b"quorum members\n", b"quorum court\n"),
        (b"quorum members\n", b"quorum members"),
        (b"quorum members\n", b"quorum members\n\n"),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes) -> None:
    assert old in TEXT
    with pytest.raises(Malformed) as caught:
        parse_policy(TEXT.replace(old, new, 1))
    assert not caught.value.newer


def without(prefix: bytes) -> bytes:
    return b"".join(each for each in TEXT.splitlines(keepends=True) if not each.startswith(prefix))


def test_a_policy_without_logs_or_with_types_exchanged_is_refused() -> None:
    lines = TEXT.splitlines(keepends=True)
    logs = [each for each in lines if each.startswith(b"log ")]
    witness = next(each for each in lines if each.startswith(b"witness court "))
    as_log = b"log " + witness.split(b" ")[2]
    as_witness = b"witness court " + logs[0].split(b" ")[1]
    for data in (
        without(b"log "),
        without(b"witness "),
        without(b"log ").replace(b"witness court", logs[0] + b"witness court"),
        TEXT.replace(logs[0], as_log),
        TEXT.replace(witness, as_witness),
        TEXT.replace(b"quorum members\n", b"#" * POLICY_SIZE_MAX + b"\nquorum members\n"),
    ):
        with pytest.raises(Malformed):
            parse_policy(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"policy v1", b"policy v2"),
        (b"rules 1", b"rules 3"),
        (b"authority ed25519:", b"authority mldsa44:"),
    ],
)
def test_what_a_later_version_changes_is_newer(old: bytes, new: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_policy(TEXT.replace(old, new))
    assert caught.value.newer


def test_a_newer_policy_is_newer_however_long_it_is(chains: ModuleType) -> None:
    text = chains.Chain().policies[0].policy_text
    with pytest.raises(Malformed) as caught:
        parse_policy(text.replace(b"rules 1", b"rules 3") + b"#" * POLICY_SIZE_MAX)
    assert caught.value.newer
