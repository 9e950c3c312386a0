"""Verifying a certificate from nothing but its PDF.

The proof inside is verified like any proof file (docs/proof-format.md, section 13); the policy
fingerprint has to come another way, as always. Before that the certificate must agree with that
proof in everything that comes from it, and after that its signatures are judged (step 8): a proof
proves itself, but only a signature says that nobody has redrawn the pages around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from node.evidence.doubts import Doubts
from node.evidence.malformed import Malformed
from node.evidence.steps import FileDigests
from node.evidence.verdict import Finding, Outcome, Verdict
from node.evidence.verify import NO_DOUBTS, verify
from node.export.bundle.trust import Trust
from node.export.certificate.enclosed import check_agreement, take_out
from node.export.certificate.validation import judge_signatures
from node.words import ResultCode


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """What came out, and the proof that was inside; none if the PDF could not be read."""

    verdict: Verdict
    proof: bytes | None


def verify_certificate(
    pdf: bytes,
    trust: Trust,
    now_ms: int,
    file: FileDigests | None = None,
    doubts: Doubts = NO_DOUBTS,
) -> VerifiedCertificate:
    """The verdict on a certificate PDF; every input gives one, none raises."""
    try:
        enclosed = take_out(pdf)
    except Malformed as error:
        return VerifiedCertificate(_unreadable(error), None)
    verdict = verify(enclosed.proof, trust.anchor, file, doubts)
    if verdict.facts is None:  # The proof inside is none: nothing to compare the pages with.
        return VerifiedCertificate(verdict, enclosed.proof)
    try:
        check_agreement(enclosed)
        zh, en = "证书所载与内附证明文件相符", "the certificate says what the proof inside says"
        agreed = Finding(0, Outcome.PASSED, zh, en)
    except Malformed as error:
        zh = "证书所载与内附证明文件不符，或证书数据无法读取"
        en = f"the certificate does not say what the proof inside says ({error})"
        agreed = Finding(0, Outcome.FAILED, zh, en, _code(error))
    signatures = judge_signatures(pdf, trust, now_ms)
    return VerifiedCertificate(_together(verdict, agreed, signatures), enclosed.proof)


def _together(verdict: Verdict, agreed: Finding, signatures: tuple[Finding, ...]) -> Verdict:
    """The proof's own answer, unless that is good and the certificate around it is not."""
    failed = [each.code for each in (agreed, *signatures) if each.code is not None]
    code = failed[0] if verdict.consistent and failed else verdict.code
    first, *others = verdict.findings
    return replace(verdict, code=code, findings=(first, agreed, *others, *signatures))


def _unreadable(error: Malformed) -> Verdict:
    code = _code(error)
    zh = "不是内附证明文件的存证证书，或已损坏，请索取逐字节的原件"
    en = f"no certificate with a proof inside, or damaged ({error}); ask for the original"
    return Verdict(code, (Finding(0, Outcome.FAILED, zh, en, code),))


def _code(error: Malformed) -> ResultCode:
    return ResultCode.V502 if error.newer else ResultCode.V200
