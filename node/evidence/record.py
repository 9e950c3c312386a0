"""Records and blocks: what the members agree on (docs/proof-format.md, sections 6, 14 and 16).

A block's data is records, each u32 length || bytes. A record is lines under a tag and, for a
statement, an empty line and the packed items:

    cunzheng/record/v1
    kind statement
    gateway ed25519:...
    accepted-at 1790000000100
    receipt ed25519:...
    signature ed25519:...
    cunzheng/statement/v1 {...}
    <empty line>
    <32 bytes an item>

    >>> parse_block(format_block([b"one", b"two"]))
    [b'one', b'two']
    >>> format_block([b"one"])
    b'\\x00\\x00\\x00\\x03one'

`check_statement` and `check_enrolment` are the part of the validity rules that looks at one record
alone; `node.chain.apply` adds what depends on what the chain already holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from node.evidence import merkle
from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord, parse_key_record
from node.evidence.entry import (
    GENESIS_PROPOSER,
    BlockEntry,
    PolicyEntry,
    check_attested,
    format_authorised,
    format_entry,
    format_signed,
    parse_authorised,
    parse_signed,
)
from node.evidence.item import ITEM_SIZE, check_items, page_hashes
from node.evidence.keys import BadSignature, PublicKey, Signature, verify
from node.evidence.malformed import Malformed
from node.evidence.policy import check_suites
from node.evidence.policy_note import (
    PolicyNote,
    check_known,
    format_policy_note,
    parse_policy_note,
)
from node.evidence.receipt import Receipt
from node.evidence.spelling import Lines, check_time, check_version
from node.evidence.statement import Deposit, Statement, parse_statement, statement_id

TAG = "cunzheng/record/v1"
GENESIS_TAG = "cunzheng/genesis/v1"
BLOCK_SIZE_MAX = 1_048_576
"""One Raft entry, replicated and synced at once: large enough to amortise, small enough to flow."""
LENGTH_SIZE = 4


@dataclass(frozen=True, slots=True)
class StatementRecord:
    """A statement on its way to the chain, with its items."""

    receipt: Receipt
    signature: Signature
    statement_bytes: bytes
    items: bytes


@dataclass(frozen=True, slots=True)
class KeyEnrolment:
    """A key record on its way to the chain."""

    authority: PublicKey
    signature: Signature
    record_bytes: bytes


Record = StatementRecord | KeyEnrolment | PolicyNote


@dataclass(frozen=True, slots=True)
class CheckedStatement:
    """A statement record that holds by itself; only a repetition can still make it skipped."""

    record: StatementRecord
    statement: Statement
    statement_id: bytes
    page_hashes: tuple[bytes, ...]


def format_record(record: Record) -> bytes:
    """The bytes of a record."""
    match record:
        case StatementRecord():
            kind = b"statement\n"
            rest = format_signed(record.receipt, record.signature, record.statement_bytes)
            rest += b"\n" + record.items
        case KeyEnrolment():
            kind = b"key\n"
            rest = format_authorised(record.authority, record.signature, record.record_bytes)
        case PolicyNote():
            kind, rest = b"policy\n", format_policy_note(record)
        case _:
            assert_never(record)
    return f"{TAG}\nkind ".encode() + kind + rest


def parse_record(data: bytes) -> Record:
    """The record these bytes are; signatures, roots and origins are not checked here."""
    lines = Lines("record", data)
    lines.tag(TAG)
    kind = lines.value("kind")
    if kind == "statement":
        receipt, signature, statement = parse_signed(lines)
        lines.expect("")
        return StatementRecord(receipt, signature, statement, lines.rest())
    if kind == "key":
        record = KeyEnrolment(*parse_authorised(lines))
        lines.end()
        return record
    if kind == "policy":
        return parse_policy_note(lines.rest())
    raise Malformed("record", "kind is not statement, key or policy")


def format_block(records: Iterable[bytes]) -> bytes:
    """A block's data; the caller keeps it within `BLOCK_SIZE_MAX`."""
    return b"".join(len(record).to_bytes(LENGTH_SIZE, "big") + record for record in records)


