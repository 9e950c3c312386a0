"""What every `Storage` must do, run on both of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consensus.journal import Journal
from consensus.log import MemoryStorage
from consensus.messages import Configuration, Entry, EntryKind, HardState, Voter

FIRST, SECOND, THIRD = (
    Configuration(tuple(Voter(f"{n}/{'0' * 16}", "h:1", b"\x30") for n in names))
    for names in ("a", "ab", "abc")
)


def entry(index: int, term: int = 1, size: int = 10) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 1_700_000_000_000, "a", "1", bytes(size))


def change(index: int, configuration: Configuration, term: int = 1) -> Entry:
    return Entry(index, term, EntryKind.CONFIGURATION, 0, "a", "1", configuration.format())


@pytest.fixture(params=["memory", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryStorage(FIRST)
    else:
        Journal.bootstrap(tmp_path / "journal", f"a/{'0' * 16}", FIRST)
        journal = Journal(tmp_path / "journal")
        yield journal
        journal.close()


def test_new(storage: Any) -> None:
    assert storage.hard_state == HardState()
    assert storage.last_index == 0
    assert list(storage.configurations()) == [(0, FIRST)]


def test_hard_state_and_entries_are_independent(storage: Any) -> None:
    storage.append(HardState(1, "b/x"), ())
    assert storage.last_index == 0
    storage.append(None, [entry(1)])
    assert storage.hard_state == HardState(1, "b/x")
    storage.append(HardState(2), [entry(2, 2)])
    assert (storage.hard_state, storage.last_index) == (HardState(2), 2)
    assert [storage.term(index) for index in (1, 2)] == [1, 2]


def test_entries_replace_everything_from_the_first_on(storage: Any) -> None:
    storage.append(None, [entry(index) for index in range(1, 6)])
    storage.append(None, [entry(3, 2)])
    assert storage.last_index == 3
    assert storage.entries(1, 4, 1_000) == (entry(1), entry(2), entry(3, 2))
    storage.append(None, [entry(1, 3)])
    assert storage.entries(1, 2, 1_000) == (entry(1, 3),)
    assert storage.last_index == 1


def test_entries_are_bounded_but_never_none(storage: Any) -> None:
    written = tuple(entry(index) for index in range(1, 6))
    storage.append(None, written)
    for bytes_max, count in [(0, 1), (9, 1), (19, 1), (20, 2), (29, 2), (50, 5), (51, 5)]:
        assert storage.entries(1, 6, bytes_max) == written[:count]
    assert storage.entries(2, 4, 1_000) == written[1:3]


def test_configurations_follow_the_log(storage: Any) -> None:
    storage.append(None, [entry(1), change(2, SECOND), entry(3)])
    assert list(storage.configurations()) == [(0, FIRST), (2, SECOND)]
    storage.append(None, [change(4, THIRD)])
    assert list(storage.configurations()) == [(0, FIRST), (2, SECOND), (4, THIRD)]
    storage.append(None, [entry(3, 2)])
    assert list(storage.configurations()) == [(0, FIRST), (2, SECOND)]
    storage.append(None, [change(2, THIRD, 3)])
    assert list(storage.configurations()) == [(0, FIRST), (2, THIRD)]
    storage.append(None, [entry(1, 4)])
    assert list(storage.configurations()) == [(0, FIRST)]
