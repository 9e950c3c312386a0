"""Whatever the network, the disks and the operators do, what Raft promises holds.

Goal: find any order of events that breaks a promise. Method: seeded random schedules of ticks,
losses, duplicates, reordering, cut links, crashes that lose what was not synced, restarts, reads,
proposals and membership changes, with the `Witness` looking at every output; then the trouble ends
and the group must agree within a bounded time. A failure is a number to run again.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from consensus.messages import Position
from consensus.raft import Busy, ChangeRefused, Limits, NotLeader
from consensus.ready import Role

# Small, so that every limit is met: entries of a few bytes weigh a little over 512.
LIMITS = Limits(
    append_bytes=30,
    in_flight_messages=3,
    in_flight_bytes=3_000,
    uncommitted_bytes=6_000,
    committed_bytes=50,
    pending_reads=5,
)

STORMS = 80
"""Of each kind, besides those that always run; the simulator's own come on top of them."""


class Storm:
    """One run: a group and the odds of what befalls it, all drawn from the seed."""

    def __init__(self, cluster: Any, seed: int, *, changes: bool) -> None:
        self.cluster = cluster
        self.random = Random(seed)
        self.loss = self.random.choice([0, 0.02, 0.2])
        self.duplication = self.random.choice([0, 0.1])
        self.reorder = self.random.choice([0, 0.3, 1])
        self.disk = self.random.choice([0.05, 0.5, 0.9])
        self.crashes = self.random.choice([0, 0.003, 0.02])
        self.cuts = self.random.choice([0, 0.003, 0.02])
        self.changes = 0.01 if changes else 0
        self.proposed: dict[bytes, Position] = {}
        self.reads: dict[int, int] = {}
        """Context of a read -> how much was known to be committed when it was asked."""
        self.count = 0

    def run(self, events: int) -> None:
        for _ in range(events):
            self.event()
        self.end()

    def event(self) -> None:
        cluster, random = self.cluster, self.random
        alive = [node for node in cluster.nodes.values() if node.alive]
        for node in alive:
            if node.writes and random.random() < self.disk:
                node.finish_writes(random.randint(1, 3))
        for _ in range(random.randint(0, 4)):
            if cluster.network:
                self.deliver()
        if alive and random.random() < 0.3:
            cluster.now_ms += random.randint(0, 50)
            random.choice(alive).tick()
        if alive and random.random() < 0.2:
            leading = [node for node in alive if node.raft.role is Role.LEADER]
            self.ask(random.choice(leading or alive if random.random() < 0.7 else alive))
        if random.random() < self.crashes:
            self.crash_or_restart()
        if random.random() < self.cuts:
            self.cut_or_heal()
        if random.random() < self.changes:
            self.change()
        self.check_reads()

    def deliver(self) -> None:
        network, random = self.cluster.network, self.random
        at = random.randrange(len(network)) if random.random() < self.reorder else 0
        message = network[at]
        if random.random() >= self.duplication:
            del network[at]
        if random.random() >= self.loss:
            self.cluster.arrive(message)

    def ask(self, node: Any) -> None:
        self.count += 1
        node.deliver = self.random.random() < 0.9
        if self.random.random() < 0.3:
            try:
                node.raft.read_index(self.count)
            except Busy:
                return
            self.reads[self.count] = len(self.cluster.witness.canon)
            node.drain()
            return
        data = b"%d" % self.count
        try:
            self.proposed[data] = node.propose(data)
        except (NotLeader, Busy):
            node.drain()

    def check_reads(self) -> None:
        """A linearizable read sees all that was known to be committed before it was asked."""
        for node in self.cluster.nodes.values():
            for context, index in node.reads.items():
                floor = self.reads.pop(context, None)
                if floor is not None and index is not None:
                    assert index >= floor, f"a stale read on {node.name}"

    def crash_or_restart(self) -> None:
        node = self.random.choice(list(self.cluster.nodes.values()))
        if node.alive:
            node.crash(written=self.random.randint(0, len(node.writes)))
        else:
            node.start()

    def cut_or_heal(self) -> None:
        names = list(self.cluster.nodes)
        if self.random.random() < 0.4:
            self.cluster.heal()
        elif self.random.random() < 0.5:
            self.cluster.cut.add(tuple(self.random.sample(names, 2)))
        else:
            self.cluster.isolate(*self.random.sample(names, self.random.randint(1, len(names) - 1)))

    def change(self) -> None:
        """Move one replica one step between voter and learner, at whoever thinks it leads."""
        leader = self.cluster.leader()
        if leader is None:
            return
        now = leader.raft.configuration
        voters = {replica.id.split("/")[0] for replica in now.voters}
        learners = {replica.id.split("/")[0] for replica in now.learners}
        name = self.random.choice(sorted(voters | learners))
        (learners if name in learners else voters).remove(name)
        (voters if len(voters) < 2 or self.random.random() < 0.5 else learners).add(name)
        try:
            leader.change(self.cluster.configuration(voters, learners))
        except (ChangeRefused, Busy):
            leader.drain()

    def end(self) -> None:
        """The trouble is over: the group must agree on everything before long."""
        cluster = self.cluster
        cluster.heal()
        for node in cluster.nodes.values():
            node.deliver = True
            if not node.alive:
                node.start()
        for _ in range(200):
            cluster.tick_all()
            leader = cluster.leader()
            if leader is not None and self.agree(leader):
                break
        else:
            raise AssertionError("no agreement after 200 ticks without trouble")
        position = leader.propose(b"last")
        cluster.settle()
        leader.read(10**9)
        cluster.settle()
        assert leader.reads[10**9] >= position.index
        self.check_reads()
        for node in cluster.nodes.values():
            assert position.is_at(node.committed[-1])
            assert node.contradictions == []
        cluster.check_logs_match()
        self.check_fates(leader)

    def agree(self, leader: Any) -> bool:
        last = leader.raft.last_index
        return all(
            len(node.committed) == last and node.raft.leader == leader.id
            for node in self.cluster.nodes.values()
        )

    def check_fates(self, node: Any) -> None:
        """A proposal is in the log once or never, and its position says which."""
        for data, position in self.proposed.items():
            there = [entry for entry in node.committed if entry.data == data]
            lost = any(position.is_lost_to(entry) for entry in node.committed)
            assert len(there) == (0 if lost else 1)
            assert all(position.is_at(entry) for entry in there)


