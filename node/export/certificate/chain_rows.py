"""Fields 13 to 17 and 22: the place on the chain, who cosigned, certificates, timestamps, trust."""

from __future__ import annotations

from collections.abc import Iterator

from node.evidence.head import TEST, format_milliseconds, format_seconds
from node.export.certificate import fields
from node.export.certificate.document import Block, Prose, Row, Said, Table, digest_text
from node.export.certificate.facts import Facts
from node.export.certificate.parts import Certified, Organisation
from node.export.certificate.printed import NOT_CHECKED, NOT_PROVIDED, digest, named, row
from node.words import Notice

_NO_HASH = Said(
    "区块哈希 block hash: 见树根，区块以其检查点的树根标识 see the root, which names the block"
)
"""A proof has the checkpoint that ends a block, with the root over all there is up to its end."""


def place(facts: Facts) -> Iterator[Row]:
    place = facts.place
    yield row(
        fields.PLACE,
        Said(f"链标识 chain: {place.origin}{'  ' + TEST if place.test_network else ''}"),
        Said(f"区块高度 height: {place.height}"),
        *(digest("区块哈希 block hash", place.block_hash) if place.block_hash else [_NO_HASH]),
        *digest("交易哈希 entry hash", place.entry_hash),
        *digest("树根（区块检查点）root of the block's checkpoint", place.root),
        Said(f"树内序号 index: {place.index}  ·  树大小 tree size: {place.size}"),
    )
    others = [Said(f"{each.chain}: {each.number}") for each in facts.elsewhere]
    yield row(fields.ELSEWHERE, *(others or [Said(NOT_PROVIDED)]))


def members(facts: Facts) -> Iterator[Block]:
    field, all_members = fields.MEMBERS, facts.organisations
    signed = sum(each.sealed_s is not None for each in all_members)
    liars = max(2 * facts.quorum - len(all_members), 0)
    fork = Notice.FORK
    numbers = {"members": len(all_members), "liars": liars}
    yield Table(
        f"{field.number}  {field.zh}",
        field.en,
        ("机构 organisation", "成员与角色 member, kind", "联签时间 cosigned"),
        (4, 3, 5),
        tuple(
            (each.organisation, f"{each.member} · {each.kind}", _sealed(each))
            for each in all_members
        ),
    )
    yield Prose(
        "联签与共识",
        "Cosignatures and consensus",
        (
            Said(
                f"Raft（故障容错）+ 机构联签：已签 {signed} / 应签 {len(all_members)}，最低联签数 "
                f"{facts.quorum}。Raft (crash-fault tolerant) and cosignatures: {signed} of "
                f"{len(all_members)} signed, quorum {facts.quorum}."
            ),
            Said(Notice.CRASH_FAULTS.zh),
            Said(Notice.CRASH_FAULTS.en),
            Said(fork.zh.format(**numbers)),
            Said(fork.en.format(**numbers)),
        ),
    )


def _sealed(member: Organisation) -> str:
    if member.sealed_s is not None:
        return format_seconds(member.sealed_s)
    return "后续检查点联签 cosigned later" if member.sealed_later else "未联签 not cosigned"


def signatures(facts: Facts) -> Iterator[Row]:
    algorithms = "、".join(facts.algorithms) if facts.algorithms else None
    yield row(fields.CERTIFICATES, named("算法 algorithms", algorithms), *_certificates(facts))
    yield row(fields.STAMPS, *_stamps(facts))


def trust(facts: Facts) -> Row:
    anchors = facts.trust
    roots = [said for each in anchors.roots for said in digest(each.name, each.sha256)]
    return row(
        fields.TRUST,
        Said("策略指纹 policy fingerprint"),
        Said(anchors.policy_fingerprint, fixed=True),
        *(roots or [named("根证书指纹 root certificates", None)]),
        named("公布处 published at", anchors.published_at),
    )


def _certificates(facts: Facts) -> Iterator[Said]:
    if not facts.certificates:
        yield named("签名证书 signing certificates", None)
    for number, each in enumerate(facts.certificates, start=1):
        yield from _six_items(number, each)


def _six_items(number: int, each: Certified) -> Iterator[Said]:
    yield Said(f"签名证书 signing certificate {number}: {each.purpose}（{each.algorithm}）")
    licence = each.licence_no or NOT_CHECKED
    yield Said(f"① 电子认证服务提供者 issuer: {each.issuer}；许可证号 licence: {licence}")
    yield Said(f"② 证书持有人 subject: {each.subject}")
    yield Said(f"③ 序列号 serial: {each.serial}")
    start, end = (
        format_seconds(each.valid_from_ms // 1000),
        format_seconds(each.valid_to_ms // 1000),
    )
    yield Said(f"④ 有效期 valid from: {start}")
    yield Said(f"至 to: {end}")
    yield Said("⑤ 持有人的电子签名验证数据 public key")
    yield digest_text(each.public_key)
    yield Said("⑥ 电子认证服务提供者的电子签名 issuer's signature")
    yield digest_text(each.issuer_signature)
    yield from digest("证书指纹 SHA-256 of the certificate", each.sha256)


def _stamps(facts: Facts) -> Iterator[Said]:
    if not facts.stamps:
        yield Said(NOT_PROVIDED)
    for each in facts.stamps:
        own = "" if each.independent else "（平台自建时间戳，非独立第三方 the platform's own）"
        yield Said(f"{each.authority}{own}")
        yield Said(format_milliseconds(each.time_ms))
        yield Said(f"摘要算法 digest: {each.imprint}")
        accuracy = None if each.accuracy_ms is None else f"± {each.accuracy_ms} ms"
        yield named("精度 accuracy", accuracy)
        yield named("时间源 time source", each.time_source)
