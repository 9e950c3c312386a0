"""Certificates to look at and to attack, from the published example proof and keys made here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from node.accounts.vocabulary import IdType, ProofMethod
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.steps import Anchor
from node.evidence.verify import verify
from node.export.certificate.document import Document
from node.export.certificate.drawing_up import Known, draw_up
from node.export.certificate.facts import Facts
from node.export.certificate.page import Typesetter
from node.export.certificate.parts import (
    Case,
    Certified,
    Health,
    Platform,
    Root,
    Stamp,
    Versions,
    masked_depositor,
)
from node.export.certificate.rows import certificate

EXAMPLE = Path(__file__).parents[2] / "vectors" / "example"
PROOF = (EXAMPLE / "sample.proof.txt").read_bytes()
FILE = (EXAMPLE / "sample.txt").read_bytes()
FINGERPRINT = (EXAMPLE / "fingerprint.txt").read_text().strip()
ANCHOR = Anchor(fingerprint=FINGERPRINT)
ISSUED_MS = 1_795_190_500_000
"""A minute and a half after the example was sealed."""
FROM = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = b"correct horse"

EVERYTHING = Known(
    case=Case("（2026）浙0192民初1234号", "浙0192", "杭州互联网法院"),
    depositor=masked_depositor(
        "𠮷龘㐂", IdType.ID_CARD, "11010519491231002X", ProofMethod.DOCUMENT_COMPARISON, ISSUED_MS
    ),
    channel="HTTP 接口",
    title="示例合同（龘𠮷㐂）",
    block_hash=b"\x55" * 32,
    certificates=(
        Certified(
            "出具证书",
            "ECDSA P-256, SHA-256",
            "CN=示例电子认证服务有限公司",
            "CN=示例存证平台",
            "0123456789abcdef",
            ISSUED_MS - 1000,
            ISSUED_MS + 1000,
            bytes(range(91)),
            bytes(range(70)),
            b"\x22" * 32,
        ),
    ),
    stamps=(Stamp("示例时间戳服务机构", ISSUED_MS - 80_000, "SHA-256", True, 1000, "北斗授时"),),
    health=Health(ISSUED_MS - 600_000, ISSUED_MS, "全部成员在线", "all members up"),
    roots=(Root("示例根证书", b"\x44" * 32),),
    published_at="https://court.example.test/notice",
    platform=Platform("示例存证平台", "91350100M000100Y43", "示例备字001号"),
    versions=Versions("cunzheng 0.1.0", b"\x33" * 32, 1, ("sha256:" + "ab" * 32,)),
    url="https://verify.example.test/v",
    contents=b"\x11" * 32,
)
NOTHING = Known()


@cache
def example() -> Proof:
    return parse_proof(PROOF)


def facts_of(known: Known = EVERYTHING, number: str = "CZ-20261121-0001") -> Facts:
    return draw_up(example(), verify(PROOF, ANCHOR), number, ISSUED_MS, known)


def document_of(facts: Facts) -> Document:
    return certificate(facts, PROOF, example().policy_text)


@cache
def typesetter() -> Typesetter:
    return Typesetter()


@cache
def page_of(known: Known) -> bytes:
    return typesetter().set(document_of(facts_of(known)))


def text_of(pdf: bytes, order: str = "-raw") -> str:
    """What a reader can select and copy, in its own order; pages end with a form feed."""
    return poppler("pdftotext", pdf, order, "-", "-").decode()


def poppler(tool: str, pdf: bytes, *arguments: str) -> bytes:
    """What a tool of poppler makes of it; its tests are skipped where poppler is not installed."""
    if shutil.which(tool) is None:
        pytest.skip("poppler-utils is not installed")
    command = [tool, *arguments]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout


def without_spaces(text: str) -> str:
    return "".join(text.split())


# Keys


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def pkcs12(self, password: bytes = PASSWORD) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"platform", self.key, self.certificate, None, BestAvailableEncryption(password)
        )


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    days: int = 3650,
    stamps: bool = False,
    usages: Iterable[str] = ("digital_signature", "content_commitment"),
) -> Issued:
    """A root, or what one issued; `stamps`: for a timestamp authority."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    key = (
        rsa.generate_private_key(65537, 2048) if stamps else ec.generate_private_key(ec.SECP256R1())
    )
    subject = _name(name)
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    usage |= dict.fromkeys(usages if issuer else ("key_cert_sign", "crl_sign"), True)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(FROM)
        .not_valid_after(FROM + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    if stamps:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(purpose, critical=True)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A timestamp authority in this process, whose clock stands still."""

    def __init__(self, issued: Issued, time_ms: int = ISSUED_MS) -> None:
        der = issued.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._stamper = DummyTimeStamper(
            asn1_x509.Certificate.load(issued.certificate.public_bytes(Encoding.DER)),
            asn1_keys.PrivateKeyInfo.load(der),
            fixed_dt=datetime.fromtimestamp(time_ms / 1000, UTC),
        )

    def __call__(self, request: bytes) -> bytes:
        answer: bytes = self._stamper.request_tsa_response(tsp.TimeStampReq.load(request)).dump()
        return answer
