"""A deposit certificate as a document: what a judge needs on page 1, then all fields in order.

Page 1 has the result, the time that counts, the digests, the open points and what is not shown by
any of it. The fields follow under their numbers (`fields`), grouped; what is absent says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from node.evidence.digests import sha256
from node.evidence.head import TEST, format_milliseconds, format_seconds
from node.export.certificate import fields
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
    Table,
    Tone,
    digest_text,
)
from node.export.certificate.facts import (
    Certified,
    Digests,
    Facts,
    FileFacts,
    Moment,
    Organisation,
    format_facts,
)
from node.words import Answer, Bilingual, Notice

NAME_ZH = "电子数据存证证书（非公证书）"
NAME_EN = "Certificate of electronic-data preservation (not a notarial certificate)"
NOT_PROVIDED = "未提供 not provided"
NOT_CHECKED = "未核对 not checked"
NO_POINTS = "无 none"
SHORT_LENGTH = 100
"""Characters of a title on page 1."""

CERTIFICATE_FILE = "certificate.json"
PROOF_FILE = "proof.txt"
POLICY_FILE = "policy.txt"
"""Names of what is attached inside the PDF."""

CONTENTS = "data/00-certificate/contents-sha256.txt"
"""The list of all that is in the bundle but this certificate, which cannot name its own digest."""

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


def footer(facts: Facts) -> str:
    """On every page: which deposit, and the beginning of its digest."""
    return f"存证编号 {facts.evidence_no}  ·  摘要前 16 位 digest {facts.main_digest.hex()[:16]}"


def qr_text(facts: Facts, written: bytes) -> str:
    """Address, evidence number, digest of certificate.json; nothing about anybody."""
    digest = sha256(written).hex()
    if facts.url is None:
        return f"{facts.evidence_no} certificate {digest}"
    return f"{facts.url}?no={facts.evidence_no}&certificate={digest}"


# Page 1


def _first(facts: Facts) -> Iterator[Row]:
    yield Row("存证编号", "Evidence number", (Said(facts.evidence_no, fixed=True),))
    organisations = facts.organisations
    signed = sum(each.sealed_s is not None for each in organisations)
    yield Row(
        "所示可信时间：不晚于",
        "Trusted time shown: no later than",
        (
            Said(format_milliseconds(facts.sealed_ms).replace(".000", "")),
            Said(f"依据：{signed}/{len(organisations)} 家成员联签 by members' cosignatures"),
            *(
                Said(f"可信时间戳 timestamp: {format_milliseconds(each.time_ms)}，{each.authority}")
                for each in facts.stamps
                if each.independent
            ),
        ),
    )
    file_name = facts.file.name if facts.file else None
    yield Row("存证名称 · 文件名", "Title · file name", (_short(facts.title), _short(file_name)))
    name = facts.depositor.name if facts.depositor else None
    yield Row("存证主体（脱敏）", "Depositor, masked", (_short(name),))


def _page_1(facts: Facts) -> Iterator[Block]:
    digests = facts.digests or Digests()
    yield Lead(
        "电子数据的摘要",
        "Digests of the data",
        (
            Row("SHA-256", "", (_digest_or_none(digests.sha256),)),
            Row("SM3", "", (_digest_or_none(digests.sm3),)),
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
    yield Prose("如何核验", "How to check", _how_to_check(facts))
    yield Break()


def _how_to_check(facts: Facts) -> tuple[Said, ...]:
    return (
        Said(
            f"本文件内附证明文件（{PROOF_FILE}）和策略（{POLICY_FILE}），可离线核验。策略指纹须另行取得"
            "（见法院公告等公布处），不得以本证书所载为准。"
        ),
        Said(
            f"This file carries the proof file ({PROOF_FILE}) and the policy ({POLICY_FILE}) and "
            "is checked offline. Get the policy fingerprint from elsewhere, such as a court's "
            "notice; the one printed here does not count."
        ),
        Said("cunzheng verify CERTIFICATE.pdf --policy-fingerprint FINGERPRINT", fixed=True),
        Said("本证书所载策略指纹，供比对 the fingerprint printed for comparison:"),
        Said(facts.trust.policy_fingerprint, fixed=True),
    )


# The fields


def _groups(facts: Facts, written: bytes) -> Iterator[Block]:
    yield Rows("存证与主体", "Deposit and depositor", tuple(_deposit(facts)))
    yield Rows("文件与上链值", "File and what is on chain", tuple(_file(facts)))
    yield Rows("时间", "Times", tuple(_times(facts)))
    yield Rows("链上位置", "Place on the chain", tuple(_place(facts)))
    yield from _members(facts)
    yield Rows("签名、时间戳与信任锚", "Signatures, timestamps, trust", tuple(_trust(facts)))
    yield Rows("核验、平台与版本", "Verification, platform, versions", tuple(_rest(facts, written)))


def _deposit(facts: Facts) -> Iterator[Row]:
    yield _row(fields.NAME, Said(NAME_ZH), Said(NAME_EN))
    yield _row(fields.ISSUE, Said(facts.certificate_no), Said(format_milliseconds(facts.issued_ms)))
    yield _row(fields.NUMBER, Said(facts.evidence_no, fixed=True))
    yield _row(
        fields.TITLE, _text(facts.title), Said(f"{facts.category.name}  {_both(facts.category)}")
    )
    yield _row(fields.CASE, *_case(facts))
    yield _row(fields.DEPOSITOR, *_depositor(facts))
    yield _row(fields.COLLECTION, *_collection(facts))


def _case(facts: Facts) -> Iterator[Said]:
    case = facts.case
    if case is None:
        yield Said(NOT_PROVIDED)
        return
    yield Said(case.case_no)
    yield Said(f"{case.court_name or NOT_CHECKED}（{case.court_code or NOT_CHECKED}）")


def _depositor(facts: Facts) -> Iterator[Said]:
    depositor = facts.depositor
    if depositor is None:
        yield Said(NOT_PROVIDED)
        return
    yield Said(depositor.name)
    yield Said(f"{_both(depositor.id_type)}: {depositor.id_no}")
    how = _both(depositor.method) if depositor.method else NOT_PROVIDED
    yield Said(f"身份核验方式 verified by: {how}")
    at = format_milliseconds(depositor.verified_ms) if depositor.verified_ms else NOT_PROVIDED
    yield Said(f"核验时间 verified at: {at}")


def _collection(facts: Facts) -> Iterator[Said]:
    collection = facts.collection
    channel, method, status = (
        (collection.channel, collection.method, collection.original_status)
        if collection
        else (None, None, None)
    )
    yield _named("提交方式 channel", channel)
    yield _named("取证方式 collection", _both(method) if method else None)
    yield _named("原件属性 original", _both(status) if status else None)


def _file(facts: Facts) -> Iterator[Row]:
    file = facts.file or FileFacts()
    size = None if file.size is None else f"{file.size:,} 字节 bytes"
    yield _row(
        fields.FILE,
        _text(file.name),
        _named("大小 size", size),
        _named("格式 media type", file.media_type),
    )
    yield _row(fields.DIGESTS, *_digests(facts))
    item = facts.item
    kind = "加盐摘要 salted digest" if item.salted else "公开摘要 plain digest"
    salt = "无盐值 no salt"
    if item.salted:
        salt = "随附 enclosed" if item.salt_enclosed else "未随附 not enclosed"
    yield _row(fields.ITEM, Said(kind), digest_text(item.value), Said(f"盐值 salt: {salt}"))


def _digests(facts: Facts) -> Iterator[Said]:
    digests = facts.digests or Digests()
    for name, digest in (("SHA-256", digests.sha256), ("SM3", digests.sm3)):
        yield Said(name) if digest else _named(name, None)
        if digest:
            yield digest_text(digest)


def _times(facts: Facts) -> Iterator[Row]:
    said = {each.moment: each for each in facts.times}
    for moment in Moment:
        time = said.get(moment)
        text = NOT_PROVIDED
        if time is not None:
            text = time.written or format_milliseconds(time.time_ms or 0)
        number = str(fields.TIMES.number)
        yield Row(moment.zh, moment.en, (Said(text),), number, _both(moment.asserter))
    yield _row(fields.GAP, Said(_gap(facts)))


def _gap(facts: Facts) -> str:
    """From the claimed creation to the chain; nothing where nobody claims one."""
    created = next((each for each in facts.times if each.moment is Moment.CREATED), None)
    committed = facts.time_ms(Moment.COMMITTED)
    if created is None or committed is None:
        return NOT_PROVIDED
    start = created.time_ms if created.written is None else _milliseconds(created.written)
    if start is None:
        return NOT_CHECKED
    seconds, early = divmod(abs(committed - start), 1000)[0], start > committed
    days, rest = divmod(seconds, 86_400)
    text = f"{days} 天 d {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{text}（所称形成时间晚于上链 claimed later than on chain）" if early else text


def _milliseconds(written: str) -> int | None:
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if time.tzinfo is None else int(time.timestamp() * 1000)


def _place(facts: Facts) -> Iterator[Row]:
    place = facts.place
    yield _row(
        fields.PLACE,
        Said(f"链标识 chain: {place.origin}{'  ' + TEST if place.test_network else ''}"),
        Said(f"区块高度 height: {place.height}"),
        *_digest("区块哈希 block hash", place.block_hash),
        *_digest("交易哈希 entry hash", place.entry_hash),
        *_digest("树根 root", place.root),
        Said(f"树内序号 index: {place.index}  ·  树大小 tree size: {place.size}"),
    )
    others = [Said(f"{each.chain}: {each.number}") for each in facts.elsewhere]
    yield _row(fields.ELSEWHERE, *(others or [Said(NOT_PROVIDED)]))


def _members(facts: Facts) -> Iterator[Block]:
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


def _trust(facts: Facts) -> Iterator[Row]:
    algorithms = "、".join(facts.algorithms) if facts.algorithms else None
    yield _row(fields.CERTIFICATES, _named("算法 algorithms", algorithms), *_certificates(facts))
    yield _row(fields.STAMPS, *_stamps(facts))
    trust = facts.trust
    roots = [said for each in trust.roots for said in _digest(each.name, each.sha256)]
    yield _row(
        fields.TRUST,
        Said("策略指纹 policy fingerprint"),
        Said(trust.policy_fingerprint, fixed=True),
        *(roots or [_named("根证书指纹 root certificates", None)]),
        _named("公布处 published at", trust.published_at),
    )


def _certificates(facts: Facts) -> Iterator[Said]:
    if not facts.certificates:
        yield _named("签名证书 signing certificates", None)
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
    yield Said(f"④ 有效期 valid: {start} — {end}")
    yield Said("⑤ 持有人的电子签名验证数据 public key")
    yield digest_text(each.public_key)
    yield Said("⑥ 电子认证服务提供者的电子签名 issuer's signature")
    yield digest_text(each.issuer_signature)
    yield from _digest("证书指纹 SHA-256 of the certificate", each.sha256)


def _stamps(facts: Facts) -> Iterator[Said]:
    if not facts.stamps:
        yield Said(NOT_PROVIDED)
    for each in facts.stamps:
        own = "" if each.independent else "（平台自建时间戳，非独立第三方 the platform's own）"
        yield Said(f"{each.authority}{own}")
        yield Said(f"{format_milliseconds(each.time_ms)}  ·  {each.imprint}")
        accuracy = None if each.accuracy_ms is None else f"± {each.accuracy_ms} ms"
        yield _named("精度 accuracy", accuracy)
        yield _named("时间源 time source", each.time_source)


def _rest(facts: Facts, written: bytes) -> Iterator[Row]:
    result = facts.result
    yield _row(fields.RESULT, Said(f"{result.name}  {result.zh} {result.en}"))
    yield _row(fields.HEALTH, *_health(facts))
    yield _row(fields.PLATFORM, *_platform(facts))
    yield _row(fields.VERSIONS, *_versions(facts))
    yield _row(
        fields.CODE,
        _named("核验网址 address", facts.url),
        Said("证书摘要：certificate.json 的 SHA-256 certificate digest"),
        digest_text(sha256(written)),
    )
    yield _row(
        fields.CONTENTS,
        *_digest("SHA-256", facts.contents),
        *([Said(f"sha256sum {CONTENTS}", fixed=True)] if facts.contents else []),
    )
    yield _row(fields.FOOTER, Said(footer(facts)))


def _health(facts: Facts) -> Iterator[Said]:
    health = facts.health
    if health is None:
        yield Said(NOT_PROVIDED)
        return
    start, end = format_milliseconds(health.from_ms), format_milliseconds(health.to_ms)
    yield Said(f"{start} — {end}")
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
        yield _named(name, getattr(platform, key, None))


def _versions(facts: Facts) -> Iterator[Said]:
    versions = facts.versions
    rules = None if versions is None or versions.rules is None else str(versions.rules)
    yield _named("代码 software", versions.software if versions else None)
    yield from _digest("配置 configuration", versions.configuration if versions else None)
    yield _named("规则（合约）rules", rules)
    images = "、".join(versions.images) if versions and versions.images else None
    yield _named("节点镜像摘要 images", images)


# Values


def _row(field: fields.Field, *values: Said) -> Row:
    return Row(field.zh, field.en, values, str(field.number), field.by)


def _text(text: str | None) -> Said:
    return Said(text or NOT_PROVIDED)


def _short(text: str | None) -> Said:
    """On page 1 nothing that somebody typed pushes the open points to page 2."""
    if text is None or len(text) <= SHORT_LENGTH:
        return _text(text)
    return Said(f"{text[:SHORT_LENGTH]}……（全文见后 in full below）")


def _named(name: str, text: str | None) -> Said:
    return Said(f"{name}: {text or NOT_PROVIDED}")


def _digest_or_none(digest: bytes | None) -> Said:
    return digest_text(digest) if digest else Said(NOT_PROVIDED)


def _digest(name: str, digest: bytes | None) -> Iterator[Said]:
    if digest is None:
        yield _named(name, None)
        return
    yield Said(name)
    yield digest_text(digest)


def _both(word: Bilingual) -> str:
    return f"{word.zh} {word.en}"
