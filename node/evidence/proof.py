"""The proof file (docs/proof-format.md, section 12): one text that carries everything.

    cunzheng/proof/v1
    ... the head: number, times, item, cosigners, fingerprint, computed from what follows

    opening             what the item hides (holder's copy)
    page                the item, its neighbours, the way to the statement's items_root
    entry N             statement, signature and receipt as they stand on the chain
    key                 the enrolment of the keys that signed, and its way to the root
    policy N            whose seals count
    members N           which organisations they are
    policy-entry        after a change: every policy from the first on
    later               a checkpoint with more seals, and that it extends the first
    c2sp.org/tlog-proof@v1    the way of the entry to the sealed checkpoint

This module is the proof as a value: born whole, its parts fit each other as far as they alone can
tell. `proof_text` writes and reads the file, `verify` checks every path and signature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from node.evidence import item, merkle
from node.evidence.entry import Entry, KeyEntry, PolicyEntry, StatementEntry, parse_entry
from node.evidence.item import Opening
from node.evidence.malformed import Malformed
from node.evidence.members import Member
from node.evidence.policy import Policy, parse_policy
from node.evidence.policy_note import check_known, check_texts
from node.evidence.sealed import SealedCheckpoint, parse_sealed
from node.evidence.spelling import check_integer
from node.evidence.statement import Deposit
from node.evidence.tlog_proof import TlogProof


@dataclass(frozen=True)
class LeafProof:
    """Another entry of the log and its way to the same root."""

    index: int
    path: tuple[bytes, ...]
    entry_bytes: bytes

    def __post_init__(self) -> None:
        if isinstance(self.entry, PolicyEntry):
            check_known(self.entry.note)

    @cached_property
    def entry(self) -> Entry:
        """The entry, read from its bytes."""
        return parse_entry(self.entry_bytes)


@dataclass(frozen=True)
class Later:
    """A checkpoint of the same or a greater size with its own quorum of seals."""

    path: tuple[bytes, ...]
    note: bytes

    @cached_property
    def sealed(self) -> SealedCheckpoint:
        """The checkpoint, read from its note."""
        return parse_sealed(self.note)


@dataclass(frozen=True)
class Proof:
    """What a proof file says. Born whole: every part is read, and they fit each other."""

    item_index: int
    page: tuple[bytes, ...]
    page_path: tuple[bytes, ...]
    entry_bytes: bytes
    policy_text: bytes
    members_text: bytes
    tlog: TlogProof
    opening: Opening | None = None
    keys: tuple[LeafProof, ...] = ()
    policy_entries: tuple[LeafProof, ...] = ()
    later: Later | None = None

    def __post_init__(self) -> None:
        _check_item(self)
        _check_keys(self)
        _check_policies(self)
        _check_checkpoints(self)

    @cached_property
    def entry(self) -> StatementEntry:
        """The deposit's entry."""
        entry = parse_entry(self.entry_bytes)
        if not isinstance(entry, StatementEntry) or not isinstance(entry.statement, Deposit):
            raise Malformed("proof", "its entry is not a deposit's")
        return entry

    @property
    def deposit(self) -> Deposit:
        """The statement, which is a deposit."""
        statement = self.entry.statement
        assert isinstance(statement, Deposit)
        return statement

    @cached_property
    def key_entries(self) -> tuple[KeyEntry, ...]:
        """The entries of the key sections."""
        entries = tuple(leaf.entry for leaf in self.keys)
        if not all(isinstance(entry, KeyEntry) for entry in entries):
            raise Malformed("proof", "a key section holds another kind of entry")
        return tuple(entry for entry in entries if isinstance(entry, KeyEntry))

    @cached_property
    def policies(self) -> tuple[PolicyEntry, ...]:
        """The entries of the policy-entry sections."""
        entries = tuple(leaf.entry for leaf in self.policy_entries)
        if not all(isinstance(entry, PolicyEntry) for entry in entries):
            raise Malformed("proof", "a policy-entry section holds another kind of entry")
        return tuple(entry for entry in entries if isinstance(entry, PolicyEntry))

    @cached_property
    def policy(self) -> Policy:
        """The policy the checkpoint was sealed under, as enclosed."""
        return parse_policy(self.policy_text)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """The organisations behind it."""
        return check_texts(self.policy, self.members_text)

    @cached_property
    def sealed(self) -> SealedCheckpoint:
        """The checkpoint of the tlog-proof section."""
        return parse_sealed(self.tlog.checkpoint)

    @property
    def item(self) -> bytes:
        """The 32 bytes this proof is about."""
        return self.page[self.item_index % self.deposit.page]

    @property
    def number(self) -> str:
        """The evidence number."""
        return self.entry.number(self.item_index)

    @property
    def seal_time_s(self) -> int | None:
        """When a quorum had sealed; None if the seals are too few."""
        return self.sealed.time_s(self.policy.quorum)


