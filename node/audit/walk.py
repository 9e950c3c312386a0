"""Blocks in their order: what each entry must say, and what it does to the chain. PURE.

For every block, from its entries alone:

 1. The block entry has the next height, names the block before it by its hash, follows the rules
    number in force, and as many entries follow as it took.
 2. Every entry is well formed and has the block's height and time.
 3. A statement is of this chain and new on it; a deposit's first item has the next ordinal.
 4. A key record is signed by an enrolling authority of the policy in force and follows from what
    the records before it made of the key.
 5. A policy stands alone in its block and is the one published for its serial, which
    `published.trust` has found to follow from the one before it.

With `signatures`, 3 includes that depositor and gateway signed; with `bodies`, every block is
applied again from the bytes that were agreed on, which must give just these entries. Without them
what the members skipped, and the items behind a statement, are believed.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from consensus.messages import Entry as RaftEntry
from node.audit.glance import Glance, Reader, public_key
from node.audit.growth import Growth
from node.chain.apply import CARRIES, Chain, KeyState, apply, judge
from node.errors import NewerRules
from node.evidence.checkpoint import Checkpoint, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.entry import (
    BlockEntry,
    KeyEntry,
    PolicyEntry,
    StatementEntry,
    parse_entry,
)
from node.evidence.keys import ED25519, BadSignature, PublicKey, Signature, verify
from node.evidence.malformed import Malformed
from node.evidence.policy import check_suites
from node.evidence.receipt import receipt_message
from node.evidence.record import KeyEnrolment, check_enrolment, format_block, format_record
from node.evidence.statement import Deposit
from node.published.trust import PolicyChain

_KINDS = {carries: kind for kind, carries in CARRIES.items()}


class Different(Exception):
    """The first thing that is not as it must be: which leaf, in which block, and what."""

    def __init__(self, what: str, *, leaf: int | None = None, height: int | None = None) -> None:
        places = [(height, "height"), (leaf, "leaf")]
        where = ", ".join(f"{name} {number}" for number, name in places if number is not None)
        super().__init__(f"{where}: {what}" if where else what)
        self.what, self.leaf, self.height = what, leaf, height


class Known(Protocol):
    """What earlier blocks left behind; `memory.Memory` keeps it, tests use a dict."""

    def place_of(self, identity: bytes, before: int) -> int | None:
        """The leaf of the statement of this id, if there is one before that leaf."""

    def add(self, identity: bytes, leaf: int) -> None:
        """The statement of this id is at this leaf."""

    def key_state(self, key: PublicKey) -> KeyState | None:
        """The state of a key, None if no record named it."""

    def change_keys(self, states: Mapping[PublicKey, KeyState]) -> None:
        """A record changed these."""


class Walk:
    """Changes while it goes; `chain` is the state after the last block."""

    def __init__(
        self,
        chain: Chain,
        policies: PolicyChain,
        known: Known,
        *,
        signatures: bool = False,
        body_of: Callable[[int], bytes] | None = None,
    ) -> None:
        self.chain = chain
        self.growth = Growth(chain.frontier)
        self.statements = 0
        self._policies = {leaf.index: leaf.entry for leaf in policies.leaves}
        self._known = known
        self._signatures = signatures
        self._body_of = body_of
        self._read = Reader(chain.origin).glance
        self._ordinal = chain.next_ordinal
        self._note = chain.note

    def take(self, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """One whole block, and the leaf hashes of its entries; raises `Different`."""
        chain, first = self.chain, self.growth.size
        block = self._block(entries, first)
        self._ordinal, self._note = chain.next_ordinal, chain.note
        if self._body_of is not None and block.height:
            self._apply_again(block, entries, first, self._body_of(block.height))
        for leaf, entry in enumerate(entries[1:], first + 1):
            try:
                self._take(block, entry, leaf)
            except (Malformed, BadSignature) as error:
                raise _why(error, leaf, block.height) from error
        self.growth.push(hashes)
        checkpoint = Checkpoint(chain.origin, self.growth.size, self.growth.root())
        self.chain = replace(
            chain,
            height=block.height,
            time_ms=block.time_ms,
            block_hash=sha256(entries[0] + format_checkpoint(checkpoint)),
            frontier=self.growth.frontier,
            next_ordinal=self._ordinal,
            note=self._note,
        )

    def _block(self, entries: Sequence[bytes], leaf: int) -> BlockEntry:
        """Rule 1."""
        chain, height = self.chain, self.chain.height + 1
        block = read_block(entries[0], leaf)
        wrong = None
        if block.height != height:
            wrong = f"has height {block.height}"
        elif block.previous != chain.block_hash:
            wrong = "does not follow the block before it"
        elif block.rules != chain.note.rules:
            wrong = f"follows rules {block.rules} where {chain.note.rules} are in force"
        elif block.taken != len(entries) - 1:
            wrong = f"took {block.taken} records, and {len(entries) - 1} entries follow"
        elif not height and block.body != sha256(format_block([format_record(chain.note)])):
            wrong = "begins the chain with another policy"
        if wrong is not None:
            raise Different(f"the block entry {wrong}", leaf=leaf, height=height)
        return block

    def _take(self, block: BlockEntry, data: bytes, leaf: int) -> None:
        glance = self._read(data)
        if glance is not None:
            self._check_place(block, glance.height, glance.time_ms)
            self._take_deposit(leaf, sha256(glance.statement), glance.first_item, glance.items)
            if self._signatures:
                self._verify(glance)
            return
        entry = parse_entry(data)
        self._check_place(block, entry.height, entry.time_ms)
        match entry:
            case StatementEntry():
                self._take_statement(entry, leaf)
            case KeyEntry():
                self._take_key(entry)
            case PolicyEntry():
                self._take_policy(block, data, entry, leaf)
            case BlockEntry():
                raise Malformed("entry", "a block entry in the middle of a block")

    def _check_place(self, block: BlockEntry, height: int, time_ms: int) -> None:
        """Rule 2."""
        if height != block.height or time_ms != block.time_ms:
            raise Malformed("entry", "has not the height and time of its block")

    # Rule 3.

    def _take_statement(self, entry: StatementEntry, leaf: int) -> None:
        statement = entry.statement
        if statement.origin != self.chain.origin:
            raise Malformed("statement", "is of another chain")
        check_suites(self.chain.note.rules, statement.key, entry.receipt.gateway)
        if isinstance(statement, Deposit):
            assert entry.first_item is not None
            self._take_deposit(leaf, entry.statement_id, entry.first_item, statement.count)
        else:
            self._check_new(leaf, entry.statement_id)
        if self._signatures:
            entry.verify_signatures()

    def _take_deposit(self, leaf: int, identity: bytes, first_item: int, count: int) -> None:
        if first_item != self._ordinal:
            raise Malformed("entry", f"first item {first_item} where {self._ordinal} follows")
        self._ordinal += count
        self._check_new(leaf, identity)

    def _check_new(self, leaf: int, identity: bytes) -> None:
        first = self._known.place_of(identity, leaf)
        if first is not None:
            raise Malformed("statement", f"stands on the chain already, at leaf {first}")
        self._known.add(identity, leaf)
        self.statements += 1

    def _verify(self, glance: Glance) -> None:
        signature = Signature(ED25519, b64decode(glance.signature))
        verify(public_key(glance.key), glance.statement, signature)
        identity = sha256(glance.statement)
        message = receipt_message(self.chain.origin, identity, glance.accepted_at)
        receipt = Signature(ED25519, b64decode(glance.receipt))
        verify(public_key(glance.gateway), message, receipt)

    # Rules 4 and 5.

    def _take_key(self, entry: KeyEntry) -> None:
        policy = self.chain.policy
        record = check_enrolment(
            KeyEnrolment(entry.authority, entry.signature, entry.record_bytes),
            policy.origin,
            policy.authorities,
            policy.rules,
        )
        self._known.change_keys(judge(record, self._known.key_state))

    def _take_policy(self, block: BlockEntry, data: bytes, entry: PolicyEntry, leaf: int) -> None:
        if block.taken != 1 or block.skipped:
            raise Malformed("policy", "does not stand alone in its block")
        if self._policies.get(leaf) != data:
            raise Malformed("policy", f"is not published as the one of leaf {leaf}")
        self._note = entry.note

    def _apply_again(
        self, block: BlockEntry, entries: Sequence[bytes], first: int, data: bytes
    ) -> None:
        """The entries that the agreed bytes give, as every member computed them."""
        if sha256(data) != block.body:
            raise Different(
                "the body is not the one its block entry names", leaf=first, height=block.height
            )
        raft = RaftEntry(
            index=block.height,
            term=block.term,
            kind=_KINDS[block.carries],
            time_ms=block.time_ms,
            proposer=block.proposer,
            version=block.version,
            data=data,
        )
        applied = apply(self.chain, raft, _Before(self._known, first))
        for leaf, (made, published) in enumerate(zip(applied.leaves, entries, strict=False), first):
            if made != published:
                what = "the body gives another entry"
                raise Different(what, leaf=leaf, height=block.height)
        if len(applied.leaves) != len(entries):
            what = f"the body gives {len(applied.leaves)} entries, not {len(entries)}"
            raise Different(what, leaf=first, height=block.height)


class _Before:
    """What `chain.apply` asks about earlier blocks."""

    def __init__(self, known: Known, leaf: int) -> None:
        self._known = known
        self._leaf = leaf
        self.key_state = known.key_state

    def has_statement(self, identity: bytes) -> bool:
        return self._known.place_of(identity, self._leaf) is not None


def read_block(entry: bytes, leaf: int) -> BlockEntry:
    """The block entry that must be here; `NewerRules` if this version cannot read it."""
    try:
        block = parse_entry(entry)
    except Malformed as error:
        raise _why(error, leaf) from error
    if not isinstance(block, BlockEntry):
        raise Different("not a block entry, where a block must begin", leaf=leaf)
    return block


def _why(error: Exception, leaf: int, height: int | None = None) -> Exception:
    """What this version cannot read is no difference."""
    if isinstance(error, Malformed) and error.newer:
        return NewerRules(f"leaf {leaf}: {error}")
    return Different(str(error), leaf=leaf, height=height)
