"""What has been committed, once and for all.

An entry becomes canon when a leader commits it, and then every replica's log must agree with it for
ever. For each is remembered in which term that happened.
"""

from bisect import bisect_left
from collections.abc import Callable

from consensus.messages import Configuration, Entry
from devnet.sim.prefixes import EMPTY, Prefixes


class Canon:
    def __init__(
        self, prefixes: Prefixes, first: Configuration, then: Callable[[Entry], None]
    ) -> None:
        """`then` is called with every entry that becomes canon."""
        self._prefixes = prefixes
        self._then = then
        self._first = first
        self._log = [EMPTY]
        self._terms = [0]

    @property
    def last_index(self) -> int:
        return len(self._log) - 1

    def prefix(self, index: int) -> int:
        return self._log[index]

    def extend(self, prefix: int, term: int) -> None:
        """The next entry, committed in this term."""
        self._log.append(prefix)
        self._terms.append(max(term, self._terms[-1]))
        self._then(self._prefixes.last(prefix))

    def last_before(self, term: int) -> int:
        """The last index that was committed in an earlier term than this."""
        return bisect_left(self._terms, term) - 1

    @property
    def configuration(self) -> Configuration:
        """The last one committed."""
        return self._prefixes.configuration(self._log[-1]) or self._first
