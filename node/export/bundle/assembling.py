"""One bundle put together, in the order in which its parts name each other.

    drafted = draft(name, day, deposits, files, originals)
    drafted.contents_digest         what the certificate prints: it cannot name a list it stands in
    whole = drafted.finish(certificate files)
    write_zip(target, whole)        or write_directory

    completed(package, originals)   a bundle in hand, with the originals put into it

The verification kit is in every bundle. Originals are in no list that a certificate signs, so
whoever holds them can add them later; each must be the file its proof speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from node.evidence.digests import sha256
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.export.bundle import layout
from node.export.bundle.core import Deposit
from node.export.bundle.derived import recorded_digests
from node.export.bundle.manifest import Hashed, contents_text, tag_files
from node.export.bundle.package import Package
from node.export.bundle.writing import InBag, Source, Whole, hash_all
from node.export.kit.files import kit_files

NOT_ENCLOSED = """\
本证据包不含原件，原件由存证主体或提交人持有；核验时请向其索取，并与本证据包一并核验。
This bundle holds no originals: the depositor or whoever submitted it has them. Ask for them, and
verify them together with this bundle.
"""


class NotTheOriginal(Exception):
    """A file that is not what was deposited under this number; without `recorded` nothing tells,
    because the proof has no opening."""

    def __init__(self, number: str, path: Path, *, recorded: bool = True) -> None:
        super().__init__(f"{path} is not what was deposited as {number}")
        self.number = number
        self.path = path
        self.recorded = recorded


@dataclass(frozen=True, slots=True)
class Original:
    """A file that was deposited, and what was read of it."""

    path: Path
    hashed: Hashed


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
    files: Mapping[str, Source],
    originals: Mapping[str, Path] | None = None,
    holder: str = NOT_ENCLOSED,
) -> Draft:
    """A draft out of the core and the other folders (`files`), the kit, and the originals by
    number: all of them (FULL) or none (DIGEST, in which case `holder` tells who has them).

    Raises `NotTheOriginal`.
    """
    numbers = [each.number for each in deposits]
    found: dict[str, Source] = {**kit_files(), **files}
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
        if originals:
            check_original(deposit.proof, Original(originals[deposit.number], payload[path]))
    text = contents_text(payload)
    found[layout.CONTENTS] = text
    payload |= hash_all({layout.CONTENTS: text})
    assert payload[layout.CONTENTS].sha256 == sha256(text)
    return Draft(name, day, deposits, found, payload)


def completed(package: Package, originals: Mapping[str, Original]) -> Whole:
    """The bundle of a package in which nothing is wrong, while its bag is open, as it is or with
    the originals of all its deposits, by number, in place of what it has in folder 01.

    Raises `NotTheOriginal`.
    """
    info = package.info
    assert info is not None, "a package that is whole"
    assert not package.flaws
    payload = {k: v for k, v in package.hashed.items() if k.startswith(layout.PAYLOAD)}
    if originals:
        assert set(originals) == set(info.numbers), "all originals or none"
        payload = {k: v for k, v in payload.items() if not k.startswith(layout.EVIDENCE)}
    files: dict[str, Source] = {path: InBag(package.bag, path) for path in payload}
    for place, number in enumerate(info.numbers if originals else (), 1):
        given, path = originals[number], layout.original(place, number)
        check_original(parse_proof(package.read(layout.record(number, layout.PROOF)) or b""), given)
        files[path], payload[path] = given.path, given.hashed
    files |= tag_files(info.name, info.day, info.numbers, payload)
    return Whole(info.name, files, payload)


def check_original(proof: Proof, given: Original) -> None:
    """All digests the proof has are this file's; else raises `NotTheOriginal`."""
    recorded = recorded_digests(proof)
    ours = {"sha256": given.hashed.sha256, "sm3": given.hashed.sm3}
    if not recorded or any(ours[alg] != digest for alg, digest in recorded):
        raise NotTheOriginal(proof.number, given.path, recorded=bool(recorded))
