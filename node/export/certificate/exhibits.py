"""The evidence list (证据目录, 民事证据规定 Art. 19) as JSON and as a document.

    exhibit number · evidence number · name · source · object of proof · content · copies · pages ·
    submitted by

`evidence-list.json` of a bundle is a canonical JSON array of these objects (docs/bundle-format.md,
section 9). What nobody has said is absent and printed as 未提供.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.casework.exhibit import Exhibit as LinkedExhibit
from node.casework.vocabulary import LitigationRole
from node.evidence.digests import sha256
from node.evidence.head import TEST, format_milliseconds
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.export.certificate.codec import check_values, format_array, parse_array
from node.export.certificate.document import (
    Attachment,
    Document,
    Row,
    Said,
    Signing,
    Table,
)
from node.export.certificate.parts import Case

FILE = "evidence-list.json"
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
class EvidenceList:
    """The list of one export, and the case if there is one."""

    exhibits: tuple[Exhibit, ...]
    issued_ms: int
    test_network: bool
    case: Case | None = None

    def __post_init__(self) -> None:
        check_values(self)
        numbers = [each.exhibit_no for each in self.exhibits]
        if not numbers or numbers != sorted(set(numbers)):
            raise Malformed(FILE, "no exhibits, or not in the order of their numbers")


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


def evidence_list(listed: EvidenceList) -> Document:
    """The list to print and sign."""
    written, case = format_exhibits(listed.exhibits), listed.case
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
            Signing(
                "提交人签名与日期",
                "Signature of who submits, and date",
                ("提交人签名 signature", "提交日期 date"),
            ),
        ),
        footer=f"证据目录 evidence list  ·  摘要前 16 位 digest {sha256(written).hex()[:16]}",
        made_s=listed.issued_ms // 1000,
        warning=TEST if listed.test_network else None,
        attachments=(
            Attachment(
                FILE, written, "application/json", "source", "本目录的数据 The data of this list"
            ),
        ),
    )


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
