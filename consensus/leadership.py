"""What only a leader has and does: replicate, commit, confirm reads, count whom it hears.

It is born with an election and dropped when the lead is lost, so nothing of one term can leak into
another. It never changes its replica's term, vote or role; that is the core's.
"""

from collections import deque
from dataclasses import dataclass

from consensus.clocks import SKEW_MS_MAX, off_ms, offset_ms
from consensus.log import Log, weight
from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    CommitNotice,
    Entry,
    EntryKind,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    Position,
    ReplicaId,
    TimeoutNow,
)
from consensus.progress import Progress
from consensus.quorum import Tally, agreed, tally
from consensus.reads import Asked, LeaderReads

REST_TIMEOUTS = 20
"""So many election timeouts a leader waits before it tries again by itself to hand over: nothing is
proposed meanwhile, and who did not take over (its disk hangs) may never do."""


class Busy(Exception):
    """Too much is waiting to be committed or confirmed, or the lead is being handed over. Nothing
    was done; try again later."""


@dataclass(frozen=True, slots=True)
class Author:
    """What a replica writes into its entries about itself."""

    proposer: str
    version: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on memory and on what is under way; the defaults suit blocks of up to 1 MiB."""

    append_bytes: int = 1 << 20
    """Data in one append, or one entry if that is larger."""
    append_entries: int = 1024
    """Entries in one append: small ones cost more in their fields than in their data."""
    in_flight_messages: int = 256
    in_flight_bytes: int = 16 << 20
    """Weight of what one follower was sent and has not acknowledged; one append may exceed it."""
    uncommitted_bytes: int = 64 << 20
    """Weight of the leader's proposals that are not committed; a single one always fits."""
    committed_bytes: int = 8 << 20
    """Data of `Ready.committed`, or one entry if that is larger."""
    pending_reads: int = 4096


