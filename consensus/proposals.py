"""Proposals that wait to be committed, each answered exactly once.

The errors say whose move is next. They are a tree of their own beside those of `raft`, because a
caller here also needs to know where the leader is, and what became of a proposal already made.
"""

from asyncio import Future
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain

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
    position: Position
    answer: Future[Position]
    deadline_tick: int | None = None  # Set once the lead was lost.

    def fail(self, error: type[Dropped | Unknown]) -> None:
        if not self.answer.done():
            position = self.position
            self.answer.set_exception(
                error(f"proposed at {position.index} in term {position.term}")
            )


class Proposals:
    """Owned by the replica's loop. A proposal is found by index *and* term: another leader's entry
    at the same index is not an answer to it, but proof that there will be none."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[_Waiting]] = {}
        """By index; several only where this replica led in several terms."""
        self._term = 0
        self._in_doubt = False
        """Some have a deadline."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def add(self, position: Position, answer: Future[Position]) -> None:
        self._waiting.setdefault(position.index, []).append(_Waiting(position, answer))

    def committed(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for waiting in self._waiting.pop(entry.index, ()):
                if not waiting.position.is_at(entry):
                    waiting.fail(Dropped)
                elif not waiting.answer.done():
                    waiting.answer.set_result(waiting.position)
            if entry.term > self._term:
                self._term = entry.term
                self._fail(partial(_is_lost, newest=entry), Dropped)

    def doubt(self, led_term: int | None, deadline_tick: int) -> None:
        """The lead was lost, or won again in `led_term`: what was proposed in another term and is
        not settled at that tick is unknown."""
        for waiting in chain.from_iterable(self._waiting.values()):
            if waiting.position.term != led_term:
                waiting.deadline_tick = waiting.deadline_tick or deadline_tick
                self._in_doubt = True

    def expire(self, tick: int) -> None:
        """Called with every tick, when thousands may be waiting and none be in doubt."""
        if self._in_doubt:
            self._fail(lambda w: tick >= (w.deadline_tick or tick + 1), Unknown)
            every = chain.from_iterable(self._waiting.values())
            self._in_doubt = any(waiting.deadline_tick is not None for waiting in every)

    def close(self) -> None:
        """The replica stops and will not learn more."""
        self._fail(lambda _: True, Unknown)

    def _fail(self, which: Callable[[_Waiting], bool], error: type[Dropped | Unknown]) -> None:
        for index, group in list(self._waiting.items()):
            left = []
            for waiting in group:
                if which(waiting):
                    waiting.fail(error)
                else:
                    left.append(waiting)
            if left:
                self._waiting[index] = left
            else:
                del self._waiting[index]


def _is_lost(waiting: _Waiting, newest: Entry) -> bool:
    return waiting.position.is_lost_to(newest)
