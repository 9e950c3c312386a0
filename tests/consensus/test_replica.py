"""The replica around the core: real journals and threads, and a network of a few lines."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consensus import raft
from consensus.delivery import WAITING_BYTES_MAX
from consensus.disk import REAL_DISK, Disk, RealDisk
from consensus.journal import (
    RESERVE_BYTES,
    Journal,
    RolledBack,
    StorageCorrupt,
    StorageFailed,
)
from consensus.messages import (
    DATA_BYTES_MAX,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    HeartbeatRequest,
    Message,
    Position,
    Voter,
)
from consensus.proposals import (
    Busy,
    DiskFull,
    Dropped,
    NotLeader,
    Unavailable,
    Unknown,
)
from consensus.raft import ChangeRefused
from consensus.ready import Role
from consensus.replica import CONTRADICTIONS_MAX, Replica

IDS = [f"{name}/{'0' * 15}1" for name in ("court", "forensic", "notary")]

pytestmark = pytest.mark.anyio


class Network:
    """Carries everything at once, except to and from those who are cut off."""

    def __init__(self) -> None:
        self.ends: dict[str, Local] = {}
        self.cut: set[str] = set()
        self.sent: list[Message] = []

    def carry(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.sent.append(message)
            end = self.ends.get(message.recipient)
            if end is not None and not self.cut & {message.sender, message.recipient}:
                asyncio.get_running_loop().call_soon(end.receive, [message])


class Local:
    """Stands where Peers stands."""

    def __init__(self, network: Network, replica_id: str) -> None:
        self.replica_id = replica_id
        self.network = network
        self.connected: set[str] = set()
        self.receive: Callable[[Sequence[Message]], None] = lambda _: None

    def configure(self, members: Sequence[Voter]) -> None:
        self.known = [voter.id for voter in members]

    def send(self, messages: Iterable[Message]) -> None:
        self.network.carry(messages)

    async def run(self, receive: Callable[[Sequence[Message]], None]) -> None:
        self.receive = receive
        self.network.ends[self.replica_id] = self
        try:
            await asyncio.Event().wait()
        finally:
            self.network.ends.pop(self.replica_id, None)


class Member:
    """A replica with its journal and what it applied."""

    def __init__(
        self, network: Network, directory: Path, disk: Disk = REAL_DISK, **options: Any
    ) -> None:
        self.journal = Journal(directory, disk)
        self.applied: list[Entry] = []
        self.may_apply = asyncio.Event()
        self.may_apply.set()
        self.replica = Replica(
            self.journal,
            Local(network, self.journal.replica_id),  # type: ignore[arg-type]
            proposer=self.journal.replica_id.partition("/")[0],
            version="0.1.0",
            apply=self.apply,
            **({"tick_ms": 10} | options),
        )

    async def apply(self, entries: Sequence[Entry]) -> None:
        await self.may_apply.wait()
        self.applied += entries

    @property
    def leads(self) -> bool:
        return self.replica.status().role is Role.LEADER

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Member"]:
        task = asyncio.create_task(self.replica.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.journal.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of events
            await asyncio.sleep(0.002)


# For tests in which a busy disk must not look like a hung one.
PATIENT = {"election_ticks": 2000}


async def elect(member: Member) -> None:
    member.replica._raft._elapsed = 2 * PATIENT["election_ticks"]
    await until(lambda: member.leads and member.applied)


def bootstrap(tmp_path: Path, ids: Sequence[str]) -> list[Path]:
    configuration = Configuration(tuple(Voter(i, f"{i[:5]}:1", i.encode()) for i in ids))
    directories = [tmp_path / i.partition("/")[0] for i in ids]
    for directory, replica_id in zip(directories, ids, strict=True):
        Journal.bootstrap(directory, replica_id, configuration)
    return directories


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    return bootstrap(tmp_path, IDS[:1])[0]


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[tuple[Network, list[Member]]]:
    network = Network()
    members = [Member(network, directory) for directory in bootstrap(tmp_path, IDS)]
    async with members[0].running(), members[1].running(), members[2].running():
        await until(lambda: any(member.leads for member in members))
        yield network, members


def leader_of(members: list[Member]) -> Member:
    return max((m for m in members if m.leads), key=lambda m: m.replica.status().term)


async def agree(
    members: list[Member], propose: Callable[[Replica], Awaitable[Position]]
) -> Position:
    """As a patient caller does it: again, until somebody leads."""
    async with asyncio.timeout(20):
        while True:
            with suppress(NotLeader, Dropped, Unknown, ChangeRefused, ValueError):
                return await propose(leader_of(members).replica)
            await asyncio.sleep(0.01)


async def propose(members: list[Member], data: bytes) -> Position:
    return await agree(members, lambda replica: replica.propose(data))


async def test_alone_it_elects_itself_and_recovers_everything(alone: Path) -> None:
    async with Member(Network(), alone).running() as member:
        await until(lambda: member.leads)
        positions = [await member.replica.propose(b"%d" % n) for n in range(5)]
        assert [position.index for position in positions] == [2, 3, 4, 5, 6]
        await until(lambda: len(member.applied) == 6)
        assert [entry.data for entry in member.applied] == [b"", b"0", b"1", b"2", b"3", b"4"]
        assert {(entry.proposer, entry.version) for entry in member.applied} == {("court", "0.1.0")}
        term = member.replica.status().term
    async with Member(Network(), alone, applied=4).running() as member:
        await until(lambda: member.leads and len(member.applied) == 3)
        assert [entry.data for entry in member.applied] == [b"3", b"4", b""]
        assert member.replica.status().term == term + 1
        assert await member.replica.read_index() == 7


async def test_an_application_ahead_of_its_journal_does_not_start(alone: Path) -> None:
    journal = Journal(alone)
    peers: Any = Local(Network(), journal.replica_id)
    with pytest.raises(StorageCorrupt, match="it ends at entry 0, but 3 was applied"):
        Replica(journal, peers, proposer="court", version="", apply=_no_apply, applied=3)
    journal.close()


async def _no_apply(entries: Sequence[Entry]) -> None:
    raise AssertionError("nothing was committed")


async def test_three_agree(three: tuple[Network, list[Member]]) -> None:
    _, members = three
    positions = await asyncio.gather(*(propose(members, b"%d" % n) for n in range(50)))
    assert len(set(positions)) == 50
    last = max(position.index for position in positions)
    await until(lambda: all(m.replica.status().applied >= last for m in members))
    assert members[0].applied == members[1].applied == members[2].applied
    for member in members:
        assert await member.replica.read_index() >= last


async def test_who_does_not_lead_says_who_does(three: tuple[Network, list[Member]]) -> None:
    _, members = three
    leader = leader_of(members)
    follower = next(member for member in members if not member.leads)
    await until(lambda: follower.replica.status().leader)
    with pytest.raises(NotLeader) as caught:
        await follower.replica.propose(b"x")
    assert caught.value.leader == leader.replica.status().id
    assert caught.value.address == f"{caught.value.leader[:5]}:1"


async def test_a_leader_cut_off_answers_unknown_and_the_others_go_on(
    three: tuple[Network, list[Member]],
) -> None:
    network, members = three
    await propose(members, b"first")
    old = leader_of(members)
    network.cut = {old.replica.status().id}
    lost = asyncio.create_task(old.replica.propose(b"lost"))
    reading = asyncio.create_task(old.replica.read_index())
    with pytest.raises(Unavailable):
        await reading
    with pytest.raises(Unknown):
        await lost
    assert not old.leads
    others = [member for member in members if member is not old]
    await until(lambda: any(member.leads for member in others))
    position = await propose(others, b"second")
    network.cut = set()
    await until(lambda: old.replica.status().applied >= position.index)
    assert b"lost" not in [entry.data for entry in old.applied]
    assert old.replica.status().contradictions == 0


async def test_a_flood_of_contradictions_fills_neither_memory_nor_log(
    three: tuple[Network, list[Member]], caplog: pytest.LogCaptureFixture
) -> None:
    """A liar claims to lead the term of the leader, with megabytes in every message."""
    network, members = three
    await propose(members, b"first")
    leader = leader_of(members)
    one, liar = (member.replica.status().id for member in members if member is not leader)
    term = leader.replica.status().term
    entry = Entry(1, term, EntryKind.NORMAL, 0, "liar", "0", bytes(DATA_BYTES_MAX))
    network.carry([AppendRequest(liar, one, term, 0, 0, (entry,), 1)] * (2 * CONTRADICTIONS_MAX))
    victim = next(member.replica for member in members if member.replica.status().id == one)
    await until(lambda: victim.status().contradictions == CONTRADICTIONS_MAX)
    await propose(members, b"second")
    assert len(victim.contradictions) == CONTRADICTIONS_MAX
    assert not any(found.message.entries for found in victim.contradictions)  # type: ignore[union-attr]
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == CONTRADICTIONS_MAX
    assert max(map(len, logged)) < 1_000


async def test_a_proposal_replaced_by_another_leader_is_dropped(
    three: tuple[Network, list[Member]],
) -> None:
    """The cut-off leader comes back before it gives up waiting, and learns what took its place."""
    network, members = three
    old = leader_of(members)
    old.replica._doubt_ticks = 10_000
    network.cut = {old.replica.status().id}
    lost = asyncio.create_task(old.replica.propose(b"lost"))
    others = [member for member in members if member is not old]
    await until(lambda: any(member.leads for member in others))
    await propose(others, b"other")
    network.cut = set()
    with pytest.raises(Dropped):
        await lost


async def test_a_stopped_replica_leaves_nobody_waiting(alone: Path) -> None:
    member = Member(Network(), alone)
    with pytest.raises(NotLeader):
        await member.replica.propose(b"x")
    with pytest.raises(Unavailable):
        await member.replica.read_index()
    release = block_disk(member)
    async with member.running():
        await until(lambda: member.replica.status().role is Role.CANDIDATE)
        release()
        await until(lambda: member.leads)
        release = block_disk(member)
        waiting = asyncio.create_task(member.replica.propose(b"x"))
        await until(lambda: member.replica.status().last_index == 2)
        threading.Timer(0.05, release).start()  # The loop waits for the disk while it stops.
    with pytest.raises(Unknown):
        await waiting


def block_disk(member: Member) -> Callable[[], None]:
    """The disk takes no write until the returned function is called."""
    free = threading.Event()
    append = member.journal.append

    def blocked(hard_state: HardState | None, entries: Sequence[Entry]) -> Any:
        free.wait()
        return append(hard_state, entries)

    member.journal.append = blocked  # type: ignore[method-assign]
    return free.set


async def test_a_reader_that_has_left_is_not_refused(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its future is done; to say so again would end the replica."""

    def busy(_: int) -> None:
        raise raft.Busy

    async with Member(Network(), alone).running() as member:
        await until(lambda: member.leads)
        with monkeypatch.context() as patched:
            patched.setattr(member.replica._raft, "read_index", busy)
            with pytest.raises(Unavailable):
                await member.replica.read_index()
            reading = asyncio.create_task(member.replica.read_index())
            await asyncio.sleep(0)  # It has asked, and the replica has not looked yet.
            reading.cancel()
            await asyncio.wait([reading])
            with pytest.raises(Unavailable):
                await member.replica.read_index()
        assert await member.replica.read_index() == 1


