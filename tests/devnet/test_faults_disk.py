"""Members whose disks are slow, hang or fail, while clients deposit and look up.

The faults are real answers of system calls, given by strace; without it these tests are skipped.
Every client's history is checked exactly at the end (`devnet.history`).
"""

import asyncio
from typing import Any

import pytest

from devnet import disk_faults
from devnet.cluster import Cluster
from devnet.disk_faults import FAILING, HANGING
from devnet.history import History

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

SOME = 20
"""Deposits that are waited for before and after something happens."""
WATCHED_S = 3.0
"""Several election timeouts."""


@pytest.fixture(autouse=True)
async def tracing(anyio_backend: str) -> None:
    """Whether a process can be traced here."""
    if (why := await disk_faults.unavailable()) is not None:
        pytest.skip(why)


async def victim(cluster: Cluster, role: str) -> str:
    leader = await cluster.leader()
    if role == "leader":
        return leader
    return next(name for name in cluster.members if name != leader)


@pytest.mark.parametrize("role", ["leader", "follower"])
async def test_a_slow_disk_is_only_slow(troubled: Cluster, assert_held: Any, role: str) -> None:
    """Goal: a disk that needs a tenth of a second for every sync costs time and nothing else.

    Method: both kinds of members in turn; the slow one is part of the majority, or need not be.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        async with disk_faults.syncs(
            troubled.pid(await victim(troubled, role)), disk_faults.slow(100)
        ):
            await history.more(SOME)
        await history.more(SOME)
    await assert_held(troubled, history)


@pytest.mark.parametrize("role", ["leader", "follower"])
async def test_a_disk_that_fails_ends_its_member(
    troubled: Cluster, assert_held: Any, role: str
) -> None:
    """Goal: after the first sync that fails a member says so and ends, and answers nothing that
    stands on it; the others go on, and it comes back once its disk is well.

    Method: every sync from then on gives EIO.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        name = await victim(troubled, role)
        async with disk_faults.syncs(troubled.pid(name), FAILING):
            assert await troubled.ended(name) not in (0, -9)
        assert b"The disk refused and the member stopped" in troubled.places.log(name).read_bytes()
        await history.more(SOME)
        await troubled.restart(name)
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_a_leader_with_a_hung_disk_loses_its_lead(
    troubled: Cluster, assert_held: Any, until: Any
) -> None:
    """Goal: a leader whose disk hangs could commit nothing of its own, so another takes the lead;
    the one that hung goes on as a follower when its disk does.

    Method: syncs do not return while the leader is watched; then they all do.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        name = await troubled.leader()
        async with disk_faults.syncs(troubled.pid(name), HANGING):
            assert await troubled.leader() == name  # Nothing is noticed yet.

            async def is_replaced() -> bool:
                return await troubled.leader() != name

            await until(is_replaced)
            await history.more(SOME)
            status = await troubled.status(name)
            assert status is not None
            assert status.role != "leader"
        await history.more(SOME)
        assert troubled.is_running(name)
    await assert_held(troubled, history)


async def test_a_follower_with_a_hung_disk_elects_nobody(
    troubled: Cluster, assert_held: Any
) -> None:
    """Goal: heartbeats are answered by a follower whose disk hangs, and it does not ask for votes
    it could not cast itself.

    Method: leader and term before and after some election timeouts.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        leader = await troubled.leader()
        before = await troubled.status(leader)
        async with disk_faults.syncs(troubled.pid(await victim(troubled, "follower")), HANGING):
            await asyncio.sleep(WATCHED_S)
            await history.more(SOME)
            after = await troubled.status(leader)
        assert before is not None
        assert after is not None
        assert (after.role, after.term) == ("leader", before.term)
        await history.more(SOME)
    await assert_held(troubled, history)
