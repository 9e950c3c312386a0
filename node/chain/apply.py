"""The chain: what a block makes of the state before it (docs/proof-format.md, sections 7 and 14).

`apply` is a pure function of the state, the agreed bytes and what earlier blocks left behind, so
all members get the same leaves, the same ordinals and the same root. A record that does not hold is
skipped by all of them, and the block entry counts it.

    Chain + Entry (from Raft) --apply--> Applied: the leaves, one outcome per record, the new Chain

Nothing here trusts a proposer: whatever bytes it had agreed on, there is an answer. What it says
about itself (name, version, time) is written down where it is spelled right and replaced where it
is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from consensus.messages import Entry as RaftEntry
from consensus.messages import EntryKind
from node.errors import NewerRules
from node.evidence import entry as entries
from node.evidence import sm2
from node.evidence.checkpoint import Checkpoint, format_checkpoint
from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord
from node.evidence.entry import (
    ENTRY_SIZE_MAX,
    UNSTATED,
    BlockEntry,
    KeyEntry,
    PolicyEntry,
    StatementEntry,
    format_entry,
)
from node.evidence.keys import SM2, BadSignature, PublicKey
from node.evidence.malformed import Malformed
from node.evidence.merkle import leaf_hash
from node.evidence.policy import SUITES, Policy, parse_policy
from node.evidence.policy_note import PolicyNote, verify_succession
from node.evidence.record import (
    CheckedStatement,
    Genesis,
    KeyEnrolment,
    StatementRecord,
    check_enrolment,
    check_statement,
    parse_block,
    parse_record,
)
from node.evidence.spelling import TIME_MS_END, check_member, check_version
from node.evidence.statement import Deposit, statement_id
from node.evidence.tiles import Frontier, Node

CARRIES = {
    EntryKind.NORMAL: "records",
    EntryKind.NOOP: "nothing",
    EntryKind.CONFIGURATION: "configuration",
}


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the records taken about one key amount to; `serial` is that of the last one, 0 for a
    successor about which there is none yet."""

    standing: str
    role: str
    serial: int


LIVE, ROTATED, REVOKED = "live", "rotated", "revoked"


class Past(Protocol):
    """What the blocks before this one left behind; `store.Store` keeps it, tests use a dict."""

    def has_statement(self, identity: bytes) -> bool:
        """Whether a statement of this id was taken."""

    def key_state(self, key: PublicKey) -> KeyState | None:
        """The state of a key, None if no record named it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """All that the next block depends on, except what `Past` remembers."""

    height: int
    time_ms: int
    block_hash: bytes
    frontier: Frontier
    next_ordinal: int
    note: PolicyNote

    @property
    def origin(self) -> str:
        return self.note.origin

    @property
    def size(self) -> int:
        """Leaves in the tree."""
        return self.frontier.size

    @property
    def policy(self) -> Policy:
        """The policy in force for the next block."""
        return parse_policy(self.note.policy_text)

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.origin, self.size, self.frontier.root())


@dataclass(frozen=True, slots=True)
class Taken:
    """A record that became an entry."""

    leaf_index: int
    entry: entries.Entry
    leaf: bytes
    statement: CheckedStatement | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that did not, and why; `repeats` is the id of a statement that stands already."""

    why: str
    repeats: bytes | None = None


Outcome = Taken | Skipped


@dataclass(frozen=True, slots=True)
class Applied:
    """What a block came to. `outcomes` has one for every record of the block, in order; `leaves`
    are the block entry and those of the taken ones; `nodes` are what they completed in the tree."""

    chain: Chain
    block: BlockEntry
    leaves: tuple[bytes, ...]
    nodes: Sequence[tuple[Node, bytes]]
    outcomes: tuple[Outcome, ...]
    key_states: Mapping[PublicKey, KeyState]
    checkpoint: Checkpoint
    governed_by: PolicyNote
    """The policy whose quorum seals this checkpoint: a block's own policy governs only the next."""

    @property
    def governing_policy(self) -> Policy:
        """`governed_by`, read."""
        return parse_policy(self.governed_by.policy_text)


