"""The core: see the package docstring."""

from collections.abc import Callable
from dataclasses import dataclass

from consensus.log import Storage
from consensus.messages import Configuration, Message, Position, ReplicaId
from consensus.ready import Ready


class NotLeader(Exception):
    """Only the leader accepts this; `leader` is who that is, if known. Nothing was proposed."""

    def __init__(self, leader: ReplicaId | None) -> None:
        super().__init__(f"not the leader, which is {leader or 'unknown'}")
        self.leader = leader


class Busy(Exception):
    """Too much is waiting to be committed. Nothing was proposed; try again later."""


class ChangeRefused(Exception):
    """The configuration cannot be changed to this one now; the message says why. Nothing was
    proposed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on memory and on what is under way; the defaults suit blocks of up to 1 MiB."""

    append_bytes: int = 1 << 20
    """Data in one append, or one entry if that is larger."""
    in_flight_messages: int = 256
    in_flight_bytes: int = 16 << 20
    uncommitted_bytes: int = 64 << 20
    committed_bytes: int = 8 << 20
    """Data of `Ready.committed`, or one entry if that is larger."""
    pending_reads: int = 4096


class Raft:
    def __init__(
        self,
        replica_id: ReplicaId,
        storage: Storage,
        *,
        proposer: str,
        version: str,
        random: Callable[[int], int],
        election_ticks: int = 10,
        heartbeat_ticks: int = 1,
        limits: Limits = Limits(),
        applied: int = 0,
    ) -> None:
        """`random(n)` gives a number in 0 <= r < n (`Random.randrange`). `applied` is up to where
        the edge has already applied committed entries; `Ready.committed` goes on from there. It
        must not exceed the storage's last index (an edge that finds it does lost its journal, and
        must not start)."""
        raise NotImplementedError

    # Readable at any time: id, term, role, leader, commit, last_index, configuration.

    @property
    def configuration(self) -> Configuration:
        """The one in force: the last in the log, committed or not."""
        raise NotImplementedError

    def step(self, message: Message, now_ms: int) -> None:
        """Take in a message from another replica."""
        raise NotImplementedError

    def tick(self, now_ms: int) -> None:
        """One unit of time has passed."""
        raise NotImplementedError

    def propose(self, data: bytes, now_ms: int) -> Position:
        """Append an entry. It is committed when `Ready.committed` shows an entry the position
        `is_at`, and never will be once it shows one the position `is_lost_to`. Raises NotLeader,
        Busy."""
        raise NotImplementedError

    def propose_configuration(self, configuration: Configuration, now_ms: int) -> Position:
        """Change the configuration by at most one voter. Raises NotLeader, ChangeRefused."""
        raise NotImplementedError

    def read_index(self, context: int) -> None:
        """Ask for a linearizable read on any replica; answered by a `Read` with this context in a
        later Ready, failed after an election timeout at the latest. Raises Busy."""
        raise NotImplementedError

    def persisted(self, number: int, now_ms: int) -> None:
        """Write `number` and all before it are durable."""
        raise NotImplementedError

    def ready(self, *, deliver: bool = True) -> Ready | None:
        """What is to be done now, or None; call after every input until None. With deliver=False
        committed entries stay in the log until the edge can take them again."""
        raise NotImplementedError
