"""Which checkpoints are sealed: the policies of a chain in their order, from the first on.

The first policy is signed by nobody; a reader trusts the chain of policies because one of them is
the one it was given from elsewhere: those before it are in its hash, and those after it are signed
by a quorum of their predecessors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.members import parse_members
from node.evidence.note import Note, format_note, parse_note
from node.evidence.policy_note import PolicyNote, verify_succession
from node.evidence.sealed import SealedCheckpoint, parse_sealed, verify_further_lines, verify_seals
from node.evidence.steps import Anchor
from node.published.layout import PolicyLeaf

POLICIES_SIZE_MAX = 64 << 20
"""Of all policies together, which are held in memory until their chain is known: four thousand of
as many members as there can be. A source that is none of this chain's can sign any number."""


def read_checkpoint(data: bytes, origin: str) -> SealedCheckpoint:
    """The members' part of a published checkpoint. Behind it may stand lines by others: witnesses,
    who are no part of any policy and are not judged here."""
    note = parse_note(data)
    own = [each for each in note.signatures if f"{each.name}/".startswith(f"{origin}/")]
    sealed = parse_sealed(format_note(Note(note.text, tuple(own))))
    if sealed.checkpoint.origin != origin:
        raise Malformed("checkpoint", "is of another chain")
    return sealed


def check_sealed(sealed: SealedCheckpoint, note: PolicyNote) -> None:
    """Raise `BadSignature` unless a quorum of this policy sealed it and every line holds."""
    verify_seals(sealed, note.policy)
    verify_further_lines(sealed, parse_members(note.members_text))


@dataclass(frozen=True, slots=True)
class PolicyChain:
    """All policies so far. Each follows from the one before it, or there is no such value."""

    leaves: tuple[PolicyLeaf, ...]

    def __post_init__(self) -> None:
        if not self.leaves or self.leaves[0].note.serial != 1:
            raise Malformed("policies", "the first is not there")
        for before, after in pairwise(self.leaves):
            if after.index <= before.index:
                raise Malformed("policies", "their places are out of order")
            verify_succession(before.note, after.note)

    @property
    def origin(self) -> str:
        """The chain they are of."""
        return self.leaves[0].note.origin

    def anchored(self, anchor: Anchor) -> bool:
        """Whether the policy known from elsewhere is among them."""
        return any(anchor.names(leaf.note.policy_text) for leaf in self.leaves)

    def extended(self, leaves: Iterable[PolicyLeaf]) -> PolicyChain:
        """With what comes after."""
        return PolicyChain((*self.leaves, *leaves))

    def governing(self, size: int) -> PolicyNote:
        """The policy whose members seal trees of this size: one at leaf i, those beyond i + 1."""
        found = [leaf.note for leaf in self.leaves if leaf.index + 1 < size]
        # A tree of two leaves is the genesis, which nobody seals.
        return (found or [self.leaves[0].note])[-1]

    def read_sealed(self, data: bytes) -> SealedCheckpoint:
        """The checkpoint, once a quorum of the members that govern it sealed it."""
        sealed = read_checkpoint(data, self.origin)
        try:
            check_sealed(sealed, self.governing(sealed.checkpoint.size))
        except BadSignature as error:
            raise Malformed("checkpoint", str(error)) from error
        return sealed