def genesis(origin: Genesis) -> Applied:
    """Height 0."""
    leaves = tuple(origin.entries())
    block, policy = (entries.parse_entry(leaf) for leaf in leaves)
    assert isinstance(block, BlockEntry)
    empty = Chain(-1, origin.time_ms, bytes(32), Frontier(), 0, origin.note)
    outcome = Taken(1, policy, leaves[1])
    return _grow(empty, empty, block, leaves, (outcome,), {})


def obstacle(chain: Chain) -> str | None:
    """Why this version, or this machine, cannot apply the next block."""
    what = f"rules {chain.note.rules} from height {chain.height + 1} on"
    if not chain.note.is_known:
        return f"{what}, or a policy that is not one of these rules"
    if SM2 in SUITES[chain.note.rules] and not sm2.is_available():
        return f"{what}, and the OpenSSL of this machine has no SM2"
    return None


def newest_rules() -> int:
    """The newest rules number that this version, on this machine, can apply: no policy should raise
    the number before every member has reached it."""
    return max(rules for rules, suites in SUITES.items() if SM2 not in suites or sm2.is_available())


def check_rules(chain: Chain) -> None:
    """Raise `NewerRules` if there is an obstacle: a member that went on would compute another
    chain than the others."""
    if why := obstacle(chain):
        raise NewerRules(why)


def apply(chain: Chain, block: RaftEntry, past: Past) -> Applied:
    """What the next block makes of the chain; raises `NewerRules` if its rules are not known."""
    check_rules(chain)
    assert block.index == chain.height + 1, "blocks are applied in order"
    time_ms = block.time_ms if 0 <= block.time_ms < TIME_MS_END else chain.time_ms
    work = _Work(chain, time_ms, past)
    outcomes = work.take_all(block)
    taken = [outcome for outcome in outcomes if isinstance(outcome, Taken)]
    block_entry = BlockEntry(
        height=block.index,
        time_ms=time_ms,
        previous=chain.block_hash,
        proposer=block.proposer if _holds(check_member, block.proposer) else UNSTATED,
        term=block.term,
        version=block.version if _holds(check_version, block.version) else UNSTATED,
        carries=CARRIES[block.kind],
        body=sha256(block.data),
        taken=len(taken),
        skipped=len(outcomes) - len(taken),
        rules=chain.note.rules,
    )
    leaves = (format_entry(block_entry), *(outcome.leaf for outcome in taken))
    after = replace(chain, next_ordinal=work.next_ordinal, note=work.note)
    return _grow(chain, after, block_entry, leaves, outcomes, work.key_states)


def _grow(
    before: Chain,
    after: Chain,
    block: BlockEntry,
    leaves: tuple[bytes, ...],
    outcomes: tuple[Outcome, ...],
    key_states: Mapping[PublicKey, KeyState],
) -> Applied:
    frontier, nodes = before.frontier.append([leaf_hash(leaf) for leaf in leaves])
    checkpoint = Checkpoint(before.origin, frontier.size, frontier.root())
    chain = replace(
        after,
        height=block.height,
        time_ms=block.time_ms,
        block_hash=sha256(leaves[0] + format_checkpoint(checkpoint)),
        frontier=frontier,
    )
    return Applied(
        chain, block, leaves, nodes, outcomes, key_states, checkpoint, governed_by=before.note
    )


