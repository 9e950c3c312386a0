"""The parts of a certificate, each checked at birth: who, when, where, by which certificates.

What is not known is absent. Identities come masked and are refused if they are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from node.accounts.identity import mask_id_no, mask_name
from node.accounts.vocabulary import IdType, ProofMethod
from node.casework.case_number import BadCaseNumber, parse_case_number
from node.casework.vocabulary import CollectionMethod, OriginalStatus
from node.evidence.malformed import Malformed
from node.evidence.spelling import check_origin, check_time
from node.export.certificate.codec import check_values
from node.words import Bilingual

_MASKED = re.compile(r".{3}\*{1,32}.{2}", re.DOTALL)
_MASKED_NAME = re.compile(r".\**", re.DOTALL)
_FINGERPRINT = re.compile(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){7}")
_PERSONS = frozenset(
    {
        IdType.ID_CARD,
        IdType.PASSPORT,
        IdType.HK_MACAO_PERMIT,
        IdType.TW_PERMIT,
        IdType.FOREIGN_PR,
    }
)


class Asserter(Bilingual):
    """Who says so."""

    DEPOSITOR = ("存证主体", "depositor")
    GATEWAY = ("接入网关", "gateway")
    MEMBERS = ("成员", "members")
    AUTHORITY = ("时间戳机构", "timestamp authority")
    COURT = ("受理法院", "court")
    PLATFORM = ("平台", "platform")
    PROOF = ("证明文件", "proof file")
    VERIFIER = ("核验程序", "verifier")


class Moment(Bilingual):
    """Times of a deposit, in the order in which they should have been."""

    CREATED = ("形成时间（当事人陈述）", "created (claimed)")
    COLLECTED = ("取证时间", "collected")
    CLAIMED = ("签名人所称时间", "claimed by the signer")
    RECEIVED = ("提交接收时间", "received")
    COMMITTED = ("上链时间", "on chain (its proposer's clock)")
    SEALED = ("联签时间", "cosigned by a quorum")
    STAMPED = ("可信时间戳时间", "timestamp")

    @property
    def asserter(self) -> Asserter:
        """Whose clock it was."""
        return _CLOCKS[self]


_CLOCKS = {
    Moment.CREATED: Asserter.DEPOSITOR,
    Moment.COLLECTED: Asserter.DEPOSITOR,
    Moment.CLAIMED: Asserter.DEPOSITOR,
    Moment.RECEIVED: Asserter.GATEWAY,
    Moment.COMMITTED: Asserter.MEMBERS,
    Moment.SEALED: Asserter.MEMBERS,
    Moment.STAMPED: Asserter.AUTHORITY,
}


@dataclass(frozen=True, slots=True)
class Case:
    """The case a court linked the deposit to."""

    case_no: str
    court_code: str | None = None
    court_name: str | None = None
    """As a registry names it; without it the name is printed as not checked."""

    def __post_init__(self) -> None:
        check_values(self)
        try:
            if parse_case_number(self.case_no).text != self.case_no:
                raise Malformed("Case.case_no", "not in its one spelling")
        except BadCaseNumber as error:
            raise Malformed("Case.case_no", f"is wrong in its {error.element}") from error


@dataclass(frozen=True, slots=True)
class Depositor:
    """Who deposited, masked, and how that was verified."""

    name: str
    id_type: IdType
    id_no: str
    method: ProofMethod | None = None
    verified_ms: int | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if not _MASKED.fullmatch(self.id_no):
            raise Malformed("Depositor.id_no", "is not masked")
        if self.id_type in _PERSONS and not _MASKED_NAME.fullmatch(self.name):
            raise Malformed("Depositor.name", "of a person is not masked")
        check_times(self.verified_ms)


def masked_depositor(
    name: str,
    id_type: IdType,
    id_no: str,
    method: ProofMethod | None = None,
    verified_ms: int | None = None,
) -> Depositor:
    """The depositor as a certificate shows it: a person's name masked too."""
    shown = mask_name(name) if id_type in _PERSONS else name
    return Depositor(shown, id_type, mask_id_no(id_no), method, verified_ms)


