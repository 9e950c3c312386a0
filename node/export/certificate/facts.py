"""What a deposit certificate says: 27 fields, each with who asserts it (docs/certificate.md).

`Facts` is the whole certificate as a value. It is checked at birth and has one JSON, which is
`certificate.json` in a bundle and is attached inside the PDF. What is not known is absent here and
printed as 未提供 or 未核对: nothing is ever filled in. Identities come masked and are refused if
they are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.export.certificate.codec import check_values, format_document, parse_document
from node.export.certificate.parts import (
    Case,
    Certified,
    Collection,
    Depositor,
    Digests,
    ElsewhereFact,
    FileFacts,
    Health,
    Item,
    Moment,
    Organisation,
    Place,
    Platform,
    Point,
    Stamp,
    TimeFact,
    Trust,
    Versions,
    check_digests,
    check_times,
)
from node.words import Answer, Category, OpenPoint, ResultCode

TAG = "cunzheng/certificate/v1"
POINTS_MAX = 64
"""Open points that page 1 can still be read with; a deposit has a handful."""

_CERTIFICATE_NO = re.compile(r"[A-Za-z0-9-]{8,64}")
_URL = re.compile(r"https?://[a-z0-9.:-]+(?:/[A-Za-z0-9._~/-]*)?")
_CERTIFIED = (Answer.CONSISTENT, Answer.CONSISTENT_OPEN_POINTS, Answer.ERASED)


@dataclass(frozen=True, slots=True)
class Facts:
    """A certificate. The comments number the fields as they are printed; 1 and 21 are constant."""

    certificate_no: str  # 2
    issued_ms: int
    evidence_no: str  # 3
    category: Category  # 4
    item: Item  # 10
    times: tuple[TimeFact, ...]  # 11, 12
    place: Place  # 13
    quorum: int  # 15
    organisations: tuple[Organisation, ...]
    result: ResultCode  # 18
    trust: Trust  # 22
    title: str | None = None  # 4
    case: Case | None = None  # 5
    depositor: Depositor | None = None  # 6
    collection: Collection | None = None  # 7
    file: FileFacts | None = None  # 8
    digests: Digests | None = None  # 9
    elsewhere: tuple[ElsewhereFact, ...] = ()  # 14
    algorithms: tuple[str, ...] = ()  # 16
    certificates: tuple[Certified, ...] = ()
    stamps: tuple[Stamp, ...] = ()  # 17
    health: Health | None = None  # 19
    open_points: tuple[Point, ...] = ()  # 20
    platform: Platform | None = None  # 23
    versions: Versions | None = None  # 24
    url: str | None = None  # 25
    contents: bytes | None = None  # 26

    def __post_init__(self) -> None:
        check_values(self)
        parse_number(self.evidence_no, "Facts.evidence_no")
        check_times(self.issued_ms)
        check_digests(self.contents)
        if not _CERTIFICATE_NO.fullmatch(self.certificate_no):
            raise Malformed("Facts.certificate_no", "not 8 to 64 of A-Z a-z 0-9 -")
        if self.url is not None and not _URL.fullmatch(self.url):
            raise Malformed("Facts.url", "not a plain address: it must say nothing about anybody")
        moments = [each.moment for each in self.times]
        if moments != [each for each in Moment if each in moments]:
            raise Malformed("Facts.times", "out of order, or one stands twice")
        _check_organisations(self)
        _check_points(self)

    @property
    def sealed_ms(self) -> int:
        """The latest time by which the data existed, as a quorum of members says."""
        sealed = self.time_ms(Moment.SEALED)
        assert sealed is not None
        return sealed

    def time_ms(self, moment: Moment) -> int | None:
        """This time, if there is one that is no mere claim."""
        return next((each.time_ms for each in self.times if each.moment is moment), None)

    @property
    def main_digest(self) -> bytes:
        """What the footer shows the beginning of: the file's, or else what is on chain."""
        digests = self.digests or Digests()
        return digests.sha256 or digests.sm3 or self.item.value


def format_facts(facts: Facts) -> bytes:
    """`certificate.json`."""
    return format_document(TAG, facts)


def parse_facts(data: bytes) -> Facts:
    """The certificate these bytes are of; raises `Malformed` and nothing else."""
    return parse_document(TAG, Facts, data)


def _check_organisations(facts: Facts) -> None:
    names = [each.member for each in facts.organisations]
    if len(set(names)) != len(names):
        raise Malformed("Facts.organisations", "a member stands twice")
    if not 0 < facts.quorum <= len(names):
        raise Malformed("Facts.quorum", "not a number of these members")
    signed = sum(each.sealed_s is not None for each in facts.organisations)
    if signed < facts.quorum or facts.time_ms(Moment.SEALED) is None:
        raise Malformed("Facts.organisations", "no quorum has cosigned")


def _check_points(facts: Facts) -> None:
    """Points and result agree, and a test network cannot be overlooked.

    Of what was found not to hold there is no certificate; a verification record says so.
    """
    if facts.result.answer not in _CERTIFIED:
        raise Malformed("Facts.result", f"{facts.result.name} is nothing to certify")
    codes = [each.code for each in facts.open_points]
    if len(codes) > POINTS_MAX:
        raise Malformed("Facts.open_points", f"more than {POINTS_MAX}")
    if facts.place.test_network and OpenPoint.O05.name not in codes:
        raise Malformed("Facts.open_points", "a test network's certificate does not say so")
    if facts.result.answer is Answer.CONSISTENT and codes:
        raise Malformed("Facts.result", "says that no point is open, and there are some")
    if facts.result is ResultCode.V001 and not codes:
        raise Malformed("Facts.result", "says that points are open, and there are none")
