"""Fields 18, 19 and 22 to 27: the result, the system, the platform, its versions, the bundle."""

from __future__ import annotations

from collections.abc import Iterator

from node.evidence.digests import sha256
from node.evidence.head import format_milliseconds
from node.export.certificate import fields
from node.export.certificate.chain_rows import trust
from node.export.certificate.document import Row, Said, digest_text
from node.export.certificate.facts import Facts
from node.export.certificate.printed import NOT_PROVIDED, digest, named, row

CONTENTS = "data/00-certificate/contents-sha256.txt"
"""The list of all that is in the bundle but this certificate, which cannot name its own digest."""


def footer(facts: Facts) -> str:
    """On every page: which deposit, and the beginning of its digest."""
    return f"存证编号 {facts.evidence_no}  ·  摘要前 16 位 digest {facts.main_digest.hex()[:16]}"


def rest(facts: Facts, written: bytes) -> Iterator[Row]:
    result = facts.result
    yield row(fields.RESULT, Said(f"{result.name}  {result.zh} {result.en}"))
    yield row(fields.HEALTH, *_health(facts))
    yield trust(facts)
    yield row(fields.PLATFORM, *_platform(facts))
    yield row(fields.VERSIONS, *_versions(facts))
    yield row(
        fields.CODE,
        named("核验网址 address", facts.url),
        Said("证书摘要：certificate.json 的 SHA-256 certificate digest"),
        digest_text(sha256(written)),
    )
    yield row(
        fields.CONTENTS,
        *digest("SHA-256", facts.contents),
        *([Said(f"sha256sum {CONTENTS}", fixed=True)] if facts.contents else []),
    )
    yield row(fields.FOOTER, Said(footer(facts)))


def _health(facts: Facts) -> Iterator[Said]:
    health = facts.health
    if health is None:
        yield Said(NOT_PROVIDED)
        return
    yield Said(f"自 from: {format_milliseconds(health.from_ms)}")
    yield Said(f"至 to: {format_milliseconds(health.to_ms)}")
    yield Said(health.zh)
    yield Said(health.en)


def _platform(facts: Facts) -> Iterator[Said]:
    platform = facts.platform
    for name, key in (
        ("名称 name", "name"),
        ("统一社会信用代码 credit code", "credit_code"),
        ("区块链信息服务备案号 service filing", "service_filing"),
        ("等保备案号 protection filing", "protection_filing"),
        ("密评结论日期 cipher assessment", "cipher_assessed_on"),
        ("中立性声明 neutrality", "neutrality"),
    ):
        yield named(name, getattr(platform, key, None))


def _versions(facts: Facts) -> Iterator[Said]:
    versions = facts.versions
    rules = None if versions is None or versions.rules is None else str(versions.rules)
    yield named("代码 software", versions.software if versions else None)
    yield from digest("配置 configuration", versions.configuration if versions else None)
    yield named("规则（合约）rules", rules)
    images = versions.images if versions else ()
    yield Said("节点镜像摘要 images") if images else named("节点镜像摘要 images", None)
    yield from (Said(each, fixed=True) for each in images)
