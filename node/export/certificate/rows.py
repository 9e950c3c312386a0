"""A deposit certificate as a document: what a judge needs on page 1, then all fields in order.

Page 1 has the result, the time that counts, the digests, the open points and what is not shown by
any of it. The fields follow under their numbers (`fields`), grouped; what is absent says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from node.evidence.digests import sha256
from node.evidence.head import TEST, format_milliseconds
from node.export.certificate import fields
from node.export.certificate.chain_rows import members, place, signatures
from node.export.certificate.deposit_rows import NAME_EN, NAME_ZH, deposit, file, times
from node.export.certificate.document import (
    Attachment,
    Block,
    Break,
    Document,
    Lead,
    Listed,
    Points,
    Prose,
    Result,
    Row,
    Rows,
    Said,
    Tone,
    digest_text,
)
from node.export.certificate.facts import Facts, format_facts
from node.export.certificate.parts import Digests
from node.export.certificate.platform_rows import footer, rest
from node.export.certificate.printed import digest_or_none, short
from node.words import Answer, Notice

NO_POINTS = "无 none"

CERTIFICATE_FILE = "certificate.json"
PROOF_FILE = "proof.txt"
POLICY_FILE = "policy.txt"
"""Names of what is attached inside the PDF."""


_TONES: dict[Answer, Tone] = {
    Answer.CONSISTENT: "good",
    Answer.CONSISTENT_OPEN_POINTS: "open",
    Answer.ERASED: "unknown",
}


def certificate(facts: Facts, proof: bytes, policy: bytes) -> Document:
    """The whole document; `proof` and `policy` are the texts to attach."""
    written = format_facts(facts)
    result = facts.result
    return Document(
        zh=NAME_ZH,
        en=NAME_EN,
        about=(
            f"证书编号 Certificate no.: {facts.certificate_no}",
            f"出具时间 Issued at: {format_milliseconds(facts.issued_ms)}",
        ),
        first=tuple(_first(facts)),
        blocks=(*_page_1(facts), *_groups(facts, written)),
        footer=footer(facts),
        made_s=facts.issued_ms // 1000,
        result=Result(result.name, result.zh, result.en, _TONES[result.answer]),
        warning=TEST if facts.place.test_network else None,
        qr=qr_text(facts, written),
        attachments=(
            Attachment(
                CERTIFICATE_FILE,
                written,
                "application/json",
                "source",
                "本证书所载全部内容 Everything this certificate says",
            ),
            Attachment(PROOF_FILE, proof, "text/plain", "data", "证明文件 The proof file"),
            Attachment(
                POLICY_FILE, policy, "text/plain", "supplement", "联签策略 The policy of its seals"
            ),
        ),
    )


def qr_text(facts: Facts, written: bytes) -> str:
    """Address, evidence number, digest of certificate.json; nothing about anybody."""
    digest = sha256(written).hex()
    if facts.url is None:
        return f"{facts.evidence_no} certificate {digest}"
    return f"{facts.url}?no={facts.evidence_no}&certificate={digest}"


# Page 1


def _first(facts: Facts) -> Iterator[Row]:
    yield Row("存证编号", "Evidence number", (Said(facts.evidence_no, fixed=True),))
    yield Row("所示可信时间：不晚于", "Trusted time shown: no later than", tuple(_no_later(facts)))
    file_name = facts.file.name if facts.file else None
    yield Row("存证名称 · 文件名", "Title · file name", (short(facts.title), short(file_name)))
    name = facts.depositor.name if facts.depositor else None
    yield Row("存证主体（脱敏）", "Depositor, masked", (short(name),))


def _no_later(facts: Facts) -> Iterator[Said]:
    """The time that counts, Beijing's and UTC; the first timestamp of somebody independent."""
    beijing, utc = format_milliseconds(facts.sealed_ms).replace(".000", "").split(" (")
    yield Said(beijing, fixed=True)
    yield Said(f"({utc}")
    organisations = facts.organisations
    signed = sum(each.sealed_s is not None for each in organisations)
    yield Said(f"依据：{signed}/{len(organisations)} 家成员联签 by members' cosignatures")
    stamps = sorted((each for each in facts.stamps if each.independent), key=lambda at: at.time_ms)
    for first in stamps[:1]:
        others = f"（另有 {len(stamps) - 1} 个，见后 others below）" if len(stamps) > 1 else ""
        yield Said(f"可信时间戳 timestamp: {format_milliseconds(first.time_ms)}{others}")
        yield short(first.authority)


def _page_1(facts: Facts) -> Iterator[Block]:
    digests = facts.digests or Digests()
    # Without an opening the scope below speaks of what is on the chain.
    item = () if facts.digests else (Row("上链值", "", (digest_text(facts.item.value),)),)
    yield Lead(
        "电子数据的摘要",
        "Digests of the data",
        (
            Row("SHA-256", "", (digest_or_none(digests.sha256),)),
            Row("SM3", "", (digest_or_none(digests.sm3),)),
            *item,
        ),
    )
    yield Points(
        f"{fields.POINTS.number}  {fields.POINTS.zh}",
        fields.POINTS.en,
        tuple(Listed(each.code, each.zh, each.en) for each in facts.open_points),
        NO_POINTS,
    )
    yield Prose(
        f"{fields.SCOPE.number}  {fields.SCOPE.zh}",
        fields.SCOPE.en,
        (Said(Notice.CERTIFICATE_SCOPE.zh), Said(Notice.CERTIFICATE_SCOPE.en)),
    )
    yield Break()


def _how_to_check(facts: Facts) -> tuple[Said, ...]:
    return (
        Said(
            f"内附证明文件（{PROOF_FILE}），可离线核验。策略指纹须另行取得（见法院公告等公布处），不得以本证书"
            "所载为准。"
        ),
        Said(
            f"The proof file ({PROOF_FILE}) is inside, and is checked offline. Get the policy "
            "fingerprint from elsewhere, such as a court's notice; the one printed here does not "
            "count."
        ),
        Said("cunzheng verify CERTIFICATE.pdf --policy-fingerprint FINGERPRINT", fixed=True),
        Said(f"所载指纹 printed here: {facts.trust.policy_fingerprint}", fixed=True),
    )


def _groups(facts: Facts, written: bytes) -> Iterator[Block]:
    yield Prose("如何核验", "How to check", _how_to_check(facts))
    yield Rows("存证与主体", "Deposit and depositor", tuple(deposit(facts)))
    yield Rows("文件与上链值", "File and what is on chain", tuple(file(facts)))
    yield Rows("时间", "Times", tuple(times(facts)))
    yield Rows("链上位置", "Place on the chain", tuple(place(facts)))
    yield from members(facts)
    yield Rows("签名与时间戳", "Signatures and timestamps", tuple(signatures(facts)))
    yield Rows("核验、信任锚与平台", "Verification, trust, platform", tuple(rest(facts, written)))
