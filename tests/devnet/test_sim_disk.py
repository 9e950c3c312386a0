"""The disk: one contract, two implementations, and what the imaginary one can be made to do."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random

import pytest

from consensus.disk import REAL_DISK, Damaged, Database, Disk
from consensus.journal import Journal, JournalError, StorageFailed
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from devnet.sim.cast import configuration, genesis
from devnet.sim.disk import WRITES_BACK, SimDisk
from devnet.sim.machine import DATA, SEALS, config_of
from devnet.sim.medium import PLENTY_BYTES, PowerCut
from node.member.directory import make_directory, open_directory
from node.seals.sealing import SentSeal, Step

ME = "court/00000000000000aa"
CONFIGURATION = Configuration((Voter(ME, "127.0.0.1:7000", b"certificate"),))
DATABASE = Path("/database")


@pytest.fixture(params=["real", "sim"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Disk, Path]:
    return (REAL_DISK, tmp_path) if request.param == "real" else (SimDisk(), Path("/"))


def put(database: Database, *keys: bytes, value: bytes = b"value", sync: bool = False) -> None:
    batch = database.write_batch(sync=sync)
    for key in keys:
        batch.put(key, value)
    batch.write()


def open_new(disk: Disk, directory: Path) -> Database:
    disk.create_database(directory)
    return disk.open_database(directory, write_buffer_bytes=1 << 20)


# The contract


def test_a_database_keeps_its_keys_in_order(place: tuple[Disk, Path]) -> None:
    """Against a dict, through random batches and an open now and then."""
    disk, folder = place
    database, model, random = open_new(disk, folder / "some" / "database"), {}, Random(4)
    for step in range(200):
        batch = database.write_batch(sync=random.random() < 0.5)
        for key in (random.randbytes(1) for _ in range(random.randrange(4))):
            if random.random() < 0.3:
                batch.delete(key)
                model.pop(key, None)
            else:
                value = random.randbytes(3)
                batch.put(key, value)
                model[key] = value
        batch.write()
        if step % 50 == 49:
            database.close()
            database = disk.open_database(folder / "some" / "database", write_buffer_bytes=1 << 20)
        start, stop = sorted(random.randbytes(1) for _ in range(2))
        some = [(key, model[key]) for key in sorted(model) if start <= key < stop]
        assert list(database.scan(start, stop)) == some
        assert list(database.scan(start, stop, reverse=True)) == some[::-1]
        assert list(database.scan(b"", None, fill_cache=False)) == sorted(model.items())
        assert database.get(start) == model.get(start)
    database.close()
    database.close()


def test_a_batch_is_not_seen_before_it_is_written(place: tuple[Disk, Path]) -> None:
    disk, folder = place
    database = open_new(disk, folder / "database")
    batch = database.write_batch()
    batch.put(b"key", b"value")
    assert database.get(b"key") is None
    batch.write()
    assert database.get(b"key") == b"value"
    database.close()


def test_a_database_is_made_once_and_opened_once(place: tuple[Disk, Path]) -> None:
    disk, folder = place
    with pytest.raises(Damaged, match="log is missing"):
        disk.open_database(folder / "database", write_buffer_bytes=1 << 20)
    database = open_new(disk, folder / "database")
    with pytest.raises(FileExistsError):
        disk.create_database(folder / "database")
    with pytest.raises(OSError, match="already held"):
        disk.open_database(folder / "database", write_buffer_bytes=1 << 20)
    database.close()
    disk.open_database(folder / "database", write_buffer_bytes=1 << 20).close()


def test_a_small_file_is_written_in_place_by_one_owner(place: tuple[Disk, Path]) -> None:
    disk, folder = place
    path = folder / "position"
    with pytest.raises(FileNotFoundError):
        disk.open_locked(path)
    with pytest.raises(FileNotFoundError):
        disk.read_file(path)
    disk.write_file(path, b"12345")
    file = disk.open_locked(path)
    with pytest.raises(BlockingIOError):
        disk.open_locked(path)
    file.write(b"678")
    file.sync()
    assert file.read() == file.read() == disk.read_file(path) == b"67845"
    file.close()
    file.close()
    disk.open_locked(path).close()


def test_names_come_and_go(place: tuple[Disk, Path]) -> None:
    disk, folder = place
    assert disk.names(folder / "a") == []
    disk.make_directory(folder / "a" / "b")
    with pytest.raises(FileExistsError):
        disk.make_directory(folder / "a")
    disk.write_file(folder / "a" / "file", b"data")
    assert sorted(disk.names(folder / "a")) == ["b", "file"]
    open_new(disk, folder / "a" / "b" / "database").close()
    assert "CURRENT" in disk.names(folder / "a" / "b" / "database")
    for path in (folder / "a" / "file", folder / "a", folder):
        disk.sync(path)
    with pytest.raises(FileNotFoundError):
        disk.sync(folder / "c")
    with pytest.raises(FileNotFoundError):
        disk.rename(folder / "c", folder / "d")
    disk.make_directory(folder / "c")
    disk.rename(folder / "a", folder / "c")
    assert disk.names(folder) == ["c"]
    assert disk.read_file(folder / "c" / "file") == b"data"
    disk.make_directory(folder / "d")
    with pytest.raises(OSError, match="not empty"):
        disk.rename(folder / "d", folder / "c")
    disk.remove_tree(folder / "c")
    disk.remove_tree(folder / "c")
    assert disk.names(folder) == ["d"]


def test_there_is_room(place: tuple[Disk, Path]) -> None:
    disk, folder = place
    assert disk.free_bytes(folder) > 1 << 20


# What only the imaginary one can be made to do


@pytest.fixture
def disk() -> SimDisk:
    return SimDisk()


def test_a_power_cut_leaves_of_a_file_what_it_held_at_some_time_since_its_last_sync(
    disk: SimDisk,
) -> None:
    disk.write_file(Path("/file"), b"0")
    disk.sync(Path("/"))
    file = disk.open_locked(Path("/file"))
    for data in (b"1", b"2", b"3", b"4"):
        file.write(data)
        if data == b"2":
            file.sync()
    disk.kill()
    assert disk.read_file(Path("/file")) == b"4"
    found = set()
    before = disk.copy()
    for seed in range(50):
        disk.restore(before)
        disk.crash(Random(seed))
        found.add(disk.read_file(Path("/file")))
        disk.crash(Random(seed))
        assert disk.read_file(Path("/file")) in found, "it does not change again"
    assert found == {b"2", b"3", b"4"}


def test_the_kernel_does_not_wait_for_ever(disk: SimDisk) -> None:
    disk.write_file(Path("/file"), b"%9d" % 0)
    disk.sync(Path("/"))
    file = disk.open_locked(Path("/file"))
    for number in range(1, 1001):
        file.write(b"%9d" % number)
    disk.crash(Random(1))
    left = int(disk.read_file(Path("/file")))
    assert left == 0 or left > 1000 - WRITES_BACK


def test_names_last_once_their_directory_is_synced(disk: SimDisk) -> None:
    """Of the rest the last few are undone, so every state that is left was there once."""
    root = Path("/")
    disk.make_directory(root / "kept")
    disk.write_file(root / "kept" / "file", b"data")
    disk.sync(root / "kept")
    disk.sync(root)
    steps = [
        lambda: disk.make_directory(root / "new"),
        lambda: disk.write_file(root / "new" / "file", b"data"),
        lambda: disk.rename(root / "new", root / "renamed"),
        lambda: disk.remove_tree(root / "kept"),
    ]

    def state() -> tuple[str, ...]:
        return tuple(str(path) for path in sorted(walk(disk, root)))

    before, states = disk.copy(), [state()]
    for step in steps:
        step()
        states.append(state())
    found = set()
    for seed in range(60):
        disk.restore(before)
        for step in steps:
            step()
        disk.crash(Random(seed))
        found.add(state())
        assert disk.crash(Random(seed)).batches == 0
    assert found == set(states)
    disk.restore(before)
    for step in steps:
        step()
    disk.sync(root)
    disk.sync(root / "renamed")
    disk.crash(Random(0))
    assert state() in (states[4], tuple(path for path in states[4] if path != "/renamed/file"))


def walk(disk: SimDisk, directory: Path) -> Iterator[Path]:
    for name in disk.names(directory):
        yield directory / name
        yield from walk(disk, directory / name)


def test_a_sync_that_failed_once_says_nothing_more(disk: SimDisk) -> None:
    disk.write_file(Path("/file"), b"0")
    file = disk.open_locked(Path("/file"))
    disk.fail_sync()
    with pytest.raises(OSError, match="Input/output"):
        file.sync()
    file.sync()
    disk.sync(Path("/"))


def test_on_a_full_disk_nothing_that_needs_room_is_made(disk: SimDisk) -> None:
    database = open_new(disk, DATABASE)
    disk.fill(3)
    assert disk.free_bytes(Path("/")) == 3
    with pytest.raises(OSError, match="No space"):
        disk.write_file(Path("/file"), b"1234")
    with pytest.raises(OSError, match="No space"):
        put(database, b"key")
    disk.fill(PLENTY_BYTES)
    disk.write_file(Path("/file"), b"1234")
    with pytest.raises(OSError, match="No space"):
        put(database, b"key")


def test_a_copy_put_back_is_whole_and_old(disk: SimDisk) -> None:
    database = open_new(disk, DATABASE)
    put(database, b"old")
    copy = disk.copy(DATABASE)
    put(database, b"new")
    disk.write_file(Path("/file"), b"data")
    with pytest.raises(AssertionError, match="stop it first"):
        disk.restore(copy)
    disk.kill()
    disk.restore(copy)
    for _ in range(2):
        database = disk.open_database(DATABASE, write_buffer_bytes=1 << 20)
        assert [key for key, _ in database.scan(b"", None)] == [b"old"]
        put(database, b"newer")
        disk.kill()
        disk.restore(copy)
    assert disk.read_file(Path("/file")) == b"data"


def test_a_wiped_disk_is_empty_and_of_use(disk: SimDisk) -> None:
    open_new(disk, DATABASE).close()
    disk.wipe()
    assert disk.names(Path("/")) == []
    open_new(disk, DATABASE).close()
    disk.wipe(DATABASE)
    assert disk.names(Path("/")) == []


def test_what_was_killed_is_of_no_more_use(disk: SimDisk) -> None:
    database = open_new(disk, DATABASE)
    disk.kill()
    with pytest.raises(AssertionError):
        database.get(b"key")
    disk.open_database(DATABASE, write_buffer_bytes=1 << 20)


def test_power_can_be_cut_within_any_change(disk: SimDisk) -> None:
    """Until it is back nothing works; a batch being synced is kept or lost."""
    database = open_new(disk, DATABASE)
    disk.sync(Path("/"))
    before, found = disk.copy(), set()
    for seed in range(20):
        disk.kill()
        disk.restore(before)
        database = disk.open_database(DATABASE, write_buffer_bytes=1 << 20)
        disk.cut_power_after(1)
        put(database, b"first", sync=True)
        for key in (b"second", b"third"):
            with pytest.raises(PowerCut):
                put(database, key, sync=True)
        with pytest.raises(PowerCut):
            disk.make_directory(Path("/directory"))
        disk.crash(Random(seed))
        database = disk.open_database(DATABASE, write_buffer_bytes=1 << 20)
        found.add(tuple(key for key, _ in database.scan(b"", None)))
    assert found == {(b"first",), (b"first", b"second")}


def test_one_seed_breaks_it_one_way() -> None:
    def broken() -> list[object]:
        disk, random = SimDisk(write_buffer_bytes=200), Random(5)
        database = open_new(disk, DATABASE)
        disk.sync(Path("/"))
        for number in range(30):
            put(database, b"%d" % number)
        results: list[object] = [disk.crash(random, tear=0.5), disk.flip_table(random, DATABASE)]
        return [*results, repr(disk.copy())]

    assert broken() == broken()


# The journal on it


@pytest.mark.parametrize("seed", range(30))
def test_a_journal_has_all_it_acknowledged_or_says_that_it_is_damaged(seed: int) -> None:
    """Power cuts and killed processes at any change, batches torn; never a lost acknowledgement.
    Only a torn batch may keep a journal from opening."""
    disk, random = SimDisk(write_buffer_bytes=2000), Random(seed)
    directory = Path("/journal")
    disk.sync(Path("/"))
    Journal.bootstrap(directory, ME, CONFIGURATION, disk)
    term, acknowledged = 1, list[Entry]()
    for life in count():
        torn = 0
        journal = Journal(directory, disk)
        found = list(journal.entries(1, journal.last_index + 1, 1 << 30)) if acknowledged else []
        assert found[: len(acknowledged)] == acknowledged, "something was lost"
        assert len(found) <= len(acknowledged) + 3, "something was never written"
        acknowledged, term = found, journal.hard_state.term + 1
        if life == 10:
            return
        disk.cut_power_after(random.randrange(30))
        try:
            while True:
                entries = new_entries(random, term, len(acknowledged))
                journal.append(HardState(term), entries)
                acknowledged[entries[0].index - 1 :] = entries
        except PowerCut:
            if random.random() < 0.3:
                disk.cut_power_after(None)
                disk.kill()
            else:
                torn = disk.crash(random, tear=0.2).torn
        if torn:
            with pytest.raises(JournalError, match="checksum mismatch"):
                Journal(directory, disk)
            return


def new_entries(random: Random, term: int, last: int) -> list[Entry]:
    """Up to three, now and then in the place of others; what they replace is not given up before
    they are acknowledged, so they are only ever appended here."""
    return [
        Entry(last + 1 + n, term, EntryKind.NORMAL, 0, "court", "1", random.randbytes(50))
        for n in range(random.randint(1, 3))
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_journal_with_a_flipped_bit_never_serves_less_than_it_acknowledged(seed: int) -> None:
    """LevelDB alone opens some of these short, without a word."""
    disk, random, directory = SimDisk(), Random(seed), Path("/journal")
    Journal.bootstrap(directory, ME, CONFIGURATION, disk)
    journal = Journal(directory, disk)
    for _ in range(10):
        journal.append(HardState(1), new_entries(random, 1, journal.last_index))
    disk.kill()
    if random.random() < 0.2:
        disk.flip_file(random, directory / "position")
    else:
        assert disk.flip_log(random, directory / "leveldb")
    with pytest.raises(JournalError, match=r"position file is damaged|checksum|was synced|empty"):
        Journal(directory, disk)


@pytest.mark.parametrize("seed", range(20))
def test_a_bootstrap_cut_short_can_be_made_again(seed: int) -> None:
    disk, random, directory = SimDisk(), Random(seed), Path("/journal")
    disk.cut_power_after(random.randrange(12))
    try:
        Journal.bootstrap(directory, ME, CONFIGURATION, disk)
    except PowerCut:
        disk.crash(random)
        if not disk.names(directory):
            Journal.bootstrap(directory, ME, CONFIGURATION, disk)
    disk.cut_power_after(None)
    journal = Journal(directory, disk)
    journal.append(HardState(1), new_entries(random, 1, 0))


def test_a_journal_on_a_full_disk_is_refused_not_damaged(disk: SimDisk) -> None:
    directory = Path("/journal")
    Journal.bootstrap(directory, ME, CONFIGURATION, disk)
    disk.fill()
    with pytest.raises(StorageFailed, match="No space left"):
        Journal(directory, disk)
    disk.fill(PLENTY_BYTES)
    Journal(directory, disk).close()


@pytest.mark.parametrize("seed", range(8))
def test_seals_made_anew_outlast_a_power_cut(seed: int) -> None:
    """Those that did not check are set aside; what the new ones hold may have been told."""
    disk, first = SimDisk(), configuration(["archive/00000000000000a0"])
    config, chain = config_of("archive"), genesis(("archive",), 1)
    disk.make_directory(DATA.parent)
    disk.sync(Path("/"))
    make_directory(config, chain, first.voters[0].id, first, disk)
    disk.drop_log(Random(0), SEALS)
    with closing(open_directory(config, chain, disk)) as directory:
        last = SentSeal(1, b"body", b"line")
        directory.seals.write(Step(own=[last]), directory.journal.mark.format())
    disk.crash(Random(seed))
    with closing(open_directory(config, chain, disk)) as directory:
        assert directory.seals.load().last == last
