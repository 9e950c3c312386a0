"""Items, their openings, and pages: what a deposit is of (docs/proof-format.md, section 2).

An item is 32 bytes. In mode `digest` it is the file's digest. In mode `commitment` it is

    SHA-256("cunzheng/item/v1 " + "+".join(algs) + LF || salt[32] || digests || u64 size ||
            details[32])

and the `Opening` holds what was hashed. Details are what the depositor wrote about the file, each
value with a salt of its own, so that one value can be told without betraying another:

    >>> details = format_details({"file_name": (bytes(range(16)), "合同.pdf")})
    >>> print(details.decode())
    {"file_name":["000102030405060708090a0b0c0d0e0f","合同.pdf"]}
    >>> opening = Opening(bytes(32), (("sha256", sha256(b"abc")),), 3, details)
    >>> opening.preimage()[:24]
    b'cunzheng/item/v1 sha256\\n'
    >>> opening.item().hex()
    'eb0db7c7b1779f9b8baa6add3ec46dd97aea12f39f159dc6d210b2950a0a1a1f'

A page is up to `page` consecutive items of one statement, concatenated: the leaf data of the item
tree. Pages of 16 exist because hashing dominates bulk deposits; they hold commitments only, so that
a proof tells nothing about its neighbours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from node.evidence import merkle
from node.evidence.digests import EMPTY, sha256
from node.evidence.malformed import Malformed
from node.evidence.spelling import check_hex, check_integer, load_canonical

ITEM_SIZE = 32
SALT_SIZE = 32
VALUE_SALT_SIZE = 16
ITEMS_MAX = 16_384
"""Items of one statement: its packed items fill half a block."""
DETAILS_SIZE_MAX = 16_384
"""Enough for a file's provenance; the details travel in every proof its holder shows."""
PAGE_SIZES = {"digest": (1,), "commitment": (1, 16)}

ALG_SETS = ("sha256", "sha256+sm3", "sm3")
"""The values `alg` may have in commitment mode."""

_NO_DETAILS = bytes(32)
# Characters that draw lines, reorder or hide text: a judge reads the details by eye.
_HIDING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# Bytes of a file name that are not UTF-8 reach Python as these.
_SURROGATES = re.compile("[\ud800-\udfff]")
_DETAIL_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")

DetailValue = str | int | bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What a commitment hides; details are their canonical bytes, or none."""

    salt: bytes
    digests: tuple[tuple[str, bytes], ...]
    size: int
    details: bytes | None

    def __post_init__(self) -> None:
        if len(self.salt) != SALT_SIZE:
            raise Malformed("opening", f"salt is not {SALT_SIZE} bytes")
        if self.alg not in ALG_SETS or any(len(digest) != 32 for _, digest in self.digests):
            raise Malformed("opening", "digests are not of sha256, sm3 or both in that order")
        check_integer(self.size, "opening: size")
        if self.details is not None:
            parse_details(self.details)

    @property
    def alg(self) -> str:
        """The algorithms joined by `+`, as the statement names them."""
        return "+".join(alg for alg, _ in self.digests)

    def preimage(self) -> bytes:
        """The bytes whose SHA-256 is the item."""
        details = _NO_DETAILS if self.details is None else sha256(self.details)
        return b"".join(
            (
                f"cunzheng/item/v1 {self.alg}\n".encode(),
                self.salt,
                *(digest for _, digest in self.digests),
                self.size.to_bytes(8, "big"),
                details,
            )
        )

    def item(self) -> bytes:
        """The commitment that goes on the chain."""
        return sha256(self.preimage())


def format_details(details: dict[str, tuple[bytes, DetailValue]]) -> bytes:
    """Canonical bytes of details given as key -> (16-byte salt, value)."""
    value = {key: [salt.hex(), plain] for key, (salt, plain) in details.items()}
    data = _canonical(value)
    parse_details(data)
    return data


def parse_details(data: bytes) -> dict[str, tuple[bytes, DetailValue]]:
    """Details as key -> (salt, value); refuses what `format_details` would not have written."""
    if len(data) > DETAILS_SIZE_MAX:
        raise Malformed("details", f"longer than {DETAILS_SIZE_MAX} bytes")
    value = load_canonical(data, "details")
    if not value:
        raise Malformed("details", "empty: leave them out instead")
    details = {key: _parse_detail(key, pair) for key, pair in value.items()}
    if _canonical(value) != data:
        raise Malformed("details", "not in canonical form (RFC 8785)")
    return details


def printable(text: str) -> str:
    """Text with U+FFFD for every character that details refuse."""
    return _HIDING.sub("\ufffd", text)


def clean(text: str) -> str:
    """Printable text of any file name, also of one that is not UTF-8."""
    return _SURROGATES.sub("\ufffd", printable(text))


def _parse_detail(key: str, pair: object) -> tuple[bytes, DetailValue]:
    where = f"details: {key[:64]}"
    if not _DETAIL_KEY.fullmatch(key):
        raise Malformed("details", "a key is not a-z, then a-z 0-9 _")
    if not isinstance(pair, list) or len(pair) != 2:
        raise Malformed(where, "not [salt, value]")
    salt, plain = pair
    if not isinstance(plain, str | bool | int):
        raise Malformed(where, "value is not a string, an integer or a boolean")
    if isinstance(plain, str) and _HIDING.search(plain):
        raise Malformed(where, "a character that draws lines, reorders or hides text")
    return check_hex(salt, where, VALUE_SALT_SIZE), plain


def _canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("details", "a lone surrogate is no character") from error


def check_items(packed: bytes, mode: str, alg: str) -> None:
    """Items of a deposit are whole; in digest mode none is the digest of the empty content."""
    if len(packed) % ITEM_SIZE or not 0 < len(packed) <= ITEMS_MAX * ITEM_SIZE:
        raise Malformed("items", f"not 1 to {ITEMS_MAX} items of {ITEM_SIZE} bytes")
    if mode == "digest":
        empty, at = EMPTY[alg], -1
        while (at := packed.find(empty, at + 1)) >= 0:
            if at % ITEM_SIZE == 0:
                raise Malformed("items", "the digest of the empty content proves nothing")


def pages(packed: bytes, page: int) -> list[bytes]:
    """The pages of packed items; the last one is as long as its items."""
    size = page * ITEM_SIZE
    return [packed[at : at + size] for at in range(0, len(packed), size)]


def page_hashes(packed: bytes, page: int) -> list[bytes]:
    """Leaf hashes of the item tree."""
    return [merkle.leaf_hash(data) for data in pages(packed, page)]


def items_root(packed: bytes, page: int) -> bytes:
    """The root over all pages, which the statement signs."""
    return merkle.root(page_hashes(packed, page))


def page_length(count: int, page: int, index: int) -> int:
    """How many items stand on the page of item `index` when the statement has `count`."""
    return min(page, count - index // page * page)


def page_items(packed: bytes, page: int, index: int) -> tuple[bytes, ...]:
    """The items of the page of item `index`."""
    start = index // page * page * ITEM_SIZE
    end = min(start + page * ITEM_SIZE, len(packed))
    return tuple(packed[at : at + ITEM_SIZE] for at in range(start, end, ITEM_SIZE))


def page_count(count: int, page: int) -> int:
    """How many pages a statement of `count` items has."""
    return -(-count // page)


def page_path(hashes: Sequence[bytes], page: int, index: int) -> tuple[bytes, ...]:
    """Inclusion path of the page that holds item `index`."""
    return tuple(merkle.inclusion_path(index // page, hashes))
