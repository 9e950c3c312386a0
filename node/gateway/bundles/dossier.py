"""Folder 10 of a bundle: what a court examines beside the proof, item by item, and where it stands.

人民法院在线诉讼规则 Art. 17 asks, once a party objects, whether the platform meets the rules of the
state, who has an interest in it, and by which standards it works; 电子签名法 Art. 17 what whoever
certifies keys must have. A gateway has some of it and not the rest: each item is named, whether it
is enclosed or not, and what is not stands among the open issues too. PURE.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from node.export.bundle import layout
from node.export.bundle.canonical import format_json
from node.export.certificate.parts import Point
from node.gateway.bundles.interests import INTEREST
from node.gateway.bundles.surroundings import ACCESSES

DOSSIER = f"{layout.DOSSIER}dossier.json"
_RULE_17 = "人民法院在线诉讼规则第十七条"
_SIGNATURE_17 = "电子签名法第十七条"


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing to examine; `where` begins the paths of what answers it."""

    key: str
    law: str
    zh: str
    en: str
    where: tuple[str, ...] = ()


ITEMS = (
    _Item("SERVICE_FILING", f"{_RULE_17}（一）", "区块链信息服务备案", "blockchain service filing"),
    _Item(
        "PROTECTION_FILING",
        f"{_RULE_17}（一）",
        "网络安全等级保护备案与测评",
        "filing and test of the protection level of the system",
    ),
    _Item(
        "INTEREST",
        f"{_RULE_17}（二）",
        "当事人与平台、各成员有无利害关系的说明",
        "declaration of interests between the parties, the platform and the members",
        (INTEREST,),
    ),
    _Item(
        "WHO_SEALED",
        f"{_RULE_17}（二）",
        "联签成员及其机构，可排除有利害关系者后重新核验",
        "the members that cosigned, to be counted again without whoever has an interest",
        (layout.SIGNATURES,),
    ),
    _Item(
        "CUSTODY",
        f"{_RULE_17}（二）",
        "存证后的事件与访问记录",
        "events since, and the record of accesses",
        (layout.EVENTS, ACCESSES),
    ),
    _Item(
        "SYSTEM_STATE",
        f"{_RULE_17}（三）、民事证据规定第九十三条（二）",
        "存证时段各成员的运行记录",
        "how the members were doing around the deposit",
        (f"{layout.ENVIRONMENT}EV",),
    ),
    _Item(
        "SYSTEM_TESTS",
        f"{_RULE_17}（三）",
        "清洁性、安全性、可靠性、可用性的检测报告",
        "test reports on cleanliness, security, reliability and availability",
    ),
    _Item(
        "VERSIONS",
        f"{_RULE_17}（四）",
        "系统环境：软件与配置的版本和摘要",
        "system environment: versions and digests of software and configuration",
        (f"{layout.ENVIRONMENT}versions.json",),
    ),
    _Item(
        "VERIFICATION",
        f"{_RULE_17}（四）",
        "信息验证：证明文件与离线核验工具",
        "verification: the proof, and tools to verify it offline",
        (layout.PROOFS, layout.VERIFY),
    ),
    _Item(
        "STANDARDS",
        f"{_RULE_17}（四）",
        "所依国家标准、行业标准的符合性对照表",
        "table of the national and industry standards it conforms to",
    ),
    _Item(
        "CIPHER_ASSESSMENT",
        f"{_RULE_17}（四）",
        "商用密码应用安全性评估结论",
        "result of the assessment of its commercial cryptography",
    ),
    _Item(
        "SIGNING_CERTIFICATES",
        "电子签名法第二十一条",
        "签名证书及其六项内容",
        "the signing certificates and their six items",
        (layout.SIX_ITEMS,),
    ),
    _Item(
        "CERTIFIER_LICENCE",
        f"{_SIGNATURE_17}",
        "电子认证服务提供者的企业法人资格、人员、资金与场所、技术与设备（电子认证服务许可证）",
        "the certifier's licence: legal person, staff, funds and premises, technology",
    ),
    _Item(
        "CERTIFIER_CIPHER",
        f"{_SIGNATURE_17}（五）",
        "国家密码管理机构同意使用密码的证明文件",
        "the certifier's permission to use cryptography",
    ),
)


def dossier(paths: Collection[str]) -> bytes:
    """dossier.json of a bundle with these files."""
    return format_json(
        [
            {
                "en": each.en,
                "files": (found := _found(each, paths)),
                "key": each.key,
                "law": each.law,
                "provided": bool(found),
                "zh": each.zh,
            }
            for each in ITEMS
        ]
    )


def not_provided(paths: Collection[str]) -> list[Point]:
    """The items that nothing in the bundle answers."""
    return [
        Point(
            f"NOT_PROVIDED_{each.key}",
            f"未提供：{each.zh}（{each.law}）",
            f"not provided: {each.en}",
        )
        for each in ITEMS
        if not _found(each, paths)
    ]


def _found(item: _Item, paths: Collection[str]) -> list[str]:
    """The files that answer an item; of a folder that is its own, the folder."""
    found: list[str] = []
    for each in item.where:
        inside = sorted(path for path in paths if path.startswith(each))
        found += [each] if inside and each.endswith("/") else inside
    return found
