"""What is saved of a damaged journal is a prefix of what it once held, and as long as can be."""

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from consensus import journal as journal_module
from consensus.journal import (
    DirectoryInUse,
    Journal,
    NotBootstrapped,
    StorageCorrupt,
    StorageFailed,
)
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from consensus.salvage import Ending, Salvage, borrow

ME = "court/00000000000000aa"
LOG_BLOCK_BYTES = 32 << 10
CONFIGURATION = Configuration((Voter(ME, "127.0.0.1:7000", b"certificate"),))


def entry(index: int, term: int, data: bytes) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 1_700_000_000_000 + index, "court", "0.1", data)


class Written:
    """A journal after random appends, and all the logs it ever was."""

    def __init__(self, directory: Path, seed: int, appends: int = 60, size: int = 300) -> None:
        self.directory = directory
        self.states: list[tuple[Entry, ...]] = [()]
        self.term = 0
        self.log_sizes: list[int] = []
        Journal.bootstrap(directory, ME, CONFIGURATION)
        rng, journal = random.Random(seed), Journal(directory)
        for _ in range(appends):
            log = self.states[-1]
            replaces = rng.random() < 0.1
            first = max(1, len(log) + 1 - replaces * rng.randrange(4))
            self.term += first <= len(log) or rng.random() < 0.1
            count = rng.randrange(4)
            entries = [entry(first + n, self.term, rng.randbytes(size)) for n in range(count)]
            journal.append(HardState(self.term, rng.choice((None, ME))), entries)
            self.states.append((*log[: first - 1], *entries) if entries else log)
            with suppress(FileNotFoundError):  # LevelDB has just made a table of it.
                self.log_sizes.append(sum(p.stat().st_size for p in self.leveldb.glob("*.log")))
        journal.close()

    @property
    def leveldb(self) -> Path:
        return self.directory / "leveldb"

    def check(self, salvage: Salvage) -> int:
        """How many of the appends are whole in what was saved."""
        assert (salvage.replica_id, salvage.first) in ((ME, CONFIGURATION), (None, None))
        saved, ending = tuple(salvage.entries()), salvage.ending
        assert len(saved) == ending.last_index
        assert ending.last_term == (saved[-1].term if saved else 0)
        assert ending.term <= self.term
        assert any(state[: len(saved)] == saved for state in self.states)
        return max(n for n, state in enumerate(self.states) if saved[: len(state)] == state)


def salvaged(written: Written) -> tuple[int, Ending]:
    with Salvage(written.directory, written.directory.with_name("scratch")) as salvage:
        return written.check(salvage), salvage.ending


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("seed", range(5))
def test_a_whole_journal_is_saved_whole(tmp_path: Path, seed: int) -> None:
    written = Written(tmp_path / "journal", seed)
    before = snapshot(written.directory)
    whole, ending = salvaged(written)
    assert written.states[whole] == written.states[-1]
    assert (ending.term, ending.why) == (written.term, "")
    assert snapshot(written.directory) == before, "nothing is changed where it lies"
    assert not written.directory.with_name("scratch").exists()
    Journal(written.directory).close()


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_in_a_log_costs_what_follows_it(tmp_path: Path, seed: int) -> None:
    """LevelDB reads its log in blocks, and drops a damaged one as a whole."""
    written = Written(tmp_path / "journal", seed, appends=200, size=2000)
    (log,) = written.leveldb.glob("*.log")
    place = random.Random(seed).randrange(log.stat().st_size)
    flip(log, place)
    whole, _ = salvaged(written)
    before = place - place % LOG_BLOCK_BYTES
    assert whole >= sum(size <= before for size in written.log_sizes) - 1


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_in_a_table_leaves_a_prefix(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one depends on what LevelDB put into that table; nothing is changed in it."""
    monkeypatch.setattr(journal_module, "WRITE_BUFFER_BYTES", 1 << 16)
    written, rng = Written(tmp_path / "journal", seed, appends=200, size=2000), random.Random(seed)
    table = rng.choice(sorted(written.leveldb.glob("*.ldb")))
    flip(table, rng.randrange(table.stat().st_size))
    damaged = table.read_bytes()
    salvaged(written)
    assert table.read_bytes() == damaged


def _no_manifest(leveldb: Path) -> None:
    next(leveldb.glob("MANIFEST-*")).unlink()


def _no_current(leveldb: Path) -> None:
    (leveldb / "CURRENT").unlink()


def _a_table_less(leveldb: Path) -> None:
    tables = sorted(leveldb.glob("*.ldb"))
    tables[len(tables) // 2].unlink()


def _no_log(leveldb: Path) -> None:
    for path in leveldb.glob("*.log"):
        path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (_no_manifest, _no_current, _a_table_less, _no_log)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_missing_files_leave_a_prefix(
    tmp_path: Path, damage: Callable[[Path], None], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "WRITE_BUFFER_BYTES", 1 << 16)
    written = Written(tmp_path / "journal", seed, appends=200, size=2000)
    damage(written.leveldb)
    with pytest.raises((StorageCorrupt, StorageFailed)):
        Journal(written.directory)
    whole, ending = salvaged(written)
    if damage in (_no_manifest, _no_current):
        assert written.states[whole] == written.states[-1], "its tables and log are all there"
    else:
        assert ending.why


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_changed_where_the_journal_lies(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest that ends early makes LevelDB number a new table like one that is there."""
    monkeypatch.setattr(journal_module, "WRITE_BUFFER_BYTES", 1 << 16)
    written = Written(tmp_path / "journal", seed, appends=200, size=2000)
    manifest = next(written.leveldb.glob("MANIFEST-*"))
    manifest.write_bytes(manifest.read_bytes()[: -1 - 20 * seed])

    def everything() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in written.leveldb.iterdir()}

    before = everything()
    with suppress(StorageCorrupt):
        salvaged(written)
    assert everything() == before


