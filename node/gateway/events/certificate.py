"""The certificate of erasure (个人信息删除证明): a page for whoever asked, in both languages.

It says nothing that the signed event and its opening do not prove; what is proven by them stands
last, so that the page can be checked against the chain.
"""

from __future__ import annotations

from node.evidence.number import beijing_time, utc_time
from node.gateway.events.schemas import EventAnswer
from node.words import ErasureGround

_PAGE = """\
个人信息删除证明 / Certificate of erasure

存证编号 / evidence number: {number}
删除范围 / erased: {count} 项 / items
依据 / ground: {ground_zh} / {ground_en}
删除时间 / erased at: {beijing} (UTC+8) / {utc} (UTC)

本网关已依法删除该存证的盐值、摘要、大小、说明、申报内容、提交人摘要的开启数据，以及凭文件检索的索引。
链上记录未作改动，仍可证明存证的存在和时间；持有摘要开启数据者仍可离线核验。
This gateway has deleted the deposit's salts, digests, sizes, details, what was declared, what opens
its submitter commitment, and the index by which its files were found. The chain is unchanged: it
still proves existence and time, and who kept the opening can still verify the file offline.

事件单编号 / event statement: {statement_id}
交易哈希 / entry hash: {entry_hash}
"""
_NOT_YET = "上链中 / on its way to the chain"


def certificate(event: EventAnswer, ground: ErasureGround, count: int, erased_ms: int) -> str:
    """The page, as text."""
    return _PAGE.format(
        number=event.evidence_no,
        count=count,
        ground_zh=ground.zh,
        ground_en=ground.en,
        beijing=f"{beijing_time(erased_ms):%Y-%m-%d %H:%M:%S}",
        utc=f"{utc_time(erased_ms):%Y-%m-%d %H:%M:%S}",
        statement_id=event.statement_id,
        entry_hash=event.entry_hash or _NOT_YET,
    )
