"""Fields 1 to 12 of a certificate: the deposit, its depositor, the file, the times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from node.evidence.head import format_milliseconds
from node.export.certificate import fields
from node.export.certificate.document import Row, Said, digest_text
from node.export.certificate.facts import Facts
from node.export.certificate.parts import Digests, FileFacts, Moment
from node.export.certificate.printed import (
    NOT_CHECKED,
    NOT_PROVIDED,
    both,
    digest,
    named,
    or_absent,
    row,
)

NAME_ZH = "电子数据存证证书（非公证书）"
NAME_EN = "Certificate of electronic-data preservation (not a notarial certificate)"


def deposit(facts: Facts) -> Iterator[Row]:
    yield row(fields.NAME, Said(NAME_ZH), Said(NAME_EN))
    yield row(fields.ISSUE, Said(facts.certificate_no), Said(format_milliseconds(facts.issued_ms)))
    yield row(fields.NUMBER, Said(facts.evidence_no, fixed=True))
    yield row(
        fields.TITLE, or_absent(facts.title), Said(f"{facts.category.name}  {both(facts.category)}")
    )
    yield row(fields.CASE, *_case(facts))
    yield row(fields.DEPOSITOR, *_depositor(facts))
    yield row(fields.COLLECTION, *_collection(facts))


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
    yield Said(f"{both(depositor.id_type)}: {depositor.id_no}")
    how = both(depositor.method) if depositor.method else NOT_PROVIDED
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
    yield named("提交方式 channel", channel)
    yield named("取证方式 collection", both(method) if method else None)
    yield named("原件属性 original", both(status) if status else None)


def file(facts: Facts) -> Iterator[Row]:
    file = facts.file or FileFacts()
    size = None if file.size is None else f"{file.size:,} 字节 bytes"
    yield row(
        fields.FILE,
        or_absent(file.name),
        named("大小 size", size),
        named("格式 media type", file.media_type),
    )
    yield row(fields.DIGESTS, *_digests(facts))
    item = facts.item
    kind = "加盐摘要 salted digest" if item.salted else "公开摘要 plain digest"
    salt = "无盐值 no salt"
    if item.salted:
        salt = "随附 enclosed" if item.salt_enclosed else "未随附 not enclosed"
    yield row(fields.ITEM, Said(kind), digest_text(item.value), Said(f"盐值 salt: {salt}"))


def _digests(facts: Facts) -> Iterator[Said]:
    digests = facts.digests or Digests()
    yield from digest("SHA-256", digests.sha256)
    yield from digest("SM3", digests.sm3)


def times(facts: Facts) -> Iterator[Row]:
    said = {each.moment: each for each in facts.times}
    for moment in Moment:
        time = said.get(moment)
        text = NOT_PROVIDED
        if time is not None:
            text = time.written or format_milliseconds(time.time_ms or 0)
        number = str(fields.TIMES.number)
        yield Row(moment.zh, moment.en, (Said(text),), number, both(moment.asserter))
    yield row(fields.GAP, Said(_gap(facts)))


def _gap(facts: Facts) -> str:
    """From the claimed creation to the chain; nothing where nobody claims one."""
    created = next((each for each in facts.times if each.moment is Moment.CREATED), None)
    committed = facts.time_ms(Moment.COMMITTED)
    if created is None or committed is None:
        return NOT_PROVIDED
    start = created.time_ms if created.written is None else _milliseconds(created.written)
    if start is None:
        return NOT_CHECKED
    days, rest = divmod(abs(committed - start) // 1000, 86_400)
    text = f"{days} 天 days {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    if start > committed:
        return f"{text}（所称形成时间晚于上链 claimed later than on chain）"
    return text


def _milliseconds(written: str) -> int | None:
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        return None
    return None if time.tzinfo is None else int(time.timestamp() * 1000)
