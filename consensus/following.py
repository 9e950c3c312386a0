"""What a follower does to its log at the leader's word: the receiver's half of AppendEntries.

Each function takes a message of the current term from its leader. Nothing here leaves the replica
without the disk, but refusals, which promise nothing. A message that disagrees with what is
committed here changes nothing and is kept: either the leader lies or one of the two has lost data,
and neither may overwrite a committed entry, nor be read as if it were what the group agreed on.
"""

from consensus.log import Log
from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    HeartbeatRequest,
    ReadIndexResponse,
)
from consensus.ready import Contradiction
from consensus.writes import Writes


def take_append(
    message: AppendRequest, log: Log, writes: Writes
) -> AppendRefusal | Contradiction | None:
    """Append what is new after (prev_index, prev_term). Only an entry that differs is replaced,
    with all behind it: a late append must not cut off what a newer one brought. The commit index
    counts as far as this append vouches for the log, no further. None: the acknowledgement waits
    for the disk."""
    leader, here, term, prev = message.sender, message.recipient, message.term, message.prev_index
    if not log.has(prev, message.prev_term):
        if prev <= log.commit:
            return _contradiction(message, log, prev)
        hint = log.last_within(prev, message.prev_term)
        return AppendRefusal(here, leader, term, prev, hint, log.term(hint))
    new = message.entries[log.known(message.entries) :]
    if new:
        start = new[0].index
        if start <= log.commit:
            return _contradiction(message, log, start)
        writes.truncated(start)
        log.append(new)
    match_index = prev + len(message.entries)
    log.commit_to(min(message.commit, match_index))
    writes.hold(AppendResponse(here, leader, term, match_index))
    return None


def take_commit_notice(message: CommitNotice, log: Log) -> Contradiction | None:
    """The entry named is here or not; if it is, so is by log matching all before it."""
    if log.has(message.commit, message.commit_term):
        log.commit_to(message.commit)
    elif message.commit <= log.commit:
        return _contradiction(message, log, message.commit)
    return None


def take_heartbeat_commit(message: HeartbeatRequest, log: Log) -> None:
    """The leader sends no more than was acknowledged to it in this term, so it is here."""
    if message.commit <= log.last_index:
        log.commit_to(message.commit)


def take_read_answer(message: ReadIndexResponse, log: Log) -> Contradiction | None:
    """A leader confirms reads at entries of its own term only (thesis, 6.4). If what is committed
    here at that index is of another term, this is not the log that it speaks of."""
    index = message.index
    if index is not None and index <= log.commit and log.term(index) != message.term:
        return _contradiction(message, log, index)
    return None


def _contradiction(
    message: AppendRequest | CommitNotice | ReadIndexResponse, log: Log, index: int
) -> Contradiction:
    return Contradiction(message, f"entry {index} is committed here with term {log.term(index)}")
