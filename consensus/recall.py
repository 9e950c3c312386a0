"""What a replica has promised, asked of those it was promised to.

A disk can come back as it was last week: restored from a copy, a snapshot of its machine, a mirror
that lagged. Such a replica would vote again in a term it voted in, and call entries durable that it
once acknowledged and has no more. So after every start it asks, and neither votes, campaigns,
acknowledges nor confirms anything until as many have answered as make a quorum with it. They
answer in this state too, or a group that starts as a whole never would.

What it hears is compared with its disk (`forgotten`):

- It acknowledges in a term only when that term is on its disk, and while a term lasts its log only
  grows. So (term on disk, last index) can never be less than any (term, index) it acknowledged. A
  leader acknowledges to nobody, but its disk counts too; its heartbeats say what is on it.
- A vote is on its disk, with its term, before it leaves; a newer term may have replaced both since.

Either violated means that this disk has forgotten: the replica says nothing ever again, and its
owner has it rejoin under a new id. The others remember only since their own starts, so this finds a
disk put back only if one that saw the promise answers; whoever puts a disk back by hand must count
it as lost. Against what nobody remembers there is one more wall: no new vote in a term that was
already known when the question was answered.

The answers also tell who belongs to the group now, which a replica that was away longer than its
neighbours cannot know: the configuration in force there, and where that log ends. The most
up-to-date log heard of, the own included, decides whose quorum must answer; it is the one that
whoever is elected next must have.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consensus.log import Log
from consensus.messages import (
    AppendResponse,
    Configuration,
    HardState,
    HeartbeatRequest,
    Message,
    RecallRequest,
    RecallResponse,
    ReplicaId,
    Voter,
    VoteResponse,
)
from consensus.quorum import Tally, tally

REMEMBERED_MAX = 1024
"""Replicas whose promises are remembered: far more than a group ever has, and no more than a
message each of strangers could make it."""


@dataclass(frozen=True, slots=True)
class Promises:
    """The newest that one replica gave this one: the term of its vote, and as (term, index) up to
    where it acknowledged (a leader: said to have on its own disk). 0 stands for never."""

    vote_term: int = 0
    acknowledged: tuple[int, int] = (0, 0)


class Memory:
    """Owned by the core: what others promised this replica since its start."""

    def __init__(self) -> None:
        self._promises: dict[ReplicaId, Promises] = {}

    def note(self, message: Message) -> None:
        """Promises stay promises when the message that carries them comes too late."""
        old = self._promises.get(message.sender, Promises())
        match message:
            case VoteResponse(granted=True):
                new = Promises(max(old.vote_term, message.term), old.acknowledged)
            case AppendResponse(match_index=index) | HeartbeatRequest(durable_index=index):
                acknowledged = (message.term, index)
                new = Promises(old.vote_term, max(old.acknowledged, acknowledged))
            case _:
                return
        if new != old and (old != Promises() or len(self._promises) < REMEMBERED_MAX):
            self._promises[message.sender] = new

    def answer(self, request: RecallRequest, term: int, log: Log) -> RecallResponse:
        promises = self._promises.get(request.sender, Promises())
        return RecallResponse(
            request.recipient,
            request.sender,
            term,
            request.number,
            promises.vote_term,
            *promises.acknowledged,
            log.last_term,
            log.last_index,
            log.configuration,
        )


def forgotten(answer: RecallResponse, hard_state: HardState, last_index: int) -> str | None:
    """What the answer remembers and this disk does not, or None. Good at any time: whatever was
    promised since the start is in `hard_state` and `last_index` as well."""
    here = (hard_state.term, last_index)
    if here < (answer.ack_term, answer.ack_index):
        return (
            f"{answer.sender} had entries up to {answer.ack_index} acknowledged in term"
            f" {answer.ack_term}, but here is entry {last_index} in term {hard_state.term}"
        )
    voted_here = (hard_state.term, hard_state.vote == answer.sender)
    if answer.vote_term and voted_here < (answer.vote_term, True):
        return (
            f"{answer.sender} had a vote in term {answer.vote_term}, which is not on this disk of"
            f" term {hard_state.term}"
        )
    return None


class Recall:
    """Owned by the core, from its start on: the question and who has answered it.

    `term` is the newest heard: no vote is given in it or before it that is not on the disk already.
    """

    def __init__(self, replica_id: ReplicaId, number: int, log: Log) -> None:
        self._id = replica_id
        self._number = number
        self._log = log
        self._heard = (log.last_term, log.last_index, log.configuration)
        self._introduced: tuple[Voter, ...] = ()
        self._answered = {replica_id: True}
        self.term = 0
        self.is_over = False
        self._count()

    def requests(self, term: int) -> list[Message]:
        others = {voter.id: None for voter in self.acquaintances if voter.id != self._id}
        return [RecallRequest(self._id, other, term, self._number) for other in others]

    @property
    def acquaintances(self) -> tuple[Voter, ...]:
        """Everyone of the configuration in force, of the one before while it may come back, and of
        a newer one that was heard of. At the start also who was introduced and, to a newcomer whose
        log only tells of times before it came, those it came to: the first configuration. Who is
        named with several addresses or certificates is in here with each."""
        found = dict.fromkeys(voter for known in self._known for voter in known)
        if not self.is_over:
            found |= dict.fromkeys(self._introduced)
        return tuple(found)

    @property
    def _known(self) -> list[Configuration]:
        log = self._log
        known = [self._heard[2]] if self._heard[:2] > (log.last_term, log.last_index) else []
        known += reversed(log.possible_configurations)
        if not self.is_over and self._id not in [each.id for each in log.configuration]:
            known.append(log.configurations[0][1])
        return known

    def introduce(self, voters: Iterable[Voter]) -> None:
        """The owner has learnt of these elsewhere."""
        self._introduced = tuple(voters)

    def take(self, answer: RecallResponse, term_max: int) -> bool:
        """Whether it answers the question of this start, and is of a voter as far as is known here:
        only they were promised anything, and learners may be newcomers. A term above `term_max` is
        a lie or will be approached; it must not keep this replica from voting for ever."""
        if answer.number != self._number or answer.sender not in self._voters:
            return False
        if (answer.last_term, answer.last_index) > self._heard[:2]:
            self._heard = (answer.last_term, answer.last_index, answer.configuration)
        if not self.is_over:
            self.term = max(self.term, min(answer.term, term_max))
            self._answered[answer.sender] = True
            self._count()
        return True

    @property
    def _voters(self) -> set[ReplicaId]:
        voters = {voter.id for known in self._known for voter in known.voters}
        return voters | {voter.id for voter in self._introduced}

    def _count(self) -> None:
        voters = [voter.id for voter in self._heard[2].voters]
        self.is_over = tally(voters, self._answered) is Tally.WON
