"""The log against a naive twin (a list), and its own rules one by one."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.log import ENTRY_BYTES, Log, MemoryStorage
from consensus.messages import Configuration, Entry, EntryKind, Voter

FIRST, SECOND = (
    Configuration(tuple(Voter(f"{n}/{'0' * 16}", "h:1", b"\x30") for n in names))
    for names in ("a", "ab")
)


def entry(index: int, term: int = 1, size: int = 10) -> Entry:
    return Entry(index, term, EntryKind.NORMAL, 0, "a", "1", bytes(size))


def log_of(*terms: int, applied: int = 0, cache_bytes: int = 1 << 20) -> Log:
    """All of it durable and taken from storage."""
    storage = MemoryStorage(FIRST)
    storage.append(None, [entry(index, term) for index, term in enumerate(terms, 1)])
    return Log(storage, applied=applied, cache_bytes=cache_bytes)


def test_an_empty_log_ends_with_index_0_of_term_0() -> None:
    log = log_of()
    assert (log.last_index, log.last_term, log.last_time_ms) == (0, 0, 0)
    assert log.term(0) == 0
    assert log.has(0, 0)
    assert log.is_up_to_date(0, 0)
    assert log.take_unwritten() == ()
    assert log.take_committed(100) == ()
    assert (log.configuration, log.configuration_index) == (FIRST, 0)


def test_up_to_date() -> None:
    """Paper, 5.4.1: "If the logs have last entries with different terms, then the log with the
    later term is more up-to-date. If the logs end with the same term, then whichever log is longer
    is more up-to-date." """
    log = log_of(1, 1, 3)
    for last_index, last_term, expected in [
        (3, 3, True),
        (4, 3, True),
        (2, 3, False),
        (1, 4, True),
        (9, 2, False),
    ]:
        assert log.is_up_to_date(last_index, last_term) is expected


@given(st.lists(st.integers(1, 6), max_size=12), st.integers(0, 15), st.integers(0, 7))
def test_last_within_against_a_walk_down(steps: list[int], index: int, term: int) -> None:
    log = log_of(*sorted(steps))
    walk = min(index, log.last_index)
    while log.term(walk) > term:
        walk -= 1
    assert log.last_within(index, term) == walk


def test_known_counts_what_is_here_already() -> None:
    log = log_of(1, 1, 2)
    assert log.known([]) == 0
    assert log.known([entry(2, 1), entry(3, 2)]) == 2
    assert log.known([entry(2, 1), entry(3, 3), entry(4, 3)]) == 1
    assert log.known([entry(3, 2), entry(4, 2)]) == 1
    assert log.known([entry(4, 2)]) == 0


def test_committed_entries_are_never_replaced() -> None:
    log = log_of(1, 1, 2)
    log.commit_to(2)
    with pytest.raises(AssertionError):
        log.append([entry(2, 3)])
    with pytest.raises(AssertionError):
        log.append([entry(5, 3)])
    with pytest.raises(AssertionError):
        log.commit_to(4)
    log.commit_to(1)
    assert log.commit == 2


def test_more_applied_than_stored_is_refused() -> None:
    with pytest.raises(AssertionError, match="more was applied"):
        log_of(1, applied=2)


def test_delivery_starts_after_what_was_applied() -> None:
    log = log_of(1, 1, 2, applied=2)
    assert log.commit == 2
    log.commit_to(3)
    assert log.take_committed(100) == (entry(3, 2),)


def test_committed_entries_come_once_in_order_in_bounded_portions() -> None:
    """Known bug B22 of others: paginated entries applied twice or skipped."""
    log = log_of(1, 1, 1, 1, 1, cache_bytes=0)
    log.commit_to(4)
    portions = []
    while portion := log.take_committed(25):
        portions.append([one.index for one in portion])
    assert [index for portion in portions for index in portion] == [1, 2, 3, 4]
    assert max(map(len, portions)) == 2


