"""The six items that 电子签名法 Art. 21 wants a certificate to say, as text for people.

    平台签名证书（P-256） / the platform's signature certificate (P-256)
    1 电子认证服务提供者 / certification service      C=CN, O=..., CN=...
    2 证书持有人 / holder                             C=CN, O=..., CN=...
    3 证书序列号 / serial number                      4a8c...
    4 证书有效期 / valid                              2026-11-21T00:00:00Z - 2027-11-21T00:00:00Z
    5 证书持有人的电子签名验证数据 / verification data P-256, SHA-256 of the key 7f3d...
    6 电子认证服务提供者的电子签名 / its signature    ECDSA with SHA-256, 3045...

The text shows what the certificate says; `openssl x509 -noout -issuer -subject -serial -dates
-pubkey` shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from node.evidence.digests import sha256
from node.export.signing import algorithms
from node.export.signing.certificate import Certificate
from node.words import Bilingual


class CertificateUse(Bilingual):
    """What a certificate of the platform is for."""

    P256 = ("平台签名证书（P-256）", "the platform's signature certificate (P-256)")
    SM2 = ("平台签名证书（SM2）", "the platform's signature certificate (SM2)")
    TSA = ("时间戳服务机构证书", "certificate of the timestamp authority")


class CertificateItem(Bilingual):
    """What an electronic-signature certificate must state, in the order of the statute."""

    PROVIDER = ("电子认证服务提供者名称", "name of the certification service")
    HOLDER = ("证书持有人名称", "name of the holder")
    SERIAL = ("证书序列号", "serial number")
    VALIDITY = ("证书有效期", "period of validity")
    VERIFICATION_DATA = (
        "证书持有人的电子签名验证数据",
        "the holder's data to verify signatures with",
    )
    PROVIDER_SIGNATURE = (
        "电子认证服务提供者的电子签名",
        "electronic signature of the certification service",
    )


@dataclass(frozen=True, slots=True)
class SixItems:
    """The items of one certificate, each with its value."""

    certificate: Certificate

    def values(self) -> list[tuple[CertificateItem, str]]:
        """Every item there is, and what the certificate says."""
        it = self.certificate
        signature = algorithms.NAMES.get(it.signature_algorithm, it.signature_algorithm)
        key = f"{algorithms.key_name(it.public_key)}, SHA-256 {sha256(it.public_key).hex()}"
        return [
            (CertificateItem.PROVIDER, it.issuer_text),
            (CertificateItem.HOLDER, it.subject_text),
            (CertificateItem.SERIAL, f"{it.serial:x}"),
            (CertificateItem.VALIDITY, f"{_utc(it.not_before_s)} - {_utc(it.not_after_s)}"),
            (CertificateItem.VERIFICATION_DATA, key),
            (CertificateItem.PROVIDER_SIGNATURE, f"{signature}, {it.signature.hex()}"),
        ]


def format_six_items(certificates: Sequence[tuple[CertificateUse, Certificate]]) -> bytes:
    """The file `six-items.txt`: each certificate under what it is used for."""
    lines = []
    for use, certificate in certificates:
        lines += [f"{use.zh} / {use.en}"]
        for number, (item, value) in enumerate(SixItems(certificate).values(), 1):
            lines += [f"  {number} {item.zh} / {item.en}", f"    {value}"]
        lines += [f"  SHA-256 {certificate.digest.hex()}", ""]
    return "\n".join(lines).encode()


def _utc(time_s: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
