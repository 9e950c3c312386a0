"""The counting rules against naive twins."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consensus.quorum import Tally, agreed, majority, tally


@pytest.mark.parametrize(
    ("voters", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)]
)
def test_majority(voters: int, needed: int) -> None:
    assert majority(voters) == needed


@given(st.integers(1, 1_000))
def test_two_majorities_always_meet_and_one_is_never_everyone_without_need(voters: int) -> None:
    assert 2 * majority(voters) > voters
    assert 2 * (majority(voters) - 1) <= voters


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9))
def test_agreed_is_the_highest_number_that_a_majority_has_reached(reached: list[int]) -> None:
    """The twin tries every number there could be."""
    assert agreed(reached) == max(
        number
        for number in range(51)
        if sum(one >= number for one in reached) >= majority(len(reached))
    )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_tally_against_every_possible_end(count: int) -> None:
    """Won or lost only if no vote still to come could change it: the twin tries them all."""
    voters = [f"v{number}" for number in range(count)]
    for answers in product([True, False, None], repeat=count):
        votes = {v: a for v, a in zip(voters, answers, strict=True) if a is not None}
        missing = [voter for voter in voters if voter not in votes]
        ends = {
            sum({**votes, **dict(zip(missing, rest, strict=True))}.values()) > count / 2
            for rest in product([True, False], repeat=len(missing))
        }
        expected = {
            frozenset([True]): Tally.WON,
            frozenset([False]): Tally.LOST,
        }.get(frozenset(ends), Tally.PENDING)
        assert tally(voters, votes) is expected


def test_votes_of_others_do_not_count() -> None:
    assert tally(["a", "b", "c"], {"a": True, "x": True, "y": True}) is Tally.PENDING
    assert tally(["a", "b", "c"], {"b": False, "x": False, "y": False}) is Tally.PENDING
