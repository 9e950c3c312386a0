"""What a scenario is played on: replicas with their disks and clocks, and everything they do, told.

A core's Ready is carried out as `consensus.ready` asks, and a line is told of each thing in it. The
disk of a replica finishes a write at once, or, if it is slow, when the scenario says so.
"""

from collections import deque
from collections.abc import Sequence

from consensus.log import MemoryStorage
from consensus.messages import Entry, Message, Position, ReplicaId, VoteRequest, VoteResponse
from consensus.raft import Limits, Raft
from consensus.ready import Ready, Role, Write
from tests.consensus import transcript
from tests.consensus.mail import Mail
from tests.consensus.transcript import NOW_MS, name_of, replica_id

ELECTION_TICKS = 10


class Replica:
    """One id: its disk, what the disk has not finished, and the core while it runs."""

    def __init__(self, name: str, storage: MemoryStorage) -> None:
        self.name = name
        self.id = replica_id(name)
        self.storage = storage
        self.raft: Raft | None = None
        self.is_slow = False
        self.takes_committed = True
        self.patience = ELECTION_TICKS - 1
        self.clock_ms = 0
        self.writes: deque[Write] = deque()
        self.proposed: dict[Position, str] = {}
        self.shown: tuple[Role, ReplicaId | None, int] = (Role.FOLLOWER, None, 0)
        self.part = "down"
        """down, recalling, taking part, silent"""

    @property
    def core(self) -> Raft:
        assert self.raft is not None, f"{self.name} is down"
        return self.raft

    @property
    def now_ms(self) -> int:
        return NOW_MS + self.clock_ms

    def finish_writes(self, count: int) -> list[Write]:
        """The oldest are durable; the core has not been told."""
        done = [self.writes.popleft() for _ in range(min(count, len(self.writes)))]
        for write in done:
            self.storage.append(write.hard_state, write.entries)
        return done

    def log(self) -> str:
        """All of it, durable or not; after the bar is what is not committed, as far as known."""
        log, entries = self.core.log, list[Entry]()
        while len(entries) < log.last_index:
            entries += log.entries(len(entries) + 1, log.last_index + 1, 1 << 30)
        parts = entries[: log.commit], entries[log.commit :]
        return " | ".join(map(transcript.entries, parts)).strip()

    def status(self) -> str:
        if self.raft is None:
            return "down"
        role = self.raft.role.value if self.part == "taking part" else self.part
        vote = self.storage.hard_state.vote
        voted = f" vote {name_of(vote)}" if vote and not self.writes else ""
        members = transcript.configuration(self.raft.configuration)
        return f"{role} in term {self.raft.term}{voted}, {members}, log {self.log()}"


