"""The newest seals: told to who missed some, on show, and compared with the clock.

A stored note keeps its first seals for ever, and on an idle chain it would look the same if all
members had stopped or somebody kept its readers on an old view. So the newest checkpoint is shown
with the seals that members renew every minute, and who renews nothing is named.

Reads only. What a member is told is read in the thread that applies, the rest in any.
"""

from __future__ import annotations

from node.evidence.sealed import format_sealed, parse_sealed
from node.seals.cosigning import checked, note_of, parse_cosigned, seals_of
from node.seals.sealing import REFRESH_S, Note, Sealing, SentSeal, time_of

PULLED_MAX = 256
"""Seals told to a member that comes back; it needs one, the rest only fills gaps."""
SILENT_S = 3 * REFRESH_S
"""A member whose newest seal is older has missed two renewals and more: it does not run, cannot be
heard, or does not see this tree."""


def pulled(
    sealing: Sealing, above_size: int, member: str
) -> tuple[list[SentSeal], SentSeal | None]:
    """What a member that missed some needs: our newest seals and the newest of the others; all on
    our newest note, so that whoever sealed another history than ours for it shows; and its own
    newest seal that is known here, which it may have lost."""
    found = [
        SentSeal(size, head.body, head.seals[sealing.member].data)
        for size, head in list(sealing.heads.items())[-PULLED_MAX:]
        if size > above_size and sealing.member in head.seals
    ]
    if not found and sealing.last is not None and sealing.last.size > above_size:
        found = [sealing.last]
    found += [
        seal for name, seal in sealing.newest.items() if name != member and seal.size > above_size
    ]
    note = sealing.note
    if note is not None and note.size >= above_size:
        sealed = parse_sealed(note.data)
        lines = seals_of(sealed).values()
        found += [SentSeal(note.size, sealed.body, each.data) for each in lines]
    return sorted(found, key=lambda seal: seal.size), sealing.newest.get(member)


def freshest(sealing: Sealing, note: Note) -> bytes:
    """The note with all seals that count on its checkpoint, of each member the newest."""
    head = sealing.heads.get(note.size)
    if head is None:
        return note.data
    seals = []
    for sealer in head.policy.sealers:
        name, newest = sealer.member, sealing.newest_of(sealer.member)
        cosigned = head.seals.get(name)
        if cosigned is not None and newest is not None and newest.body == head.body:
            renewed = parse_cosigned(newest.line, head.policy.origin)
            cosigned = checked(head.body, renewed, head.policy.witness_vkey(sealer), head.members)
        if cosigned is not None:
            seals.append(cosigned)
    return format_sealed(note_of(head.checkpoint, parse_sealed(note.data).log_line, seals))


def silent(sealing: Sealing, now_s: int, since_s: int) -> list[str]:
    """Whose newest seal is too old, in words for an operator. What is older than `since_s`, when
    this member began to listen, is held against nobody."""
    found = []
    for member, age_s in overdue(sealing, now_s, since_s).items():
        who = "it" if member == sealing.member else member
        found.append(f"{who} has sealed nothing for {age_s // 60} minutes")
    return found


def overdue(sealing: Sealing, now_s: int, since_s: int) -> dict[str, int]:
    """The same members, by how many seconds are since their newest seal."""
    found = {}
    for sealer in sealing.policy.sealers:
        newest = sealing.newest_of(sealer.member)
        age_s = now_s - max(since_s, time_of(newest) if newest is not None else 0)
        if age_s > SILENT_S:
            found[sealer.member] = age_s
    return found
