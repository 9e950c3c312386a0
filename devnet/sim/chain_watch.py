"""Watches all ledgers at once: one chain, one place for each statement, seals only on that chain,
none that takes another back, and none that its own member forgets while others hold it (invariants
17 and 18).

What is committed is applied here too, once and in order, with what came before kept in memory
instead of on a disk. Every member must come to the same: as the block hash covers the block entry,
and that the hash of the block before, equal hashes at one height are equal chains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from consensus.messages import Entry
from devnet.sim.violation import Invariant, Judge
from node.chain.apply import Applied, Chain, KeyState, Taken, apply, genesis
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.keys import BadSignature, PublicKey
from node.evidence.malformed import Malformed
from node.evidence.record import Genesis
from node.evidence.sealed import parse_sealed, verify_seals
from node.seals.sealing import REFRESH_S, Note, SentSeal, Step, time_of


@dataclass(slots=True)
class _Told:
    """What one member has let others know."""

    lines: set[bytes] = field(default_factory=set)
    """All its seals."""
    last: SentSeal | None = None
    """The newest of them."""
    is_sure: bool = True
    """It still has that seal, so all it may do to this size is to renew it."""
    published: int = 0
    """The size of its last note; 0 if it may have lost that."""
    is_whole: bool = True
    """Nothing befell its disk since its last start."""
    kept: set[bytes] = field(default_factory=set)
    """The seals that are on its disk or were replaced there by newer ones."""
    held: SentSeal | None = None
    """The newest of these that is on the disk of another member."""


class ChainWatch:
    """The `member.ChainWitness` of all members; `chain.Past` for itself."""

    def __init__(self, judge: Judge, first: Genesis) -> None:
        self._broken = judge.broken
        self._policy = first.note.policy
        self.positions: dict[bytes, int] = {}
        """Where every statement stands: the leaf index."""
        self.chains: list[Chain] = []
        """The state after every height."""
        self.notes = 0
        self._roots: dict[int, bytes] = {}
        self._keys: dict[PublicKey, KeyState] = {}
        self._checked: set[bytes] = set()
        self._told: dict[str, _Told] = {}
        self._take(genesis(first))

    def committed(self, block: Entry) -> None:
        """The next block is canon."""
        self._take(apply(self.chains[-1], block, self))

    def _take(self, applied: Applied) -> None:
        self.chains.append(applied.chain)
        self._roots[applied.checkpoint.size] = applied.checkpoint.root
        self._keys |= applied.key_states
        for outcome in applied.outcomes:
            if isinstance(outcome, Taken) and outcome.statement is not None:
                identity = outcome.statement.statement_id
                if identity in self.positions:
                    self._broken(Invariant.EXACTLY_ONCE, f"{identity.hex()[:16]} is taken again")
                self.positions[identity] = outcome.leaf_index

    def has_statement(self, identity: bytes) -> bool:
        return identity in self.positions

    def key_state(self, key: PublicKey) -> KeyState | None:
        return self._keys.get(key)

    # What members do.

    def applied(self, member: str, blocks: Sequence[Applied]) -> None:
        for block in blocks:
            self.stands(member, block.chain)
            taken = [each for each in block.outcomes if isinstance(each, Taken)]
            for each in taken:
                statement = each.statement
                if statement and self.positions.get(statement.statement_id) != each.leaf_index:
                    what = f"{member} has {statement.statement_id.hex()[:16]} at {each.leaf_index}"
                    self._broken(Invariant.EXACTLY_ONCE, what)

    def stands(self, member: str, chain: Chain) -> None:
        """This is the state of a member's chain."""
        expected = self.chains[chain.height] if chain.height < len(self.chains) else None
        if expected is None or expected.block_hash != chain.block_hash:
            self._broken(Invariant.HASH_CHAIN, f"{member} has another block {chain.height}")

    def started(self, member: str, chain: Chain, last: SentSeal | None) -> None:
        """A member starts with this chain and this own seal."""
        self.stands(member, chain)
        told = self._told.setdefault(member, _Told())
        if not told.is_whole:
            told.is_whole, told.held = True, None
            told.kept.clear()
        elif told.held is not None and (last is None or _age(last) < _age(told.held)):
            known = last.size if last else 0
            what = f"{member} knows of {known}; others hold its seal of {told.held.size}"
            self._broken(Invariant.HASH_CHAIN, what)

    def told(self, member: str, step: Step) -> None:
        for seal in step.own:
            self._check_seal(member, seal)
        for other, seal in step.newest.items():
            self._take_held(self._told.setdefault(other, _Told()), seal)
        for contradiction in step.contradictions:
            what = f"{member} finds that {contradiction.member} contradicts it"
            self._broken(Invariant.HASH_CHAIN, what)
        if step.halted:
            self._broken(Invariant.HASH_CHAIN, f"{member} stops sealing: {step.halted}")
        for note in step.notes:
            self._check_note(member, note)

    def may_forget(self, member: str) -> None:
        """Something befell its disk that may cost it seals and notes."""
        told = self._told.setdefault(member, _Told())
        told.is_sure, told.published, told.is_whole = False, 0, False

    def _take_held(self, told: _Told, seal: SentSeal) -> None:
        if seal.line in told.kept and (told.held is None or _age(told.held) < _age(seal)):
            told.held = seal

    def _check_seal(self, member: str, seal: SentSeal) -> None:
        if parse_checkpoint(seal.body).root != self._roots.get(seal.size):
            self._broken(Invariant.HASH_CHAIN, f"{member} seals another root at {seal.size}")
        told = self._told.setdefault(member, _Told())
        told.kept.add(seal.line)
        if seal.line in told.lines:
            return  # It was told by others what it had sealed.
        if told.last is not None and not _follows(seal, told.last, is_sure=told.is_sure):
            what = f"{member} seals {seal.size} after {told.last.size}"
            self._broken(Invariant.HASH_CHAIN, what)
        told.lines.add(seal.line)
        told.last, told.is_sure = seal, True

    def _check_note(self, member: str, note: Note) -> None:
        self.notes += 1
        told = self._told.setdefault(member, _Told())
        if note.size <= told.published:
            what = f"{member} publishes {note.size} after {told.published}"
            self._broken(Invariant.HASH_CHAIN, what)
        told.published = note.size
        if note.data in self._checked:
            return
        self._checked.add(note.data)
        try:
            sealed = parse_sealed(note.data)
            verify_seals(sealed, self._policy)
        except (Malformed, BadSignature) as error:
            self._broken(Invariant.HASH_CHAIN, f"{member} publishes {note.size}: {error}")
            return
        if sealed.checkpoint.root != self._roots.get(sealed.checkpoint.size):
            self._broken(Invariant.HASH_CHAIN, f"{member} publishes a note of another tree")


def _age(seal: SentSeal) -> tuple[int, int]:
    """Of two seals of a member the greater is the newer."""
    return seal.size, time_of(seal)


def _follows(seal: SentSeal, last: SentSeal, *, is_sure: bool) -> bool:
    """Whether a member whose last seal was that may seal this. Who may have lost the last one may
    seal that size another time."""
    if seal.size != last.size:
        return seal.size > last.size
    is_renewed = seal.body == last.body and time_of(seal) >= time_of(last) + REFRESH_S
    return is_renewed or not is_sure
