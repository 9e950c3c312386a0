"""Keys, certificates and roots that the settings name, read once at the start."""

from __future__ import annotations

from pathlib import Path

from node.config import GatewayConfig
from node.court_settings import PlatformConfig, TimestampAuthorityConfig
from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.export.certificate.pdf_key import NotSigned, PdfSigningKey, read_key, read_password
from node.export.signing.algorithms import SHA256, SM3
from node.export.signing.chain import read_anchors
from node.export.signing.credential import Credential
from node.export.signing.dual import Platform
from node.export.timestamps.client import Asked
from node.export.timestamps.settings import load_credential
from node.gateway.timestamps.stamping import ForCourts
from node.keyfile import check_private
from node.settings import read_file

_IMPRINTS = {"sha256": SHA256, "sm3": SM3}


def load_for_courts(config: GatewayConfig) -> ForCourts:
    """All of it."""
    authorities = tuple(_authority(each) for each in config.timestamp_authorities)
    platform = config.platform
    return ForCourts(
        load_platform(platform),
        authorities,
        config.timestamp_every_s,
        _pdf_key(platform),
        tuple(dict.fromkeys(read_file(each.roots) for each in config.timestamp_authorities)),
    )


def load_platform(config: PlatformConfig) -> Platform:
    """What the platform signs with; `Misconfigured` says what does not fit together."""
    p256 = _credential(config.p256_key, config.p256_certificate)
    sm2 = _credential(config.sm2_key, config.sm2_certificate)
    try:
        return Platform(p256, sm2)
    except Malformed as error:
        raise Misconfigured(f"`platform`: {error}", f"`platform`：{error}") from error


def _pdf_key(config: PlatformConfig) -> PdfSigningKey | None:
    if config.pdf_key is None or config.pdf_password is None:
        return None
    check_private(config.pdf_password)
    try:
        return read_key(config.pdf_key, read_password(config.pdf_password, None, {}))
    except NotSigned as error:
        raise Misconfigured(f"{config.pdf_key}: {error}", f"{config.pdf_key}：{error}") from error


def _authority(config: TimestampAuthorityConfig) -> Asked:
    try:
        anchors = read_anchors([read_file(config.roots)])
    except Malformed as error:
        raise Misconfigured(f"{config.roots}: {error}", f"{config.roots}：{error}") from error
    algorithm = _IMPRINTS[config.imprint]
    return Asked(config.name, config.url, anchors, algorithm, config.policy or None)


def _credential(key: Path | None, certificate: Path | None) -> Credential | None:
    if key is None or certificate is None:
        return None
    return load_credential(key, certificate)
