"""Proposals that wait: each is answered once, by what is committed at its place or by time."""

import asyncio

import pytest

from consensus import proposals as proposals_module
from consensus.messages import Entry, EntryKind, Position
from consensus.proposals import (
    Busy,
    DiskFull,
    Dropped,
    NotLeader,
    Proposals,
    Unavailable,
    Unknown,
)

pytestmark = pytest.mark.anyio


def entry(index: int, term: int) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "", "", b"")


class TestProposals:
    """Each is answered once, by what is committed at its place or by time."""

    async def test_fates(self) -> None:
        waiting = Proposals()
        loop = asyncio.get_running_loop()
        answers = {
            p: loop.create_future() for p in (Position(3, 1), Position(4, 1), Position(6, 2))
        }
        for position, answer in answers.items():
            waiting.add(position, answer)
        waiting.committed([entry(3, 1), entry(4, 2)])
        assert answers[Position(3, 1)].result() == Position(3, 1)
        with pytest.raises(Dropped):
            answers[Position(4, 1)].result()
        waiting.doubt(2, 10)  # Still led in its own term.
        waiting.expire(10)
        assert len(waiting) == 1
        waiting.doubt(None, 20)
        waiting.expire(19)
        assert len(waiting) == 1
        waiting.expire(20)
        with pytest.raises(Unknown):
            answers[Position(6, 2)].result()

    async def test_an_entry_of_an_older_term_takes_the_place(self) -> None:
        """Figure 8 of the paper: what is committed there may be older than the proposal."""
        waiting = Proposals()
        answer = asyncio.get_running_loop().create_future()
        waiting.committed([entry(1, 3)])
        waiting.add(Position(2, 2), answer)
        waiting.committed([entry(2, 1)])
        with pytest.raises(Dropped):
            answer.result()

    async def test_two_terms_at_one_place(self) -> None:
        waiting = Proposals()
        first, second = (asyncio.get_running_loop().create_future() for _ in range(2))
        waiting.add(Position(5, 1), first)
        waiting.add(Position(5, 3), second)
        waiting.doubt(3, 10)
        waiting.expire(10)
        with pytest.raises(Unknown):
            first.result()
        waiting.committed([entry(5, 3)])
        assert second.result() == Position(5, 3)

    async def test_who_has_left_is_not_answered(self) -> None:
        waiting = Proposals()
        for index in (1, 2):
            answer = asyncio.get_running_loop().create_future()
            waiting.add(Position(index, 1), answer)
            answer.cancel()
        waiting.committed([entry(1, 1)])
        waiting.close()
        assert len(waiting) == 0

    def test_the_errors_say_whose_move_is_next(self) -> None:
        for error in (NotLeader, Busy, DiskFull, Dropped, Unknown, Unavailable):
            assert issubclass(error, proposals_module.ReplicaError)
        assert str(NotLeader(None, None)) == "there is no leader"