class Leadership:
    """Owned by the core, from the election until the lead is lost.

    `progress` has everyone the log is sent to but the leader itself, whose own share in a quorum is
    what its log calls durable: its disk works beside the followers', not before them.
    """

    def __init__(
        self, replica_id: ReplicaId, term: int, log: Log, limits: Limits, author: Author
    ) -> None:
        self.id = replica_id
        self.term = term
        self.reads = LeaderReads()
        self.first_index = log.last_index + 1
        """Of the term's first entry, the no-op; nothing is committed or read before it is."""
        self.is_over = False
        """This replica was removed, and that is committed."""
        self._log = log
        self._limits = limits
        self._author = author
        self._progress: dict[ReplicaId, Progress] = {}
        self._uncommitted: deque[tuple[int, int]] = deque()
        self._uncommitted_bytes = 0
        self._parting = False
        """A configuration was appended; those it removed are still sent the log."""
        self.transferee: ReplicaId | None = None
        """Whom the lead is being handed to; nothing is proposed meanwhile."""
        self._transfer_ticks = 0
        self._transfer_told = False
        self._rest_ticks = 0
        self.gate_index = self._period_index = self.first_index
        """The log ended here one to two election timeouts ago; who has it up to here keeps up."""
        self._clock_offs: dict[ReplicaId, int] = {}

    # Appending

    def append(self, kind: EntryKind, data: bytes, now_ms: int) -> Position:
        """Raises Busy."""
        if self.transferee is not None:
            raise Busy
        entry = Entry(
            self._log.last_index + 1,
            self.term,
            kind,
            self._time_of_next(now_ms),
            self._author.proposer,
            self._author.version,
            data,
        )
        size = weight(entry)
        if self._uncommitted and self._uncommitted_bytes + size > self._limits.uncommitted_bytes:
            raise Busy
        self._log.append((entry,))
        self._uncommitted.append((entry.index, size))
        self._uncommitted_bytes += size
        if kind is EntryKind.CONFIGURATION or entry.index == self.first_index:
            self._meet_replicas()
        return Position(entry.index, entry.term)

    def _time_of_next(self, now_ms: int) -> int:
        last_ms = self._log.last_time_ms
        return last_ms if now_ms < last_ms <= now_ms + SKEW_MS_MAX else now_ms

    def _meet_replicas(self) -> None:
        """Everyone in force is sent the log, from here back to where the logs part. Who was
        removed stays until that is committed, and so normally gets to know of it."""
        self._parting = True
        for replica in self._log.configuration:
            if replica.id != self.id:
                self._progress.setdefault(replica.id, Progress(self._log.last_index))

    def _part_from_removed(self) -> None:
        """The change is committed. A leader that removed itself led until now, not being counted
        (thesis, 4.2.2)."""
        self._parting = False
        staying = {replica.id for replica in self._log.configuration}
        self._progress = {id_: p for id_, p in self._progress.items() if id_ in staying}
        self.is_over = not self._log.configuration.is_voter(self.id)

    # Sending

    def replicate(self) -> list[Message]:
        """All appends that may go now, and to whom there is nothing to append, what it may apply:
        nobody waits for the next heartbeat to learn of a commit."""
        messages: list[Message] = []
        for replica, progress in self._progress.items():
            if not self._send_appends(replica, progress, messages):
                self._tell_commit(replica, progress, messages)
        if self._parting and self._log.configuration_index <= self._log.commit:
            self._part_from_removed()
        return messages

    def _send_appends(
        self, replica: ReplicaId, progress: Progress, messages: list[Message]
    ) -> bool:
        """Whether anything was sent. A forced append over the limits carries no entries."""
        log, limits, sent = self._log, self._limits, False
        while True:
            flows = progress.next <= log.last_index and progress.may_send(
                limits.in_flight_messages, limits.in_flight_bytes
            )
            if not flows and not progress.must_send:
                return sent
            prev = progress.next - 1
            entries: tuple[Entry, ...] = ()
            if flows:
                stop = min(log.last_index, prev + limits.append_entries) + 1
                entries = log.entries(prev + 1, stop, limits.append_bytes)
            messages.append(
                AppendRequest(
                    self.id, replica, self.term, prev, log.term(prev), entries, log.commit
                )
            )
            progress.sent(entries, log.commit)
            sent = True

    def _tell_commit(self, replica: ReplicaId, progress: Progress, messages: list[Message]) -> None:
        commit = self._log.commit
        if progress.commit_told < commit and not progress.probing:
            progress.commit_told = commit
            messages.append(
                CommitNotice(self.id, replica, self.term, commit, self._log.term(commit))
            )

    def heartbeats(self, now_ms: int) -> list[Message]:
        """To everyone, whatever the limits. A follower's commit goes no further than what it
        acknowledged in this term: only that is known to be this log."""
        return [
            HeartbeatRequest(
                self.id,
                replica,
                self.term,
                min(progress.match, self._log.commit),
                self.reads.position,
                now_ms,
                self._clock_offs.get(replica, 0),
                self._log.durable,
            )
            for replica, progress in self._progress.items()
        ]

    # Answers; those of strangers, and of followers who claim more than there is, are ignored

    def acknowledged(self, sender: ReplicaId, index: int) -> None:
        progress = self._progress.get(sender)
        if progress is not None and index <= self._log.last_index:
            progress.active = True
            progress.acknowledged(index)

    def refused(self, answer: AppendRefusal) -> None:
        progress = self._progress.get(answer.sender)
        if progress is not None:
            progress.active = True
            parting = self._log.last_within(answer.hint_index, answer.hint_term)
            progress.refused(answer.rejected_index, parting + 1)

    def heartbeat_answered(self, answer: HeartbeatResponse, now_ms: int) -> None:
        progress = self._progress.get(answer.sender)
        if progress is not None and answer.read_position <= self.reads.position:
            progress.active = True
            progress.heartbeat_answered(answer.read_position, self._log.last_index)
            if (offset := offset_ms(answer, now_ms)) is not None:
                progress.clock_offset_ms = offset

    # Counting

    @property
    def commits_own_term(self) -> bool:
        return self._log.commit >= self.first_index

    def advance_commit(self) -> None:
        """Only an entry of the own term is committed by counting replicas, and with it all before
        it (paper, 5.4.2)."""
        log = self._log
        index = agreed(
            log.durable if voter.id == self.id else self._progress[voter.id].match
            for voter in log.configuration.voters
        )
        if index > log.commit and log.term(index) == self.term:
            log.commit_to(index)
            while self._uncommitted and self._uncommitted[0][0] <= index:
                self._uncommitted_bytes -= self._uncommitted.popleft()[1]

    def begin_reads(self, now_ms: int) -> list[Message]:
        """One round of heartbeats for all reads that wait for one."""
        if self.commits_own_term and self.reads.begin(self._log.commit):
            return self.heartbeats(now_ms)
        return []

    def confirmed_reads(self) -> list[tuple[Asked, int]]:
        if self.reads.count == 0:
            return []
        return self.reads.confirm(
            agreed(
                self.reads.position
                if voter.id == self.id
                else self._progress[voter.id].read_position
                for voter in self._log.configuration.voters
            )
        )

    def hears_quorum(self) -> bool:
        """Since it was last asked, once per election timeout. A leader that cannot hear a majority
        serves nobody."""
        self.gate_index, self._period_index = self._period_index, self._log.last_index
        heard = {id_: progress.active for id_, progress in self._progress.items()}
        heard[self.id] = True
        for progress in self._progress.values():
            progress.was_active, progress.active = progress.active, False
        return tally([voter.id for voter in self._log.configuration.voters], heard) is Tally.WON

    @property
    def matches(self) -> dict[ReplicaId, int]:
        """Up to where each replica heard from lately has this log on its disk."""
        heard = {id_: p.match for id_, p in self._progress.items() if p.is_heard}
        return {self.id: self._log.durable, **heard}

    # Handing over the lead (thesis, 3.10)

    def compare_clocks(self) -> int:
        """By how much this replica's clock is off, by what is known now (`clocks.off_ms`)."""
        offsets = {
            id_: progress.clock_offset_ms
            for id_, progress in self._progress.items()
            if progress.clock_offset_ms is not None and progress.is_heard
        }
        offsets[self.id] = 0
        voters = [voter.id for voter in self._log.configuration.voters]
        self._clock_offs = {id_: off_ms(id_, voters, offsets) for id_ in offsets}
        return self._clock_offs[self.id]

    def successor(self) -> ReplicaId | None:
        """The voter that would take over soonest: heard from lately, its clock right as far as is
        known, its log the longest; the first by id among equals."""
        voters = [voter.id for voter in self._log.configuration.voters if voter.id != self.id]
        fit = [id_ for id_ in voters if self._progress[id_].is_heard and not self._clock_off(id_)]
        return max(fit, key=lambda id_: self._progress[id_].match, default=None)

    def _clock_off(self, replica: ReplicaId) -> bool:
        return self._clock_offs.get(replica, 0) != 0

    def begin_transfer(self, target: ReplicaId) -> None:
        self.transferee, self._transfer_ticks, self._transfer_told = target, 0, False

    def transfer_tick(self, ticks_max: int) -> None:
        """A target that does not take over in this time is not waited for."""
        self._rest_ticks = max(0, self._rest_ticks - 1)
        self._transfer_ticks += 1
        self._transfer_told = False
        if self.transferee is not None and self._transfer_ticks >= ticks_max:
            self.transferee = None
            self._rest_ticks = REST_TIMEOUTS * ticks_max

    @property
    def may_transfer_again(self) -> bool:
        """By itself: not while it is doing it, nor soon after it failed."""
        return self.transferee is None and self._rest_ticks == 0

    def transfer_message(self) -> list[Message]:
        """To a transferee that has everything, once a tick, for it may get lost."""
        target = self.transferee
        if target is None or self._transfer_told:
            return []
        if self._progress[target].match < self._log.last_index:
            return []
        self._transfer_told = True
        return [TimeoutNow(self.id, target, self.term)]