async def test_too_much_uncommitted_is_refused(alone: Path) -> None:
    async with Member(Network(), alone, **PATIENT).running() as member:
        await elect(member)
        release = block_disk(member)
        block = bytes(DATA_BYTES_MAX)
        waiting = [asyncio.create_task(member.replica.propose(block)) for _ in range(70)]
        with pytest.raises(Busy):
            await asyncio.gather(*waiting)
        release()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Position, Busy}
    with pytest.raises(ValueError, match="1048577 bytes"):
        await member.replica.propose(bytes(DATA_BYTES_MAX + 1))


async def test_a_failing_disk_ends_it(alone: Path) -> None:
    member = Member(Network(), alone)
    task = asyncio.create_task(member.replica.run())
    await until(lambda: member.leads)

    def fail(*_: object) -> None:
        raise StorageFailed("the disk is gone")

    member.journal.append = fail  # type: ignore[method-assign]
    with pytest.raises(Unknown):
        await member.replica.propose(b"x")
    with pytest.raises(StorageFailed, match="the disk is gone"):
        await task
    member.journal.close()


async def test_a_failing_apply_ends_it(alone: Path) -> None:
    member = Member(Network(), alone)

    async def fail(entries: Sequence[Entry]) -> None:
        raise RuntimeError("cannot apply")

    member.replica._delivery._apply = fail
    with pytest.raises(ExceptionGroup) as caught:
        await member.replica.run()
    assert caught.group_contains(RuntimeError, match="cannot apply")
    member.journal.close()


