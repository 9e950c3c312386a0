"""The imaginary disk breaks as a real one: the same damage to both, and the same is seen.

A real LevelDB is damaged in its files, the imaginary one through its methods. Chance chooses where;
what is compared is everything that was seen over many seeds, so neither may be kinder.
"""

import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from consensus.disk import REAL_DISK, Damaged, Database, Disk
from devnet.sim.disk import SimDisk

SMALL_BYTES = 16 << 10
"""A write buffer that a few batches fill."""

Seen = str | tuple[int, ...]
"""The numbers of the batches that were read, or what happened instead."""


class Patient:
    """A database whose batches are numbered: each has three rows of its own and a common one."""

    disk: Disk
    path: Path

    def open(self, buffer_bytes: int = 4 << 20) -> Database:
        return self.disk.open_database(self.path, write_buffer_bytes=buffer_bytes)

    def seen(self) -> Seen:
        try:
            database = self.open()
        except Damaged:
            return "does not open"
        except OSError:
            return "refused"
        try:
            rows = [key for key, _ in database.scan(b"b", b"c")]
        except Damaged:
            return "does not read"
        finally:
            database.close()
        numbers = sorted({int(key[1:6]) for key in rows})
        assert len(rows) == 3 * len(numbers), "part of a batch"
        return tuple(numbers)


def write(database: Database, numbers: range, *, size: int = 100, sync: bool = True) -> None:
    for number in numbers:
        batch = database.write_batch(sync=sync)
        for part in range(3):
            batch.put(b"b%05d/%d" % (number, part), Random(number).randbytes(size))
        batch.put(b"newest", b"%d" % number)
        batch.write()


class Real(Patient):
    """On this machine's disk. The process is as good as dead while the files are looked at."""

    def __init__(self, folder: Path) -> None:
        self.disk, self.path = REAL_DISK, folder / "database"
        self.disk.create_database(self.path)
        self.ends: list[int] = []

    def fill(self, synced: int, unsynced: int = 0, size: int = 100) -> None:
        """Write so many batches and be killed: the files are what the open database had written."""
        database = self.open()
        for number in range(synced + unsynced):
            write(database, range(number, number + 1), size=size, sync=number < synced)
            self.ends.append(self.log.stat().st_size)
        self.synced_end = self.ends[synced - 1] if synced else 0
        shutil.copytree(self.path, killed := self.path.with_name("killed"))
        database.close()
        shutil.rmtree(self.path)
        killed.rename(self.path)
        self.intact = self.log.read_bytes()

    @property
    def log(self) -> Path:
        return max(self.path.glob("*.log"))

    def heal(self) -> None:
        """As `fill` left it."""
        keep = {path: path.read_bytes() for path in self.kept.iterdir()}
        shutil.rmtree(self.path)
        self.path.mkdir()
        for path, data in keep.items():
            (self.path / path.name).write_bytes(data)

    def keep(self) -> None:
        self.kept = self.path.with_name("kept")
        shutil.copytree(self.path, self.kept)

    def damage_log(self, change: Callable[[bytearray], object]) -> Seen:
        self.heal()
        data = bytearray(self.intact)
        change(data)
        self.log.write_bytes(data)
        return self.seen()


def real(folder: Path, synced: int, unsynced: int = 0, size: int = 100) -> Real:
    patient = Real(folder)
    patient.fill(synced, unsynced, size)
    patient.keep()
    return patient


class Sim(Patient):
    """On the imaginary disk."""

    def __init__(self) -> None:
        self.disk: SimDisk = SimDisk()
        self.path = Path("/database")
        self.disk.create_database(self.path)
        self.disk.sync(Path("/"))


def sim(synced: int, unsynced: int = 0, size: int = 100) -> Sim:
    patient = Sim()
    database = patient.open()
    write(database, range(synced), size=size)
    write(database, range(synced, synced + unsynced), size=size, sync=False)
    patient.disk.kill()
    return patient


def prefixes(shortest: int, longest: int) -> set[Seen]:
    return {tuple(range(count)) for count in range(shortest, longest + 1)}


