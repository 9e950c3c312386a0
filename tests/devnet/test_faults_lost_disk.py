"""Members that lose their disks, or are given an old one, while clients deposit and look up.

They come back by themselves, as new replicas under their old certificates; nobody types anything.
Every client's history is checked exactly at the end (`devnet.history`).
"""

import shutil
from typing import Any

import pytest

from devnet.cluster import Cluster
from devnet.history import History
from node.member.directory import INCARNATION

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

SOME = 20
"""Deposits that are waited for before and after something happens."""
OLDER_BY = 1_000
"""Blocks that a copy of a disk misses."""


async def applied(cluster: Cluster, member: str) -> int:
    status = await cluster.status(member)
    return 0 if status is None else int(status.applied)


def incarnation(cluster: Cluster, member: str) -> str:
    """The replica id its directory was made for."""
    return (cluster.places.data(member) / INCARNATION).read_text()


async def test_members_without_their_disks_rejoin(troubled: Cluster, assert_held: Any) -> None:
    """Goal: a member whose disk is empty comes back with all that was on it, whether it led or not,
    and counts again; so each member can lose its disk in turn, and nothing is lost.

    Method: under load, all three one after the other, the next when the last one votes again.
    """
    async with History(troubled) as history:
        for member in troubled.members:
            await history.more(SOME)
            before = incarnation(troubled, member)
            await troubled.kill(member)
            shutil.rmtree(troubled.places.data(member))
            await history.more(SOME)
            await troubled.restart(member)
            await troubled.whole()
            assert incarnation(troubled, member) != before
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_an_old_disk_is_no_disk(troubled: Cluster, assert_held: Any, until: Any) -> None:
    """Goal: a member that is given a copy of its disk that is 1,000 blocks old does not vote or
    seal as who it was then: it notices, comes back as a new replica, catches up and counts again.

    Method: the copy is made while the member is down, and takes the disk's place under load.
    """
    member = troubled.members[0]
    data = troubled.places.data(member)
    copy = data.with_name("copy")
    async with History(troubled, depositors=2, readers=1, pause_s=0.0) as history:
        await history.more(SOME)
        await troubled.kill(member)
        shutil.copytree(data, copy)
        await troubled.restart(member)
        then, before = await applied(troubled, member), incarnation(troubled, member)

        async def is_newer() -> bool:
            return await applied(troubled, member) >= then + OLDER_BY

        await until(is_newer)
        await troubled.kill(member)
        shutil.rmtree(data)
        copy.rename(data)
        await troubled.restart(member)
        await troubled.whole()
        assert incarnation(troubled, member) != before
        await history.more(SOME)
    await assert_held(troubled, history)
