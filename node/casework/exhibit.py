"""Evidence lists and court receipts (民事证据规定 Art. 19), as values and as documents.

A party numbers its exhibits and says of each its source, what it is to prove, and its content; the
court gives a receipt that names each exhibit, copies, pages, time, and who took it in. Both are
printed as plain text in UTF-8 with LF, in Chinese with English beside it, to be signed by hand.

A receipt is kept byte for byte: its SHA-256 can be deposited like that of any other file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.casework.interest import InterestResult
from node.casework.vocabulary import LitigationRole
from node.evidence.item import printable
from node.evidence.number import beijing_time

_LINE = "________________"


@dataclass(frozen=True, slots=True)
class ExhibitWords:
    """What is said of an exhibit, by whom it is submitted and on how much paper it stands."""

    evidence_no: str
    litigation_role: LitigationRole
    name: str
    source: str
    proof_object: str
    content: str
    copies: int = 1
    pages: int = 1
    adverse_to_submitter: bool = False
    """Noted by the court (民事证据规定 Art. 94 (1)); no conclusion is drawn from it."""

    def __post_init__(self) -> None:
        assert self.copies >= 1
        assert self.pages >= 0


@dataclass(frozen=True, slots=True)
class Exhibit:
    """An exhibit under its number (证据目录序号), which it keeps."""

    exhibit_no: int
    words: ExhibitWords
    linked_ms: int


@dataclass(frozen=True, slots=True)
class CourtName:
    """A court by its code, and its name if a registry knows it."""

    code: str
    name: str | None

    @property
    def text(self) -> str:
        """As it is printed."""
        return f"{self.name}（{self.code}）" if self.name else f"{self.code}（名称未核对）"


def format_evidence_list(
    case_no: str, court: CourtName, exhibits: Sequence[Exhibit], interests: InterestResult
) -> str:
    """The list, with lines for signature and date."""
    lines = [
        "证据目录 Evidence list",
        "",
        f"案号 Case: {case_no}",
        f"法院 Court: {court.text}",
        f"当事人与节点机构、平台的利害关系 Interests: {interests.zh} {interests.en}",
    ]
    for each in exhibits:
        words = each.words
        lines += [
            "",
            f"证据目录序号 Exhibit number: {each.exhibit_no}",
            f"  名称 Name: {_one_line(words.name)}",
            f"  提交方 Submitted by: {words.litigation_role.zh} {words.litigation_role.en}",
            f"  来源 Source: {_one_line(words.source)}",
            f"  证明对象 Object of proof: {_one_line(words.proof_object)}",
            f"  内容 Content: {_one_line(words.content)}",
            f"  份数 Copies: {words.copies}  页数 Pages: {words.pages}",
            f"  存证编号 Evidence number: {words.evidence_no}",
        ]
        if words.adverse_to_submitter:
            lines.append("  对提交方不利 Adverse to the party that submits it")
    lines += ["", f"提交人签名 Signature: {_LINE}", f"提交日期 Date: {_LINE}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class CourtReceipt:
    """That a court took these exhibits in."""

    id: str
    case_no: str
    court: CourtName
    exhibits: tuple[Exhibit, ...]
    received_ms: int
    handler: str

    @property
    def copies(self) -> int:
        return sum(each.words.copies for each in self.exhibits)

    @property
    def pages(self) -> int:
        """Of one copy of each."""
        return sum(each.words.pages for each in self.exhibits)

    def text(self) -> str:
        """The receipt, with a line for the handler's signature. Its id is random: a digest of the
        text tells nothing to whoever guesses the rest."""
        received = beijing_time(self.received_ms).strftime("%Y-%m-%d %H:%M:%S")
        lines = [
            "证据材料收据 Court receipt for evidence",
            "",
            f"收据编号 Receipt: {self.id}",
            f"案号 Case: {self.case_no}",
            f"法院 Court: {self.court.text}",
            f"收到时间 Received: {received} 北京时间 (UTC+8)",
            "",
            *(_receipt_line(each) for each in self.exhibits),
            "",
            f"合计 In all: {len(self.exhibits)} 项 exhibits, {self.copies} 份 copies, "
            f"{self.pages} 页 pages",
            f"经办人 Handler: {_one_line(self.handler)}",
            f"经办人签名 Signature: {_LINE}",
        ]
        return "\n".join(lines) + "\n"


def _receipt_line(exhibit: Exhibit) -> str:
    words = exhibit.words
    return (
        f"{exhibit.exhibit_no}. {_one_line(words.name)}  {words.copies} 份 copies  "
        f"{words.pages} 页 pages  {words.evidence_no}"
    )


def _one_line(text: str) -> str:
    """What somebody typed cannot draw a line of its own, nor hide or reorder one."""
    return printable(" ".join(text.split()))