async def test_a_slow_apply_delays_nobody_and_is_not_flooded(alone: Path) -> None:
    async with Member(Network(), alone, **PATIENT).running() as member:
        await elect(member)
        member.may_apply.clear()
        block = bytes(DATA_BYTES_MAX)
        ticks = member.replica._ticks
        waiting = [asyncio.create_task(member.replica.propose(block)) for _ in range(30)]
        await until(lambda: member.replica.status().commit == 31)
        await until(lambda: member.replica._ticks > ticks + 5)
        assert member.replica._delivery._waiting_bytes < WAITING_BYTES_MAX + (9 << 20)
        assert not all(task.done() for task in waiting)
        member.may_apply.set()
        await asyncio.gather(*waiting)
        await until(lambda: len(member.applied) == 31)
        assert [entry.index for entry in member.applied] == list(range(1, 32))


async def test_however_long_it_slept_it_ticks_once(alone: Path) -> None:
    async with Member(Network(), alone, tick_ms=20).running() as member:
        await until(lambda: member.replica._ticks == 2)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop itself must stand still
        await asyncio.sleep(0.001)
        assert member.replica._ticks == 3


async def test_an_idle_leader_keeps_asking_its_disk_and_stays(
    three: tuple[Network, list[Member]],
) -> None:
    _, members = three
    leader = leader_of(members)
    probes = []
    probe = leader.journal.probe
    leader.journal.probe = lambda: (probes.append(0), probe())[1]  # type: ignore[method-assign,func-returns-value]
    await until(lambda: len(probes) >= 3)
    assert leader.leads


