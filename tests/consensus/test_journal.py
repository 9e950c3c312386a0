"""The journal keeps what it acknowledged, or says loudly that it did not."""

import multiprocessing
import os
import random
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from consensus import journal as journal_module
from consensus.disk import REAL_DISK, Damaged, Database, RealDisk
from consensus.journal import (
    RESERVE_BYTES,
    AlreadyBootstrapped,
    DirectoryInUse,
    Journal,
    NotBootstrapped,
    StorageCorrupt,
    StorageFailed,
)
from consensus.log import MemoryStorage
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter
from consensus.records import BATCH, DATA, HEADER, Mark, key_of, place

ME = "court/00000000000000aa"
CONFIGURATION = Configuration((Voter(ME, "127.0.0.1:7000", b"certificate"),))
LARGER = Configuration((*CONFIGURATION.voters, Voter("notary/00000000000000bb", "n:1", b"other")))


def entry(index: int, term: int = 1, data: bytes = b"block", kind: int = EntryKind.NORMAL) -> Entry:
    return Entry(index, term, EntryKind(kind), 1_700_000_000_000 + index, "court", "0.1.0", data)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    Journal.bootstrap(tmp_path / "journal", ME, CONFIGURATION)
    return tmp_path / "journal"


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    journal = Journal(directory)
    yield journal
    journal.close()


def reopen(journal: Journal) -> Journal:
    journal.close()
    return Journal(journal.directory)


def log_files(directory: Path) -> list[Path]:
    return sorted((directory / "leveldb").glob("*.log"))


def test_a_new_journal_knows_who_it_is_and_has_promised_nothing(journal: Journal) -> None:
    assert journal.replica_id == ME
    assert journal.configurations() == ((0, CONFIGURATION),)
    assert journal.hard_state == HardState()
    assert journal.last_index == 0
    assert journal.mark.number == 1


def test_everything_appended_is_there_after_reopening(journal: Journal) -> None:
    entries = (entry(1, data=b""), entry(2, data=bytes(70_000)), entry(3, 2))
    journal.append(HardState(2, ME), entries)
    mark = journal.append(HardState(3), ())
    journal.probe()
    again = reopen(journal)
    assert again.hard_state == HardState(3, None)
    assert again.entries(1, 4, 1 << 20) == entries
    assert [again.term(index) for index in (1, 2, 3)] == [1, 1, 2]
    assert again.mark == mark
    assert again.covers(mark)
    again.close()


def test_an_append_replaces_everything_from_its_first_index_on(journal: Journal) -> None:
    configuration = entry(3, data=LARGER.format(), kind=EntryKind.CONFIGURATION)
    journal.append(HardState(1), (entry(1), entry(2), configuration, entry(4)))
    assert journal.configurations() == ((0, CONFIGURATION), (3, LARGER))
    journal.append(HardState(2), (entry(2, 2, b"other"),))
    again = reopen(journal)
    assert again.last_index == 2
    assert again.entries(1, 3, 1 << 20) == (entry(1), entry(2, 2, b"other"))
    assert again.configurations() == ((0, CONFIGURATION),)
    again.close()


def test_a_mark_is_covered_until_the_journal_is_put_back(journal: Journal) -> None:
    """Whatever replaced the batch since: only another history or a shorter one lacks it."""
    rng = random.Random(11)
    marks = [journal.mark]
    for term in range(1, 40):
        first = rng.randint(max(1, journal.last_index - 5), journal.last_index + 1)
        count = rng.randint(0, 3)
        marks.append(
            journal.append(HardState(term), [entry(first + n, term) for n in range(count)])
        )
        assert all(journal.covers(mark) for mark in marks)
    newest = marks[-1]
    assert not journal.covers(Mark(newest.first, newest.number, bytes(32)))
    assert not journal.covers(Mark(newest.first, newest.number + 1, newest.chain))
    again = reopen(journal)
    assert all(again.covers(mark) for mark in marks)
    again.close()


def test_reads_stop_at_the_byte_limit_but_give_at_least_one_entry(journal: Journal) -> None:
    journal.append(HardState(1), [entry(index, data=bytes(100)) for index in range(1, 6)])
    assert [e.index for e in journal.entries(2, 6, 250)] == [2, 3]
    assert [e.index for e in journal.entries(2, 6, 0)] == [2]


