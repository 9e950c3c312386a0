"""Gaps: what is missing in a matter's phases, and in the numbers of a series."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from node.casework.vocabulary import Phase


def missing_phases(deposited: Collection[Phase]) -> list[Phase]:
    """The phases before the furthest that was deposited of which there is no deposit.

    >>> missing_phases({Phase.OFFER, Phase.PERFORMANCE})
    [<Phase.ACCEPTANCE: ('作出承诺', 'acceptance')>, \
<Phase.CONFIRMATION: ('签订确认书', 'letter of confirmation')>]
    """
    order = list(Phase)
    furthest = max((order.index(phase) for phase in deposited), default=0)
    return [phase for phase in order[:furthest] if phase not in deposited]


def missing_numbers(numbers: Sequence[int], start: int = 0) -> list[tuple[int, int]]:
    """Ranges, from and to, of numbers from `start` on that are missing before the largest.

    >>> missing_numbers([0, 1, 4, 9])
    [(2, 3), (5, 8)]
    """
    ranges, expected = [], start
    for number in sorted(set(numbers)):
        if number > expected:
            ranges.append((expected, number - 1))
        expected = number + 1
    return ranges


def repeated_numbers(numbers: Sequence[int]) -> list[int]:
    """Numbers that stand more than once."""
    return sorted(number for number, count in Counter(numbers).items() if count > 1)
