"""Statements (存证单, 事件单): what a depositor signs (docs/proof-format.md, section 3).

Tagged JSON; the statement id is the SHA-256 of its bytes, and its signature is over the same bytes.
A deposit of one salted item is one line, shown here with a break after every field:

    >>> from node.evidence.keys import Signer
    >>> deposit = Deposit(
    ...     origin="cunzheng.test/devnet", key=Signer(bytes(range(32))).public, nonce=bytes(16),
    ...     claimed_at=1790000000000, mode="commitment", alg="sha256+sm3", count=1, page=1,
    ...     items_root=bytes(32))
    >>> data = format_statement(deposit)
    >>> print(data.decode().replace(",", ",\\n"))
    cunzheng/statement/v1 {"alg":"sha256+sm3",
    "category":"A14_0",
    "claimed_at":1790000000000,
    "count":1,
    "items_root":"0000000000000000000000000000000000000000000000000000000000000000",
    "key":"ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
    "mode":"commitment",
    "nonce":"00000000000000000000000000000000",
    "origin":"cunzheng.test/devnet",
    "page":1,
    "type":"deposit"}
    >>> parse_statement(data) == deposit
    True
    >>> receipt_number(statement_id(data))
    'aee49c60b23973730a565baff8947377'

An event tells what happened to a deposit later; it names its `subject` (only `health` has none) and
has no items. Who may make which event is judged when reading, never when it is put on the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from node.evidence.digests import ALGS, sha256
from node.evidence.item import ALG_SETS, ITEMS_MAX, PAGE_SIZES
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.spelling import (
    check_choice,
    check_hex,
    check_integer,
    check_origin,
    check_text,
    check_time,
    fields,
    format_tagged,
    parse_tagged,
)

TAG = "cunzheng/statement/v1"
STATEMENT_SIZE_MAX = 4_096
"""Several times what the fields can fill; leaves an entry far below its 65,535 bytes."""
NONCE_SIZE = 16
KEPT = 1_024
"""Statements kept as read: each is read when it is written, checked, and told, and a block has
hundreds. They fill some megabytes at most."""

CATEGORIES = (
    "A14_0",
    "A14_1_WEB_PUBLICATION",
    "A14_2_NETWORK_COMMUNICATION",
    "A14_3_ACCOUNT_TRANSACTION_LOG",
    "A14_4_ELECTRONIC_FILE",
    "A14_5_OTHER_DIGITAL",
)
"""民事证据规定 Art. 14, as declared by the depositor; `A14_0` is undeclared."""

EVENT_TYPES = (
    "correction",
    "supplement",
    "rendition",
    "invalidation",
    "custody",
    "hold",
    "release",
    "notarisation",
    "verification",
    "erased",
    "health",
)

_DEPOSIT = frozenset(
    [
        "alg",
        "category",
        "claimed_at",
        "count",
        "items_root",
        "key",
        "mode",
        "nonce",
        "origin",
        "page",
        "type",
    ]
)
_DEPOSIT_OPTIONAL = frozenset({"profile", "series", "submitter"})
_EVENT = frozenset(["claimed_at", "details", "key", "nonce", "origin", "type"])
_EVENT_OPTIONAL = frozenset({"subject", "submitter"})


@dataclass(frozen=True, slots=True)
class Series:
    """A business stream in which a gap is visible: item `seq` names the statement before it."""

    id: bytes
    seq: int
    prev: bytes | None


@dataclass(frozen=True, slots=True)
class Deposit:
    """I deposit these `count` items."""

    origin: str
    key: PublicKey
    nonce: bytes
    claimed_at: int
    mode: str
    alg: str
    count: int
    page: int
    items_root: bytes
    category: str = "A14_0"
    profile: bytes | None = None
    series: Series | None = None
    submitter: bytes | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """The deposit an event is about."""

    evidence_no: str
    statement: bytes

    def item_index(self, first_item: int) -> int:
        """Which item of a statement with this first item it would be; anything, also negative."""
        return parse_number(self.evidence_no)[1] - first_item


@dataclass(frozen=True, slots=True)
class Event:
    """This happened to that deposit."""

    origin: str
    key: PublicKey
    nonce: bytes
    claimed_at: int
    type: str
    details: bytes
    subject: Subject | None
    submitter: bytes | None = None


Statement = Deposit | Event


def statement_id(data: bytes) -> bytes:
    """SHA-256 of the statement's bytes."""
    return sha256(data)


def receipt_number(identity: bytes) -> str:
    """All there is until the statement is in a block: 32 hex digits of the statement id."""
    return identity.hex()[:32]


