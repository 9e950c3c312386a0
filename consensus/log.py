"""The log as the core sees it: stable storage below, a window in memory above.

The log is never compacted and starts at index 1; index 0 stands for "before the first entry" and
has term 0.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from consensus.messages import Configuration, Entry, EntryKind, HardState

CACHE_BYTES = 32 << 20
"""Weight of the newest entries kept in memory for followers and for applying, so that both are
normally served without the disk."""

ENTRY_BYTES = 512
"""What an entry without data weighs: about what its objects cost in memory."""


class Storage(Protocol):
    """What a replica's disk remembers. The core only reads it; the edge appends. Reads may run
    while another thread appends: the core never reads at or above an index that a pending write
    replaces.

    Implemented by `journal.Journal` and by `MemoryStorage`; one test holds for both.
    """

    @property
    def hard_state(self) -> HardState:
        """The last one appended; `HardState()` in a new directory."""

    @property
    def last_index(self) -> int:
        """0 if there is no entry."""

    def term(self, index: int) -> int:
        """Of the entry at 1 <= index <= last_index."""

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        """Entries from `start` up to and without `stop`, where 1 <= start < stop <= last_index +
        1: at least one, and then as many as keep the sum of their data within `bytes_max` (fewer
        is allowed)."""

    def configurations(self) -> Sequence[tuple[int, Configuration]]:
        """All configurations in the log with their indexes, ascending; first (0, the one the
        directory was made with)."""


class MemoryStorage:
    """A storage that lasts as long as the process: for tests and simulations."""

    def __init__(self, configuration: Configuration) -> None:
        self._hard_state = HardState()
        self._entries: list[Entry] = []
        self._configurations = [(0, configuration)]

    @property
    def hard_state(self) -> HardState:
        return self._hard_state

    @property
    def last_index(self) -> int:
        return len(self._entries)

    def term(self, index: int) -> int:
        assert 1 <= index <= self.last_index
        return self._entries[index - 1].term

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        assert 1 <= start < stop <= self.last_index + 1
        return _prefix(self._entries, start - 1, stop - 1, bytes_max)

    def configurations(self) -> Sequence[tuple[int, Configuration]]:
        return tuple(self._configurations)

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Durable when it returns. Entries replace all from the first one's index on (at most
        last_index + 1)."""
        if hard_state is not None:
            self._hard_state = hard_state
        if entries:
            start = entries[0].index
            assert 1 <= start <= self.last_index + 1
            del self._entries[start - 1 :]
            self._entries += entries
            _replace_configurations(self._configurations, start, entries)