def storm(make_cluster: Callable[..., Any], seed: int, **options: Any) -> Storm:
    """Three or five replicas, some with a learner, as the seed will have it."""
    random = Random(seed)
    cluster = make_cluster(
        random.choice(["abc", "abcde"]),
        learners=random.choice(["", "x"]),
        limits=random.choice([LIMITS, Limits()]),
        seed=seed,
    )
    return Storm(cluster, seed, **options)


@pytest.mark.parametrize("seed", range(15))
def test_storm(make_cluster: Callable[..., Any], seed: int) -> None:
    storm(make_cluster, seed, changes=False).run(2_500)


@pytest.mark.parametrize("seed", range(100, 115))
def test_storm_with_changes_of_membership(make_cluster: Callable[..., Any], seed: int) -> None:
    storm(make_cluster, seed, changes=True).run(2_500)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("changes", [False, True])
def test_many_storms(make_cluster: Callable[..., Any], changes: bool) -> None:
    for seed in range(1_000, 1_000 + STORMS):
        try:
            storm(make_cluster, seed, changes=changes).run(3_000)
        except BaseException:
            print(f"seed {seed}")
            raise


def test_the_storms_reach_what_they_are_for(make_cluster: Callable[..., Any]) -> None:
    """A storm in which nothing ever happens would prove nothing."""
    terms = lost = kept = reads = 0
    for seed in range(6):
        run = storm(make_cluster, seed, changes=False)
        run.run(2_500)
        leader = run.cluster.leader()
        assert leader is not None
        assert leader.raft.role is Role.LEADER
        terms += leader.raft.term
        for position in run.proposed.values():
            if any(position.is_lost_to(entry) for entry in leader.committed):
                lost += 1
            else:
                kept += 1
        reads += sum(
            index is not None for n in run.cluster.nodes.values() for index in n.reads.values()
        )
    assert terms > 20
    assert lost > 20
    assert kept > 200
    assert reads > 50
