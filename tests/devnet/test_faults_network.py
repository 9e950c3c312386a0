"""Members that do not hear each other, in one direction or both, while clients deposit and look up.

Gateways reach all members all the time: what must not be answered is asked for, too. Every client's
history is checked exactly at the end (`devnet.history`).
"""

import asyncio
import time
from typing import Any

import pytest

from devnet.cluster import Cluster
from devnet.history import History
from node.gateway.members.client import CannotCheck

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

SOME = 20
"""Deposits that are waited for before and after something happens."""
WATCHED_S = 3.0
"""Several election timeouts; and gRPC's keepalive has given up connections that are cut."""


def others_of(cluster: Cluster, member: str) -> list[str]:
    return [name for name in cluster.members if name != member]


async def term(cluster: Cluster) -> int:
    """Of the member that leads; a majority follows it."""
    status = await cluster.status(await cluster.leader())
    assert status is not None
    return status.term


async def assert_term_stays(cluster: Cluster, history: History) -> None:
    """While somebody watches and clients work, nobody is elected."""
    before = await term(cluster)
    await asyncio.sleep(WATCHED_S)
    await history.more(SOME)
    assert await term(cluster) == before


def cut_off(cluster: Cluster, member: str, how: str) -> None:
    """A member that hears nobody is deaf, one that nobody hears is mute."""
    for other in others_of(cluster, member):
        if how in ("deaf", "isolated"):
            cluster.network.cut(other, member)
        if how in ("mute", "isolated"):
            cluster.network.cut(member, other)


async def test_a_leader_that_is_cut_off_steps_down(
    troubled: Cluster, assert_held: Any, until: Any
) -> None:
    """Goal: a leader that sends and hears nothing, or hears and is not heard, or neither, loses its
    lead; it says so itself, answers no read any more, and the others go on.

    Method: it is asked directly; afterwards it follows, and is asked again.
    """
    async with History(troubled, readers=6) as history:
        for how in ("deaf", "mute", "isolated"):
            await history.more(SOME)
            leader = await troubled.leader()

            async def steps_down(leader: str = leader) -> bool:
                status = await troubled.status(leader)
                return status is not None and status.role != "leader"

            cut_off(troubled, leader, how)
            await until(steps_down)
            await history.more(SOME)
            with pytest.raises(CannotCheck):
                await troubled.link(leader).find(ordinal=0)
            troubled.network.heal()
            await troubled.ready(leader)
            assert (await troubled.link(leader).find(ordinal=0)).found
        await history.more(SOME)
    await assert_held(troubled, history)


async def test_a_follower_that_is_cut_off_disturbs_nobody(
    troubled: Cluster, assert_held: Any
) -> None:
    """Goal: a follower that misses its leader asks for votes, and gets none while the others have
    one; when it comes back the term is what it was.

    Method: leader and term before, meanwhile and after.
    """
    leader = await troubled.leader()
    follower, _ = others_of(troubled, leader)
    async with History(troubled) as history:
        await history.more(SOME)
        before = await term(troubled)
        for how in ("deaf", "mute", "isolated"):
            cut_off(troubled, follower, how)
            await assert_term_stays(troubled, history)
            troubled.network.heal()
            await troubled.ready(follower)
        await assert_term_stays(troubled, history)
        assert (await troubled.leader(), await term(troubled)) == (leader, before)
    await assert_held(troubled, history)


async def test_two_followers_that_do_not_hear_each_other(
    troubled: Cluster, assert_held: Any
) -> None:
    """Goal: where every member is heard by a majority, a missing connection between two followers
    changes nothing; and one between the leader and a follower changes the term at most once.

    Method: a triangle with one side cut, first one without the leader, then one with it.
    """
    leader = await troubled.leader()
    one, other = others_of(troubled, leader)
    async with History(troubled) as history:
        await history.more(SOME)
        troubled.network.part([one], [other])
        await assert_term_stays(troubled, history)
        troubled.network.heal()
        troubled.network.part([leader], [one])
        await asyncio.sleep(WATCHED_S)
        await assert_term_stays(troubled, history)
        troubled.network.heal()
    await assert_held(troubled, history)


async def test_a_slow_network_is_only_slow(troubled: Cluster, assert_held: Any) -> None:
    """Goal: a delay of a tenth of a second on every way, as between continents, elects nobody.

    Method: the terms before and after.
    """
    async with History(troubled) as history:
        await history.more(SOME)
        for one in troubled.members:
            for other in others_of(troubled, one):
                troubled.network.slow(one, other, 0.1)
        await assert_term_stays(troubled, history)
    await assert_held(troubled, history)


async def test_nobody_hears_anybody(troubled: Cluster, assert_held: Any, until: Any) -> None:
    """Goal: members that are all alone answer nothing; what was deposited meanwhile comes in when
    they are back.

    Method: all ways between members are cut, until none of them leads any more.
    """

    async def nobody_leads() -> bool:
        statuses = (await troubled.statuses()).values()
        return all(status is not None and status.role != "leader" for status in statuses)

    async with History(troubled) as history:
        await history.more(SOME)
        for one in troubled.members:
            troubled.network.part([one], others_of(troubled, one))
        await until(nobody_leads)
        alone_s = time.monotonic()
        for member in troubled.members:
            with pytest.raises(CannotCheck):
                await troubled.link(member).find(ordinal=0)
        # What was agreed on and sealed before may still be answered.
        assert all(each.sent_s < alone_s for each in history.deposits)
        troubled.network.heal()
        await history.more(SOME)
    await assert_held(troubled, history)
