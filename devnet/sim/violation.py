"""What must hold, by the numbers of the list in this package's docstring."""

from enum import Enum
from typing import NoReturn


class Scope(Enum):
    """Who could see that it does not hold."""

    REPLICA = "one replica's inside"
    MEMBERS = "members, compared"
    CLIENTS = "clients"


class Invariant(Enum):
    """Its number, who could see it broken, and what it says."""

    ELECTION_SAFETY = (1, Scope.MEMBERS, "at most one leader is elected in a term")
    VOTE_UNIQUENESS = (2, Scope.MEMBERS, "a replica votes for one candidate in a term")
    TERM_MONOTONIC = (3, Scope.REPLICA, "a replica's term never falls")
    APPEND_ONLY = (4, Scope.REPLICA, "a leader changes nothing in its log")
    LOG_MATCHING = (5, Scope.MEMBERS, "equal entries stand behind equal prefixes")
    COMPLETENESS = (6, Scope.MEMBERS, "a leader has all that was committed in earlier terms")
    SAFETY = (7, Scope.MEMBERS, "all apply the same entries, without a gap")
    COMMIT_MONOTONIC = (8, Scope.REPLICA, "what is committed stays committed and is there")
    NOT_LOST = (9, Scope.MEMBERS, "what is committed is on the disks of a quorum")
    COMMIT_RULE = (10, Scope.REPLICA, "a leader counts only for entries of its own term")
    COMMIT_BOUND = (11, Scope.MEMBERS, "a follower commits no more than a leader did")
    PROGRESS = (12, Scope.MEMBERS, "a leader knows no more of a follower than is so")
    TRUNCATION = (13, Scope.REPLICA, "entries give way only to others, committed ones never")
    DURABILITY = (14, Scope.REPLICA, "nothing is promised that is not on the disk")
    CONFIGURATION = (15, Scope.REPLICA, "one change of the configuration at a time, from the log")
    HASH_CHAIN = (17, Scope.MEMBERS, "all have one chain, and seal only what is on it")
    EXACTLY_ONCE = (18, Scope.CLIENTS, "a statement stands on the chain once")
    LINEARIZABLE = (19, Scope.CLIENTS, "reads see all that was acknowledged before")
    CLIENT_TRUTH = (20, Scope.CLIENTS, "what clients are told is so")
    LIVENESS = (21, Scope.CLIENTS, "when all is healed, all is agreed on")
    STABILITY = (22, Scope.MEMBERS, "nobody disturbs a leader that is heard")
    TIME = (23, Scope.CLIENTS, "right clocks write right times")
    NO_CRASH = (24, Scope.REPLICA, "no replica ends by an error of its own")

    def __init__(self, number: int, scope: Scope, says: str) -> None:
        self.number = number
        self.scope = scope
        self.says = says


class Violation(Exception):
    """An invariant does not hold."""

    def __init__(self, invariant: Invariant, what: str) -> None:
        super().__init__(f"{invariant.number} {invariant.says}: {what}")
        self.invariant = invariant
        self.what = what


class Judge:
    """Decides what is reported: everything, or only what can be seen from outside a replica."""

    def __init__(self, *, outside_only: bool = False) -> None:
        self._outside_only = outside_only

    def broken(self, invariant: Invariant, what: str) -> None:
        """Raise, unless nobody outside could see it."""
        if invariant.scope is not Scope.REPLICA or not self._outside_only:
            raise Violation(invariant, what)


def impossible(what: str) -> NoReturn:
    """A mistake of the simulator itself, never of what it tests."""
    raise AssertionError(what)