class _Work:
    """One block being applied: what its earlier records did counts for its later ones."""

    def __init__(self, chain: Chain, time_ms: int, past: Past) -> None:
        self.next_ordinal = chain.next_ordinal
        self.note = chain.note
        self.key_states: dict[PublicKey, KeyState] = {}
        self._chain = chain
        self._height = chain.height + 1
        self._time_ms = time_ms
        self._past = past
        self._next_leaf = chain.size + 1  # The block entry comes first.
        self._statements: set[bytes] = set()
        self._alone = True

    def take_all(self, block: RaftEntry) -> tuple[Outcome, ...]:
        if block.kind is not EntryKind.NORMAL:
            return ()
        try:
            records = parse_block(block.data)
        except Malformed as error:
            return (Skipped(str(error)),)
        self._alone = len(records) == 1
        return tuple(self._take(data) for data in records)

    def _take(self, data: bytes) -> Outcome:
        try:
            match parse_record(data):
                case StatementRecord() as record:
                    return self._take_statement(record)
                case KeyEnrolment() as record:
                    return self._take_key(record)
                case PolicyNote() as note:
                    return self._take_policy(note)
        except (Malformed, BadSignature) as error:
            return Skipped(str(error))

    def _take_statement(self, record: StatementRecord) -> Outcome:
        identity = statement_id(record.statement_bytes)
        # Before anything is verified: it is skipped either way, and where it stands is the answer.
        if identity in self._statements or self._past.has_statement(identity):
            return repeated(identity)
        checked = check_statement(record, self._chain.origin, self._chain.note.rules)
        deposit = checked.statement if isinstance(checked.statement, Deposit) else None
        entry = StatementEntry(
            height=self._height,
            time_ms=self._time_ms,
            first_item=self.next_ordinal if deposit else None,
            receipt=record.receipt,
            signature=record.signature,
            statement_bytes=record.statement_bytes,
        )
        taken = self._leaf(entry, checked)
        self._statements.add(identity)
        self.next_ordinal += deposit.count if deposit else 0
        return taken

    def _take_key(self, record: KeyEnrolment) -> Outcome:
        policy = self._chain.policy
        key_record = check_enrolment(record, policy.origin, policy.authorities, policy.rules)
        changed = judge(key_record, self._key_state)
        entry = KeyEntry(
            height=self._height,
            time_ms=self._time_ms,
            authority=record.authority,
            signature=record.signature,
            record_bytes=record.record_bytes,
        )
        taken = self._leaf(entry)
        self.key_states |= changed
        return taken

    def _take_policy(self, note: PolicyNote) -> Outcome:
        if not self._alone:
            raise Malformed("policy note", "is not the only record of its block")
        verify_succession(self._chain.note, note)
        taken = self._leaf(PolicyEntry(self._height, self._time_ms, note))
        self.note = note
        return taken

    def _key_state(self, key: PublicKey) -> KeyState | None:
        return self.key_states.get(key) or self._past.key_state(key)

    def _leaf(self, entry: entries.Entry, checked: CheckedStatement | None = None) -> Taken:
        leaf = format_entry(entry)
        if len(leaf) > ENTRY_SIZE_MAX:
            raise Malformed("entry", f"would be longer than {ENTRY_SIZE_MAX} bytes")
        taken = Taken(self._next_leaf, entry, leaf, checked)
        self._next_leaf += 1
        return taken


def judge(
    record: KeyRecord, state_of: Callable[[PublicKey], KeyState | None]
) -> dict[PublicKey, KeyState]:
    """The states after this record, if the states before it allow it."""
    state = state_of(record.key)
    serial = 1 if state is None else state.serial + 1
    if record.serial != serial:
        raise Malformed("key record", f"has serial {record.serial} where {serial} follows")
    if record.action == "enrol":
        if state is not None:
            raise Malformed("key record", "enrols a key that is known")
        return {record.key: KeyState(LIVE, record.role, serial)}
    if state is None or state.role != record.role:
        raise Malformed("key record", "is about a key that does not have this role")
    if record.action == "revoke":
        if state.standing == REVOKED:
            raise Malformed("key record", "revokes a key that is revoked")
        return {record.key: KeyState(REVOKED, record.role, serial)}
    assert record.successor is not None
    if state.standing != LIVE or state_of(record.successor) is not None:
        raise Malformed("key record", "rotates a key that is not live, or to one that is known")
    return {
        record.key: KeyState(ROTATED, record.role, serial),
        record.successor: KeyState(LIVE, record.role, 0),
    }


def repeated(identity: bytes) -> Skipped:
    """The outcome of a statement that stands on the chain."""
    return Skipped("statement: is on the chain already", repeats=identity)


def peek_statement_id(record: bytes) -> bytes | None:
    """The statement id of a record, if it is a well-formed statement record; nothing is checked,
    and of what is not well formed there is no such statement on any chain."""
    lines = record.split(b"\n", 7)
    return statement_id(lines[6]) if len(lines) == 8 and lines[1] == b"kind statement" else None


def _holds(check: Callable[[object, str], str], text: str) -> bool:
    try:
        check(text, "block")
    except Malformed:
        return False
    return True
