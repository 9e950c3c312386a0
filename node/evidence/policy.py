"""Policies: whose seals count (docs/proof-format.md, section 11).

A policy is a c2sp.org/tlog-policy text; what that format does not know stands in its comments, so
the fingerprint covers it:

    >>> from node.evidence.keys import Signer
    >>> log, witness, authority = (Signer(bytes([n]) * 32).public for n in (1, 2, 3))
    >>> policy = Policy(
    ...     origin="a.test", network="test", rules=1, serial=1, skew_ms=2000,
    ...     members_hash=bytes(32), authorities=(authority,),
    ...     sealers=(Sealer("court", log, witness),), quorum=1)
    >>> print(format_policy(policy).decode(), end="")
    #cunzheng policy v1
    #cunzheng network test
    #cunzheng rules 1
    #cunzheng serial 1
    #cunzheng skew-ms 2000
    #cunzheng members 0000000000000000000000000000000000000000000000000000000000000000
    #cunzheng authority ed25519:7UkoxijRwsbq6QM4kFmVYSlZJzpcY/k2NsFGFKyHN9E=
    log a.test+61b7b7cf+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
    witness court a.test/court+24479487+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU
    group members 1 court
    quorum members
    >>> parse_policy(format_policy(policy)) == policy
    True
    >>> fingerprint(format_policy(policy))
    '24UF-ZQ45-W6SU-SPKB-OYU6-QRED-6J74-R5WX'

The fingerprint is what a court publishes on paper: 160 bits, because whoever wants another policy
under the same fingerprint must find a second preimage, not a collision.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from node.evidence.digests import sha256
from node.evidence.keys import ED25519, P256, SM2, PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.members import MEMBERS_MAX
from node.evidence.note import (
    TYPE_COSIGNATURE,
    TYPE_ED25519,
    Vkey,
    ed25519_vkey,
    format_vkey,
    parse_vkey,
)
from node.evidence.spelling import (
    Lines,
    check_integer,
    check_member,
    check_origin,
)

SUITES = {1: (ED25519,), 2: (ED25519, P256, SM2)}
"""By validity rules number: the suites of depositors, gateways, authorities and key records. The
keys that publish and seal are Ed25519 under all of them, as readers of C2SP texts know no other."""
RULES_MAX = max(SUITES)
"""The newest validity rules this version knows; a higher number in force stops it."""
AUTHORITIES_MAX = 16
"""More enrolling authorities than organisations would not be a register but a crowd."""
POLICY_SIZE_MAX = 32_768
"""32 members with origins of 128 characters; a policy note must fit one entry of 65,535."""
SKEW_MS_MAX = 60_000
"""A policy must not be able to switch the comparison of clocks off."""
KEPT = 16
"""Policies kept as read: a chain has few, and every block and every proof asks for one of them."""
NETWORKS = ("test", "production")

_FIRST = "#cunzheng policy v1"


@dataclass(frozen=True, slots=True)
class Sealer:
    """One member's two keys: the log key publishes and changes policy, the witness key seals."""

    member: str
    log: PublicKey
    witness: PublicKey


@dataclass(frozen=True, slots=True)
class Policy:
    """Which members exist, how many seals make a quorum, and who enrols keys."""

    origin: str
    network: str
    rules: int
    serial: int
    skew_ms: int
    members_hash: bytes
    authorities: tuple[PublicKey, ...]
    sealers: tuple[Sealer, ...]
    quorum: int

    def __post_init__(self) -> None:
        check_origin(self.origin, "policy: origin")
        if self.network not in NETWORKS:
            raise Malformed("policy", "network is neither test nor production")
        check_rules(self.rules, "policy")
        check_suites(self.rules, *self.authorities)
        check_integer(self.serial, "policy: serial", low=1)
        if not 0 < len(self.sealers) <= MEMBERS_MAX:
            raise Malformed("policy", f"not 1 to {MEMBERS_MAX} members")
        if len({each.member for each in self.sealers}) != len(self.sealers):
            raise Malformed("policy", "two members of one name")
        for each in self.sealers:
            check_member(each.member, "policy: member")
        if not 0 < self.quorum <= len(self.sealers):
            raise Malformed("policy", "quorum is not 1 to the number of members")
        if self.network == "production" and 2 * self.quorum <= len(self.sealers):
            raise Malformed("policy", "quorum of a production network is not a majority")
        check_integer(self.skew_ms, "policy: skew-ms", high=SKEW_MS_MAX)
        texts = [key.text for key in self.authorities]
        if not 0 < len(texts) <= AUTHORITIES_MAX or texts != sorted(texts):
            raise Malformed("policy", f"not 1 to {AUTHORITIES_MAX} authorities in order")
        if any(key.algorithm != ED25519 for s in self.sealers for key in (s.log, s.witness)):
            raise Malformed("policy", "a log or witness key is not of Ed25519")
        keys = [*self.authorities, *chain.from_iterable((s.log, s.witness) for s in self.sealers)]
        if len(set(keys)) != len(keys):
            raise Malformed("policy", "one public key stands twice")
        if len({self.log_vkey(each).key_id for each in self.sealers}) != len(self.sealers):
            raise Malformed("policy", "two log keys have one key id")

    def log_vkey(self, sealer: Sealer) -> Vkey:
        """The key with which a member publishes checkpoints and signs policy changes."""
        return ed25519_vkey(self.origin, sealer.log)

    def witness_vkey(self, sealer: Sealer) -> Vkey:
        """The key with which a member seals."""
        return ed25519_vkey(f"{self.origin}/{sealer.member}", sealer.witness, TYPE_COSIGNATURE)


