"""Two leaders, each with a change of the configuration that the other does not know of.

Majorities of two configurations share a replica if these are one voter apart, but two changes of
one configuration may be two apart. If it had four voters, a fifth of one and three of the other are
enough to agree on something each for itself. What keeps them from it (Raft thesis, 4.1 and the
correction of 2015) is tried here step by step, as chance would take years to:

1. The leader of four voters proposes a fifth, and is cut off with nobody but that.
2. The others elect another. One of them is cut off before it hears more.
3. The new leader is asked to remove the old one.
4. The old leader, the fifth, and who was cut off meet, and may elect the old one again.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from consensus.messages import ReplicaId
from devnet.sim.budget import may_leave
from devnet.sim.cast import member_of
from devnet.sim.joining import Wanted
from devnet.sim.moments import Moment
from devnet.sim.network import Way
from devnet.sim.schedule import MS, SECOND
from devnet.sim.setting import SCHISM_VOTERS

if TYPE_CHECKING:
    from devnet.sim.faults import Faults

GIVE_UP_US = 5 * SECOND
ASKED_US = (20 * MS, 60 * MS, 120 * MS, 250 * MS)
"""When the new leader is asked, after its election."""
UNDER_WAY_US = 4 * SECOND
"""From the proposal to the end."""
MEET_US = 400 * MS
"""When the others meet, after the election."""


class Schism:
    def __init__(self, faults: "Faults") -> None:
        self._faults = faults
        self._world = faults.world
        self._stream = faults.world.chance.stream("schism")
        self._awaited: Moment | None = None
        self._began_us = self._until_us = 0
        self._old: list[str] = []
        """The old leader and the fifth."""
        self._rest: list[str] = []
        self._mends: list[Callable[[], None]] = []
        faults.world.watch.listeners.append(self._came)

    @property
    def is_under_way(self) -> bool:
        """Nothing is to come in between."""
        return self._world.schedule.now_us < self._until_us

    def lay(self) -> bool:
        """Have somebody ask to be the fifth, and wait until it is proposed."""
        now_us = self._world.schedule.now_us
        voters = [member_of(each.id) for each in self._world.watch.configuration.voters]
        joining = [m for m in self._world.machines.values() if self._may_join(m.name, voters)]
        busy = self._awaited is not None and now_us < self._began_us + GIVE_UP_US
        busy = busy or self._faults.figure8.is_under_way
        if busy or self._faults.protected or len(voters) != SCHISM_VOTERS or not joining:
            return False
        fifth = self._stream.choice(joining)
        self._faults.note(f"schism: {fifth.name} is to be the fifth voter")
        self._awaited, self._began_us = Moment.CHANGE, now_us
        self._old, self._rest, self._mends = [fifth.name], voters, []
        fifth.joining.want(Wanted.VOTER)
        return True

    def _may_join(self, name: str, voters: list[str]) -> bool:
        joining = self._world.machines[name].joining
        return name not in voters and (joining.is_out or joining.wanted is not Wanted.OUT)

    def _came(self, moment: Moment, replica: ReplicaId, _: ReplicaId) -> None:
        name = member_of(replica)
        if moment is not self._awaited or name not in self._rest or self._faults.protected:
            return
        if moment is Moment.CHANGE and self._proposes_the_fifth(name):
            self._awaited = Moment.ELECTION
            self._until_us = self._world.schedule.now_us + UNDER_WAY_US
            self._old.append(name)
            self._rest.remove(name)
            self._faults.later(0, partial(self._cut, self._old, self._rest))
        elif moment is Moment.ELECTION:
            self._awaited = None
            self._divide(name)

    def _proposes_the_fifth(self, name: str) -> bool:
        member = self._world.machines[name].member
        voters = member.driver.raft.configuration.voters if member else ()
        return {member_of(each.id) for each in voters} == {*self._old, *self._rest}

    def _divide(self, leader: str) -> None:
        """The rest has elected this one."""
        lonely = self._stream.choice([name for name in self._rest if name != leader])
        new = [name for name in self._rest if name != lonely]
        later = self._faults.later
        later(0, partial(self._cut, new, [lonely]))
        for delay_us in ASKED_US:
            later(delay_us, partial(self._ask_out, leader))
        later(MEET_US, partial(self._meet, [*self._old, lonely], new))

    def _ask_out(self, leader: str) -> None:
        machines = self._world.machines
        leaving = machines[self._old[-1]]
        if leaving.joining.wanted is not Wanted.OUT:
            if not (leaving.joining.is_done and may_leave(self._world, leaving)):
                return
            self._faults.note(f"schism: {leaving.name} is to leave")
            leaving.joining.want(Wanted.OUT)
        machines[leader].arrive(leaving.joining.asked_out)

    def _meet(self, some: list[str], others: list[str]) -> None:
        for mend in self._mends:
            mend()
        self._cut(some, others)

    def _cut(self, some: list[str], others: list[str]) -> None:
        ways: list[Way] = [*product(some, others), *product(others, some)]
        self._mends.append(self._faults.cut("schism", ways, 2 * SECOND, 4 * SECOND))