def test_nothing_is_delivered_before_it_is_durable() -> None:
    log = log_of(1)
    log.append([entry(2), entry(3)])
    log.commit_to(3)
    assert log.take_committed(100) == (entry(1),)
    assert log.take_unwritten() == (entry(2), entry(3))
    log.persisted(2)
    assert log.take_committed(100) == (entry(2),)
    log.persisted(3)
    assert log.take_committed(100) == (entry(3),)


def test_the_configuration_in_force_is_the_last_in_the_log() -> None:
    log = log_of(1)
    log.append([Entry(2, 1, EntryKind.CONFIGURATION, 0, "a", "1", SECOND.format()), entry(3)])
    assert (log.configuration, log.configuration_index) == (SECOND, 2)
    log.append([entry(3, 2)])
    assert log.configuration == SECOND
    log.append([entry(2, 3)])
    assert (log.configuration, log.configuration_index) == (FIRST, 0)
    assert list(log.configurations) == [(0, FIRST)]


class Twin:
    """A log as a list, a disk as a list, and pending writes as a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.storage = MemoryStorage(FIRST)
        self.log = Log(self.storage, cache_bytes=2 * (ENTRY_BYTES + 10))
        self.pending: list[Sequence[Entry]] = []
        self.commit = self.delivered = 0

    def append(self, back: int, count: int, term: int) -> None:
        start = max(self.commit, len(self.entries) - back) + 1
        del self.entries[start - 1 :]
        new = [entry(start + k, term) for k in range(count)]
        self.entries += new
        self.log.append(new)

    def write(self) -> None:
        if unwritten := self.log.take_unwritten():
            self.pending.append(unwritten)

    def finish(self) -> None:
        """Everything pending becomes durable; as `Writes` would claim, up to what still holds."""
        for entries in self.pending:
            self.storage.append(None, entries)
        self.pending.clear()
        alike = 0
        for mine, stored in zip(
            self.entries,
            self.storage.entries(1, self.storage.last_index + 1, 1 << 20),
            strict=False,
        ):
            if mine != stored:
                break
            alike += 1
        self.log.persisted(alike)

    def check(self) -> None:
        log, entries = self.log, self.entries
        assert log.last_index == len(entries)
        assert [log.term(index) for index in range(len(entries) + 1)] == [
            0,
            *(one.term for one in entries),
        ]
        for start in range(1, len(entries) + 1):
            got = log.entries(start, len(entries) + 1, 35)
            assert list(got) == entries[start - 1 : start - 1 + len(got)]
            assert 1 <= len(got) <= 3
        assert log.commit == self.commit


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(0, 6), st.integers(1, 5)),
            st.tuples(st.sampled_from(["write", "finish", "deliver"])),
            st.tuples(st.just("commit"), st.integers(1, 5)),
        ),
        max_size=40,
    )
)
def test_log_against_a_list(steps: list[tuple[str, int, int]]) -> None:
    twin = Twin()
    for term, step in enumerate(steps, 1):
        match step:
            case ("append", back, count):
                twin.append(back, count, term)
            case ("write",):
                twin.write()
            case ("finish",):
                twin.write()
                if twin.pending:
                    twin.finish()
            case ("commit", by):
                twin.commit = min(twin.commit + by, len(twin.entries))
                twin.log.commit_to(twin.commit)
            case _:
                for one in twin.log.take_committed(25):
                    assert one == twin.entries[twin.delivered]
                    twin.delivered += 1
                assert twin.delivered <= min(twin.commit, twin.log.durable)
        twin.check()


def test_the_window_lets_go_of_old_entries_only() -> None:
    """Memory stays bounded whatever was ever appended; nothing that is not durable goes."""
    storage = MemoryStorage(FIRST)
    log = Log(storage, cache_bytes=10 * ENTRY_BYTES)
    for index in range(1, 201):
        log.append([entry(index)])
        if index % 50 == 0:
            assert log._window[-50].index == index - 49
            unwritten = log.take_unwritten()
            storage.append(None, unwritten)
            log.persisted(index)
            assert len(log._window) < 20
    assert log._window_bytes == sum(len(one.data) + ENTRY_BYTES for one in log._window)
    assert log.entries(1, 201, 1 << 20)[0] == entry(1)
