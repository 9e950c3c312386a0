"""Which change of the configuration may be proposed now.

Any two majorities of configurations that differ by one voter share a replica, so one change at a
time needs no protocol of its own (Raft thesis, 4.1), once the leader has committed an entry of its
own term: without that, two leaders could each have a change that the other does not know of (the
correction of 2015).
"""

from consensus.log import Log
from consensus.messages import Configuration


class ChangeRefused(Exception):
    """The configuration cannot be changed to this one now; the message says why. Nothing was
    proposed."""


def check_change(new: Configuration, log: Log, commits_own_term: bool) -> None:
    """Raises ChangeRefused. Learners have no say and may come and go in any number."""
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
