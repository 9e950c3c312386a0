"""One member at work among others: its disk refuses, its leader lies, its clock is wrong."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from consensus.disk import RealDisk
from consensus.journal import RESERVE_BYTES
from consensus.messages import Voter
from consensus.replica import Replica, Status
from devnet.tls import Authority, der_of
from node import member_pb2 as pb
from node.errors import DiskFailed, DiskFull, Unavailable
from node.evidence.proof_text import parse_proof
from node.member import participant
from node.member.exchange import Exchange
from node.member.ledger import Ledger
from node.member.participant import Participant
from node.member.process import serve
from node.seals.sealing import Note, SentSeal, Step
from node.seals.store import Seals, SealsCorrupt

pytestmark = pytest.mark.anyio


async def test_a_seal_that_cannot_be_written_down_ends_the_member(
    houses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would go on to show in memory, no restart would remember. Its own seals still fit;
    what the others send does not."""
    houses.start()
    await houses.propose(houses.world.deposited(1))
    write = Seals.write

    def full(seals: Seals, step: Step, journal_mark: bytes) -> None:
        if seals.directory.parts[-3] == "court" and not step.own:
            raise DiskFailed("no space left on device")
        write(seals, step, journal_mark)

    monkeypatch.setattr(Seals, "write", full)
    proposing = asyncio.create_task(houses.propose(houses.world.deposited(2)))
    await asyncio.wait([houses.running["court"]], timeout=20)
    proposing.cancel()
    with pytest.raises(DiskFailed, match="no space"):
        await houses.running.pop("court")


async def test_a_full_disk_refuses_deposits_and_raises_an_alarm_until_there_is_room(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before it is full: what was agreed on, votes and the next start still need some."""
    free = [RESERVE_BYTES]
    monkeypatch.setattr(RealDisk, "free_bytes", lambda disk, path: free[0])
    house.start()
    (first,) = await house.propose(house.world.deposited(1))
    free[0] -= 1
    while not (alarms := (await house.status("court")).alarms):  # noqa: ASYNC110 - it is remote
        await asyncio.sleep(0.01)
    assert "little room is left on its disk" in alarms[0]
    with pytest.raises(Exception, match="kept in reserve") as refused:
        await house.propose(house.world.deposited(2))
    assert (refused.value.code, refused.value.status) == (
        DiskFull.code,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    )
    await house.proof("court", first.position.statement_id)
    free[0] += 1
    while (await house.status("court")).alarms:  # noqa: ASYNC110 - it is remote
        await asyncio.sleep(0.01)
    await house.propose(house.world.deposited(2))


async def test_what_is_sealed_existed_no_later_than_its_seal(house: Any) -> None:
    """Seals count whole seconds: rounded down, they would lie before what they cover."""
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1))
    proof = parse_proof(await house.proof("court", outcome.position.statement_id))
    assert proof.seal_time_s is not None
    assert proof.entry.time_ms <= proof.seal_time_s * 1000 < proof.entry.time_ms + 60_000


async def test_an_index_nobody_reaches_does_not_keep_it_from_sealing(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first leader a member asks names an index far beyond the log, and then is gone."""
    read_index, answers = Replica.read_index, iter([2**53])

    async def lied_to(replica: Replica) -> int:
        honest = await read_index(replica)
        return next(answers, honest)

    monkeypatch.setattr(Replica, "read_index", lied_to)
    monkeypatch.setattr(participant, "ASK_AGAIN_S", 0.01)
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1))
    assert await asyncio.wait_for(house.proof("court", outcome.position.statement_id), 20)


