"""The technical verification record (技术核验记录（可附卷）): what was verified, how, by whom.

It says what went in (files with their digests, proofs), what it was held against (the policy
fingerprint and roots from outside), every step with its outcome, and the tools and their versions.
Its JSON is attached inside its PDF; either can be deposited like any other file, so that the record
itself is dated. A later verification makes another record and replaces none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from node.evidence.digests import sha256
from node.evidence.head import TEST, format_milliseconds, format_seconds
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.spelling import check_time
from node.evidence.verdict import Finding, Verdict
from node.export.certificate.codec import check_values, format_document, parse_document
from node.export.certificate.document import (
    Attachment,
    Block,
    Break,
    Document,
    Listed,
    Points,
    Prose,
    Result,
    Row,
    Rows,
    Said,
    Signing,
    Table,
    Tone,
    digest_text,
)
from node.export.certificate.parts import Point, Root, check_digests, point
from node.words import Answer, Notice, OpenPoint, ResultCode

TAG = "cunzheng/verification-record/v1"
FILE = "verification-record.json"
_NOT_PROVIDED = "未提供 not provided"
_RECORD_NO = re.compile(r"[A-Za-z0-9-]{8,64}")
_TONES: dict[Answer, Tone] = {
    Answer.CONSISTENT: "good",
    Answer.CONSISTENT_OPEN_POINTS: "open",
    Answer.NOT_DEPOSITED_BYTES: "bad",
    Answer.PROOF_NOT_VALID: "bad",
}


class Outcome(Enum):
    """What became of a step."""

    PASSED = "通过 passed"
    FAILED = "未通过 failed"
    NOT_CHECKED = "未核验 not checked"


@dataclass(frozen=True, slots=True)
class Given:
    """Something that was verified, or that something was verified with."""

    what: str
    name: str
    size: int
    sha256: bytes
    sm3: bytes | None = None

    def __post_init__(self) -> None:
        check_values(self)
        check_digests(self.sha256, self.sm3)


@dataclass(frozen=True, slots=True)
class Step:
    """One comparison."""

    step: int
    outcome: Outcome
    zh: str
    en: str
    code: ResultCode | None = None

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Verified:
    """The result for one deposit, or for one thing that could not even be read as a proof."""

    code: ResultCode
    given: tuple[Given, ...]
    steps: tuple[Step, ...]
    open_points: tuple[Point, ...] = ()
    evidence_no: str | None = None
    sealed_s: int | None = None

    def __post_init__(self) -> None:
        check_values(self)
        if self.evidence_no is not None:
            parse_number(self.evidence_no, "Verified.evidence_no")


@dataclass(frozen=True, slots=True)
class Tool:
    """What took part: this program, Python, OpenSSL, the operating system."""

    name: str
    version: str

    def __post_init__(self) -> None:
        check_values(self)


@dataclass(frozen=True, slots=True)
class Record:
    """The whole record."""

    record_no: str
    verified_ms: int
    tools: tuple[Tool, ...]
    results: tuple[Verified, ...]
    operator: str | None = None
    """Who verified, as that person says."""
    policy_fingerprint: str | None = None
    """From outside; without it nothing can be consistent."""
    roots: tuple[Root, ...] = ()

    def __post_init__(self) -> None:
        check_values(self)
        check_time(self.verified_ms, "Record.verified_ms")
        if not _RECORD_NO.fullmatch(self.record_no):
            raise Malformed("Record.record_no", "not 8 to 64 of A-Z a-z 0-9 -")
        if not self.results or not self.tools:
            raise Malformed("Record", "of nothing, or made with nothing")


def verified(verdict: Verdict, given: tuple[Given, ...]) -> Verified:
    """A verification result as it is recorded."""
    facts = verdict.facts
    return Verified(
        code=verdict.code,
        given=given,
        steps=_steps(verdict.findings),
        open_points=tuple(point(each) for each in verdict.open_points),
        evidence_no=facts.number if facts else None,
        sealed_s=facts.seal_time_s if facts and verdict.consistent else None,
    )


def verified_package(
    code: ResultCode | None, findings: tuple[Finding, ...], given: tuple[Given, ...]
) -> Verified:
    """What speaks against the package of a bundle, if anything does."""
    return Verified(code or ResultCode.V000, given, _steps(findings))


def _steps(findings: tuple[Finding, ...]) -> tuple[Step, ...]:
    return tuple(
        Step(each.step, Outcome[each.outcome.name], each.zh, each.en, each.code)
        for each in findings
    )


def format_verification(record: Record) -> bytes:
    """The record as JSON."""
    return format_document(TAG, record)


def parse_verification(data: bytes) -> Record:
    """The record these bytes are of; raises `Malformed` and nothing else."""
    return parse_document(TAG, Record, data)


def verification_record(record: Record) -> Document:
    """The record to print and to put on file."""
    written, only = format_verification(record), len(record.results) == 1
    code = record.results[0].code
    return Document(
        zh="技术核验记录（可附卷）",
        en="Technical verification record",
        about=(
            f"记录编号 Record no.: {record.record_no}",
            f"核验时间 Verified at: {format_milliseconds(record.verified_ms)}（本机时钟 this "
            "computer's clock）",
        ),
        first=tuple(_first(record)),
        blocks=tuple(_blocks(record)),
        footer=f"技术核验记录 {record.record_no}  ·  摘要前 16 位 digest "
        f"{sha256(written).hex()[:16]}",
        made_s=record.verified_ms // 1000,
        result=_result(code) if only else None,
        warning=TEST if _of_test(record) else None,
        attachments=(
            Attachment(
                FILE, written, "application/json", "source", "本记录的数据 The data of this record"
            ),
        ),
    )


def _result(code: ResultCode) -> Result:
    return Result(code.name, code.zh, code.en, _TONES.get(code.answer, "unknown"))


def _of_test(record: Record) -> bool:
    codes = {each.code for result in record.results for each in result.open_points}
    return OpenPoint.O05.name in codes


def _first(record: Record) -> Iterator[Row]:
    yield Row("核验人", "Operator, as stated", (Said(record.operator or _NOT_PROVIDED),))
    anchor = record.policy_fingerprint
    yield Row(
        "外部信任锚",
        "Trust from outside",
        (
            Said("策略指纹 policy fingerprint"),
            Said(anchor, fixed=True) if anchor else Said(_NOT_PROVIDED),
        ),
    )
    tools = "；".join(f"{each.name} {each.version}" for each in record.tools)
    yield Row("核验工具及版本", "Tools and versions", (Said(tools),))


def _blocks(record: Record) -> Iterator[Block]:
    if len(record.results) > 1:
        yield _summary(record)
    if record.roots:
        yield Rows("外部根证书", "Roots from outside", tuple(_roots(record)))
    for number, each in enumerate(record.results, start=1):
        if number > 1:
            yield Break()
        yield from _one(number, each)
    good = any(each.sealed_s is not None for each in record.results)
    different = any(each.code.answer is Answer.NOT_DEPOSITED_BYTES for each in record.results)
    notices = [Notice.SCOPE] * good + [Notice.RESAVING] * different
    paragraphs = tuple(Said(text) for each in notices for text in (each.zh, each.en))
    if paragraphs:
        yield Prose("证明范围声明", "Scope", paragraphs)
    yield Signing(
        "核验人签名与日期",
        "Signature of who verified, and date",
        ("核验人签名 signature", "日期 date"),
    )


def _summary(record: Record) -> Table:
    return Table(
        "核验结果",
        "Verification results",
        ("序号 no.", "存证编号 evidence number", "核验结果 result", "不晚于 no later than"),
        (2, 8, 9, 8),
        tuple(
            (
                str(number),
                each.evidence_no or "-",
                f"{each.code.name} {each.code.zh} {each.code.en}",
                "-" if each.sealed_s is None else format_seconds(each.sealed_s),
            )
            for number, each in enumerate(record.results, start=1)
        ),
    )


def _roots(record: Record) -> Iterator[Row]:
    for each in record.roots:
        yield Row(each.name, "SHA-256", (digest_text(each.sha256),))


def _one(number: int, each: Verified) -> Iterator[Block]:
    no_later = "-" if each.sealed_s is None else format_seconds(each.sealed_s)
    number_said = Said(each.evidence_no, fixed=True) if each.evidence_no else Said(_NOT_PROVIDED)
    yield Rows(
        f"{number}  核验对象与结果",
        "What was verified, and the result",
        (
            Row("存证编号", "Evidence number", (number_said,)),
            Row(
                "核验结果",
                "Verification result",
                (Said(f"{each.code.name}  {each.code.zh} {each.code.en}"),),
            ),
            Row("不晚于（联签时间）", "No later than (cosigned)", (Said(no_later),)),
            *(_given(given) for given in each.given),
        ),
    )
    yield Table(
        "核验步骤",
        "Steps",
        ("步骤 step", "结果 outcome", "说明 finding"),
        (2, 5, 20),
        tuple(
            (
                str(step.step),
                f"{step.outcome.value} {step.code.name if step.code else ''}".strip(),
                f"{step.zh}  {step.en}",
            )
            for step in each.steps
        ),
    )
    points = tuple(Listed(one.code, one.zh, one.en) for one in each.open_points)
    yield Points("待审查事项", "Open points", points, "无 none")


def _given(given: Given) -> Row:
    sm3 = [Said("SM3"), digest_text(given.sm3)] if given.sm3 else []
    return Row(
        given.what,
        "",
        (
            Said(given.name),
            Said(f"{given.size:,} 字节 bytes"),
            Said("SHA-256"),
            digest_text(given.sha256),
            *sm3,
        ),
    )
