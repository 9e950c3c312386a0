"""An entry of an earlier term that a majority has, and that is lost all the same.

Who has such an entry may be outvoted by one that has a newer one, so no leader commits it by
counting (paper, 5.4.2 and its figure 8). By chance nobody could see a leader that does: its own
first entry travels with the older ones and is acknowledged with them. Unless its own disk is the
last to have it; that is arranged here, among three voters, step by step:

1. The leader is cut off, and asked to write: what it writes is on its disk alone.
2. The others elect another, which is cut off before its first entry has reached anybody.
3. The third meets the old leader, whose log is the longer one: it is elected again. Its disk hangs
   from then on, so a majority has what it wrote in step 1, and nothing newer.
4. Its power fails, the third is cut off, and it meets the one elected in between, whose log is the
   newer one. That is elected, and puts what it wrote in the place of what the old leader wrote.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from consensus.messages import ReplicaId
from devnet.sim import partition
from devnet.sim.cast import member_of
from devnet.sim.moments import Moment
from devnet.sim.schedule import MS, SECOND, Life
from devnet.sim.setting import FIGURE8_VOTERS

if TYPE_CHECKING:
    from devnet.sim.faults import Faults
    from devnet.sim.machine import Machine

UNDER_WAY_US = 6 * SECOND
"""From the beginning to the end: three elections."""
WRITES = (1, 2, 4)
"""So many clients write at once to the leader that was cut off."""
HANGS_US = (50 * MS, 100 * MS, 200 * MS)
"""How long its disk hangs until its power fails: long enough for the third to acknowledge, too
short for anybody to find that it hangs."""
OFF_US = (1 * MS, 10 * MS, 100 * MS)
"""How long it is off."""
LEADS_US = 200 * MS
"""How long the one elected at last leads the two, before the third hears of it."""


class Figure8:
    def __init__(self, faults: "Faults") -> None:
        self._faults = faults
        self._world = faults.world
        self._stream = faults.world.chance.stream("figure 8")
        self._life = Life()
        self._life.is_over = True
        self._old = self._new = ""
        """The leader that was cut off, and the one elected in between."""
        self._rest: list[str] = []
        """The voters but the old leader."""
        self._next: Callable[[Machine], None] | None = None
        """What is done when somebody is elected."""
        self._mends: dict[str, Callable[[], None]] = {}
        """By who is cut off."""
        faults.world.watch.listeners.append(self._came)

    @property
    def is_under_way(self) -> bool:
        """Nothing is to come in between."""
        return not self._life.is_over

    def lay(self) -> bool:
        """The first step."""
        leader = self._faults.leader()
        voters = [member_of(each.id) for each in self._world.watch.configuration.voters]
        busy = self._faults.is_staged or self._faults.protected
        if busy or leader is None or leader.name not in voters or len(voters) != FIGURE8_VOTERS:
            return False
        self._faults.note(f"figure 8: {leader.name} keeps something to itself")
        self._life = Life()
        self._old, self._rest = leader.name, [name for name in voters if name != leader.name]
        self._isolate(self._old)
        self._world.clients.hurry(leader, self._stream.choice(WRITES))
        self._next = self._elected_between
        self._later(UNDER_WAY_US, self._end)
        return True

    def _came(self, moment: Moment, replica: ReplicaId, _: ReplicaId) -> None:
        if moment is Moment.ELECTION and self._next is not None:
            step, self._next = self._next, None
            self._later(0, partial(step, self._world.machines[member_of(replica)]))

    def _elected_between(self, leader: "Machine") -> None:
        """The second step. Then the third and the old leader meet."""
        if leader.name not in self._rest:
            self._end()
            return
        self._new = leader.name
        self._isolate(self._new)
        self._mends[self._old]()
        self._next = self._elected_again

    def _elected_again(self, leader: "Machine") -> None:
        """The third step."""
        if leader.name != self._old:
            self._end()
            return
        self._faults.note(f"figure 8: the disk of {leader.name} hangs")
        hangs_us = self._stream.choice(HANGS_US)
        leader.hangs_until_us = self._world.schedule.now_us + hangs_us + 1
        self._later(hangs_us, partial(self._outvote, leader))

    def _outvote(self, old: "Machine") -> None:
        """The fourth step."""
        self._faults.power_fails(old)
        self._faults.later(self._stream.choice(OFF_US), old.start)
        for third in self._rest:
            if third != self._new:
                self._isolate(third)
        self._mends[self._new]()
        self._next = self._elected_at_last

    def _elected_at_last(self, leader: "Machine") -> None:
        if leader.name == self._new:
            self._faults.note(f"figure 8: {leader.name} outvotes {self._old}")
        self._later(LEADS_US, self._end)

    def _end(self) -> None:
        self._life.is_over, self._next = True, None
        for mend in self._mends.values():
            mend()
        self._mends.clear()

    def _later(self, delay_us: int, step: Callable[[], None]) -> None:
        """Unless this one is over by then, or must give way to what protects a machine."""
        life = self._life

        def go_on() -> None:
            if not life.is_over:
                (self._end if self._faults.protected else step)()

        self._faults.later(delay_us, go_on)

    def _isolate(self, name: str) -> None:
        ways = partition.alone(name, list(self._world.machines))
        self._mends[name] = self._faults.cut("figure 8", ways, UNDER_WAY_US, UNDER_WAY_US)
