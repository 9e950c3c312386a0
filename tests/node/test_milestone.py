"""A number that grows, and who waits for it."""

import asyncio

import pytest

from node.member.milestone import Milestone

pytestmark = pytest.mark.anyio


async def test_waiters_are_answered_in_order() -> None:
    milestone, reached = Milestone(1), list[int]()

    async def wait(value: int) -> None:
        await milestone.wait_for(value)
        reached.append(value)

    async with asyncio.TaskGroup() as group:
        for value in (5, 3, 1, 4):
            group.create_task(wait(value))
        await asyncio.sleep(0)
        assert reached == [1]
        milestone.advance(4)
        milestone.advance(2)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert reached == [1, 3, 4]
        milestone.advance(5)
    assert reached == [1, 3, 4, 5]


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    """Without a quorum no note is published, and whoever asks for a proof gives up in time: for
    hours, thousands of times a second."""
    milestone = Milestone()
    patient = asyncio.create_task(milestone.wait_for(1))
    for number in range(100):
        leaving = asyncio.create_task(milestone.wait_for(1 + number % 3))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert len(milestone._waiting) <= 3
    milestone.advance(1)
    await patient


async def test_who_leaves_as_it_is_reached_counts_once() -> None:
    """Leaving and reaching in one turn of the loop, in either order."""
    milestone = Milestone()
    tasks = [asyncio.create_task(milestone.wait_for(value)) for value in (1, 1, 2, 2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    milestone.advance(1)
    tasks[1].cancel()
    await asyncio.wait(tasks[:2])
    milestone.advance(2)
    await asyncio.wait(tasks[2:])
    assert [task.cancelled() for task in tasks] == [True, True, False, False]
    assert (milestone._waiting, milestone._left) == ([], 0)