def test_equals_the_storage_in_memory_after_random_appends(journal: Journal) -> None:
    """The journal against the naive storage, reopened now and then; seeded."""
    rng = random.Random(7)
    memory = MemoryStorage(CONFIGURATION)
    term = 1
    for step in range(60):
        term += rng.random() < 0.3
        first = rng.randint(max(1, memory.last_index - 3), memory.last_index + 1)
        kinds = rng.choices(
            (EntryKind.NORMAL, EntryKind.CONFIGURATION), (9, 1), k=rng.randint(0, 4)
        )
        entries = [
            entry(
                first + n,
                term,
                LARGER.format()
                if kind is EntryKind.CONFIGURATION
                else rng.randbytes(rng.randint(0, 99)),
                kind,
            )
            for n, kind in enumerate(kinds)
        ]
        hard_state = HardState(term, rng.choice((None, ME)))
        memory.append(hard_state, entries)
        journal.append(hard_state, entries)
        if step % 20 == 19:
            journal = reopen(journal)
        assert journal.hard_state == memory.hard_state
        assert journal.last_index == memory.last_index
        assert journal.configurations() == tuple(memory.configurations())
        if stop := memory.last_index + 1:
            start = rng.randint(1, max(1, stop - 1))
            if start < stop:
                assert journal.entries(start, stop, 1 << 30) == memory.entries(start, stop, 1 << 30)
    journal.close()


def _try_to_open(directory: Path, answer: "multiprocessing.SimpleQueue[str]") -> None:
    try:
        Journal(directory)
    except DirectoryInUse as error:
        answer.put(str(error))


def test_a_second_opener_is_refused_here_and_in_another_process(journal: Journal) -> None:
    with pytest.raises(DirectoryInUse):
        Journal(journal.directory)
    context = multiprocessing.get_context("spawn")
    answer = context.SimpleQueue()
    process = context.Process(target=_try_to_open, args=(journal.directory, answer))
    process.start()
    process.join()
    assert "stop it first" in answer.get()


def test_only_bootstrap_makes_a_journal_and_never_over_another(tmp_path: Path) -> None:
    with pytest.raises(NotBootstrapped):
        Journal(tmp_path / "journal")
    # An earlier bootstrap that stopped half-way is started over.
    (tmp_path / "journal.new" / "leveldb").mkdir(parents=True)
    Journal.bootstrap(tmp_path / "journal", ME, CONFIGURATION)
    with pytest.raises(AlreadyBootstrapped):
        Journal.bootstrap(tmp_path / "journal", ME, CONFIGURATION)
    Journal(tmp_path / "journal").close()


