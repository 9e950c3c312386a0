"""The evidence list (证据目录, 民事证据规定 Art. 19) as JSON and as a document.

    exhibit number · evidence number · name · source · object of proof · content · copies · pages ·
    submitted by

`evidence-list.json` of a bundle is a canonical JSON array of these objects (docs/bundle-format.md,
section 9). What nobody has said is absent and printed as 未提供.

In a bundle of several deposits the list is besides what the platform signs: with the result of each
deposit, and with the digest of the list of contents in which the certificate of each stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from node.casework.exhibit import Exhibit as LinkedExhibit
from node.casework.vocabulary import LitigationRole
from node.evidence.digests import sha256
from node.evidence.head import TEST, format_milliseconds
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.export.certificate.codec import (
    check_values,
    format_array,
    format_document,
    parse_array,
    parse_document,
)
from node.export.certificate.document import (
    Attachment,
    Block,
    Document,
    Prose,
    Row,
    Rows,
    Said,
    Signing,
    Table,
    digest_text,
)
from node.export.certificate.facts import Facts
from node.export.certificate.parts import Case, check_digests, check_times
from node.words import Notice, ResultCode

TAG = "cunzheng/evidence-list/v1"
FILE = "evidence-list.json"
LIST_FILE = "certificate.json"
"""What a bundle of several deposits has in the place of a certificate's data."""
_NOT_PROVIDED = "未提供 not provided"


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One line of the list."""

    exhibit_no: int
    evidence_no: str
    name: str | None = None
    source: str | None = None
    proof_object: str | None = None
    content: str | None = None
    copies: int | None = None
    pages: int | None = None
    submitter: LitigationRole | None = None

    def __post_init__(self) -> None:
        check_values(self)
        parse_number(self.evidence_no, f"{FILE}: evidence_no")


@dataclass(frozen=True, slots=True)
class Result:
    """What came out for one exhibit: the beginning of its own certificate."""

    certificate_no: str
    evidence_no: str
    result: ResultCode
    sealed_ms: int
    main_digest: bytes
    """Of the file, or else what is on the chain."""

    def __post_init__(self) -> None:
        check_values(self)
        parse_number(self.evidence_no, f"{LIST_FILE}: evidence_no")
        check_times(self.sealed_ms)
        check_digests(self.main_digest)

    @classmethod
    def of(cls, facts: Facts) -> Result:
        """Of a certificate."""
        number = facts.certificate_no
        return cls(number, facts.evidence_no, facts.result, facts.sealed_ms, facts.main_digest)


@dataclass(frozen=True, slots=True)
class EvidenceList:
    """The list of one export, and the case if there is one."""

    exhibits: tuple[Exhibit, ...]
    issued_ms: int
    test_network: bool
    case: Case | None = None
    certificate_no: str | None = None
    contents: bytes | None = None
    """SHA-256 of the bundle's list of contents."""
    results: tuple[Result, ...] = ()
    """Of every exhibit, or of none."""

    def __post_init__(self) -> None:
        check_values(self)
        check_digests(self.contents)
        numbers = [each.exhibit_no for each in self.exhibits]
        if not numbers or numbers != sorted(set(numbers)):
            raise Malformed(FILE, "no exhibits, or not in the order of their numbers")
        listed = [each.evidence_no for each in self.exhibits]
        if self.results and [each.evidence_no for each in self.results] != listed:
            raise Malformed(LIST_FILE, "results of other exhibits, or in another order")


def linked(exhibit: LinkedExhibit) -> Exhibit:
    """An exhibit that a court linked to a case."""
    words = exhibit.words
    return Exhibit(
        exhibit.exhibit_no,
        words.evidence_no,
        words.name or None,
        words.source or None,
        words.proof_object or None,
        words.content or None,
        words.copies,
        words.pages,
        words.litigation_role,
    )


def format_exhibits(exhibits: Sequence[Exhibit]) -> bytes:
    """`evidence-list.json`."""
    return format_array(exhibits)


