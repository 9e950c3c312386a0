"""Whether the members still see this tree: their newest seals, on show and compared with the clock.

A stored note keeps its first seals for ever, and on an idle chain it would look the same if all
members had stopped or somebody kept its readers on an old view. So the newest checkpoint is shown
with the seals that members renew every minute, and who renews nothing is named.

Reads only; any thread may ask.
"""

from __future__ import annotations

from dataclasses import replace

from node.evidence.note import parse_line
from node.evidence.sealed import format_sealed, parse_seal, parse_sealed
from node.sealing import REFRESH_S, Note, Sealing, time_of

SILENT_S = 3 * REFRESH_S
"""A member whose newest seal is older has missed two renewals and more: it does not run, cannot be
heard, or does not see this tree."""


def freshest(sealing: Sealing, note: Note) -> bytes:
    """The note with all seals that count on its checkpoint, of each member the newest."""
    head = sealing.heads.get(note.size)
    if head is None:
        return note.data
    seals = []
    for sealer in head.policy.sealers:
        seal, newest = head.seals.get(sealer.member), sealing.newest_of(sealer.member)
        if seal is not None and newest is not None and newest.body == head.body:
            seal = parse_seal(parse_line(newest.line), head.checkpoint.origin)
        if seal is not None:
            seals.append(seal)
    return format_sealed(replace(parse_sealed(note.data), seals=tuple(seals)))


def silent(sealing: Sealing, now_s: int, since_s: int) -> list[str]:
    """Whose newest seal is too old, in words for an operator. What is older than `since_s`, when
    this member began to listen, is held against nobody."""
    found = []
    for sealer in sealing.policy.sealers:
        newest = sealing.newest_of(sealer.member)
        age_s = now_s - max(since_s, time_of(newest) if newest is not None else 0)
        if age_s > SILENT_S:
            who = "it" if sealer.member == sealing.member else sealer.member
            found.append(f"{who} has sealed nothing for {age_s // 60} minutes")
    return found