class Stage:
    """Everyone is as patient as can be, so that only who is told to campaigns; other numbers drawn
    rise by a hundred, so that no two lives share one."""

    def __init__(self) -> None:
        self.replicas: dict[str, Replica] = {}
        self.mail = Mail()
        self.limits = Limits()
        self.tells_facts = self.tells_traffic = True
        self.told = 0
        """How much there was to tell, told or not."""
        self._lines: list[str] = []
        self._honour = Honour()
        self._drawn = 0

    def take_transcript(self) -> list[str]:
        lines, self._lines = self._lines, []
        return transcript.fold(lines)

    def fact(self, line: str) -> None:
        """What a replica became, applied, answered."""
        self.told += 1
        if self.tells_facts:
            self._lines.append(line)

    def traffic(self, line: str) -> None:
        """What it sent, received, wrote."""
        self.told += 1
        if self.tells_traffic:
            self._lines.append(line)

    # One input each, and all that comes of it

    def start(self, replica: Replica) -> None:
        """It says nothing before `drain`."""
        replica.raft = Raft(
            replica.id,
            replica.storage,
            proposer=replica.name,
            version="test",
            random=lambda n: self._draw(replica, n),
            election_ticks=ELECTION_TICKS,
            limits=self.limits,
        )
        self.mail.goes_up(replica.name)
        replica.shown = (Role.FOLLOWER, None, replica.raft.term)
        replica.part = "recalling" if replica.raft.recalling else "taking part"
        disk = transcript.hard_state(replica.storage.hard_state)
        self.fact(f"{replica.name} starts in {disk}, log {replica.log()}")

    def _draw(self, replica: Replica, n: int) -> int:
        if n == ELECTION_TICKS:
            return replica.patience
        self._drawn += 100
        return self._drawn

    def tick(self, replica: Replica) -> None:
        replica.core.tick(replica.now_ms)
        self.drain(replica)

    def arrive(self, message: Message) -> None:
        replica = self.replicas[name_of(message.recipient)]
        sender = name_of(message.sender)
        self.traffic(f"{replica.name} <- {sender} {transcript.message(message)}")
        replica.core.step(message, replica.now_ms)
        self.drain(replica)

    def arrive_all(self) -> None:
        while self.mail.under_way:
            self.arrive(self.mail.under_way.pop(0))

    def finish_writes(self, replica: Replica, count: int) -> None:
        done = replica.finish_writes(count)
        if done:
            self.traffic(f"{replica.name} synced {transcript.numbers(done)}")
            replica.core.persisted(done[-1].number, replica.now_ms)
            self.drain(replica)

    # What a replica does, told

    def drain(self, replica: Replica) -> None:
        self._take_part(replica)
        while True:
            while (ready := replica.core.ready(deliver=replica.takes_committed)) is not None:
                self._honour.saw(replica, ready)
                self._do_duties(replica, ready)
            if replica.is_slow or not replica.writes:
                return
            done = replica.finish_writes(len(replica.writes))
            replica.core.persisted(done[-1].number, replica.now_ms)

    def _take_part(self, replica: Replica) -> None:
        core = replica.core
        if core.rollback is not None:
            if replica.part != "silent":
                self.fact(f"{replica.name} falls silent: {transcript.plain(core.rollback)}")
            replica.part = "silent"
        elif replica.part == "recalling" and not core.recalling:
            replica.part = "taking part"
            self.fact(f"{replica.name} takes part")

    def _do_duties(self, replica: Replica, ready: Ready) -> None:
        name = replica.name
        shown = (ready.role, ready.leader, ready.term)
        if shown != replica.shown:
            self.fact(transcript.role(name, ready))
        replica.shown = shown
        if ready.write is not None:
            replica.writes.append(ready.write)
            number = f"[{ready.write.number}] " * replica.is_slow
            self.traffic(f"{name} writes {number}{transcript.write(ready.write)}")
        self._send(name, ready.send)
        if ready.committed:
            self.fact(f"{name} applies {transcript.entries(ready.committed)}")
            self._answer_proposals(replica, ready.committed)
        for read in ready.reads:
            index = "refused" if read.index is None else f"after index {read.index}"
            self.fact(f"{name} answers read {read.context}: {index}")
        for contradiction in ready.contradictions:
            said = f"{transcript.message(contradiction.message)}: {contradiction.why}"
            self.fact(f"{name} keeps as evidence {transcript.plain(said)}")

    def _send(self, name: str, messages: Sequence[Message]) -> None:
        """Those who are told the same are named together; in brackets whom it cannot reach."""
        told: dict[str, list[str]] = {}
        for message in messages:
            recipient = name_of(message.recipient)
            recipient = recipient if self.mail.send(message) else f"({recipient})"
            told.setdefault(transcript.message(message), []).append(recipient)
        for text, recipients in told.items():
            times = len(recipients) // len({*recipients})
            often = f" ({times} times)" * (times > 1)
            self.traffic(f"{name} -> {','.join(dict.fromkeys(recipients))} {text}{often}")

    def _answer_proposals(self, replica: Replica, committed: Sequence[Entry]) -> None:
        """To whoever waits at the replica it proposed to."""
        for entry in committed:
            for position, data in [*replica.proposed.items()]:
                if position.is_at(entry):
                    self.fact(f"{replica.name} answers {data}: committed")
                elif position.is_lost_to(entry):
                    self.fact(f"{replica.name} answers {data}: dropped")
                else:
                    continue
                del replica.proposed[position]


class Honour:
    """What no transcript may show, however it came to be written: two leaders in a term, two
    entries committed at an index, two votes in a term."""

    def __init__(self) -> None:
        self._leaders: dict[int, ReplicaId] = {}
        self._canon: dict[int, Entry] = {}
        self._votes: dict[tuple[ReplicaId, int], ReplicaId] = {}

    def saw(self, replica: Replica, ready: Ready) -> None:
        if ready.role is Role.LEADER:
            leader = self._leaders.setdefault(ready.term, replica.id)
            assert leader == replica.id, f"two leaders in term {ready.term}"
        for entry in ready.committed:
            canon = self._canon.setdefault(entry.index, entry)
            assert canon == entry, f"two entries are committed at {entry.index}"
        for message in ready.send:
            match message:
                case VoteRequest():
                    self._voted(replica, message.term, replica.id)
                case VoteResponse(granted=True):
                    self._voted(replica, message.term, message.recipient)
                case _:
                    pass

    def _voted(self, voter: Replica, term: int, candidate: ReplicaId) -> None:
        vote = self._votes.setdefault((voter.id, term), candidate)
        assert vote == candidate, f"{voter.name} voted twice in term {term}"
