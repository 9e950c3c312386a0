"""Members that are killed, paused and restarted while clients deposit and look up.

Every client's history is checked exactly at the end (`devnet.history`).
"""

import asyncio
import shutil
import subprocess
import sys
from typing import Any

import pytest

from devnet.ceremony import free_ports
from devnet.cluster import Cluster
from devnet.history import History

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

SOME = 20
"""Deposits that are waited for before and after something happens."""
ELECTION_S = 0.5
"""The election timeout of members (`consensus.replica`)."""


async def test_leaders_are_killed_under_load(troubled: Cluster, assert_held: Any) -> None:
    """Goal: SIGKILL of one leader after the other costs nobody an answer, and none was wrong.

    Method: three times; the killed one comes back under load.
    """
    async with History(troubled, depositors=8) as history:
        for _ in range(3):
            await history.more(SOME)
            leader = await troubled.leader()
            await troubled.kill(leader)
            await history.more(SOME)
            await troubled.restart(leader)
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_a_leader_that_was_paused_answers_nothing_from_before(
    troubled: Cluster, assert_held: Any
) -> None:
    """Goal: a leader that sleeps for less than an election, for about one, or for longer, does not
    answer from its past when it wakes up.

    Method: twice each, under load; readers ask it directly all the time.
    """
    async with History(troubled, readers=6) as history:
        for elections in (0.6, 2, 4, 0.6, 2, 4):
            await history.more(SOME)
            leader = await troubled.leader()
            troubled.pause(leader)
            await asyncio.sleep(elections * ELECTION_S)
            troubled.resume(leader)
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_members_are_restarted_in_turn(troubled: Cluster, assert_held: Any) -> None:
    """Goal: a rolling restart, the leader first, goes by unnoticed.

    Method: SIGTERM and start of each member under load, and of all gateways.
    """
    leader = await troubled.leader()
    async with History(troubled) as history:
        for name in sorted(troubled.members, key=lambda each: each != leader):
            await history.more(SOME)
            await troubled.restart(name)
        for name in troubled.gateways:
            await history.more(SOME)
            await troubled.restart(name)
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_all_lose_power_while_one_is_cut_off(troubled: Cluster, assert_held: Any) -> None:
    """Goal: the two that went on without the third have all that was answered, whoever of the three
    is elected when all come back.

    Method: the leader is isolated under load, the others go on; then all are killed at once.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        leader = await troubled.leader()
        others = [name for name in troubled.members if name != leader]
        troubled.network.part([leader], others)
        await history.more(SOME)
        await asyncio.gather(*(troubled.kill(name) for name in troubled.members))
        troubled.network.heal()
        await asyncio.gather(*(troubled.restart(name) for name in troubled.members))
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_a_second_process_on_one_directory_is_refused(
    troubled: Cluster, assert_held: Any
) -> None:
    """Goal: a member started twice on one data directory, by mistake, does no harm: the second
    process says what is wrong and ends, the first does not notice.

    Method: the second has settings of its own with another port, so that only the directory is
    the same.
    """
    member = troubled.members[0]
    settings = troubled.places.settings(member)
    second = settings.with_name("second.toml")
    (port,) = free_ports(1)
    shutil.copy(settings, second)
    address = troubled.places.members[member]
    second.write_text(second.read_text().replace(f'"{address}"', f'"127.0.0.1:{port}"'))
    async with History(troubled) as history:
        await history.more(SOME)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "node.cli", "member", str(second)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        await history.more(SOME)
    assert process.returncode not in (0, None)
    assert "is open in another process" in said.decode()
    assert troubled.is_running(member)
    await assert_held(troubled, history)
