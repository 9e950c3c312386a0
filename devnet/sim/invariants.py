"""Watches all replicas at once: what consensus must never do (invariants 1 to 15).

Called after every input a core takes, before everything it asks for, and after every write. Only
what that could have changed is looked at: logs are compared from the first entry that differs, and
up to an index by one number (`prefixes`).

Of every replica id there is one `Seen`, through all its starts: what is on its disk (as a crash
would leave it now), what it has promised, and how it was when it was looked at last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from consensus.journal import Journal
from consensus.messages import (
    AppendRequest,
    AppendResponse,
    Configuration,
    Entry,
    HardState,
    Message,
    ReplicaId,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import Raft
from consensus.ready import Ready, Role, Write
from devnet.sim.canon import Canon
from devnet.sim.moments import Listener, Moment
from devnet.sim.prefixes import EMPTY, Prefixes
from devnet.sim.violation import Invariant, Judge

Log = list[int]
"""Prefixes by index."""


@dataclass(slots=True)
class Disk:
    """What is durable of one replica."""

    hard_state: HardState = field(default_factory=HardState)
    log: Log = field(default_factory=lambda: [EMPTY])

    def after(self, writes: Sequence[Write], prefixes: Prefixes) -> Disk:
        hard_state, log = self.hard_state, self.log
        for write in writes:
            hard_state = write.hard_state or hard_state
            if write.entries:
                log = log[: write.entries[0].index]
                for entry in write.entries:
                    log.append(prefixes.extend(log[-1], entry))
        return Disk(hard_state, log)


@dataclass(slots=True)
class Seen:
    """One replica id."""

    disk: Disk = field(default_factory=Disk)
    under_way: Disk | None = None
    """What would be durable with the write that was under way when the process ended."""
    lost: Log | None = None
    """What its disk held when that was destroyed or put back."""
    votes: dict[int, ReplicaId] = field(default_factory=dict)
    # Since the start.
    log: Log = field(default_factory=lambda: [EMPTY])
    term: int = 0
    role: Role = Role.FOLLOWER
    commit: int = 0
    delivered: int = 0
    match: dict[ReplicaId, int] = field(default_factory=dict)

    def holds(self, prefix: int, index: int) -> bool:
        """It has acknowledged this, and its disk has it unless that was destroyed."""
        return any(
            log is not None and index < len(log) and log[index] == prefix
            for log in (self.disk.log, self.lost)
        )


class Watch:
    """The `driver.Witness` of all replicas."""

    def __init__(
        self, judge: Judge, first: Configuration, committed: Callable[[Entry], None]
    ) -> None:
        self.elections = 0
        self._broken = judge.broken
        self._prefixes = Prefixes()
        self._first = first
        self.canon = Canon(self._prefixes, first, committed)
        self.replicas: dict[ReplicaId, Seen] = {}
        self._leaders: dict[int, ReplicaId] = {}
        self._committing_term = 0
        self.listeners: list[Listener] = []

    @property
    def configuration(self) -> Configuration:
        """The last one committed."""
        return self.canon.configuration

    def _came(self, moment: Moment, replica: ReplicaId, other: ReplicaId = "") -> None:
        for listener in self.listeners:
            listener(moment, replica, other or replica)

    # What the driver tells.

    def started(self, core: Raft, journal: Journal) -> None:
        seen = self.replicas.setdefault(core.id, Seen())
        found = self._read(journal)
        allowed = [seen.disk] if seen.under_way is None else [seen.disk, seen.under_way]
        if seen.lost is None and found not in allowed:
            self._broken(Invariant.DURABILITY, f"{core.id} finds another disk than it left")
        if seen.lost is None and found.hard_state.term < seen.disk.hard_state.term:
            self._broken(Invariant.TERM_MONOTONIC, f"{core.id} starts in {found.hard_state}")
        seen.disk, seen.under_way = found, None
        seen.log, seen.term, seen.role = found.log, core.term, core.role
        seen.commit = seen.delivered = core.commit
        seen.match = {}
        if core.commit > self.canon.last_index or (
            seen.log[core.commit] != self.canon.prefix(core.commit)
        ):
            self._broken(Invariant.SAFETY, f"{core.id} has applied what was not committed")

    def took(self, core: Raft, message: Message | None) -> None:
        seen = self.replicas[core.id]
        if core.term < seen.term:
            self._broken(Invariant.TERM_MONOTONIC, f"{core.id}: {seen.term} to {core.term}")
        led = seen.role is Role.LEADER and core.role is Role.LEADER and core.term == seen.term
        if core.last_index != len(seen.log) - 1 or core.log.last_term != self._last_term(seen):
            self._take_log(core, seen, led=led)
        if core.commit != seen.commit:
            self._committed(core, seen, message)
        if core.role is Role.LEADER and not led:
            self._elected(core, seen)
        elif led and message is not None:
            self._check_progress(core, seen, message)
        seen.term, seen.role = core.term, core.role

    def does(self, core: Raft, ready: Ready) -> None:
        seen = self.replicas[core.id]
        for contradiction in ready.contradictions:
            self._broken(Invariant.LOG_MATCHING, f"{core.id}: {contradiction.why}")
        for message in ready.send:
            match message:
                case VoteResponse(granted=True) | VoteRequest() | AppendResponse():
                    self._promised(seen, message)
                case _:
                    pass
        for entry in ready.committed:
            seen.delivered += 1
            index = seen.delivered
            if entry.index != index or index > self.canon.last_index:
                self._broken(Invariant.SAFETY, f"{core.id} applies {entry.index} after {index - 1}")
            prefix = self._prefixes.extend(self.canon.prefix(index - 1), entry)
            if prefix != self.canon.prefix(index):
                self._broken(Invariant.SAFETY, f"{core.id} applies another entry {index}")
            if not (index < len(seen.disk.log) and seen.disk.log[index] == prefix):
                self._broken(Invariant.DURABILITY, f"{core.id} applies {index}, not on its disk")

    def wrote(self, core: Raft, writes: Sequence[Write]) -> None:
        seen = self.replicas[core.id]
        before = seen.disk
        seen.disk = before.after(writes, self._prefixes)
        start = min((write.entries[0].index for write in writes if write.entries), default=1 << 62)
        for index in range(start, min(len(before.log), self.canon.last_index + 1)):
            kept = index < len(seen.disk.log) and seen.disk.log[index] == before.log[index]
            if not kept and before.log[index] == self.canon.prefix(index):
                self._broken(Invariant.NOT_LOST, f"{core.id} overwrites entry {index}")

    # What the machines tell.

    def ended(self, replica: ReplicaId, under_way: Sequence[Write]) -> None:
        """The process ended while this was being written."""
        seen = self.replicas[replica]
        seen.under_way = seen.disk.after(under_way, self._prefixes) if under_way else None

    def destroyed(self, replica: ReplicaId) -> None:
        """What this replica has on its disk is not to be relied on any more."""
        seen = self.replicas[replica]
        if seen.lost is None:
            seen.lost = seen.disk.log

    def is_destroyed(self, replica: ReplicaId) -> bool:
        return replica in self.replicas and self.replicas[replica].lost is not None

    def configurations(self) -> list[Configuration]:
        """All that are in force somewhere."""
        logs = [seen.disk.log for seen in self.replicas.values() if seen.lost is None]
        logs += [seen.log for seen in self.replicas.values() if seen.lost is None]
        found = {self._prefixes.configuration(log[-1]) or self._first: None for log in logs}
        found[self.configuration] = None
        return list(found)

    # Logs.

    def _read(self, journal: Journal) -> Disk:
        log = [EMPTY]
        while len(log) <= journal.last_index:
            for entry in journal.entries(len(log), journal.last_index + 1, 1 << 30):
                log.append(self._prefixes.extend(log[-1], entry))
        return Disk(journal.hard_state, log)

    def _last_term(self, seen: Seen) -> int:
        return self._prefixes.term(seen.log[-1])

    def _take_log(self, core: Raft, seen: Seen, *, led: bool) -> None:
        """Follow the core's log from the first entry on that is not as it was."""
        old, log = seen.log, core.log
        keep = min(len(old) - 1, log.last_index)
        while keep and log.term(keep) != self._prefixes.term(old[keep]):
            keep -= 1
        new = old[: keep + 1]
        while len(new) <= log.last_index:
            for entry in log.entries(len(new), log.last_index + 1, 1 << 30):
                new.append(self._prefixes.extend(new[-1], entry))
        if keep < len(old) - 1:
            if led:
                self._broken(Invariant.APPEND_ONLY, f"{core.id} cut its log at {keep + 1}")
            if keep < seen.commit:
                self._broken(Invariant.TRUNCATION, f"{core.id} cut off entry {keep + 1}")
            if keep == len(new) - 1:
                self._broken(Invariant.TRUNCATION, f"{core.id} cut its log at {keep + 1} for none")
        self._check_matching(core, new, keep + 1)
        seen.log = new
        changes = led and len({self._prefixes.configuration(log[-1]) for log in (old, new)}) > 1
        self._check_configuration(core, new, changes=changes)
        if changes:
            self._came(Moment.CHANGE, core.id)

    def _check_matching(self, core: Raft, log: Log, start: int) -> None:
        for index in range(start, len(log)):
            term = self._prefixes.term(log[index])
            known = self._prefixes.at(index, term)
            if known != log[index]:
                self._broken(Invariant.LOG_MATCHING, f"{core.id} has another entry {index}/{term}")

    def _check_configuration(self, core: Raft, log: Log, *, changes: bool) -> None:
        """What it does not change it may have inherited, before it knows what is committed."""
        in_force = self._prefixes.configuration(log[-1])
        if in_force is not None and core.configuration != in_force:
            self._broken(Invariant.CONFIGURATION, f"{core.id} follows {core.configuration}")
        if not changes or in_force is None:
            return
        committed = self._prefixes.configuration(log[core.commit]) or core.log.configurations[0][1]
        changed = {v.id for v in in_force.voters} ^ {v.id for v in committed.voters}
        if len(changed) > 1:
            self._broken(Invariant.CONFIGURATION, f"{core.id} changes {sorted(changed)} at once")

    # Commits, elections, promises.

    def _committed(self, core: Raft, seen: Seen, message: Message | None) -> None:
        """The core's commit index moved."""
        if not seen.commit < core.commit <= core.last_index:
            self._broken(Invariant.COMMIT_MONOTONIC, f"{core.id}: {seen.commit} to {core.commit}")
        if isinstance(message, AppendRequest) and core.role is not Role.LEADER:
            vouched = message.prev_index + len(message.entries)
            if core.commit > vouched:
                self._broken(Invariant.COMMIT_BOUND, f"{core.id} commits {core.commit}")
        for index in range(seen.commit + 1, core.commit + 1):
            prefix = seen.log[index]
            if index <= self.canon.last_index:
                if prefix != self.canon.prefix(index):
                    self._broken(Invariant.SAFETY, f"{core.id} commits another entry {index}")
            elif core.role is Role.LEADER:
                self.canon.extend(prefix, core.term)
            else:
                self._broken(Invariant.COMMIT_BOUND, f"{core.id} commits {index} as the first")
        if core.role is Role.LEADER:
            if core.term > self._committing_term:
                self._committing_term = core.term
                self._came(Moment.COMMIT, core.id)
            if self._prefixes.term(seen.log[core.commit]) != core.term:
                self._broken(Invariant.COMMIT_RULE, f"{core.id} in term {core.term}")
            self._check_quorum(core, seen)
        seen.commit = core.commit

    def _check_quorum(self, core: Raft, seen: Seen) -> None:
        """On the disks of a majority is what the leader has just committed. Counted here again,
        by the log: what the core counts with is what is tested."""
        prefix = seen.log[core.commit]
        in_force = self._prefixes.configuration(seen.log[-1]) or self._first
        voters = [voter.id for voter in in_force.voters]
        holding = [
            voter
            for voter in voters
            if voter in self.replicas and self.replicas[voter].holds(prefix, core.commit)
        ]
        if 2 * len(holding) <= len(voters):
            self._broken(
                Invariant.NOT_LOST,
                f"{core.id} commits {core.commit}, held by {holding} of {voters}",
            )

    def _elected(self, core: Raft, seen: Seen) -> None:
        self.elections += 1
        self._came(Moment.ELECTION, core.id)
        other = self._leaders.setdefault(core.term, core.id)
        if other != core.id or seen.role is Role.LEADER:
            self._broken(Invariant.ELECTION_SAFETY, f"{other} and {core.id} lead term {core.term}")
        seen.match = {}
        index = self.canon.last_before(core.term)
        if index >= len(seen.log) or seen.log[index] != self.canon.prefix(index):
            what = f"{core.id}, leader of term {core.term}, lacks entry {index}"
            self._broken(Invariant.COMPLETENESS, what)

    def _promised(self, seen: Seen, message: VoteResponse | VoteRequest | AppendResponse) -> None:
        """This leaves now."""
        sender, term, state = message.sender, message.term, seen.disk.hard_state
        if isinstance(message, AppendResponse):
            if state.term < term or message.match_index >= len(seen.disk.log):
                what = f"{sender} acknowledges {message.match_index} in term {term}"
                self._broken(Invariant.DURABILITY, what)
            return
        candidate = message.recipient if isinstance(message, VoteResponse) else sender
        if seen.votes.setdefault(term, candidate) != candidate:
            what = f"{sender} in term {term}: {seen.votes[term]} and {candidate}"
            self._broken(Invariant.VOTE_UNIQUENESS, what)
        if candidate != sender:
            self._came(Moment.VOTE, sender, candidate)
        if state != HardState(term, candidate):
            self._broken(Invariant.DURABILITY, f"{sender} votes in {term}; on its disk is {state}")

    def _check_progress(self, core: Raft, seen: Seen, message: Message) -> None:
        """What the leader knows of whom it just heard."""
        sender = message.sender
        match = core.matches.get(sender)
        follower = self.replicas.get(sender)
        if match is None or follower is None or sender == core.id:
            return
        if follower.disk.hard_state.term > core.term:
            return  # What it acknowledged in this term may have been replaced in a newer one.
        tail = follower.disk.log[match + 1 : match + 2]
        is_other = bool(tail) and tail != seen.log[match + 1 : match + 2]
        if is_other and isinstance(message, AppendResponse):
            self._came(Moment.REUNION, core.id, sender)
        if match < seen.match.get(sender, 0):
            self._broken(Invariant.PROGRESS, f"{core.id} takes back that {sender} has {match}")
        # Nobody but the leader itself can see this, so here the watch looks inside.
        progress = core._leadership and core._leadership._progress.get(sender)
        if progress and (
            progress.match >= progress.next
            or len(progress._in_flight) > core._limits.in_flight_messages
        ):
            self._broken(Invariant.PROGRESS, f"{core.id} sends {sender} more than it may")
        if match != seen.match.get(sender, 0) and not follower.holds(seen.log[match], match):
            self._broken(Invariant.PROGRESS, f"{core.id} believes that {sender} has {match}")
        seen.match[sender] = match
