"""How scenarios write things down: every value of the core in one short, fixed spelling.

An entry is `index@term` and what it holds: `3@2 x`, `4@2 noop`, `5@2 [a b c]` (a configuration;
learners after a plus). Entries a scenario's disks begin with hold nothing, and those of one term
are joined: `1-3@1, 4@2`. A replica's id is its name, and from its second life under a new id on a
number as well: `c` is c/0000000000000001, `c2` the next.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import assert_never

from consensus.messages import (
    AppendRefusal,
    AppendRequest,
    AppendResponse,
    CommitNotice,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    HeartbeatRequest,
    HeartbeatResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    ReadIndexRequest,
    ReadIndexResponse,
    RecallRequest,
    RecallResponse,
    ReplicaId,
    TimeoutNow,
    Voter,
    VoteRequest,
    VoteResponse,
)
from consensus.ready import Ready, Role, Write

NOW_MS = 1_700_000_000_000

_REPLICA_ID = re.compile(r"[a-z][a-z0-9-]*/[0-9a-f]{16}")


def replica_id(name: str) -> ReplicaId:
    """The inverse of `name_of`."""
    member = name.rstrip("0123456789")
    return f"{member}/{int(name.removeprefix(member) or 1):016x}"


def name_of(replica: ReplicaId) -> str:
    member, _, incarnation = replica.partition("/")
    number = int(incarnation, 16)
    return member if number == 1 else f"{member}{number}"


def plain(text: str) -> str:
    """With the names of the replicas instead of their ids."""
    return _REPLICA_ID.sub(lambda found: name_of(found[0]), text)


def configuration_of(voters: Iterable[str], learners: Iterable[str]) -> Configuration:
    """The certificate speaks for the member, whatever its incarnation."""

    def group(names: Iterable[str]) -> tuple[Voter, ...]:
        ids = sorted(replica_id(name) for name in names)
        return tuple(Voter(id_, f"{name_of(id_)}:7000", id_.split("/")[0].encode()) for id_ in ids)

    return Configuration(group(voters), group(learners))


def configuration(value: Configuration) -> str:
    voters = " ".join(name_of(voter.id) for voter in value.voters)
    learners = " ".join(name_of(learner.id) for learner in value.learners)
    return f"[{voters} + {learners}]" if learners else f"[{voters}]"


def entry(value: Entry) -> str:
    return " ".join([_content(value), *_clock(value.time_ms)])


def _content(value: Entry) -> str:
    text = f"{value.index}@{value.term}"
    match value.kind:
        case EntryKind.NOOP:
            return f"{text} noop"
        case EntryKind.CONFIGURATION:
            return f"{text} {configuration(Configuration.parse(value.data))}"
        case EntryKind.NORMAL:
            return f"{text} {value.data.decode()}" if value.data else text


def entries(values: Sequence[Entry]) -> str:
    """Consecutive ones of one term that hold nothing are joined."""

    def term_if_empty(one: Entry) -> int:
        empty = one.kind is EntryKind.NORMAL and not one.data and one.time_ms == NOW_MS
        return one.term if empty else -one.index

    texts: list[str] = []
    for _, group in groupby(values, term_if_empty):
        first, *_, last = (run := [*group]) * 2
        one = len(run) == 1
        texts.append(entry(first) if one else f"{first.index}-{last.index}@{first.term}")
    return ", ".join(texts)


def hard_state(value: HardState) -> str:
    return f"term {value.term}" + (f" vote {name_of(value.vote)}" if value.vote else "")


def role(name: str, ready: Ready) -> str:
    match ready.role:
        case Role.FOLLOWER:
            leader = name_of(ready.leader) if ready.leader else "nobody"
            return f"{name} follows {leader} in term {ready.term}"
        case _:
            return f"{name} becomes {ready.role.value} in term {ready.term}"


def write(value: Write) -> str:
    parts = [hard_state(value.hard_state)] if value.hard_state is not None else []
    return "; ".join([*parts, entries(value.entries)] if value.entries else parts)


def numbers(writes: Iterable[Write]) -> str:
    return " ".join(f"[{each.number}]" for each in writes)


def addressed(value: Message) -> str:
    return f"{name_of(value.sender)} -> {name_of(value.recipient)} {message(value)}"


def message(value: Message) -> str:
    """All of it but sender and recipient."""
    details = ", ".join([f"term {value.term}", *_details(value)])
    return f"{type(value).__name__} {details}"


def _details(value: Message) -> list[str]:
    match value:
        case PreVoteRequest():
            return [f"log to {value.last_index}@{value.last_term}"]
        case VoteRequest():
            transfer = ["transfer"] if value.transfer else []
            return [f"log to {value.last_index}@{value.last_term}", *transfer]
        case PreVoteResponse() | VoteResponse():
            return ["granted" if value.granted else "refused"]
        case AppendRequest():
            new = [entries(value.entries)] if value.entries else []
            after = f"after {value.prev_index}@{value.prev_term}"
            return [": ".join([after, *new]), f"commit {value.commit}"]
        case AppendResponse():
            return [f"match {value.match_index}"]
        case AppendRefusal():
            hint = f"try {value.hint_index}@{value.hint_term}"
            return [f"not after {value.rejected_index}", hint] if value.rejected_index else []
        case CommitNotice():
            return [f"commit {value.commit}@{value.commit_term}"]
        case HeartbeatRequest():
            off_s = value.clock_off_ms / 1000
            off = [f"yours is off by {off_s:+g} s"] if value.clock_off_ms else []
            disk = value.durable_index
            on_disk = [f"on disk {disk}"] if disk != value.commit else []
            return [
                f"commit {value.commit}",
                *on_disk,
                *_reads(value),
                *_clock(value.clock_ms),
                *off,
            ]
        case HeartbeatResponse():
            return [*_reads(value), *_clock(value.clock_ms)]
        case ReadIndexRequest():
            return [f"read {value.context}"]
        case ReadIndexResponse():
            return [f"read {value.context}", _index(value.index)]
        case TimeoutNow():
            return []
        case RecallRequest():
            return [f"start {value.number}"]
        case RecallResponse():
            vote = [f"you voted in term {value.vote_term}"] if value.vote_term else []
            acked = (
                [f"you had {value.ack_index} in term {value.ack_term}"] if value.ack_term else []
            )
            here = (
                f"log to {value.last_index}@{value.last_term} {configuration(value.configuration)}"
            )
            return [f"start {value.number}", *vote, *acked, here]
        case _:
            assert_never(value)


def _reads(value: HeartbeatRequest | HeartbeatResponse) -> list[str]:
    return [f"reads {value.read_position}"] if value.read_position else []


def _clock(clock_ms: int) -> list[str]:
    """Only those that are wrong."""
    return [f"clock {(clock_ms - NOW_MS) / 1000:+g} s"] if clock_ms != NOW_MS else []


def _index(index: int | None) -> str:
    return "refused" if index is None else f"index {index}"


def fold(lines: Sequence[str]) -> list[str]:
    """What happens several times over is told once."""
    folded: list[str] = []
    at = 0
    while at < len(lines):
        for size in range(1, 9):
            block = lines[at : at + size]
            count = 1
            while lines[at + count * size : at + (count + 1) * size] == block:
                count += 1
            if count > 2:
                folded += block
                what = "this" if size == 1 else f"these {size} lines"
                folded.append(f"  ({what} {count} times)")
                at += count * size
                break
        else:
            folded.append(lines[at])
            at += 1
    return folded
