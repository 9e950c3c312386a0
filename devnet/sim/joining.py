"""How a machine comes to be in the group as its operator wants it, or out of it.

What `node.membership.joining` and `node.membership.admitting` do: who has no directory that can be
trusted is told who belongs to the group and makes one for a new replica; who does not stand as it
should asks anybody, again and again, and each time the leader takes the step that is due; and who
is told that it was removed for good comes back as another.
"""

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from consensus.membership import admission, departure
from consensus.messages import Configuration, ReplicaId
from consensus.proposals import NotLeader
from consensus.raft import Raft
from devnet.sim.cast import member_of, voter
from devnet.sim.chance import interval_us
from devnet.sim.schedule import MS

if TYPE_CHECKING:
    from devnet.sim.machine import Machine
    from devnet.sim.member import Member

ASK_US = 200 * MS
"""The mean time between two questions."""


class Wanted(Enum):
    """What an operator wants a machine to be."""

    VOTER = "voter"
    LEARNER = "learner"
    OUT = "out"


class Joining:
    """Of one machine; goes on through all its processes."""

    def __init__(self, machine: "Machine", wanted: Wanted) -> None:
        self.wanted = wanted
        self.is_out = wanted is Wanted.OUT
        """Nothing of it is in the configuration or on its disk."""
        self._machine = machine
        self._world = machine.world
        self._stream = machine.world.chance.stream(f"joining {machine.name}")
        self._asking = False

    @property
    def is_done(self) -> bool:
        """By what is committed: of more nobody can be sure, and nobody would ask again."""
        if self.wanted is Wanted.OUT:
            return self.is_out
        if self._machine.member is None:
            return False
        core = self._machine.member.driver.raft
        now = _committed(core)
        ours = [each.id for each in now if member_of(each.id) == self._machine.name]
        is_voter = now.is_voter(core.id)
        return ours == [core.id] and is_voter == (self.wanted is Wanted.VOTER)

    def want(self, wanted: Wanted) -> None:
        """The operator decides."""
        self.wanted = wanted
        if wanted is Wanted.OUT:
            self._ask_out()
        else:
            self.is_out = False
            self._machine.start()
            self.go_on()

    def go_on(self) -> None:
        """After every start, and whenever more is wanted."""
        if not self._asking:
            self._asking = True
            self._world.schedule.after(interval_us(self._stream, ASK_US), self._ask)

    def _ask(self) -> None:
        machine = self._machine
        if not machine.is_on or self.wanted is Wanted.OUT or self.is_done:
            self._asking = False
            return
        self._world.schedule.after(interval_us(self._stream, ASK_US), self._ask)
        others = [each.name for each in self._world.machines.values() if each is not machine]
        if not others:
            return
        if machine.member is None:
            self._send(machine.name, self._stream.choice(others), None, is_recalling=True)
        else:
            core = machine.member.driver.raft
            asked = self._stream.choice(others)
            self._send(machine.name, asked, core.id, is_recalling=core.recalling)

    def _send(
        self, sender: str, asked: str, replica: ReplicaId | None, *, is_recalling: bool
    ) -> None:
        take = partial(self._asked, replica, is_recalling)
        hand_in = partial(self._machine.hand_in, asked, take)
        self._world.network.send(sender, asked, hand_in)

    def _answer(self, member: "Member", replica: ReplicaId | None, *, removed: bool) -> None:
        now = member.driver.raft.configuration
        told = partial(self._told, replica, now, removed=removed)
        self._world.network.send(member.name, self._machine.name, told)

    def _asked(self, replica: ReplicaId | None, is_recalling: bool, member: "Member") -> None:
        """At the member that was asked."""
        if self.wanted is Wanted.OUT:
            return  # Asked before it was to leave.
        removed = replica is not None and self._is_removed(replica, member)
        if replica is None or removed or is_recalling:
            self._answer(member, replica, removed=removed)
        if replica is None or removed:
            return

        def next_step(now: Configuration) -> Configuration | None:
            step = admission(now, voter(replica))
            if step is None or step.voters == now.voters:
                return step
            return None if is_recalling or self.wanted is Wanted.LEARNER else step

        def then(answer: object) -> None:
            if isinstance(answer, NotLeader):
                leader = member_of(answer.leader) if answer.leader else member.name
                if leader != member.name:
                    self._send(member.name, leader, replica, is_recalling=is_recalling)
            elif not isinstance(answer, Exception):
                member.note(f"takes {replica} a step: {answer}")

        member.driver.change(next_step, then)

    def _is_removed(self, replica: ReplicaId, member: "Member") -> bool:
        core = member.driver.raft
        *earlier, (index, now) = core.log.configurations
        was_there = any(each.id == replica for _, old in earlier for each in old)
        return was_there and not any(each.id == replica for each in now) and index <= core.commit

    def _told(self, replica: ReplicaId | None, now: Configuration, *, removed: bool) -> None:
        """Back at this machine."""
        machine = self._machine
        if not machine.is_on or self.wanted is Wanted.OUT:
            return
        if replica is None and machine.member is None and machine.is_empty:
            name = f"{machine.name}/{self._stream.getrandbits(64):016x}"
            machine.make(name, now)
        elif machine.member is not None and machine.member.replica_id == replica:
            if removed:
                machine.removed()
            else:
                machine.member.driver.introduce(now)

    # Out.

    def _ask_out(self) -> None:
        """Until somebody who is reached says that it is done."""
        if self.wanted is not Wanted.OUT:
            return
        name = self._machine.name
        reached = [
            each
            for each in self._world.machines.values()
            if each.member is not None and not self._world.network.is_cut(each.name, name)
        ]
        known = [_committed(each.member.driver.raft) for each in reached if each.member]
        is_gone = not _has(self._world.watch.configuration, name)
        if is_gone and not all(_has(each, name) for each in known):
            self.is_out = True
            self._machine.clear()
            return
        self._world.schedule.after(interval_us(self._stream, ASK_US), self._ask_out)
        if reached:
            self._stream.choice(reached).arrive(self.asked_out)

    def asked_out(self, member: "Member") -> None:
        """At the member that was asked."""

        def then(answer: object) -> None:
            if not isinstance(answer, Exception):
                member.note(f"lets {self._machine.name} go a step: {answer}")

        member.driver.change(lambda now: departure(now, self._machine.name), then)


def _committed(core: Raft) -> Configuration:
    """As far as this replica knows."""
    configurations = core.log.configurations
    return next(each for index, each in reversed(configurations) if index <= core.commit)


def _has(configuration: Configuration, name: str) -> bool:
    return any(member_of(each.id) == name for each in configuration)
