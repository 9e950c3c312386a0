"""A group of cores on an imaginary network and imaginary disks, and what must always hold of it.

`Cluster` does nothing by itself: a test says which replica ticks, which message arrives, which disk
finishes a write, who crashes; or lets `settle` do all that is pending, in order. Its `Witness`
looks at every output and asserts what Raft promises (paper, figure 3) and this core besides.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from random import Random

import pytest

from consensus.log import MemoryStorage
from consensus.messages import (
    AppendRequest,
    AppendResponse,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Message,
    Position,
    RecallRequest,
    RecallResponse,
    ReplicaId,
    Voter,
    VoteRequest,
    VoteResponse,
)
from consensus.raft import Limits, Raft
from consensus.ready import Contradiction, Ready, Role, Write

NOW_MS = 1_700_000_000_000
ELECTION_TICKS = 10


def name_of(replica: ReplicaId) -> str:
    return replica.split("/")[0]


def replica_id(name: str) -> ReplicaId:
    return f"{name}/{'0' * 15}1"


class Node:
    """One replica: what is on its disk, what its disk has not finished, and the running core."""

    def __init__(
        self, cluster: "Cluster", name: str, configuration: Configuration, terms: Sequence[int]
    ) -> None:
        self.cluster = cluster
        self.name = name
        self.id = replica_id(name)
        self.storage = MemoryStorage(configuration)
        if terms:
            self.storage.append(
                HardState(terms[-1]),
                [
                    Entry(index, term, EntryKind.NORMAL, NOW_MS, f"of term {term}", "test", b"old")
                    for index, term in enumerate(terms, 1)
                ],
            )
        self.alive = False
        self.deliver = True
        self.ahead_ms = 0
        self.start()

    def start(self) -> None:
        assert not self.alive
        self.alive = True
        self.commit = 0
        self.writes: deque[Write] = deque()
        self.committed: list[Entry] = []
        self.reads: dict[int, int | None] = {}
        self.contradictions: list[Contradiction] = []
        self.raft = Raft(
            self.id,
            self.storage,
            proposer=self.name,
            version="test",
            random=self.cluster.draw,
            election_ticks=ELECTION_TICKS,
            heartbeat_ticks=self.cluster.heartbeat_ticks,
            limits=self.cluster.limits,
        )
        self.drain()
        if self.name in self.cluster.nodes:  # Or the whole group is only being made.
            self.cluster.introduce()

    def crash(self, written: int = 0) -> None:
        """Lose everything but the disk, on which the first `written` pending writes may still have
        arrived without anybody having been told."""
        for write in list(self.writes)[:written]:
            self.storage.append(write.hard_state, write.entries)
        self.writes.clear()
        self.alive = False

    def drain(self) -> None:
        while (ready := self.raft.ready(deliver=self.deliver)) is not None:
            self.cluster.witness.saw(self, ready)
            if ready.write is not None:
                self.writes.append(ready.write)
            self.committed += ready.committed
            for read in ready.reads:
                assert read.context not in self.reads, "a read was answered twice"
                self.reads[read.context] = read.index
            self.contradictions += ready.contradictions
            self.cluster.send(ready.send)

    def finish_writes(self, count: int = 1_000_000) -> bool:
        """The disk finishes the oldest of what it was given."""
        number = 0
        while self.writes and count:
            write = self.writes.popleft()
            self.storage.append(write.hard_state, write.entries)
            number, count = write.number, count - 1
        if number:
            self.raft.persisted(number, self.now_ms)
            self.drain()
        return number > 0

    @property
    def now_ms(self) -> int:
        return self.cluster.now_ms + self.ahead_ms

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.raft.tick(self.now_ms)
            self.drain()
            self.cluster.introduce()

    def step(self, message: Message) -> None:
        self.raft.step(message, self.now_ms)
        self.drain()

    def propose(self, data: bytes = b"x") -> Position:
        position = self.raft.propose(data, self.now_ms)
        self.drain()
        return position

    def change(self, configuration: Configuration) -> Position:
        position = self.raft.propose_configuration(configuration, self.now_ms)
        self.drain()
        return position

    def read(self, context: int) -> None:
        self.raft.read_index(context)
        self.drain()

    def entries(self) -> list[Entry]:
        """The whole log, durable or not."""
        log, entries = self.raft.log, list[Entry]()
        while len(entries) < log.last_index:
            entries += log.entries(len(entries) + 1, log.last_index + 1, 1 << 30)
        return entries

    @property
    def terms(self) -> list[int]:
        return [entry.term for entry in self.entries()]

    @property
    def data(self) -> list[bytes]:
        """Of the normal entries applied in this life."""
        return [entry.data for entry in self.committed if entry.kind is EntryKind.NORMAL]


class Witness:
    """What must hold whatever happens. One for the whole group, through all its crashes."""

    def __init__(self) -> None:
        self.leaders: dict[int, ReplicaId] = {}
        self.votes: dict[tuple[ReplicaId, int], ReplicaId] = {}
        self.canon: dict[int, Entry] = {}
        self.led: set[tuple[ReplicaId, int]] = set()

    def saw(self, node: Node, ready: Ready) -> None:
        self._roles(node, ready)
        self._commits(node, ready)
        for message in ready.send:
            self._promise(node, message)

    def _roles(self, node: Node, ready: Ready) -> None:
        assert (ready.role is Role.LEADER) == (ready.leader == node.id)
        if ready.role is Role.LEADER and (node.id, ready.term) not in self.led:
            self.led.add((node.id, ready.term))
            held = self.leaders.setdefault(ready.term, node.id)
            assert held == node.id, f"two leaders in term {ready.term}"
            for index, entry in self.canon.items():
                assert node.raft.log.has(index, entry.term), "a leader lacks a committed entry"

    def _commits(self, node: Node, ready: Ready) -> None:
        log = node.raft.log
        before = node.commit
        assert before <= log.commit <= log.last_index, "the commit index went back, or too far"
        node.commit = log.commit
        if ready.role is Role.LEADER and log.commit > before:
            assert log.term(log.commit) == ready.term, "committed an older term by counting"
        for index, entry in enumerate(ready.committed, len(node.committed) + 1):
            assert entry.index == index, "applied out of order, or twice"
            assert node.storage.term(index) == entry.term, "applied before it was on the disk"
            canon = self.canon.setdefault(index, entry)
            assert canon == entry, f"two entries are committed at {index}"

    def _promise(self, node: Node, message: Message) -> None:
        """What leaves is on the disk, and no vote is given twice."""
        assert message.sender == node.id != message.recipient
        hard_state = node.storage.hard_state
        match message:
            case VoteResponse(granted=True):
                assert (hard_state.term, hard_state.vote) == (message.term, message.recipient)
                first = self.votes.setdefault((node.id, message.term), message.recipient)
                assert first == message.recipient, "voted twice in one term"
            case VoteRequest():
                assert (hard_state.term, hard_state.vote) == (message.term, node.id)
                assert self.votes.setdefault((node.id, message.term), node.id) == node.id
                assert node.storage.last_index >= message.last_index
            case AppendResponse():
                assert hard_state.term == message.term
                assert node.storage.last_index >= message.match_index
                leader = node.cluster.nodes[name_of(message.recipient)].raft
                if leader.role is Role.LEADER and leader.term == message.term:
                    assert message.match_index == 0 or leader.log.has(
                        message.match_index, node.storage.term(message.match_index)
                    )
            case AppendRequest():
                assert self.leaders[message.term] == node.id


class Cluster:
    """`network` holds what was sent and has not arrived, oldest first."""

    def __init__(
        self,
        names: str = "abc",
        *,
        voters: str | None = None,
        learners: str = "",
        limits: Limits | None = None,
        heartbeat_ticks: int = 1,
        seed: int | None = None,
        logs: dict[str, Sequence[int]] | None = None,
    ) -> None:
        """`logs` gives the terms of the entries a replica's disk begins with."""
        # Without a seed everyone is as patient as can be, and only who is told to campaigns.
        self.draw = Random(seed).randrange if seed is not None else lambda n: n - 1
        self.limits = limits or Limits()
        self.heartbeat_ticks = heartbeat_ticks
        self.now_ms = NOW_MS
        self.network: list[Message] = []
        self.cut: set[tuple[str, str]] = set()
        self.witness = Witness()
        first = self.configuration(names if voters is None else voters, learners)
        self.nodes: dict[str, Node] = {}
        self.asking: list[Message] = []
        for name in names + learners:
            self.nodes[name] = Node(self, name, first, (logs or {}).get(name, ()))
        self.introduce()

    @staticmethod
    def configuration(voters: Iterable[str], learners: Iterable[str] = ()) -> Configuration:
        def group(names: Iterable[str]) -> tuple[Voter, ...]:
            return tuple(
                Voter(replica_id(name), f"{name}:7000", name.encode()) for name in sorted(names)
            )

        return Configuration(group(voters), group(learners))

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def send(self, messages: Sequence[Message]) -> None:
        """Onto the network, but for links that are cut when it leaves. The question of a replica
        that has started, and its answers, take no time: most tests are about what comes after."""
        for message in messages:
            if isinstance(message, RecallRequest | RecallResponse):
                self.asking.append(message)
            elif (name_of(message.sender), name_of(message.recipient)) not in self.cut:
                self.network.append(message)

    def introduce(self) -> None:
        """Carry the questions of those that have started, and the answers, where they can go."""
        while self.asking:
            message = self.asking.pop(0)
            sender, recipient = name_of(message.sender), name_of(message.recipient)
            node = self.nodes.get(recipient)
            if node is not None and node.alive and (sender, recipient) not in self.cut:
                node.step(message)

    def arrive(self, message: Message) -> None:
        node = self.nodes[name_of(message.recipient)]
        if node.alive:
            node.step(message)

    def isolate(self, *names: str) -> None:
        """Cut all links between these and the others, both ways; what is under way is lost."""
        others = [name for name in self.nodes if name not in names]
        self.cut |= {(a, b) for a in names for b in others}
        self.cut |= {(b, a) for a in names for b in others}
        self.network = [
            message
            for message in self.network
            if (name_of(message.sender), name_of(message.recipient)) not in self.cut
        ]

    def heal(self) -> None:
        self.cut.clear()

    def settle(self) -> None:
        """Until nothing is pending: every disk finishes, every message arrives, in order."""
        busy = True
        while busy:
            busy = False
            for node in self.nodes.values():
                busy |= node.alive and node.finish_writes()
            if self.network:
                busy = True
                self.arrive(self.network.pop(0))

    def tick_all(self, times: int = 1) -> None:
        for _ in range(times):
            self.now_ms += 50
            for node in self.nodes.values():
                if node.alive:
                    node.tick()
            self.settle()

    def elect(self, name: str = "a", *, settle: bool = True) -> Node:
        """Let this replica run out of patience, after the others have stopped hearing a leader.
        Without `settle` all is left as it is the moment it leads, and nothing it sent arrives."""
        node = self.nodes[name]
        for other in self.nodes.values():
            if other is not node and other.alive and other.raft.role is not Role.LEADER:
                other.tick(ELECTION_TICKS)
        for _ in range(2 * ELECTION_TICKS):
            node.finish_writes()
            node.tick()
            while self.network and node.raft.role is not Role.LEADER:
                self.arrive(self.network.pop(0))
                for other in self.nodes.values():
                    if other.alive:
                        other.finish_writes()
            if node.raft.role is Role.LEADER:
                break
        assert node.raft.role is Role.LEADER, f"{name} was not elected"
        if settle:
            self.settle()
        else:
            self.network.clear()
        return node

    def leader(self) -> Node | None:
        """The one of the newest term, if it runs."""
        leading = [n for n in self.nodes.values() if n.alive and n.raft.role is Role.LEADER]
        return max(leading, key=lambda node: node.raft.term, default=None)

    def check_logs_match(self) -> None:
        """Log matching: one entry alike, all before it alike."""
        logs = [node.entries() for node in self.nodes.values() if node.alive]
        for one in logs:
            for other in logs:
                alike = [
                    k for k in range(min(len(one), len(other))) if one[k].term == other[k].term
                ]
                if alike:
                    assert one[: alike[-1] + 1] == other[: alike[-1] + 1]


@pytest.fixture
def make_cluster() -> Callable[..., Cluster]:
    return Cluster
