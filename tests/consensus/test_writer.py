"""The thread that waits for the disk: what it joins into one batch, and how it ends."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from consensus.disk import RealDisk
from consensus.journal import DirectoryInUse, Journal
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from consensus.ready import Write
from consensus.writer import Writer, join

ME = "court/00000000000000aa"

pytestmark = pytest.mark.anyio


def entry(index: int, term: int) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "court", "0.1.0", b"")


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    Journal.bootstrap(tmp_path / "journal", ME, Configuration((Voter(ME, "c:1", b"c"),)))
    return tmp_path / "journal"


def test_joined_writes_are_the_writes_one_after_the_other() -> None:
    writes = [
        Write(1, HardState(1), (entry(1, 1), entry(2, 1), entry(3, 1))),
        Write(2, None, (entry(4, 1),)),
        Write(3, HardState(2), ()),
        Write(4, None, (entry(3, 2), entry(4, 2))),
    ]
    assert join(writes[:1]) == (HardState(1), [entry(1, 1), entry(2, 1), entry(3, 1)])
    assert join(writes) == (
        HardState(2),
        [entry(1, 1), entry(2, 1), entry(3, 2), entry(4, 2)],
    )
    assert join([*writes, Write(5, None, (entry(1, 3),))]) == (HardState(2), [entry(1, 3)])
    before = Write(6, None, (entry(5, 2), entry(6, 2)))
    assert join([before, Write(7, None, (entry(4, 3),))]) == (None, [entry(4, 3)])


async def test_writes_that_wait_share_a_sync(alone: Path) -> None:
    journal = Journal(alone)
    batches: list[int] = []
    started, free = threading.Event(), threading.Event()
    append = journal.append

    def slow(hard_state: HardState | None, entries: Sequence[Entry]) -> Any:
        started.set()
        free.wait()
        batches.append(len(entries))
        return append(hard_state, entries)

    journal.append = slow  # type: ignore[method-assign]
    written: list[int | None] = []
    writer = Writer(journal, written.append, lambda error: None)
    writer.put(Write(1, HardState(1), (entry(1, 1),)))
    started.wait()
    for index in range(2, 8):
        writer.put(Write(index, None, (entry(index, 1),)))
    free.set()
    await writer.close()
    assert batches == [1, 6]
    assert written == [1, 7]
    assert journal.last_index == 7
    journal.close()


class HangingDisk(RealDisk):
    """Hangs when it is asked for its room, in the middle of an append, unless `hangs` is set."""

    def __init__(self) -> None:
        self.hangs, self.reached = threading.Event(), threading.Event()
        self.hangs.set()

    def free_bytes(self, path: Path, /) -> int:
        self.reached.set()
        self.hangs.wait()
        return super().free_bytes(path)


async def test_a_hung_disk_keeps_it_from_closing_but_not_the_loop_from_running(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is LevelDB closed under the thread that hangs in it: the journal stays open."""
    disk = HangingDisk()
    journal = Journal(alone, disk)
    disk.hangs.clear()
    disk.reached.clear()
    failures: list[Exception] = []
    writer = Writer(journal, lambda number: None, failures.append)
    writer.put(Write(1, HardState(1), (entry(1, 1),)))
    await asyncio.to_thread(disk.reached.wait)
    closing = asyncio.create_task(writer.close())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not closing.done()
    monkeypatch.setattr("consensus.writer.CLOSE_S", 0.01)
    await writer.close()
    journal.close()
    with pytest.raises(DirectoryInUse):
        Journal(alone)
    disk.hangs.set()
    await closing
    assert journal.last_index == 1
    assert not failures
    journal.close()
    Journal(alone).close()