async def test_a_leader_with_a_hung_disk_goes_silent(three: tuple[Network, list[Member]]) -> None:
    """Not even a write is under way: only the unanswered probe tells."""
    network, members = three
    leader = leader_of(members)
    id_ = leader.replica.status().id
    free = threading.Event()
    leader.journal.probe = lambda: free.wait() and None  # type: ignore[method-assign]
    others = [member for member in members if member is not leader]
    await until(lambda: any(member.leads for member in others))
    free.set()
    term = max(member.replica.status().term for member in others)
    assert not [
        m
        for m in network.sent
        if isinstance(m, HeartbeatRequest) and m.sender == id_ and m.term >= term
    ]
    await propose(members, b"goes on")


class SmallDisk(RealDisk):
    """With as much room as the test says."""

    free = RESERVE_BYTES

    def free_bytes(self, path: Path, /) -> int:
        return self.free


async def test_a_leader_refuses_data_while_only_the_reserve_is_left(alone: Path) -> None:
    """But no changes of the configuration: a member with a full disk must be removable. An idle
    leader sees by itself when there is room again."""
    disk = SmallDisk()
    async with Member(Network(), alone, disk).running() as member:
        await until(lambda: member.leads)
        await member.replica.propose(b"1")
        disk.free -= 1
        await until(lambda: not member.replica.status().has_room)
        with pytest.raises(DiskFull):
            await member.replica.propose(b"2")
        learner = Voter(IDS[1], "n:1", b"other")
        await member.replica.propose_configuration(
            replace(member.replica.configuration, learners=(learner,))
        )
        disk.free += 1
        await until(lambda: member.replica.status().has_room)
        await member.replica.propose(b"3")
        await until(lambda: b"3" in [entry.data for entry in member.applied])
        assert b"2" not in [entry.data for entry in member.applied]


