"""What goes wrong with disks: slow, hung, full, failing, damaged, exchanged, put back.

Each function is one kind; it answers whether there was anything to befall. What destroys data asks
the `budget` first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from consensus.journal import RESERVE_BYTES
from consensus.messages import ReplicaId
from devnet.sim.budget import may_lose
from devnet.sim.chance import interval_us
from devnet.sim.disk import Copy
from devnet.sim.machine import JOURNAL, POSITION, SEALS, VIEWS, Machine
from devnet.sim.medium import PLENTY_BYTES
from devnet.sim.network import Way
from devnet.sim.schedule import MS, SECOND

if TYPE_CHECKING:
    from devnet.sim.faults import Faults

OFF_US = 600 * MS
"""How long a machine is off, in the mean."""
WITNESS_US = 20 * SECOND
"""How long others are kept from a replica whose disk was put back, until the one that remembers
has told it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A copy of a disk, and what it holds: the term and last index."""

    copy: Copy
    replica_id: ReplicaId
    holds: tuple[int, int]
    knows: frozenset[ReplicaId]
    """Whom a replica that starts from it asks what it promised."""


class DiskFaults:
    def __init__(self, faults: "Faults") -> None:
        self._faults = faults
        self._world = faults.world
        self._stream = faults.world.chance.stream("disk faults")
        self._saved: dict[str, Saved] = {}

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """By the names in `setting`."""
        return {
            "slow disk": self._slow,
            "hung disk": self._hung,
            "sync error": self._sync_error,
            "full disk": self._full,
            "flipped bit": self._flipped_bit,
            "wiped disk": self._wiped,
            "old copy": self._old_copy,
        }

    def _until_us(self, least_us: int, most_us: int) -> int:
        return self._world.schedule.now_us + self._stream.randint(least_us, most_us)

    # What passes.

    def _slow(self) -> bool:
        victim = self._faults.victim()
        if victim is not None:
            self._faults.note(f"slow disk at {victim.name}")
            victim.slow_until_us = self._until_us(200 * MS, 3 * SECOND)
        return victim is not None

    def _hung(self) -> bool:
        victim = self._faults.victim()
        if victim is not None:
            self._faults.note(f"hung disk at {victim.name}")
            victim.hangs_until_us = self._until_us(300 * MS, 3 * SECOND)
        return victim is not None

    def _sync_error(self) -> bool:
        victim = self._faults.victim()
        if victim is not None:
            self._faults.note(f"the next sync fails at {victim.name}")
            victim.disk.fail_sync()
        return victim is not None

    def _full(self) -> bool:
        victim = self._faults.victim()
        if victim is None:
            return False
        free = self._stream.choice((0, 10_000, RESERVE_BYTES - 1, RESERVE_BYTES + 20_000))
        self._faults.note(f"{free} bytes are left at {victim.name}")
        victim.disk.fill(free)
        empty = partial(victim.disk.fill, PLENTY_BYTES)
        self._faults.later(self._stream.randint(500 * MS, 4 * SECOND), empty)
        return True

    # What does not.

    def _flipped_bit(self) -> bool:
        victim = self._faults.victim()
        if victim is None:
            return False
        disk, stream = victim.disk, self._stream
        place = stream.choice((JOURNAL, JOURNAL, POSITION, SEALS, VIEWS))
        counts = place in (JOURNAL, POSITION)
        if counts and not may_lose(self._world, victim):
            return False
        if place is POSITION:
            disk.flip_file(stream, place)
        elif not stream.choice((disk.flip_log, disk.flip_table))(stream, place):
            return False
        self._faults.note(f"flipped bit at {victim.name}: {place}")
        self._world.chain.may_forget(victim.name)
        if counts:
            victim.disk_is_lost()
        return True

    def _wiped(self) -> bool:
        victim = self._faults.victim()
        if victim is None or not may_lose(self._world, victim):
            return False
        self._faults.note(f"the disk of {victim.name} is exchanged")
        victim.kill()
        victim.disk_is_lost()
        victim.new_disk()
        self._faults.later(interval_us(self._stream, OFF_US), victim.start)
        return True

    def _old_copy(self) -> bool:
        """A replica can find out that its disk was put back only from those who remember, so for a
        while nobody else can reach it. Whose disk was not put back is copied for the next time."""
        leader = self._faults.leader()
        victims = [m for m in self._faults.running() if leader and self._forgets(m, leader)]
        victim = self._stream.choice(victims) if victims else None
        if victim is not None and leader is not None:
            self._put_back(victim, self._saved.pop(victim.name), leader)
        for machine in self._faults.running():
            if self._stream.random() < 0.5:
                self._save(machine)
        return victim is not None

    def _save(self, machine: Machine) -> None:
        assert machine.member is not None
        core = machine.member.driver.raft
        disk = self._world.watch.replicas[core.id].disk
        holds = (disk.hard_state.term, len(disk.log) - 1)
        knows = frozenset(voter.id for voter in core.acquaintances)
        self._saved[machine.name] = Saved(machine.disk.copy(), core.id, holds, knows)

    def _forgets(self, machine: Machine, leader: Machine) -> bool:
        """The copy of this machine's disk lacks what it has acknowledged to this leader."""
        saved = self._saved.get(machine.name)
        if machine is leader or machine.member is None or leader.member is None:
            return False
        replica, leading = machine.member.replica_id, leader.member.driver.raft
        if saved is None or saved.replica_id != replica or leading.id not in saved.knows:
            return False
        acknowledged = self._world.watch.replicas[leading.id].match.get(replica, 0)
        forgets = saved.holds < (leading.term, acknowledged)
        is_free = not self._faults.protected and may_lose(self._world, machine)
        return bool(acknowledged) and forgets and is_free

    def _put_back(self, victim: Machine, saved: Saved, leader: Machine) -> None:
        self._faults.note(f"an old copy is put back at {victim.name}; {leader.name} remembers")
        self._faults.protected.update((victim.name, leader.name))
        victim.kill()
        victim.disk_is_lost()
        victim.disk.restore(saved.copy)
        for machine in (victim, leader):
            machine.recover()
        names = [name for name in self._world.machines if name not in self._faults.protected]
        ways = [way for name in names for way in ((name, victim.name), (victim.name, name))]
        self._world.network.cut(ways)
        until_us = self._world.schedule.now_us + WITNESS_US
        self._faults.later(100 * MS, victim.start)
        self._faults.later(200 * MS, partial(self._await, victim, saved, ways, until_us))

    def _await(self, victim: Machine, saved: Saved, ways: list[Way], until_us: int) -> None:
        """Until the replica has found out, and ended."""
        member = victim.member
        is_same = member is not None and member.replica_id == saved.replica_id
        if is_same and self._world.schedule.now_us < until_us:
            self._faults.later(50 * MS, partial(self._await, victim, saved, ways, until_us))
        else:
            self._faults.protected.clear()
            self._world.network.mend(ways)
