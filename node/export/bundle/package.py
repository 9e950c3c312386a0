"""Step 0: the package, from whatever was handed over (docs/bundle-format.md, sections 2 and 3).

`open_bag` opens a directory or an archive; `read_package` reads every file of it once and says what
is wrong with it. What is right can then be read again, as the same bytes: `Package.read`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.export.bundle import layout
from node.export.bundle.archive import Archive
from node.export.bundle.canonical import parse_json, parse_json_lines
from node.export.bundle.certified import Named, named_in
from node.export.bundle.flaws import Broken, Flaw, Flaws
from node.export.bundle.folder import Folder
from node.export.bundle.manifest import (
    BAGIT_TEXT,
    Hashed,
    Info,
    hash_chunks,
    parse_info,
    parse_manifest,
)
from node.export.bundle.names import judge_name, judge_names
from node.export.bundle.paper import of_certificate

REQUIRED = (layout.BAG_INFO, *layout.MANIFESTS.values(), layout.TAG_MANIFEST, layout.CONTENTS)
_OF_DEPOSIT = re.compile(rf"data/0[234]-[a-z]+/({layout.NUMBER})/")


class Bag(Protocol):
    """Where a bundle lies: `Archive` or `Folder`.

    `sizes` has every file that can be read, by its path, and `flaws` what cannot. `chunks` gives
    exactly so many bytes, or raises `Broken`.
    """

    flaws: Flaws
    sizes: Mapping[str, int]

    def chunks(self, path: str) -> Iterator[bytes]: ...


@dataclass
class Package:
    """A package as it was read; `hashed` has the files that are in their place, and is not changed
    once the other properties are asked for."""

    bag: Bag
    flaws: Flaws
    hashed: dict[str, Hashed] = field(default_factory=dict)
    info: Info | None = None
    certified: dict[str, list[Named]] = field(default_factory=dict)
    """What certificates say of each deposit, by its number."""

    @cached_property
    def folders(self) -> dict[str, dict[str, Hashed]]:
        """The files in the folders of each deposit, by its number."""
        found: dict[str, dict[str, Hashed]] = {}
        for path, hashed in self.hashed.items():
            match = _OF_DEPOSIT.match(path)
            if match is not None:
                found.setdefault(match[1], {})[path] = hashed
        return found

    @cached_property
    def numbers(self) -> list[str]:
        """The deposits there are folders of, in the order of bag-info.txt."""
        numbers = self.info.numbers if self.info else ()
        order = {number: place for place, number in enumerate(numbers)}
        return sorted(self.folders, key=lambda each: (order.get(each, len(order)), each))

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that were hashed, if it is there; raises `Broken` if they changed."""
        if path not in self.hashed:
            return None
        data = b"".join(self.bag.chunks(path))
        if sha256(data) != self.hashed[path].sha256:
            raise Broken(Flaw.UNREADABLE, path)
        return data


@contextlib.contextmanager
def open_bag(path: Path) -> Iterator[Bag]:
    """The directory or archive; raises `Broken` if it is neither."""
    try:
        if path.is_dir():
            yield Folder(path)
        elif path.is_file():  # A pipe would be waited for.
            with path.open("rb") as file:
                yield Archive(file)
        else:
            raise Broken(Flaw.UNREADABLE, str(path))
    except OSError as error:  # Also from a disk that fails while it is read.
        raise Broken(Flaw.UNREADABLE, str(path)) from error


def listed_numbers(bag: Bag) -> list[str]:
    """The deposits that there are folders of, by the names alone."""
    found = (_OF_DEPOSIT.match(path) for path in bag.sizes)
    return sorted({match[1] for match in found if match is not None})


def read_package(bag: Bag) -> Package:
    """Everything of step 0 that does not need to understand a proof. Raises `Broken` if this is no
    bundle at all, or none that may be read."""
    package = Package(bag, bag.flaws)
    paths = _in_place(bag, package.flaws)
    _check_counts(paths)
    if layout.BAGIT not in bag.sizes:
        raise Broken(Flaw.NOT_A_BUNDLE)
    for path in paths:
        try:
            package.hashed[path] = hash_chunks(bag.chunks(path))
        except Broken as broken:
            package.flaws.add(broken.flaw, broken.place)
    for path in (path for path in REQUIRED if path not in package.hashed):
        package.flaws.add(Flaw.MISSING, path)
    _check_info(package)
    _check_manifests(package)
    _check_json(package)
    _check_pdf(package)
    return package


def _in_place(bag: Bag, flaws: Flaws) -> list[str]:
    """The files that may be read, by their names and sizes alone."""
    found, total = [], 0
    for path, size in bag.sizes.items():
        flaw = judge_name(path)
        if len(path) > layout.PATH_LENGTH_MAX or path.count("/") >= layout.PARTS_MAX:
            flaw = flaw or Flaw.TOO_DEEP
        if flaw is None and not layout.has_place(path):
            flaw = Flaw.NO_PLACE
        if flaw is None and size > layout.size_max(path):
            flaw = Flaw.TOO_LARGE
        if flaw is not None:
            flaws.add(flaw, path)
            continue
        found.append(path)
        total += 0 if layout.parse_original(path) else size
    short = (path for path in bag.sizes if len(path) <= layout.PATH_LENGTH_MAX)
    for flaw, path in judge_names(short):
        flaws.add(flaw, path)
    if total > layout.TOTAL_SIZE_MAX:
        raise Broken(Flaw.TOTAL)
    return sorted(found)


