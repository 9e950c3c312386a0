"""One replica at work: what `consensus.replica` and `consensus.writer` do, without asyncio.

The core, the journal and the book of proposals are the real ones. What stands between them here is
written after the real edge, duty by duty (`consensus.ready`) and in its order: one inbox, at most
one tick however long the process was stopped, a disk that joins what waits into one synced batch.
A turn takes no time; only the disk, the network and the pace of ticks do.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from consensus import raft
from consensus.journal import Journal, RolledBack
from consensus.messages import (
    AppendRequest,
    CommitNotice,
    Configuration,
    Entry,
    HeartbeatRequest,
    Message,
    Position,
    ReplicaId,
    Voter,
)
from consensus.proposals import Busy, DiskFull, NotLeader, Proposals, Unavailable
from consensus.raft import Raft
from consensus.ready import Read, Ready, Role, Write
from consensus.writer import Probe
from devnet.sim.cast import VERSION, member_of
from devnet.sim.chance import Stream, happens
from devnet.sim.schedule import Life, Schedule
from devnet.sim.setting import Setting
from devnet.sim.writing import Writer, WriterEdge

if TYPE_CHECKING:
    from asyncio import Future

_LOYALTY = (AppendRequest, CommitNotice, HeartbeatRequest)

TIMEOUTS_MAX = 100
"""More ticks than there are in an election timeout."""

Then = Callable[[object], None]
"""What is called with an answer: a result, or the exception in its place."""

NextStep = Callable[[Configuration], Configuration | None]


class Promise:
    """In the place of the future that `Proposals` answers."""

    __slots__ = ("_done", "_then")

    def __init__(self, then: Then) -> None:
        self._then = then
        self._done = False

    def done(self) -> bool:
        return self._done

    def set_result(self, result: Position) -> None:
        self._done = True
        self._then(result)

    def set_exception(self, error: Exception) -> None:
        self._done = True
        self._then(error)


class Edge(WriterEdge, Protocol):
    """The machine below a replica."""

    def now_ms(self) -> int:
        """The wall clock."""

    def tick_us(self) -> int:
        """How long a tick lasts by the oscillator of this machine."""

    def stall_us(self) -> int:
        """How long this process is still stopped; 0 if it runs."""


class Owner(Protocol):
    """The member around a replica."""

    @property
    def life(self) -> Life: ...

    @property
    def applied(self) -> int: ...

    def send(self, voter: Voter, messages: Sequence[Message]) -> None: ...

    def has_room(self) -> bool:
        """More committed entries can be taken."""

    def deliver(self, entries: Sequence[Entry]) -> None: ...


class Witness(Protocol):
    """Who watches the replica (`invariants`)."""

    def started(self, core: Raft, journal: Journal) -> None: ...

    def took(self, core: Raft, message: Message | None) -> None:
        """One input was taken in: this message, or something else."""

    def does(self, core: Raft, ready: Ready) -> None:
        """This is about to be carried out."""

    def wrote(self, core: Raft, writes: Sequence[Write]) -> None:
        """These are durable."""


class Driver:
    """From one start of a process to its end."""

    def __init__(
        self,
        journal: Journal,
        owner: Owner,
        edge: Edge,
        witness: Witness,
        setting: Setting,
        schedule: Schedule,
        stream: Stream,
    ) -> None:
        self.raft = Raft(
            journal.replica_id,
            journal,
            proposer=member_of(journal.replica_id),
            version=VERSION,
            random=partial(_draw, stream, setting.split_votes),
            election_ticks=setting.election_ticks,
            heartbeat_ticks=setting.heartbeat_ticks,
            limits=setting.limits,
            applied=owner.applied,
        )
        self.writer = Writer(journal, edge, self._written, setting, schedule, owner.life)
        self._owner = owner
        self._edge = edge
        self._witness = witness
        self._schedule = schedule
        self._life = life = owner.life
        self._setting = setting
        self._journal = journal
        self._inbox: deque[Callable[[int], None]] = deque()
        self._proposals = Proposals()
        self._reads: dict[int, Then] = {}
        self._reads_asked = 0
        self._ticks = 0
        self._led_term: int | None = None
        self._acquaintances: dict[ReplicaId, Voter] = {}
        self._introduced: dict[Voter, None] = {}
        self._disk_answered_us = schedule.now_us
        self._probing = False
        witness.started(self.raft, journal)
        self._meet()
        schedule.after(stream.randrange(1, edge.tick_us()), self._tick_is_due, life)
        schedule.after(0, self.turn, life)

    # What others ask of it. All of it waits in the inbox while the process is stopped.

    def receive(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.sender in self._acquaintances:
                self._inbox.append(partial(self._step, message))
        self.turn()

    def propose(self, data: bytes, then: Then) -> None:
        self._inbox.append(partial(self._take_proposal, data, then))
        self.turn()

    def read_index(self, then: Then) -> None:
        self._inbox.append(partial(self._take_read_request, then))
        self.turn()

    def hand_over(self) -> None:
        self._inbox.append(self._transfer)
        self.turn()

    def change(self, next_step: NextStep, then: Then) -> None:
        """Have the configuration changed to what `next_step` makes of the one in force; None if it
        makes nothing of it."""
        self._inbox.append(partial(self._take_change, next_step, then))
        self.turn()

    def introduce(self, voters: Iterable[Voter]) -> None:
        """More of those who belong to the group, as others say."""
        self._introduced |= dict.fromkeys(voters)
        self.raft.introduce(self._introduced)
        self._meet()

    def close(self) -> None:
        """The process ends in good order: whoever waits is told that nothing more is learnt."""
        self._proposals.close()
        for then in list(self._reads.values()):
            then(Unavailable("the replica stopped"))
        self._reads.clear()

    # One turn of the loop.

    def turn(self) -> None:
        if self._life.is_over or self._edge.stall_us():
            return  # Whoever lets it go on gives it a turn.
        try:
            self._take_all()
            while not self._life.is_over:
                ready = self.raft.ready(deliver=self._owner.has_room())
                if ready is None:
                    break
                self._witness.does(self.raft, ready)
                self._carry_out(ready)
        except Exception as error:
            self._edge.failed(error)

    def _take_all(self) -> None:
        now_ms = self._edge.now_ms()
        while self._inbox and not self._life.is_over:
            self._inbox.popleft()(now_ms)

    def _tick_is_due(self) -> None:
        if stall_us := self._edge.stall_us():
            self._schedule.after(stall_us, self._tick_is_due, self._life)
            return
        self._schedule.after(self._edge.tick_us(), self._tick_is_due, self._life)
        try:
            self._take_all()
            if not self._life.is_over:
                self._tick(self._edge.now_ms())
        except Exception as error:
            self._edge.failed(error)
        else:
            self.turn()

    def _tick(self, now_ms: int) -> None:
        self._ticks += 1
        self.raft.tick(now_ms)
        self._witness.took(self.raft, None)
        self._proposals.expire(self._ticks)
        quiet_us = self._schedule.now_us - self._disk_answered_us
        leads = self.raft.role is Role.LEADER
        if leads and quiet_us > self._setting.election_us / 2 and not self._probing:
            self._probing = True
            self.writer.put(Probe())

    def _step(self, message: Message, now_ms: int) -> None:
        self.raft.step(message, now_ms)
        self._witness.took(self.raft, message)
        if self.raft.rollback is not None:
            self._journal.give_up(self.raft.rollback)
            self._edge.failed(RolledBack(self.raft.rollback))

    def _written(self, writes: Sequence[Write]) -> None:
        """Called by the writer; nothing for a probe."""
        if writes:
            self._witness.wrote(self.raft, writes)
        number = writes[-1].number if writes else None
        self._inbox.append(partial(self._take_written, number))
        self.turn()

    def _take_written(self, number: int | None, now_ms: int) -> None:
        self._disk_answered_us = self._schedule.now_us
        self._probing = False
        if number is not None:
            self.raft.persisted(number, now_ms)
            self._witness.took(self.raft, None)

    def _take_proposal(self, data: bytes | Configuration, then: Then, now_ms: int) -> None:
        try:
            if isinstance(data, Configuration):
                position = self.raft.propose_configuration(data, now_ms)
            elif self.raft.role is Role.LEADER and not self._journal.has_room:
                then(DiskFull("what is left on the disk is kept in reserve"))
                return
            else:
                position = self.raft.propose(data, now_ms)
        except raft.NotLeader as error:
            then(NotLeader(error.leader, None))
        except raft.Busy as error:
            then(Busy(str(error)))
        except raft.ChangeRefused as error:
            then(error)
        else:
            # Nothing but what a future has is asked of it.
            self._proposals.add(position, cast("Future[Position]", Promise(then)))
            self._witness.took(self.raft, None)

    def _take_change(self, next_step: NextStep, then: Then, now_ms: int) -> None:
        if self.raft.role is not Role.LEADER:
            then(NotLeader(self.raft.leader, None))
            return
        try:
            step = next_step(self.raft.configuration)
        except raft.ChangeRefused as error:
            then(error)
            return
        if step is None:
            then(None)
        else:
            self._take_proposal(step, then, now_ms)

    def _take_read_request(self, then: Then, now_ms: int) -> None:
        self._reads_asked += 1
        try:
            self.raft.read_index(self._reads_asked)
        except raft.Busy as error:
            then(Unavailable(str(error)))
        else:
            self._reads[self._reads_asked] = then

    def _transfer(self, now_ms: int) -> None:
        self.raft.transfer()

    # The duties, in their order.

    def _carry_out(self, ready: Ready) -> None:
        if ready.write is not None:
            self.writer.put(ready.write)
        self._send(ready.send)
        if ready.committed:
            self._proposals.committed(ready.committed)
            self._owner.deliver(ready.committed)
        for read in ready.reads:
            if self._life.is_over:
                return  # What was read first did not check, and ended the process.
            self._answer_read(read)
        led_term = ready.term if ready.role is Role.LEADER else None
        if led_term != self._led_term:
            self._led_term = led_term
            self._proposals.doubt(led_term, self._ticks + 2 * self._setting.election_ticks)
        self._meet()

    def _send(self, messages: Iterable[Message]) -> None:
        disk_hangs = self._schedule.now_us - self._disk_answered_us > self._setting.election_us
        parcels: dict[ReplicaId, list[Message]] = {}
        for message in messages:
            # Nobody should stay loyal to a leader that cannot write.
            if not (disk_hangs and isinstance(message, _LOYALTY)):
                parcels.setdefault(message.recipient, []).append(message)
        for recipient, parcel in parcels.items():
            if (voter := self._acquaintances.get(recipient)) is not None:
                self._owner.send(voter, parcel)

    def _answer_read(self, read: Read) -> None:
        then = self._reads.pop(read.context)
        if read.index is None:
            then(Unavailable("the lead was lost or could not be confirmed"))
        else:
            then(read.index)

    def _meet(self) -> None:
        self._acquaintances = {voter.id: voter for voter in self.raft.acquaintances}


def _draw(stream: Stream, split_votes: float, below: int) -> int:
    """What the core draws: timeouts, which may be made to coincide, and numbers, which must not."""
    drawn = stream.randrange(below)
    return 0 if below <= TIMEOUTS_MAX and happens(stream, split_votes) else drawn
