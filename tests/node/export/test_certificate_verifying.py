"""The PDF alone is enough to verify, and a PDF can claim nothing that its proof does not say."""

import hashlib
import io
import random
import zlib
from dataclasses import replace

import pikepdf
import pytest

from node.evidence.malformed import Malformed
from node.evidence.steps import Anchor, FileDigests
from node.evidence.verdict import Outcome
from node.export.bundle.trust import Trust
from node.export.certificate.enclosed import (
    ATTACHMENTS_MAX,
    PDF_SIZE_MAX,
    attachments,
    check_agreement,
    is_pdf,
    take_out,
)
from node.export.certificate.facts import Facts, format_facts
from node.export.certificate.parts import Digests, Place
from node.export.certificate.pdf_key import PdfSigningKey
from node.export.certificate.rows import certificate
from node.export.certificate.verifying import verify_certificate
from node.words import Answer, ResultCode
from tests.node.export.certificate_samples import (
    ANCHOR,
    EVERYTHING,
    FILE,
    ISSUED_MS,
    NOTHING,
    PASSWORD,
    PROOF,
    document_of,
    example,
    facts_of,
    issue,
    page_of,
    typesetter,
)

DIGESTS = FileDigests(
    len(FILE),
    {"sha256": hashlib.sha256(FILE).digest(), "sm3": hashlib.new("sm3", FILE).digest()},
)


def code_of(
    pdf: bytes, anchor: Anchor | None = ANCHOR, file: FileDigests | None = None
) -> ResultCode:
    return verify_certificate(pdf, Trust(anchor), ISSUED_MS, file).verdict.code


@pytest.mark.parametrize("known", [EVERYTHING, NOTHING])
def test_the_pdf_alone_is_enough(known: object) -> None:
    """With the fingerprint from elsewhere, and where there is one, the file."""
    pdf = page_of(known)  # type: ignore[arg-type]
    assert is_pdf(pdf)
    found = verify_certificate(pdf, Trust(ANCHOR), ISSUED_MS, DIGESTS)
    assert found.proof == PROOF
    assert found.verdict.code is ResultCode.V001
    steps = [each.step for each in found.verdict.findings]
    assert steps == sorted(steps)
    assert set(steps) == {0, 1, 2, 3, 4, 5, 6, 8}
    assert {each.step: each.outcome for each in found.verdict.findings}[8] is Outcome.NOT_CHECKED


def test_what_is_inside_is_no_trust_anchor() -> None:
    assert code_of(page_of(EVERYTHING), None) is ResultCode.V204
    other = Anchor(fingerprint="AAAA-" * 7 + "AAAA")
    assert code_of(page_of(EVERYTHING), other) is ResultCode.V206


def test_another_file_is_another_file() -> None:
    """Never mixed up with the certificate's own state."""
    other = FileDigests(len(FILE), {alg: bytes(32) for alg in DIGESTS.digests})
    assert code_of(page_of(EVERYTHING), ANCHOR, other) is ResultCode.V102
    tampered = page_of(EVERYTHING) + b"x"
    assert code_of(tampered, ANCHOR, other).answer is Answer.NOT_DEPOSITED_BYTES


def drawn(facts: Facts) -> bytes:
    return typesetter().set(document_of(facts))


def changed_place(facts: Facts) -> Place:
    return replace(facts.place, height=facts.place.height + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"digests": Digests(b"\x01" * 32, b"\x02" * 32)},
        {"digests": None},
        {"evidence_no": "EV20261121000000000042-47"},
        {"place": changed_place(facts_of())},
        {"quorum": 1},
        {"algorithms": ()},
        {"times": facts_of().times[1:]},
        {"title": None, "file": None},
    ],
)
def test_a_true_proof_does_not_carry_a_false_certificate(change: dict[str, object]) -> None:
    false = replace(facts_of(), **change)  # type: ignore[arg-type]
    found = verify_certificate(drawn(false), Trust(ANCHOR), ISSUED_MS, DIGESTS)
    assert found.verdict.code is ResultCode.V200
    assert found.verdict.findings[1].code is ResultCode.V200


def test_another_policy_beside_the_proof_is_refused() -> None:
    document = certificate(facts_of(), PROOF, example().policy_text + b"#")
    assert code_of(typesetter().set(document)) is ResultCode.V200


def test_a_signature_that_fails_is_told_and_the_proof_is_not_blamed() -> None:
    top = issue("示例根 root")
    key = PdfSigningKey(issue("示例存证平台", top).pkcs12(), PASSWORD)
    signed = key.sign(page_of(EVERYTHING), "reason")
    trust = Trust(ANCHOR, (), (top.pem,))
    assert verify_certificate(signed, trust, ISSUED_MS).verdict.consistent
    for bad in (signed + b"\n", signed[:300] + b"\0" + signed[301:]):
        verdict = verify_certificate(bad, trust, ISSUED_MS).verdict
        assert verdict.code in (ResultCode.V304, ResultCode.V200)
        own = [each for each in verdict.findings if 1 <= each.step <= 6]
        assert all(each.code is None for each in own)


