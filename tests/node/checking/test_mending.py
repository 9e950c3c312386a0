"""A journal with holes is made whole by what the others have; the replica stays who it was."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consensus.disk import RealDisk
from consensus.journal import Journal, StorageCorrupt
from consensus.records import DATA, place
from node.checking.fsck import examine
from node.checking.mending import NotProven, mend
from node.evidence.record import parse_block
from node.member import directory as directories
from node.member.directory import JournalDamaged, open_directory
from node.member.process import read_genesis, read_identity

pytestmark = pytest.mark.anyio

BLOCKS = 12


async def filled(houses: Any) -> list[Any]:
    """Three members with some blocks, all stopped; court's journal is a table, whose blocks, large
    as they are, hold the rows of one height each."""
    houses.start()
    outcomes = [
        (await houses.propose(houses.world.deposited(number, 300)))[0] for number in range(BLOCKS)
    ]
    for name in houses.configs:
        await houses.proof(name, outcomes[-1].position.statement_id)
    await houses.stop()
    with closing(open_directory(houses.configs["court"], houses.world.genesis())):
        pass  # LevelDB makes a table of its log.
    return outcomes


def damage(config: Any, what: bytes, suffix: str = ".ldb") -> None:
    """Flip a bit where this stands in the journal's files."""
    for path in (config.data / "journal" / "leveldb").glob(f"*{suffix}"):
        data = path.read_bytes()
        if (at := data.find(what)) >= 0:
            path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            return
    raise AssertionError("it is nowhere")


def body(config: Any, height: int) -> bytes:
    with closing(Journal(config.data / "journal")) as journal:
        return journal.entries(height, height + 1, 0)[0].data


async def mended(houses: Any) -> list[int]:
    config = houses.configs["court"]
    return await mend(config, read_genesis(config), read_identity(config))


async def test_a_body_that_was_damaged_is_fetched_again(
    houses: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole way: found at the first read, named, fetched, checked, served."""
    outcomes = await filled(houses)
    config, position = houses.configs["court"], outcomes[3].position
    data = body(config, position.height)
    damage(config, parse_block(data)[0][-64:])
    found = examine(config.data, houses.world.genesis()).differences
    assert str(found[0]).startswith(f"journal, height {position.height}:")
    houses.start()
    with caplog.at_level(logging.WARNING):
        await houses.proof("court", position.statement_id)
    status = await houses.status("court")
    assert "the journal is whole again" in caplog.text
    assert not status.alarms
    await houses.stop()
    assert (config.data / "incarnation").read_text().strip() == houses.voters["court"].id
    assert body(config, position.height) == data
    assert not list(config.data.parent.glob("data.lost-*"))
    assert examine(config.data, houses.world.genesis()).differences == []


def _remove_a_table(leveldb: Path) -> None:
    max(leveldb.glob("*.ldb")).unlink()


def _cut_the_manifest(leveldb: Path) -> None:
    next(leveldb.glob("MANIFEST-*")).write_bytes(b"")


@pytest.mark.parametrize("harm", [_remove_a_table, _cut_the_manifest])
async def test_a_missing_file(houses: Any, harm: Callable[[Path], None]) -> None:
    """With the only table everything is gone but the last batch, in the log: too much to prove by.
    Without its manifest LevelDB opens nothing, and yet nothing is missing."""
    await filled(houses)
    config = houses.configs["court"]
    harm(config.data / "journal" / "leveldb")
    if harm is _remove_a_table:
        with pytest.raises(NotProven):
            await mended(houses)
        return
    assert await mended(houses) == []
    assert examine(config.data, houses.world.genesis()).differences == []


async def test_what_nobody_sealed_cannot_be_mended(houses: Any) -> None:
    """An acknowledged entry may be in it; nobody could prove what it was."""
    await filled(houses)
    config = houses.configs["court"]
    with closing(open_directory(config, houses.world.genesis())) as directory:
        journal = directory.journal
        entry = houses.world.block(journal.last_index + 1, houses.world.deposited(99, 500))
        journal.append(journal.hard_state, (entry,))
    with closing(Journal(config.data / "journal")):
        pass
    damage(config, entry.data[-64:])
    with pytest.raises(NotProven):
        await mended(houses)


async def test_a_journal_without_its_last_batch_cannot_be_mended(houses: Any) -> None:
    """Its newest vote was in it."""
    await filled(houses)
    config = houses.configs["court"]
    with closing(Journal(config.data / "journal")) as journal:
        state = journal.hard_state
        journal.append(state, ())
    (log,) = (config.data / "journal" / "leveldb").glob("*.log")
    log.write_bytes(b"")
    with pytest.raises(StorageCorrupt):
        Journal(config.data / "journal")
    with pytest.raises(NotProven, match="was synced"):
        await mended(houses)


async def test_a_journal_that_is_whole_is_not_mended(houses: Any) -> None:
    """Whatever is wrong then would be wrong again, and again."""
    await filled(houses)
    with pytest.raises(NotProven, match="nothing is wrong"):
        await mended(houses)


async def test_a_liar_is_not_believed(houses: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A body counts only if it is the one in the tree."""
    outcomes = await filled(houses)
    config, height = houses.configs["court"], outcomes[3].position.height
    data = body(config, height)
    damage(config, parse_block(data)[0][-64:])
    other = houses.configs["notary"]
    with closing(open_directory(other, houses.world.genesis())) as directory:
        batch = directory.journal._db.write_batch(sync=True)
        batch.put(place(height, DATA), bytes(len(data)))
        batch.write()
    houses.start("notary")
    mending = asyncio.create_task(mended(houses))
    while "not the one that was sealed" not in caplog.text:  # noqa: ASYNC110 - it is remote
        await asyncio.sleep(0.01)
    houses.start("forensic")
    assert await mending == [height]
    assert body(config, height) == data


@pytest.mark.parametrize("stops_after", range(4))
async def test_wherever_it_is_stopped_the_next_start_finishes(
    houses: Any, monkeypatch: pytest.MonkeyPatch, stops_after: int
) -> None:
    """The last steps are renames; after each of them the process may end."""
    outcomes = await filled(houses)
    config, height = houses.configs["court"], outcomes[3].position.height
    data = body(config, height)
    damage(config, parse_block(data)[0][-64:])
    houses.start("notary", "forensic")
    rename, steps = RealDisk.rename, []

    class Stopped(BaseException):
        pass

    def counted(disk: RealDisk, path: Path, new: Path) -> None:
        if new.name in ("journal.mended", "journal.damaged", "journal"):
            if len(steps) == stops_after:
                raise Stopped
            steps.append(new.name)
        rename(disk, path, new)

    monkeypatch.setattr(RealDisk, "rename", counted)
    if stops_after == 3:
        await mended(houses)
    else:
        with pytest.raises(Stopped):
            await mended(houses)
    monkeypatch.undo()
    if stops_after == 0:
        with pytest.raises(JournalDamaged):
            examine_opened(config, houses, height)
        assert await mended(houses) == [height]
    examine_opened(config, houses, height)
    assert body(config, height) == data
    assert (config.data / directories.DAMAGED).is_dir()
    await houses.stop()
    assert examine(config.data, houses.world.genesis()).differences == []
    shutil.rmtree(config.data / directories.DAMAGED)


def examine_opened(config: Any, houses: Any, height: int) -> None:
    with closing(open_directory(config, houses.world.genesis())) as directory:
        with directories.journal_errors():
            directory.journal.entries(height, height + 1, 0)
        assert directory.replica_id == houses.voters["court"].id
