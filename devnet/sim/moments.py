"""The moments at which most can go wrong.

Most of what is wrong with a protocol shows only if something happens between two steps that follow
each other at once: after a leader is elected and before anybody has its first entry, after it
commits and before anybody knows. Faults that come by the clock seldom meet these.
"""

from collections.abc import Callable
from enum import Enum

from consensus.messages import ReplicaId


class Moment(Enum):
    """What has just been decided at one replica, and whom it concerns."""

    VOTE = "votes for"
    ELECTION = "is elected"
    COMMIT = "commits for the first time"
    CHANGE = "changes who votes"
    REUNION = "hears one who has what it has not:"


Listener = Callable[[Moment, ReplicaId, ReplicaId], None]
"""Called with the replica and, for a vote, the candidate, for a reunion, the follower; otherwise
the replica again."""
