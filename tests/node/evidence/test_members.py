"""The members text: names that neither hide nor reorder."""

import re
from pathlib import Path

import pytest

from node.evidence import members
from node.evidence.malformed import Malformed
from node.evidence.members import KINDS, Member, format_members, parse_members

GOOD = (
    Member("court", "court", "示例互联网法院"),
    Member("notary", "notary", "Example's “Notary” (示例) – No. 1·A"),
    Member("x-9", "other", "㐀𠀀・・"[:2] + "ａ"),
)
TEXT = format_members(GOOD)


def test_round_trip() -> None:
    assert TEXT.startswith("cunzheng/members/v1\nmember court court 示例互联网法院\n".encode())
    assert parse_members(TEXT) == GOOD
    for kind in KINDS:
        assert parse_members(format_members([Member("a", kind, "A")]))[0].kind == kind


def line(text: str) -> bytes:
    return f"cunzheng/members/v1\n{text}\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"",
            TEXT[:-1],
            TEXT + b"\n",
            TEXT[20:],
            TEXT + b"other line\n",
            TEXT.replace(b"v1", b"v0"),
        ),
        *(b"cunzheng/members/v1\n", line("member a court"), line("member a  court A")),
        *(line("member A court A"), line("member all court A"), line("member a judge A")),
        *(line("member a court "), line("member a court  A"), line("member a court A ")),
        *(line("member a court A  B"), line("member a court " + "A" * 101)),
        *(
            line("member a court A\tB"),
            line("member a court A\u3000B"),
            line("member a court A\u202eB"),
        ),
        *(line("member a court 𰀀\U000323b0"), line("member a court \xb2")),
        line("member a court A\nmember a court B"),
        line("member a court A\nmember b court A"),
        line("\n".join(f"member m{n} court A{n}" for n in range(33))),
        b"cunzheng/members/v1\nmember a court \xff\n",
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_members(data)
    assert not caught.value.newer


def test_32_members_and_100_characters_are_allowed() -> None:
    many = tuple(Member(f"m{n}", "other", f"{n:02d}" + "院" * 98) for n in range(32))
    assert parse_members(format_members(many)) == many


@pytest.mark.parametrize(
    "data", [TEXT + b"key court mldsa44:AAAA\n", TEXT.replace(b"members/v1", b"members/v2")]
)
def test_what_a_later_version_adds_is_newer(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_members(data)
    assert caught.value.newer


def test_the_characters_allowed_are_those_listed_in_the_document() -> None:
    text = (Path(__file__).parents[3] / "docs" / "proof-format.md").read_text()
    listed = text.split("consulted): ")[1].split("; no space")[0]
    points: set[int] = set()
    for low, high in re.findall(r"([0-9A-F]{4,6})(?:-([0-9A-F]{4,6}))?", listed):
        points |= set(range(int(low, 16), int(high or low, 16) + 1))
    everything = [*range(0xD800), *range(0xE000, 0x110000)]
    assert {p for p in everything if members._ORGANISATION.fullmatch(chr(p))} == points
