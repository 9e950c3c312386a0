"""The texts of BagIt (RFC 8493) as a bundle has them (docs/bundle-format.md, section 3).

    <64 hex digits><two spaces><path>       one line a file, sorted: `sha256sum -c` reads it

Writing and reading are neighbours, and reading refuses what writing would not have written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from node.evidence import digests
from node.evidence.digests import sha256
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.export.bundle import layout

CHUNK_SIZE = 1 << 20
"""Files are read in pieces: large enough that hashing, not Python, takes the time; small enough for
any memory."""
BAGIT_TEXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
PROFILES = ("FULL", "DIGEST")

_LINE = re.compile(rb"([0-9a-f]{64})  ([!-~]+)\n")
_INFO = re.compile(
    r"Evidence-Bundle-Version: 1\n"
    r"Profile: (FULL|DIGEST)\n"
    r"Bagging-Date: ([0-9]{4}-[0-9]{2}-[0-9]{2})\n"
    r"External-Identifier: (EVB_[0-9A-Za-z_-]+)\n"
    r"Payload-Oxum: (0|[1-9][0-9]{0,15})\.([1-9][0-9]{0,5})\n"
    r"((?:Evidence-Number: EV[0-9]{20}-[0-9]{2}\n)+)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A file as it was read: its size and digests."""

    size: int
    sha256: bytes
    sm3: bytes


def hash_chunks(chunks: Iterable[bytes]) -> Hashed:
    """Size and digests of what comes in pieces."""
    size, running = 0, {alg: digests.new(alg) for alg in digests.ALGS}
    for chunk in chunks:
        size += len(chunk)
        for digest in running.values():
            digest.update(chunk)
    return Hashed(size, running["sha256"].digest(), running["sm3"].digest())


@dataclass(frozen=True, slots=True)
class Info:
    """What bag-info.txt says."""

    name: str
    profile: str
    day: date
    octets: int
    files: int
    numbers: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise Malformed(layout.BAG_INFO, "profile is neither FULL nor DIGEST")
        for number in self.numbers:
            parse_number(number, layout.BAG_INFO)
        if not layout.is_bag_name(self.name) or not self.name[4:].startswith(self.numbers[0]):
            raise Malformed(layout.BAG_INFO, "not the name of a bundle of these numbers")
        if len(set(self.numbers)) != len(self.numbers) or len(self.numbers) > layout.DEPOSITS_MAX:
            raise Malformed(layout.BAG_INFO, "one evidence number twice, or more than 999")


def format_manifest(digests: Mapping[str, bytes]) -> bytes:
    """Paths and their digests as lines."""
    return "".join(f"{digests[path].hex()}  {path}\n" for path in sorted(digests)).encode()


def parse_manifest(data: bytes, where: str) -> dict[str, bytes]:
    """The digests by path."""
    found = {m[2].decode(): bytes.fromhex(m[1].decode()) for m in _LINE.finditer(data)}
    if format_manifest(found) != data:
        raise Malformed(where, "not lines of 64 hex digits, two spaces and a path, sorted")
    return found


def format_info(info: Info) -> bytes:
    """The bytes of bag-info.txt."""
    lines = [
        f"Evidence-Bundle-Version: {layout.VERSION}",
        f"Profile: {info.profile}",
        f"Bagging-Date: {info.day.isoformat()}",
        f"External-Identifier: {info.name}",
        f"Payload-Oxum: {info.octets}.{info.files}",
        *(f"Evidence-Number: {number}" for number in info.numbers),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def parse_info(data: bytes) -> Info:
    """What these bytes say; a higher version of the format is newer than this reader."""
    version = re.match(rb"Evidence-Bundle-Version: ([2-9]|[1-9][0-9]{1,3})\n", data)
    if version is not None:
        raise Malformed(layout.BAG_INFO, f"version {version[1].decode()} of bundles", newer=True)
    match = _INFO.fullmatch(data.decode("utf-8", "replace"))
    if match is None:
        raise Malformed(layout.BAG_INFO, "not the lines of a bundle of version 1, in their order")
    try:
        day = date.fromisoformat(match[2])
    except ValueError as error:
        raise Malformed(layout.BAG_INFO, "not a day") from error
    numbers = tuple(line.partition(": ")[2] for line in match[6].splitlines())
    return Info(match[3], match[1], day, int(match[4]), int(match[5]), numbers)


def contents_text(payload: Mapping[str, Hashed]) -> bytes:
    """contents-sha256.txt, of all payload files that it lists; the rest may stand among them."""
    listed = {path: each.sha256 for path, each in payload.items() if layout.in_contents(path)}
    return format_manifest(listed)


def tag_files(
    name: str, day: date, numbers: Sequence[str], payload: Mapping[str, Hashed]
) -> dict[str, bytes]:
    """The five files beside data/, for these payload files."""
    originals = [path for path in payload if layout.parse_original(path) is not None]
    info = Info(
        name=name,
        profile="FULL" if originals else "DIGEST",
        day=day,
        octets=sum(each.size for each in payload.values()),
        files=len(payload),
        numbers=tuple(numbers),
    )
    files = {
        layout.BAGIT: BAGIT_TEXT,
        layout.BAG_INFO: format_info(info),
        layout.MANIFEST_SHA256: format_manifest({k: v.sha256 for k, v in payload.items()}),
        layout.MANIFEST_SM3: format_manifest({k: v.sm3 for k, v in payload.items()}),
    }
    from_tags = {path: sha256(data) for path, data in files.items()}
    return files | {layout.TAG_MANIFEST: format_manifest(from_tags)}
