"""Issuing: with our own timestamps, from certificates and tokens verified elsewhere."""

from dataclasses import replace

import pytest

from node.evidence.malformed import Malformed
from node.evidence.verdict import Outcome
from node.export.bundle.trust import Trust
from node.export.certificate.exhibits import EvidenceList, Exhibit, parse_list
from node.export.certificate.facts import parse_facts
from node.export.certificate.issuing import Issuer
from node.export.certificate.parts import Root
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.certificate.validation import judge_signatures
from node.export.certificate.verifying import verify_certificate
from node.export.certificate.vouched import certified, roots, stamp
from node.export.signing.algorithms import SHA256
from node.export.signing.certificate import format_certificates, parse_certificates
from node.export.signing.chain import Anchors
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.request import Imprint, TimestampRequest, format_request
from node.export.timestamps.verifying import verify_response
from tests.node.export import paper
from tests.node.export.certificate_samples import (
    ANCHOR,
    EVERYTHING,
    ISSUED_MS,
    NOTHING,
    PASSWORD,
    PROOF,
    facts_of,
    issue,
    text_of,
    typesetter,
    without_spaces,
)
from tests.node.export.pdfa import failures

NUMBER = "EV20261121000000000000-76"
PLATFORM = issue("示例根 root")
KEY = PdfSigningKey(issue("示例存证平台", PLATFORM).pkcs12(), PASSWORD)


def own_service(request: bytes) -> bytes:
    """The platform's own timestamps, as a configured authority."""
    service = TimestampService(paper.stamper(paper.root()))
    return service.answer(request, ISSUED_MS, 7)


def trust() -> Trust:
    return Trust(ANCHOR, (format_certificates([paper.root().certificate]),), (PLATFORM.pem,))


def test_an_issued_certificate_verifies_with_the_platforms_own_timestamp() -> None:
    issuer = Issuer(KEY, own_service, typesetter())
    issued = issuer.certificate(facts_of(EVERYTHING), PROOF)
    assert parse_facts(issued.data) == facts_of(EVERYTHING)
    verdict = verify_certificate(issued.pdf, trust(), ISSUED_MS).verdict
    signatures = [each.outcome for each in verdict.findings if each.step == 8]
    assert signatures == [Outcome.PASSED, Outcome.PASSED]
    assert verdict.consistent
    assert failures(issued.pdf) == []


def test_without_a_key_it_is_not_signed_and_says_so_when_verified() -> None:
    issued = Issuer(typesetter=typesetter()).certificate(facts_of(NOTHING), PROOF)
    (finding,) = judge_signatures(issued.pdf, trust(), ISSUED_MS)
    assert finding.outcome is Outcome.NOT_CHECKED


def test_no_certificate_of_anything_else_than_the_proof() -> None:
    issuer = Issuer(typesetter=typesetter())
    for change in ({"evidence_no": "EV20261121000000000042-47"}, {"digests": None}):
        with pytest.raises(Malformed):
            issuer.certificate(replace(facts_of(NOTHING), **change), PROOF)  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        issuer.certificate(facts_of(NOTHING), PROOF + b"\n")


def test_an_evidence_list_is_issued_like_a_certificate() -> None:
    listed = EvidenceList((Exhibit(1, NUMBER, "合同"),), ISSUED_MS, False)
    issued = Issuer(KEY, typesetter=typesetter()).evidence_list(listed)
    assert parse_list(issued.data) == listed
    (finding,) = judge_signatures(issued.pdf, trust(), ISSUED_MS)
    assert finding.outcome is Outcome.PASSED
    assert "合同" in text_of(issued.pdf)


def test_certificates_and_timestamps_are_shown_as_they_are() -> None:
    """Six items; time, accuracy and authority; and whose the timestamp is."""
    (leaf,) = parse_certificates(issue("示例存证平台", PLATFORM).pem)
    shown = certified(leaf, "出具证书", "ECP00000000000")
    assert (shown.issuer, shown.subject) == ("CN=示例根 root", "CN=示例存证平台")
    assert shown.serial == f"{leaf.serial:x}"
    assert shown.sha256 == leaf.digest

    root = paper.root().certificate
    request = format_request(TimestampRequest(Imprint.of(b"body", SHA256)))
    found = verify_response(own_service(request), b"body", Anchors((root,)), ISSUED_MS // 1000)
    token = stamp(found)
    assert (token.time_ms, token.imprint, token.independent) == (ISSUED_MS, "SHA-256", False)
    assert roots([root, root]) == (Root(root.subject_text, root.digest),)

    known = replace(EVERYTHING, certificates=(shown,), stamps=(token,), roots=roots([root]))
    facts = facts_of(known)
    assert "O03" in {each.code for each in facts.open_points}
    text = without_spaces(text_of(Issuer(typesetter=typesetter()).certificate(facts, PROOF).pdf))
    for said in (shown.serial, "ECP00000000000", "平台自建时间戳，非独立第三方", root.digest.hex()):
        assert said in text, said
    assert leaf.signature.hex() in text
    assert leaf.public_key.hex() in text
