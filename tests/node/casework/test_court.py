"""Registry files: what one is, and which line is wrong."""

from pathlib import Path

import pytest

from node.casework.court import (
    SHIPPED_COURTS,
    Authority,
    AuthorityKind,
    BadRegistry,
    Court,
    CourtLevel,
    parse_registry,
)

COURTS = "court_code,name,level,parent_code,valid_from,valid_to,source\n"
AUTHORITIES = "root_digest,name,kind,licence_no,cipher_licence_no,valid_from,valid_to,source\n"
DAY_2020_BEIJING_MS = 1_577_808_000_000
ROOT = "ab" * 32


def test_only_a_court_that_a_source_names_ships() -> None:
    assert [(each.court_code, each.name) for each in SHIPPED_COURTS] == [
        ("浙0192", "杭州互联网法院")
    ]


def test_courts() -> None:
    text = COURTS + '浙01,某中院,INTERMEDIATE,浙,2020-01-01,2020-01-01,公报\n最高法,"某,院",,,,,x\n'
    first, second = parse_registry(text.encode("utf-8-sig"))
    assert first == Court(
        "浙01",
        "某中院",
        CourtLevel.INTERMEDIATE,
        "浙",
        DAY_2020_BEIJING_MS,
        DAY_2020_BEIJING_MS + 86_400_000,
        "公报",
    )
    assert second == Court("最高法", "某,院", None, None, None, None, "x")


def test_authorities() -> None:
    text = AUTHORITIES + f"{ROOT},某认证,PUBLIC,ECP1,,2020-01-01,2020-12-31,公告\n"
    (found,) = parse_registry(text.encode())
    assert isinstance(found, Authority)
    assert (found.kind, found.cipher_licence_no) == (AuthorityKind.PUBLIC, None)
    year_ms = 366 * 86_400_000
    assert not found.is_licensed(DAY_2020_BEIJING_MS - 1)
    assert found.is_licensed(DAY_2020_BEIJING_MS)
    assert found.is_licensed(DAY_2020_BEIJING_MS + year_ms - 1)
    assert not found.is_licensed(DAY_2020_BEIJING_MS + year_ms)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "columns"),
        ("code,name\n", 1, "columns"),
        (COURTS + "浙0192,法院\n", 2, "2 columns"),
        (COURTS + "浙019,法院,,,,,x\n", 2, "no court code"),
        (COURTS + "浙01,法院,,浙9,,,x\n", 2, "no court code"),
        (COURTS + "浙01,法院,TOP,,,,x\n", 2, "no level"),
        (COURTS + "浙01,法院,,,2020-13-01,,x\n", 2, "no date"),
        (COURTS + "浙01,法院,,,,,\n", 2, "source is empty"),
        (COURTS + "浙01,法院,,,,,x\n浙01,法院,,,,,x\n", 3, "twice"),
        (COURTS + '浙01,"法院,,,,,x\n', 2, "end of data"),
        (COURTS + f"浙01,{'院' * 129},,,,,x\n", 2, "longer"),
        (AUTHORITIES + f"{ROOT[1:]},n,PUBLIC,1,,2020-01-01,2021-01-01,x\n", 2, "hex"),
        (AUTHORITIES + f"{ROOT},n,OTHER,1,,2020-01-01,2021-01-01,x\n", 2, "neither"),
        (AUTHORITIES + f"{ROOT},n,PUBLIC,,,2020-01-01,2021-01-01,x\n", 2, "licence_no"),
        (AUTHORITIES + f"{ROOT},n,PUBLIC,1,,,2021-01-01,x\n", 2, "no date"),
    ],
)
def test_the_line_that_is_wrong_is_told(text: str, line: int, why: str) -> None:
    with pytest.raises(BadRegistry, match=why) as refused:
        parse_registry(text.encode())
    assert refused.value.line == line


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(BadRegistry, match="UTF-8"):
        parse_registry(b"\xff\xfe")


def test_the_document_shows_both_kinds_of_file() -> None:
    document = (Path(__file__).parents[3] / "docs" / "cases.md").read_text("utf-8")
    for header in (COURTS, AUTHORITIES):
        assert f"```csv\n{header}```" in document
