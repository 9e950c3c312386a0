"""One member at work: what `node.member.participant` does, without asyncio.

    propose:  records -> replica ... agreed ... -> ledger (apply, seal) -> seals to the others
    read:     confirmed by the replica -> applied that far -> what the ledger has

The ledger, its views and its seals are the real ones. They are changed by one worker, whose jobs
take the time of a write and run one after the other.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Protocol

from consensus.journal import JournalError
from consensus.messages import Entry, Message, Position, ReplicaId, Voter
from consensus.proposals import Unknown
from consensus.quorum import Tally, tally
from devnet.sim.cast import log_signer, member_of, witness_signer
from devnet.sim.chance import Stream
from devnet.sim.driver import Driver, Edge, Then, Witness
from devnet.sim.exchange import Exchange, Neighbour, Seals
from devnet.sim.medium import PowerCut
from devnet.sim.network import Network
from devnet.sim.schedule import MS, SECOND, Life, Schedule
from devnet.sim.setting import Setting
from node.chain.apply import Applied, Chain, Outcome, Taken
from node.errors import Corrupt, NodeError, Unavailable
from node.evidence.record import format_block
from node.member.directory import Directory
from node.member.ledger import Ledger
from node.member.participant import CHUNK_BLOCKS
from node.seals.freshness import pulled
from node.seals.sealing import SentSeal, Step

RETRY_US = 200 * MS
ASK_AGAIN_US = 2 * SECOND
POLL_US = SECOND
"""How often a member looks whether its clock is right and its seal is old."""

Identity = bytes
Record = tuple[Identity, bytes]


class ChainWitness(Protocol):
    """Who watches the ledger (`chain_watch`)."""

    def started(self, member: str, chain: Chain, last: SentSeal | None) -> None:
        """A start found this state, and this as its last seal."""

    def applied(self, member: str, blocks: Sequence[Applied]) -> None: ...

    def told(self, member: str, step: Step) -> None:
        """This is on the disk and about to be told."""


class Host(Edge, Protocol):
    """The machine a member runs on."""

    name: str

    def hand_in(self, name: str, what: "Callable[[Member], None]") -> None:
        """Have it taken in by the member that runs on that machine then, if one does."""

    def note(self, what: str) -> None:
        """Into the trace."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What everything in one run shares."""

    schedule: Schedule
    network: Network
    setting: Setting
    witness: Witness
    chain_witness: ChainWitness
    describe: Callable[[Message], str]


@dataclass(frozen=True, slots=True)
class Size:
    """An answer: how many leaves there are."""

    size: int


@dataclass(frozen=True, slots=True)
class Place:
    """An answer: where a statement stands, or None."""

    position: int | None


