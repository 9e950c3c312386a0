"""Settings of what a gateway signs, and has stamped, for whoever holds a bundle one day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.errors import Misconfigured
from node.settings import Table

IMPRINTS = ("sha256", "sm3")
TIMESTAMP_EVERY_S = 60
"""One token covers everything deposited since the last one."""


@dataclass(frozen=True, slots=True)
class PlatformConfig:
    """`[platform]` of a gateway; each key goes with its certificate.

    p256_key     Optional. P-256 key (`keyfile`) that signs checkpoints and certificates of deposits
                 for courts (CMS). Stolen: revoke its certificate; proofs are not touched by it.
    p256_certificate  Its certificate (PEM), then those above it but for the root.
    sm2_key      Optional. The same with SM2, where commercial cryptography is required.
    sm2_certificate  Likewise; best issued by the root itself, which stock tools verify in one step.
    pdf_key      Optional. PKCS#12 file with the key and certificates that sign the PDF of a deposit
                 certificate (PAdES); RSA or P-256, because PDF readers know no SM2. Not there: the
                 PDF is not signed, and says so. Stolen: revoke its certificate.
    pdf_password  File with its password, in the first line; its owner's alone.
    """

    p256_key: Path | None = None
    p256_certificate: Path | None = None
    sm2_key: Path | None = None
    sm2_certificate: Path | None = None
    pdf_key: Path | None = None
    pdf_password: Path | None = None


NO_PLATFORM = PlatformConfig()
_TOGETHER = {
    "p256_key": "p256_certificate",
    "sm2_key": "sm2_certificate",
    "pdf_key": "pdf_password",
}


@dataclass(frozen=True, slots=True)
class TimestampAuthorityConfig:
    """One `[[timestamp_authorities]]`.

    name         What it is called in answers; kept with each token.
    url          Where it is asked (RFC 3161 over HTTP), https:// or http://.
    roots        Its roots (PEM), and revocation lists if there are; a token that leads to none of
                 them is not taken.
    imprint      Optional. `sha256` unless given, or `sm3`: what the token is over.
    policy       Optional. Object identifier of the policy its tokens must be under.
    """

    name: str
    url: str
    roots: Path
    imprint: str = IMPRINTS[0]
    policy: str = ""


def read_platform(path: Path, table: Table) -> PlatformConfig:
    """The table `[platform]`; `Misconfigured` names what is wrong."""
    given: dict[str, Path] = {}
    for key, beside in _TOGETHER.items():
        if table.has(key) != table.has(beside):
            raise Misconfigured(
                f"{path}: `{key}` and `{beside}` go together",
                f"{path}：`{key}` 与 `{beside}` 须同时设置",
            )
        if table.has(key):
            given |= {key: table.path(key), beside: table.path(beside)}
    return PlatformConfig(**given)


def read_authorities(path: Path, table: Table) -> tuple[TimestampAuthorityConfig, ...]:
    """The tables `[[timestamp_authorities]]`, no name twice."""
    found: dict[str, TimestampAuthorityConfig] = {}
    for each in table.tables("timestamp_authorities", TimestampAuthorityConfig):
        name, url = each.text("name"), each.text("url")
        if name in found:
            raise Misconfigured(
                f"{path}: `timestamp_authorities` names {name} twice",
                f"{path}：`timestamp_authorities` 重复列出 {name}",
            )
        if not url.startswith(("https://", "http://")):
            raise Misconfigured(
                f"{path}: setting `url` is not https:// or http://",
                f"{path}：设置 `url` 须以 https:// 或 http:// 开头",
            )
        imprint = each.choice("imprint", IMPRINTS) if each.has("imprint") else IMPRINTS[0]
        policy = each.text("policy") if each.has("policy") else ""
        found[name] = TimestampAuthorityConfig(name, url, each.path("roots"), imprint, policy)
    return tuple(found.values())
