"""Entries: the leaves of the log (docs/proof-format.md, section 7).

Lines under a tag, every one ended by LF; kind, height and time first, then by kind. A statement's
entry holds everything that was signed about it:

    cunzheng/entry/v1
    kind statement
    height 12
    time 1790000000123
    first-item 4711
    gateway ed25519:...
    accepted-at 1790000000100
    receipt ed25519:...
    signature ed25519:...
    cunzheng/statement/v1 {...}

    >>> block = BlockEntry(
    ...     height=12, time_ms=1790000000123, previous=bytes(32), proposer="court", term=3,
    ...     version="0.1.0", carries="nothing", body=bytes(32), taken=0, skipped=0, rules=1)
    >>> print(format_entry(block).decode().replace("0" * 64, "<64 zeros>"), end="")
    cunzheng/entry/v1
    kind block
    height 12
    time 1790000000123
    previous <64 zeros>
    proposer court
    term 3
    version 0.1.0
    carries nothing
    body <64 zeros>
    taken 0
    skipped 0
    rules 1
    >>> parse_entry(format_entry(block)) == block
    True

`first-item` is there for deposits only. The leaf hash of an entry is what users call 交易哈希.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import assert_never

from node.evidence import receipt
from node.evidence.enrolment import KeyRecord, parse_key_record
from node.evidence.keys import (
    PublicKey,
    Signature,
    format_signature,
    parse_public_key,
    parse_signature,
    verify,
)
from node.evidence.malformed import Malformed
from node.evidence.number import ORDINAL_MAX, format_number
from node.evidence.policy import check_rules
from node.evidence.policy_note import PolicyNote, format_policy_note, parse_policy_note
from node.evidence.receipt import Receipt
from node.evidence.spelling import Lines, check_member, check_version
from node.evidence.statement import Deposit, Statement, parse_statement, statement_id

TAG = "cunzheng/entry/v1"
ENTRY_SIZE_MAX = 65_535
"""What a C2SP entry bundle can hold (u16 length)."""
KEPT = 256
"""Entries kept as read: a deposit's is read at every step of its way to a proof, and the key
entries in a proof stand in all other proofs of that key."""
GENESIS_PROPOSER = "genesis"
UNSTATED = "-"
"""What stands for a proposer or version that is not spelled as one."""
CARRIES = ("records", "nothing", "configuration")


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """The first entry of every block: what it follows, who proposed it, what became of it."""

    height: int
    time_ms: int
    previous: bytes
    proposer: str
    term: int
    version: str
    carries: str
    body: bytes
    taken: int
    skipped: int
    rules: int

    def __post_init__(self) -> None:
        if (self.height == 0) != (self.proposer == GENESIS_PROPOSER):
            raise Malformed("entry", "height 0 exactly is proposed by `genesis`")
        if self.height == 0 and (self.previous != bytes(32) or self.term):
            raise Malformed("entry", "height 0 has no previous block and no term")
        if self.height and self.proposer != UNSTATED:
            check_member(self.proposer, "entry: proposer")
        if self.version != UNSTATED:
            check_version(self.version, "entry: version")
        if self.carries not in CARRIES:
            raise Malformed("entry", "carries neither records, nothing nor configuration")
        if self.carries != "records" and (self.taken or self.skipped):
            raise Malformed("entry", "only a block of records has taken or skipped any")
        check_rules(self.rules, "entry")


@dataclass(frozen=True)
class StatementEntry:
    """A statement as it stands on the chain."""

    height: int
    time_ms: int
    first_item: int | None
    receipt: Receipt
    signature: Signature
    statement_bytes: bytes

    def __post_init__(self) -> None:
        statement = self.statement
        if isinstance(statement, Deposit) != (self.first_item is not None):
            raise Malformed("entry", "a deposit has first-item, an event has none")
        check_attested(statement, self.receipt)
        if (
            isinstance(statement, Deposit)
            and self.first_item is not None
            and self.first_item + statement.count > ORDINAL_MAX + 1
        ):
            raise Malformed("entry", "ordinals beyond twelve digits")

    @cached_property
    def statement(self) -> Statement:
        """The statement, read from its bytes."""
        return parse_statement(self.statement_bytes)

    @property
    def statement_id(self) -> bytes:
        """SHA-256 of the statement's bytes."""
        return statement_id(self.statement_bytes)

    @property
    def attested(self) -> bool:
        """Whether the gateway signed in the depositor's place."""
        return self.statement.key == self.receipt.gateway

    def number(self, index: int) -> str:
        """The evidence number of item `index` of this deposit."""
        assert self.first_item is not None, "an event has no evidence number"
        return format_number(self.time_ms, self.first_item + index)

    def verify_signatures(self) -> None:
        """Raise `BadSignature` unless statement and receipt are signed by their keys."""
        verify(self.statement.key, self.statement_bytes, self.signature)
        self.receipt.verify(self.statement.origin, self.statement_id)