def _check_item(proof: Proof) -> None:
    deposit = proof.deposit
    if proof.item_index >= deposit.count:
        raise Malformed("proof", "item-index is beyond the statement's count")
    if len(proof.page) != item.page_length(deposit.count, deposit.page, proof.item_index):
        raise Malformed("proof", "not as many items on the page as the statement says")
    item.check_items(b"".join(proof.page), deposit.mode, deposit.alg)
    if proof.opening is None:
        return
    if deposit.mode != "commitment" or proof.opening.alg != deposit.alg:
        raise Malformed("opening", "not of the mode or algorithms of the statement")
    if proof.opening.item() != proof.item:
        raise Malformed("opening", "opens another item")


def _check_keys(proof: Proof) -> None:
    relevant = {proof.deposit.key, proof.entry.receipt.gateway}
    indexes = [leaf.index for leaf in proof.keys]
    if indexes != sorted(set(indexes)) or (indexes and indexes[-1] >= proof.tlog.index):
        raise Malformed("proof", "key sections out of order or after the entry")
    serials: dict[object, int] = {}
    for entry in proof.key_entries:
        record = entry.record
        if not {record.key, record.successor} & relevant:
            raise Malformed("proof", "a key section about another key")
        if record.serial != serials.get(record.key, 0) + 1 and record.key in relevant:
            raise Malformed("proof", "a record of a key is left out")
        serials[record.key] = record.serial


def _check_policies(proof: Proof) -> None:
    check_texts(proof.policy, proof.members_text)
    serial, entries = proof.policy.serial, proof.policies
    if len(entries) != (serial if serial > 1 else 0):
        raise Malformed("proof", "not every policy from the first on")
    if not entries:
        return
    indexes = [leaf.index for leaf in proof.policy_entries]
    if indexes != sorted(set(indexes)) or indexes[0] != 1:
        raise Malformed("proof", "policy entries out of order")
    if [entry.note.serial for entry in entries] != list(range(1, serial + 1)):
        raise Malformed("proof", "policy serials out of order")
    last = entries[-1].note
    if (last.policy_text, last.members_text) != (proof.policy_text, proof.members_text):
        raise Malformed("proof", "the last policy entry is not the policy enclosed")


def _check_checkpoints(proof: Proof) -> None:
    checkpoint = proof.sealed.checkpoint
    check_integer(proof.tlog.index, "tlog-proof index")
    if proof.tlog.extra is not None:
        raise Malformed("proof", "a tlog-proof with extra data")
    if proof.later is None:
        return
    later = proof.later.sealed.checkpoint
    if later.origin != checkpoint.origin or later.size < checkpoint.size:
        raise Malformed("later", "is of another chain or earlier")


def public_form(proof: Proof) -> Proof:
    """The proof without its opening: says when and that, not of what."""
    return replace(proof, opening=None)


def derive(proof: Proof, item_index: int, packed: bytes, opening: Opening | None) -> Proof:
    """The proof of another item of the same statement, from all its items; no server is needed."""
    deposit = proof.deposit
    hashes = item.page_hashes(packed, deposit.page)
    if len(packed) != deposit.count * item.ITEM_SIZE or merkle.root(hashes) != deposit.items_root:
        raise Malformed("items", "not those of the statement")
    if not 0 <= item_index < deposit.count:
        raise Malformed("items", f"there is no item {item_index}")
    return replace(
        proof,
        item_index=item_index,
        page=item.page_items(packed, deposit.page, item_index),
        page_path=item.page_path(hashes, deposit.page, item_index),
        opening=opening,
    )
