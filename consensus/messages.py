"""The values replicas agree on and the messages they exchange.

Nothing here does anything: these are facts, checked once at birth (a `ValueError` says what is
wrong; `wire` turns it into its own error for bytes that came from outside) and never changed.
Names are those of the Raft paper.

Every message carries its `sender`, its `recipient` and the sender's current `term`; no field
means one thing in one message and another in the next. The term is always the sender's own, in
pre-votes too: a pre-vote asks about `term + 1` without having entered it.

A configuration is written into the log as one line, tag and canonical JSON (keys sorted, no
spaces, ASCII), so that the same members always give the same bytes, and `parse` refuses every
other spelling:

    consensus/configuration/v1 {"learners":[],"voters":[{"address":"10.0.0.1:7000",
    "certificate":"MIIB","id":"court/00000000000000aa"}]}        (one line; broken for reading)
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

ReplicaId: TypeAlias = str
"""`member/incarnation`, e.g. `court/00000000000000aa`: the incarnation is drawn anew for every
new directory, so a replica that lost its disk cannot be taken for the one that voted and
acknowledged."""

DATA_BYTES_MAX = 1 << 20
"""One entry's data: one block. Larger ones would hold up the heartbeats behind them on the same
stream."""

REPLICAS_MAX = 32
"""Voters and learners of a configuration. A quorum of more would be slow without being safer."""

CERTIFICATE_BYTES_MAX = 8 << 10
"""Common ones are a tenth of it; so a configuration always fits into an entry."""

_REPLICA_ID = re.compile(r"[a-z][a-z0-9-]{0,31}/[0-9a-f]{16}")
_ADDRESS = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")
_CONFIGURATION_TAG = b"consensus/configuration/v1 "


@dataclass(frozen=True, slots=True)
class Position:
    """Where a proposal was put: its entry is this one only if index *and* term agree."""

    index: int
    term: int

    def is_at(self, committed: "Entry") -> bool:
        """The committed entry is the one proposed here."""
        return self.index == committed.index and self.term == committed.term

    def is_lost_to(self, committed: "Entry") -> bool:
        """The proposal can never be committed, so proposing the same again is safe: another entry
        has its index, or one of a newer term stands before it (terms never fall along a log)."""
        if committed.index == self.index:
            return committed.term != self.term
        return committed.index < self.index and committed.term > self.term


class EntryKind(IntEnum):
    NOOP = 0
    """Opens a leader's term; without one it could not commit what its predecessors left."""
    NORMAL = 1
    CONFIGURATION = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in the log. The core sets everything but `data`, which it never looks into,
    except that the data of a configuration is a `Configuration`."""

    index: int
    term: int
    kind: EntryKind
    time_ms: int
    proposer: str
    version: str
    data: bytes


@dataclass(frozen=True, slots=True, order=True)
class Voter:
    """A replica, where to reach it, and the DER of the one certificate that speaks for it."""

    id: ReplicaId
    address: str
    certificate: bytes

    def __post_init__(self) -> None:
        if not _REPLICA_ID.fullmatch(self.id):
            raise ValueError(f"not a replica id: {self.id!r}")
        if not _ADDRESS.fullmatch(self.address):
            raise ValueError(f"not an address: {self.address!r}")
        if not 0 < len(self.certificate) <= CERTIFICATE_BYTES_MAX:
            raise ValueError(f"a certificate of {len(self.certificate)} bytes")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Who decides (`voters`) and who is only sent the log (`learners`), both sorted by id."""

    voters: tuple[Voter, ...]
    learners: tuple[Voter, ...] = ()

    def __post_init__(self) -> None:
        ids = [replica.id for replica in self]
        if not self.voters:
            raise ValueError("a configuration without voters could decide nothing")
        if len(set(ids)) != len(ids):
            raise ValueError("a replica occurs twice in the configuration")
        if len(ids) > REPLICAS_MAX:
            raise ValueError(f"more than {REPLICAS_MAX} replicas")
        for group in (self.voters, self.learners):
            if list(group) != sorted(group):
                raise ValueError("the replicas of a configuration are not sorted by id")

    def __iter__(self) -> Iterator[Voter]:
        """Everyone the log is sent to, voters first."""
        yield from self.voters
        yield from self.learners

    def is_voter(self, replica: ReplicaId) -> bool:
        return any(voter.id == replica for voter in self.voters)

    def format(self) -> bytes:
        """The data of a configuration entry."""

        def rows(group: tuple[Voter, ...]) -> list[dict[str, str]]:
            return [
                {
                    "address": voter.address,
                    "certificate": base64.b64encode(voter.certificate).decode(),
                    "id": voter.id,
                }
                for voter in group
            ]

        tree = {"learners": rows(self.learners), "voters": rows(self.voters)}
        return _CONFIGURATION_TAG + json.dumps(tree, separators=(",", ":"), sort_keys=True).encode()

    @staticmethod
    def parse(data: bytes) -> "Configuration":
        """The inverse of `format`; raises ValueError for anything `format` would not write."""

        def group(name: str) -> tuple[Voter, ...]:
            return tuple(
                Voter(row["id"], row["address"], base64.b64decode(row["certificate"]))
                for row in tree[name]
            )

        try:
            tree = json.loads(data.removeprefix(_CONFIGURATION_TAG))
            configuration = Configuration(group("voters"), group("learners"))
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("not a configuration") from error
        if configuration.format() != data:
            raise ValueError("a configuration in another spelling than ours")
        return configuration


