"""What a devnet signs and stamps with for courts, and the roots a court would get elsewhere.

Three test authorities issue one certificate each and are forgotten: for the platform's P-256 key,
for its SM2 key, and for the devnet's own timestamp service. Whoever verifies what left this devnet
uses `anchors/`, which stands for what a court publishes; no bundle brings it along as trusted.
Where libcrypto has no SM2 there is no SM2 key.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)

from devnet.certificates import Issuer, Names, Validity, make_root
from devnet.places import TSA, Places
from node import keyfile
from node.evidence import sm2
from node.evidence.keys import P256, SM2, Signer
from node.export.signing.certificate import Certificate, format_certificates
from node.export.signing.six_items import CertificateUse, format_six_items

VALID_S = 3650 * 86_400
"""A devnet must not stop one day for a reason nobody thinks of."""
DAY_S = 86_400
"""Certificates hold from a day before: a virtual machine's clock may step after the ceremony."""

PLATFORM = "示例存证平台"
OWN = "平台自建时间戳,非独立第三方"
"""The holder of the service's certificate, so that every tool prints it with the name."""

NO_PASSWORD = ""


def hold_signing_ceremony(places: Places) -> None:
    """Write `platform/`, `tsa/` and `anchors/`; `tsa/` only if the devnet has such a service."""
    for folder in (places.platform, places.anchors):
        folder.mkdir(mode=0o700)
    issued: list[tuple[CertificateUse, Certificate]] = []
    for algorithm, use in ((P256, CertificateUse.P256), (SM2, CertificateUse.SM2)):
        if algorithm == SM2 and not sm2.is_available():
            continue
        key = keyfile.create(places.platform_key(algorithm), NO_PASSWORD, algorithm)
        root = _root(f"platform {algorithm.upper()}", algorithm)
        name = Names("cunzheng devnet test platform", PLATFORM)
        certificate = root.issue(key.public, name, _validity(), _serial())
        _write(places.platform_certificate(algorithm), certificate)
        _write(places.anchors / f"platform-{algorithm}-root.pem", root.certificate)
        issued.append((use, certificate))
        if algorithm == P256:
            _write_pdf_key(places, certificate)
    if places.timestamps:
        issued.append((CertificateUse.TSA, _make_service(places)))
    (places.platform / "six-items.txt").write_bytes(format_six_items(issued))
    (places.anchors / "policy-fingerprint.txt").write_bytes(places.fingerprint.read_bytes())


def _write_pdf_key(places: Places, certificate: Certificate) -> None:
    """The same key and certificate as a program that signs PDFs takes them."""
    key = load_pem_private_key(places.platform_key(P256).read_bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    password = secrets.token_hex(16).encode()
    holder = x509.load_der_x509_certificate(certificate.der)
    encryption = BestAvailableEncryption(password)
    packed = pkcs12.serialize_key_and_certificates(b"platform", key, holder, None, encryption)
    for path, data in ((places.pdf_key, packed), (places.pdf_password, password + b"\n")):
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)


def _make_service(places: Places) -> Certificate:
    folder = places.directory / TSA
    folder.mkdir(mode=0o700)
    key = keyfile.create(folder / "key.pem", NO_PASSWORD, P256).public
    root = _root("timestamps", P256)
    name = Names("cunzheng devnet test TSA", OWN)
    certificate = root.issue_timestamping(key, name, _validity(), _serial())
    _write(places.certificate(TSA), certificate)
    _write(places.anchors / "tsa-root.pem", root.certificate)
    lines = (
        f'listen = "{places.timestamps}"',
        'key = "key.pem"',
        'certificate = "certificate.pem"',
    )
    places.settings(TSA).write_text("".join(f"{line}\n" for line in lines))
    return certificate


def _root(what: str, algorithm: str) -> Issuer:
    """An authority; its key is nowhere but in memory."""
    private = (secrets.randbits(255) + 1).to_bytes(32)  # Below the order of either group.
    name = Names(f"cunzheng devnet test root, {what}", "示例电子认证机构")
    return make_root(Signer(private, algorithm), name, _validity(), _serial())


def _validity() -> Validity:
    now_s = int(time.time())
    return Validity(now_s - DAY_S, now_s + VALID_S)


def _serial() -> int:
    return secrets.randbits(64) + 1


def _write(path: Path, certificate: Certificate) -> None:
    path.write_bytes(format_certificates([certificate]))
