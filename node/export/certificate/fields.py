"""The 27 fields of a deposit certificate: number, name in both languages, and who asserts them.

The table of docs/certificate.md; a test compares the two. Where several assert parts of one field,
they stand in the order of its values. Times name their own asserters (`facts.Moment`).
"""

from __future__ import annotations

from dataclasses import dataclass

from node.export.certificate.parts import Asserter

_A = Asserter


@dataclass(frozen=True, slots=True)
class Field:
    """One of them."""

    number: int
    zh: str
    en: str
    asserters: tuple[Asserter, ...]

    @property
    def by(self) -> str:
        """As it is printed."""
        return "、".join(f"{each.zh} {each.en}" for each in self.asserters)


NAME = Field(1, "证书名称", "Name of this document", (_A.PLATFORM,))
ISSUE = Field(2, "证书编号 · 出具时间", "Certificate no. · issued at", (_A.PLATFORM,))
NUMBER = Field(3, "存证编号", "Evidence number", (_A.PROOF,))
TITLE = Field(
    4, "存证名称 · 证据类别（存证人申报）", "Title · category (as declared)", (_A.DEPOSITOR,)
)
CASE = Field(5, "案号 · 受理法院", "Case no. · court", (_A.COURT,))
DEPOSITOR = Field(
    6,
    "存证主体（脱敏）· 身份核验方式与时间",
    "Depositor, masked · identity verified how and when",
    (_A.DEPOSITOR, _A.PLATFORM),
)
COLLECTION = Field(
    7,
    "提交方式 · 取证方式 · 原件属性",
    "Channel · collection method · original status",
    (_A.PLATFORM, _A.DEPOSITOR),
)
FILE = Field(8, "文件名 · 大小 · 格式", "File name · size · media type", (_A.DEPOSITOR,))
DIGESTS = Field(9, "SHA-256 · SM3", "Digests of the file", (_A.PROOF,))
ITEM = Field(
    10,
    "加盐摘要或公开摘要（上链值）· 盐值是否随附",
    "Salted or plain digest (on chain) · salt enclosed?",
    (_A.PROOF,),
)
TIMES = Field(11, "各时间及其说明方", "Times, each with who asserts it", ())
GAP = Field(12, "形成至上链间隔", "Gap from creation to chain", (_A.VERIFIER,))
PLACE = Field(
    13,
    "链标识 · 区块高度 · 区块哈希 · 交易哈希 · 树根 · 树内序号",
    "Chain · height · block hash · entry hash · root · index",
    (_A.PROOF,),
)
ELSEWHERE = Field(14, "跨链存证编号", "Numbers on other chains", (_A.PLATFORM,))
MEMBERS = Field(
    15,
    "共识机制与成员：机构、角色、已签",
    "Consensus and members: organisation, role, cosigned",
    (_A.PROOF,),
)
CERTIFICATES = Field(
    16,
    "签名算法与签名证书六项（电子签名法第二十一条）",
    "Algorithms · six items of each signing certificate",
    (_A.PLATFORM,),
)
STAMPS = Field(
    17,
    "时间戳服务机构 · 时间源 · 精度",
    "Timestamp authority · time source · accuracy",
    (_A.AUTHORITY,),
)
RESULT = Field(18, "核验结果（代码）", "Verification result (code)", (_A.VERIFIER,))
HEALTH = Field(
    19, "系统运行情况摘要（存证窗口）", "State of the system when deposited", (_A.MEMBERS,)
)
POINTS = Field(20, "待审查事项", "Open points", (_A.VERIFIER,))
SCOPE = Field(21, "证明范围声明", "Scope of this document", (_A.PLATFORM,))
TRUST = Field(
    22,
    "信任锚指纹及公布处",
    "Trust-anchor fingerprints · where published",
    (_A.PLATFORM,),
)
PLATFORM = Field(
    23,
    "平台：名称、统一社会信用代码、备案与测评、中立性声明",
    "Platform: name, credit code, filings, neutrality",
    (_A.PLATFORM,),
)
VERSIONS = Field(
    24,
    "软件版本（代码、配置、规则）· 节点镜像摘要",
    "Versions of software, configuration, rules · images",
    (_A.PLATFORM,),
)
CODE = Field(
    25,
    "二维码：核验网址 + 存证编号 + 证书摘要",
    "QR code: address + evidence number + certificate digest",
    (_A.PLATFORM,),
)
CONTENTS = Field(26, "证据包清单摘要", "Digest of the bundle's list of contents", (_A.PLATFORM,))
FOOTER = Field(
    27, "页脚：存证编号、摘要前 16 位、页码/总页数", "Footer of every page", (_A.PLATFORM,)
)

FIELDS = (
    *(NAME, ISSUE, NUMBER, TITLE, CASE, DEPOSITOR, COLLECTION, FILE, DIGESTS, ITEM, TIMES, GAP),
    *(PLACE, ELSEWHERE, MEMBERS, CERTIFICATES, STAMPS, RESULT, HEALTH, POINTS, SCOPE, TRUST),
    *(PLATFORM, VERSIONS, CODE, CONTENTS, FOOTER),
)