async def test_a_follower_with_a_full_disk_still_says_who_leads(
    three: tuple[Network, list[Member]],
) -> None:
    _, members = three
    follower = next(member for member in members if not member.leads)
    follower.journal.has_room = False
    with pytest.raises(NotLeader):
        await follower.replica.propose(b"x")


async def test_who_stops_hands_over_first(three: tuple[Network, list[Member]]) -> None:
    _, members = three
    await propose(members, b"x")
    old = leader_of(members)
    term = old.replica.status().term
    await old.replica.hand_over()
    status = old.replica.status()
    assert (status.role, status.term) == (Role.FOLLOWER, term + 1)
    assert status.leader is not None
    await old.replica.hand_over()
    assert old.replica.status().term == term + 1, "there was nothing more to hand over"


async def test_alone_there_is_nobody_to_hand_over_to(alone: Path) -> None:
    async with Member(Network(), alone).running() as member:
        await until(lambda: member.leads)
        await member.replica.hand_over()
        assert member.leads


async def test_a_journal_put_back_from_a_copy_ends_the_replica(
    three: tuple[Network, list[Member]], tmp_path: Path
) -> None:
    """The leader had more acknowledged by it than the copy holds, and says so."""
    network, members = three
    follower = next(member for member in members if not member.leads)
    empty = tmp_path / "copy"
    configuration = follower.replica.configuration
    Journal.bootstrap(empty, follower.journal.replica_id, configuration)
    position = await propose(members, b"x")
    await until(
        lambda: any(
            member.replica.status().matches.get(follower.journal.replica_id, 0) >= position.index
            for member in members
        )
    )
    old = Member(network, empty)
    with pytest.raises(RolledBack, match="acknowledged in term"):
        async with asyncio.timeout(20):
            await old.replica.run()
    old.journal.close()
    # Whoever told it may be away when it starts again.
    with pytest.raises(RolledBack, match="acknowledged in term"):
        Journal(empty)


async def test_it_says_whom_it_must_know(three: tuple[Network, list[Member]]) -> None:
    network, members = three
    ids = sorted(member.journal.replica_id for member in members)
    assert all(sorted(network.ends[id_].known) == ids for id_ in ids)
    one, gone, other = ids

    def remove(replica: Replica) -> Awaitable[Position]:
        rest = tuple(voter for voter in replica.configuration.voters if voter.id != gone)
        return replica.propose_configuration(Configuration(rest))

    await agree(members, remove)
    await until(lambda: all(gone not in network.ends[id_].known for id_ in (one, other)))
    statuses = [member.replica.status() for member in members]
    assert not any(status.recalling for status in statuses)
    assert all(gone not in status.matches for status in statuses if status.role is Role.LEADER)


async def test_a_lead_of_one_turn_leaves_no_proposal_waiting(alone: Path) -> None:
    """Won and lost between two looks at the core: what was proposed in it is in doubt like any."""
    member = Member(Network(), alone)
    replica = member.replica
    answer = asyncio.get_running_loop().create_future()
    replica._proposals.add(Position(9, 7), answer)
    replica._proposed_term = 7
    async with member.running():
        with pytest.raises(Unknown):
            async with asyncio.timeout(20):
                await answer
