"""What later events mark a deposit with, in words: shown wherever the deposit is."""

from __future__ import annotations

from collections.abc import Iterable

from node.evidence.merkle import leaf_hash
from node.gateway.events.history import History
from node.gateway.http.language import Language
from node.gateway.http.schemas import FlagValue
from node.words import Flag, OpenPoint

_POINTS = {Flag.SUPERSEDED.name: OpenPoint.O10, Flag.INVALIDATED.name: OpenPoint.O11}


def flag_values(history: History, language: Language) -> list[FlagValue]:
    """What a deposit is marked with, each with the event that says more."""
    values = []
    for flag, entry in history.flags:
        entry_hash = leaf_hash(history.placed(entry).entry_bytes).hex()
        see = {"zh": f"，见交易哈希 {entry_hash}", "en": f", see entry {entry_hash}"}
        values.append(
            FlagValue(
                flag=flag.name,  # type: ignore[arg-type]
                text=getattr(flag, language) + see[language],
                entry_hash=entry_hash,
                height=entry.height,
            )
        )
    return values


def flag_notices(flags: Iterable[FlagValue], language: Language) -> list[str]:
    """The open points that later events leave, each once, for whoever is told of the deposits."""
    found = {each.flag for each in flags}
    return [getattr(point, language) for flag, point in _POINTS.items() if flag in found]
