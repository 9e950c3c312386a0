"""Events: what was said of a deposit later, and its worth (docs/proof-format.md, section 3).

Anybody whose record a gateway proposes can put an event on the chain. What it does to a deposit is
judged here, by every reader alike, from the entries alone: an event has an effect if it names the
deposit by number and statement id, and if its key may make it at the time of its block.

    correction, supplement, rendition,      the key of the deposit's statement (the depositor's, or
    invalidation, custody                   the attesting gateway's), or its successor
    hold, release                           a court's key
    notarisation, verification              a court's, a notary's or a forensic institute's key
    erased                                  the key of the gateway that took the deposit in

A key that was rotated or revoked by then may no more. Events without effect are kept and shown. An
event never changes what was deposited, and never turns one answer into another: it is a mark, with
the event that says more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from node.evidence.digests import sha256
from node.evidence.enrolment import KeyRecord, standing
from node.evidence.entry import KeyEntry, StatementEntry
from node.evidence.keys import PublicKey
from node.evidence.statement import Deposit, Event
from node.words import Flag

_DETAILS_TAG = b"cunzheng/event/v1\n"

BY_DEPOSITOR = frozenset({"correction", "supplement", "rendition", "invalidation", "custody"})
BY_COURT = frozenset({"hold", "release"})
BY_INSTITUTION = frozenset({"notarisation", "verification"})

_ROLES = {
    **dict.fromkeys(BY_COURT, frozenset({"court"})),
    **dict.fromkeys(BY_INSTITUTION, frozenset({"court", "notary", "forensic"})),
}


def details_digest(salt: bytes, details: bytes) -> bytes:
    """The field `details` of an event: its details in canonical form, under a salt of 32 bytes."""
    return sha256(_DETAILS_TAG + salt + details)


def may_make(kind: str, key: PublicKey, deposit: StatementEntry, known: Keys, time_ms: int) -> bool:
    """Whether an event of this kind, made at this time with this key, has an effect on it."""
    if known.ended(key, time_ms):
        return False
    if kind in BY_DEPOSITOR:
        return key in known.successors(deposit.statement.key, time_ms)
    if kind == "erased":
        return key in known.successors(deposit.receipt.gateway, time_ms)
    return bool(_ROLES.get(kind, frozenset()) & known.roles(key, time_ms))


def has_effect(entry: StatementEntry, deposit: StatementEntry, known: Keys) -> bool:
    """Whether this event does something to this deposit."""
    event = entry.statement
    if not isinstance(event, Event) or not names(event, deposit):
        return False
    earlier = known.until(entry.height)
    return may_make(event.type, event.key, deposit, earlier, entry.time_ms)


def names(event: Event, deposit: StatementEntry) -> bool:
    """Whether number and statement id of the event's subject are both this deposit's."""
    subject, statement = event.subject, deposit.statement
    if subject is None or subject.statement != deposit.statement_id:
        return False
    if not isinstance(statement, Deposit) or deposit.first_item is None:
        return False  # An event about an event, or a loop of them.
    index = subject.item_index(deposit.first_item)
    return 0 <= index < statement.count and deposit.number(index) == subject.evidence_no


def flags(events: Sequence[StatementEntry], known: Keys) -> dict[Flag, StatementEntry]:
    """What a deposit is marked with, each with the newest event that says so; `events` are those
    with an effect on it, in log order."""
    found: dict[Flag, StatementEntry] = {}
    holds: list[StatementEntry] = []
    for entry in events:
        event = entry.statement
        assert isinstance(event, Event)
        match event.type:
            case "correction":
                found[Flag.SUPERSEDED] = entry
            case "invalidation":
                found[Flag.INVALIDATED] = entry
            case "erased":
                found[Flag.ERASED] = entry
            case "hold":
                holds.append(entry)
            case "release":  # Of its own holds: a court does not release what another one holds.
                holds = [held for held in holds if not _releases(entry, held, known)]
    if holds:
        found[Flag.HELD] = holds[-1]
    return {flag: found[flag] for flag in Flag if flag in found}


def _releases(release: StatementEntry, hold: StatementEntry, known: Keys) -> bool:
    keys = known.until(release.height).successors(hold.statement.key, release.time_ms)
    return release.statement.key in keys


class Keys:
    """What the log says of some keys: their key entries, in log order."""

    def __init__(self, entries: Iterable[KeyEntry] = ()) -> None:
        self._entries = tuple(entries)
        self._records: tuple[KeyRecord, ...] = tuple(entry.record for entry in self._entries)

    def until(self, height: int) -> Keys:
        """The same as it was at this height."""
        return Keys(entry for entry in self._entries if entry.height <= height)

    def roles(self, key: PublicKey, time_ms: int) -> frozenset[str]:
        """What the key was enrolled as."""
        return standing(key, self._records, time_ms).roles

    def ended(self, key: PublicKey, time_ms: int) -> bool:
        """Whether it had been rotated or revoked."""
        return standing(key, self._records, time_ms).ended_by is not None

    def successors(self, key: PublicKey, time_ms: int) -> set[PublicKey]:
        """The key itself, and all that came in its place."""
        found, wave = {key}, {key}
        while wave:
            wave = {
                record.successor
                for record in self._records
                if record.successor is not None
                and record.key in wave
                and record.effective <= time_ms
            } - found
            found |= wave
        return found
