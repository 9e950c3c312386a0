"""Names and framings of the parts of a published log, relative to its address or directory.

    checkpoint                       the newest signed note
    tile/<L>/<N>[.p/<W>]             hash tiles (c2sp.org/tlog-tiles)
    tile/entries/<N>[.p/<W>]         entry bundles: each entry after its length, u16 big-endian
    policies/<serial>                which leaf a policy is, and its entry
    bodies/<height>                  the data of a block, the height in groups as in a tile's name
    contradictions/names             the names of the contradiction files, one a line
    contradictions/<name>            a contradiction file

One part has one name; a reader refuses every other spelling:

    >>> body_path(1234067), policy_path(2)
    ('bodies/x001/x234/067', 'policies/2')
    >>> parse_body_path("bodies/x001/x234/067")
    1234067
    >>> parse_bundle_path("tile/entries/003.p/44")
    Tile(level=0, index=3, width=44)
    >>> split_bundle(join_bundle([b"one", b"two"]))
    [b'one', b'two']
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from node.evidence.entry import ENTRY_SIZE_MAX, PolicyEntry, parse_entry
from node.evidence.malformed import Malformed
from node.evidence.policy_note import PolicyNote
from node.evidence.spelling import Lines, check_integer, parse_integer
from node.evidence.tiles import WIDTH, Tile, format_tile_path, parse_tile_path

CHECKPOINT = "checkpoint"
POLICY_TAG = "cunzheng/policy-leaf/v1"
NAMES = "contradictions/names"

_LENGTH = struct.Struct(">H")
BUNDLE_SIZE_MAX = WIDTH * (_LENGTH.size + ENTRY_SIZE_MAX)
_NAME = re.compile(r"(?!names$)[a-z0-9][a-z0-9._-]{0,99}")
_TILES, _BUNDLES, _BODIES, _POLICIES = "tile/0/", "tile/entries/", "bodies/", "policies/"
_NAMES_MAX = 1_000


def parse_bundle_path(path: str) -> Tile:
    """The tile of level 0 whose entries these are."""
    if not path.startswith(_BUNDLES):
        raise Malformed("path", f"not {_BUNDLES}INDEX[.p/WIDTH]")
    return parse_tile_path(_TILES + path.removeprefix(_BUNDLES))


def body_path(height: int) -> str:
    """Where the data of a block is."""
    return _BODIES + format_tile_path(Tile(0, height)).removeprefix(_TILES)


def parse_body_path(path: str) -> int:
    """The height of a block."""
    if not path.startswith(_BODIES):
        raise Malformed("path", f"not {_BODIES}HEIGHT")
    tile = parse_tile_path(_TILES + path.removeprefix(_BODIES))
    if tile.width != WIDTH:
        raise Malformed("path", "a body has no width")
    return tile.index


def policy_path(serial: int) -> str:
    """Where a policy is."""
    return f"{_POLICIES}{serial}"


def parse_policy_path(path: str) -> int:
    """The serial of a policy."""
    if not path.startswith(_POLICIES):
        raise Malformed("path", f"not {_POLICIES}SERIAL")
    serial = parse_integer(path.removeprefix(_POLICIES), "path: serial")
    return check_integer(serial, "path: serial", low=1)


@dataclass(frozen=True, slots=True)
class PolicyLeaf:
    """A policy as it stands on the chain: which leaf, and its entry, verbatim."""

    index: int
    entry: bytes

    def __post_init__(self) -> None:
        check_integer(self.index, "policy leaf: index", low=1)
        if not isinstance(parse_entry(self.entry), PolicyEntry):
            raise Malformed("policy leaf", "the entry is not a policy")

    @property
    def note(self) -> PolicyNote:
        """The policy note in the entry."""
        entry = parse_entry(self.entry)
        assert isinstance(entry, PolicyEntry)
        return entry.note


def format_policy_leaf(leaf: PolicyLeaf) -> bytes:
    """The file of a policy."""
    return f"{POLICY_TAG}\nindex {leaf.index}\n".encode() + leaf.entry


def parse_policy_leaf(data: bytes) -> PolicyLeaf:
    """The policy a file is of."""
    lines = Lines("policy leaf", data)
    lines.expect(POLICY_TAG)
    return PolicyLeaf(lines.integer("index"), lines.rest())


def is_name(name: str) -> bool:
    """Whether a contradiction file can be called so."""
    return _NAME.fullmatch(name) is not None


def contradiction_path(name: str) -> str:
    """Where a contradiction file is."""
    assert is_name(name)
    return f"contradictions/{name}"


def format_names(names: Iterable[str]) -> bytes:
    """The list of contradiction files."""
    return "".join(f"{name}\n" for name in sorted(names)).encode()


def parse_names(data: bytes) -> list[str]:
    """The contradiction files a list names."""
    names = data.decode("ascii", "replace").split("\n")
    if names.pop() or len(names) > _NAMES_MAX or not all(map(is_name, names)):
        raise Malformed("names", "not the names of contradiction files, one a line")
    return names


def join_bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle."""
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def split_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle."""
    entries, at = [], 0
    while at < len(bundle):
        start = at + _LENGTH.size
        end = start + int.from_bytes(bundle[at:start], "big")
        if end > len(bundle):
            raise Malformed("bundle", "it ends inside an entry")
        entries.append(bundle[start:end])
        at = end
    return entries
