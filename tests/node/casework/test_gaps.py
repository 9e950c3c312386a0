"""Gaps in phases and numbers: the examples of the module, and the edges."""

import doctest

from node.casework import gaps
from node.casework.gaps import missing_numbers, missing_phases, repeated_numbers
from node.casework.vocabulary import Phase


def test_the_examples_are_true() -> None:
    assert doctest.testmod(gaps) == (0, 2)


def test_what_has_not_come_yet_is_no_gap() -> None:
    assert missing_phases(set()) == []
    assert missing_phases({Phase.OFFER}) == []
    assert missing_phases({Phase.ACCEPTANCE}) == [Phase.OFFER]


def test_numbers_are_counted_from_where_the_list_begins() -> None:
    assert missing_numbers([]) == []
    assert missing_numbers([3], start=2) == [(2, 2)]
    assert missing_numbers([2, 2, 3], start=2) == []
    assert repeated_numbers([2, 2, 3]) == [2]