def parse_block(data: bytes) -> list[bytes]:
    """The records of a block; `Malformed` if the lengths do not add up or one is 0."""
    if len(data) > BLOCK_SIZE_MAX:
        raise Malformed("block", f"longer than {BLOCK_SIZE_MAX} bytes")
    records, at = [], 0
    while at < len(data):
        start = at + LENGTH_SIZE
        at = start + int.from_bytes(data[at:start], "big")
        if start >= at or at > len(data):
            raise Malformed("block", "a record is empty or breaks off")
        records.append(data[start:at])
    return records


def check_statement(record: StatementRecord, origin: str, rules: int) -> CheckedStatement:
    """Points 1 to 3 for a statement, but for repetition; raises `Malformed` or `BadSignature`."""
    statement = parse_statement(record.statement_bytes)
    check_suites(rules, statement.key, record.receipt.gateway)
    if statement.origin != origin:
        raise Malformed("statement", "is for another chain")
    check_attested(statement, record.receipt)
    hashes: tuple[bytes, ...] = ()
    if isinstance(statement, Deposit):
        hashes = _check_deposit(record.items, statement)
    elif record.items:
        raise Malformed("items", "an event has none")
    identity = statement_id(record.statement_bytes)
    verify(statement.key, record.statement_bytes, record.signature)
    record.receipt.verify(origin, identity)
    return CheckedStatement(record, statement, identity, hashes)


def _check_deposit(items: bytes, deposit: Deposit) -> tuple[bytes, ...]:
    if len(items) != deposit.count * ITEM_SIZE:
        raise Malformed("items", "not as many as the statement counts")
    check_items(items, deposit.mode, deposit.alg)
    hashes = page_hashes(items, deposit.page)
    if merkle.root(hashes) != deposit.items_root:
        raise Malformed("items", "their root is not the one the statement signs")
    return tuple(hashes)


def check_enrolment(
    record: KeyEnrolment, origin: str, authorities: tuple[PublicKey, ...], rules: int
) -> KeyRecord:
    """Points 1, 2 and 4 for a key record, but for its serial and standing."""
    key_record = parse_key_record(record.record_bytes)
    check_suites(rules, record.authority, *key_record.keys)
    if key_record.origin != origin:
        raise Malformed("key record", "is for another chain")
    if record.authority not in authorities:
        raise BadSignature("not by an enrolling authority of the policy in force")
    verify(record.authority, record.record_bytes, record.signature)
    return key_record


@dataclass(frozen=True, slots=True)
class Genesis:
    """The genesis file: when the chain begins, by which software, under which policy."""

    time_ms: int
    version: str
    note: PolicyNote

    def __post_init__(self) -> None:
        check_time(self.time_ms, "genesis: time")
        check_version(self.version, "genesis: version")
        check_known(self.note)
        if self.note.policy.serial != 1:
            raise Malformed("genesis", "its policy is not the first")

    def data(self) -> bytes:
        """The block data of height 0."""
        return format_block([format_record(self.note)])

    def entries(self) -> list[bytes]:
        """Leaves 0 and 1: the block entry and the policy."""
        block = BlockEntry(
            height=0,
            time_ms=self.time_ms,
            previous=bytes(32),
            proposer=GENESIS_PROPOSER,
            term=0,
            version=self.version,
            carries="records",
            body=sha256(self.data()),
            taken=1,
            skipped=0,
            rules=self.note.rules,
        )
        return [format_entry(block), format_entry(PolicyEntry(0, self.time_ms, self.note))]


def format_genesis(genesis: Genesis) -> bytes:
    """The genesis file."""
    head = f"{GENESIS_TAG}\ntime {genesis.time_ms}\nversion {genesis.version}\n"
    return head.encode() + format_policy_note(genesis.note)


def parse_genesis(data: bytes) -> Genesis:
    """The genesis these bytes are."""
    lines = Lines("genesis", data)
    lines.tag(GENESIS_TAG)
    time_ms = lines.time("time")
    version = lines.value("version")
    return Genesis(time_ms, version, parse_policy_note(lines.rest()))