def check_rules(rules: int, where: str) -> None:
    """This version knows these rules; higher ones are newer."""
    if rules not in SUITES:
        raise Malformed(where, f"rules number {rules} is not known", newer=rules > RULES_MAX)


def check_suites(rules: int, *keys: PublicKey) -> None:
    """Keys of these suites may act under these rules."""
    for key in keys:
        if key.algorithm not in SUITES[rules]:
            raise Malformed("public key", f"rules {rules} do not take {key.algorithm}")


@lru_cache(KEPT)
def fingerprint(text: bytes) -> str:
    """The first 160 bits of SHA-256 of the policy text: 8 groups of 4 of base32."""
    letters = base64.b32encode(sha256(text)[:20]).decode()
    return "-".join(letters[at : at + 4] for at in range(0, 32, 4))


def format_policy(policy: Policy) -> bytes:
    """The policy text."""
    names = " ".join(each.member for each in policy.sealers)
    lines = [
        _FIRST,
        f"#cunzheng network {policy.network}",
        f"#cunzheng rules {policy.rules}",
        f"#cunzheng serial {policy.serial}",
        f"#cunzheng skew-ms {policy.skew_ms}",
        f"#cunzheng members {policy.members_hash.hex()}",
        *(f"#cunzheng authority {key.text}" for key in policy.authorities),
        *(f"log {format_vkey(policy.log_vkey(each))}" for each in policy.sealers),
        *(
            f"witness {each.member} {format_vkey(policy.witness_vkey(each))}"
            for each in policy.sealers
        ),
        f"group members {policy.quorum} {names}",
        "quorum members",
    ]
    return "".join(f"{line}\n" for line in lines).encode()


@lru_cache(KEPT)
def parse_policy(data: bytes) -> Policy:
    """The policy of a policy text; refuses whatever `format_policy` would not have written."""
    lines = Lines("policy", data)
    network, rules = parse_head(lines)
    check_rules(rules, "policy")
    if len(data) > POLICY_SIZE_MAX:
        raise Malformed("policy", f"longer than {POLICY_SIZE_MAX} bytes")
    serial = lines.integer("#cunzheng serial")
    skew_ms = lines.integer("#cunzheng skew-ms")
    members_hash = lines.digest("#cunzheng members")
    texts = lines.values("#cunzheng authority", AUTHORITIES_MAX)
    authorities = tuple(parse_public_key(text) for text in texts)
    logs = [parse_vkey(text) for text in lines.values("log", MEMBERS_MAX)]
    sealers = tuple(
        _parse_witness(text, log)
        for text, log in zip(lines.values("witness", MEMBERS_MAX), logs, strict=False)
    )
    group = lines.value("group members").split(" ")
    lines.expect("quorum members")
    lines.end()
    if not logs:
        raise Malformed("policy", "no log line")
    policy = Policy(
        origin=logs[0].name,
        network=network,
        rules=rules,
        serial=serial,
        skew_ms=skew_ms,
        members_hash=members_hash,
        authorities=authorities,
        sealers=sealers,
        quorum=_parse_quorum(group[0]),
    )
    if format_policy(policy) != data:
        raise Malformed("policy", "not spelled as this version writes it")
    return policy


def parse_head(lines: Lines) -> tuple[str, int]:
    """Network and rules number: the first three lines, which every rules number keeps."""
    lines.tag(_FIRST)
    network, rules = lines.value("#cunzheng network"), lines.integer("#cunzheng rules")
    if network not in NETWORKS:
        raise Malformed("policy", "network is neither test nor production")
    return network, rules


def _parse_quorum(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 2:
        raise Malformed("policy", "quorum is not a number of members")
    return int(text)


def _parse_witness(text: str, log: Vkey) -> Sealer:
    member, _, rest = text.partition(" ")
    witness = parse_vkey(rest)
    if log.type != TYPE_ED25519 or witness.type != TYPE_COSIGNATURE:
        raise Malformed("policy", "a log key is not of type 01 or a witness key not of type 04")
    return Sealer(member, PublicKey(ED25519, log.public), PublicKey(ED25519, witness.public))
