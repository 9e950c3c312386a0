"""利害关系: what is found, and what may not be concluded from an empty registry."""

import doctest

import pytest

from node.casework import interest
from node.casework.court import INTEREST_COLUMNS, BadRegistry, parse_registry
from node.casework.interest import (
    PLATFORM,
    Interest,
    InterestResult,
    Party,
    Relation,
    check_interests,
)
from node.casework.vocabulary import LitigationRole

OWNER, OTHER = "91350100M000100Y43", "91990000MADE0NETX0"
HEAD = ",".join(INTEREST_COLUMNS) + "\n"


def told(member: str, uscc: str = OWNER) -> Interest:
    return Interest(uscc, member, "示例集团", Relation.OWNER, "公示系统")


def party(uscc: str) -> Party:
    return Party(uscc, LitigationRole.PLAINTIFF)


def test_the_example_in_the_docstring() -> None:
    assert doctest.testmod(interest) == (0, 5)


@pytest.mark.parametrize(
    ("parties", "interests", "result"),
    [
        ([], [], InterestResult.NOT_CHECKED),
        ([party(OTHER)], [], InterestResult.NOT_CHECKED),
        ([party(OTHER)], [told("court")], InterestResult.NOT_CHECKED),
        ([], [told("court"), told(PLATFORM)], InterestResult.NOT_CHECKED),
        ([party(OTHER)], [told("court"), told(PLATFORM)], InterestResult.NONE_FOUND),
        ([party(OWNER)], [told("court")], InterestResult.FOUND),
        ([party(OTHER), party(OWNER)], [told(PLATFORM)], InterestResult.FOUND),
        ([party(OWNER)], [told("former")], InterestResult.FOUND),
    ],
)
def test_nothing_is_concluded_from_silence(
    parties: list[Party], interests: list[Interest], result: InterestResult
) -> None:
    assert check_interests(parties, interests, ["court"]).result is result


def test_each_party_is_found_with_everything_the_registry_says_of_it() -> None:
    check = check_interests([party(OWNER)], [told("court"), told("notary")], ["court", "notary"])
    assert [each.interest.member for each in check.found] == ["court", "notary"]
    assert check.unknown == (PLATFORM,)


def test_a_file_of_interests() -> None:
    text = f"{HEAD}{OWNER},court,示例集团,OWNER,公示系统\n{OWNER},{PLATFORM},示例集团,GROUP,年报\n"
    first, second = parse_registry(text.encode())
    assert first == told("court")
    assert second == Interest(OWNER, PLATFORM, "示例集团", Relation.GROUP, "年报")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("91350100M000100Y44,court,x,OWNER,y", "check"),
        (f"{OWNER.lower()},court,x,OWNER,y", "lower case"),
        (f"{OWNER},Court,x,OWNER,y", "not a member name"),
        (f"{OWNER},court,x,FRIEND,y", "none of OPERATOR"),
        (f"{OWNER},court,,OWNER,y", "name is empty"),
        (f"{OWNER},court,x,OWNER,", "source is empty"),
        (f"{OWNER},court,x,OWNER,y\n{OWNER},court,x,GROUP,y", f"{OWNER} court stands twice"),
    ],
)
def test_a_line_that_is_wrong_is_named(line: str, why: str) -> None:
    with pytest.raises(BadRegistry, match=why):
        parse_registry((HEAD + line + "\n").encode())
