"""Proofs from what a member keeps: one item of a deposit, up to the first note that covers it.

What goes into a proof is fixed once that note is published: the same item gives the same bytes for
ever. Whoever asks for it gets, in a section of its own, what was collected since: a checkpoint with
seals of members that are missing on the first. Every path is followed to the sealed root before it
is served, so a member whose data are damaged finds it here and not in a court.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from consensus.journal import Journal
from node.chain.store import Position, Store, ViewsCorrupt
from node.errors import BadRequest
from node.evidence.entry import StatementEntry, parse_entry
from node.evidence.item import page_hashes, page_items, page_path
from node.evidence.keys import PublicKey
from node.evidence.malformed import Malformed
from node.evidence.merkle import BadPath, leaf_hash, root, verify_consistency, verify_inclusion
from node.evidence.policy import Policy
from node.evidence.policy_note import PolicyNote
from node.evidence.proof import Later, LeafProof, Proof
from node.evidence.proof_text import format_proof
from node.evidence.record import StatementRecord, parse_block, parse_record
from node.evidence.sealed import SealedCheckpoint, format_sealed, parse_sealed
from node.evidence.statement import Deposit
from node.evidence.tlog_proof import TlogProof
from node.member.directory import journal_errors
from node.seals.cosigning import note_of, parse_cosigned, seals_of
from node.seals.sealing import Note
from node.seals.store import Seals

LATER_MAX = 8
"""Notes looked at for seals that are missing on the first, from it on and back from the newest: a
member that was late by some blocks stands on the next ones, one that was away on the newest."""


class Prover:
    """Reads only; any thread may use it."""

    def __init__(self, store: Store, journal: Journal, seals: Seals) -> None:
        self._store = store
        self._journal = journal
        self._seals = seals

    def prove(
        self, position: Position, item_index: int, note: Note, *, later: bool = False
    ) -> bytes:
        """The proof of one item in public form, on request with the seals that came later; raises
        `BadRequest`, or `ViewsCorrupt` where our own data do not lead to what was sealed."""
        entry = parse_entry(position.entry)
        if not isinstance(entry, StatementEntry) or not isinstance(entry.statement, Deposit):
            raise BadRequest("an event has no items to prove")
        deposit = entry.statement
        if not 0 <= item_index < deposit.count:
            raise BadRequest(f"item {item_index} of {deposit.count}")
        try:
            sealed = parse_sealed(note.data)
            packed = self._items(position)
            hashes = self._store.page_hashes(position) or page_hashes(packed, deposit.page)
            if root(hashes) != deposit.items_root:
                raise BadPath("the items are not those of the statement")
            in_force, policies = self._policies(sealed)
            leaf = self._leaf(position.leaf_index, sealed)
            proof = Proof(
                item_index=item_index,
                page=page_items(packed, deposit.page, item_index),
                page_path=page_path(hashes, deposit.page, item_index),
                entry_bytes=position.entry,
                policy_text=in_force.policy_text,
                members_text=in_force.members_text,
                tlog=TlogProof(leaf.index, leaf.path, note.data),
                keys=self._keys((deposit.key, entry.receipt.gateway), leaf.index, sealed),
                policy_entries=policies,
                later=self._later(note, in_force.policy) if later else None,
            )
            return format_proof(proof)
        except (BadPath, Malformed) as error:
            where = f"statement {position.statement_id.hex()}"
            # Or the journal is at fault: then making the views again does not give the same root.
            raise ViewsCorrupt(f"{where} at height {position.height}: {error}") from error

    def _items(self, position: Position) -> bytes:
        with journal_errors():
            (block,) = self._journal.entries(position.height, position.height + 1, 0)
        record = parse_record(parse_block(block.data)[position.record])
        if not isinstance(record, StatementRecord):
            raise Malformed("block", "another kind of record than was applied")
        return record.items

    def _policies(self, sealed: SealedCheckpoint) -> tuple[PolicyNote, tuple[LeafProof, ...]]:
        """The policy in force, and after a change all policies with their paths."""
        notes = self._store.policies(sealed.checkpoint.size)
        changed = len(notes) > 1
        leaves = tuple(self._leaf(leaf, sealed) for leaf, _ in notes) if changed else ()
        return notes[-1][1], leaves

    def _later(self, first: Note, policy: Policy) -> Later | None:
        """Of the checkpoints looked at, the one with most seals of members that are missing on the
        first one; of several the smallest. Once it has all of them it stays the same for ever."""
        missing = {each.member for each in policy.sealers} - _signers(parse_sealed(first.data))
        best, best_count = None, 0
        for note in self._candidates(first) if missing else ():
            fuller = self._with_beside(note, policy)
            count = len(missing & _signers(fuller))
            if count > best_count:
                best, best_count = fuller, count
            if count == len(missing):
                break
        if best is None:
            return None
        before, after = parse_sealed(first.data).checkpoint, best.checkpoint
        path = self._store.consistency_path(before.size, after.size)
        verify_consistency(before.size, before.root, after.size, after.root, path)
        return Later(path, format_sealed(best))

    def _candidates(self, first: Note) -> Iterator[Note]:
        """By size, the first among them; only those that the same policy governs."""
        near = self._seals.notes_from(first.size, LATER_MAX)
        yield from (note for note in near if self._same_policy(first, note))
        newest = reversed(self._seals.newest_notes(LATER_MAX))
        far = [note for note in newest if note.size > near[-1].size]
        yield from (note for note in far if self._same_policy(first, note))

    def _same_policy(self, first: Note, note: Note) -> bool:
        count = len(self._store.policies(first.size))
        return note.size == first.size or len(self._store.policies(note.size)) == count

    def _with_beside(self, note: Note, policy: Policy) -> SealedCheckpoint:
        """The note with all seals that are kept beside it, in the order of the policy."""
        sealed = parse_sealed(note.data)
        beside = (parse_cosigned(data, policy.origin) for data in self._seals.beside(note.size))
        seals = {each.seal.member: each for each in beside} | seals_of(sealed)
        names = [each.member for each in policy.sealers if each.member in seals]
        return note_of(sealed.checkpoint, sealed.log_line, [seals[name] for name in names])

    def _keys(
        self, keys: Sequence[PublicKey], before: int, sealed: SealedCheckpoint
    ) -> tuple[LeafProof, ...]:
        """All that was enrolled about these keys before that leaf."""
        leaves = {leaf for key in keys for leaf in self._store.key_leaves(key) if leaf < before}
        return tuple(self._leaf(leaf, sealed) for leaf in sorted(leaves))

    def _leaf(self, index: int, sealed: SealedCheckpoint) -> LeafProof:
        entry, checkpoint = self._store.entry(index), sealed.checkpoint
        path = self._store.inclusion_path(index, checkpoint.size)
        verify_inclusion(leaf_hash(entry), index, checkpoint.size, path, checkpoint.root)
        return LeafProof(index, path, entry)


def _signers(sealed: SealedCheckpoint) -> set[str]:
    return {seal.member for seal in sealed.seals}
