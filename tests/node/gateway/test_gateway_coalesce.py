"""Joining records into proposals: at once when idle, together when not, never beyond a block."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from node.evidence.record import BLOCK_SIZE_MAX
from node.gateway.members.answers import Outcome
from node.gateway.members.client import ProposalRefused
from node.gateway.members.coalesce import IN_FLIGHT_MAX, WAITING_SIZE_MAX, Coalescer

pytestmark = pytest.mark.anyio


class Chain:
    """Keeps proposals until a test lets them through, one by one."""

    def __init__(self) -> None:
        self.proposals: list[list[bytes]] = []
        self.bad: set[bytes] = set()
        self._gate = asyncio.Semaphore(0)

    async def propose(self, records: Sequence[bytes]) -> list[Outcome]:
        self.proposals.append(list(records))
        if self.bad & set(records):
            raise ProposalRefused("spoilt")
        await self._gate.acquire()
        return [Outcome(None, record.decode()[:8]) for record in records]

    def let_through(self, count: int = 1) -> None:
        for _ in range(count):
            self._gate.release()


@pytest.fixture
async def chain(anyio_backend: str) -> Chain:
    return Chain()


@pytest.fixture
async def coalescer(chain: Chain) -> AsyncIterator[Coalescer]:
    coalescer = Coalescer(chain.propose)
    task = asyncio.create_task(coalescer.run())
    yield coalescer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def idle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_record_goes_at_once(chain: Chain, coalescer: Coalescer) -> None:
    coalescer.submit(b"one")
    await idle()
    assert chain.proposals == [[b"one"]]


async def test_what_comes_meanwhile_goes_together(chain: Chain, coalescer: Coalescer) -> None:
    first = coalescer.submit(b"first")
    await idle()
    others = [coalescer.submit(b"%d" % number) for number in range(100)]
    await idle()
    assert len(chain.proposals) == 1
    chain.let_through(2)
    outcomes = await asyncio.gather(first, *others)
    assert [len(each) for each in chain.proposals] == [1, 100]
    assert [each.skipped for each in outcomes[1:]] == [str(number) for number in range(100)]


async def test_a_proposal_is_never_more_than_a_block(chain: Chain, coalescer: Coalescer) -> None:
    half = BLOCK_SIZE_MAX // 2 - 4
    futures = [coalescer.submit(b"%d" % number + b"x" * (half - 1)) for number in range(5)]
    chain.let_through(5)
    await asyncio.gather(*futures)
    assert [len(each) for each in chain.proposals] == [2, 2, 1]
    sizes = [sum(len(record) + 4 for record in each) for each in chain.proposals]
    assert max(sizes) <= BLOCK_SIZE_MAX


async def test_full_blocks_do_not_wait_for_each_other(chain: Chain, coalescer: Coalescer) -> None:
    for number in range(2 * IN_FLIGHT_MAX):
        coalescer.submit(b"%d" % number + b"x" * (BLOCK_SIZE_MAX - 5))
    await idle()
    assert len(chain.proposals) == IN_FLIGHT_MAX


async def test_one_bad_record_does_not_spoil_the_others(chain: Chain, coalescer: Coalescer) -> None:
    chain.bad = {b"bad"}
    coalescer.submit(b"first")
    await idle()
    futures = [coalescer.submit(each) for each in (b"good", b"bad", b"fine")]
    chain.let_through(9)
    outcomes: list[Any] = await asyncio.gather(*futures, return_exceptions=True)
    assert [each.skipped for each in (outcomes[0], outcomes[2])] == ["good", "fine"]
    assert isinstance(outcomes[1], ProposalRefused)


async def test_a_caller_that_goes_away_leaves_its_record_in(
    chain: Chain, coalescer: Coalescer
) -> None:
    coalescer.submit(b"one").cancel()
    other = coalescer.submit(b"two")
    chain.let_through()
    await other
    assert chain.proposals == [[b"one", b"two"]]


async def test_what_is_on_its_way_is_not_sent_twice(chain: Chain, coalescer: Coalescer) -> None:
    """Neither while it waits nor while it travels; whoever asks hears of it, whoever goes away."""
    first = coalescer.submit(b"first")
    await idle()
    others = [coalescer.submit(each) for each in (b"first", b"second", b"second")]
    others[1].cancel()
    chain.let_through(2)
    outcomes = await asyncio.gather(first, others[0], others[2])
    assert chain.proposals == [[b"first"], [b"second"]]
    assert [each.skipped for each in outcomes] == ["first", "first", "second"]
    chain.let_through()
    await coalescer.submit(b"second")
    assert chain.proposals[2:] == [[b"second"]], "later it is another question"


async def test_room_is_bounded(chain: Chain, coalescer: Coalescer) -> None:
    assert coalescer.has_room(WAITING_SIZE_MAX)
    for each in (b"x", b"y"):
        coalescer.submit(each * 1_000)
    assert not coalescer.has_room(WAITING_SIZE_MAX - 1_999)
