"""Cutting blocks: what gathers, what stands alone, and that everybody is answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from node.chain.apply import Outcome, Skipped
from node.errors import BadRequest, Busy, Dropped, Unavailable, Unknown
from node.evidence.record import BLOCK_SIZE_MAX, format_record, parse_block
from node.member.cutter import IN_FLIGHT_MAX, WAITING_BYTES_MAX, Cutter
from node.member.milestone import Milestone

pytestmark = pytest.mark.anyio


class Chain:
    """Takes blocks and answers each when told to: one outcome per record, which names it."""

    def __init__(self) -> None:
        self.blocks: list[list[bytes]] = []
        self.answers: list[asyncio.Future[None]] = []

    async def propose(self, data: bytes) -> Sequence[Outcome]:
        self.blocks.append(parse_block(data))
        self.answers.append(asyncio.get_running_loop().create_future())
        await self.answers[-1]
        return [Skipped(record[:20].decode()) for record in parse_block(data)]

    async def answer(self, number: int, error: Exception | None = None) -> None:
        if error:
            self.answers[number].set_exception(error)
        else:
            self.answers[number].set_result(None)
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(propose: Callable[[bytes], Awaitable[Sequence[Outcome]]]) -> AsyncIterator[Any]:
    cutter = Cutter(propose)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cutter.run())
        await settle()
        yield cutter
        task.cancel()


def submit(cutter: Cutter, *records: bytes) -> asyncio.Task[Sequence[Outcome]]:
    return asyncio.create_task(_submit(cutter, records))


async def _submit(cutter: Cutter, records: Sequence[bytes]) -> Sequence[Outcome]:
    return await cutter.submit(records)


def said(task: asyncio.Task[Sequence[Outcome]]) -> list[str]:
    return [outcome.why for outcome in task.result() if isinstance(outcome, Skipped)]


async def test_an_idle_chain_proposes_at_once_and_a_busy_one_gathers() -> None:
    chain = Chain()
    async with running(chain.propose) as cutter:
        first = submit(cutter, b"1")
        await settle()
        later = [submit(cutter, b"2", b"3"), submit(cutter, b"4")]
        await settle()
        assert chain.blocks == [[b"1"]]
        await chain.answer(0)
        assert chain.blocks[1:] == [[b"2", b"3", b"4"]]
        await chain.answer(1)
        assert [said(task) for task in (first, *later)] == [["1"], ["2", "3"], ["4"]]


async def test_full_blocks_do_not_wait_for_the_one_before() -> None:
    chain, half = Chain(), bytes(BLOCK_SIZE_MAX // 2 - 4)
    async with running(chain.propose) as cutter:
        tasks = [submit(cutter, half) for _ in range(2 * IN_FLIGHT_MAX + 3)]
        await settle()
        assert [len(block) for block in chain.blocks] == [1] + [2] * (IN_FLIGHT_MAX - 1)
        for number in range(6):
            await chain.answer(number)
        assert all(task.done() for task in tasks)
        assert sum(len(block) for block in chain.blocks) == len(tasks)


async def test_a_policy_stands_alone(world: Any) -> None:
    chain, policy = Chain(), format_record(world.next_note(world.note()))
    async with running(chain.propose) as cutter:
        for record in (b"1", b"2", policy, policy, b"3"):
            submit(cutter, record)
        await settle()
        for number in range(5):
            await chain.answer(number)
        assert chain.blocks == [[b"1"], [b"2"], [policy], [policy], [b"3"]]


async def test_a_failed_block_fails_its_requests_and_no_others() -> None:
    chain = Chain()
    async with running(chain.propose) as cutter:
        tasks = [submit(cutter, b"1"), submit(cutter, b"2"), submit(cutter, b"3")]
        await settle()
        await chain.answer(0)
        tasks.append(submit(cutter, b"4"))
        await settle()
        await chain.answer(1, Dropped("lost"))
        await chain.answer(2)
        assert said(tasks[0]) == ["1"]
        assert [type(task.exception()) for task in tasks[1:3]] == [Dropped, Dropped]
        assert said(tasks[3]) == ["4"]


async def test_who_left_is_not_waited_for() -> None:
    chain = Chain()
    async with running(chain.propose) as cutter:
        first, second = submit(cutter, b"1"), submit(cutter, b"2")
        await settle()
        first.cancel()
        second.cancel()
        await settle()
        await chain.answer(0)
        await chain.answer(1)
        third = submit(cutter, b"3")
        await settle()
        await chain.answer(2)
        assert said(third) == ["3"]


async def test_when_the_member_stops_everybody_is_told() -> None:
    chain = Chain()
    async with running(chain.propose) as cutter:
        tasks = [submit(cutter, b"1"), submit(cutter, b"2")]
        await settle()
    await settle()
    assert [type(task.exception()) for task in tasks] == [Unknown, Unavailable]
    with pytest.raises(Unavailable):
        await cutter.submit([b"3"])


async def test_too_much_is_refused_before_it_waits() -> None:
    chain, whole = Chain(), bytes(BLOCK_SIZE_MAX - 4)
    async with running(chain.propose) as cutter:
        tasks = [submit(cutter, whole) for _ in range(WAITING_BYTES_MAX // BLOCK_SIZE_MAX)]
        tasks += [submit(cutter, whole) for _ in range(IN_FLIGHT_MAX)]
        await settle()
        with pytest.raises(Busy):
            await cutter.submit([b"x"])
        for records in ([], [b""], [b"x", b""], [whole + b"x"]):
            with pytest.raises(BadRequest):
                await cutter.submit(records)
        for number in range(len(tasks)):
            await chain.answer(number)
        assert all(task.done() for task in tasks)


async def test_a_milestone_wakes_who_waits_for_less() -> None:
    milestone = Milestone(3)
    await milestone.wait_for(3)
    tasks = {n: asyncio.create_task(milestone.wait_for(n)) for n in (9, 4, 5, 7)}
    await settle()
    tasks[5].cancel()
    milestone.advance(7)
    milestone.advance(2)
    await settle()
    assert milestone.value == 7
    assert {n: task.done() for n, task in tasks.items()} == {9: False, 4: True, 5: True, 7: True}
    tasks[9].cancel()
