"""What the core asks of its edge: the one value `Ready`, and the roles it reports.

The edge's duties, in this order, for every `Ready` (`raft.Raft.ready`):

1. Hand `write` to the disk. Writes are made durable in the order of their numbers, none skipped;
   several may be joined into one synced batch. Entries replace everything the disk holds at and
   above the first one's index. When write n is durable (and with it all before it), call
   `raft.persisted(n, now_ms)`.
2. Send `send` without waiting for that write: nothing in it depends on it. What does depend on it
   (votes, requests for votes, acknowledgements) comes out of a later Ready, after `persisted`.
   Messages may be lost, repeated and reordered.
3. Apply `committed`, in order, each entry exactly once per life of the core. They are on this
   replica's disk.
4. Answer `reads`; keep `contradictions` as evidence.
"""

from dataclasses import dataclass
from enum import Enum

from consensus.messages import (
    AppendRequest,
    CommitNotice,
    Entry,
    HardState,
    HeartbeatRequest,
    Message,
    ReadIndexResponse,
    ReplicaId,
)


class Role(Enum):
    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to make durable. `hard_state` is None if it did not change; `entries` may be
    empty."""

    number: int
    hard_state: HardState | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """An answered `read_index`: the state after applying `index` may be shown. None: ask again,
    the lead was lost."""

    context: int
    index: int | None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A message no honest leader can have sent to a replica that lost nothing; it was refused."""

    message: AppendRequest | CommitNotice | HeartbeatRequest | ReadIndexResponse
    why: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that came up since the last one; see the duties above. `role`, `leader` and
    `term` are how things are now; a Ready may hold nothing but their change."""

    write: Write | None
    send: tuple[Message, ...]
    committed: tuple[Entry, ...]
    reads: tuple[Read, ...]
    contradictions: tuple[Contradiction, ...]
    role: Role
    leader: ReplicaId | None
    term: int
