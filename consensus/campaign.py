"""One try at being elected: whom it asks, and how it stands.

First come pre-votes (thesis, 9.6): an election that could not be won must disturb nobody. Then the
votes, in a new term.
"""

from consensus.log import Log
from consensus.messages import Message, PreVoteRequest, ReplicaId, VoteRequest, VoteResponse
from consensus.quorum import Tally, tally


class Campaign:
    """Owned by the core, until it is won, lost or given up. Every answer counts once, and only
    those of the voters."""

    def __init__(self, replica_id: ReplicaId, term: int, log: Log) -> None:
        self._id = replica_id
        self._term = term
        self._log = log
        self._voters = [voter.id for voter in log.configuration.voters]
        self._votes: dict[ReplicaId, bool] = {}

    def pre_vote_requests(self) -> list[Message]:
        return [
            PreVoteRequest(self._id, voter, self._term, self._log.last_index, self._log.last_term)
            for voter in self._voters
            if voter != self._id
        ]

    def vote_requests(self, *, transfer: bool) -> list[Message]:
        """All must wait until the own vote is on the disk, which is an answer like any other. The
        requests must as well: a candidate that forgot its term could ask again in it with a
        shorter log, and be elected by the answers to what it asked before."""
        log, own = self._log, VoteResponse(self._id, self._id, self._term, True)
        requests = [
            VoteRequest(self._id, voter, self._term, log.last_index, log.last_term, transfer)
            for voter in self._voters
            if voter != self._id
        ]
        return [own, *requests]

    def count(self, sender: ReplicaId, granted: bool) -> Tally:
        self._votes.setdefault(sender, granted)
        return tally(self._voters, self._votes)
