"""Who takes part: which change may be proposed now, and the way in and out one step at a time.

Any two majorities of configurations that differ by one voter share a replica, so one change at a
time needs no protocol of its own (Raft thesis, 4.1), once the leader has committed an entry of its
own term: without that, two leaders could each have a change that the other does not know of (the
correction of 2015).

Two more conditions keep a change from costing what it is meant to give. A new voter was a learner
first and keeps up with the log: one with little of it would count for the majority and for long
acknowledge nothing (thesis, 4.2.1). And the voters that keep up must be a majority of the new
configuration, or the change itself could be the last thing agreed on for long. To keep up is to be
heard, and to have what the log had an election timeout ago, or all that is committed.
"""

from collections.abc import Collection, Mapping

from consensus.log import Log
from consensus.messages import REPLICAS_MAX, Configuration, ReplicaId, Voter
from consensus.quorum import majority


class ChangeRefused(Exception):
    """The configuration cannot be changed to this one now; the message says why. Nothing was
    proposed."""


def check_change(
    new: Configuration,
    log: Log,
    commits_own_term: bool,
    matches: Mapping[ReplicaId, int],
    gate_index: int,
) -> None:
    """Raises ChangeRefused. `matches` has the replicas heard from, the leader among them, and up to
    where each has the log; whoever has it up to `gate_index` keeps up. Learners have no say and may
    come and go in any number. Ids that were removed are known as far back as this log tells."""
    current = {id_ for id_, match in matches.items() if match >= gate_index}
    if not commits_own_term:
        raise ChangeRefused("this leader has not committed an entry of its own term yet")
    if log.configuration_index > log.commit:
        raise ChangeRefused("the change before is not committed yet")
    voters = {voter.id for voter in log.configuration.voters}
    if len(voters ^ {voter.id for voter in new.voters}) > 1:
        raise ChangeRefused("only one voter may be added or removed at a time")
    present = {replica.id for replica in log.configuration}
    ever = {replica.id for _, old in log.configurations for replica in old}
    returning = {replica.id for replica in new} & (ever - present)
    if returning:
        raise ChangeRefused(f"{min(returning)} was removed; it comes back under a new id")
    for added in {voter.id for voter in new.voters} - voters:
        if added not in present:
            raise ChangeRefused(f"{added} must be a learner first")
        if added not in current:
            raise ChangeRefused(f"{added} has not caught up yet")
    count = sum(voter.id in current for voter in new.voters)
    if count < majority(len(new.voters)):
        raise ChangeRefused(f"only {count} of the {len(new.voters)} voters to be keep up")


def admission(now: Configuration, joiner: Voter) -> Configuration | None:
    """The next change on the way of `joiner` to being the only replica of its member: learner
    first, then voter, then whoever it replaces is removed, one at a time. None: it has arrived.

    A learner of the same member that never got further (it lost its disk on the way) makes room; a
    voter that only changed its address or certificate stays one. Raises ChangeRefused if there is
    no room.
    """
    member = _member(joiner.id)
    learners = [each for each in now.learners if _member(each.id) != member]
    others = [each for each in now.voters if each.id != joiner.id]
    if joiner in now.voters:
        replaced = [each for each in others if _member(each.id) == member]
        return _configuration(_without(now.voters, replaced[0]), learners) if replaced else None
    if joiner in now.learners or len(others) < len(now.voters):
        return _configuration((*others, joiner), learners)
    return _configuration(others, (*learners, joiner))


def departure(now: Configuration, member: str) -> Configuration | None:
    """The next change on the way of all replicas of this member out of the configuration; None:
    there are none. Raises ChangeRefused for the last voter."""
    learners = [each for each in now.learners if _member(each.id) != member]
    leaving = [each for each in now.voters if _member(each.id) == member]
    if not leaving and len(learners) == len(now.learners):
        return None
    if len(now.voters) == 1 and leaving:
        raise ChangeRefused("the last voter cannot leave")
    return _configuration(_without(now.voters, *leaving[:1]), learners)


def _member(replica: ReplicaId) -> str:
    return replica.partition("/")[0]


def _without(voters: Collection[Voter], *leaving: Voter) -> list[Voter]:
    return [each for each in voters if each not in leaving]


def _configuration(voters: Collection[Voter], learners: Collection[Voter]) -> Configuration:
    if len(voters) + len(learners) > REPLICAS_MAX:
        raise ChangeRefused(f"a group has at most {REPLICAS_MAX} replicas")
    return Configuration(tuple(sorted(voters)), tuple(sorted(learners)))
