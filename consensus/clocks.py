"""Wall clocks compared, so that none that is wrong puts its time on the record for long.

Nothing that is agreed on depends on a clock: time is ticks, and order is the log's. But an entry
carries its leader's clock, and what is dated wrongly stays so. A leader therefore compares: every
answer to a heartbeat brings the follower's clock, and echoes the leader's at the request, which
says how long the reading was under way; half of that is assumed to be the way back.

A clock is off when a quorum of the *other* voters reads more than the allowed skew ahead of it, or
behind it. So at least one voter's clock is never off (the median), and where too few can be heard
to tell, nobody's is. Readings lie with a lying replica; they decide who leads, never what is true.
"""

from collections.abc import Iterable, Mapping

from consensus.messages import HeartbeatResponse, ReplicaId
from consensus.quorum import majority

SKEW_MS_MAX = 2_000
"""By how much clocks may differ. Also how far the last entry's time may be ahead of this clock and
still hold, so that times do not step back between leaders; further ahead that time was wrong, and
holding it would keep it wrong."""

ROUND_TRIP_MS_MAX = SKEW_MS_MAX // 2
"""A reading that was longer under way (a paused process, a clock that jumped meanwhile) says
nothing about the clock."""

OFFSET_MS_MAX = 1 << 40
"""Thirty-five years. A clock that claims more is as wrong as that, and the number stays small."""


def offset_ms(answer: HeartbeatResponse, now_ms: int) -> int | None:
    """By how much the sender's clock is ahead of this one; None if that reading says nothing."""
    round_trip_ms = now_ms - answer.echo_ms
    if not 0 <= round_trip_ms <= ROUND_TRIP_MS_MAX:
        return None
    offset = answer.clock_ms - (answer.echo_ms + round_trip_ms // 2)
    return max(-OFFSET_MS_MAX, min(offset, OFFSET_MS_MAX))


def off_ms(
    replica: ReplicaId, voters: Iterable[ReplicaId], offsets: Mapping[ReplicaId, int]
) -> int:
    """By how much a quorum of the other voters, at least, finds this replica's clock ahead
    (negative: behind); 0 if it is not off. `offsets` are relative to one clock, whichever."""
    own = offsets.get(replica)
    if own is None:
        return 0
    known = [*voters]
    ahead = sorted(own - offsets[id_] for id_ in known if id_ != replica and id_ in offsets)
    quorum = majority(len(known))
    if len(ahead) < quorum:
        return 0
    at_least, at_most = ahead[-quorum], ahead[quorum - 1]
    if at_least > SKEW_MS_MAX:
        return at_least
    return at_most if at_most < -SKEW_MS_MAX else 0
