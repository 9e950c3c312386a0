"""What happened, a line each, and one digest of all of it.

Two runs are the same if their digests are. A line has only what comes from the seed: names, numbers
and simulated times, never an address in memory or the time of the day. The last lines are kept to
be shown when something is found.
"""

import hashlib
from collections import deque
from collections.abc import Callable

from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    HeartbeatRequest,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    ReadIndexResponse,
    RecallResponse,
    VoteRequest,
    VoteResponse,
)
from devnet.sim.schedule import Schedule

KEPT = 60
"""Lines shown around what was found: about one election, with what led to it."""


class Trace:
    def __init__(self, schedule: Schedule, show: Callable[[str], None] | None = None) -> None:
        self._schedule = schedule
        self._show = show
        self._hash = hashlib.sha256()
        self.last: deque[str] = deque(maxlen=KEPT)

    def note(self, what: str) -> None:
        line = f"{self._schedule.count:6d} {self._schedule.now_us / 1e6:11.6f} {what}"
        self._hash.update(line.encode() + b"\n")
        self.last.append(line)
        if self._show is not None:
            self._show(line)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def describe(message: Message) -> str:
    """A message in a few words; the name of its kind and what is not the same in all of them."""
    kind = type(message).__name__
    match message:
        case AppendRequest():
            entries = len(message.entries)
            what = f"{message.prev_index}/{message.prev_term}+{entries} commit {message.commit}"
        case AppendResponse():
            what = f"to {message.match_index}"
        case AppendRefusal():
            what = f"{message.rejected_index}, hint {message.hint_index}/{message.hint_term}"
        case CommitNotice():
            what = f"{message.commit}/{message.commit_term}"
        case HeartbeatRequest():
            what = f"commit {message.commit} reads {message.read_position}"
        case PreVoteRequest() | VoteRequest():
            what = f"{message.last_index}/{message.last_term}"
        case PreVoteResponse() | VoteResponse():
            what = "granted" if message.granted else "refused"
        case ReadIndexResponse():
            what = str(message.index)
        case RecallResponse():
            what = f"vote {message.vote_term} acked {message.ack_index}/{message.ack_term}"
        case _:
            what = ""
    return f"{kind} t{message.term} {what}".rstrip()
