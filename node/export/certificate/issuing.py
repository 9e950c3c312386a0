"""Issuing: facts and a proof become a signed PDF and its JSON.

    issuer = Issuer(key, authority)          once: fonts, template and key are loaded
    issued = issuer.certificate(facts, proof)
    issued.pdf, issued.data

A certificate that a verifier would refuse is not issued. Signing may ask a timestamp authority and
blocks meanwhile; one thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.evidence.proof_text import parse_proof
from node.export.certificate.document import Document
from node.export.certificate.drawing_up import drawn_again
from node.export.certificate.exhibits import EvidenceList, evidence_list, format_list
from node.export.certificate.facts import Facts, format_facts
from node.export.certificate.page import Typesetter
from node.export.certificate.parts import Point, point
from node.export.certificate.pdf_key import PdfSigningKey, TimeAuthority
from node.export.certificate.rows import certificate
from node.words import Bilingual

REASON_CERTIFICATE = "存证证书（非公证书）deposit certificate (not a notarial certificate)"
REASON_LIST = "证据目录 evidence list"


class IssuingPoint(Bilingual):
    """What an issued certificate itself leaves to be examined."""

    PDF_NOT_SIGNED = (
        "存证证书 PDF 未签名，页面文字无出具人签名可核验，请以内附证明为准",
        "the certificate's PDF is not signed: of its pages only the proof inside can be verified",
    )


@dataclass(frozen=True, slots=True)
class Issued:
    """A document for people, and the same for programs."""

    pdf: bytes
    data: bytes


class Issuer:
    """The platform's desk. Without a key its PDFs are not signed, and verifiers say so."""

    def __init__(
        self,
        key: PdfSigningKey | None = None,
        authority: TimeAuthority | None = None,
        typesetter: Typesetter | None = None,
    ) -> None:
        self._key = key
        self._authority = authority
        self._typesetter = typesetter or Typesetter()

    @property
    def points(self) -> tuple[Point, ...]:
        """What goes onto page 1 of whatever is issued here."""
        return () if self._key is not None else (point(IssuingPoint.PDF_NOT_SIGNED),)

    def certificate(self, facts: Facts, proof: bytes) -> Issued:
        """The certificate of a proof; `Malformed` if it says anything else than the proof,
        `NotSigned` if the key or the authority fails."""
        parsed = parse_proof(proof)
        if drawn_again(facts, parsed) != facts:
            raise Malformed("certificate", "says something else than its proof")
        document = certificate(facts, proof, parsed.policy_text)
        return Issued(self._made(document, REASON_CERTIFICATE), format_facts(facts))

    def evidence_list(self, listed: EvidenceList) -> Issued:
        """The evidence list of one export."""
        return Issued(self._made(evidence_list(listed), REASON_LIST), format_list(listed))

    def _made(self, document: Document, reason: str) -> bytes:
        page = self._typesetter.set(document)
        return page if self._key is None else self._key.sign(page, reason, self._authority)
