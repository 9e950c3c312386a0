"""What the clients did and were told, and whether it can be so (invariants 18 to 20).

As they come, answers are compared with what is known by then: an acknowledged statement stands
where it was said to stand, and a read shows all that was acknowledged before it was asked. At the
end the whole history is checked for linearizability, exactly (`devnet.linearizable`).
"""

from collections import Counter

from devnet.linearizable import Append, LookUp, NotLinearizable, Operation, ReadSize, check
from devnet.sim.chain_watch import ChainWatch
from devnet.sim.violation import Invariant, Judge


class History:
    def __init__(self, judge: Judge, chain: ChainWatch) -> None:
        self.counts: Counter[str] = Counter()
        self._broken = judge.broken
        self._chain = chain
        self._operations: list[Operation] = []
        self._open: dict[bytes, int] = {}
        self.acknowledged_size = 0
        """A tree of this size has everything that was acknowledged until now."""

    @property
    def answered(self) -> int:
        return self.counts["writes"] + self.counts["reads"]

    def begin(self, statement: bytes, now_us: int) -> None:
        self._open[statement] = now_us

    def told(self, statement: bytes, position: int | None) -> None:
        """Somebody was told that it stands there, or that it was agreed on and stands nowhere."""
        at = self._chain.positions.get(statement)
        if position is None or position != at:
            what = f"{statement.hex()[:16]} was acknowledged at {position}, but stands at {at}"
            self._broken(Invariant.CLIENT_TRUTH, what)

    def acknowledged(self, statement: bytes, position: int, now_us: int) -> None:
        """The client that waited for it was told that it stands there."""
        self.told(statement, position)
        self.acknowledged_size = max(self.acknowledged_size, position + 1)
        self.counts["writes"] += 1
        self._operations.append(Append(statement, self._open.pop(statement), now_us, position))

    def refused(self, statement: bytes, now_us: int) -> None:
        """For certain: it was never proposed, or can never be agreed on."""
        self.counts["refused"] += 1
        self._operations.append(Append(statement, self._open.pop(statement), now_us, None))

    def read_size(self, invoked_us: int, now_us: int, size: int, least: int) -> None:
        """`least` is what had been acknowledged when it was asked."""
        if size < least:
            self._broken(Invariant.LINEARIZABLE, f"a read saw {size}, acknowledged were {least}")
        self.counts["reads"] += 1
        self._operations.append(ReadSize(invoked_us, now_us, size))

    def looked_up(
        self, statement: bytes, invoked_us: int, now_us: int, position: int | None
    ) -> None:
        self.counts["reads"] += 1
        self._operations.append(LookUp(statement, invoked_us, now_us, position))

    def check(self) -> None:
        """At the end, when nothing more will be agreed on."""
        unknown = [Append(statement, invoked) for statement, invoked in self._open.items()]
        try:
            check(self._chain.positions.items(), [*self._operations, *unknown])
        except NotLinearizable as error:
            self._broken(Invariant.LINEARIZABLE, str(error))
