"""Seals on their way between members: what `node.member.exchange` does, without asyncio.

Pushed to everybody a little later, all that came meanwhile together; pulled from everybody after a
start, until enough have said what they hold of this member's own seals, and from somebody now and
then, which makes good what got lost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from consensus.messages import ReplicaId, Voter
from devnet.sim.cast import member_of
from devnet.sim.chance import Stream, interval_us
from devnet.sim.schedule import MS, SECOND, Life, Schedule
from node.seals.sealing import SentSeal

FLUSH_US = 10 * MS
"""Seals made within this leave together."""
PULL_US = SECOND
"""The mean time between two pulls, and the time after which an unanswered one is repeated."""

Seals = Sequence[tuple[bytes, bytes]]
"""Bodies and lines."""


class Neighbour(Protocol):
    """The member at the other end of a parcel."""

    @property
    def exchange(self) -> "Exchange": ...


class Owner(Protocol):
    """The member at this end."""

    @property
    def replica_id(self) -> ReplicaId: ...

    @property
    def is_sealing(self) -> bool: ...

    def others(self) -> list[Voter]:
        """Everybody this replica is to talk to."""

    def seen_size(self, member: str) -> int:
        """Of the newest seal of that member."""

    def pulled(self, above_size: int, member: str) -> tuple[list[SentSeal], SentSeal | None]:
        """What a member that missed some needs, and its own newest seal."""

    def take_seals(self, seals: Seals, then: Callable[[], None]) -> None: ...

    def to(self, name: str, what: Callable[[Neighbour], None]) -> None:
        """Have this done at another member."""

    def note(self, what: str) -> None: ...


class Exchange:
    def __init__(self, owner: Owner, schedule: Schedule, stream: Stream, life: Life) -> None:
        self.answered: set[ReplicaId] = set()
        """Who has been pulled from since the start."""
        self._owner = owner
        self._schedule = schedule
        self._stream = stream
        self._life = life
        self._unsent: list[SentSeal] = []
        schedule.after(0, self._pull_all, life)
        schedule.after(interval_us(stream, PULL_US), self._pull_some, life)

    def push(self, seals: Sequence[SentSeal]) -> None:
        if seals and not self._unsent:
            self._schedule.after(FLUSH_US, self._flush, self._life)
        self._unsent += seals

    def _flush(self) -> None:
        seals, self._unsent = _sent(self._unsent), []
        for other in self._owner.others():
            self._owner.to(member_of(other.id), lambda member: member.exchange.pushed(seals))

    def pushed(self, seals: Seals) -> None:
        self._owner.note(f"{len(seals)} seals pushed")
        self._owner.take_seals(seals, lambda: None)

    def _pull_all(self) -> None:
        if self._owner.is_sealing:
            return
        for other in self._owner.others():
            if other.id not in self.answered:
                self._pull(other)
        self._schedule.after(PULL_US, self._pull_all, self._life)

    def _pull_some(self) -> None:
        self._schedule.after(interval_us(self._stream, PULL_US), self._pull_some, self._life)
        if self._owner.is_sealing and (others := self._owner.others()):
            self._pull(self._stream.choice(others))

    def _pull(self, other: Voter) -> None:
        member, above = member_of(other.id), self._owner.seen_size(member_of(other.id))
        puller = self._owner.replica_id
        self._owner.to(member, lambda it: it.exchange.pulled_by(puller, other.id, above))

    def pulled_by(self, puller: ReplicaId, pulled: ReplicaId, above_size: int) -> None:
        """One that has become another replica since does not answer for the one it was."""
        if pulled == self._owner.replica_id:
            name = member_of(puller)
            seals, yours = self._owner.pulled(above_size, name)
            sent = _sent([*seals, yours] if yours is not None else seals)
            self._owner.to(name, lambda it: it.exchange.got(puller, pulled, sent))

    def got(self, puller: ReplicaId, pulled: ReplicaId, seals: Seals) -> None:
        if puller == self._owner.replica_id:
            self._owner.note(f"{len(seals)} seals pulled from {pulled}")
            self._owner.take_seals(seals, partial(self.answered.add, pulled))


def _sent(seals: Sequence[SentSeal]) -> Seals:
    return [(seal.body, seal.line) for seal in seals]
