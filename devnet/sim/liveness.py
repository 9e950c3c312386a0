"""After the faults: everything is healed, and then everything must come right (invariants 21, 22).

One leader, every operation answered, every machine in the part it is to play, all logs, chains and
seals equal; one more write and a read of every member must work at once; and then, for a while,
nobody disturbs the leader.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

from consensus.ready import Role
from devnet.sim.cast import SKEW_MS, START_MS
from devnet.sim.schedule import MS
from devnet.sim.violation import Invariant
from node.errors import NodeError

if TYPE_CHECKING:
    from devnet.sim.machine import Machine
    from devnet.sim.member import Member
    from devnet.sim.world import World

PATIENCE = 60
"""Election timeouts until all has come right: starts, several replicas that rejoin one after the
other, each with a few changes of the configuration, and what clients wait before they ask again."""
CALM = 4
"""Election timeouts in which then nothing may change."""
LOOK_US = 20 * MS
EVENTS_MAX = 100_000
"""Ten times what the longest recovery needs; with more they keep each other busy for nothing."""


class Recovery:
    def __init__(self, world: "World") -> None:
        self._world = world
        self._judge = world.judge
        self._why = ""
        self._with_notes = False
        """A seal dated by a clock that ran ahead does not count, so all have one note only from the
        next block on."""
        self._events_max = world.schedule.count + EVENTS_MAX

    def run(self) -> None:
        world = self._world
        world.clients.are_open = False
        world.faults.heal()
        self.until_settled("after the faults")
        self._look_at_views()
        self.until_settled("after views that do not check were made again")
        self._with_notes = True
        written = world.history.counts["writes"]
        while world.history.counts["writes"] == written:  # A client may give up.
            self._ask_all()
            self.until_settled("after one more write and a read of everybody")
        self.check_times()
        self.check_views()
        self.check_calm()
        world.history.check()

    def until_settled(self, when: str) -> None:
        schedule = self._world.schedule
        until_us = schedule.now_us + PATIENCE * self._world.setting.election_us
        while not self._is_settled():
            if schedule.now_us > until_us:
                self._judge.broken(Invariant.LIVENESS, f"{when}: {self._why}")
                return
            self._pass(LOOK_US)

    def _pass(self, duration_us: int) -> None:
        schedule = self._world.schedule
        until_us = schedule.now_us + duration_us
        while schedule.now_us < until_us and schedule.step():
            if schedule.count > self._events_max:
                self._judge.broken(Invariant.LIVENESS, "they keep each other busy for nothing")
                return

    def _is_settled(self) -> bool:
        world = self._world
        machines = list(world.machines.values())
        late = [m for m in machines if not m.joining.is_done]
        if late:
            self._why = ", ".join(f"{m.name} is not {m.joining.wanted.value} yet" for m in late)
        elif world.clients.under_way:
            self._why = f"{world.clients.under_way} operations are not answered"
        else:
            self._why = self._difference(_taking_part(world))
        return not self._why

    def _difference(self, machines: "list[Machine]") -> str:
        cores = [each.member.driver.raft for each in machines if each.member is not None]
        leaders = [core for core in cores if core.role is Role.LEADER]
        if len(leaders) != 1 or any(core.leader != leaders[0].id for core in cores):
            return f"leaders: {[f'{core.id} says {core.leader}' for core in cores]}"
        ends = {(core.term, core.last_index, core.log.last_term, core.commit) for core in cores}
        if len(ends) != 1:
            return f"logs end at (term, last index, last term, commit) {sorted(ends)}"
        chains = {(m.applied, m.store.chain.block_hash) for m in _members(machines)}
        if len(chains) != 1 or next(iter(chains))[0] != cores[0].commit:
            return f"chains end at {sorted(height for height, _ in chains)}"
        return self._seals_differ(machines)

    def _seals_differ(self, machines: "list[Machine]") -> str:
        members = _members(machines)
        sealed = {
            member.name: member.ledger.sealing.last.size if member.ledger.sealing.last else 0
            for member in members
        }
        size = members[0].store.chain.size
        if set(sealed.values()) != {size}:
            return f"the tree has {size} leaves, sealed are {sealed}"
        notes = {member.ledger.sealing.note for member in members}
        published = {note.size if note else 0 for note in notes}
        enough = len(members) >= self._world.setting.quorum
        if self._with_notes and enough and published != {size}:
            return f"the tree has {size} leaves, published are {published}"
        return ""

    def _ask_all(self) -> None:
        clients = self._world.clients
        clients.write()
        for machine in _taking_part(self._world):
            clients.read(None, machine)

    def check_times(self) -> None:
        """All clocks are right by now, so is what was written last."""
        time_ms = self._world.chain.chains[-1].time_ms
        off_ms = time_ms - (START_MS + self._world.schedule.now_us // MS)
        patience_ms = PATIENCE * self._world.setting.election_us // MS
        if not -patience_ms <= off_ms <= SKEW_MS:
            self._judge.broken(Invariant.TIME, f"the last block is {off_ms} ms off")

    def _look_at_views(self) -> None:
        """Who finds that its views do not check makes them again."""
        for member in _members(list(self._world.machines.values())):
            with suppress(NodeError):
                for identity in self._world.chain.positions:
                    member.find(identity)

    def check_views(self) -> None:
        """Every member finds every statement where it stands."""
        for member in _members(list(self._world.machines.values())):
            for identity, position in self._world.chain.positions.items():
                if (found := member.find(identity)) != position:
                    what = f"{member.name} finds {identity.hex()[:16]} at {found}, not {position}"
                    self._judge.broken(Invariant.CLIENT_TRUTH, what)

    def check_calm(self) -> None:
        world = self._world
        elections, terms = world.watch.elections, self._terms()
        self._pass(CALM * world.setting.election_us)
        if (world.watch.elections, self._terms()) != (elections, terms):
            self._judge.broken(Invariant.STABILITY, f"terms were {terms}, are {self._terms()}")

    def _terms(self) -> list[int]:
        return [m.driver.raft.term for m in _members(list(self._world.machines.values()))]


def _taking_part(world: "World") -> "list[Machine]":
    return [each for each in world.machines.values() if not each.joining.is_out]


def _members(machines: "list[Machine]") -> "list[Member]":
    return [each.member for each in machines if each.member is not None]
