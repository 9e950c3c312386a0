"""Proposals that wait to be committed, each answered exactly once.

The errors say whose move is next. They are a tree of their own beside those of `raft`, because a
caller here also needs to know where the leader is, and what became of a proposal already made.
"""

from asyncio import Future
from collections.abc import Iterable
from dataclasses import dataclass

from consensus.messages import Entry, Position, ReplicaId


class ReplicaError(Exception):
    """Base of what a replica answers instead of a result; never raised itself."""


class NotLeader(ReplicaError):
    """Nothing was proposed. Ask `leader` at `address`; both None while there is no leader."""

    def __init__(self, leader: ReplicaId | None, address: str | None) -> None:
        super().__init__(f"the leader is {leader} at {address}" if leader else "there is no leader")
        self.leader = leader
        self.address = address


class Busy(ReplicaError):
    """Nothing was proposed: too much waits to be committed. Try again a little later."""


class DiskFull(ReplicaError):
    """Nothing was proposed: little is left on the leader's disk, and kept for what must still be
    written. Make room there. Configurations may still be proposed."""


class Dropped(ReplicaError):
    """The proposal was made and for certain will never be committed. Propose it again."""


class Unknown(ReplicaError):
    """The lead was lost and the proposal may still be committed, or not. Only a proposal that does
    no harm twice may be made again."""


class Unavailable(ReplicaError):
    """No read could be confirmed; nothing was changed. Try again, perhaps elsewhere."""


@dataclass(slots=True)
class _Waiting:
    answer: Future[Position]
    deadline_tick: int | None = None  # Set once the lead was lost.


class Proposals:
    """Owned by the replica's loop. A proposal is found by index *and* term: another leader's entry
    at the same index is not an answer to it, but proof that there will be none."""

    def __init__(self) -> None:
        self._waiting: dict[Position, _Waiting] = {}
        self._term = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, position: Position, answer: Future[Position]) -> None:
        self._waiting[position] = _Waiting(answer)

    def committed(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            position = Position(entry.index, entry.term)
            waiting = self._waiting.pop(position, None)
            if waiting is not None and not waiting.answer.done():
                waiting.answer.set_result(position)
            if entry.term > self._term:
                self._term = entry.term
                lost = [other for other in self._waiting if other.is_lost_to(entry)]
                self._fail(lost, Dropped)

    def doubt(self, led_term: int | None, deadline_tick: int) -> None:
        """The lead was lost, or won again in `led_term`: what was proposed in another term and is
        not settled at that tick is unknown."""
        for position, waiting in self._waiting.items():
            if position.term != led_term:
                waiting.deadline_tick = waiting.deadline_tick or deadline_tick

    def expire(self, tick: int) -> None:
        late = [p for p, w in self._waiting.items() if tick >= (w.deadline_tick or tick + 1)]
        self._fail(late, Unknown)

    def close(self) -> None:
        """The replica stops and will not learn more."""
        self._fail(list(self._waiting), Unknown)

    def _fail(self, positions: Iterable[Position], error: type[Dropped | Unknown]) -> None:
        for position in positions:
            answer = self._waiting.pop(position).answer
            if not answer.done():
                answer.set_exception(error(f"proposed at {position.index} in term {position.term}"))
