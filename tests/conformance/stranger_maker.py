"""Makes small chains and proofs from docs/proof-format.md alone, with its own signing code.

Everything follows from one seed. A test that wants something wrong passes a *hook*: a function
that changes one thing at the moment it is made, before it is hashed, signed and sealed, so that
everything around the wrong thing is right. Hooks by name, and what they change:

    policy, policy2         the policy text             members, members2   the members text
    note, note2             body of the policy note     note2_text          the note with its lines
    item, opening           of the file                 details             its text
    statement               the object                  statement_line      its bytes
    receipt                 its bytes                   key_record          an object, all of them
    deposit_entry           its text                    key_entry           its text, all of them
    policy_entry            its text, all of them       body                the checkpoint's body
    seals                   the cosignature lines       log_line            the log's line
    later_body, later_seals the same of the later one   log_key             whose log line it is
    text                    the proof below its head
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Hooks = Mapping[str, Callable[[Any], Any]]
START = 1_795_000_000_000  # 2026-11-18, the genesis' time

# ---- Ed25519 signing (RFC 8032 section 5.1.6) ----------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
Point = tuple[int, int, int]  # projective X, Y, Z


def add(p: Point, q: Point) -> Point:
    """Any two points (the complete addition of RFC 7748's curve in Edwards form)."""
    a = p[2] * q[2] % P
    b, c, d = a * a % P, p[0] * q[0] % P, p[1] * q[1] % P
    e = D * c * d % P
    f, g = b - e, b + e
    x = a * f * ((p[0] + p[1]) * (q[0] + q[1]) - c - d)
    return x % P, a * g * (d + c) % P, f * g % P


def multiple(n: int, p: Point) -> Point:
    """n times p, bit by bit."""
    result = (0, 1, 1)
    for bit in bin(n)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result


def encode(p: Point) -> bytes:
    """The 32 bytes of a point."""
    inverse = pow(p[2], -1, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE: Point = (BASE_X, 4 * pow(5, -1, P) % P, 1)
_POWERS: list[list[Point]] = []


def times_base(n: int) -> Point:
    """n times the base point, by a table of j * 16^i * B."""
    if not _POWERS:
        p = BASE
        for _ in range(64):
            row = [(0, 1, 1)]
            for _ in range(16):
                row.append(add(row[-1], p))
            _POWERS.append(row)
            p = row[16]
    result = (0, 1, 1)
    for i in range(64):
        result = add(result, _POWERS[i][n >> 4 * i & 15])
    return result


class Key:
    """A private key."""

    def __init__(self, seed: bytes) -> None:
        h = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(h[:32], "little") & ~7 & (1 << 255) - 1 | 1 << 254
        self.prefix = h[32:]
        self.public = encode(times_base(self.scalar))

    @property
    def text(self) -> str:
        """The public key as the document writes it."""
        return "ed25519:" + b64(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        r = int.from_bytes(hashlib.sha512(self.prefix + message).digest(), "little") % L
        encoded = encode(times_base(r))
        h = hashlib.sha512(encoded + self.public + message).digest()
        s = (r + int.from_bytes(h, "little") * self.scalar) % L
        return encoded + s.to_bytes(32, "little")

    def signed(self, message: bytes) -> str:
        """The signature as the document writes it."""
        return "ed25519:" + b64(self.sign(message))


# ---- P-256 and SM2 signing (FIPS 186-5 section 6.4.1, GB/T 32918.2 section 6.1) -----------------

# Of each curve: p, b, n, the base point, what stands before x in the DER of a key.
CURVES = {
    "p256": (
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        41058363725152142129326129780047268409114441015993725554835256314039467401291,
        115792089210356248762697446949407573529996955224135760342422259061068512044369,
        (
            48439561293906451759052585252797914202762949526041747995844080717082404635286,
            36134250956749795798585127919587881956611106672985015071877198253568414405109,
        ),
        bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    ),
    "sm2": (
        2**256 - 2**224 - 2**96 + 2**64 - 1,
        0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93,
        0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123,
        (
            0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
            0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
        ),
        bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
    ),
}
Affine = tuple[int, int] | None


def chord(p: int, one: Affine, two: Affine) -> Affine:
    """The sum of two points, by chord or tangent."""
    if one is None or two is None:
        return two if one is None else one
    if one[0] == two[0] and (one[1] + two[1]) % p == 0:
        return None
    if one == two:
        slope = 3 * (one[0] ** 2 - 1) * pow(2 * one[1], -1, p)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, p)
    x = (slope**2 - one[0] - two[0]) % p
    return x, (slope * (one[0] - x) - one[1]) % p


def times(name: str, n: int) -> tuple[int, int]:
    """n times the base point."""
    p, power = CURVES[name][0], CURVES[name][3]
    total: Affine = None
    while n:
        total = chord(p, total, power) if n & 1 else total
        power, n = chord(p, power, power) or power, n >> 1
    assert total is not None
    return total


def der(*numbers: int) -> bytes:
    """A sequence of integers."""
    body = b""
    for number in numbers:
        data = number.to_bytes(33, "big").lstrip(b"\0")
        data = b"\0" + data if data[0] > 127 else data
        body += bytes([2, len(data)]) + data
    return bytes([0x30, len(body)]) + body


class CurveKey:
    """A private key of P-256 or SM2."""

    def __init__(self, suite: str, seed: bytes) -> None:
        self.suite = suite
        self.scalar = int.from_bytes(seed, "big") >> 1 | 1
        x, y = times(suite, self.scalar)
        self.public = CURVES[suite][4] + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    @property
    def text(self) -> str:
        """The public key as the document writes it."""
        return f"{self.suite}:{b64(self.public)}"

    def sign(self, message: bytes) -> bytes:
        """The DER of r and s."""
        p, b, n, base, _ = CURVES[self.suite]
        k = int.from_bytes(sha256(b"%d" % self.scalar + message), "big") % (n - 1) + 1
        x = times(self.suite, k)[0]
        if self.suite == "p256":
            e = int.from_bytes(sha256(message), "big")
            r = x % n
            s = pow(k, -1, n) * (e + r * self.scalar) % n
            return der(r, min(s, n - s))
        words = [p - 3, b, *base]
        z = b"\0\x80" + b"1234567812345678" + b"".join(w.to_bytes(32, "big") for w in words)
        e = int.from_bytes(sm3(sm3(z + self.public[27:]) + message), "big")
        r = (e + x) % n
        return der(r, pow(1 + self.scalar, -1, n) * (k - r * self.scalar) % n)

    def signed(self, message: bytes) -> str:
        """The signature as the document writes it."""
        return f"{self.suite}:{b64(self.sign(message))}"


AnyKey = Key | CurveKey


# ---- Small things --------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def sm3(data: bytes) -> bytes:
    """SM3."""
    return hashlib.new("sm3", data).digest()


def canonical(value: object) -> str:
    """RFC 8785, for the values of the document."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tagged(tag: str, value: object) -> bytes:
    """Tagged JSON."""
    return f"cunzheng/{tag}/v1 {canonical(value)}".encode()


def lines(*parts: str) -> bytes:
    """Lines, each with its end."""
    return "".join(part + "\n" for part in parts).encode()


def counted(keyword: str, text: bytes) -> bytes:
    """`KEYWORD N` and the text."""
    return b"%s %d\n" % (keyword.encode(), text.count(b"\n")) + text


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """Four bytes."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def vkey(name: str, kind: int, public: bytes) -> str:
    """A verifier key."""
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"


def fingerprint(policy: bytes) -> str:
    """Of a policy."""
    word = base64.b32encode(sha256(policy)[:20]).decode()
    return "-".join(re.findall("....", word))


# ---- The tree, by its definition (RFC 6962 section 2.1) ------------------------------------------


def split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = split(len(leaves))
    return sha256(b"\1" + root(leaves[:k]) + root(leaves[k:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Inclusion path."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def consistency(first: int, leaves: Sequence[bytes], whole: bool = True) -> list[bytes]:
    """Consistency path from the tree of the first leaves to that of all."""
    if first == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if first <= k:
        return [*consistency(first, leaves[:k], whole), root(leaves[k:])]
    return [*consistency(first - k, leaves[k:], False), root(leaves[:k])]


# ---- The proof file ------------------------------------------------------------------------------


def placed(keyword: str, index: int, steps: Sequence[bytes], entry: bytes) -> bytes:
    """A `key` or `policy-entry` section."""
    head = lines(keyword, f"index {index}", *(f"path {step.hex()}" for step in steps))
    return head + counted("entry", entry)


@dataclass(slots=True)
class Parts:
    """The sections of a proof, each as its bytes; a test may change any before `render`."""

    page: list[str]  # its lines without `page`
    entry: bytes
    policy: bytes
    members: bytes
    tlog: list[str]  # index and path lines
    note: bytes
    opening: list[str] | None = None
    keys: list[tuple[int, list[bytes], bytes]] = field(default_factory=list)
    policies: list[tuple[int, list[bytes], bytes]] = field(default_factory=list)
    later: tuple[list[bytes], bytes] | None = None

    def body(self) -> bytes:
        """Everything after the head and its empty line."""
        sections = [lines("opening", *self.opening)] if self.opening is not None else []
        sections.append(lines("page", *self.page))
        sections.append(counted("entry", self.entry))
        sections += [placed("key", *key) for key in self.keys]
        sections += [counted("policy", self.policy), counted("members", self.members)]
        sections += [placed("policy-entry", *entry) for entry in self.policies]
        if self.later:
            steps, note = self.later
            way = lines("later", *(f"path {step.hex()}" for step in steps))
            sections.append(way + counted("note", note))
        sections.append(lines("c2sp.org/tlog-proof@v1", *self.tlog))
        return b"\n".join([*sections, self.note])

    def render(self) -> bytes:
        """The proof with the head that belongs to it."""
        return with_head(self.body())


def with_head(body: bytes) -> bytes:
    """The proof with this text below its head; a text too broken for a head gets none to speak of.

    A reader compares heads last, so it has to find what is broken before.
    """
    try:
        return head_of(body) + b"\n" + body
    except (TypeError, ValueError, IndexError, ArithmeticError):
        return b"cunzheng/proof/v1\n\n" + body


def with_new_head(proof: bytes) -> bytes:
    """A damaged proof with the head that belongs to it, where what is left has one."""
    _, blank, body = proof.partition(b"\n\n")
    try:
        return with_head(body) if blank else proof
    except Exception:
        return proof


def clock(ms: int, digits: int) -> str:
    """A time in both zones."""
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    here, there = (
        t.isoformat(" ", "milliseconds" if digits else "seconds")[: 23 if digits else 19]
        for t in (utc + timedelta(hours=8), utc)
    )
    return f"{here} 北京时间 UTC+8 ({there} UTC)"


def evidence_number(time: int, ordinal: int) -> str:
    """Section 8."""
    day = clock(time, 0)[:10].replace("-", "")
    n = int(f"1431{day}{ordinal:012d}")
    return f"EV{day}{ordinal:012d}-{98 - 100 * n % 97:02d}"


def head_of(body: bytes) -> bytes:
    """The head, from the text of the other sections and without judging them."""
    text = body.decode()

    def find(pattern: str) -> str:
        return re.search(pattern, text, re.M)[1]  # type: ignore[index]

    entry = text[text.index("\ncunzheng/entry/v1\nkind statement\n") :]
    statement = re.search(r"^cunzheng/statement/v\d+ (.*)$", entry, re.M)[1]  # type: ignore[index]
    policy = text[text.index("\npolicy ") + 1 :]
    count = int(policy.split("\n", 1)[0].split(" ")[1])
    policy = "\n".join(policy.split("\n")[1 : count + 1]) + "\n"
    quorum, *members = re.search(r"^group members (.*)$", policy, re.M)[1].split(" ")  # type: ignore[index]
    note = text[text.rindex("\nc2sp.org/tlog-proof@v1\n") :].split("\n\n", 1)[1]
    origin = note.split("\n", 1)[0]
    found = re.findall(rf"^— {re.escape(origin)}/(\S+) (\S+)$", note, re.M)
    names_of_lines = [name for name, _ in found]
    seals = [line for i, line in enumerate(found) if line[0] not in names_of_lines[:i]]
    times = sorted(int.from_bytes(base64.b64decode(s)[4:12], "big") for _, s in seals)
    at = int(find(r"^item-index (\d+)$"))
    slot = at % int(re.search(r'"page":(\d+)', statement)[1])  # type: ignore[index]
    item = re.findall(r"^item ([0-9a-f]+)$", text, re.M)[slot]
    time = int(re.search(r"^time (\d+)$", entry, re.M)[1])  # type: ignore[index]
    first = int(re.search(r"^first-item (\d+)$", entry, re.M)[1])  # type: ignore[index]
    enough = len(times) >= int(quorum)
    sealed = (
        clock(times[int(quorum) - 1] * 1000, 0) if enough else "联签不足 not enough cosignatures"
    )
    digests = re.findall(r"^(sha256|sm3) ([0-9a-f]+)$", text.split("\npage\n")[0], re.M)
    if '"mode":"digest"' in statement:
        digests = [(re.search(r'"alg":"(\w+)"', statement)[1], item)]  # type: ignore[index]
    gateway = re.search(r"^gateway (\S+)$", entry, re.M)[1]  # type: ignore[index]
    names = {"sha256": "SHA-256", "sm3": "SM3"}
    head = [
        "cunzheng/proof/v1",
        "以下由本文件自身算出，须经核验 "
        "Computed from this file itself; verify before relying on it",
        f"存证编号 Evidence number: {evidence_number(time, first + at)}",
        f"联签时间 Sealed no later than: {sealed}",
        f"区块时间 Block time, by its proposer's clock: {clock(time, 3)}",
        f"数据项 Item: {item}",
        *(f"{names[name]}: {value}" for name, value in digests),
        f"联签 Cosignatures: {len(seals)} of {len(members)} members, quorum {quorum}: "
        + ", ".join(name for name, _ in seals),
        f"策略指纹 Policy fingerprint: {fingerprint(policy.encode())}",
        f"链 Chain: {origin}",
    ]
    if f'"key":"{gateway}"' in statement:
        head.append(
            "存证主体未自行签名，由网关依据账户认证代为提交 "
            "The depositor did not sign; the gateway attested"
        )
    if "#cunzheng network test\n" in policy:
        head.append("测试链，不得作为证据 Test network, not to be used as evidence")
    return lines(*head)


# ---- The chain -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """A key record to be made: its key, role and successor are names of `Chain.key`."""

    action: str
    key: str
    role: str
    effective: int = 0  # relative to the genesis' time
    successor: str = ""
    late: bool = False  # after the deposit instead of before it
    enclosed: bool | None = None  # as the document says
    authority: str = "authority 0"


ENROLLED = (Record("enrol", "depositor", "depositor"), Record("enrol", "gateway", "gateway"))


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is to be made."""

    seed: int = 1
    network: str = "test"
    members: int = 3
    quorum: int = 2
    sealers: Sequence[int] | None = None  # all
    mode: str = "commitment"
    alg: str = "sha256+sm3"
    page: int = 1
    count: int = 5
    index: int = 2
    file: bytes = b"a file\n"
    details: bool = True
    opening: bool = True
    attested: bool = False
    series: bool = False
    records: Sequence[Record] = ENROLLED
    rules: Sequence[int] = (1,)  # of the policies; the last number of all that follow too
    suites: Mapping[str, str] = field(default_factory=dict)  # of keys, where not Ed25519
    further: Sequence[str] = ()  # suites in which every member signs besides, under rules 2
    changes_first: bool = False  # before the keys are enrolled
    changes: int = 0  # of the policy, before the deposit
    late_changes: int = 0  # and after it, with nothing behind them
    later: int = 0  # blocks up to the later checkpoint; -1: the same tree
    fillers: int = 3
    skew: int = 2000
    seal_delay: int = 1
    accepted: int = -200  # relative to the block's time
    hooks: Hooks = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """A chain and one proof out of it."""

    proof: bytes
    parts: Parts
    genesis: bytes
    policies: list[bytes]
    file: bytes
    leaves: list[bytes]
    batch: bytes

    @property
    def policy(self) -> bytes:
        """The policy in force at the proof's checkpoint."""
        return self.policies[-1]


class Chain:
    """One small chain, made from a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.origin = f"cunzheng.test/stranger-{self.random.randrange(10**6)}"
        self.names = ["court", "notary", "forensic", *(f"m{i}" for i in range(29))][: plan.members]
        self.time = START
        self.height = 0
        self.first_item = 0
        self.previous = bytes(32)
        self.leaves: list[bytes] = []
        self.policies: list[bytes] = []
        self.members: list[bytes] = []
        self.policy_leaves: list[int] = []
        self.keys: dict[str, AnyKey] = {}
        self.serials: dict[str, int] = {}
        self.key_leaves: list[tuple[int, Record]] = []

    def hook(self, name: str, value: Any) -> Any:
        """What the test wants instead of this."""
        return self.plan.hooks.get(name, lambda same: same)(value)

    def key(self, name: str) -> AnyKey:
        """The private key of this name."""
        if name not in self.keys:
            seed, suite = sha256(f"{self.plan.seed} {name}".encode()), self.plan.suites.get(name)
            self.keys[name] = CurveKey(suite, seed) if suite else Key(seed)
        return self.keys[name]

    def rules(self, serial: int) -> int:
        """The rules number of a policy."""
        return self.plan.rules[min(serial, len(self.plan.rules)) - 1]

    def further_keys(self, name: str) -> list[CurveKey]:
        """The keys with which a member signs besides."""
        return [CurveKey(s, sha256(f"{self.plan.seed} {name}".encode())) for s in self.plan.further]

    # -- policies

    def make_policy(self, serial: int) -> tuple[bytes, bytes]:
        """Policy text and members text; every serial has other log and witness keys."""
        members = ["cunzheng/members/v1"]
        for i, name in enumerate(self.names):
            members.append(f"member {name} {'court' if i == 0 else 'other'} 示例机构 No. {i + 1}")
        if self.rules(serial) > 1:
            members += [f"key {n} {key.text}" for n in self.names for key in self.further_keys(n)]
        which = "2" if serial > 1 else ""
        members_text = self.hook("members" + which, lines(*members))
        authorities = sorted(self.key(f"authority {i}").text for i in range(2))
        group = " ".join(["group members", str(self.plan.quorum), *self.names])
        text = lines(
            "#cunzheng policy v1",
            f"#cunzheng network {self.plan.network}",
            f"#cunzheng rules {self.rules(serial)}",
            f"#cunzheng serial {serial}",
            f"#cunzheng skew-ms {self.plan.skew}",
            f"#cunzheng members {sha256(members_text).hex()}",
            *(f"#cunzheng authority {key}" for key in authorities),
            *(
                "log " + vkey(self.origin, 1, self.key(f"log {serial} {name}").public)
                for name in self.names
            ),
            *(
                f"witness {name} "
                + vkey(f"{self.origin}/{name}", 4, self.key(f"witness {serial} {name}").public)
                for name in self.names
            ),
            group,
            "quorum members",
        )
        return self.hook("policy" + which, text), members_text

    def policy_note(self, serial: int) -> bytes:
        """The next policy as a note, and from now on in force."""
        text, members = self.make_policy(serial)
        previous = sha256(self.policies[-1]) if self.policies else bytes(32)
        body = lines(
            "cunzheng/policy/v1",
            f"origin {self.origin}",
            f"serial {serial}",
            f"previous {previous.hex()}",
        )
        body += counted("policy", text) + counted("members", members)
        body = self.hook("note" if serial == 1 else "note2", body)
        note = body
        if serial > 1:
            note += b"\n" + b"".join(
                self.log_line(body, self.key(f"log {serial - 1} {self.names[i]}"))
                for i in self.sealers()[: self.plan.quorum]
            )
            note = self.hook("note2_text", note)
        self.policies.append(text)
        self.members.append(members)
        return bytes(note)

    # -- notes

    def sealers(self) -> list[int]:
        """Which members sign."""
        chosen = self.plan.sealers
        return list(range(len(self.names)) if chosen is None else chosen)

    def log_line(self, body: bytes, key: AnyKey) -> bytes:
        """A log signature line."""
        data = key_id(self.origin, 1, key.public) + key.sign(body)
        return lines(f"— {self.origin} {b64(data)}")

    def seal(self, body: bytes, name: str, serial: int, seconds: int) -> bytes:
        """A cosignature line."""
        full, key = f"{self.origin}/{name}", self.key(f"witness {serial} {name}")
        signed = b"cosignature/v1\ntime %d\n" % seconds + body
        payload = seconds.to_bytes(8, "big") + key.sign(signed)
        return lines(f"— {full} {b64(key_id(full, 4, key.public) + payload)}")

    def further(self, body: bytes, name: str, seconds: int) -> list[bytes]:
        """A member's further signature lines."""
        full, found = f"{self.origin}/{name}", []
        for key in self.further_keys(name):
            kind = f"cunzheng/{key.suite}/v1".encode()
            payload = seconds.to_bytes(8, "big")
            payload += key.sign(b"cosignature/v1\ntime %d\n" % seconds + body)
            found.append(lines(f"— {full} {b64(key_id(full, 255, kind + key.public) + payload)}"))
        return found

    def body(self, leaves: Sequence[bytes]) -> bytes:
        """A checkpoint's body."""
        return lines(self.origin, str(len(leaves)), b64(root(leaves)))

    def checkpoint(self, leaves: Sequence[bytes], seconds: int, later: str = "") -> bytes:
        """A sealed checkpoint of these leaves."""
        body = self.hook(later + "body", self.body(leaves))
        serial = len(self.policies)
        log = self.log_line(body, self.key(self.hook("log_key", f"log {serial} {self.names[0]}")))
        seals = [
            self.seal(body, self.names[i], serial, seconds + n)
            for n, i in enumerate(self.sealers())
        ]
        if self.rules(serial) > 1:
            for n, i in enumerate(self.sealers()):
                seals += self.further(body, self.names[i], seconds + n)
        seals = self.hook(later + "seals", seals)
        log = self.hook(later + "log_line", log)
        return b"".join([body, b"\n", log, *seals])

    # -- blocks

    def block(self, records: Sequence[bytes], entries: Sequence[bytes], carries: str) -> int:
        """A block, whose entries begin after their first four lines. Returns their first leaf."""
        data = b"".join(len(record).to_bytes(4, "big") + record for record in records)
        kinds = [entry.split(b"\n", 1)[0] for entry in entries]
        head = lines("cunzheng/entry/v1", "kind {}", f"height {self.height}", f"time {self.time}")
        block = head.replace(b"{}", b"block") + lines(
            f"previous {self.previous.hex()}",
            f"proposer {self.names[self.height % len(self.names)] if self.height else 'genesis'}",
            f"term {min(self.height, 1)}",
            "version 0.1.0",
            f"carries {carries}",
            f"body {sha256(data).hex()}",
            f"taken {len(entries)}",
            "skipped 0",
            f"rules {self.rules(max(len(self.policies) - kinds.count(b'policy'), 1))}",
        )
        self.leaves.append(block)
        for entry in entries:
            kind, rest = entry.split(b"\n", 1)
            text = head.replace(b"{}", kind) + rest
            if kind != b"statement":
                text = self.hook(f"{kind.decode()}_entry", text)
            self.leaves.append(text)
        self.previous = sha256(block + self.body(self.leaves))
        self.height += 1
        self.time += 1500
        return len(self.leaves) - len(entries)

    def policy_block(self, serial: int) -> bytes:
        """A block with a policy; at height 0 the genesis."""
        note = self.policy_note(serial)
        record = lines("cunzheng/record/v1", "kind policy") + note
        self.policy_leaves.append(self.block([record], [b"policy\n" + note], "records"))
        return note

    def key_block(self, late: bool) -> None:
        """A block with the key records of the plan."""
        wanted = [record for record in self.plan.records if record.late == late]
        records, entries = [], []
        for record in wanted:
            self.serials[record.key] = self.serials.get(record.key, 0) + 1
            value: dict[str, object] = {
                "action": record.action,
                "effective": START + record.effective,
                "key": self.key(record.key).text,
                "origin": self.origin,
                "role": record.role,
                "serial": self.serials[record.key],
            }
            if record.successor:
                value["successor"] = self.key(record.successor).text
            line = tagged("key", self.hook("key_record", value))
            authority = self.key(record.authority)
            text = lines(f"authority {authority.text}", f"signature {authority.signed(line)}")
            text += line + b"\n"
            records.append(lines("cunzheng/record/v1", "kind key") + text)
            entries.append(b"key\n" + text)
        first = self.block(records, entries, "records")
        self.key_leaves += [(first + i, record) for i, record in enumerate(wanted)]

    def statement_block(self, statements: Sequence[tuple[bytes, AnyKey, bytes]], at: int) -> int:
        """A block of statements (line, its key, its items); returns the first one's leaf."""
        records, entries = [], []
        gateway = self.key("gateway")
        for n, (line, key, items) in enumerate(statements):
            accepted = self.time + at
            receipt = tagged(
                "receipt",
                {
                    "accepted_at": accepted,
                    "origin": self.origin,
                    "statement": sha256(line).hex(),
                },
            )
            if n == 0:
                receipt = self.hook("receipt", receipt)
            fixed = lines(
                f"gateway {gateway.text}",
                f"accepted-at {accepted}",
                f"receipt {gateway.signed(receipt)}",
                f"signature {key.signed(line)}",
            )
            records.append(lines("cunzheng/record/v1", "kind statement") + fixed + line + b"\n\n")
            records[-1] += items
            first = lines(f"first-item {self.first_item}") if items else b""
            self.first_item += len(items) // 32
            entries.append(b"statement\n" + first + fixed + line + b"\n")
        return self.block(records, entries, "records")


# ---- Deposits ------------------------------------------------------------------------------------


def hex_of(rng: random.Random, size: int) -> str:
    """Random hex digits."""
    return rng.randbytes(size).hex()


def open_item(chain: Chain, file: bytes) -> tuple[bytes, dict[str, object]]:
    """An item in commitment mode, and its opening."""
    plan, rng = chain.plan, chain.random
    digests = {"sha256": sha256(file), "sm3": sm3(file)}
    chosen = {name: digests[name] for name in plan.alg.split("+") if name in digests}
    salt = rng.randbytes(32)
    details = ""
    if plan.details:
        name = [hex_of(rng, 16), '合同 "A"\\1 é.pdf']
        details = canonical({"file_name": name, "pages": [hex_of(rng, 16), 12]})
    details = chain.hook("details", details)
    opening: dict[str, object] = {
        "salt": salt,
        "digests": chosen,
        "size": len(file),
        "details": details,
    }
    opening = chain.hook("opening", opening)
    item = sha256(
        f"cunzheng/item/v1 {plan.alg}\n".encode()
        + salt
        + b"".join(opening["digests"].values())  # type: ignore[attr-defined]
        + opening["size"].to_bytes(8, "big")  # type: ignore[attr-defined]
        + (sha256(details.encode()) if details else bytes(32))
    )
    return item, opening


def statement_of(chain: Chain, items: Sequence[bytes], hooked: bool) -> bytes:
    """The line of a deposit of these items."""
    plan, rng = chain.plan, chain.random
    pages = [b"".join(items[i : i + plan.page]) for i in range(0, len(items), plan.page)]
    value: dict[str, object] = {
        "alg": plan.alg,
        "category": "A14_4_ELECTRONIC_FILE",
        "claimed_at": chain.time - 5000,
        "count": len(items),
        "items_root": root(pages).hex(),
        "key": chain.key("gateway" if plan.attested else "depositor").text,
        "mode": plan.mode,
        "nonce": hex_of(rng, 16),
        "origin": chain.origin,
        "page": plan.page,
        "type": "deposit",
    }
    if plan.attested:
        value["submitter"] = hex_of(rng, 32)
    if plan.series:
        value["profile"] = hex_of(rng, 32)
        value["series"] = {"id": hex_of(rng, 32), "prev": hex_of(rng, 32), "seq": 3}
    if hooked:
        value = chain.hook("statement", value)
        return bytes(chain.hook("statement_line", tagged("statement", value)))
    return tagged("statement", value)


def event_of(chain: Chain, subject: bytes) -> bytes:
    """The line of a correction."""
    value = {
        "claimed_at": chain.time,
        "details": hex_of(chain.random, 32),
        "key": chain.key("depositor").text,
        "nonce": hex_of(chain.random, 16),
        "origin": chain.origin,
        "subject": {
            "evidence_no": evidence_number(chain.time, 0),
            "statement": sha256(subject).hex(),
        },
        "type": "correction",
    }
    return tagged("statement", value)


def batch_of(line: bytes, key: AnyKey, openings: Sequence[Mapping[str, Any]]) -> bytes:
    """The depositor's batch file (section 15)."""
    text = lines("cunzheng/batch/v1", f"statement {line.decode()}", f"signature {key.signed(line)}")
    for i, opening in enumerate(openings):
        value: dict[str, object] = {name: d.hex() for name, d in opening["digests"].items()}
        if "salt" in opening:
            value |= {"salt": opening["salt"].hex(), "size": opening["size"]}
        item = canonical(value | {"path": f"文件/{i}.bin"})
        if opening.get("details"):
            item = f'{{"details":{opening["details"]},{item[1:]}'
        text += lines(f"item {item}")
    return text


def make(plan: Plan | None = None, **changes: Any) -> Made:
    """A chain, and the proof of item `index` of its deposit."""
    plan = plan or Plan(**changes)
    chain = Chain(plan)
    note = chain.policy_block(1)
    genesis = lines("cunzheng/genesis/v1", f"time {START}", "version 0.1.0") + note
    if plan.changes_first:
        for serial in range(2, plan.changes + 2):
            chain.policy_block(serial)
    chain.key_block(late=False)
    items, openings = [], []
    for i in range(plan.count):
        file = plan.file if i == plan.index else chain.random.randbytes(50)
        if plan.mode == "commitment":
            item, opening = open_item(chain, file)
        else:
            item = {"sha256": sha256, "sm3": sm3}.get(plan.alg, sha256)(file)
            opening = {"digests": {plan.alg: item}}
        items.append(chain.hook("item", item) if i == plan.index else item)
        openings.append(opening)
    depositor = chain.key("gateway" if plan.attested else "depositor")
    if plan.fillers:
        other = [chain.random.randbytes(32) for _ in range(plan.fillers)]
        line = statement_of(chain, other, hooked=False)
        chain.statement_block([(line, depositor, b"".join(other))], -100)
    if not plan.changes_first:
        for serial in range(2, plan.changes + 2):
            chain.policy_block(serial)
    chain.block([], [], "nothing")
    line = statement_of(chain, items, hooked=True)
    event = event_of(chain, line)
    batch = [(line, depositor, b"".join(items)), (event, chain.key("depositor"), b"")]
    at = chain.statement_block(batch, plan.accepted)
    time = chain.time - 1500
    chain.leaves[at] = chain.hook("deposit_entry", chain.leaves[at])
    chain.key_block(late=True)
    for serial in range(plan.changes + 2, plan.changes + plan.late_changes + 2):
        chain.policy_block(serial)
    parts = parts_of(chain, at, time, items, openings)
    return Made(
        with_head(chain.hook("text", parts.body())),
        parts,
        genesis,
        chain.policies,
        plan.file,
        chain.leaves,
        batch_of(line, depositor, openings),
    )


def parts_of(
    chain: Chain,
    at: int,
    time: int,
    items: Sequence[bytes],
    openings: Sequence[Mapping[str, Any]],
) -> Parts:
    """The sections of the proof of the deposit at leaf `at`."""
    plan = chain.plan
    leaves = list(chain.leaves)
    seconds = -(-time // 1000) + plan.seal_delay
    start = plan.index // plan.page * plan.page
    pages = [b"".join(items[i : i + plan.page]) for i in range(0, len(items), plan.page)]
    way = path(plan.index // plan.page, pages) if plan.index < len(items) else []
    parts = Parts(
        page=[
            f"item-index {plan.index}",
            *(f"item {item.hex()}" for item in items[start : start + plan.page]),
            *(f"path {step.hex()}" for step in way),
        ],
        entry=leaves[at],
        policy=chain.policies[-1],
        members=chain.members[-1],
        tlog=[f"index {at}", *(b64(step) for step in path(at, leaves))],
        note=chain.checkpoint(leaves, seconds),
    )
    if plan.opening and plan.mode == "commitment":
        opening = openings[plan.index]
        parts.opening = [
            f"salt {opening['salt'].hex()}",
            *(f"{name} {digest.hex()}" for name, digest in opening["digests"].items()),
            f"size {opening['size']}",
            *([f"details {opening['details']}"] if opening["details"] else []),
        ]
    for i, record in chain.key_leaves:
        about = {record.key, record.successor}
        ours = {"gateway"} if plan.attested else {"gateway", "depositor"}
        enclosed = i < at and bool(about & ours)
        if enclosed if record.enclosed is None else record.enclosed:
            parts.keys.append((i, path(i, leaves), leaves[i]))
    if len(chain.policies) > 1:
        parts.policies = [(i, path(i, leaves), leaves[i]) for i in chain.policy_leaves]
    if plan.later:
        for _ in range(plan.later):
            chain.block([], [], "nothing")
        later = chain.checkpoint(chain.leaves, seconds + 9, "later_")
        parts.later = (consistency(len(leaves), chain.leaves), later)
    return parts