def format_statement(statement: Statement) -> bytes:
    """The bytes to sign; raises `Malformed` if the values would not be accepted."""
    value: dict[str, object] = {
        "claimed_at": statement.claimed_at,
        "key": statement.key.text,
        "nonce": statement.nonce.hex(),
        "origin": statement.origin,
    }
    if statement.submitter is not None:
        value["submitter"] = statement.submitter.hex()
    value |= (
        _deposit_value(statement) if isinstance(statement, Deposit) else _event_value(statement)
    )
    data = format_tagged(TAG, value)
    parse_statement(data)
    return data


def _deposit_value(deposit: Deposit) -> dict[str, object]:
    value: dict[str, object] = {
        "type": "deposit",
        "mode": deposit.mode,
        "alg": deposit.alg,
        "count": deposit.count,
        "page": deposit.page,
        "items_root": deposit.items_root.hex(),
        "category": deposit.category,
    }
    if deposit.profile is not None:
        value["profile"] = deposit.profile.hex()
    if deposit.series is not None:
        series: dict[str, object] = {"id": deposit.series.id.hex(), "seq": deposit.series.seq}
        if deposit.series.prev is not None:
            series["prev"] = deposit.series.prev.hex()
        value["series"] = series
    return value


def _event_value(event: Event) -> dict[str, object]:
    value: dict[str, object] = {"type": event.type, "details": event.details.hex()}
    if event.subject is not None:
        value["subject"] = {
            "evidence_no": event.subject.evidence_no,
            "statement": event.subject.statement.hex(),
        }
    return value


@lru_cache(KEPT)
def parse_statement(data: bytes) -> Statement:
    """The statement these bytes are, or `Malformed`."""
    value = parse_tagged(TAG, data, STATEMENT_SIZE_MAX)
    return _parse_deposit(value) if value.get("type") == "deposit" else _parse_event(value)


def _parse_deposit(raw: dict[str, object]) -> Deposit:
    value = fields(raw, TAG, _DEPOSIT, _DEPOSIT_OPTIONAL)
    deposit = Deposit(  # In the order of the bytes: what is wrong first decides.
        alg=check_choice(value["alg"], ALG_SETS, "alg"),
        category=check_choice(value["category"], CATEGORIES, "category"),
        claimed_at=check_time(value["claimed_at"], "claimed_at"),
        count=check_integer(value["count"], "count", low=1, high=ITEMS_MAX),
        items_root=check_hex(value["items_root"], "items_root"),
        key=parse_public_key(check_text(value["key"], "key")),
        mode=check_choice(value["mode"], PAGE_SIZES, "mode"),
        nonce=check_hex(value["nonce"], "nonce", NONCE_SIZE),
        origin=check_origin(value["origin"], "origin"),
        page=check_integer(value["page"], "page"),
        profile=check_hex(value["profile"], "profile") if "profile" in value else None,
        series=_parse_series(value["series"]) if "series" in value else None,
        submitter=check_hex(value["submitter"], "submitter") if "submitter" in value else None,
    )
    if deposit.mode == "digest" and deposit.alg not in ALGS:
        raise Malformed("alg", "digest mode has one algorithm")
    if deposit.page not in PAGE_SIZES[deposit.mode]:
        raise Malformed("page", "not 1, or 16 in commitment mode")
    return deposit


def _parse_series(raw: object) -> Series:
    value = fields(raw, "series", frozenset({"id", "seq"}), frozenset({"prev"}))
    seq = check_integer(value["seq"], "series: seq")
    if ("prev" in value) != (seq > 0):
        raise Malformed("series", "`prev` is there exactly if `seq` is above 0")
    return Series(
        id=check_hex(value["id"], "series: id"),
        seq=seq,
        prev=check_hex(value["prev"], "series: prev") if seq else None,
    )


def _parse_event(raw: dict[str, object]) -> Event:
    value = fields(raw, TAG, _EVENT, _EVENT_OPTIONAL)
    if ("subject" in value) == (value["type"] == "health"):
        raise Malformed("subject", "every event but `health` has one")
    return Event(
        claimed_at=check_time(value["claimed_at"], "claimed_at"),
        details=check_hex(value["details"], "details"),
        key=parse_public_key(check_text(value["key"], "key")),
        nonce=check_hex(value["nonce"], "nonce", NONCE_SIZE),
        origin=check_origin(value["origin"], "origin"),
        subject=_parse_subject(value["subject"]) if "subject" in value else None,
        submitter=check_hex(value["submitter"], "submitter") if "submitter" in value else None,
        type=check_choice(value["type"], EVENT_TYPES, "type"),
    )


def _parse_subject(raw: object) -> Subject:
    value = fields(raw, "subject", frozenset({"evidence_no", "statement"}))
    number = check_text(value["evidence_no"], "subject: evidence_no")
    parse_number(number, "subject: evidence_no")
    return Subject(
        evidence_no=number, statement=check_hex(value["statement"], "subject: statement")
    )
