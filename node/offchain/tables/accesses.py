"""Who looked at or changed what, with the fields that 公安部令第82号 Art. 7(三) names."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    String,
    Table,
)

from node.offchain.columns import (
    CODE_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DataClass,
    Retention,
    account,
    code,
    data_key,
    identifier,
    kept,
    metadata,
    personal,
    time,
)

L2 = DataClass.L2
LOG = Retention.LOG

accesses = Table(
    "accesses",
    metadata,
    identifier(LOG),
    time("at_ms", LOG, "时间", "When", nullable=False, index=True),
    account(LOG, nullable=True, index=True),
    code("action", LOG, "操作", "What was done", nullable=False),
    kept(
        L2,
        LOG,
        "对象",
        "To what: an evidence number, a case, an account",
        "object",
        String(REFERENCE_LENGTH_MAX),
        nullable=True,
        index=True,
    ),
    kept(L2, LOG, "结果", "Whether it was allowed", "allowed", Boolean, nullable=False),
    kept(
        L2,
        LOG,
        "请求编号",
        "The request's id",
        "request_id",
        String(CODE_LENGTH_MAX),
        nullable=True,
    ),
    kept(
        L2,
        LOG,
        "在哪次检查中出示",
        "The inspection by an authority in which it was shown",
        "inspection",
        String(32),
        nullable=True,
        index=True,
    ),
    data_key(LOG),
    personal("origin_sealed", LOG, "互联网地址与源端口", "Internet address and source port"),
)
