"""The log as the core sees it: stable storage below, a window in memory above.

The log is never compacted and starts at index 1; index 0 stands for "before the first entry" and
has term 0.
"""

from collections.abc import Sequence
from typing import Protocol

from consensus.messages import Configuration, Entry, HardState


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
        raise NotImplementedError

    @property
    def hard_state(self) -> HardState:
        raise NotImplementedError

    @property
    def last_index(self) -> int:
        raise NotImplementedError

    def term(self, index: int) -> int:
        raise NotImplementedError

    def entries(self, start: int, stop: int, bytes_max: int) -> tuple[Entry, ...]:
        raise NotImplementedError

    def configurations(self) -> Sequence[tuple[int, Configuration]]:
        raise NotImplementedError

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Durable when it returns. Entries replace all from the first one's index on (at most
        last_index + 1)."""
        raise NotImplementedError
