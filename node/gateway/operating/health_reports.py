"""Health records as the members tell them, each checked before it is shown.

All members are asked, because each keeps the records of all: what one of them withholds the others
have. A record counts if its member's log key signed it, by any policy of this chain, and it is on
the chain if its event stands in the tree of the checkpoint this gateway shows. Times in it are the
member's word; the block's time is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from node import member_pb2 as pb
from node.errors import Absent
from node.evidence.entry import StatementEntry, parse_entry
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE, leaf_hash
from node.evidence.policy_note import PolicyNote
from node.evidence.statement import statement_id
from node.evidence.tiles import WIDTH, Tile
from node.gateway.log.publishing import PublishedLog
from node.gateway.members.client import CannotCheck, Members
from node.operating.health import Reported, check_reported

ASK_TIMEOUT_S = 5.0
"""A day of seven members is some megabytes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A record that counts, and its entry on the chain: None if it is not there (yet)."""

    reported: Reported
    entry: StatementEntry | None = None
    entry_bytes: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a span of time. `silent` are members that did not answer."""

    shown: tuple[Shown, ...]
    policy: PolicyNote
    silent: tuple[str, ...]
    complete: bool

    @property
    def reports(self) -> list[Reported]:
        return [each.reported for each in self.shown]

    @property
    def members(self) -> list[str]:
        """Those of the policy in force."""
        return sorted(each.member for each in self.policy.policy.sealers)


async def collect(members: Members, log: PublishedLog, from_ms: int, to_ms: int) -> Told:
    """All records that ended within these times; raises `CannotCheck` if no member answers."""
    request = pb.HealthRequest(from_ms=from_ms, to_ms=to_ms)
    answers: Mapping[str, pb.HealthResponse]
    answers = await members.ask_all("Health", request, ASK_TIMEOUT_S)
    if not answers:
        raise CannotCheck("no member answered")
    policies = await log.shown_policies()
    found = _checked(answers, policies)
    tiles: dict[int, bytes] = {}
    shown = [await _placed(reported, places, log, tiles) for reported, places in found]
    return Told(
        tuple(sorted(shown, key=lambda each: each.reported.record.to_ms)),
        policies[-1],
        tuple(name for name in members.names if name not in answers),
        not any(answer.more for answer in answers.values()),
    )


def _checked(
    answers: Mapping[str, pb.HealthResponse], policies: list[PolicyNote]
) -> Iterable[tuple[Reported, set[tuple[int, bytes]]]]:
    """Each record once, with all places where members say it stands."""
    keys = {(each.member, each.log) for note in policies for each in note.policy.sealers}
    origin, rules = policies[-1].policy.origin, max(note.rules for note in policies)
    known: dict[bytes, tuple[Reported, set[tuple[int, bytes]]]] = {}
    for name, answer in answers.items():
        for each in answer.reports:
            found = known.get(each.record + each.submission)
            if found is None:
                try:
                    reported = check_reported(each.record, each.submission, origin, rules)
                except (BadSignature, Malformed) as error:
                    _log.error("member %s told a health record that is none: %s", name, error)
                    continue
                if (reported.record.member, reported.event.key) not in keys:
                    _log.error("member %s told a health record of nobody's", name)
                    continue
                found = known[each.record + each.submission] = reported, set()
            if each.entry:
                found[1].add((each.leaf_index, each.entry))
    return known.values()


async def _placed(
    reported: Reported,
    places: Iterable[tuple[int, bytes]],
    log: PublishedLog,
    tiles: dict[int, bytes],
) -> Shown:
    """With the first place that is true; `tiles` are those read before."""
    for leaf_index, data in places:
        try:
            entry = parse_entry(data)
            if (
                isinstance(entry, StatementEntry)
                and statement_id(entry.statement_bytes) == reported.statement_id
                and await _leaf(leaf_index, log, tiles) == leaf_hash(data)
            ):
                return Shown(reported, entry, data)
            _log.error("a health record of %s does not stand there", reported.record.member)
        except (Absent, CannotCheck, Malformed) as error:
            _log.debug("where a health record stands is not known: %s", error)
    return Shown(reported)


async def _leaf(leaf_index: int, log: PublishedLog, tiles: dict[int, bytes]) -> bytes:
    """The leaf hash at this place of the tree that is shown."""
    index, place = divmod(leaf_index, WIDTH)
    at = place * HASH_SIZE
    if len(tiles.get(index, b"")) <= at:
        tiles[index] = await log.tile(Tile(0, index, place + 1))
        await asyncio.sleep(0)  # Thousands of records must not keep the others waiting.
    return tiles[index][at : at + HASH_SIZE]