async def test_nothing_is_sealed_before_a_quorum_has_told_what_was(
    houses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may have lost its last seal, and only the others know it. Blocks are agreed on and
    applied meanwhile; once one other has answered, a quorum of three has."""
    pull, told = Exchange._pull, asyncio.Event()
    start_sealing, sealing = Ledger.start_sealing, set()

    def start(ledger: Ledger, now_s: int) -> Step:
        sealing.add(ledger.sealing.member)
        return start_sealing(ledger, now_s)

    async def silent(exchange: Exchange, channel: Any, voter: Voter) -> None:
        await told.wait()
        if "notary" in (exchange._member, voter.id.partition("/")[0]):
            await asyncio.Event().wait()
        await pull(exchange, channel, voter)

    monkeypatch.setattr(Exchange, "_pull", silent)
    monkeypatch.setattr(Ledger, "start_sealing", start)
    houses.start()
    (outcome,) = await houses.propose(houses.world.deposited(1))
    identity = outcome.position.statement_id
    for name in houses.configs:  # Each has caught up, or would not know that it is there.
        request = pb.FindRequest(statement_id=identity, linearizable=True)
        assert (await houses.call(name, "Find", request)).found
    assert sealing == set()
    told.set()
    await houses.proof("court", identity)
    await houses.proof("forensic", identity)
    assert sealing == {"court", "forensic"}


@pytest.mark.parametrize(("last", "note"), [(9, None), (None, 9), (4, 9)])
async def test_kept_seals_are_not_served_from_before_the_ledger_is_there(
    last: int | None, note: int | None
) -> None:
    """A replica that came back begins with its old seals and notes and an empty tree: proving by
    them what it does not have yet would look like damage, and the views be made again for ever."""
    store = SimpleNamespace(chain=SimpleNamespace(size=8))
    sealing = SimpleNamespace(halted="", last=last and SentSeal(last, b"", b""))
    one: Any = SimpleNamespace(
        ledger=SimpleNamespace(sealing=sealing), store=store, note=note and Note(note, 1, b"")
    )
    with pytest.raises(Unavailable, match="views reach 8 entries of 9 sealed"):
        Participant.check_serving(one)
    store.chain.size = 9
    Participant.check_serving(one)


async def test_a_wrong_clock_does_not_seal(houses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, the others go on, and when it is right it seals the newest checkpoint."""
    status, off = Replica.status, {"court": 5_000}

    def told(replica: Replica) -> Status:
        answer = status(replica)
        return replace(answer, clock_off_ms=off.get(answer.id.partition("/")[0], 0))

    monkeypatch.setattr(Replica, "status", told)
    houses.start()
    (outcome,) = await houses.propose(houses.world.deposited(1))
    identity = outcome.position.statement_id
    for name in ("forensic", "notary"):
        await houses.proof(name, identity)
        peers = {peer.member: peer for peer in (await houses.status(name)).peers}
        assert peers["court"].sealed_size == 0
    alarms = (await houses.status("court")).alarms
    assert list(alarms) == ["its clock is 5.0 s ahead of the others'; not sealing"]
    off["court"] = 0
    await houses.proof("court", identity)
    assert not (await houses.status("court")).alarms
    off["court"] = -2_500
    alarms = (await houses.status("court")).alarms
    assert list(alarms) == ["its clock is 2.5 s behind the others'; not sealing"]


async def test_seals_that_fail_while_it_runs_are_made_anew(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the same incarnation, and without anybody starting it again."""
    house.start()
    (outcome,) = await house.propose(house.world.deposited(1))
    identity = outcome.position.statement_id
    await house.proof("court", identity)
    note_after, damaged = Seals.note_after, iter([True])

    def read(seals: Seals, leaf_index: int) -> Any:
        if next(damaged, False):
            raise SealsCorrupt("a block fails its checksum")
        return note_after(seals, leaf_index)

    monkeypatch.setattr(Seals, "note_after", read)
    with pytest.raises(Exception, match="corrupt"):
        await house.proof("court", identity)
    assert await house.proof("court", identity)
    data = house.configs["court"].data
    assert (data / "seals.lost-1").is_dir()
    assert not data.with_name("data.lost-1").exists()


async def test_a_leader_that_is_asked_to_stop_hands_over(houses: Any) -> None:
    """Before it goes another leads: nobody has to miss it first."""
    stops = {name: asyncio.Event() for name in houses.configs}
    for name, config in houses.configs.items():
        houses.running[name] = asyncio.create_task(serve(config, stops[name]))
    await houses.propose(houses.world.deposited(1))
    leader = await houses.leader()
    term = (await houses.status(leader)).term
    stops[leader].set()
    await houses.running.pop(leader)
    other = next(iter(houses.running))
    status = await houses.status(other)
    assert (status.term, status.leader != leader, bool(status.leader)) == (term + 1, True, True)


async def test_a_certificate_put_over_old_data_is_named(
    house: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The others would only end its connections, and it would try for ever."""
    house.start()
    await house.leader()
    await house.stop()
    assert participant.OTHER_CERTIFICATE not in caplog.messages
    config = house.configs["court"]
    certificate, key = Authority().issue("court")
    config.certificate.write_bytes(certificate)
    config.private_key.write_bytes(key)
    house.voters["court"] = replace(house.voters["court"], certificate=der_of(certificate))
    await house.close()
    house.channels.clear()
    house.start()
    await house.leader()
    assert participant.OTHER_CERTIFICATE in (await house.status("court")).alarms
    assert participant.OTHER_CERTIFICATE in caplog.messages
