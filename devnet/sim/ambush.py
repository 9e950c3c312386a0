"""What goes wrong at the worst moment (`moments`).

An ambush, once laid, strikes at one of the next such moments, or a little later.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from consensus.messages import ReplicaId
from devnet.sim.cast import member_of
from devnet.sim.chance import happens
from devnet.sim.moments import Moment
from devnet.sim.network import Way
from devnet.sim.schedule import MS, SECOND
from devnet.sim.setting import TICK_US

if TYPE_CHECKING:
    from devnet.sim.faults import Faults
    from devnet.sim.machine import Machine

MET: Mapping[Moment, float] = {
    Moment.VOTE: 0.15,
    Moment.ELECTION: 0.3,
    Moment.COMMIT: 0.9,
}
"""How often it strikes at such a moment. An election is many votes. A reunion is so rare that none
is left out."""
DELAYS_US = (0, 0, 0, 1 * MS, 5 * MS, 20 * MS)
"""How much later it strikes. At once is before anything of what was decided can have arrived."""
BACK_US = (10 * MS, 30 * MS, 100 * MS, 1 * SECOND)
"""When an old leader comes back after the election of a new one, whose first words it missed."""
FREE_US = (80 * MS, 150 * MS, 250 * MS)
"""When an old leader hears what was held up."""
HEIR_US = (1 * MS, 2 * MS, 5 * MS, 10 * MS)
"""How long after that an old leader hears the one it hands over to: it must know that this one has
all of its log, and not yet that it asks for votes."""
TAIL, HURRY = (0, 4, 8), (1, 2, 5)
"""So many clients write at once: to who was just cut off, and where else it matters."""
ECHO_US = (30 * MS, 60 * MS, 100 * MS, 150 * MS)
"""The same, when what was answered before arrives a moment after one of these."""
READ_US = (20 * MS, 60 * MS, 120 * MS, 250 * MS)
"""When the old leader is asked what it believes to know, after the election of a new one."""
RESTART_US = (1 * MS, 10 * MS, 100 * MS)
"""A process that is started again so soon may hear what was meant for the one before."""

Strike = Callable[["Machine", "Machine"], None]


class Ambush:
    def __init__(self, faults: "Faults") -> None:
        self._faults = faults
        self._stream = faults.world.chance.stream("ambush")
        self._is_laid = False
        self._away: Machine | None = None
        """A leader that nobody hears, and what happens when another is elected."""
        self._then: Strike = self._hear_late
        # Who is cut off keeps what nobody else has got, and comes back with it.
        at_leader: list[Strike] = [self._isolate] * 4
        at_leader += [self._hold_up, self._hold_up, self._power_fails, self._kill, self._stop]
        self._strikes: dict[Moment, list[Strike]] = {
            Moment.ELECTION: at_leader,
            Moment.COMMIT: [*at_leader, *[self._echo] * 3],
            Moment.VOTE: [self._forget],
            Moment.REUNION: [self._delay],
        }
        if "ambush" in faults.world.setting.mean_us:
            faults.world.watch.listeners.append(self._came)

    def lay(self) -> bool:
        was_laid, self._is_laid = self._is_laid, True
        return not was_laid

    def _came(self, moment: Moment, replica: ReplicaId, other: ReplicaId) -> None:
        if self._faults.are_over:
            return
        machine = self._faults.world.machines[member_of(replica)]
        if moment is Moment.ELECTION and self._away is not None:
            away, self._away = self._away, None
            if away is not machine:
                self._then(away, machine)
        if moment is Moment.REUNION:
            self._faults.later(0, partial(self._strike, moment, replica, other))
        elif self._is_laid and happens(self._stream, MET.get(moment, 0)):
            self._is_laid = False
            strike = partial(self._strike, moment, replica, other)
            self._faults.later(self._stream.choice(DELAYS_US), strike)

    def _strike(self, moment: Moment, replica: ReplicaId, other: ReplicaId) -> None:
        machine, concerned = (self._faults.world.machines[member_of(r)] for r in (replica, other))
        if machine.member is None or self._faults.protected or self._faults.is_staged:
            return
        whom = "" if machine is concerned else f" {concerned.name}"
        self._faults.note(f"{machine.name} {moment.value}{whom}")
        self._stream.choice(self._strikes[moment])(machine, concerned)

    # When the leader that was struck has been replaced. What the new one has acknowledged, the old
    # one must not deny.

    def _come_back(self, mend: Callable[[], None], old: "Machine", _: "Machine") -> None:
        self._faults.later(self._stream.choice(BACK_US), mend)
        self._ask(old, READ_US)

    def _hear_late(self, old: "Machine", new: "Machine") -> None:
        self._faults.world.clients.hurry(new, self._stream.choice(HURRY))
        for other in self._others(old):
            self._unclog(other, old, self._stream.choice(FREE_US))
        self._ask(old, READ_US)

    def _answer_late(self, old: "Machine", new: "Machine") -> None:
        """The old leader does not hear of the new one until it has heard what it was answered
        before."""
        for way in ((new.name, old.name), (old.name, new.name)):
            self._hold(way)
        self._faults.world.clients.hurry(new, self._stream.choice(HURRY))
        self._ask(old, ECHO_US)
        for other in self._others(old):
            if other != new.name:
                self._unclog(other, old, self._stream.choice(ECHO_US[1:]) + 5 * MS)

    def _ask(self, old: "Machine", delays_us: Sequence[int]) -> None:
        for delay_us in delays_us:
            self._faults.later(delay_us, partial(self._faults.world.clients.read, None, old))

    def _unclog(self, other: str, old: "Machine", delay_us: int) -> None:
        self._faults.later(delay_us, partial(self._faults.world.network.unclog, (other, old.name)))

    def _others(self, machine: "Machine") -> list[str]:
        return [name for name in self._faults.world.machines if name != machine.name]

    # At a leader.

    def _isolate(self, leader: "Machine", _: "Machine") -> None:
        self._away, self._then = leader, partial(self._come_back, self._faults.isolate(leader))
        self._faults.world.clients.hurry(leader, self._stream.choice(TAIL))

    def _hold_up(self, leader: "Machine", _: "Machine") -> None:
        """The ways to it, then those from it, until there is another leader or a while longer: it
        hears late what was said early."""
        self._away, self._then = leader, self._hear_late
        election_us = self._faults.world.setting.election_us
        for other in self._others(leader):
            self._faults.clog((other, leader.name), 2 * election_us, 4 * election_us)
            clog = partial(self._faults.clog, (leader.name, other), election_us, 4 * election_us)
            self._faults.later(self._stream.choice((0, 50 * MS, 150 * MS)), clog)

    def _echo(self, leader: "Machine", _: "Machine") -> None:
        """Its followers answer it once more, and it is to hear most of them late: when they follow
        the one it has handed over to. That must confirm nothing that was asked since."""
        voters = [member_of(each.id) for each in self._faults.world.watch.configuration.voters]
        heir, *others = sorted(name for name in voters if name != leader.name) or [""]
        if others:
            self._away, self._then = leader, self._answer_late
            for other in others:
                self._hold((other, leader.name))
            heard_us = self._faults.world.setting.heartbeat_ticks * TICK_US + 20 * MS
            self._faults.later(heard_us, partial(self._hand_over, leader, heir, others))

    def _hand_over(self, leader: "Machine", heir: str, others: Sequence[str]) -> None:
        if leader.member is None:
            return
        self._faults.note(f"{leader.name} is to hand over to {heir}")
        leader.member.driver.hand_over()
        for other in others:
            self._hold((leader.name, other))
        self._faults.later(self._stream.choice(HEIR_US), partial(self._hold, (heir, leader.name)))

    def _hold(self, way: Way) -> None:
        """Until somebody else lets it through, or for long."""
        held_us = 3 * self._faults.world.setting.election_us
        self._faults.clog(way, held_us, held_us)

    def _power_fails(self, leader: "Machine", _: "Machine") -> None:
        self._faults.power_fails(leader)

    def _kill(self, leader: "Machine", _: "Machine") -> None:
        self._faults.kill(leader)

    def _stop(self, leader: "Machine", _: "Machine") -> None:
        self._faults.stop(leader)

    # At others.

    def _forget(self, voter: "Machine", candidate: "Machine") -> None:
        """Who has voted starts again, and whom it voted for is not there to remind it."""
        if happens(self._stream, 0.7):
            self._faults.isolate(candidate)
        self._stream.choice((self._faults.power_fails, self._faults.kill))(voter)
        self._faults.later(self._stream.choice(RESTART_US), voter.start)

    def _delay(self, leader: "Machine", follower: "Machine") -> None:
        """What the leader sends now arrives late, and in another order."""
        self._faults.clog((leader.name, follower.name), 20 * MS, 300 * MS)
        self._faults.world.clients.hurry(leader, self._stream.choice(HURRY))
