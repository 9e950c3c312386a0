"""The store of health records: chained across restarts, by time; and the digests of what runs."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.errors import Corrupt
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.operating.health import HealthRecord, Reported, Term, submit
from node.operating.keeping import KEEP_MS, Records
from node.operating.versions import code_digest, settings_digest

ORIGIN = "cunzheng.test/rooms"
TIME_MS = 1_790_000_000_000


def chance(size: int) -> bytes:
    return b"\x07" * size


def report(to_ms: int, member: str = "court") -> Reported:
    record = HealthRecord(
        origin=ORIGIN, member=member, series=bytes(8), serial=1, previous=None, kind="start",
        from_ms=to_ms, to_ms=to_ms, version="0.1", python="3.11", code=bytes(32),
        configuration=bytes(32), role="follower", term=1, leader="", terms=(Term(1, to_ms, ""),),
        clock_off_ms=0, disk_free=1, disk_size=2, commit=0, applied=0, sealed_size=0,
        scrub_reached=0, scrub_passed_ms=0, scrub_damage=0,
    )  # fmt: skip
    return submit(record, Signer(sha256(f"{member} log".encode())), bytes(16))


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "health", ORIGIN, chance)


def test_what_is_kept_is_there_again(records: Records) -> None:
    """Own newest, what was not settled, and the series, which is drawn once."""
    first, second = report(TIME_MS), report(TIME_MS + 1)
    records.add(first, own=True)
    records.add(second, own=True)
    records.add(report(TIME_MS + 2, "notary"))
    records.close()
    again = Records(records.directory, ORIGIN, lambda size: b"\x09" * size)
    assert again.series == chance(8)
    newest = again.newest_own()
    assert newest is not None
    assert (newest.digest, newest.record) == (second.digest, second.record)
    assert [each.submission for each in again.pending(9)] == [first.submission, second.submission]
    again.settle(again.pending(1)[0])
    assert [each.statement_id for each in again.pending(9)] == [second.statement_id]
    again.close()


def test_it_is_found_by_when_it_ended(records: Records) -> None:
    kept = [report(TIME_MS + n) for n in range(5)]
    for each in reversed(kept):
        records.add(each)
        records.add(each)
    found = records.between(TIME_MS + 1, TIME_MS + 3, 9)
    assert [each.record_bytes for each in found] == [each.record_bytes for each in kept[1:4]]
    assert len(records.between(0, TIME_MS + 9, 2)) == 2
    assert records.has(kept[0])
    assert not records.has(report(TIME_MS + 9))
    records.close()


def test_what_is_old_is_forgotten(records: Records) -> None:
    old, new = report(TIME_MS), report(TIME_MS + 1)
    records.add(old, own=True)
    records.add(new, own=True)
    assert records.forget(TIME_MS + KEEP_MS) == 1
    assert [each.statement_id for each in records.between(0, TIME_MS * 2, 9)] == [new.statement_id]
    assert [each.statement_id for each in records.pending(9)] == [new.statement_id]
    records.close()


def test_of_another_chain_or_damaged_it_is_corrupt(records: Records) -> None:
    records.add(report(TIME_MS))
    records.close()
    with pytest.raises(Corrupt, match="another chain"):
        Records(records.directory, "other.test", chance)
    for file in records.directory.glob("*.log"):
        file.unlink()
    with pytest.raises(Corrupt):
        Records(records.directory, ORIGIN, chance)


def test_the_digest_of_the_code_is_made_with_stock_tools() -> None:
    command = "find consensus node -name '*.py' | LC_ALL=C sort | xargs sha256sum"
    root = Path(__file__).parents[3]
    run = subprocess.run(["sh", "-c", command], cwd=root, capture_output=True, check=True)
    assert hashlib.sha256(run.stdout).digest() == code_digest()
    assert command in (root / "docs" / "operations.md").read_text()


def test_the_digest_of_settings_changes_with_any_of_them() -> None:
    @dataclass
    class Settings:
        one: Path
        two: tuple[str, ...]

    first = Settings(Path("a"), ("b",))
    assert settings_digest(first) == settings_digest(Settings(Path("a"), ("b",)))
    assert settings_digest(first) != settings_digest(Settings(Path("a"), ("b", "c")))
