"""Nothing on the pages is cut off, and nothing lies on anything else, however much there is of it.

As poppler sees every word: its box is on the page, within the margins, and touches no other's core.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from node.accounts.vocabulary import IdType
from node.casework.vocabulary import LitigationRole
from node.export.certificate.document import Document
from node.export.certificate.exhibits import EvidenceList, Exhibit, evidence_list
from node.export.certificate.issuing import IssuingPoint
from node.export.certificate.parts import (
    ElsewhereFact,
    FileFacts,
    Organisation,
    Platform,
    Point,
    Root,
    masked_depositor,
    point,
)
from node.export.certificate.record import verification_record
from node.words import OpenPoint
from tests.node.export.certificate_samples import (
    EVERYTHING,
    ISSUED_MS,
    NOTHING,
    document_of,
    facts_of,
    poppler,
    typesetter,
)
from tests.node.export.test_verification_record import NUMBER, record

LONG = "关于杭州某某信息技术股份有限公司与某某网络科技有限公司之间电子数据存证服务协议的补充协议"
MARGIN, FOOT = 50.0, 24.0
"""In points: at the sides, and below, with the footer's line."""
WORD = re.compile(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>')


@dataclass(frozen=True, slots=True)
class Word:
    """Its box, from the top left."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    def lies_on(self, other: "Word") -> bool:
        """Whether the middle halves overlap, by more than punctuation is pulled in."""
        across = min(self.right, other.right) - max(self.left, other.left)
        middles = abs(self.top + self.bottom - other.top - other.bottom) / 2
        height = min(self.bottom - self.top, other.bottom - other.top)
        return across > 6.5 and middles < height / 2


def _word(left: str, top: str, right: str, bottom: str, text: str) -> Word:
    return Word(float(left), float(top), float(right), float(bottom), text)


def pages(pdf: bytes) -> Iterator[tuple[float, float, list[Word]]]:
    """Width, height and words of each page."""
    told = poppler("pdftotext", pdf, "-bbox", "-", "-").decode()
    for page in re.split(r"(?=<page )", told)[1:]:
        size = re.match(r'<page width="(.+?)" height="(.+?)">', page)
        assert size is not None
        found = [_word(*each) for each in WORD.findall(page)]
        yield float(size[1]), float(size[2]), found


def extreme() -> Document:
    """Everything long, and much of it."""
    facts = facts_of(EVERYTHING)
    members = tuple(
        Organisation(f"member-of-long-name-{n}", "forensic", LONG, facts.sealed_ms // 1000)
        for n in range(31)
    )
    points = [point(each) for each in (*OpenPoint, *IssuingPoint)]
    points += [Point(f"X{n}", LONG, "an open point " * 9) for n in range(30)]
    points += [Point("X" * 200, LONG, "long" * 90), Point("Y", "长" * 9000, "long" * 900)]
    changed = replace(
        facts,
        title=LONG * 40,
        organisations=members,
        quorum=21,
        open_points=tuple(points),
        elsewhere=tuple(ElsewhereFact(f"司法链 {n}", "0x" + "ab" * 32) for n in range(5)),
        certificates=facts.certificates * 3,
        stamps=tuple(replace(facts.stamps[0], authority=LONG * 3) for _ in range(9)),
        file=FileFacts("C:/" + "x" * 260 + ".pdf", 2**53 - 1, "application/" + "x" * 80),
        depositor=masked_depositor(LONG * 3, IdType.USCC, "91350100M000100Y43"),
        platform=Platform(*(LONG * 2 for _ in range(6))),
        trust=replace(facts.trust, roots=tuple(Root(LONG, bytes([n] * 32)) for n in range(9))),
    )
    return document_of(changed)


def forty_exhibits() -> Document:
    words = ("微信聊天记录截图", LONG, LONG * 3)
    exhibits = tuple(
        Exhibit(
            n, NUMBER, words[n % 3], "原告手机", LONG, words[n % 2], 2, 12, LitigationRole.PLAINTIFF
        )
        for n in range(1, 41)
    )
    return evidence_list(EvidenceList(exhibits, ISSUED_MS, True, EVERYTHING.case))


def sixty_results() -> Document:
    one = record(b"other")
    return verification_record(replace(one, results=one.results * 60, operator=LONG))


@pytest.mark.parametrize(
    "document",
    [
        lambda: document_of(facts_of(EVERYTHING)),
        lambda: document_of(facts_of(NOTHING)),
        extreme,
        forty_exhibits,
        pytest.param(sixty_results, marks=pytest.mark.slow),
    ],
)
def test_no_word_is_cut_off_or_lies_on_another(document: object) -> None:
    for width, height, words in pages(typesetter().set(document())):  # type: ignore[operator]
        assert words
        out = [
            each
            for each in words
            if not (each.left > MARGIN and each.right < width - MARGIN and each.top > 0)
            or each.bottom > height - FOOT
        ]
        assert out == []
        assert [pair for pair in combinations(words, 2) if pair[0].lies_on(pair[1])] == []