def parse_exhibits(data: bytes) -> tuple[Exhibit, ...]:
    """The exhibits of these bytes; raises `Malformed` and nothing else."""
    return parse_array(FILE, Exhibit, data)


def format_list(listed: EvidenceList) -> bytes:
    """The whole list as data."""
    return format_document(TAG, listed)


def parse_list(data: bytes) -> EvidenceList:
    """The list these bytes are of; raises `Malformed` and nothing else."""
    return parse_document(TAG, EvidenceList, data)


def evidence_list(listed: EvidenceList) -> Document:
    """The list to print and sign."""
    written, case = format_list(listed), listed.case
    court = "未提供 not provided"
    if case is not None:
        court = f"{case.court_name or '未核对 not checked'}（{case.court_code or '-'}）"
    return Document(
        zh="证据目录",
        en="Evidence list",
        about=(f"出具时间 Issued at: {format_milliseconds(listed.issued_ms)}",),
        first=(
            Row("案号", "Case no.", (Said(case.case_no if case else _NOT_PROVIDED),)),
            Row("受理法院", "Court", (Said(court),)),
            Row("项数", "Exhibits", (Said(str(len(listed.exhibits))),)),
        ),
        blocks=(
            _table(listed.exhibits),
            *_certified(listed),
            Signing(
                "提交人签名与日期",
                "Signature of who submits, and date",
                ("提交人签名 signature", "提交日期 date"),
            ),
        ),
        footer=f"证据目录 evidence list {listed.certificate_no or ''}  ·  摘要前 16 位 digest "
        f"{sha256(written).hex()[:16]}",
        made_s=listed.issued_ms // 1000,
        warning=TEST if listed.test_network else None,
        attachments=(
            Attachment(
                LIST_FILE,
                written,
                "application/json",
                "source",
                "本目录的数据 The data of this list",
            ),
        ),
    )


def _certified(listed: EvidenceList) -> Iterator[Block]:
    """What the bundle of several deposits has been found to be, and what its certificates hold."""
    if listed.results:
        yield Table(
            "核验结果（各项另有证书）",
            "Verification results (each exhibit has a certificate of its own)",
            ("序号 no.", "核验结果 result", "不晚于 no later than", "数据摘要 digest of the data"),
            (3, 10, 9, 14),
            tuple(
                (
                    str(exhibit.exhibit_no),
                    f"{each.result.name} {each.result.zh} {each.result.en}",
                    format_milliseconds(each.sealed_ms).replace(".000", ""),
                    each.main_digest.hex(),
                )
                for exhibit, each in zip(listed.exhibits, listed.results, strict=True)
            ),
        )
        yield Prose("证明范围声明", "Scope", (Said(Notice.SCOPE.zh), Said(Notice.SCOPE.en)))
    if listed.contents is not None:
        row = Row(
            "证据包清单摘要",
            "Digest of the bundle's list of contents",
            (digest_text(listed.contents),),
        )
        yield Rows("证据包", "Evidence bundle", (row,))


def _table(exhibits: Sequence[Exhibit]) -> Table:
    return Table(
        "证据",
        "Exhibits",
        (
            "序号 no.",
            "名称与存证编号 name, evidence no.",
            "来源 source",
            "证明对象 object of proof",
            "内容 content",
            "份/页 copies/pages",
            "提交方 by",
        ),
        (5, 23, 12, 14, 16, 7, 9),
        tuple(_line(each) for each in exhibits),
    )


def _line(each: Exhibit) -> tuple[str, ...]:
    name, source = each.name or _NOT_PROVIDED, each.source or _NOT_PROVIDED
    copies = "-" if each.copies is None else str(each.copies)
    pages = "-" if each.pages is None else str(each.pages)
    submitter = each.submitter
    return (
        str(each.exhibit_no),
        f"{name}  {each.evidence_no}",
        source,
        each.proof_object or _NOT_PROVIDED,
        each.content or _NOT_PROVIDED,
        f"{copies} / {pages}",
        f"{submitter.zh} {submitter.en}" if submitter else _NOT_PROVIDED,
    )
