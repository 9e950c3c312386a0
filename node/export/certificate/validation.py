"""What the signatures inside a PDF are worth, as findings of step 8 (docs/bundle-format.md).

A signature counts only if its certificate leads to a root that came another way, and only if the
whole file is covered: the last signature ends where the file ends, and what was appended after an
earlier one changes nothing it signed. Bytes appended behind the last one are refused, even where a
PDF reader would overlook them. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from asn1crypto import parser, pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from node.evidence.head import format_milliseconds
from node.evidence.malformed import Malformed
from node.evidence.number import utc_time
from node.evidence.verdict import Finding, Outcome
from node.export.bundle.trust import Trust
from node.export.certificate.enclosed import open_pdf
from node.export.signing.certificate import name_text
from node.words import ResultCode

STEP = 8
SIGNATURES_MAX = 16
_USAGE = KeyUsageConstraints(
    key_usage={"digital_signature", "non_repudiation"}, match_all_key_usages=False
)

_OUT_OF_BOUNDS = (
    AdESIndeterminate.EXPIRED,
    AdESIndeterminate.NOT_YET_VALID,
    AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
    AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
)
# What it finds is returned here and told in our words; its traces would go to a court's screen.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def judge_signatures(pdf: bytes, trust: Trust, now_ms: int) -> tuple[Finding, ...]:
    """One finding or more; every input gives some, none raises. `now_ms` counts where no trusted
    timestamp says when it was signed. Not to be called where an event loop runs."""
    try:
        for file in (*trust.platform_roots, *trust.tsa_roots):
            list(_certificates(file))
    except ValueError as error:
        return (_failed("外部根证书无法读取", f"a root from outside cannot be read ({error})"),)
    try:
        return tuple(_judged(pdf, trust, now_ms))
    except Exception as error:  # A PDF can be wrong in ways that nobody has listed.
        name = type(error).__name__
        return (_failed("PDF 签名无法读取", f"the signature in the PDF cannot be read ({name})"),)


def _judged(pdf: bytes, trust: Trust, now_ms: int) -> Iterator[Finding]:
    reader = open_pdf(pdf)
    signatures = list(reader.embedded_regular_signatures)
    if not signatures and b"/ByteRange" in pdf:
        yield _failed("PDF 签名已损坏，无法识别", "what was a signature of the PDF is damaged")
        return
    if not signatures:
        zh = "PDF 未签名，页面文字未核验，仅核验内附证明"
        en = "the PDF is not signed: what its pages say was not checked, only the proof inside"
        yield Finding(STEP, Outcome.NOT_CHECKED, zh, en)
        return
    if len(reader.embedded_signatures) > SIGNATURES_MAX:
        yield _failed("PDF 签名过多", f"more than {SIGNATURES_MAX} signatures in the PDF")
        return
    if not _covered(reader):
        zh = "PDF 末次签名之后另有数据，签名未覆盖整个文件"
        en = "there are bytes after the last signature of the PDF: it does not cover the whole file"
        yield _failed(zh, en)
        return
    for each in signatures:
        if not _is_spelled_once(each, pdf):
            zh = "PDF 签名值另有写法，可能被改动"
            yield _failed(
                zh, "the signature's own bytes in the PDF are not as a signer writes them"
            )
        else:
            yield from _signature(each, trust, now_ms)


def _covered(reader: PdfFileReader) -> bool:
    """Whether the newest signature, or timestamp of the whole document, ends with the file."""
    last = reader.embedded_signatures[-1]
    return last.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE


def _is_spelled_once(signature: EmbeddedPdfSignature, pdf: bytes) -> bool:
    """The one gap in what is signed holds the signature in hex and zeros behind it: nothing else
    could change there unnoticed, not even the case of a digit."""
    start, length, end, _ = (int(each) for each in signature.byte_range)
    held = signature.pkcs7_content
    *_, header, content, trailer = parser.parse(held)
    size = len(header) + len(content) + len(trailer)
    digits = held.hex()
    gap = pdf[start + length : end].decode("latin-1")
    return not any(held[size:]) and gap in (f"<{digits}>", f"<{digits.upper()}>")


def _signature(signature: EmbeddedPdfSignature, trust: Trust, now_ms: int) -> Iterator[Finding]:
    status = _validated(signature, trust, utc_time(now_ms))
    if not (status.intact and status.valid):
        yield _failed("PDF 签名与内容不符", "the signature in the PDF does not fit its content")
        return
    if not status.docmdp_ok:
        zh, en = "PDF 在签名之后被改动", "the PDF was changed after it was signed"
        yield _failed(zh, en)
        return
    subject = _named(status.signing_cert)
    if not trust.platform_roots:
        zh = f"PDF 签名与内容相符并覆盖整个文件；未提供外部根证书，签名人未核验：{subject}"
        en = "the signature in the PDF fits and covers the whole file; no root from outside was "
        yield Finding(
            STEP, Outcome.NOT_CHECKED, zh, f"{en}given, so who signed was not checked: {subject}"
        )
    elif not status.trusted:
        yield _untrusted(status, subject)
    else:
        zh = f"PDF 由 {subject} 签名，签名覆盖整个文件"
        en = f"the PDF was signed by {subject}, and the signature covers the whole file"
        yield Finding(STEP, Outcome.PASSED, zh, en)
    if status.timestamp_validity is not None:
        yield _stamp(status, status.timestamp_validity.timestamp, trust)


def _untrusted(status: PdfSignatureStatus, subject: str) -> Finding:
    if status.revoked:
        code, zh, en = ResultCode.V302, "签名前证书已吊销", "its certificate had been revoked"
    elif status.trust_problem_indic in _OUT_OF_BOUNDS:
        code, zh = ResultCode.V301, "证书在可证明的签名时间不在有效期内"
        en = "its certificate was not valid at any time at which it is known to have signed"
    else:
        code, zh = ResultCode.V304, "签名证书不通向外部根证书"
        en = "its certificate leads to no root from outside"
    return Finding(
        STEP, Outcome.FAILED, f"PDF 签名：{zh}（{subject}）", f"PDF: {en} ({subject})", code
    )


def _named(certificate: x509.Certificate) -> str:
    """Whose it is, spelled as in every other step 8; its serial number if unreadable."""
    try:
        return name_text(certificate.subject.dump())
    except Malformed:
        return f"{certificate.serial_number:x}"


def _stamp(status: PdfSignatureStatus, stamped: datetime, trust: Trust) -> Finding:
    time = format_milliseconds(int(stamped.timestamp() * 1000))
    if _is_stamped(status):
        zh, en = f"PDF 签名附有时间戳：{time}", f"a timestamp in the PDF signature: {time}"
        return Finding(STEP, Outcome.PASSED, zh, en)
    if not trust.tsa_roots:
        zh = f"PDF 签名中的时间戳未核验，未提供外部根证书：{time}"
        en = f"the timestamp in the PDF signature was not checked, no root was given: {time}"
        return Finding(STEP, Outcome.NOT_CHECKED, zh, en)
    zh, en = "PDF 签名中的时间戳无效", "the timestamp in the PDF signature does not hold"
    return Finding(STEP, Outcome.FAILED, zh, en, ResultCode.V401)


def _validated(signature: EmbeddedPdfSignature, trust: Trust, now: datetime) -> PdfSignatureStatus:
    """As of the time its timestamp vouches for, or as of now if none does."""
    status = _status(signature, trust, now)
    if status.timestamp_validity is None:
        return status
    then = _status(signature, trust, status.timestamp_validity.timestamp)
    return then if _is_stamped(then) else status


def _status(signature: EmbeddedPdfSignature, trust: Trust, moment: datetime) -> PdfSignatureStatus:
    return asyncio.run(
        async_validate_pdf_signature(
            signature,
            _context(trust.platform_roots, moment),
            _context(trust.tsa_roots, moment),
            key_usage_settings=_USAGE,
        )
    )


def _context(roots: Sequence[bytes], moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=[each for file in roots for each in _certificates(file)],
        moment=moment,
        best_signature_time=moment,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )


def _certificates(file: bytes) -> Iterator[x509.Certificate]:
    for _, _, der in pem.unarmor(file, multiple=True):
        yield x509.Certificate.load(der)


def _is_stamped(status: PdfSignatureStatus) -> bool:
    stamp = status.timestamp_validity
    return stamp is not None and stamp.valid and stamp.intact and stamp.trusted


def _failed(zh: str, en: str) -> Finding:
    return Finding(STEP, Outcome.FAILED, zh, en, ResultCode.V304)