@dataclass(frozen=True)
class KeyEntry:
    """An act of an enrolling authority as it stands on the chain."""

    height: int
    time_ms: int
    authority: PublicKey
    signature: Signature
    record_bytes: bytes

    def __post_init__(self) -> None:
        parse_key_record(self.record_bytes)

    @cached_property
    def record(self) -> KeyRecord:
        """The key record, read from its bytes."""
        return parse_key_record(self.record_bytes)

    def verify_signature(self) -> None:
        """Raise `BadSignature` unless the authority signed the record."""
        verify(self.authority, self.record_bytes, self.signature)


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """A policy as it stands on the chain; leaf 1 is the first."""

    height: int
    time_ms: int
    note: PolicyNote


Entry = BlockEntry | StatementEntry | KeyEntry | PolicyEntry


def check_attested(statement: Statement, by: Receipt) -> None:
    """A statement the gateway signed in the depositor's place commits to who the depositor is."""
    if statement.key == by.gateway and statement.submitter is None:
        raise Malformed("statement", "attested by the gateway but without submitter")


def format_entry(entry: Entry) -> bytes:
    """The leaf data; whether it is short enough for an entry is for the caller to check."""
    match entry:
        case BlockEntry():
            kind, rest = "block", _block_lines(entry)
        case StatementEntry():
            kind, rest = "statement", _statement_lines(entry)
        case KeyEntry():
            kind, rest = "key", _key_lines(entry)
        case PolicyEntry():
            kind, rest = "policy", format_policy_note(entry.note)
        case _:
            assert_never(entry)
    head = f"{TAG}\nkind {kind}\nheight {entry.height}\ntime {entry.time_ms}\n"
    return head.encode() + rest


def _block_lines(entry: BlockEntry) -> bytes:
    return (
        f"previous {entry.previous.hex()}\n"
        f"proposer {entry.proposer}\n"
        f"term {entry.term}\n"
        f"version {entry.version}\n"
        f"carries {entry.carries}\n"
        f"body {entry.body.hex()}\n"
        f"taken {entry.taken}\n"
        f"skipped {entry.skipped}\n"
        f"rules {entry.rules}\n"
    ).encode()


def _statement_lines(entry: StatementEntry) -> bytes:
    first = b"" if entry.first_item is None else b"first-item %d\n" % entry.first_item
    return first + format_signed(entry.receipt, entry.signature, entry.statement_bytes)


def _key_lines(entry: KeyEntry) -> bytes:
    return format_authorised(entry.authority, entry.signature, entry.record_bytes)


def format_signed(by: Receipt, signature: Signature, statement: bytes) -> bytes:
    """Receipt, signature and statement, as they stand in records and entries."""
    return (
        receipt.format_lines(by)
        + f"signature {format_signature(signature)}\n".encode()
        + statement
        + b"\n"
    )


def format_authorised(authority: PublicKey, signature: Signature, record: bytes) -> bytes:
    """Authority, signature and key record, as they stand in records and entries."""
    head = f"authority {authority.text}\nsignature {format_signature(signature)}\n"
    return head.encode() + record + b"\n"


def parse_signed(lines: Lines) -> tuple[Receipt, Signature, bytes]:
    """Receipt, signature and statement bytes; nothing about them is checked."""
    by = receipt.parse_lines(lines)
    return by, parse_signature(lines.value("signature")), lines.line()


def parse_authorised(lines: Lines) -> tuple[PublicKey, Signature, bytes]:
    """Authority, signature and key record bytes; nothing about them is checked."""
    authority = parse_public_key(lines.value("authority"))
    return authority, parse_signature(lines.value("signature")), lines.line()


@lru_cache(KEPT)
def parse_entry(data: bytes) -> Entry:
    """The entry these bytes are; signatures in it are not checked here."""
    lines = Lines("entry", data)
    lines.tag(TAG)
    if len(data) > ENTRY_SIZE_MAX:
        raise Malformed("entry", f"longer than {ENTRY_SIZE_MAX} bytes")
    kind, height, time_ms = lines.value("kind"), lines.integer("height"), lines.time("time")
    entry: Entry
    if kind == "block":
        entry = _parse_block(lines, height, time_ms)
    elif kind == "statement":
        first = lines.integer("first-item") if lines.starts("first-item ") else None
        entry = StatementEntry(height, time_ms, first, *parse_signed(lines))
    elif kind == "key":
        entry = KeyEntry(height, time_ms, *parse_authorised(lines))
    elif kind == "policy":
        entry = PolicyEntry(height, time_ms, parse_policy_note(lines.rest()))
    else:
        raise Malformed("entry", "kind is not block, statement, key or policy")
    lines.end()
    return entry


def _parse_block(lines: Lines, height: int, time_ms: int) -> BlockEntry:
    return BlockEntry(
        height=height,
        time_ms=time_ms,
        previous=lines.digest("previous"),
        proposer=lines.value("proposer"),
        term=lines.integer("term"),
        version=lines.value("version"),
        carries=lines.value("carries"),
        body=lines.digest("body"),
        taken=lines.integer("taken"),
        skipped=lines.integer("skipped"),
        rules=lines.integer("rules"),
    )
