"""Clients: each does one thing after the other, and some things more than once.

A write is one to three statements in one block. Whoever does not answer in time, or answers that
nobody knows, is asked again or another is, with the same bytes, until the statements are
acknowledged. A client gives up only before anyone could have proposed them, or after every try was
refused for certain; then they must never appear. Reads go to any member and must miss nothing that
was acknowledged before.

Clients reach every machine at all times, also one that is cut off from the others: the leader of
yesterday must find out by itself that it leads nobody.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from consensus.proposals import Busy, DiskFull, Dropped, NotLeader
from devnet.sim.cast import member_of, statement
from devnet.sim.chance import happens, interval_us
from devnet.sim.driver import Then
from devnet.sim.history import History
from devnet.sim.member import Member, Place, Record, Size
from devnet.sim.schedule import MS, Life
from node.errors import Corrupt, Unavailable

if TYPE_CHECKING:
    from devnet.sim.machine import Machine
    from devnet.sim.world import World

LATENCY_US = MS
PAUSE_US = 150 * MS
"""Before another try, in the mean."""
GIVE_UP = 0.1
"""How often a client gives up when nothing can have happened."""
GIVE_UP_DROPPED = 0.5
"""The same when something could have, and it is told for certain that it never will."""
WALK_AWAY = 0.02
"""How often a client does not come back for an answer that nobody knows."""
GARBAGE: Record = (b"", b"no record at all")
"""Among the records of a write now and then: all members must skip it alike."""

CERTAIN = (NotLeader, Busy, DiskFull, Dropped, Corrupt, Unavailable)
"""Answers after which this try, for certain, has put nothing on the chain."""


class Clients:
    """All clients of a run."""

    def __init__(self, world: "World", history: History) -> None:
        self.world = world
        self.history = history
        self.stream = world.chance.stream("clients")
        self.are_open = True
        """New operations are begun."""
        self.under_way = 0
        self.leader: str | None = None
        """Who leads, as far as anybody was told."""
        self.statements: list[bytes] = []

    def start(self) -> None:
        for _ in range(self.world.setting.clients):
            self._think()

    def _think(self) -> None:
        delay_us = interval_us(self.stream, self.world.setting.think_us)
        self.world.schedule.after(delay_us, self._act)

    def _act(self) -> None:
        if not self.are_open:
            return
        if happens(self.stream, 0.4):
            self.write()
        else:
            for _ in range(self.stream.choice((0, 1, 3, 4))):
                self.read(None)
            self.read(self._think)

    def hurry(self, machine: "Machine", count: int) -> None:
        """So many more clients write once each, and ask this one first."""
        self.leader = machine.name
        for _ in range(count if self.are_open else 0):
            _Write(self, [self._begin()], None)

    def write(self) -> None:
        """One to three statements that nobody has deposited yet."""
        records = [self._begin() for _ in range(self.stream.choice((1, 2, 3)))]
        if happens(self.stream, 0.05):
            records.insert(self.stream.randrange(len(records) + 1), GARBAGE)
        _Write(self, records, self._think)

    def read(self, then: Callable[[], None] | None, machine: "Machine | None" = None) -> None:
        """The size of the tree, or where one statement stands, at this machine or at any."""
        machine = machine or self.stream.choice(list(self.world.machines.values()))
        wanted = self.stream.choice(self.statements) if self.statements else None
        _Read(self, machine, wanted if happens(self.stream, 0.5) else None, then)

    def _begin(self) -> Record:
        identity, record = statement(len(self.statements))
        self.statements.append(identity)
        self.history.begin(identity, self.world.schedule.now_us)
        return identity, record


class _Operation:
    """One thing a client does, with all its tries."""

    def __init__(self, clients: Clients, then: Callable[[], None] | None) -> None:
        self.clients = clients
        self.world = clients.world
        self._then = then
        self._try = Life()
        self.invoked_us = self.world.schedule.now_us
        clients.under_way += 1

    def ask(self, machine: "Machine", what: Callable[[Member, Then], None]) -> None:
        """One try: exactly one call of `answered` follows."""
        self._try = life = Life()
        schedule = self.world.schedule
        patience_us = self.world.setting.patience_us
        schedule.after(patience_us, partial(self._take, life, TimeoutError()), life)
        schedule.after(LATENCY_US, partial(self._arrive, machine, what, life))

    def answered(self, answer: object) -> None:
        raise NotImplementedError

    def answered_late(self, answer: object) -> None:
        """Nobody waits for this any more; it must be true all the same."""

    def done(self) -> None:
        self.clients.under_way -= 1
        if self._then is not None:
            self._then()

    def _arrive(self, machine: "Machine", what: Callable[[Member, Then], None], life: Life) -> None:
        if machine.member is None:
            self._return(life, NotLeader(None, None))
        else:
            machine.arrive(lambda member: what(member, partial(self._return, life)))

    def _return(self, life: Life, answer: object) -> None:
        if life.is_over:
            self.answered_late(answer)
        else:
            self.world.schedule.after(LATENCY_US, partial(self._take, life, answer), life)

    def _take(self, life: Life, answer: object) -> None:
        life.is_over = True
        if life is self._try:
            self.answered(answer)


class _Write(_Operation):
    def __init__(
        self, clients: Clients, records: Sequence[Record], then: Callable[[], None] | None
    ) -> None:
        super().__init__(clients, then)
        self._records = records
        self._in_doubt = False
        self._propose()

    def _propose(self) -> None:
        machines = self.world.machines
        name = self.clients.leader
        if name is None or happens(self.clients.stream, self.world.setting.astray):
            name = self.clients.stream.choice(list(machines))
        self.ask(machines[name], lambda member, then: member.propose(self._records, then))

    def answered(self, answer: object) -> None:
        clients, now_us = self.clients, self.world.schedule.now_us
        if isinstance(answer, list):
            self.world.trace.note(f"client has {answer}")
            for (identity, _), position in zip(self._records, answer, strict=True):
                if identity:
                    clients.history.acknowledged(identity, position, now_us)
            self.done()
            return
        self._in_doubt |= not isinstance(answer, CERTAIN)
        leader = answer.leader if isinstance(answer, NotLeader) else None
        clients.leader = member_of(leader) if leader is not None else None
        give_up = GIVE_UP_DROPPED if isinstance(answer, Dropped) else GIVE_UP
        if happens(clients.stream, WALK_AWAY if self._in_doubt else give_up):
            if not self._in_doubt:
                for identity, _ in self._records:
                    if identity:
                        clients.history.refused(identity, now_us)
            self.done()
        else:
            pause_us = 1 if leader is not None else interval_us(clients.stream, PAUSE_US)
            self.world.schedule.after(pause_us, self._propose)

    def answered_late(self, answer: object) -> None:
        if isinstance(answer, list):
            for (identity, _), position in zip(self._records, answer, strict=True):
                if identity:
                    self.clients.history.told(identity, position)


class _Read(_Operation):
    def __init__(
        self,
        clients: Clients,
        machine: "Machine",
        wanted: bytes | None,
        then: Callable[[], None] | None,
    ) -> None:
        super().__init__(clients, then)
        self._wanted = wanted
        self._least = clients.history.acknowledged_size
        self.ask(machine, lambda member, then: member.read(wanted, then))

    def answered(self, answer: object) -> None:
        history, now_us = self.clients.history, self.world.schedule.now_us
        if isinstance(answer, Size):
            history.read_size(self.invoked_us, now_us, answer.size, self._least)
        elif isinstance(answer, Place):
            assert self._wanted is not None
            history.looked_up(self._wanted, self.invoked_us, now_us, answer.position)
        self.done()
