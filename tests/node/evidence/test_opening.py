"""The opening section, as the holder's copy of a proof shows it."""

import pytest

from node.evidence.item import Opening
from node.evidence.malformed import Malformed
from node.evidence.opening import format_opening, parse_opening
from node.evidence.spelling import Lines

DETAILS = '{"file_name":["00112233445566778899aabbccddeeff","合同.pdf"]}'.encode()
WHOLE = Opening(bytes(32), (("sha256", b"a" * 32), ("sm3", b"b" * 32)), 7, DETAILS)


@pytest.mark.parametrize(
    "opening",
    [
        WHOLE,
        Opening(bytes(32), (("sm3", b"b" * 32),), 0, None),
        Opening(bytes(32), (("sha256", b"b" * 32),), 2**53 - 1, None),
    ],
)
def test_round_trip(opening: Opening) -> None:
    lines = Lines("proof", format_opening(opening) + b"\n")
    assert parse_opening(lines) == opening
    lines.expect("")
    lines.end()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"opening", b"Opening"),
        (b"salt 0", b"salt 00"),
        (b"sha256 ", b"sm3 "),
        (b"sm3 ", b"sha256 "),
        (b"sm3 ", b"SM3 "),
        (b"size 7", b"size 07"),
        (b"size 7", b"size -7"),
        (b"size 7\n", b""),
        (b"details {", b"details  {"),
        (b"details ", b"details {}"),
    ],
)
def test_another_spelling_is_refused(old: bytes, new: bytes) -> None:
    data = format_opening(WHOLE)
    assert old in data
    with pytest.raises(Malformed):
        parse_opening(Lines("proof", data.replace(old, new, 1)))


def test_a_repeated_digest_is_refused_as_the_next_line() -> None:
    data = format_opening(WHOLE).replace(b"size", b"sm3 " + b"62" * 32 + b"\nsize")
    with pytest.raises(Malformed):
        parse_opening(Lines("proof", data))
