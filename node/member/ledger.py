"""The ledger: what one member holds to be true, on disk: chain, views and seals in step.

Everything that changes it runs in one thread, one call after the other; nothing here waits for
another machine. In this order for every block, and recovery runs the same path:

    apply the block -> write the views -> seal the checkpoint, synced -> only then tell anyone

If we stop before the views are written, the block is applied again at the next start; if we stop
before the seal is synced, no one has seen it, and a later checkpoint is sealed instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from consensus.journal import Journal
from consensus.messages import Entry
from node.chain.apply import Applied, apply, check_rules, obstacle
from node.chain.store import Store
from node.evidence.keys import Signer
from node.evidence.members import parse_members
from node.seals.exposure import Exposure
from node.seals.sealing import Head, Sealing, Step
from node.seals.store import Seals


class Ledger:
    """Owned by the thread that applies. The other threads read `store`, `seals`, `exposure.files`
    and the plain values of `sealing` (`note`, `halted`, `last`, `newest`), which are replaced as a
    whole."""

    def __init__(
        self,
        member: str,
        log: Signer,
        witness: Signer,
        journal: Journal,
        store: Store,
        seals: Seals,
        further: Sequence[Signer] = (),
    ) -> None:
        """With `further` keys this member signs besides (`cosigning`)."""
        self.journal = journal
        self.store = store
        self.seals = seals
        self.check_rules()
        chain, head = store.chain, None
        if chain.height:
            _, governing = store.policies(chain.size)[-1]
            members = parse_members(governing.members_text)
            head = Head(chain.height, chain.checkpoint, governing.policy, members)
        self.sealing = Sealing(
            member, log, witness, chain.policy, seals.load(), store.root, head, further
        )
        self.exposure = Exposure(self.sealing, store, seals)
        self._may_seal = False

    def apply(self, blocks: Sequence[Entry], now_s: int) -> tuple[list[Applied], Step]:
        """Take in the next blocks; returns what they came to and what may now be told. `now_s` is
        this member's clock."""
        applied = []
        for block in blocks:
            applied.append(apply(self.store.chain, block, self.store))
            self.store.write(applied[-1])
            if obstacle(self.store.chain):
                break  # The last block this version can apply; it is sealed, then we stop.
        step = self.sealing.applied(applied, now_s, may_seal=self._may_seal)
        self._write(step)
        return applied, step

    def start_sealing(self, now_s: int) -> Step:
        """This member has caught up, and its clock is right: seal the newest checkpoint, and from
        now on every one."""
        self._may_seal = True
        step = self.sealing.seal_newest(now_s)
        self._write(step)
        return step

    def refresh(self, now_s: int) -> Step:
        """Seal the newest checkpoint again, if this member may seal and its seal is old."""
        step = self.sealing.refresh(now_s) if self._may_seal else Step()
        self._write(step)
        return step

    def stop_sealing(self) -> None:
        """Its clock is wrong: what it skips from now on it never seals."""
        self._may_seal = False

    def receive(self, seals: Sequence[tuple[bytes, bytes]], now_s: int) -> Step:
        """Take in what others sealed."""
        step = self.sealing.receive(seals, now_s)
        self._write(step)
        return step

    def check_rules(self) -> None:
        """Raise `NewerRules` if the chain has gone where this version cannot follow."""
        check_rules(self.store.chain)

    def accept(self, files: Sequence[bytes]) -> Step:
        """Take in the contradiction files that another member has."""
        step = Step()
        self.exposure.accept(files, step)
        self._write(step)
        return step

    def _write(self, step: Step) -> None:
        self.exposure.after(step)
        self.seals.write(step, self.journal.mark.format())
