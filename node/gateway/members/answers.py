"""What members tell, as values: read from the entries themselves, never from the message beside.

An entry that does not parse, or is not of the kind it should be, is `Malformed`: the member that
told it has not answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from node import member_pb2 as pb
from node.evidence.entry import Entry, KeyEntry, PolicyEntry, StatementEntry, parse_entry
from node.evidence.malformed import Malformed
from node.evidence.policy_note import format_policy_note
from node.evidence.proof import Proof


@dataclass(frozen=True, slots=True)
class Placed:
    """A record on the chain. All that is told of it is read from its entry."""

    leaf_index: int
    entry_bytes: bytes
    entry: Entry

    @property
    def statement(self) -> StatementEntry:
        """The entry, which is a statement's."""
        assert isinstance(self.entry, StatementEntry)
        return self.entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proposed record by one member's word: where it is, or why it was skipped."""

    placed: Placed | None
    skipped: str = ""
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A deposit that was searched for, and which of its items it was."""

    placed: Placed
    item_index: int


@dataclass(frozen=True, slots=True)
class Search:
    """What a search gave, and how far the index reached that was searched."""

    found: tuple[Found, ...]
    height: int
    size: int
    other_algorithm: str


@dataclass(frozen=True, slots=True)
class Proven:
    """A statement as a member proves it; there is no proof until a quorum has sealed it."""

    placed: Placed | None
    proof: Proof | None
    height: int


def read_outcome(outcome: pb.Outcome, record: bytes, told_by: str) -> Outcome:
    """What became of this record by a member's word; where another one stands is no answer."""
    if not outcome.HasField("position"):
        return Outcome(None, outcome.skipped or "no reason given", told_by)
    placed = read_placed(outcome.position)
    if isinstance(placed.entry, StatementEntry):
        signed = placed.entry.statement_bytes
    elif isinstance(placed.entry, KeyEntry):
        signed = placed.entry.record_bytes
    elif isinstance(placed.entry, PolicyEntry):
        signed = format_policy_note(placed.entry.note).removesuffix(b"\n")
    else:
        raise Malformed("position", "an entry of nothing that was proposed")
    if b"\n%s\n" % signed not in record:  # All stand in records as lines of their own.
        raise Malformed("position", "the entry of another record")
    return Outcome(placed, told_by=told_by)


def read_placed(position: pb.Position) -> Placed:
    return Placed(position.leaf_index, position.entry, parse_entry(position.entry))


def read_statement(position: pb.Position) -> Placed:
    placed = read_placed(position)
    if not isinstance(placed.entry, StatementEntry):
        raise Malformed("position", "the entry is not a statement's")
    return placed
