"""What goes wrong, when, and for how long.

Every kind has a clock of its own and happens at its own pace (`setting`), whatever the others do.
Each takes back by itself what it did. What destroys data asks the `budget` first.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from consensus.ready import Role
from devnet.sim import partition
from devnet.sim.ambush import Ambush
from devnet.sim.budget import may_leave, may_lose
from devnet.sim.chance import happens, interval_us
from devnet.sim.disk_faults import OFF_US, DiskFaults
from devnet.sim.figure8 import Figure8
from devnet.sim.joining import Wanted
from devnet.sim.machine import Machine
from devnet.sim.network import Way
from devnet.sim.schedule import MS, SECOND, Life
from devnet.sim.schism import Schism

if TYPE_CHECKING:
    from devnet.sim.world import World

TEAR = 0.6
"""How often a power cut leaves a part of a batch, where that may cost the disk."""
ARMED_US = SECOND
"""A power cut that waits for a write waits no longer."""
DAY_MS = 24 * 3600 * 1000
JUMPS_MS = (20, 500, 3_000, 3_600_000, DAY_MS)


class Faults:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.are_over = False
        self._stream = world.chance.stream("faults")
        self.protected: set[str] = set()
        """Machines to which nothing happens now."""
        self.figure8 = Figure8(self)
        self.schism = Schism(self)
        self._kinds: dict[str, Callable[[], bool]] = {
            "power cut": self._power_cut,
            "kill": self._kill,
            "pause": self._pause,
            "partition": self._partition,
            "clog": self._clog,
            "clock": self._clock,
            "membership": self._membership,
            "transfer": self._transfer,
            "ambush": Ambush(self).lay,
            "schism": self.schism.lay,
            "figure 8": self.figure8.lay,
            **DiskFaults(self).kinds(),
        }

    @property
    def is_staged(self) -> bool:
        """Something that takes several steps is under way."""
        return self.schism.is_under_way or self.figure8.is_under_way

    def start(self) -> None:
        for kind in self.world.setting.mean_us:
            self._await(kind)

    def _await(self, kind: str) -> None:
        delay_us = interval_us(self._stream, self.world.setting.mean_us[kind])
        self.world.schedule.after(delay_us, partial(self._happen, kind))

    def _happen(self, kind: str) -> None:
        if self.are_over:
            return
        self._await(kind)
        if self._kinds[kind]():
            self.world.counts[kind] += 1

    def later(self, delay_us: int, action: Callable[[], None]) -> None:
        """Unless all is healed by then."""

        def act() -> None:
            if not self.are_over:
                action()

        self.world.schedule.after(delay_us, act)

    def note(self, what: str) -> None:
        self.world.trace.note(f"fault: {what}")

    def _duration_us(self, least_us: int, most_us: int) -> int:
        return self._stream.randint(least_us, most_us)

    # Whom it hits.

    def _pick(self, machines: list[Machine]) -> Machine | None:
        machines = [each for each in machines if each.name not in self.protected]
        return self._stream.choice(machines) if machines else None

    def running(self) -> list[Machine]:
        return [each for each in self.world.machines.values() if each.member is not None]

    def leader(self) -> Machine | None:
        """The one that leads the newest term."""
        leading = [
            (each.member.driver.raft.term, each.name, each)
            for each in self.running()
            if each.member is not None and each.member.driver.raft.role is Role.LEADER
        ]
        return max(leading)[2] if leading else None

    def victim(self, leaders: float = 0.4) -> Machine | None:
        """A running machine, often the leader's."""
        leader = self.leader()
        if leader is not None and happens(self._stream, leaders):
            return self._pick([leader])
        return self._pick(self.running())

    # Power and processes.

    def _power_cut(self) -> bool:
        if not self.protected and happens(self._stream, 0.1):
            self.note("the power fails everywhere")
            for machine in self.running():
                self.power_fails(machine)
            return True
        victim = self.victim()
        if victim is None:
            return False
        if happens(self._stream, 0.6):
            victim.power_cut_at_write = True
            self.later(ARMED_US, partial(self._disarm, victim))
        else:
            self.power_fails(victim)
        return True

    def _disarm(self, machine: Machine) -> None:
        machine.power_cut_at_write = False

    def power_fails(self, machine: Machine) -> None:
        """Now; the machine comes back by itself."""
        if self.are_over or machine.member is None or machine.name in self.protected:
            return
        self.note(f"power cut at {machine.name}")
        self.world.counts["crashes"] += 1
        machine.cut_power(TEAR, may_lose=may_lose(self.world, machine))
        self.later(interval_us(self._stream, OFF_US), machine.start)

    def _kill(self) -> bool:
        victim = self.victim()
        if victim is not None:
            self.kill(victim)
        return victim is not None

    def kill(self, machine: Machine) -> None:
        """The process; it is started again."""
        self.note(f"kill {machine.name}")
        self.world.counts["crashes"] += 1
        machine.kill()
        self.later(interval_us(self._stream, OFF_US // 2), machine.start)

    def _pause(self) -> bool:
        victim = self.victim()
        if victim is not None:
            self.stop(victim)
        return victim is not None

    def stop(self, machine: Machine) -> None:
        """The process, for a while."""
        duration_us = self._duration_us(50 * MS, 2 * SECOND)
        self.note(f"stop {machine.name} for {duration_us // MS} ms")
        machine.stop_for(duration_us)

    # The network.

    def _partition(self) -> bool:
        names = list(self.world.machines)
        if len(names) < 2 or self.protected:
            return False
        leader = self.leader()
        self.cut(*partition.draw(self._stream, names, leader.name if leader else None))
        return True

    def isolate(self, machine: Machine) -> Callable[[], None]:
        """Nobody hears it, and it hears nobody, for a while, or until what is returned is
        called."""
        self.world.counts["partition"] += 1
        return self.cut("alone", partition.alone(machine.name, list(self.world.machines)))

    def cut(
        self,
        shape: str,
        ways: Sequence[Way],
        least_us: int = 200 * MS,
        most_us: int = 3 * SECOND,
    ) -> Callable[[], None]:
        """For a while, or until what is returned is called."""
        self.note(f"partition, {shape}: {' '.join(f'{a}-{b}' for a, b in ways)}")
        self.world.network.cut(ways)
        mend = partial(self._mend, ways, Life())
        self.later(self._duration_us(least_us, most_us), mend)
        return mend

    def _mend(self, ways: Sequence[Way], cut: Life) -> None:
        if not cut.is_over and not self.are_over:
            cut.is_over = True
            self.note("a partition is over")
            self.world.network.mend(ways)

    def _clog(self) -> bool:
        names = list(self.world.machines)
        if len(names) < 2 or self.protected:
            return False
        one, other = self._stream.sample(names, 2)
        self.clog((one, other), 50 * MS, 2 * SECOND)
        return True

    def clog(self, way: Way, least_us: int, most_us: int) -> None:
        """What goes this way is held up for a while."""
        self.note(f"clog {way[0]}-{way[1]}")
        self.world.network.clog(way)
        self.later(self._duration_us(least_us, most_us), partial(self.world.network.unclog, way))

    # Clocks.

    def _clock(self) -> bool:
        victim = self.victim()
        if victim is None:
            return False
        jump_ms = self._stream.choice(JUMPS_MS) * self._stream.choice((-1, 1))
        self.note(f"the clock of {victim.name} jumps by {jump_ms} ms")
        victim.clock_off_ms = jump_ms
        victim.clock_rate = self._stream.choice((1.0, 0.9, 1.1))
        self.later(self._duration_us(SECOND, 5 * SECOND), victim.set_clock)
        return True

    # Who takes part.

    def _membership(self) -> bool:
        changes: list[tuple[Machine, Wanted]] = []
        machines = list(self.world.machines.values())
        for machine in machines:
            if machine.joining.is_out:
                changes += [(machine, Wanted.VOTER), (machine, Wanted.LEARNER)]
            elif machine.joining.wanted is Wanted.LEARNER:
                changes.append((machine, Wanted.VOTER))
        inside = [each for each in machines if each.joining.wanted is not Wanted.OUT]
        settled = [each for each in inside if each.joining.is_done and may_leave(self.world, each)]
        leaving = self._pick(settled)
        if leaving is not None and len(inside) > 2 and len(machines) - len(inside) < 2:
            changes += [(leaving, Wanted.OUT)] * 2
        if not changes or self.protected:
            return False
        machine, wanted = self._stream.choice(changes)
        self.note(f"{machine.name} is to be {wanted.value}")
        machine.joining.want(wanted)
        return True

    def _transfer(self) -> bool:
        leader = self.leader()
        if leader is None or leader.member is None or leader.name in self.protected:
            return False
        self.note(f"{leader.name} is to hand over")
        leader.member.driver.hand_over()
        return True

    # The end.

    def heal(self) -> None:
        """Everything that can get well does, at once."""
        world = self.world
        self.are_over = True
        self.protected.clear()
        world.trace.note("all is healed")
        world.network.heal()
        for machine in world.machines.values():
            machine.recover()
            machine.set_clock()
            machine.start()
