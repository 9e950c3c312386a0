"""Interests between a case's parties and those who operate the members or the platform.

民事证据规定 Art. 94 (2) asks whether a neutral third party kept the data, 人民法院在线诉讼规则
Art. 17 (2) whether who keeps it has an interest in the case. The operator loads what was declared
or found out: for each member, and for the platform itself, the organisations of its group. A case's
parties are compared with them by 统一社会信用代码 and by nothing else.

Nothing is concluded from silence: of whom no registry says anything the check says 未核对, and a
person has no such code at all.

    >>> declared = Interest("91350100M000100Y43", "court", "示例集团", Relation.OWNER, "公示系统")
    >>> party = Party("91350100M000100Y43", LitigationRole.DEFENDANT)
    >>> check = check_interests([party], [declared], ["court", "notary"])
    >>> check.result.zh, check.unknown
    ('发现利害关系，待审查', ('PLATFORM', 'notary'))
    >>> check_interests([], [declared], ["court"]).result.zh
    '未核对'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.casework.vocabulary import LitigationRole
from node.words import Bilingual

PLATFORM = "PLATFORM"
"""In a registry: who operates the gateways. Names of members are in small letters."""


class Relation(Bilingual):
    """与节点或平台的关系."""

    OPERATOR = ("运营该节点或平台", "operates it")
    OWNER = ("持有运营机构的权益", "owns a part of who operates it")
    OWNED = ("由运营机构持有权益", "is owned in part by who operates it")
    GROUP = ("与运营机构同属一集团", "belongs to the group of who operates it")
    OTHER = ("其他利害关系", "has another interest")


class InterestResult(Bilingual):
    """利害关系核对结果."""

    FOUND = ("发现利害关系，待审查", "interests found, to be examined")
    NONE_FOUND = ("名录中未见利害关系", "the registry names no interest")
    NOT_CHECKED = ("未核对", "not checked")


@dataclass(frozen=True, slots=True)
class Interest:
    """An organisation and what it has to do with a member or with the platform."""

    uscc: str
    member: str
    name: str
    relation: Relation
    source: str


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation that takes part in a case; `NONE` is who deposited and is not a party."""

    uscc: str
    role: LitigationRole


@dataclass(frozen=True, slots=True)
class Found:
    """A party that the registry names."""

    party: Party
    interest: Interest


@dataclass(frozen=True, slots=True)
class InterestCheck:
    """What came of the comparison."""

    result: InterestResult
    found: tuple[Found, ...]
    unknown: tuple[str, ...]
    """Members, and perhaps the platform, of which the registry says nothing."""


def check_interests(
    parties: Sequence[Party], interests: Sequence[Interest], members: Sequence[str]
) -> InterestCheck:
    """Compare the parties with everything the registry says; `members` are those of the chain."""
    found = tuple(
        Found(party, each) for party in parties for each in interests if each.uscc == party.uscc
    )
    told = {each.member for each in interests}
    unknown = tuple(each for each in (PLATFORM, *members) if each not in told)
    if found:
        result = InterestResult.FOUND
    elif unknown or not parties:
        result = InterestResult.NOT_CHECKED
    else:
        result = InterestResult.NONE_FOUND
    return InterestCheck(result, found, unknown)
