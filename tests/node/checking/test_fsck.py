"""fsck: what is whole is called whole, and whatever is changed is found and named."""

import shutil
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consensus.disk import REAL_DISK, Database
from consensus.messages import HardState
from consensus.records import DATA, HEADER, place
from node import leveldb
from node.chain.rows import KINDS
from node.chain.tree import tile_key
from node.checking.difference import Part
from node.checking.fsck import Report, examine
from node.errors import Misconfigured
from node.evidence.digests import sha256
from node.leveldb import key_of

BLOCKS = 40


def fsck(kept: Any) -> Report:
    return examine(kept.data, kept.world.genesis())


def change(path: Path, changes: Callable[[Database], list[tuple[bytes, bytes | None]]]) -> None:
    """Change rows as LevelDB itself would, so that every checksum is right."""
    with closing(REAL_DISK.open_database(path, write_buffer_bytes=1 << 20)) as database:
        batch = database.write_batch(sync=True)
        for key, value in changes(database):
            batch.delete(key) if value is None else batch.put(key, value)
        batch.write()


def named(report: Report) -> list[str]:
    return [str(each) for each in report.differences]


def everything(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_what_is_whole_is_called_whole_and_nothing_is_changed(kept: Any) -> None:
    kept.write(BLOCKS)
    kept.write(3, seed=2)  # Reopened: there are tables now.
    before = everything(kept.data)
    report = fsck(kept)
    assert named(report) == []
    assert everything(kept.data) == before
    assert {path.name for path in kept.data.parent.iterdir()} == {"data"}
    with closing(kept.open()) as directory:
        chain = directory.store.chain
        assert (report.entries, report.height) == (BLOCKS + 3, BLOCKS + 3)
        assert (report.size, report.items) == (chain.size, chain.next_ordinal)
        assert report.root == chain.frontier.root()
    assert report.unreached == 0


def test_a_member_that_runs_is_left_alone(kept: Any) -> None:
    kept.write(3)
    with closing(kept.open()), pytest.raises(Misconfigured, match="in another process"):
        fsck(kept)
    with pytest.raises(Misconfigured, match="no directory"):
        examine(kept.data.parent / "nothing", kept.world.genesis())


def rows(database: Database, kind: bytes) -> list[tuple[bytes, bytes]]:
    found = list(leveldb.scan(database, kind))
    assert len(found) > 1
    return found


ALL_KINDS = [*KINDS, b"t"]


@pytest.mark.parametrize("kind", ALL_KINDS, ids=bytes.decode)
def test_a_missing_row_of_any_kind_is_named(kept: Any, kind: bytes) -> None:
    """`not found` would be a wrong answer."""
    kept.write(BLOCKS)
    if kind == b"t":
        change(kept.data / "views", lambda _: [(tile_key(0, 0), None)])
    else:
        change(kept.data / "views", lambda database: [(rows(database, kind)[1][0], None)])
    report = fsck(kept)
    assert report.differences[0].part is Part.VIEWS
    assert report.differences[0].height is not None
    assert "missing" in report.differences[0].what
    assert KINDS.get(kind, "tile 0, 0") in report.differences[0].what
    assert all(each.part is Part.VIEWS for each in report.differences)


@pytest.mark.parametrize("kind", [k for k in ALL_KINDS if k not in b"kdv"], ids=bytes.decode)
def test_a_row_that_says_something_else_is_named(kept: Any, kind: bytes) -> None:
    kept.write(BLOCKS)

    def flip(database: Database) -> list[tuple[bytes, bytes | None]]:
        key, value = rows(database, kind)[1] if kind != b"t" else (tile_key(0, 0), b"")
        value = value or database.get(key) or b""
        return [(key, value[:-1] + bytes([value[-1] ^ 1]))]

    change(kept.data / "views", flip)
    (first, *_) = fsck(kept).differences
    assert first.part is Part.VIEWS
    assert "another" in first.what
    assert KINDS.get(kind, "tile 0, 0") in first.what


@pytest.mark.parametrize("kind", ALL_KINDS, ids=bytes.decode)
def test_a_row_too_many_is_named(kept: Any, kind: bytes) -> None:
    kept.write(BLOCKS)

    def add(database: Database) -> list[tuple[bytes, bytes | None]]:
        key, value = rows(database, kind)[1] if kind != b"t" else (b"", b"1")
        if kind in b"epgoP":
            return [(key_of(kind, 77_777), value)]
        return [(tile_key(0, 7) if kind == b"t" else key[:3] + b"\x01" + key[4:], value)]

    change(kept.data / "views", add)
    report = fsck(kept)
    assert report.differences
    assert {each.part for each in report.differences} == {Part.VIEWS}


def test_a_body_that_changed_under_a_good_checksum_is_named(kept: Any) -> None:
    kept.write(BLOCKS)

    def other(database: Database) -> list[tuple[bytes, bytes | None]]:
        data = database.get(place(17, DATA)) or b""
        return [(place(17, DATA), data[:-1] + bytes([data[-1] ^ 1]))]

    change(kept.data / "journal" / "leveldb", other)
    (first, *_) = fsck(kept).differences
    assert (first.part, first.height) == (Part.JOURNAL, 17)


@pytest.mark.parametrize("key", [place(9, HEADER), b"t" + bytes(7) + b"\x01"])
def test_a_hole_in_the_journal_is_named(kept: Any, key: bytes) -> None:
    kept.write(BLOCKS)
    change(kept.data / "journal" / "leveldb", lambda _: [(key, None)])
    (first, *_) = fsck(kept).differences
    assert first.part is Part.JOURNAL
    if key[:1] == b"e":
        assert first.height == 9


def test_seals_are_held_against_the_tree_and_the_keys(kept: Any) -> None:
    kept.write(BLOCKS)
    seals = kept.data / "seals"

    def other(database: Database) -> list[tuple[bytes, bytes | None]]:
        (key, value), (after, _) = rows(database, b"n")[7:9]
        changed = value.replace("— ".encode(), "— x".encode(), 1)
        return [(key, changed), (after, value)]

    change(seals, other)
    found = fsck(kept).differences
    assert [each.part for each in found] == [Part.SEALS, Part.SEALS]
    assert found[0].height == found[1].height - 1 if found[1].height else False
    assert "another size" in found[1].what


def test_a_seal_by_another_key_is_named(kept: Any) -> None:
    kept.write(BLOCKS)

    def other(database: Database) -> list[tuple[bytes, bytes | None]]:
        value = database.get(b"l") or b""
        return [(b"fnotary", value)]

    change(kept.data / "seals", other)
    (found,) = fsck(kept).differences
    assert (found.part, found.height) == (Part.SEALS, BLOCKS)
    assert "newest seal of notary" in found.what


def test_views_behind_the_journal_are_whole_and_seals_beyond_them_are_compared(kept: Any) -> None:
    """Views are never synced: a power cut takes the newest blocks of them."""
    kept.write(BLOCKS)
    shutil.copytree(kept.data / "views", kept.data.parent / "older")
    kept.write(5, seed=3)
    shutil.rmtree(kept.data / "views")
    (kept.data.parent / "older").rename(kept.data / "views")
    report = fsck(kept)
    assert named(report) == []
    assert (report.height, report.unreached) == (BLOCKS + 5, 0)


def test_without_views_the_seals_are_compared_with_the_journal(kept: Any) -> None:
    kept.write(BLOCKS)
    shutil.rmtree(kept.data / "views")
    report = fsck(kept)
    assert named(report) == ["views: is missing"]
    assert (report.height, report.unreached) == (BLOCKS, 0)


def test_entries_that_were_not_agreed_on_are_not_missed_in_the_views(kept: Any) -> None:
    kept.write(BLOCKS, ledger_stops_at=BLOCKS - 2)
    report = fsck(kept)
    assert named(report) == []
    assert (report.entries, report.height) == (BLOCKS, BLOCKS - 2)


def test_a_journal_shorter_than_its_views_is_named(kept: Any) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        (entry,) = directory.journal.entries(BLOCKS - 3, BLOCKS - 2, 0)
        other = replace(entry, term=2, data=b"")
        directory.journal.append(HardState(2), (other,))
    found = fsck(kept).differences
    assert [each.height for each in found if each.part is Part.JOURNAL] == [BLOCKS - 2]


def test_each_part_that_is_missing_is_named(kept: Any) -> None:
    kept.write(5)
    shutil.rmtree(kept.data / "seals")
    assert named(fsck(kept)) == ["seals: is missing"]
    (kept.data / "journal" / "position").unlink()
    assert named(fsck(kept))[0] == "journal, height 6: the position file is missing"
    shutil.rmtree(kept.data / "journal")
    assert named(fsck(kept))[0] == "journal: is missing"


def test_another_chain_is_not_examined(kept: Any) -> None:
    kept.write(5)
    other = type(kept.world)(origin="cunzheng.test/other", names=("court",), quorum=1)
    with pytest.raises(Misconfigured, match="another chain"):
        examine(kept.data, other.genesis())


def test_a_mark_that_is_none(kept: Any) -> None:
    kept.write(5)
    change(kept.data / "seals", lambda _: [(b"j", struct.pack(">Q", 1) + sha256(b""))])
    (found,) = fsck(kept).differences
    assert found.part is Part.SEALS
    assert "the mark of the journal" in found.what
