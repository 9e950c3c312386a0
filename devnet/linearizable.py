"""Was there one moment for every operation? An exact check of what the clients of a log were told.

The object is a log: an append puts one item at its end and reveals where it stands; a read tells
how long the log is, or where one item stands. A history is linearizable if every operation can be
given one moment between its invocation and its return, such that carrying all of them out at those
moments, one after the other, gives every answer that was given, and the final log. One operation
precedes another if it returned before the other was invoked; at the same instant they overlap.

For objects in general this takes exponential time. A log that reveals positions takes only sorting,
because the final log fixes the order of the appends, and a read that saw `size` has its place
between two of them:

1. Appends that nobody got an answer to count if they stand in the final log, with all the time
   there is to have happened in; and not at all if they do not.
2. A look-up that found an item allows its append no moment after the look-up returned; one that
   found nothing none before it was invoked. Either can then itself be given a moment, whatever the
   others do. So each look-up only narrows the window of one append.
3. In the order of the log, moments must not step back. They can be chosen so exactly if no window
   ends before the latest beginning of a window up to it.

Times are of one clock, of any unit. Nothing here reads it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Item: TypeAlias = bytes


@dataclass(frozen=True, slots=True)
class Append:
    """An item on its way into the log, with all its retries: from the first try to the last answer.

    `returned` is None if nobody knows what became of it. If it is known, `position` is where it
    stands, or None if it was refused for certain and must never appear.
    """

    item: Item
    invoked: float
    returned: float | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class ReadSize:
    """Exactly the positions below `size` were filled, with these items or with what else the log
    holds; so sizes may differ where the items are the same, but never shrink."""

    invoked: float
    returned: float
    size: int


@dataclass(frozen=True, slots=True)
class LookUp:
    """The item stood at `position`; None: it was not there."""

    item: Item
    invoked: float
    returned: float
    position: int | None


Operation: TypeAlias = Append | ReadSize | LookUp


class NotLinearizable(Exception):
    """No order of the operations explains what was answered; `operations` are those at fault."""

    def __init__(self, why: str, *operations: Operation) -> None:
        super().__init__(f"{why}: {', '.join(map(str, operations))}" if operations else why)
        self.operations = operations


@dataclass(slots=True)
class _Window:
    """An operation with a place in the order of the log, and the time its moment must lie in, with
    the operations that set either end."""

    begin: float
    begin_by: Operation
    end: float
    end_by: Operation


def check(final: Iterable[tuple[Item, int]], operations: Sequence[Operation]) -> None:
    """Return if the history is linearizable, raise `NotLinearizable` if not. `final` has every item
    of the log with its position, in any order, at the end of the history."""
    positions = _positions_of(final)
    appends = _windows_of_appends(positions, operations)
    _narrow(appends, positions, operations)
    reads = [
        (each.size, 0, _Window(each.invoked, each, each.returned, each))
        for each in operations
        if isinstance(each, ReadSize)
    ]
    # A read of size n comes after the append at n - 1 and before the one at n. Reads of one size
    # may have happened in any order, so they are taken in the order of time.
    ordered = [(positions[item], 1, window) for item, window in appends.items()]
    ordered = sorted(ordered + reads, key=lambda each: (*each[:2], each[2].begin))
    latest: _Window | None = None
    for _, _, window in ordered:
        if latest is None or window.begin > latest.begin:
            latest = window
        if latest.begin > window.end:
            why = "the first comes before the second in the log, but came after it in time"
            if latest is window:
                why = "not before the first, not after the second: no moment is left"
            raise NotLinearizable(why, latest.begin_by, window.end_by)


def _positions_of(final: Iterable[tuple[Item, int]]) -> dict[Item, int]:
    positions: dict[Item, int] = {}
    taken: set[int] = set()
    for item, position in final:
        if item in positions:
            raise NotLinearizable(f"{item.hex()} is in the log twice")
        if position in taken:
            raise NotLinearizable(f"two items are at {position}")
        positions[item] = position
        taken.add(position)
    return positions


def _windows_of_appends(
    positions: dict[Item, int], operations: Sequence[Operation]
) -> dict[Item, _Window]:
    windows: dict[Item, _Window] = {}
    invoked: set[Item] = set()
    for each in operations:
        if not isinstance(each, Append):
            continue
        if each.item in invoked:
            raise NotLinearizable("an item was appended by two operations", each)
        invoked.add(each.item)
        position = positions.get(each.item)
        if each.returned is not None and position != each.position:
            where = "nowhere" if position is None else f"at {position}"
            raise NotLinearizable(f"the log has it {where}", each)
        if position is not None:
            end = math.inf if each.returned is None else each.returned
            windows[each.item] = _Window(each.invoked, each, end, each)
    if strange := positions.keys() - invoked:
        raise NotLinearizable(f"nobody appended {min(strange).hex()}")
    return windows


def _narrow(
    windows: dict[Item, _Window], positions: dict[Item, int], operations: Sequence[Operation]
) -> None:
    for each in operations:
        if not isinstance(each, LookUp):
            continue
        window = windows.get(each.item)
        if each.position is None:
            if window is not None and each.invoked > window.begin:
                window.begin, window.begin_by = each.invoked, each
        elif window is None or positions[each.item] != each.position:
            raise NotLinearizable("it was found where it is not", each)
        elif each.returned < window.end:
            window.end, window.end_by = each.returned, each
