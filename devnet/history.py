"""What the clients of a devnet did and were told, and whether all of it holds.

    async with History(cluster) as history:     # clients deposit and look up, again and again
        await history.more(50)                  # whatever is done to the processes meanwhile
        ...
    findings = await examine(cluster, history)  # stops the members, reads their disks

Depositors repeat a request under its key until it is answered, also those under way when the block
ends; so every deposit ever sent has its number, and what else stands on the chain is one too many.
Readers ask gateways, and members directly, for numbers that were answered and for such that were
not given out yet. A question that nobody answered says nothing and is not kept.

All times are of this process's monotonic clock.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from devnet.cluster import Cluster, ClusterError
from devnet.linearizable import Append, LookUp, NotLinearizable, Operation, ReadSize, check
from devnet.load import DONE, REPEAT_S, Client, until_answered
from node.chain.store import Store
from node.config import load_member
from node.evidence.merkle import leaf_hash
from node.evidence.number import format_number, parse_number
from node.evidence.record import parse_genesis
from node.gateway.members.client import CannotCheck

RECENT = 50
"""Readers ask for one of so many newest numbers: old ones can only be lost, which is looked for at
the end."""
AHEAD = 3
"""How far beyond the newest number readers ask."""
PAUSE_S = 0.1
"""How long a client rests after each answer: faults want some clients at work, not a full load."""
AGREE_S = 60.0
"""How long members may take to apply the same blocks once nothing is done to them any more."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """A deposit, from its first request to the answer that named its place."""

    name: str
    sent_s: float
    answered_s: float
    number: str
    entry_hash: bytes


@dataclass(frozen=True, slots=True)
class Looked:
    """An answered look-up: the entry that was found under the number, or that there was none, and
    how many entries the chain had."""

    number: str
    sent_s: float
    answered_s: float
    entry_hash: bytes | None
    size: int


class History:
    """Clients at work while the block runs; what they were told, at the end of it."""

    def __init__(
        self,
        cluster: Cluster,
        depositors: int = 4,
        readers: int = 2,
        name: str = "d",
        seed: int = 1,
        pause_s: float = PAUSE_S,
    ) -> None:
        """Every other depositor waits for the seals, the others for the commit only."""
        self.deposits: list[Deposited] = []
        self.looks: list[Looked] = []
        self._cluster = cluster
        self._name = name
        self._depositors = depositors
        self._readers = readers
        self._seed = seed
        self._pause_s = pause_s
        self._stopping = False
        self._more = asyncio.Condition()
        self._group = asyncio.TaskGroup()
        self._clients: list[Client] = []

    async def __aenter__(self) -> History:
        await self._group.__aenter__()
        for number in range(self._depositors):
            wait = "committed" if number % 2 else "final"
            self._group.create_task(self._deposit(self._client(number), number, wait))
        for number in range(self._readers):
            self._group.create_task(self._look_up(self._client(number), number))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            for client in self._clients:
                client.close()

    async def more(self, count: int) -> None:
        """Wait until so many more deposits are answered that are sent from now on."""
        start_s, known = time.monotonic(), len(self.deposits)

        def enough() -> bool:
            return sum(each.sent_s >= start_s for each in self.deposits[known:]) >= count

        async with self._more:
            await self._more.wait_for(enough)

    def _client(self, number: int) -> Client:
        cluster = self._cluster
        url = cluster.gateway_url(number % len(cluster.gateways))
        self._clients.append(Client(url, cluster.api_key))
        return self._clients[-1]

    async def _deposit(self, client: Client, depositor: int, wait: str) -> None:
        number = 0
        while not self._stopping:
            number += 1
            name = f"{self._name}-{depositor}-{number}"
            sent_s = time.monotonic()
            answer = await until_answered(lambda: client.anchor(name, wait))  # noqa: B023
            answered_s, value = time.monotonic(), answer.value
            entry_hash = bytes.fromhex(value["entry_hash"])
            deposited = Deposited(name, sent_s, answered_s, value["evidence_no"], entry_hash)
            async with self._more:
                self.deposits.append(deposited)
                self._more.notify_all()
            await asyncio.sleep(self._pause_s)

    async def _look_up(self, client: Client, reader: int) -> None:
        chance = random.Random(f"{self._seed} {reader}")  # noqa: S311 (repeats, hides nothing)
        while not self._stopping:
            if (number := self._draw(chance)) is None:
                await asyncio.sleep(REPEAT_S)
            elif chance.random() < 0.5:
                await self._ask_gateway(client, number)
            else:
                await self._ask_member(chance.choice(self._cluster.members), number)
            await asyncio.sleep(self._pause_s)

    def _draw(self, chance: random.Random) -> str | None:
        if not self.deposits:
            return None
        if chance.random() < 0.5:
            return chance.choice(self.deposits[-RECENT:]).number
        _, ordinal = parse_number(self.deposits[-1].number)
        return format_number(time.time_ns() // 1_000_000, ordinal + chance.randint(1, AHEAD))

    async def _ask_gateway(self, client: Client, number: str) -> None:
        sent_s = time.monotonic()
        try:
            answer = await client.ask("GET", f"/v1/evidence/{number}")
        except OSError:
            await asyncio.sleep(REPEAT_S)
            return
        if answer.status in DONE:
            value = answer.value
            found = bytes.fromhex(value["deposit"]["entry_hash"]) if value["found"] else None
            self._note(number, sent_s, found, value["searched"]["size"])

    async def _ask_member(self, member: str, number: str) -> None:
        """As a gateway would that knows no other member: it must not answer what it cannot know."""
        sent_s, (_, ordinal) = time.monotonic(), parse_number(number)
        try:
            search = await self._cluster.link(member).find(ordinal=ordinal)
        except CannotCheck:
            return
        hashes = [
            leaf_hash(each.placed.entry_bytes)
            for each in search.found
            if each.placed.statement.number(each.item_index) == number
        ]
        self._note(number, sent_s, hashes[0] if hashes else None, search.size)

    def _note(self, number: str, sent_s: float, entry_hash: bytes | None, size: int) -> None:
        self.looks.append(Looked(number, sent_s, time.monotonic(), entry_hash, size))


# At the end


@dataclass(frozen=True, slots=True)
class Standing:
    """A deposit as a member's disk has it."""

    number: str
    entry_hash: bytes
    leaf_index: int


