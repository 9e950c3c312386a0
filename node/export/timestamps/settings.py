"""Settings of our own timestamp service, and how keys come with their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.errors import Misconfigured
from node.evidence.malformed import Malformed
from node.export.signing.certificate import parse_certificates
from node.export.signing.credential import Credential
from node.export.timestamps.authority import ACCURACY_MS
from node.keyfile import load_signer
from node.settings import Table, read_file


@dataclass(frozen=True, slots=True)
class TimestampServiceConfig:
    """`timestamp.toml`: everything our own timestamp service must be told.

    listen       Address it serves HTTP on, HOST:PORT.
    key          P-256 key (`keyfile`) that stamps. Stolen: the thief can stamp any time in this
                 service's name, until the certificate is revoked.
    certificate  Its certificate (PEM) for timestamps alone, with those above it but for the root.
    accuracy_ms  Optional. How far its clock may be wrong, in milliseconds; 1,000 unless given.
    """

    listen: str
    key: Path
    certificate: Path
    accuracy_ms: int = ACCURACY_MS


def load_timestamp_service(path: Path) -> TimestampServiceConfig:
    """The settings of a timestamp service; `Misconfigured` names what is wrong."""
    table = Table(path, TimestampServiceConfig)
    accuracy_ms = table.integer("accuracy_ms") if table.has("accuracy_ms") else ACCURACY_MS
    if not 0 < accuracy_ms <= 60_000:
        raise Misconfigured(
            f"{path}: setting `accuracy_ms` is not from 1 to 60000",
            f"{path}：设置 `accuracy_ms` 须为 1 至 60000",
        )
    return TimestampServiceConfig(
        table.address("listen"), table.path("key"), table.path("certificate"), accuracy_ms
    )


def load_credential(key: Path, certificate: Path) -> Credential:
    """A private key with the certificates of another file."""
    try:
        chain = parse_certificates(read_file(certificate))
        return Credential(load_signer(key), chain)
    except Malformed as error:
        raise Misconfigured(f"{certificate}: {error}", f"{certificate}：{error}") from error