@dataclass(frozen=True, slots=True)
class HardState:
    """What a replica must never forget besides its log: the newest term it entered and whom it
    voted for in it."""

    term: int = 0
    vote: ReplicaId | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message carries; `term` is the current term of the sender."""

    sender: ReplicaId
    recipient: ReplicaId
    term: int


@dataclass(frozen=True, slots=True)
class PreVoteRequest(Envelope):
    """Would you vote for me in `term + 1`, my log ending with this entry? Nobody's state changes
    by the question."""

    last_index: int
    last_term: int


@dataclass(frozen=True, slots=True)
class PreVoteResponse(Envelope):
    granted: bool


@dataclass(frozen=True, slots=True)
class VoteRequest(Envelope):
    """Vote for me in `term`; my log ends with this entry. With `transfer` the leader itself asked
    for this election, so that it hinders nobody that the leader is still heard."""

    last_index: int
    last_term: int
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class VoteResponse(Envelope):
    """A granted vote is on the voter's disk."""

    granted: bool


@dataclass(frozen=True, slots=True)
class AppendRequest(Envelope):
    """The entries after (`prev_index`, `prev_term`), maybe none, and how far the leader has
    committed.

    At birth: entries follow each other without a gap, their terms never fall and never exceed the
    leader's, and the data of configuration entries is a configuration.
    """

    prev_index: int
    prev_term: int
    entries: tuple[Entry, ...]
    commit: int

    def __post_init__(self) -> None:
        index, term = self.prev_index, self.prev_term
        for entry in self.entries:
            index += 1
            if entry.index != index:
                raise ValueError(f"entry {entry.index} where {index} follows")
            if entry.term < term:
                raise ValueError(f"the term falls at entry {index}")
            term = entry.term
            if entry.kind is EntryKind.CONFIGURATION:
                Configuration.parse(entry.data)
        if term > self.term:
            raise ValueError(f"an entry of term {term} in a message of term {self.term}")


@dataclass(frozen=True, slots=True)
class AppendResponse(Envelope):
    """My log equals yours up to `match_index`, and that is on my disk."""

    match_index: int


@dataclass(frozen=True, slots=True)
class AppendRefusal(Envelope):
    """I do not have the entry (`rejected_index`, ...) your entries follow. No entry of mine after
    `hint_index` can be one of yours; that one is of `hint_term`. (Also the answer to a leader of
    an older term, for the term alone.)"""

    rejected_index: int
    hint_index: int
    hint_term: int


@dataclass(frozen=True, slots=True)
class CommitNotice(Envelope):
    """The entry (`commit`, `commit_term`) is committed. Not answered: it only lets followers
    apply at once what they hold, and what is lost is made good by the next append or
    heartbeat."""

    commit: int
    commit_term: int


@dataclass(frozen=True, slots=True)
class HeartbeatRequest(Envelope):
    """I lead `term`. `commit` is no further than what you acknowledged to me in this term.
    Whoever echoes `read_position` confirms all reads up to that number. `clock_ms` is my wall clock
    now; `clock_off_ms` is by how much a quorum of voters finds yours ahead (negative: behind), 0
    while they find nothing (`clocks`). My log is on my disk up to `durable_index`."""

    commit: int
    read_position: int
    clock_ms: int
    clock_off_ms: int
    durable_index: int


@dataclass(frozen=True, slots=True)
class HeartbeatResponse(Envelope):
    """`clock_ms` is the sender's wall clock when it answered, `echo_ms` the clock of the request:
    so the leader knows how long the reading was under way. Only heartbeats carry clocks: an
    acknowledgement waits for a disk, and its clock would be stale."""

    read_position: int
    echo_ms: int
    clock_ms: int


@dataclass(frozen=True, slots=True)
class ReadIndexRequest(Envelope):
    """A follower asks the leader how far it must have applied to answer a linearizable read."""

    context: int


@dataclass(frozen=True, slots=True)
class ReadIndexResponse(Envelope):
    """`index` is None if the one asked does not lead or lost the lead before it could confirm."""

    context: int
    index: int | None


@dataclass(frozen=True, slots=True)
class TimeoutNow(Envelope):
    """You have all my log and I want you to lead: campaign at once (thesis, 3.10)."""


@dataclass(frozen=True, slots=True)
class RecallRequest(Envelope):
    """I have started and want to know what I have promised (`recall`). `number` is drawn anew at
    every start, so that no answer to an earlier life is taken for one to this."""

    number: int


@dataclass(frozen=True, slots=True)
class RecallResponse(Envelope):
    """What I remember of you since my own start: `vote_term` is the newest term you voted for me
    in, and in `ack_term` you had all up to `ack_index` on your disk (0 for never). And the
    configuration in force here, with where my log ends, which says how much that is worth."""

    number: int
    vote_term: int
    ack_term: int
    ack_index: int
    last_term: int
    last_index: int
    configuration: Configuration


OfTerm: TypeAlias = (
    PreVoteRequest
    | PreVoteResponse
    | VoteRequest
    | VoteResponse
    | AppendRequest
    | AppendResponse
    | AppendRefusal
    | CommitNotice
    | HeartbeatRequest
    | HeartbeatResponse
    | ReadIndexRequest
    | ReadIndexResponse
    | TimeoutNow
)
"""What is only said and heard within one term."""

Message: TypeAlias = OfTerm | RecallRequest | RecallResponse