@dataclass(frozen=True, slots=True)
class Findings:
    """How many deposits were acknowledged, and all that is wrong; nothing else should be there."""

    acknowledged: int
    lost: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    non_linearizable: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


async def examine(cluster: Cluster, history: History) -> Findings:
    """Whether every member has every acknowledged deposit under its number, no deposit twice, and
    one moment can be given to every answer. Stops the members, who all must run."""
    other = await agree(cluster)
    await cluster.stop()
    logs = {member: read_log(cluster, member) for member in cluster.members}
    return judge(history.deposits, history.looks, logs, other)


def judge(
    deposits: Sequence[Deposited],
    looks: Sequence[Looked],
    logs: Mapping[str, Mapping[int, Standing]],
    other: Sequence[str] = (),
) -> Findings:
    """What is wrong with these answers, given the logs of all members by ordinal."""
    lost = [
        f"{each.name}, answered as {each.number}, is not at {member}"
        for member, log in logs.items()
        for each in deposits
        if not _stands(each, log)
    ]
    answered = {each.number for each in deposits}
    duplicated = [
        f"{standing.number} at {member} was answered to nobody"
        for member, log in logs.items()
        for standing in log.values()
        if standing.number not in answered
    ]
    log = next(iter(logs.values()))
    non_linearizable = []
    try:
        check(
            [(each.entry_hash, each.leaf_index) for each in log.values()],
            list(_operations(deposits, looks, log)),
        )
    except NotLinearizable as error:
        non_linearizable.append(str(error))
    return Findings(
        len(deposits), tuple(lost), tuple(duplicated), tuple(non_linearizable), tuple(other)
    )


def read_log(cluster: Cluster, member: str) -> dict[int, Standing]:
    """All deposits on the disk of a member that does not run, by their ordinals."""
    genesis = parse_genesis(cluster.places.genesis.read_bytes())
    views = load_member(cluster.places.settings(member)).data / "views"
    store = Store(views, genesis)
    log = {}
    try:
        for ordinal in range(store.chain.next_ordinal):
            if (found := store.find_ordinal(ordinal)) is not None:
                position, _ = found
                log[ordinal] = Standing(
                    format_number(position.time_ms, ordinal),
                    leaf_hash(position.entry),
                    position.leaf_index,
                )
    finally:
        store.close()
    return log


def _stands(deposit: Deposited, log: Mapping[int, Standing]) -> bool:
    _, ordinal = parse_number(deposit.number)
    standing = log.get(ordinal)
    return standing is not None and (standing.number, standing.entry_hash) == (
        deposit.number,
        deposit.entry_hash,
    )


def _operations(
    deposits: Iterable[Deposited], looks: Iterable[Looked], log: Mapping[int, Standing]
) -> Iterable[Operation]:
    """The history in the words of `linearizable`: positions are those of the leaves of the tree,
    of which a look-up tells the size too."""
    for each in deposits:
        _, ordinal = parse_number(each.number)
        position = log[ordinal].leaf_index if ordinal in log else None
        yield Append(each.entry_hash, each.sent_s, each.answered_s, position)
    for look in looks:
        yield ReadSize(look.sent_s, look.answered_s, look.size)
        _, ordinal = parse_number(look.number)
        standing = log.get(ordinal)
        if look.entry_hash is not None:
            position = standing.leaf_index if standing is not None else -1
            yield LookUp(look.entry_hash, look.sent_s, look.answered_s, position)
        elif standing is not None and standing.number == look.number:
            # Another number of this ordinal, with the date of another day, never stood there.
            yield LookUp(standing.entry_hash, look.sent_s, look.answered_s, None)


async def agree(cluster: Cluster) -> list[str]:
    """Wait until all members have applied the same blocks; what is strange about them then."""
    deadline = time.monotonic() + AGREE_S
    while True:
        statuses = await cluster.statuses()
        told = [status for status in statuses.values() if status is not None]
        if len(told) == len(statuses) and len({each.applied for each in told}) == 1:
            break
        if time.monotonic() > deadline:
            raise ClusterError(f"members do not come to agree within {AGREE_S:.0f} s: {statuses}")
        await asyncio.sleep(REPEAT_S)
    if len({(each.size, each.root) for each in told}) > 1:
        return ["members have different trees of one height"]
    return [f"{each.member}: {alarm}" for each in told for alarm in each.alarms]