# Logs


def test_the_end_of_the_process_loses_nothing(tmp_path: Path) -> None:
    assert real(tmp_path, 3, 5).seen() == sim(3, 5).seen() == tuple(range(8))


def test_a_power_cut_leaves_a_prefix_of_what_was_not_synced(tmp_path: Path) -> None:
    """The file ends anywhere behind its last sync."""
    patient = real(tmp_path, 2, 4)
    random = Random(1)

    def cut() -> Seen:
        end = random.randint(patient.synced_end, len(patient.intact))
        return patient.damage_log(lambda log: log.__delitem__(slice(end, None)))

    on_real = {cut() for _ in range(60)} | {patient.damage_log(lambda log: None)}
    on_sim = set()
    for seed in range(60):
        imaginary = sim(2, 4)
        imaginary.disk.crash(Random(seed))
        on_sim.add(imaginary.seen())
    assert on_real == on_sim == prefixes(2, 6)


def test_a_torn_batch_is_dropped_or_fails_the_open(tmp_path: Path) -> None:
    """Some sectors of the last batch never came to the disk; the file is as long as it was."""
    patient = real(tmp_path, 3, 1, size=1000)
    random = Random(2)

    def tear(log: bytearray) -> None:
        sectors = range(patient.synced_end, len(log), 512)
        for at in random.sample(sectors, random.randint(0, len(sectors))):
            end = min(at + 512, len(log))
            log[at:end] = bytes(end - at)

    on_real = {patient.damage_log(tear) for _ in range(60)}
    on_sim = set()
    for seed in range(60):
        imaginary = sim(3, 1, size=1000)
        loss = imaginary.disk.crash(Random(seed), tear=0.5)
        on_sim.add(seen := imaginary.seen())
        assert (seen == "does not open") == (loss.torn == 1)
    assert on_real == on_sim == {*prefixes(3, 4), "does not open"}


def flipped(log: bytearray, at: int, bit: int) -> None:
    log[at] ^= 1 << bit


def test_a_flipped_bit_in_a_short_log_fails_the_open_or_looks_like_its_end(tmp_path: Path) -> None:
    patient = real(tmp_path, 6)
    random = Random(3)
    places = [(random.randrange(len(patient.intact)), random.randrange(8)) for _ in range(60)]
    # Bytes 4 and 5 of a record are its length.
    places += [(start + 5, 6) for start in (0, *patient.ends[:-1])]
    on_real = {patient.damage_log(lambda log, p=place: flipped(log, *p)) for place in places}
    on_sim = set()
    for seed in range(120):
        imaginary = sim(6)
        assert imaginary.disk.flip_log(Random(seed), imaginary.path)
        on_sim.add(imaginary.seen())
    assert on_real == on_sim == {*prefixes(0, 5), "does not open"}


def test_a_flipped_bit_far_from_the_end_of_a_log_always_fails_the_open(tmp_path: Path) -> None:
    """Only in the last block of 32 KiB can a record seem to go on behind the end of the file."""
    patient = real(tmp_path, 12, size=2700)
    in_last_block = sum(end <= len(patient.intact) & ~0x7FFF for end in patient.ends)
    places = [(start + 5, 6) for start in (0, *patient.ends[:-1])]
    on_real = {patient.damage_log(lambda log, p=place: flipped(log, *p)) for place in places}
    on_sim = set()
    for seed in range(200):
        imaginary = sim(12, size=2700)
        imaginary.disk.flip_log(Random(seed), imaginary.path)
        on_sim.add(imaginary.seen())
    for seen in (on_real, on_sim):
        assert "does not open" in seen
        shortest = min(len(numbers) for numbers in seen if isinstance(numbers, tuple))
        assert in_last_block - 1 <= shortest < 12


def test_without_its_only_log_it_does_not_open(tmp_path: Path) -> None:
    patient, imaginary = real(tmp_path, 3), sim(3)
    patient.log.unlink()
    assert imaginary.disk.drop_log(Random(1), imaginary.path)
    assert patient.seen() == imaginary.seen() == "does not open"
    assert not imaginary.disk.drop_log(Random(1), imaginary.path)


