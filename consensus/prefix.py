"""Reads the rows of a journal in their order, for as long as they are a log.

Every batch must continue the one before it, every entry stand at its place with a term that does
not fall, and the content of a batch of which nothing was replaced be the one it was written with.
What was read before the first doubt is a prefix of what this log once was.
"""

from collections.abc import Iterable, Iterator

from consensus.messages import Configuration, Entry, EntryKind
from consensus.records import BATCH, HEADER, Batch, Content, parse_entry
from consensus.recount import Part


class Prefix:
    """Takes rows in the order of keys for as long as they are a log.

    `last` is its last entry; `terms` are the terms and where they begin, `configurations` the
    indexes of those.
    """

    def __init__(self, base: bytes | None) -> None:
        """`base` is what the first batch must continue, if that is known."""
        self.last: Entry | None = None
        self.term = self.number = 0
        self.terms: list[tuple[int, int]] = []
        self.configurations: list[int] = []
        self._chain = base
        self._batch: Batch | None = None
        self._before: Entry | None = None  # The last entry before the batch.
        self._content = Content()
        self._header = b""

    def take(self, index: int, part: int, record: bytes) -> Entry | None:
        """The entry this row completes, if it does. ValueError for what does not fit; nothing may
        be taken after that."""
        expected = 1 if self.last is None else self.last.index + 1
        if index != expected:
            raise ValueError(f"entry {expected} is missing")
        if part == BATCH:
            self._finish_batch(index)
            self._begin_batch(Batch.parse(index, record))
        elif part == HEADER:
            self._header = record
        else:
            entry = parse_entry(index, self._header, record)
            self._take_entry(entry)
            self._header = b""
            return entry
        return None

    @property
    def is_amid_a_batch(self) -> bool:
        """Whether the last batch has more entries, or there is none."""
        last = 0 if self.last is None else self.last.index
        return self._batch is None or self._batch.last_index != last

    def end(self) -> None:
        """There are no more rows."""
        if self._batch is None:
            raise ValueError("no batch is left")
        if self._batch.last_index != (0 if self.last is None else self.last.index):
            raise ValueError(f"batch {self._batch.number} is cut")
        self._finish_batch(self._batch.last_index + 1)

    def _begin_batch(self, batch: Batch) -> None:
        continues = self._chain is None or batch.previous == self._chain
        if not continues or batch.number <= self.number or batch.term < self.term:
            raise ValueError(f"batch {batch.number} does not continue batch {self.number}")
        self._batch, self._before, self._content = batch, self.last, Content()
        self._chain, self.number, self.term = batch.chain, batch.number, batch.term

    def _take_entry(self, entry: Entry) -> None:
        assert self._batch is not None, "a batch is the first row of all"
        floor = 0 if self.last is None else self.last.term
        if not floor <= entry.term <= self._batch.term or entry.index > self._batch.last_index:
            raise ValueError(f"entry {entry.index} is not of batch {self._batch.number}")
        if entry.kind is EntryKind.CONFIGURATION:
            Configuration.parse(entry.data)
            self.configurations.append(entry.index)
        if not self.terms or self.terms[-1][1] != entry.term:
            self.terms.append((entry.index, entry.term))
        self._content.add(entry.index, self._header, entry.data)
        self.last = entry

    def _finish_batch(self, next_index: int) -> None:
        """If nothing of it was replaced later, its content is the one it was written with; if it is
        not, no entry of it can be trusted."""
        batch = self._batch
        if batch is None or next_index <= batch.last_index:
            return
        if self._content.finish(batch.hard_state, batch.last_index) != batch.content:
            self.last = self._before
            raise ValueError(f"batch {batch.number} is not what was written")


def read(rows: Iterable[Part], prefix: Prefix, *, to_the_end: bool = True) -> Iterator[Entry]:
    """The entries of a journal, those of a batch when all of it was checked; ValueError at the
    first doubt. If `rows` do not go to the end of the journal, the last batch may go on behind
    them: then its entries are left out."""
    waiting: list[Entry] = []
    for index, part, record in rows:
        entry = prefix.take(index, part, record)
        if part == BATCH:
            yield from waiting
            waiting.clear()
        elif entry is not None:
            waiting.append(entry)
    if to_the_end or not prefix.is_amid_a_batch:
        prefix.end()
        yield from waiting
