"""Signatures inside the PDF: others accept them, and nothing else is accepted for one."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from pyhanko.sign.validation.status import SignatureCoverageLevel

from node.evidence.verdict import Outcome
from node.export.bundle.trust import Trust
from node.export.certificate.enclosed import open_pdf
from node.export.certificate.pdf_key import NotSigned, PdfSigningKey, read_key, read_password
from node.export.certificate.validation import judge_signatures
from node.words import ResultCode
from tests.node.export.certificate_samples import (
    EVERYTHING,
    FROM,
    ISSUED_MS,
    NOTHING,
    PASSWORD,
    Authority,
    Issued,
    issue,
    page_of,
)
from tests.node.export.pdfa import failures

REASON = "存证证书 deposit certificate"
DAY_MS = 86_400_000
FROM_MS = int(FROM.timestamp() * 1000)


@cache
def root() -> Issued:
    return issue("示例根 root")


@cache
def platform() -> Issued:
    return issue("示例存证平台", root())


@cache
def clock() -> Issued:
    return issue("示例时间戳服务机构", root(), stamps=True)


@cache
def key() -> PdfSigningKey:
    return PdfSigningKey(platform().pkcs12(), PASSWORD)


@cache
def signed(stamped: bool = True) -> bytes:
    return key().sign(page_of(EVERYTHING), REASON, Authority(clock()) if stamped else None)


def roots() -> Trust:
    return Trust(None, (root().pem,), (root().pem,))


def judged(pdf: bytes, trusted: Trust | None = None, now_ms: int = ISSUED_MS) -> list[object]:
    """Outcomes and codes of all findings."""
    found = judge_signatures(pdf, trusted or roots(), now_ms)
    assert all(each.step == 8 and each.zh and each.en for each in found)
    return [each.code or each.outcome for each in found]


@pytest.mark.parametrize("stamped", [True, False])
def test_a_signed_certificate_is_valid_and_wholly_covered(stamped: bool) -> None:
    assert judged(signed(stamped)) == [Outcome.PASSED] * (2 if stamped else 1)
    (signature,) = open_pdf(signed(stamped)).embedded_signatures
    assert signature.evaluate_signature_coverage() is SignatureCoverageLevel.ENTIRE_FILE
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is not installed")
def test_pdfsig_says_valid(tmp_path: Path) -> None:
    """Another implementation: poppler."""
    for stamped in (True, False):
        file = tmp_path / "certificate.pdf"
        file.write_bytes(signed(stamped))
        done = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, check=False)
        assert b"Signature is Valid" in done.stdout
        assert b"Total document signed" in done.stdout


def test_signing_leaves_the_page_as_it_was_and_pdf_a() -> None:
    assert signed().startswith(page_of(EVERYTHING))
    assert failures(signed()) == []


def test_one_changed_byte_is_found() -> None:
    """Anywhere in what was signed; also in the gap's neighbours and the attachments."""
    whole = signed(False)
    for at in range(9, len(page_of(EVERYTHING)), 16_001):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        assert Outcome.PASSED not in judged(changed), at


@pytest.mark.parametrize("tail", [b"x", b"\n", b"%%EOF\n", b"\0" * 5000, b"startxref\n0\n%%EOF\n"])
def test_appended_bytes_are_refused(tail: bytes) -> None:
    assert judged(signed() + tail) == [ResultCode.V304]


def test_an_appended_revision_is_refused() -> None:
    """Another signature covers the file to its end, but nobody vouches for who made it."""
    stranger = PdfSigningKey(issue("示例存证平台", issue("示例根 root")).pkcs12(), PASSWORD)
    again = stranger.sign(page_of(NOTHING), REASON)
    assert judged(again) == [ResultCode.V304]
    cut = signed()[: len(page_of(EVERYTHING))] + again[len(page_of(NOTHING)) :]
    assert Outcome.PASSED not in judged(cut)


def test_a_certificate_of_the_same_name_leads_nowhere() -> None:
    """Roots from outside decide, not names."""
    other = Trust(None, (issue("示例根 root").pem,), (issue("示例根 root").pem,))
    assert judged(signed(), other) == [ResultCode.V304, ResultCode.V401]


def test_without_roots_nothing_is_trusted_and_nothing_condemned() -> None:
    assert judged(signed(), Trust()) == [Outcome.NOT_CHECKED, Outcome.NOT_CHECKED]
    assert judged(page_of(EVERYTHING)) == [Outcome.NOT_CHECKED]


def test_a_timestamp_outlives_the_certificate() -> None:
    """Expired since, but it was valid when an authority says it signed; without that V301."""
    short = issue("示例存证平台", root(), days=330)
    brief = PdfSigningKey(short.pkcs12(), PASSWORD)
    stamped = brief.sign(page_of(NOTHING), REASON, Authority(clock()))
    bare = brief.sign(page_of(NOTHING), REASON)
    later = FROM_MS + 400 * DAY_MS
    assert ISSUED_MS < FROM_MS + 330 * DAY_MS < later
    assert judged(stamped, now_ms=later) == [Outcome.PASSED, Outcome.PASSED]
    assert judged(bare, now_ms=later) == [ResultCode.V301]
    no_clock = Trust(None, (), (root().pem,))
    assert judged(stamped, no_clock, later) == [ResultCode.V301, Outcome.NOT_CHECKED]


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"%PDF-1.7\n%%EOF\n", b"\xff" * 1000])
def test_what_is_no_pdf_gives_a_finding(data: bytes) -> None:
    assert judged(data) == [ResultCode.V304]


def test_a_key_that_cannot_be_used_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "platform.p12"
    file.write_bytes(platform().pkcs12())
    assert read_key(file, PASSWORD)
    for path, given in ((file, b"wrong"), (tmp_path / "none.p12", PASSWORD)):
        with pytest.raises(NotSigned):
            read_key(path, given)
    file.write_bytes(b"\0" * (1024 * 1024 + 1))
    with pytest.raises(NotSigned, match="longer"):
        read_key(file, PASSWORD)


def test_passwords_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(PASSWORD + b"\r\n")
    assert read_password(file, None, {}) == PASSWORD
    assert read_password(None, "P12", {"P12": PASSWORD.decode()}) == PASSWORD
    with pytest.raises(NotSigned, match="P12"):
        read_password(None, "P12", {})
    with pytest.raises(NotSigned):
        read_password(tmp_path / "none", None, {})


def test_an_authority_that_fails_leaves_no_half_signature() -> None:
    def down(request: bytes) -> bytes:
        raise OSError("unreachable")

    for authority in (down, lambda request: b"", lambda request: request):
        with pytest.raises(NotSigned):
            key().sign(page_of(NOTHING), REASON, authority)


def test_an_authority_is_asked_once_a_signature_and_once_before() -> None:
    """Timestamps cost money: the first request finds out how much room an answer needs."""
    asked = []

    def counting(request: bytes) -> bytes:
        asked.append(request)
        return Authority(clock())(request)

    own = PdfSigningKey(platform().pkcs12(), PASSWORD)
    for _ in range(3):
        assert judged(own.sign(page_of(NOTHING), REASON, counting)) == [Outcome.PASSED] * 2
    assert len(asked) == 4
