"""What became of a deposit: the events about it on the chain, and what they mark it with.

They come from the members, whoever made them and through whichever gateway. Each is checked as a
verifier would check it, and judged by the log's own words about keys (`node.evidence.events`); that
there are no others is, as with every lookup, one member's word, confirmed with a quorum.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from node import member_pb2 as pb
from node.evidence.entry import KeyEntry, StatementEntry
from node.evidence.events import BY_DEPOSITOR, Keys, flags, has_effect
from node.evidence.keys import BadSignature, PublicKey
from node.evidence.sm2 import Sm2Missing
from node.evidence.statement import Event
from node.gateway.members.answers import Placed
from node.gateway.members.client import CannotCheck, Members
from node.words import Flag

PAGE = 100
"""What a member lists at most (proto/node/member.proto)."""
EVENTS_MAX = 1_000
"""Events of one deposit that are read: years of custody; beyond, the answer says so."""
KEYS_MAX = 64
"""Keys that are asked about for one deposit: makers of events, and the successions of its own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An event as it stands on the chain, and whether it does something to the deposit."""

    placed: Placed
    has_effect: bool

    @property
    def event(self) -> Event:
        """What was signed."""
        event = self.placed.statement.statement
        assert isinstance(event, Event)
        return event


@dataclass(frozen=True, slots=True)
class History:
    """All events about a deposit in log order, and what they amount to."""

    events: tuple[Judged, ...] = ()
    flags: tuple[tuple[Flag, StatementEntry], ...] = ()
    keys: Keys = field(default_factory=Keys)
    complete: bool = True

    def placed(self, entry: StatementEntry) -> Placed:
        """Where one of its events stands."""
        return next(each.placed for each in self.events if each.placed.entry is entry)


NO_HISTORY = History()


async def read_history(members: Members, deposit: StatementEntry) -> History:
    """The events about a deposit; raises `CannotCheck`."""
    placed, complete = await _events(members, deposit.statement_id)
    if not placed:
        return NO_HISTORY
    keys = await read_keys(members, _concerned(deposit, placed))
    judged = tuple(Judged(each, has_effect(each.statement, deposit, keys)) for each in placed)
    effective = [each.placed.statement for each in judged if each.has_effect]
    return History(judged, tuple(flags(effective, keys).items()), keys, complete)


async def read_marks(members: Members, statement_id: bytes) -> History:
    """The same by a deposit's id, of which most have no events and cost one question."""
    placed, _ = await _events(members, statement_id)
    if not placed:
        return NO_HISTORY
    search = await members.find(statement_id=statement_id)
    if not search.found:
        raise CannotCheck("a member told of events about a deposit that it does not have")
    return await read_history(members, search.found[0].placed.statement)


async def read_keys(members: Members, first: Iterable[PublicKey]) -> Keys:
    """What the log says of these keys and of all that came in their place."""
    asked: set[PublicKey] = set()
    wave = set(first)
    entries: dict[bytes, KeyEntry] = {}
    while wave and len(asked) < KEYS_MAX:
        told = await asyncio.gather(*(members.key_entries(key.text) for key in wave))
        asked |= wave
        found = [entry for each in told for entry in each]
        entries |= {entry.record_bytes: entry for entry in found}
        wave = {entry.record.successor for entry in found if entry.record.successor} - asked
    return Keys(sorted(entries.values(), key=lambda entry: entry.height))


async def _events(members: Members, subject: bytes) -> tuple[list[Placed], bool]:
    placed: list[Placed] = []
    while len(placed) < EVENTS_MAX:
        from_leaf = placed[-1].leaf_index + 1 if placed else 0
        search = await members.find(events=pb.Events(subject=subject, from_leaf=from_leaf))
        for found in search.found:
            _check(found.placed, subject, from_leaf)
            from_leaf = found.placed.leaf_index + 1
            placed.append(found.placed)
        if len(search.found) < PAGE:
            return placed, True
    return placed, False


def _check(placed: Placed, subject: bytes, from_leaf: int) -> None:
    """That it is an event about this statement, signed, and in its order."""
    event = placed.statement.statement
    if not isinstance(event, Event) or event.subject is None or event.subject.statement != subject:
        raise CannotCheck("a member told of an event about something else")
    if placed.leaf_index < from_leaf:
        raise CannotCheck("a member told of events out of their order")
    try:
        placed.statement.verify_signatures()
    except (BadSignature, Sm2Missing) as error:
        raise CannotCheck("the signature of an event could not be verified") from error


def _concerned(deposit: StatementEntry, placed: Iterable[Placed]) -> set[PublicKey]:
    """Whose keys decide what the events are worth: those that made them, for their standing; and
    the deposit's own if another came in its place."""
    events = [each.statement.statement for each in placed]
    keys = {event.key for event in events}
    for event in events:
        assert isinstance(event, Event)
        if event.type in BY_DEPOSITOR:
            keys.add(deposit.statement.key)
        if event.type == "erased":
            keys.add(deposit.receipt.gateway)
    return keys
