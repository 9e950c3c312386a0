"""Watches all ledgers at once: one chain, one place for each statement, and seals only on that
chain (invariants 17 and 18).

What is committed is applied here too, once and in order, with what came before kept in memory
instead of on a disk. Every member must come to the same: as the block hash covers the block entry,
and that the hash of the block before, equal hashes at one height are equal chains.
"""

from collections.abc import Sequence

from consensus.messages import Entry
from devnet.sim.violation import Invariant, Judge
from node.chain import Applied, Chain, KeyState, Taken, apply, genesis
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.keys import PublicKey
from node.evidence.record import Genesis
from node.evidence.sealed import parse_sealed, verify_seals
from node.sealing import Step


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
                self.positions[outcome.statement.statement_id] = outcome.leaf_index

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

    def told(self, member: str, step: Step) -> None:
        for seal in step.own:
            if parse_checkpoint(seal.body).root != self._roots.get(seal.size):
                self._broken(Invariant.HASH_CHAIN, f"{member} seals another root at {seal.size}")
        for contradiction in step.contradictions:
            what = f"{member} finds that {contradiction.member} contradicts it"
            self._broken(Invariant.HASH_CHAIN, what)
        if step.halted:
            self._broken(Invariant.HASH_CHAIN, f"{member} stops sealing: {step.halted}")
        for note in step.notes:
            self.notes += 1
            if note.data not in self._checked:
                self._checked.add(note.data)
                sealed = parse_sealed(note.data)
                if sealed.checkpoint.root != self._roots.get(sealed.checkpoint.size):
                    self._broken(Invariant.HASH_CHAIN, f"{member} publishes a note of another tree")
                verify_seals(sealed, self._policy)