class Member:
    """From a start of the process to its end."""

    def __init__(
        self, host: Host, around: Surroundings, directory: Directory, stream: Stream, life: Life
    ) -> None:
        self.host = host
        self.life = life
        self.name = host.name
        self.store = directory.store
        self.ledger = Ledger(
            self.name,
            log_signer(self.name),
            witness_signer(self.name),
            directory.journal,
            directory.store,
            directory.seals,
        )
        around.chain_witness.started(self.name, self.store.chain, self.ledger.sealing.last)
        self.is_sealing = False
        self._around = around
        self._schedule = around.schedule
        self._waiting: list[Entry] = []
        self._jobs: deque[Callable[[], None]] = deque()
        self._working = False
        self._proposed: dict[int, tuple[Sequence[Record], Then]] = {}
        self._reads: list[tuple[int, Then]] = []
        self._caught_up_at: int | None = None
        self._may_begin = False
        self.driver = Driver(
            directory.journal, self, host, around.witness, around.setting, self._schedule, stream
        )
        self.exchange = Exchange(self, self._schedule, stream, life)
        self._schedule.after(0, self._catch_up, life)
        self._schedule.after(POLL_US, self._poll_clock, life)

    @property
    def replica_id(self) -> ReplicaId:
        return self.driver.raft.id

    @property
    def applied(self) -> int:
        return self.store.chain.height

    def note(self, what: str) -> None:
        self.host.note(f"{self.replica_id}: {what}")

    # For clients. `then` gets a result or the exception in its place.

    def propose(self, records: Sequence[Record], then: Then) -> None:
        """Have these agreed on and applied; answers with their leaf indexes."""
        try:
            self.check_serving()
            known = [self.find(identity) for identity, _ in records]
        except NodeError as error:
            then(error)
            return
        if None not in known:
            then(known)
            return
        data = format_block([record for _, record in records])
        self.driver.propose(data, partial(self._agreed, records, then))

    def read(self, wanted: Identity | None, then: Then) -> None:
        """Answers with the place of a statement, or with the size, once nothing is missing here
        that was acknowledged before, by anyone."""
        self.driver.read_index(partial(self._confirmed, partial(self._show, wanted, then)))

    def find(self, identity: Identity) -> int | None:
        """The leaf index of a statement. Views that do not check end the process."""
        try:
            position = self.store.find_statement(identity)
        except NodeError as error:
            self.host.failed(error)
            raise
        return None if position is None else position.leaf_index

    def check_serving(self) -> None:
        """As `participant.check_serving`: raise unless what this member knows reaches as far as
        what it has sealed."""
        sealing = self.ledger.sealing
        if sealing.halted:
            raise Corrupt(sealing.halted)
        if sealing.last is not None and sealing.last.size > self.store.chain.size:
            raise Unavailable(f"views reach {self.store.chain.size} of {sealing.last.size} sealed")

    def _agreed(self, records: Sequence[Record], then: Then, answer: object) -> None:
        if not isinstance(answer, Position):
            then(answer)
        elif answer.index <= self.applied:
            then(Unknown(f"block {answer.index} was applied before its proposal was answered"))
        else:
            self._proposed[answer.index] = (records, then)

    def _confirmed(self, then: Then, answer: object) -> None:
        if not isinstance(answer, int) or answer <= self.applied:
            then(answer)
        else:
            self._reads.append((answer, then))

    def _show(self, wanted: Identity | None, then: Then, answer: object) -> None:
        if isinstance(answer, int):
            try:
                self.check_serving()
                answer = Size(self.store.chain.size) if wanted is None else Place(self.find(wanted))
            except NodeError as error:
                answer = error
        then(answer)

    # For the replica (`driver.Owner`) and the network.

    def has_room(self) -> bool:
        return len(self._waiting) < self._around.setting.waiting_blocks

    def deliver(self, entries: Sequence[Entry]) -> None:
        if not self._waiting:
            self._work(self._apply)
        self._waiting += entries

    def send(self, voter: Voter, messages: Sequence[Message]) -> None:
        single = self._around.setting.single_messages and len(messages) > 1
        for parcel in [[each] for each in messages] if single else [messages]:
            arrive = partial(_receive, self.replica_id, parcel)
            self._around.network.send(
                self.name,
                member_of(voter.id),
                partial(self.host.hand_in, member_of(voter.id), arrive),
            )

    def receive(self, sender: ReplicaId, messages: Sequence[Message]) -> None:
        """A parcel from another replica."""
        what = ", ".join(map(self._around.describe, messages))
        self.host.note(f"{self.replica_id} <- {sender}: {what}")
        self.driver.receive(messages)

    # For the exchange (`exchange.Owner`).

    def others(self) -> list[Voter]:
        return [each for each in self.driver.raft.acquaintances if each.id != self.replica_id]

    def seen_size(self, member: str) -> int:
        seal = self.ledger.sealing.newest.get(member)
        return seal.size if seal else 0

    def pulled(self, above_size: int, member: str) -> tuple[list[SentSeal], SentSeal | None]:
        return pulled(self.ledger.sealing, above_size, member)

    def take_seals(self, seals: Seals, then: Callable[[], None]) -> None:
        self._work(partial(self._take_seals, seals, then))

    def to(self, name: str, what: Callable[[Neighbour], None]) -> None:
        self._around.network.send(self.name, name, partial(self.host.hand_in, name, what))

    # The worker that changes the ledger.

    def interrupt(self) -> None:
        """The power fails now: what was on its way to the disk is put there, and nobody is told."""
        self.driver.writer.interrupt()
        self.life.is_over = True
        self._proposed.clear()
        self._reads.clear()
        if self._working:
            with suppress(PowerCut, NodeError, JournalError):
                for job in list(self._jobs):
                    job()

    def _work(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        if not self._working:
            self._begin_work()

    def _begin_work(self) -> None:
        self._working = True
        self._schedule.after(self.host.begin_write(), self._finish_work, self.life)

    def _finish_work(self) -> None:
        if stall_us := self.host.disk_stall_us():
            self._schedule.after(stall_us, self._finish_work, self.life)
            return
        self.note("works")
        try:
            for _ in range(len(self._jobs)):
                self._jobs.popleft()()
                if self.life.is_over:
                    return
        except Exception as error:
            self.host.failed(error)
            return
        self._working = False
        if self._jobs:
            self._begin_work()
        self._seal_if_due()
        self.driver.turn()

    def _apply(self) -> None:
        entries, self._waiting = self._waiting, []
        for start in range(0, len(entries), CHUNK_BLOCKS):
            blocks, step = self.ledger.apply(entries[start : start + CHUNK_BLOCKS], self._now_s())
            self._around.chain_witness.applied(self.name, blocks)
            for block in blocks:
                self._answer(block)
            self._tell(step)
        ready = [each for each in self._reads if each[0] <= self.applied]
        self._reads = [each for each in self._reads if each[0] > self.applied]
        for index, then in ready:
            then(index)

    def _answer(self, block: Applied) -> None:
        records, then = self._proposed.pop(block.block.height, ((), None))
        if then is not None:
            outcomes = zip_longest(records, block.outcomes[: len(records)])
            then([self._place(identity, outcome) for (identity, _), outcome in outcomes])

    def _place(self, identity: Identity, outcome: Outcome | None) -> int | None:
        return outcome.leaf_index if isinstance(outcome, Taken) else self.find(identity)

    def _take_seals(self, seals: Seals, then: Callable[[], None]) -> None:
        if seals:
            self._tell(self.ledger.receive(seals, self._now_s()))
        then()

    def _tell(self, step: Step) -> None:
        self._around.chain_witness.told(self.name, step)
        self.exchange.push(step.own)

    def _now_s(self) -> int:
        return -(-self.host.now_ms() // 1000)

    # Sealing begins when this member has caught up and has been told what it sealed, and goes on
    # while the others agree with its clock.

    def _catch_up(self) -> None:
        if self._caught_up_at is None or self._caught_up_at > self.applied:
            self.driver.read_index(self._heard_how_far)

    def _heard_how_far(self, answer: object) -> None:
        if isinstance(answer, int):
            known = self._caught_up_at
            self._caught_up_at = answer if known is None else min(answer, known)
            self._seal_if_due()
        again_us = ASK_AGAIN_US if isinstance(answer, int) else RETRY_US
        self._schedule.after(again_us, self._catch_up, self.life)

    def _poll_clock(self) -> None:
        self._seal_if_due()
        self._schedule.after(POLL_US, self._poll_clock, self.life)

    def _seal_if_due(self) -> None:
        if self._working or not (self._may_begin or self._is_told()):
            return
        self._may_begin = True
        is_right = not self.driver.raft.clock_off_ms
        if is_right and not self.is_sealing:
            self.is_sealing = True
            self._work(lambda: self._tell(self.ledger.start_sealing(self._now_s())))
        elif self.is_sealing and is_right and self.ledger.sealing.is_due(self._now_s()):
            self._work(lambda: self._tell(self.ledger.refresh(self._now_s())))
        elif self.is_sealing and not is_right:
            self.is_sealing = False
            self._work(self.ledger.stop_sealing)

    def _is_told(self) -> bool:
        """It has caught up, and as many as make a quorum with it have said what it sealed."""
        if self._caught_up_at is None or self._caught_up_at > self.applied:
            return False
        voters = [voter.id for voter in self.driver.raft.configuration.voters]
        answered = dict.fromkeys((self.replica_id, *self.exchange.answered), True)
        return tally(voters, answered) is Tally.WON


def _receive(sender: ReplicaId, messages: Sequence[Message], member: Member) -> None:
    member.receive(sender, messages)