def test_content_that_changed_under_a_good_checksum_is_not_taken(tmp_path: Path) -> None:
    """A table that was damaged and then compacted has checksums that fit the damage."""
    directory = tmp_path / "journal"
    Journal.bootstrap(directory, ME, CONFIGURATION)
    journal = Journal(directory)
    for first in (1, 3, 5):
        journal.append(HardState(1), [entry(first, 1, b"a"), entry(first + 1, 1, b"b")])
    batch = journal._db.write_batch(sync=True)
    batch.put(b"e" + (4).to_bytes(8, "big") + b"\x02", b"x")
    batch.write()
    journal.close()
    with Salvage(directory, tmp_path / "scratch") as salvage:
        assert [each.data for each in salvage.entries()] == [b"a", b"b"]
        assert salvage.ending == Ending(2, 1, 1, "batch 3 is not what was written")


def test_batches_that_vanished_from_the_end_are_missed(tmp_path: Path) -> None:
    written = Written(tmp_path / "journal", 1)
    (tmp_path / "journal" / "position").rename(tmp_path / "position")
    shutil.rmtree(tmp_path / "journal")
    Written(tmp_path / "journal", 1, appends=30)
    (tmp_path / "position").rename(tmp_path / "journal" / "position")
    whole, ending = salvaged(written)
    assert written.states[whole] == written.states[30]
    assert ending.why == "it ends at batch 31, but batch 61 was synced"


def test_it_is_refused_where_there_is_none_or_somebody_is_at_it(tmp_path: Path) -> None:
    with pytest.raises(NotBootstrapped):
        Salvage(tmp_path / "journal", tmp_path / "scratch")
    Journal.bootstrap(tmp_path / "journal", ME, CONFIGURATION)
    journal = Journal(tmp_path / "journal")
    with pytest.raises(DirectoryInUse):
        Salvage(tmp_path / "journal", tmp_path / "scratch")
    journal.close()
    with Salvage(tmp_path / "journal", tmp_path / "scratch") as salvage:
        assert salvage.ending == Ending(0, 0, 0, "")
        assert not list(salvage.entries())


def test_a_copy_shares_what_is_never_written_again(tmp_path: Path) -> None:
    """The tables from before the last start; a large journal is not copied whole."""
    written = Written(tmp_path / "journal", 1, appends=50, size=2000)
    for _ in range(3):
        Journal(written.directory).close()
    borrow(written.leveldb, tmp_path / "copy")
    tables = {path.name: path.stat().st_ino for path in written.leveldb.glob("*.ldb")}
    shared = {path.name: path.stat().st_ino for path in (tmp_path / "copy").glob("*.ldb")}
    assert tables
    assert shared == tables
    others = [path for path in (tmp_path / "copy").iterdir() if path.suffix != ".ldb"]
    assert all(path.stat().st_nlink == 1 for path in others)