def _check_counts(paths: list[str]) -> None:
    """What costs time for each other is not there more often than a bundle has it."""
    deposits = {match[1] for path in paths if (match := _OF_DEPOSIT.match(path))}
    bodies = [path for path in paths if layout.parse_body(path) is not None]
    certificates = [path for path in paths if path.startswith(layout.CERTIFICATES)]
    for found, most in (
        (deposits, layout.DEPOSITS_MAX),
        (bodies, layout.BODIES_MAX),
        (certificates, layout.CERTIFICATES_MAX),
    ):
        if len(found) > most:
            raise Broken(Flaw.TOO_MANY, min(found))


# The texts of BagIt


def _check_info(package: Package) -> None:
    flaws = package.flaws
    if package.read(layout.BAGIT) not in (BAGIT_TEXT, None):
        flaws.add(Flaw.TAG, layout.BAGIT)
    data = package.read(layout.BAG_INFO)
    if data is None:
        return
    try:
        info = package.info = parse_info(data)
    except Malformed as error:
        if error.newer:
            raise Broken(Flaw.NEWER, str(error)) from error
        flaws.add(Flaw.TAG, layout.BAG_INFO)
        return
    payload = [each for path, each in package.hashed.items() if path.startswith(layout.PAYLOAD)]
    if (info.octets, info.files) != (sum(each.size for each in payload), len(payload)):
        flaws.add(Flaw.COUNT)
    for number in set(package.numbers) ^ set(info.numbers):
        flaws.add(Flaw.LIST, number)
    originals = [path for path in package.hashed if path.startswith(layout.EVIDENCE)]
    expected = [layout.EMPTY]
    if info.profile == "FULL":
        expected = [layout.original(place, each) for place, each in enumerate(info.numbers, 1)]
    for path in sorted(set(originals) ^ set(expected)):
        flaws.add(Flaw.PROFILE, path)


def _check_manifests(package: Package) -> None:
    """Every digest, and that the lists list all there is and nothing else."""
    payload = {k: v for k, v in package.hashed.items() if k.startswith(layout.PAYLOAD)}
    tags = {k: v.sha256 for k, v in package.hashed.items() if k in layout.TAG_FILES}
    sha256s = {path: each.sha256 for path, each in payload.items()}
    sm3s = {path: each.sm3 for path, each in payload.items()}
    contents = {path: each for path, each in sha256s.items() if layout.in_contents(path)}
    _check_manifest(package, layout.MANIFEST_SHA256, sha256s)
    _check_manifest(package, layout.MANIFEST_SM3, sm3s)
    _check_manifest(package, layout.TAG_MANIFEST, tags)
    _check_manifest(package, layout.CONTENTS, contents)


def _check_manifest(package: Package, path: str, found: Mapping[str, bytes]) -> None:
    data = package.read(path)
    if data is None:
        return
    try:
        listed = parse_manifest(data, path)
    except Malformed:
        package.flaws.add(Flaw.TAG, path)
        return
    for each in sorted(listed.keys() | found.keys()):
        flaw = judge_name(each)
        if flaw is not None:
            package.flaws.add(flaw, f"{path}: {each}")
        elif each not in found:
            package.flaws.add(Flaw.MISSING, each)
        elif each not in listed:
            package.flaws.add(Flaw.UNLISTED, each)
        elif listed[each] != found[each]:
            package.flaws.add(Flaw.DIGEST, each)


# JSON


def _check_json(package: Package) -> None:
    """Every JSON file in its one spelling, and the evidence list over the same deposits."""
    for path in package.hashed:
        if not path.endswith((".json", ".jsonl")):
            continue
        data = package.read(path) or b""
        try:
            if path.endswith(".jsonl"):
                for _ in parse_json_lines(data, path):
                    pass
            else:
                _check_value(package, path, parse_json(data, path))
        except Malformed:
            package.flaws.add(Flaw.JSON, path)


def _check_value(package: Package, path: str, value: object) -> None:
    """What some of them have to say of the rest of the bundle."""
    if path == layout.EVIDENCE_LIST and package.info is not None:
        elements = value if isinstance(value, list) else [value]
        numbers = [each.get("evidence_no") if isinstance(each, dict) else None for each in elements]
        if numbers != list(package.info.numbers):
            package.flaws.add(Flaw.LIST, path)
    contents = package.hashed.get(layout.CONTENTS)
    if path == layout.CERTIFICATE_JSON and contents is not None:
        named = value.get("contents") if isinstance(value, dict) else None
        if named != contents.sha256.hex():
            package.flaws.add(Flaw.CERTIFICATE, path)
    if package.info is not None and layout.is_certificate(path):
        found = named_in(path, value, package.info.numbers)
        if found is None:
            package.flaws.add(Flaw.CERTIFICATE, path)
        for each in found or ():
            package.certified.setdefault(each.number, []).append(each)


# The certificate for people


def _check_pdf(package: Package) -> None:
    """It goes with the certificate for programs, which names the contents of this bundle."""
    pdf = package.read(layout.CERTIFICATE_PDF)
    data = package.read(layout.CERTIFICATE_JSON) or b""
    if pdf is not None and not of_certificate(pdf, data):
        package.flaws.add(Flaw.PDF, layout.CERTIFICATE_PDF)