class TestLoss:
    """What disks and people do to directories. LevelDB alone opens most of these without a word."""

    @pytest.fixture
    def directory(self, directory: Path) -> Path:
        journal = Journal(directory)
        for index in range(1, 21):
            journal.append(HardState(1, ME), (entry(index, data=bytes([index]) * 200),))
        journal.close()
        return directory

    def test_without_its_log_file(self, directory: Path) -> None:
        for path in log_files(directory):
            path.unlink()
        with pytest.raises(StorageCorrupt, match="log is missing"):
            Journal(directory)

    def test_with_an_emptied_log_file(self, directory: Path) -> None:
        for path in log_files(directory):
            path.write_bytes(b"")
        with pytest.raises(StorageCorrupt, match="but batch 21 was synced"):
            Journal(directory)

    def test_with_a_log_cut_at_the_end(self, directory: Path) -> None:
        path = log_files(directory)[-1]
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(StorageCorrupt, match="but batch 21 was synced"):
            Journal(directory)

    def test_with_an_emptied_database(self, directory: Path) -> None:
        for path in (directory / "leveldb").iterdir():
            path.unlink()
        with pytest.raises(StorageCorrupt):
            Journal(directory)

    def test_with_a_new_empty_database(self, directory: Path) -> None:
        for path in (directory / "leveldb").iterdir():
            path.unlink()
        (directory / "leveldb").rmdir()
        REAL_DISK.create_database(directory / "leveldb")
        with pytest.raises(StorageCorrupt, match="empty"):
            Journal(directory)

    def test_without_the_position_file(self, directory: Path) -> None:
        (directory / "position").unlink()
        with pytest.raises(StorageCorrupt, match="position file is missing"):
            Journal(directory)

    def test_with_a_damaged_position_file(self, directory: Path) -> None:
        damaged = bytearray((directory / "position").read_bytes())
        damaged[20] ^= 1
        (directory / "position").write_bytes(damaged)
        with pytest.raises(StorageCorrupt, match="position file is damaged"):
            Journal(directory)

    def test_with_an_older_copy_put_back(self, directory: Path, tmp_path: Path) -> None:
        """Only the database was restored; the file beside it remembers that there was more."""
        shutil.copytree(directory / "leveldb", tmp_path / "copy")
        journal = Journal(directory)
        mark = journal.append(None, (entry(21),))
        journal.close()
        shutil.rmtree(directory / "leveldb")
        shutil.copytree(tmp_path / "copy", directory / "leveldb")
        with pytest.raises(StorageCorrupt, match="but batch 22 was synced"):
            Journal(directory)
        assert mark.number == 22

    def test_a_flipped_log_byte_is_never_served(self, directory: Path) -> None:
        """At any place: either it does not open, or it still has everything."""
        path = log_files(directory)[-1]
        intact = path.read_bytes()
        rng = random.Random(3)
        for at in rng.sample(range(len(intact)), 40):
            path.write_bytes(intact[:at] + bytes([intact[at] ^ 0x10]) + intact[at + 1 :])
            names = {p.name for p in (directory / "leveldb").iterdir()}
            with pytest.raises(StorageCorrupt):
                Journal(directory)
            for extra in (directory / "leveldb").iterdir():
                if extra.name not in names:
                    extra.unlink()

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            (place(1, BATCH), "its beginning is missing"),
            (place(9, BATCH), "batch 11 does not continue batch 9"),
            (place(20, BATCH), "it ends at entry 20, but the last is 19"),
            (place(7, HEADER), "the header of entry 7 is missing"),
            (place(7, DATA), "entry 7 is missing or 8 is left over"),
            (place(20, DATA), "it ends at entry 19, but the last is 20"),
            (key_of(b"t", 1), "index out of range"),
        ],
    )
    def test_with_a_hole(self, directory: Path, key: bytes, message: str) -> None:
        tamper(directory, key, None)
        with pytest.raises(StorageCorrupt) as caught:
            Journal(directory)
        assert re.search(message, str(caught.value))

    def test_with_an_entry_left_over(self, directory: Path) -> None:
        for part in (HEADER, DATA):
            tamper(directory, place(21, part), peek(directory, place(20, part)))
        with pytest.raises(StorageCorrupt, match="it ends at entry 21, but the last is 20"):
            Journal(directory)

    def test_with_a_cut_entry(self, directory: Path) -> None:
        tamper(directory, place(5, DATA), b"short")
        with pytest.raises(StorageCorrupt, match="entry 5 is cut"):
            Journal(directory)

    def test_with_a_batch_of_another_history(self, directory: Path, tmp_path: Path) -> None:
        Journal.bootstrap(tmp_path / "other", ME, CONFIGURATION)
        other = Journal(tmp_path / "other")
        for index in range(1, 9):
            other.append(HardState(1, None), (entry(index),))
        other.close()
        tamper(directory, place(8, BATCH), peek(tmp_path / "other", place(8, BATCH)))
        with pytest.raises(StorageCorrupt, match="batch 9 does not continue batch 8"):
            Journal(directory)

    def test_a_body_missing_from_what_was_not_counted_is_noticed_when_it_is_read(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(journal_module, "RECOUNT_BYTES", 1000)
        tamper(directory, place(5, DATA), None)
        journal = Journal(directory)
        assert len(journal.entries(1, 5, 1 << 20)) == 4
        with pytest.raises(StorageCorrupt, match="entry 5 is cut"):
            journal.entries(1, 21, 1 << 20)
        journal.close()


def open_database(directory: Path) -> Database:
    return REAL_DISK.open_database(directory / "leveldb", write_buffer_bytes=1 << 20)


def peek(directory: Path, key: bytes) -> bytes:
    db = open_database(directory)
    record = db.get(key)
    db.close()
    assert record is not None
    return record


def tamper(directory: Path, key: bytes, record: bytes | None) -> None:
    """Change one record as LevelDB itself would, so that every checksum is right."""
    db = open_database(directory)
    batch = db.write_batch(sync=True)
    batch.delete(key) if record is None else batch.put(key, record)
    batch.write()
    db.close()


def test_a_missing_table_is_noticed(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "WRITE_BUFFER_BYTES", 1 << 16)
    journal = reopen(journal)
    for index in range(1, 60):
        journal.append(HardState(1), (entry(index, data=bytes(8192)),))
    journal = reopen(journal)
    journal.close()
    tables = sorted((journal.directory / "leveldb").glob("*.ldb"))
    tables[0].unlink()
    with pytest.raises(StorageCorrupt, match="missing files"):
        Journal(journal.directory)


def test_an_open_recounts_only_what_can_have_vanished(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "RECOUNT_BYTES", 2000)
    for index in range(1, 101):
        journal.append(HardState(1), (entry(index),))
    again = reopen(journal)
    assert again.last_index == 100
    assert 20 < len(again._newest_parts()) < 60
    again.close()


def test_after_a_failed_write_nothing_more_is_accepted(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(HardState(1), (entry(1),))
    before = journal.mark

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("consensus.disk.os.pwrite", fail)
        with pytest.raises(StorageFailed, match="No space left"):
            journal.append(None, (entry(2),))
    for write in (journal.probe, lambda: journal.append(None, (entry(2),))):
        with pytest.raises(StorageFailed, match="an earlier write failed"):
            write()
    assert journal.mark == before
    # The batch itself had reached the disk, and the next open finds the file behind it.
    again = reopen(journal)
    assert again.last_index == 2
    again.close()


def test_damage_met_while_writing_is_damage(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compaction that meets a damaged table says so in the next write."""

    class Meets:
        def write(self, data: bytes) -> None:
            raise Damaged("block checksum mismatch")

        close = journal._position_file.close

    monkeypatch.setattr(journal, "_position_file", Meets())
    with pytest.raises(StorageCorrupt, match="block checksum mismatch"):
        journal.append(HardState(1), ())
    with pytest.raises(StorageFailed, match="an earlier write failed"):
        journal.append(HardState(1), ())


def test_damage_met_while_truncating_is_damage(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is removed is read first, and nothing is written after that failed."""
    for index in (1, 2):
        journal.append(HardState(1), (entry(index),))

    def meets(_: int) -> NoReturn:
        raise Damaged("block checksum mismatch")

    monkeypatch.setattr(journal, "_batches_before", meets)
    with pytest.raises(StorageCorrupt, match="block checksum mismatch"):
        journal.append(HardState(2), (entry(1, 2),))
    with pytest.raises(StorageFailed, match="an earlier write failed"):
        journal.append(HardState(2), ())
    assert journal.last_index == 2


def test_too_many_open_files_are_no_damage(directory: Path) -> None:
    """However many descriptors are left, too few for the open or enough."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    outcomes = set()
    for few in range(16):
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + few, limits[1]))
        try:
            outcomes.add(outcome_of_open(directory))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert outcomes == {"opens", "refused"}


def outcome_of_open(directory: Path) -> str:
    try:
        Journal(directory).close()
    except StorageFailed as error:
        return "refused" if "Too many open files" in str(error) else str(error)
    return "opens"


class SmallDisk(RealDisk):
    """With as much room as the test says."""

    free = RESERVE_BYTES

    def free_bytes(self, path: Path, /) -> int:
        return self.free


def test_it_says_when_only_the_reserve_is_left(directory: Path) -> None:
    disk = SmallDisk()
    journal = Journal(directory, disk)
    assert journal.has_room
    disk.free -= 1
    journal.append(HardState(1), ())
    assert not journal.has_room
    disk.free += 1
    journal.probe()
    assert journal.has_room
    journal.close()
    disk.free -= 1
    journal = Journal(directory, disk)
    assert not journal.has_room
    journal.append(HardState(2), (entry(1),))
    journal.close()


def append_for_ever(journal: Journal, data: bytes) -> None:
    while True:
        journal.append(None, (entry(journal.last_index + 1, data=data),))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_on_a_disk_that_fills_up_the_reserve_is_left_for_an_open(tmp_path: Path) -> None:
    """A real one. Whoever heeds `has_room` can open the journal again; whoever does not fills the
    disk, is refused, and has all it acknowledged once there is room."""
    size = RESERVE_BYTES + (24 << 20)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    try:
        Journal.bootstrap(tmp_path / "journal", ME, CONFIGURATION)
        journal = Journal(tmp_path / "journal")
        data = bytes(1 << 20)
        while journal.has_room:
            journal.append(None, (entry(journal.last_index + 1, data=data),))
        assert journal.last_index > 3
        journal = reopen(journal)
        with pytest.raises(StorageFailed, match="No space left"):
            append_for_ever(journal, data)
        last = journal.last_index
        journal.close()
        with suppress(OSError), (tmp_path / "ballast").open("wb", buffering=0) as file:
            while file.write(data):
                pass
        with pytest.raises(StorageFailed, match="No space left"):
            Journal(tmp_path / "journal")
        subprocess.run([*mount[:4], f"remount,size={size + (64 << 20)}", *mount[5:]], check=True)
        journal = Journal(tmp_path / "journal")
        assert journal.last_index >= last
        journal.close()
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
