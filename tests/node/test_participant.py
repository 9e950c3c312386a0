"""A member whose disk refuses, and one that is lied to by its leader."""

import asyncio
from typing import Any

import grpc
import pytest

from consensus.disk import RealDisk
from consensus.journal import RESERVE_BYTES
from consensus.replica import Replica
from node import participant
from node.errors import DiskFailed, DiskFull
from node.evidence.proof_text import parse_proof
from node.sealing import Step
from node.seals import Seals

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
