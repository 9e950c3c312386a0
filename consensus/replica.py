"""The replica: the core, its disk and its peers, run by one task that never waits for either.

Everything that happens goes into one inbox. The task drains it, lets at most one tick pass however
long it slept, and carries out what the core asks (`ready`): writes go to the journal's thread,
messages to the peers' outboxes, committed entries to a task of their own that calls `apply`. So a
slow disk, a slow peer and a slow `apply` delay nobody else's heartbeats.

A replica whose disk fails stops: `run` raises StorageFailed or StorageCorrupt, and the process is
meant to end with it. A leader whose disk only hangs stops sending heartbeats, so that the others
elect one that can write.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from consensus import raft
from consensus.delivery import Apply, Delivery
from consensus.journal import Journal, JournalError, RolledBack, StorageCorrupt
from consensus.messages import (
    DATA_BYTES_MAX,
    AppendRequest,
    CommitNotice,
    Configuration,
    HeartbeatRequest,
    Message,
    Position,
    ReplicaId,
    Voter,
)
from consensus.peers import Peers
from consensus.proposals import Busy, DiskFull, NotLeader, Proposals, Unavailable
from consensus.raft import Raft
from consensus.ready import Contradiction, Read, Ready, Role
from consensus.writer import GiveUp, Probe, Spent, Writer

# Evidence against a leader is kept for an operator to look at; the first few tell the story, and a
# liar cannot fill memory or the operator's log with more.
CONTRADICTIONS_MAX = 100

# What keeps followers loyal to a leader.
_LOYALTY = (AppendRequest, CommitNotice, HeartbeatRequest)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """What one replica knows at one moment."""

    id: ReplicaId
    role: Role
    term: int
    leader: ReplicaId | None
    last_index: int
    commit: int
    applied: int
    connected: frozenset[ReplicaId]
    contradictions: int
    recalling: bool
    """It takes no part yet: too few have said what they remember of it."""
    clock_off_ms: int
    """By how much its clock is off, as far as the leader knows; 0 if it is not."""
    matches: Mapping[ReplicaId, int]
    """On a leader: up to where the replicas it hears have its log on their disks."""
    has_room: bool
    """Its disk had more room than the reserve when it was written last (`journal`)."""


@dataclass(frozen=True, slots=True)
class _Proposal:
    data: bytes | Configuration
    answer: asyncio.Future[Position]


@dataclass(frozen=True, slots=True)
class _ReadRequest:
    answer: asyncio.Future[int]


@dataclass(frozen=True, slots=True)
class _HandOver:
    pass


@dataclass(frozen=True, slots=True)
class _Written:
    number: int | None


@dataclass(frozen=True, slots=True)
class _DiskFailed:
    error: Exception


_Input = Message | _Proposal | _ReadRequest | _HandOver | _Written | _DiskFailed


class Replica:
    """One replica from start to stop. All methods belong to the event loop that runs `run`.

    `apply` gets every committed entry above `applied`, in order, several at a time, one call after
    the other; each is on this replica's own disk. What it raises ends `run`.
    """

    def __init__(
        self,
        journal: Journal,
        peers: Peers,
        *,
        proposer: str,
        version: str,
        apply: Apply,
        applied: int = 0,
        tick_ms: int = 50,
        election_ticks: int = 10,
        heartbeat_ticks: int = 1,
    ) -> None:
        assert peers.replica_id == journal.replica_id
        if applied > journal.last_index:
            what = f"it ends at entry {journal.last_index}, but {applied} was applied from it"
            raise StorageCorrupt(journal.directory, what)
        self.contradictions: list[Contradiction] = []
        self.spent = Spent()
        self._journal = journal
        self._peers = peers
        self._delivery = Delivery(apply, applied)
        self._tick_s = tick_ms / 1000
        self._election_s = election_ticks * self._tick_s
        self._raft = Raft(
            journal.replica_id,
            journal,
            proposer=proposer,
            version=version,
            random=secrets.randbelow,
            election_ticks=election_ticks,
            heartbeat_ticks=heartbeat_ticks,
            applied=applied,
        )
        self._configuration = self._raft.configuration
        self._acquaintances = self._raft.acquaintances
        peers.configure(self._acquaintances)

        self._running = False
        self._inbox: deque[_Input] = deque()
        self._woken = asyncio.Event()
        self._proposals = Proposals()
        self._doubt_ticks = 2 * election_ticks
        self._reads: dict[int, asyncio.Future[int]] = {}
        self._reads_asked = 0
        self._ticks = 0
        self._tick_is_due = False
        self._led_term: int | None = None
        self._proposed_term: int | None = None
        self._another_leads = asyncio.Event()

        # When the disk last finished something, and whether it was asked for a sign of life since.
        self._disk_answered_s = 0.0
        self._probing = False

    async def run(self) -> None:
        """Take part until cancelled, until the disk or `apply` fails, or until it shows that the
        disk has forgotten something (RolledBack): that is raised."""
        loop = asyncio.get_running_loop()
        self._disk_answered_s = time.monotonic()

        def put(item: _Input) -> None:
            loop.call_soon_threadsafe(self._put, item)

        writer = Writer(
            self._journal,
            written=lambda number: put(_Written(number)),
            failed=lambda error: put(_DiskFailed(error)),
            spent=self.spent,
        )
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._peers.run(self._receive))
                group.create_task(self._delivery.run(self._woken.set))
                group.create_task(self._drive(loop, writer))
        except BaseExceptionGroup as group_error:
            if (journal_errors := group_error.subgroup(JournalError)) is not None:
                raise _first(journal_errors) from group_error
            raise
        finally:
            self._running = False
            self._abandon()
            if self._raft.rollback is not None:
                writer.put(GiveUp(self._raft.rollback))
            await writer.close()

    # What others ask of it.

    async def propose(self, data: bytes) -> Position:
        """Have this agreed; returns once it is committed and on this replica's disk. Raises
        NotLeader, Busy, DiskFull, Dropped, Unknown; and ValueError for more than DATA_BYTES_MAX."""
        if len(data) > DATA_BYTES_MAX:
            raise ValueError(f"{len(data)} bytes; an entry has at most {DATA_BYTES_MAX}")
        return await self._propose(data)

    async def propose_configuration(self, configuration: Configuration) -> Position:
        """Change who takes part, by one voter at most. Raises `raft.ChangeRefused` too."""
        return await self._propose(configuration)

    async def read_index(self) -> int:
        """The index that must be applied before an answer that misses nothing acknowledged before
        this call. Works on followers too. Raises Unavailable."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not self._running:
            raise Unavailable("the replica is not running")
        self._put(_ReadRequest(answer))
        return await answer

    def introduce(self, voters: Iterable[Voter]) -> None:
        """Who belongs to the group, as far as the owner knows better than the log here
        (`raft.Raft.introduce`)."""
        self._raft.introduce(voters)
        self._meet()

    async def hand_over(self) -> None:
        """Give up the lead, if this replica has it, to whoever can take over soonest; returns when
        another leads, or after an election timeout. To be called before stopping."""
        if self._running and self._raft.role is Role.LEADER:
            self._another_leads.clear()
            self._put(_HandOver())
            with suppress(TimeoutError):
                async with asyncio.timeout(self._election_s):
                    await self._another_leads.wait()

    def status(self) -> Status:
        core = self._raft
        return Status(
            core.id,
            core.role,
            core.term,
            core.leader,
            core.last_index,
            core.commit,
            self._delivery.applied,
            self._peers.connected,
            len(self.contradictions),
            core.recalling,
            core.clock_off_ms,
            core.matches,
            self._journal.has_room,
        )

    @property
    def configuration(self) -> Configuration:
        return self._configuration

    @property
    def acquaintances(self) -> tuple[Voter, ...]:
        """Everyone it must be able to talk to: while it catches up, more than are in force."""
        return self._acquaintances

    async def _propose(self, data: bytes | Configuration) -> Position:
        answer: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        if not self._running:
            raise NotLeader(None, None)
        self._put(_Proposal(data, answer))
        return await answer

    # Input.

    def _receive(self, messages: Sequence[Message]) -> None:
        self._inbox.extend(messages)
        self._woken.set()

    def _put(self, item: _Input) -> None:
        self._inbox.append(item)
        self._woken.set()

    def _put_tick(self) -> None:
        self._tick_is_due = True
        self._woken.set()

    async def _drive(self, loop: asyncio.AbstractEventLoop, writer: Writer) -> None:
        """The one loop. Nothing else touches the core while `run` runs."""
        timer = loop.call_later(self._tick_s, self._put_tick)
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                now_ms = time.time_ns() // 1_000_000
                while self._inbox:
                    self._take_in(self._inbox.popleft(), now_ms)
                if self._tick_is_due:
                    # One, however many were slept through: the messages of that time are either
                    # taken in by now or will be before the next.
                    self._tick_is_due = False
                    timer = loop.call_later(self._tick_s, self._put_tick)
                    self._tick(now_ms, writer)
                while ready := self._raft.ready(deliver=self._delivery.has_room):
                    self._carry_out(ready, writer)
        finally:
            timer.cancel()

    def _take_in(self, item: _Input, now_ms: int) -> None:
        match item:
            case _Proposal():
                self._take_proposal(item, now_ms)
            case _ReadRequest():
                self._take_read_request(item)
            case _Written():
                self._disk_answered_s = time.monotonic()
                self._probing = False
                if item.number is not None:
                    self._raft.persisted(item.number, now_ms)
            case _DiskFailed():
                raise item.error
            case _HandOver():
                if self._raft.transfer() is None:
                    self._another_leads.set()
            case _:
                self._raft.step(item, now_ms)
                if self._raft.rollback is not None:
                    raise RolledBack(f"{self._journal.directory}: {self._raft.rollback}")

    def _take_proposal(self, proposal: _Proposal, now_ms: int) -> None:
        if proposal.answer.done():  # The caller has left; nothing was proposed yet.
            return
        is_data = isinstance(proposal.data, bytes)
        if is_data and self._raft.role is Role.LEADER and not self._journal.has_room:
            proposal.answer.set_exception(DiskFull("what is left on the disk is kept in reserve"))
            return
        try:
            match proposal.data:
                case bytes():
                    position = self._raft.propose(proposal.data, now_ms)
                case Configuration():
                    position = self._raft.propose_configuration(proposal.data, now_ms)
        except raft.NotLeader as error:
            proposal.answer.set_exception(NotLeader(error.leader, self._address(error.leader)))
        except raft.Busy as error:
            proposal.answer.set_exception(Busy(str(error)))
        except raft.ChangeRefused as error:
            proposal.answer.set_exception(error)
        else:
            self._proposals.add(position, proposal.answer)
            self._proposed_term = position.term

    def _take_read_request(self, request: _ReadRequest) -> None:
        if request.answer.done():  # The caller has left.
            return
        self._reads_asked += 1
        try:
            self._raft.read_index(self._reads_asked)
        except raft.Busy as error:
            request.answer.set_exception(Unavailable(str(error)))
        else:
            self._reads[self._reads_asked] = request.answer

    def _address(self, replica_id: ReplicaId | None) -> str | None:
        return next((v.address for v in self._configuration if v.id == replica_id), None)

    def _tick(self, now_ms: int, writer: Writer) -> None:
        self._ticks += 1
        self._raft.tick(now_ms)
        self._proposals.expire(self._ticks)
        quiet_s = time.monotonic() - self._disk_answered_s
        if self._raft.role is Role.LEADER and quiet_s > self._election_s / 2 and not self._probing:
            self._probing = True
            writer.put(Probe())

    # Output.

    def _carry_out(self, ready: Ready, writer: Writer) -> None:
        """The duties of `ready`, in its order."""
        if ready.write is not None:
            writer.put(ready.write)
        send = ready.send
        if time.monotonic() - self._disk_answered_s > self._election_s:
            # Nobody should stay loyal to a leader that cannot write.
            send = tuple(m for m in send if not isinstance(m, _LOYALTY))
        self._peers.send(send)
        if ready.committed:
            self._proposals.committed(ready.committed)
            self._delivery.put(ready.committed)
        for read in ready.reads:
            self._answer_read(read)
        for contradiction in ready.contradictions:
            self._keep(contradiction)
        self._follow_changes(ready)

    def _keep(self, found: Contradiction) -> None:
        """Without the entries, which may be megabytes: `why` names the one it is about."""
        if len(self.contradictions) == CONTRADICTIONS_MAX:
            return
        message = found.message
        if isinstance(message, AppendRequest):
            message = replace(message, entries=())
        self.contradictions.append(Contradiction(message, found.why))
        _log.error("contradiction: %s: %r", found.why, message)

    def _answer_read(self, read: Read) -> None:
        answer = self._reads.pop(read.context)
        if answer.done():
            return
        if read.index is None:
            answer.set_exception(Unavailable("the lead was lost or could not be confirmed"))
        else:
            answer.set_result(read.index)

    def _follow_changes(self, ready: Ready) -> None:
        led_term = ready.term if ready.role is Role.LEADER else None
        # A term may begin and end within one turn of the loop, and have taken proposals.
        is_lost = self._proposed_term not in (None, led_term)
        if led_term != self._led_term or is_lost:
            self._proposed_term = None
            _log.info("%s in term %d, leader %s", ready.role.value, ready.term, ready.leader)
            self._led_term = led_term
            self._proposals.doubt(led_term, self._ticks + self._doubt_ticks)
        if ready.leader is not None and ready.leader != self._raft.id:
            self._another_leads.set()
        self._configuration = self._raft.configuration
        self._meet()

    def _meet(self) -> None:
        """Talk to everyone this replica must be able to talk to, and nobody else."""
        acquaintances = self._raft.acquaintances
        if self._acquaintances != acquaintances:
            self._acquaintances = acquaintances
            self._peers.configure(acquaintances)

    def _abandon(self) -> None:
        """Answer everybody who still waits: after this nothing more is learnt here."""
        self._proposals.close()
        waiting = [item.answer for item in self._inbox if isinstance(item, _ReadRequest)]
        for answer in (*waiting, *self._reads.values()):
            if not answer.done():
                answer.set_exception(Unavailable("the replica stopped"))
        for item in self._inbox:
            if isinstance(item, _Proposal) and not item.answer.done():
                item.answer.set_exception(NotLeader(None, None))


def _first(group: BaseExceptionGroup[JournalError]) -> BaseException:
    """The first error in a group that may hold groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