@dataclass(frozen=True, slots=True)
class Collection:
    """How the data came to the platform."""

    channel: str | None = None
    method: CollectionMethod | None = None
    original_status: OriginalStatus | None = None

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the opening says of the file."""

    name: str | None = None
    size: int | None = None
    media_type: str | None = None

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Digests:
    """The digests of the file, as the opening or a plain deposit has them."""

    sha256: bytes | None = None
    sm3: bytes | None = None

    def __post_init__(self) -> None:
        check_digests(self.sha256, self.sm3)


@dataclass(frozen=True, slots=True)
class Item:
    """The 32 bytes on chain."""

    value: bytes
    salted: bool
    salt_enclosed: bool
    """Whether the proof that comes with this certificate holds the salt."""

    def __post_init__(self) -> None:
        check_digests(self.value)
        if self.salt_enclosed and not self.salted:
            raise Malformed("Item", "a plain digest has no salt")


@dataclass(frozen=True, slots=True)
class TimeFact:
    """One time; what the depositor claims is kept as it was written."""

    moment: Moment
    time_ms: int | None = None
    written: str | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if (self.time_ms is None) == (self.written is None):
            raise Malformed("TimeFact", "neither a time nor what was written for one, or both")
        if self.written is not None and self.moment.asserter is not Asserter.DEPOSITOR:
            raise Malformed("TimeFact", "only a depositor's time is kept as written")
        check_times(self.time_ms)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on which chain. The block's hash is in no proof: whoever can read the log adds it."""

    origin: str
    test_network: bool
    height: int
    entry_hash: bytes
    root: bytes
    index: int
    size: int
    block_hash: bytes | None = None

    def __post_init__(self) -> None:
        check_values(self)
        check_origin(self.origin, "Place.origin")
        check_digests(self.entry_hash, self.root, self.block_hash)
        if self.index >= self.size:
            raise Malformed("Place.index", "is not in the tree")


@dataclass(frozen=True, slots=True)
class ElsewhereFact:
    """The number under which another chain has the same data."""

    chain: str
    number: str

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A member of the policy, and whether it cosigned."""

    member: str
    kind: str
    organisation: str
    sealed_s: int | None = None
    """When it cosigned the checkpoint of the proof."""
    sealed_later: bool = False
    """Whether it cosigned a later one instead."""

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Certified:
    """A signing certificate: the six items of 电子签名法 Art. 21, and how it signs."""

    purpose: str
    algorithm: str
    issuer: str
    subject: str
    serial: str
    valid_from_ms: int
    valid_to_ms: int
    public_key: bytes
    issuer_signature: bytes
    sha256: bytes
    licence_no: str | None = None
    """Of the issuer, as a registry has it; without it printed as not checked."""

    def __post_init__(self) -> None:
        check_values(self)
        check_digests(self.sha256)
        check_times(self.valid_from_ms, self.valid_to_ms)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A timestamp token (RFC 3161) over a tree that has the deposit."""

    authority: str
    time_ms: int
    imprint: str
    independent: bool
    """Not the platform's own."""
    accuracy_ms: int | None = None
    time_source: str | None = None

    def __post_init__(self) -> None:
        check_values(self)
        check_times(self.time_ms)


@dataclass(frozen=True, slots=True)
class Health:
    """How the system was when the deposit was made (民事证据规定 Art. 93 (2))."""

    from_ms: int
    to_ms: int
    zh: str
    en: str

    def __post_init__(self) -> None:
        check_values(self)
        check_times(self.from_ms, self.to_ms)


@dataclass(frozen=True, slots=True)
class Point:
    """Something the court still has to examine."""

    code: str
    zh: str
    en: str

    def __post_init__(self) -> None:
        check_values(self)


def point(said: Bilingual) -> Point:
    """An open point of the glossary."""
    return Point(said.name, said.zh, said.en)


@dataclass(frozen=True, slots=True)
class Root:
    """The fingerprint of a root certificate that whoever checks must get elsewhere."""

    name: str
    sha256: bytes

    def __post_init__(self) -> None:
        check_values(self)
        check_digests(self.sha256)


@dataclass(frozen=True, slots=True)
class Trust:
    """What to compare with a source outside this certificate."""

    policy_fingerprint: str
    roots: tuple[Root, ...] = ()
    published_at: str | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if not _FINGERPRINT.fullmatch(self.policy_fingerprint):
            raise Malformed("Trust.policy_fingerprint", "not 8 groups of 4")


@dataclass(frozen=True, slots=True)
class Platform:
    """Who runs the platform and what it has filed, as it says itself."""

    name: str | None = None
    credit_code: str | None = None
    service_filing: str | None = None
    """区块链信息服务备案号."""
    protection_filing: str | None = None
    """网络安全等级保护备案号."""
    cipher_assessed_on: str | None = None
    """密码应用安全性评估结论日期."""
    neutrality: str | None = None

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Versions:
    """Which software, configuration and rules; images by their digest."""

    software: str | None = None
    configuration: bytes | None = None
    rules: int | None = None
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_values(self)
        check_digests(self.configuration)


def check_digests(*digests: bytes | None) -> None:
    """Each is 32 bytes, or absent."""
    if any(each is not None and len(each) != 32 for each in digests):
        raise Malformed("digest", "not 32 bytes")


def check_times(*times: int | None) -> None:
    for each in times:
        if each is not None:
            check_time(each, "time")