class Log:
    """All entries, wherever they are.

    Owned by the core. delivered <= commit, delivered <= durable <= taken <= last_index, and
    commit <= last_index. The window holds, without a gap, everything the disk may not hold yet and
    the last entry; below it the disk has what the log has.
    """

    def __init__(
        self, storage: Storage, *, applied: int = 0, cache_bytes: int = CACHE_BYTES
    ) -> None:
        last = storage.last_index
        assert applied <= last, "more was applied than the storage holds"
        self._storage = storage
        self._cache_bytes = cache_bytes
        self._window = list(storage.entries(last, last + 1, 0)) if last else []
        self._window_bytes = sum(map(weight, self._window))
        self._first = last if last else 1
        self.last_index = last
        self._configurations = list(storage.configurations())
        self.commit = applied
        self._delivered = applied
        self._taken = last
        self.durable = last

    @property
    def last_term(self) -> int:
        return self._window[-1].term if self._window else 0

    @property
    def last_time_ms(self) -> int:
        return self._window[-1].time_ms if self._window else 0

    @property
    def configuration(self) -> Configuration:
        """The one in force: the last in the log, committed or not."""
        return self._configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        return self._configurations[-1][0]

    @property
    def configurations(self) -> Sequence[tuple[int, Configuration]]:
        """All there ever were, with their indexes; the one the group began with is at 0."""
        return self._configurations

    @property
    def possible_configurations(self) -> list[Configuration]:
        """The one in force, and before it the last while the change may still be truncated: all but
        the last in a log are committed, for no leader begins a change before."""
        is_settled = self.configuration_index <= self.commit
        return [each for _, each in self._configurations[-1 if is_settled else -2 :]]

    def term(self, index: int) -> int:
        """Of the entry at 0 <= index <= last_index."""
        if index >= self._first:
            return self._window[index - self._first].term
        return self._storage.term(index) if index else 0

    def has(self, index: int, term: int) -> bool:
        """This entry is here; then, by log matching, everything before it is as well."""
        return index <= self.last_index and self.term(index) == term

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """A log that ends with this entry is at least as up-to-date as this one (paper, 5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def last_within(self, index: int, term: int) -> int:
        """The last index up to `index` whose entry is of `term` or older."""
        return bisect_right(range(min(index, self.last_index) + 1), term, key=self.term) - 1

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        """As `Storage.entries`, over the whole log."""
        assert 1 <= start < stop <= self.last_index + 1
        if start < self._first:
            return self._storage.entries(start, min(stop, self._first), bytes_max)
        return _prefix(self._window, start - self._first, stop - self._first, bytes_max)

    def known(self, entries: Sequence[Entry]) -> int:
        """How many of these entries, from the first on, are here already."""
        for count, entry in enumerate(entries):
            if not self.has(entry.index, entry.term):
                return count
        return len(entries)

    def append(self, entries: Sequence[Entry]) -> None:
        """Replace everything from the first entry's index on; what is committed never is."""
        start = entries[0].index
        assert self.commit < start <= self.last_index + 1
        if start <= self.last_index:
            self._truncate(start)
        self._window += entries
        self._window_bytes += sum(map(weight, entries))
        self.last_index = entries[-1].index
        _replace_configurations(self._configurations, start, entries)

    def _truncate(self, start: int) -> None:
        keep = max(0, start - self._first)
        self._first = min(self._first, start)
        del self._window[keep:]
        self._window_bytes = sum(map(weight, self._window))
        self._taken = min(self._taken, start - 1)
        self.durable = min(self.durable, start - 1)

    def commit_to(self, index: int) -> None:
        """Committed entries stay committed: a lower index changes nothing."""
        assert index <= self.last_index
        self.commit = max(self.commit, index)

    def take_unwritten(self) -> tuple[Entry, ...]:
        """What no write has taken yet; a write takes it now."""
        if self._taken == self.last_index:
            return ()
        unwritten = tuple(self._window[self._taken + 1 - self._first :])
        self._taken = self.last_index
        return unwritten

    def persisted(self, index: int) -> None:
        """The disk holds this log up to `index`. Old entries may leave the window."""
        assert index <= self._taken
        self.durable = max(self.durable, index)
        if self._window_bytes > 2 * self._cache_bytes:
            self._shrink()

    def _shrink(self) -> None:
        """Leave at most the newest `cache_bytes`, but whatever is not durable. Done rarely and
        then by half, because cutting the front off a list costs its length."""
        drop = 0
        while self._window_bytes > self._cache_bytes and self._first + drop < self.durable:
            self._window_bytes -= weight(self._window[drop])
            drop += 1
        del self._window[:drop]
        self._first += drop

    def take_committed(self, bytes_max: int) -> tuple[Entry, ...]:
        """The next committed entries that are on this disk, once each and in order."""
        stop = min(self.commit, self.durable) + 1
        if self._delivered + 1 >= stop:
            return ()
        entries = self.entries(self._delivered + 1, stop, bytes_max)
        self._delivered = entries[-1].index
        return entries


def weight(entry: Entry) -> int:
    """What an entry counts in a limit of bytes: its data and what it costs to keep without any."""
    return len(entry.data) + ENTRY_BYTES


def _prefix(entries: Sequence[Entry], start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
    """At least one from `start` on, then while their data stays within `bytes_max`."""
    size = len(entries[start].data)
    end = start + 1
    while end < stop and (size := size + len(entries[end].data)) <= bytes_max:
        end += 1
    return tuple(entries[start:end])


def _replace_configurations(
    configurations: list[tuple[int, Configuration]], start: int, entries: Sequence[Entry]
) -> None:
    """Those in `entries` instead of those at `start` and above."""
    while configurations[-1][0] >= start:
        configurations.pop()
    for entry in entries:
        if entry.kind is EntryKind.CONFIGURATION:
            configurations.append((entry.index, Configuration.parse(entry.data)))
