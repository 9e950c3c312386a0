"""Logs, compared by number.

Every log that ever was, up to every one of its entries, has a number here: the same for equal
entries behind equal prefixes, and only for these. So two logs are compared up to an index by
comparing two numbers, and a log is a list of them. The empty log is 0.
"""

from consensus.messages import Configuration, Entry, EntryKind

EMPTY = 0


class Prefixes:
    def __init__(self) -> None:
        self._numbers: dict[tuple[int, Entry], int] = {}
        self._entries: list[Entry | None] = [None]
        self._configurations: list[Configuration | None] = [None]
        self._first: dict[tuple[int, int], int] = {}

    def extend(self, prefix: int, entry: Entry) -> int:
        """The number of this prefix with that entry behind it."""
        number = self._numbers.get((prefix, entry))
        if number is None:
            number = self._numbers[prefix, entry] = len(self._entries)
            self._entries.append(entry)
            configuration = self._configurations[prefix]
            if entry.kind is EntryKind.CONFIGURATION:
                configuration = Configuration.parse(entry.data)
            self._configurations.append(configuration)
            self._first.setdefault((entry.index, entry.term), number)
        return number

    def at(self, index: int, term: int) -> int:
        """The first prefix there was that ends with an entry of this index and term."""
        return self._first[index, term]

    def last(self, prefix: int) -> Entry:
        """The last entry of a prefix that is not empty."""
        entry = self._entries[prefix]
        assert entry is not None
        return entry

    def term(self, prefix: int) -> int:
        entry = self._entries[prefix]
        return 0 if entry is None else entry.term

    def configuration(self, prefix: int) -> Configuration | None:
        """The last one in it; None if it has none."""
        return self._configurations[prefix]
