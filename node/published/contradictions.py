"""Which contradiction files are kept and shown, of all that somebody hands in.

A file is about the checkpoint that it shows to be another than this chain's, and is called after
it: `SIZE-ROOT.txt`, with the first 8 bytes of the root. Whoever seals may seal thousands, and write
thousands of files; nothing it hands in may take the place of a file about somebody else:

 1. About one checkpoint there is one file, and a better one takes its place; but where it does not
    name everybody whom the other names, both are kept (`SIZE-ROOT-2.txt`, ...).
 2. Of each member a few are kept. One whose other history a quorum sealed is always kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.evidence.accusation import Accused, Sealed, judge
from node.evidence.policy_note import PolicyNote
from node.evidence.steps import Anchor

OF_EACH = 4
"""Files that name one member as a signer of both, and as many about what it alone sealed: one says
all there is to say about it."""
HEAVY_MAX = 32
"""Files whose other history a quorum sealed, besides: there is a quorum of liars, and no end."""

_NAME = re.compile(r"(?P<size>[1-9][0-9]{0,15})-(?P<root>[0-9a-f]{16})(?:-[1-9][0-9]{0,2})?\.txt")


@dataclass(frozen=True, slots=True)
class Exposed:
    """A file that holds, and what it says."""

    data: bytes
    accused: Accused

    @property
    def both(self) -> frozenset[str]:
        """Whom it names as signers of both."""
        return frozenset(each.name for each in self.accused.both)

    @property
    def two_quorums(self) -> bool:
        """Both sides are sealed by a quorum."""
        return self.accused.first.by_quorum and self.accused.second.by_quorum

    @property
    def worth(self) -> tuple[int, bool, int]:
        """The more members it names as signers of both the better, then quorums and signers."""
        sides = self.accused.first, self.accused.second
        return len(self.accused.both), self.two_quorums, sum(len(each.members) for each in sides)

    def side(self, name: str) -> Sealed | None:
        """The checkpoint that a file of this name is about; None if it is not about any here."""
        match = _NAME.fullmatch(name)
        for side in (self.accused.first, self.accused.second) if match else ():
            assert match is not None
            if (match["size"], match["root"]) == (str(side.size), side.root[:8].hex()):
                return side
        return None

    def said(self, name: str) -> str:
        """In words for an operator."""
        both = ", ".join(each.name for each in self.accused.both)
        first, second = (
            ", ".join(member.name for member in side.members)
            for side in (self.accused.first, self.accused.second)
        )
        who = f"{both} sealed both" if both else f"{first} sealed the one, {second} the other"
        return f"two histories contradict each other: {who}; see contradictions/{name}"


def expose(data: bytes, anchor: Anchor, policies: Sequence[PolicyNote]) -> Exposed | str:
    """The contradiction of a file if it holds and no policy in it is another than the one of its
    serial that is known of this chain; if not, why."""
    judgement = judge(data, anchor, policies)
    if not judgement.holds or judgement.accused is None:
        return next(each.en for each in judgement.findings if each.code is not None)
    return Exposed(data, judgement.accused)


def name_of(about: Sealed) -> str:
    """What a file about this checkpoint is called."""
    return f"{about.size}-{about.root[:8].hex()}.txt"


def place_of(files: Mapping[str, Exposed], name: str, found: Exposed) -> str | None:
    """Under which name to keep a file that is handed in under this one, the others being there;
    None if it says nothing that they do not say, or is not to be called so."""
    about = found.side(name)
    if about is None:
        return None
    heavy = _is_heavy(found, about)
    place, known, is_told = name_of(about), set[str](), False
    stem, number = place.removesuffix(".txt"), 1
    while (there := files.get(place)) is not None:
        is_heavy = _is_heavy(there, there.side(name) or about)
        if there.both <= found.both and there.worth < found.worth and heavy >= is_heavy:
            return place
        known, is_told = known | there.both, is_told or is_heavy
        number += 1
        place = f"{stem}-{number}.txt"
    if number > 1 and found.both <= known and (is_told or not heavy):
        return None
    return place if _has_room(files, found, about) else None


def _is_heavy(exposed: Exposed, about: Sealed) -> bool:
    return exposed.two_quorums or about.by_quorum


def _has_room(files: Mapping[str, Exposed], found: Exposed, about: Sealed) -> bool:
    """Whether it names anybody of whom there are not enough files yet, or a quorum."""
    sides = [(each, each.side(name) or about) for name, each in files.items()]
    if _is_heavy(found, about) and sum(_is_heavy(*each) for each in sides) < HEAVY_MAX:
        return True
    blamed = _blamed(found, about)
    there = [_blamed(*each) for each in sides if bool(each[0].both) == bool(found.both)]
    return any(sum(name in names for names in there) < OF_EACH for name in blamed)


def _blamed(exposed: Exposed, about: Sealed) -> frozenset[str]:
    return exposed.both or frozenset(each.name for each in about.members)
