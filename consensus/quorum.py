"""Majorities. Everything that is decided by counting replicas is counted here."""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum

from consensus.messages import ReplicaId


class Tally(Enum):
    WON = "won"
    LOST = "lost"
    PENDING = "pending"


def majority(voters: int) -> int:
    """How many of so many voters any two groups of which share one."""
    return voters // 2 + 1


def agreed(reached: Iterable[int]) -> int:
    """The highest number a majority has reached; one number per voter, at least one voter."""
    ascending = sorted(reached)
    return ascending[len(ascending) - majority(len(ascending))]


def tally(voters: Collection[ReplicaId], votes: Mapping[ReplicaId, bool]) -> Tally:
    """How an election stands. Votes of those who are no voters do not count."""
    granted = sum(votes.get(voter, False) for voter in voters)
    undecided = sum(voter not in votes for voter in voters)
    if granted >= majority(len(voters)):
        return Tally.WON
    if granted + undecided < majority(len(voters)):
        return Tally.LOST
    return Tally.PENDING
