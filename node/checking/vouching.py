"""What was sealed, compared with the tree that the blocks make. PURE: what is kept comes in.

A seal says: at this size the tree had this root. So each is held against the checkpoint of its size
when the blocks have come there, and its signatures against the policy that governed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from node.chain.apply import Applied
from node.checking.difference import Difference, Part
from node.evidence.checkpoint import Checkpoint, parse_checkpoint, verify_cosignature
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.members import parse_members
from node.evidence.policy import Policy
from node.evidence.sealed import parse_sealed, verify_further_lines, verify_seals
from node.seals.cosigning import parse_cosigned
from node.seals.sealing import Note, Remembered, SentSeal


class Vouching:
    """Goes through the checkpoints in order. `unreached` is how many of the things kept are about
    larger trees than were made: a member that catches up keeps such, and they are not wrong."""

    def __init__(
        self,
        member: str,
        remembered: Remembered,
        notes: Iterable[Note],
        beside: Callable[[int], Iterable[bytes]],
    ) -> None:
        """`notes` in the order of their sizes; `beside` are the seals that came later."""
        self._beside = beside
        self._notes: Iterator[Note] = iter(notes)
        self._note = next(self._notes, None)
        self._seals: list[tuple[str, str, SentSeal]] = [
            ("newest seal", name, seal) for name, seal in remembered.newest.items()
        ]
        if remembered.last is not None:
            self._seals.append(("own last seal", member, remembered.last))
        # Of one that contradicts us often, not every contradiction is kept.
        self._contradicting = {each.member for each in remembered.contradictions}
        self._seals += [("contradiction", e.member, e.seal) for e in remembered.contradictions]
        self._policies: list[Policy] = []

    @property
    def unreached(self) -> int:
        return len(self._seals) + (self._note is not None) + sum(1 for _ in self._notes)

    def take(self, applied: Applied) -> Iterator[Difference]:
        """The next block was applied: what was kept about its checkpoint and does not fit."""
        policy, checkpoint = applied.governing_policy, applied.checkpoint
        height = applied.block.height
        if policy not in self._policies:
            self._policies.append(policy)
        while self._note is not None and self._note.size <= checkpoint.size:
            why = self._fault_of_note(self._note, applied)
            if why is not None:
                yield _differs(height, f"note of size {self._note.size}", why)
            self._note = next(self._notes, None)
        reached = [each for each in self._seals if each[2].size <= checkpoint.size]
        for each in reached:
            what, member, seal = each
            why = self._fault_of_seal(what, member, seal, checkpoint)
            if why is not None:
                yield _differs(height, f"{what} of {member}, size {seal.size}", why)
            self._seals.remove(each)

    def _fault_of_note(self, note: Note, applied: Applied) -> str | None:
        checkpoint, policy = applied.checkpoint, applied.governing_policy
        try:
            sealed = parse_sealed(note.data)
            if note.size != sealed.checkpoint.size:
                return "is kept under another size"
            if sealed.checkpoint != checkpoint:
                return "is on another tree"
            if note.height != applied.block.height:
                return f"is kept for height {note.height}"
            verify_seals(sealed, policy)
            verify_further_lines(sealed, parse_members(applied.governed_by.members_text))
            for line in self._beside(note.size):
                seal = parse_cosigned(line, checkpoint.origin).seal
                if not _is_by(SentSeal(note.size, sealed.body, line), seal.member, policy):
                    return f"the seal of {seal.member} beside it is not signed by its member"
        except (Malformed, BadSignature) as error:
            return str(error)
        return None

    def _fault_of_seal(
        self, what: str, member: str, seal: SentSeal, checkpoint: Checkpoint
    ) -> str | None:
        try:
            body = parse_checkpoint(seal.body)
            if seal.size != body.size:
                return "is kept under another size"
            if what == "contradiction":
                if body == checkpoint:
                    return "contradicts nothing"
            elif body != checkpoint and member not in self._contradicting:
                return "is on another tree"
            if not any(_is_by(seal, member, policy) for policy in self._policies):
                return "is not signed by its member"
        except (Malformed, BadSignature) as error:
            return str(error)
        return None


def _is_by(seal: SentSeal, member: str, policy: Policy) -> bool:
    for sealer in policy.sealers:
        if sealer.member == member:
            try:
                line = parse_cosigned(seal.line, policy.origin).seal.line
                verify_cosignature(seal.body, line, policy.witness_vkey(sealer))
            except BadSignature:
                return False
            return True
    return False


def _differs(height: int, what: str, why: str) -> Difference:
    return Difference(Part.SEALS, height, f"{what}: {why}")
