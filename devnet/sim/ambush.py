"""What goes wrong at the worst moment (`moments`).

An ambush, once laid, strikes at one of the next such moments, or a little later.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from consensus.messages import ReplicaId
from devnet.sim.cast import member_of
from devnet.sim.chance import happens
from devnet.sim.moments import Moment
from devnet.sim.schedule import MS, SECOND

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
TAIL, HURRY = (0, 4, 8), (1, 2, 5)
"""So many clients write at once: to who was just cut off, and where else it matters."""
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
        """A leader that nobody hears, and what ends that."""
        self._mend: Callable[[], None] | None = None
        # Who is cut off keeps what nobody else has got, and comes back with it.
        at_leader: list[Strike] = [self._isolate] * 4
        at_leader += [self._hold_up, self._hold_up, self._power_fails, self._kill, self._stop]
        self._strikes: dict[Moment, list[Strike]] = {
            Moment.ELECTION: at_leader,
            Moment.COMMIT: at_leader,
            Moment.VOTE: [self._forget],
            Moment.REUNION: [self._delay],
        }
        if "ambush" in faults.world.setting.mean_us:
            faults.world.watch.listeners.append(self._came)

    def lay(self) -> bool:
        was_laid, self._is_laid = self._is_laid, True
        return not was_laid

    def _came(self, moment: Moment, replica: ReplicaId, other: ReplicaId) -> None:
        if moment is Moment.ELECTION and self._away is not None:
            self._replaced(self._away, self._faults.world.machines[member_of(replica)])
        if moment is Moment.REUNION:
            self._faults.later(0, partial(self._strike, moment, replica, other))
        elif self._is_laid and happens(self._stream, MET.get(moment, 0)):
            self._is_laid = False
            strike = partial(self._strike, moment, replica, other)
            self._faults.later(self._stream.choice(DELAYS_US), strike)

    def _strike(self, moment: Moment, replica: ReplicaId, other: ReplicaId) -> None:
        machine, concerned = (self._faults.world.machines[member_of(r)] for r in (replica, other))
        if machine.member is None or self._faults.protected or self._faults.schism.is_under_way:
            return
        whom = "" if machine is concerned else f" {concerned.name}"
        self._faults.note(f"{machine.name} {moment.value}{whom}")
        self._stream.choice(self._strikes[moment])(machine, concerned)

    def _replaced(self, old: "Machine", new: "Machine") -> None:
        """What the new leader has acknowledged, the old one must not deny."""
        clients, later = self._faults.world.clients, self._faults.later
        if self._mend is not None:
            later(self._stream.choice(BACK_US), self._mend)
        else:
            clients.hurry(new, self._stream.choice(HURRY))
            for other in self._others(old):
                unclog = partial(self._faults.world.network.unclog, (other, old.name))
                later(self._stream.choice(FREE_US), unclog)
        for delay_us in READ_US:
            later(delay_us, partial(clients.read, None, old))
        self._away = self._mend = None

    def _others(self, machine: "Machine") -> list[str]:
        return [name for name in self._faults.world.machines if name != machine.name]

    # At a leader.

    def _isolate(self, leader: "Machine", _: "Machine") -> None:
        self._mend, self._away = self._faults.isolate(leader), leader
        self._faults.world.clients.hurry(leader, self._stream.choice(TAIL))

    def _hold_up(self, leader: "Machine", _: "Machine") -> None:
        """The ways to it, then those from it, until there is another leader or a while longer: it
        hears late what was said early."""
        self._mend, self._away = None, leader
        election_us = self._faults.world.setting.election_us
        for other in self._others(leader):
            self._faults.clog((other, leader.name), 2 * election_us, 4 * election_us)
            clog = partial(self._faults.clog, (leader.name, other), election_us, 4 * election_us)
            self._faults.later(self._stream.choice((0, 50 * MS, 150 * MS)), clog)

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
