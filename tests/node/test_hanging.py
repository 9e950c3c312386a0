"""A disk that hangs for ever does not keep a member from ending."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from consensus.messages import Entry
from node.config import MemberConfig
from node.evidence.record import Genesis
from node.member import participant
from node.member import process as member
from node.member.directory import Directory
from node.member.participant import DiskHangs, Participant
from node.seals.sealing import Step
from node.seals.store import Seals

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(participant, "CLOSE_S", 0.1)
    monkeypatch.setattr(member, "CLOSE_S", 0.1)


async def test_a_write_that_hangs(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The databases are left open: the thread is still in one of them."""
    write, close, opened = Seals.write, Directory.close, member.open_directory
    hangs, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    left: list[Directory] = []
    closed: list[Directory] = []

    def hang(seals: Seals, step: Step, journal_mark: bytes) -> None:
        if step:
            hangs.set()
            goes_on.wait()
        write(seals, step, journal_mark)
        if step:
            is_over.set()

    def opening(config: MemberConfig, genesis: Genesis) -> Directory:
        left.append(opened(config, genesis))
        return left[-1]

    monkeypatch.setattr(Seals, "write", hang)
    monkeypatch.setattr(Directory, "close", closed.append)
    monkeypatch.setattr(member, "open_directory", opening)
    house.start()
    await asyncio.to_thread(hangs.wait)
    assert (await house.status("court")).member == "court", "the loop does not wait for it"
    running = house.running.pop("court")
    running.cancel()
    with pytest.raises(DiskHangs, match="does not answer"):
        await running
    assert closed == []
    goes_on.set()
    await asyncio.to_thread(is_over.wait)
    close(*left)


async def test_a_close_that_hangs(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """LevelDB may be at work by itself."""
    close, goes_on, is_over = Directory.close, threading.Event(), threading.Event()

    def hang(directory: Directory) -> None:
        goes_on.wait()
        close(directory)
        is_over.set()

    monkeypatch.setattr(Directory, "close", hang)
    house.start()
    await house.leader()
    running = house.running.pop("court")
    running.cancel()
    with pytest.raises(DiskHangs, match="does not answer"):
        await running
    goes_on.set()
    await asyncio.to_thread(is_over.wait)


async def test_what_is_at_work_while_it_stops_does_not_fail(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that is agreed on at that moment is not applied any more; that is no error."""
    apply, asked = Participant._apply, asyncio.Event()

    async def late(taking_part: Participant, entries: Sequence[Entry]) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await apply(taking_part, entries)
            raise

    monkeypatch.setattr(Participant, "_apply", late)
    house.start()
    await asked.wait()
    running = house.running.pop("court")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