# Hostile PDFs


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\n",
        page_of(NOTHING)[:-200],
        page_of(NOTHING)[200:],
        b"%PDF-1.7\n" + b"[" * 100_000,
        page_of(NOTHING) + b"\0" * (PDF_SIZE_MAX - 1),
    ],
)
def test_what_is_no_certificate_is_said_to_be_none(data: bytes) -> None:
    verdict = verify_certificate(data, Trust(ANCHOR), ISSUED_MS).verdict
    assert verdict.code is ResultCode.V200
    assert [each.step for each in verdict.findings] == [0]


def rewritten(**files: bytes) -> bytes:
    """The certificate with other attachments, as any PDF tool writes them."""
    with pikepdf.open(io.BytesIO(page_of(NOTHING))) as opened:
        for each in opened.Root.AF:
            name = str(each.UF).partition(".")[0]
            if name in files:
                each.EF.F.write(files[name])
        saved = io.BytesIO()
        opened.save(saved)
    return saved.getvalue()


def test_attachments_are_read_as_they_are() -> None:
    enclosed = take_out(rewritten())
    assert (enclosed.proof, enclosed.facts) == (PROOF, format_facts(facts_of(NOTHING)))
    check_agreement(enclosed)


@pytest.mark.parametrize(
    "pdf",
    [
        lambda: rewritten(certificate=b"{}"),
        lambda: rewritten(certificate=format_facts(facts_of(EVERYTHING)) + b" "),
        lambda: rewritten(proof=b""),
        lambda: rewritten(proof=PROOF.replace(b"size 27", b"size 28")),
        lambda: rewritten(policy=b""),
    ],
)
def test_other_attachments_are_refused(pdf: object) -> None:
    assert code_of(pdf()) is ResultCode.V200  # type: ignore[operator]


def test_a_bomb_is_not_inflated() -> None:
    """64 MiB of nothing in 64 kB: refused before it is in memory."""
    with pikepdf.open(io.BytesIO(page_of(NOTHING))) as opened:
        bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
        opened.Root.AF[0].EF.F.write(bomb, filter=pikepdf.Name.FlateDecode)
        saved = io.BytesIO()
        opened.save(saved, compress_streams=False)
    assert len(saved.getvalue()) < 1024 * 1024
    with pytest.raises(Malformed):
        attachments(saved.getvalue())


def test_names_inside_stand_once_and_are_few() -> None:
    with pikepdf.open(io.BytesIO(page_of(NOTHING))) as opened:
        opened.Root.AF.append(opened.Root.AF[0])
        saved = io.BytesIO()
        opened.save(saved)
        with pytest.raises(Malformed, match="one name"):
            attachments(saved.getvalue())
        for _ in range(ATTACHMENTS_MAX):
            opened.Root.AF.append(opened.Root.AF[0])
        saved = io.BytesIO()
        opened.save(saved)
        with pytest.raises(Malformed, match="more than"):
            attachments(saved.getvalue())


@pytest.mark.slow
def test_a_flipped_bit_of_a_signed_certificate_is_never_accepted() -> None:
    """Anywhere but in the CMS container, where some bytes (its version, a list of algorithms) say
    nothing about anything that was signed."""
    top = issue("示例根 root")
    signed = PdfSigningKey(issue("平台", top).pkcs12(), PASSWORD).sign(page_of(NOTHING), "r")
    gap = signed.index(b"/Contents <", len(page_of(NOTHING)))
    zeros = signed.index(b"00000000", gap)
    trust, rng = Trust(ANCHOR, (), (top.pem,)), random.Random(20261122)
    places = [rng.randrange(gap + 11) for _ in range(150)]
    places += [rng.randrange(zeros, len(signed)) for _ in range(100)]
    for at in places:
        bad = signed[:at] + bytes([signed[at] ^ (1 << rng.randrange(8))]) + signed[at + 1 :]
        assert not verify_certificate(bad, trust, ISSUED_MS).verdict.consistent, at


def test_the_signature_itself_has_one_spelling() -> None:
    """Hex digits of another case, or bytes in the zeros behind it, are outside what is signed."""
    top = issue("示例根 root")
    signed = PdfSigningKey(issue("平台", top).pkcs12(), PASSWORD).sign(page_of(NOTHING), "r")
    trust, gap = Trust(ANCHOR, (), (top.pem,)), signed.index(b"/Contents <", len(page_of(NOTHING)))
    letter = next(at for at in range(gap + 11, len(signed)) if signed[at : at + 1].isalpha())
    zeros = signed.index(b"0000>", gap)
    for at, byte in ((letter, signed[letter] ^ 0x20), (zeros, ord("1"))):
        bad = signed[:at] + bytes([byte]) + signed[at + 1 :]
        assert code_of(bad) is ResultCode.V304
    assert verify_certificate(signed, trust, ISSUED_MS).verdict.consistent
