"""What a request about deposits that were made can meet."""

from __future__ import annotations

from node.gateway.http.problems import AnyProblem
from node.words import ResultCode


class DepositProblem(AnyProblem):
    """Problems with reading, listing and opening deposits, and with extraction codes."""

    CODES_MAX = (
        409,
        "有效的提取码过多",
        "too many live extraction codes",
        "一个存证编号最多同时有 {limit} 个有效的提取码；请先撤销不再使用的。",
        "An evidence number has at most {limit} live codes at once; revoke those that are not "
        "used.",
    )
    CURSOR_INVALID = (
        422,
        "游标无效",
        "the cursor is not one of this list",
        "请原样使用上一页给出的 next，查询条件不变；或不带游标从头开始。",
        "Use `next` of the page before as it is, with the same conditions, or begin again "
        "without a cursor.",
    )
    DEPOSIT_UNKNOWN = (
        404,
        "本账户没有该存证",
        "the account has no such deposit",
        "请核对接收编号、存证单编号或存证编号。",
        "Check the receipt number, statement id or evidence number.",
    )
    EXTRACTION_CODE_REFUSED = (
        403,
        "提取码无效",
        "the extraction code does not open this",
        "请核对提取码及存证编号；提取码可能已到期或被撤销，请向存证主体索取。",
        "Check code and evidence number. The code may have expired or been revoked; ask the "
        "depositor.",
        ResultCode.V501,
    )
    EXTRACTION_CODE_UNKNOWN = (
        404,
        "没有该提取码",
        "no such extraction code",
        "请核对提取码的编号（不是提取码本身）。",
        "Check the id of the code, which is not the code itself.",
    )
    READING_REFUSED = (
        403,
        "无权查阅",
        "this account may not read it",
        "证明文件和存证材料只提供给存证主体、已关联案件的法院，或持有提取码者。"
        "凭存证编号可查存在与时间。",
        "Proofs and what opens a deposit are for its depositor, a court with a case it is linked "
        "to, and whoever has an extraction code. The number alone tells existence and times.",
        ResultCode.V501,
    )
