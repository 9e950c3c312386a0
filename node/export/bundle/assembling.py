"""One bundle put together, in the order in which its parts name each other.

    draft = Draft(name, day, deposits, files, originals)
    draft.contents_digest           what the certificate prints: it cannot name a list it stands in
    whole = draft.finish(certificate files)
    write_zip(target, whole)        or write_directory

Originals are read here for the first time, and only if each is the file its proof speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from node.evidence.digests import sha256
from node.export.bundle import layout
from node.export.bundle.core import Deposit
from node.export.bundle.derived import recorded_digests
from node.export.bundle.manifest import Hashed, contents_text, tag_files
from node.export.bundle.writing import Source, Whole, hash_all

NOT_ENCLOSED = """\
本证据包不含原件，原件由存证主体或提交人持有；核验时请向其索取，并与本证据包一并核验。
This bundle holds no originals: the depositor or whoever submitted it has them. Ask for them, and
verify them together with this bundle.
"""


class NotTheOriginal(Exception):
    """A file that is not what was deposited under this number."""

    def __init__(self, number: str, path: Path) -> None:
        super().__init__(f"{path} is not what was deposited as {number}")
        self.number = number
        self.path = path


@dataclass(frozen=True)
class Draft:
    """All of a bundle but its certificate. `deposits` are in the order of the evidence list."""

    name: str
    day: date
    deposits: Sequence[Deposit]
    files: Mapping[str, Source]
    payload: Mapping[str, Hashed]

    @property
    def contents_digest(self) -> bytes:
        """SHA-256 of contents-sha256.txt."""
        return self.payload[layout.CONTENTS].sha256

    def finish(self, certificate: Mapping[str, bytes]) -> Whole:
        """The whole bundle, with these files of folder 00."""
        files: dict[str, Source] = {**self.files, **certificate}
        payload = {**self.payload, **hash_all(certificate)}
        numbers = [each.number for each in self.deposits]
        files |= tag_files(self.name, self.day, numbers, payload)
        return Whole(self.name, files, payload)


def draft(
    name: str,
    day: date,
    deposits: Sequence[Deposit],
    files: Mapping[str, bytes],
    originals: Mapping[str, Path] | None = None,
    holder: str = NOT_ENCLOSED,
) -> Draft:
    """A draft out of the core and the other folders (`files`) and the originals by number: all of
    them (FULL) or none (DIGEST, in which case `holder` tells those who verify who has them).

    Raises `NotTheOriginal`.
    """
    numbers = [each.number for each in deposits]
    found: dict[str, Source] = {**files}
    if originals:
        assert set(originals) == set(numbers), "all originals or none"
        for place, number in enumerate(numbers, 1):
            found[layout.original(place, number)] = originals[number]
    else:
        found[layout.EMPTY] = holder.encode()
    misplaced = [path for path in found if not layout.has_place(path)]
    assert not misplaced, misplaced
    payload = hash_all(found)
    for place, deposit in enumerate(deposits, 1):
        path = layout.original(place, deposit.number)
        if originals and not _is_deposited(deposit, payload[path]):
            raise NotTheOriginal(deposit.number, originals[deposit.number])
    text = contents_text(payload)
    found[layout.CONTENTS] = text
    payload |= hash_all({layout.CONTENTS: text})
    assert payload[layout.CONTENTS].sha256 == sha256(text)
    return Draft(name, day, deposits, found, payload)


def _is_deposited(deposit: Deposit, read: Hashed) -> bool:
    """Whether all digests the proof has are this file's; without an opening nothing tells."""
    recorded = recorded_digests(deposit.proof)
    ours = {"sha256": read.sha256, "sm3": read.sm3}
    return bool(recorded) and all(ours[alg] == digest for alg, digest in recorded)
