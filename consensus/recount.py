"""Counts a journal's newest batches and entries again: the check every open begins with.

LevelDB finds damage; this finds absence. It sees a batch that is missing or of another history, and
an entry that is missing, cut, left over or of another term.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from consensus.records import BATCH, HEADER, Batch, parse_entry

Part: TypeAlias = tuple[int, int, bytes]
"""An index, BATCH, HEADER or DATA, and the record under them."""


def recount(parts: Sequence[Part], base: bytes, term: Callable[[int], int]) -> Batch:
    """The last batch; ValueError if anything is amiss. `parts` go to the end of the journal, from
    its beginning or from some batch on; `base` is what its first batch must continue."""
    if not parts:
        raise ValueError("the database is empty")
    expected, header = parts[0][0], b""
    last: Batch | None = None
    for index, part, record in parts:
        if index != expected:
            raise ValueError(f"entry {expected} is missing or {index} is left over")
        if part == BATCH:
            batch = Batch.parse(index, record)
            if last is not None:
                batch.check_follows(last)
            elif index == 1 and batch.previous != base:
                raise ValueError("its first batch is of another journal")
            last = batch
        elif part == HEADER:
            header = record
        elif parse_entry(index, header, record).term != term(index):
            raise ValueError(f"entry {index} is of another term")
        else:
            expected, header = index + 1, b""
    if last is None:
        raise ValueError("no batch is left")
    if expected != last.last_index + 1:
        raise ValueError(f"it ends at entry {expected - 1}, but the last is {last.last_index}")
    return last