def test_one_of_two_logs_is_not_missed(tmp_path: Path) -> None:
    """There are two while one becomes a table. A process killed then leaves both, made here by
    cutting one log in two."""
    patient = real(tmp_path, 6)
    middle = patient.ends[2]
    older, newer = patient.log, patient.path / "000099.log"
    on_real: set[Seen] = set()
    for missing in (older, newer):
        patient.heal()
        older.write_bytes(patient.intact[:middle])
        newer.write_bytes(patient.intact[middle:])
        missing.unlink()
        on_real.add(patient.seen())
    on_sim: set[Seen] = set()
    for seed in range(20):
        imaginary = Sim()
        database = imaginary.open(SMALL_BYTES)
        write(database, range(6), size=SMALL_BYTES // 7)
        imaginary.disk.kill()
        imaginary.disk.drop_log(Random(seed), imaginary.path)
        on_sim.add(imaginary.seen())
    assert on_real == on_sim == {(0, 1, 2), (3, 4, 5)}


# Tables


def tabulated(patient: Patient, count: int = 8) -> Patient:
    """An open makes a table of what the log held."""
    write(database := patient.open(), range(count), size=1000)
    database.close()
    patient.open().close()
    return patient


def test_a_missing_table_fails_the_open(tmp_path: Path) -> None:
    patient, imaginary = Real(tmp_path), Sim()
    assert not imaginary.disk.drop_table(imaginary.path)
    for each in (patient, imaginary):
        tabulated(each)
    next(patient.path.glob("*.ldb")).unlink()
    assert imaginary.disk.drop_table(imaginary.path)
    assert patient.seen() == imaginary.seen() == "does not open"


def flip_table(patient: Patient, random: Random) -> None:
    if isinstance(patient, Sim):
        assert patient.disk.flip_table(random, patient.path)
        return
    (table,) = patient.path.glob("*.ldb")
    data = bytearray(table.read_bytes())
    data[random.randrange(8 * 3000)] ^= 1 << random.randrange(8)
    table.write_bytes(data)


@pytest.mark.parametrize("where", ["real", "sim"])
def test_a_flipped_table_opens_and_fails_the_reads_that_meet_it(tmp_path: Path, where: str) -> None:
    for seed in range(10):
        (folder := tmp_path / str(seed)).mkdir()
        patient = tabulated(Real(folder) if where == "real" else Sim())
        flip_table(patient, Random(seed))
        assert patient.seen() == "does not read"
        database, right, bad = patient.open(), 0, 0
        for number in range(8):
            for part in range(3):
                try:
                    value = database.get(b"b%05d/%d" % (number, part))
                except Damaged:
                    bad += 1
                else:
                    right += value == Random(number).randbytes(1000)
        assert right + bad == 24
        assert 1 <= bad <= 6, "what shares a block with it"
        database.close()


@pytest.mark.parametrize("where", ["real", "sim"])
def test_no_scan_passes_over_a_flipped_block(tmp_path: Path, where: str) -> None:
    """Wherever the block and the bounds are, and in both directions: also where nothing follows."""
    for seed in range(12):
        (folder := tmp_path / str(seed)).mkdir()
        patient, random = Real(folder) if where == "real" else Sim(), Random(seed)
        tabulated(patient)
        database = patient.open()
        rows = list(database.scan(b"", None))
        database.close()
        flip_table(patient, random)
        database, outcomes = patient.open(), set()
        for _ in range(60):
            first, last = sorted(random.sample(range(len(rows)), 2))
            start, stop = rows[first][0], random.choice((rows[last][0], None))
            reverse = random.random() < 0.5
            right = rows[first : last if stop else None]
            try:
                found = list(database.scan(start, stop, reverse=reverse))
            except Damaged:
                outcomes.add("damaged")
            else:
                outcomes.add("right")
                assert found == (right[::-1] if reverse else right)
        assert outcomes == {"right", "damaged"}
        database.close()


@pytest.mark.parametrize("where", ["real", "sim"])
def test_a_compaction_that_meets_a_flipped_table_fails_all_later_writes(
    tmp_path: Path, where: str
) -> None:
    patient = tabulated(Real(tmp_path) if where == "real" else Sim())
    flip_table(patient, Random(1))
    database = patient.open(SMALL_BYTES * 4)
    with pytest.raises(Damaged):
        write(database, range(2000), size=1000)
    for _ in range(2):
        with pytest.raises(Damaged):
            write(database, range(1))
    database.close()


def test_there_is_nothing_to_flip_in_an_empty_database() -> None:
    patient = Sim()
    assert not patient.disk.flip_log(Random(1), patient.path)
    assert not patient.disk.flip_table(Random(1), patient.path)


# Refusals


@pytest.mark.parametrize("where", ["real", "sim"])
def test_where_there_is_no_room_all_later_writes_fail_and_the_next_open_too(
    tmp_path: Path, where: str
) -> None:
    """The real one may write files of so many bytes only: refused the same way, without a disk of
    its own to fill."""
    patient = Real(tmp_path) if where == "real" else Sim()
    database = patient.open()
    write(database, range(10))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        if isinstance(patient, Sim):
            patient.disk.fill(100)
        else:
            assert isinstance(patient, Real)
            resource.setrlimit(resource.RLIMIT_FSIZE, (patient.log.stat().st_size + 100, limits[1]))
        for number in (10, 11):
            with pytest.raises(OSError, match=r"too large|No space"):
                write(database, range(number, number + 1))
        assert [key for key, _ in database.scan(b"newest", None)] == [b"newest"]
        assert database.get(b"newest") == b"9"
        database.close()
        if isinstance(patient, Real):
            resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
        assert patient.seen() == "refused"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if isinstance(patient, Sim):
        patient.disk.fill(1 << 20)
    assert patient.seen() == tuple(range(10))


FAILING_SYNC = """\
import sys
from pathlib import Path
from consensus.disk import REAL_DISK
database = REAL_DISK.open_database(Path(sys.argv[1]), write_buffer_bytes=4 << 20)
for number in range(3):
    batch = database.write_batch(sync=True)
    batch.put(b"b%05d" % number, b"")
    try:
        batch.write()
    except OSError as error:
        print(type(error).__mro__[-4].__name__, number)
print([key for key, _ in database.scan(b"", None)])
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to fail a system call")
def test_after_a_failed_sync_a_real_database_refuses_and_its_batch_may_be_there_later(
    tmp_path: Path,
) -> None:
    patient = Real(tmp_path)
    inject = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=4+"]
    command = ["strace", "-f", "-qq", "-o", "/dev/null", *inject, sys.executable, "-c"]
    run = subprocess.run(
        [*command, FAILING_SYNC, str(patient.path)], capture_output=True, text=True, check=False
    )
    if "ptrace" in run.stderr:
        pytest.skip("strace may not trace here")
    assert run.stdout == "OSError 0\nOSError 1\nOSError 2\n[]\n", run.stderr
    database = patient.open()
    assert [key for key, _ in database.scan(b"", None)] == [b"b00000"]
    database.close()


def test_after_a_failed_sync_an_imaginary_database_does_the_same() -> None:
    patient = Sim()
    database = patient.open()
    patient.disk.fail_sync()
    for number in range(3):
        with pytest.raises(OSError, match="Input/output"):
            write(database, range(number, number + 1))
    assert list(database.scan(b"", None)) == []
    patient.disk.kill()
    assert patient.seen() == (0,)


def test_records_of_a_log_begin_with_what_the_flips_assume(tmp_path: Path) -> None:
    """Checksum u32, length u16, type u8, little-endian: else the flips above miss the length."""
    patient = real(tmp_path, 2)
    length, kind = struct.unpack_from("<HB", patient.intact, 4)
    assert (7 + length, kind) == (patient.ends[0], 1)
