"""The scrub: what it finds while the member runs, what it makes good itself, and how slowly."""

import threading
import time
from contextlib import closing
from typing import Any

import pytest

from consensus.records import DATA, place
from node import leveldb
from node.chain.store import ViewsCorrupt
from node.chain.tree import tile_key
from node.checking import scrub as module
from node.checking.scrub import BURST_S, SHARE, Scrub
from node.member.directory import Directory, JournalDamaged

BLOCKS = 40


def scrub_of(kept: Any, directory: Directory) -> Scrub:
    return Scrub(directory, kept.world.genesis(), "court")


def change(database: Any, key: bytes, value: bytes | None) -> None:
    batch = database.write_batch()
    batch.delete(key) if value is None else batch.put(key, value)
    batch.write()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 1.0)
    monkeypatch.setattr(module, "FIRST_S", 0.0)


def test_a_pass_over_what_is_whole(kept: Any) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        scrub = scrub_of(kept, directory)
        running = threading.Thread(target=scrub.run)
        running.start()
        while not scrub.passed_s:
            time.sleep(0.001)
        scrub.stop()
        running.join(5)
        assert not running.is_alive(), "it waits for the next pass, and can be stopped"
        assert (scrub.reached, scrub.damage) == (BLOCKS, ())


@pytest.mark.parametrize("kind", [b"e", b"p", b"s", b"h", b"o", b"g", b"d", b"k", b"P"])
def test_a_row_that_is_gone_is_written_again(kept: Any, kind: bytes) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        rows = directory.store.rows
        (_, (key, value), *_) = leveldb.scan(rows, kind)
        change(rows, key, None)
        scrub = scrub_of(kept, directory)
        scrub._pass()
        assert rows.get(key) == value
        assert scrub.reached == BLOCKS


def test_what_is_no_row_of_one_block_makes_the_views_anew(kept: Any) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        change(directory.store.rows, tile_key(0, 0), bytes(64))
        with pytest.raises(ViewsCorrupt, match="tile 0, 0"):
            scrub_of(kept, directory).run()


def test_a_row_too_many_makes_the_views_anew(kept: Any) -> None:
    """It would be an answer about a statement that was never made."""
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        (_, value), *_ = leveldb.scan(directory.store.rows, b"s")
        change(directory.store.rows, b"s" + bytes(32), value)
        with pytest.raises(ViewsCorrupt, match="index of statements"):
            scrub_of(kept, directory).run()


def test_a_journal_that_does_not_check_ends_the_work(kept: Any) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        change(directory.journal._db, place(17, DATA), b"something else")
        with pytest.raises(JournalDamaged, match="height 17"):
            scrub_of(kept, directory).run()


def test_a_note_that_does_not_fit_is_told(kept: Any) -> None:
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        seals: Any = directory.seals
        (_, (key, value), *_) = leveldb.scan(seals._database, b"n")
        change(seals._database, key, value[:-10] + bytes(10))
        scrub = scrub_of(kept, directory)
        scrub._pass()
        (damage,) = scrub.damage
        assert damage.startswith("seals, height 2: note of size")


def test_blocks_that_come_meanwhile_are_no_difference(kept: Any) -> None:
    """The views are ahead of the comparison, and go on."""
    kept.write(BLOCKS)
    with closing(kept.open()) as directory:
        scrub = scrub_of(kept, directory)
        height = directory.store.chain.height
        entries = scrub._entries(height // 2)
        assert [entry.index for entry in entries] == list(range(1, height // 2 + 1))
        scrub._entries = lambda _: Scrub._entries(scrub, height // 2)  # type: ignore[method-assign]
        scrub._pass()
        assert (scrub.reached, scrub.damage) == (height // 2, ())


def test_it_takes_its_share_and_no_more(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.write(BLOCKS)
    monkeypatch.setattr(module, "SHARE", SHARE)
    slept: list[float] = []
    busy = [0.0]

    def computed() -> float:
        busy[0] += BURST_S / 3
        return busy[0]

    with closing(kept.open()) as directory:
        scrub = scrub_of(kept, directory)
        monkeypatch.setattr(module.time, "thread_time", computed)
        monkeypatch.setattr(scrub, "_sleep", slept.append)
        scrub._pass()
    assert max(slept) < 100 * BURST_S / SHARE
    assert busy[0] / (busy[0] + sum(slept)) == pytest.approx(SHARE, rel=0.5)
