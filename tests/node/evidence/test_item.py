"""Items by hand, details character by character, pages of all lengths."""

import hashlib
import re
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.evidence import item, merkle
from node.evidence.digests import ALGS, EMPTY
from node.evidence.item import (
    DETAILS_SIZE_MAX,
    ITEMS_MAX,
    Opening,
    check_items,
    clean,
    format_details,
    items_root,
    page_count,
    page_items,
    page_length,
    page_path,
    pages,
    parse_details,
    printable,
)
from node.evidence.malformed import Malformed

DOCUMENT = Path(__file__).parents[3] / "docs" / "proof-format.md"
SALT, A, B = bytes(range(32)), b"a" * 32, b"b" * 32
SHA256, SM3 = ("sha256", A), ("sm3", B)

quick = settings(derandomize=True, deadline=None, max_examples=100)


def test_the_preimage_is_the_table_of_the_document() -> None:
    details = b'{"n":["00112233445566778899aabbccddeeff",1]}'
    opening = Opening(SALT, (SHA256, SM3), 7, details)
    by_hand = b"cunzheng/item/v1 sha256+sm3\n" + SALT + A + B + struct.pack(">Q", 7)
    by_hand += hashlib.sha256(details).digest()
    assert opening.preimage() == by_hand
    assert opening.item() == hashlib.sha256(by_hand).digest()


def test_without_details_there_are_32_zero_bytes() -> None:
    opening = Opening(SALT, (SM3,), 2**53 - 1, None)
    expected = b"cunzheng/item/v1 sm3\n" + SALT + B + struct.pack(">Q", 2**53 - 1) + bytes(32)
    assert opening.preimage() == expected


@pytest.mark.parametrize(
    "wrong",
    [
        (SALT[:-1], (SHA256,), 1, None),
        (SALT, (), 1, None),
        (SALT, (SM3, SHA256), 1, None),
        (SALT, (SHA256, SHA256), 1, None),
        (SALT, (("md5", A),), 1, None),
        (SALT, (("sha256", A[:-1]),), 1, None),
        (SALT, (SHA256,), -1, None),
        (SALT, (SHA256,), 2**53, None),
        (SALT, (SHA256,), 1, b"{}"),
    ],
)
def test_an_opening_is_whole(wrong: Any) -> None:
    with pytest.raises(Malformed):
        Opening(*wrong)


def test_details_round_trip() -> None:
    details: dict[str, Any] = {
        "file_name": (bytes(16), '合同 "1" \\ é 🖋.pdf'),
        "a": (b"\xff" * 16, 2**53 - 1),
        "z9": (bytes(16), True),
    }
    data = format_details(details)
    assert data.startswith(
        b'{"a":["ffffffffffffffffffffffffffffffff",9007199254740991],"file_name":'
    )
    assert parse_details(data) == details


S = "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{}",
            "[]",
            "null",
            '{"a":1}',
            '{"a":[]}',
            f'{{"a":["{S}"]}}',
            f'{{"a":["{S}",1,2]}}',
        ),
        *(f'{{"a":["{S[:-2]}",1]}}', f'{{"a":["{S.upper()}",1]}}', '{"a":[1,1]}'),
        *(f'{{"a":["{S}",null]}}', f'{{"a":["{S}",1.5]}}', f'{{"a":["{S}",-1]}}'),
        *(
            f'{{"a":["{S}",[]]}}',
            f'{{"a":["{S}",{{}}]}}',
            f'{{"a": ["{S}",1]}}',
            f'{{"a":["{S}",1]}} ',
        ),
        *(
            f'{{"A":["{S}",1]}}',
            f'{{"":["{S}",1]}}',
            f'{{"9":["{S}",1]}}',
            f'{{"{"a" * 65}":["{S}",1]}}',
        ),
        *(f'{{"b":["{S}",1],"a":["{S}",1]}}', f'{{"a":["{S}",1],"a":["{S}",1]}}'),
        *(f'{{"a":["{S}","\\u00e9"]}}', f'{{"a":["{S}","\\/"]}}', f'{{"a":["{S}","\\ud800"]}}'),
        *(
            f'{{"a":["{S}","\\n"]}}',
            f'{{"a":["{S}","\\u0000"]}}',
            f'{{"a":["{S}",9007199254740992]}}',
        ),
        *(f'{{"a":["{S}","{"x" * DETAILS_SIZE_MAX}"]}}', '{"a":' + "[" * 9000),
    ],
)
def test_details_have_one_spelling(text: str) -> None:
    with pytest.raises(Malformed):
        parse_details(text.encode())


def code_points(listed: str) -> set[int]:
    """The numbers of a list such as `U+0000-001F, 007F, ...`."""
    points: set[int] = set()
    for low, high in re.findall(r"([0-9A-F]{4,6})(?:-([0-9A-F]{4,6}))?", listed):
        points |= set(range(int(low, 16), int(high or low, 16) + 1))
    return points


def test_the_characters_refused_are_those_listed_in_the_document() -> None:
    text = DOCUMENT.read_text()
    listed = code_points(text.split("writes U+FFFD\ninstead): ")[1].split("\n\n")[0])
    assert len(listed) > 4000
    everything = [*range(0xD800), *range(0xE000, 0x110000)]
    refused = {point for point in everything if item._HIDING.search(chr(point))}
    assert refused == listed
    assert printable("合\u202e同\n") == "合\ufffd同\ufffd"
    assert clean("合\udcff同\n") == "合\ufffd同\ufffd"
    for point in (0x202E, 0x3164, 0xFEFF, 0xE0041):
        with pytest.raises(Malformed):
            parse_details(f'{{"a":["{S}","{chr(point)}"]}}'.encode())
        assert parse_details(f'{{"a":["{S}","{printable(chr(point))}"]}}'.encode())


def test_items_are_whole_and_not_too_many() -> None:
    check_items(bytes(32 * ITEMS_MAX), "commitment", "sha256")
    for packed in (b"", bytes(31), bytes(33), bytes(32 * ITEMS_MAX + 32)):
        with pytest.raises(Malformed):
            check_items(packed, "commitment", "sha256")


@pytest.mark.parametrize("alg", ALGS)
def test_the_digest_of_the_empty_content_is_refused_in_digest_mode(alg: str) -> None:
    with pytest.raises(Malformed):
        check_items(A + EMPTY[alg], "digest", alg)
    check_items(A + EMPTY[alg], "commitment", alg)
    # Across two items it is nobody's digest.
    check_items(b"x" * 16 + EMPTY[alg] + b"x" * 16, "digest", alg)


@quick
@given(st.integers(1, 70), st.sampled_from((1, 16)), st.data())
def test_every_item_has_its_page_and_the_page_its_path(
    count: int, page: int, data: st.DataObject
) -> None:
    packed = b"".join(bytes([n]) * 32 for n in range(count))
    hashes = item.page_hashes(packed, page)
    assert len(hashes) == page_count(count, page) == len(pages(packed, page))
    index = data.draw(st.integers(0, count - 1))
    on_page = page_items(packed, page, index)
    assert len(on_page) == page_length(count, page, index)
    assert on_page[index % page] == bytes([index]) * 32
    merkle.verify_inclusion(
        merkle.leaf_hash(b"".join(on_page)),
        index // page,
        page_count(count, page),
        page_path(hashes, page, index),
        items_root(packed, page),
    )
