"""Webhooks, what was or is to be sent to them, and how far the log was read for that."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from node.offchain.columns import (
    REFERENCE_LENGTH_MAX,
    DataClass,
    Retention,
    account,
    code,
    data_key,
    identifier,
    kept,
    metadata,
    statement_id,
    time,
)

L1, L2, L4 = DataClass.L1, DataClass.L2, DataClass.L4
LOG, ACCOUNT, PERMANENT = Retention.LOG, Retention.ACCOUNT, Retention.PERMANENT

webhooks = Table(
    "webhooks",
    metadata,
    identifier(ACCOUNT),
    account(ACCOUNT, ForeignKey("accounts.account"), nullable=False, index=True),
    kept(L2, ACCOUNT, "通知地址", "Where to", "url", String(2048), nullable=False),
    kept(
        L2,
        ACCOUNT,
        "通知的事件",
        "Which events, space separated",
        "events",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    data_key(ACCOUNT),
    kept(
        L4,
        ACCOUNT,
        "签名密钥(密文)",
        "The signing secret, encrypted",
        "secret_sealed",
        LargeBinary,
        nullable=True,
    ),
    kept(
        L4,
        ACCOUNT,
        "更换前的签名密钥(密文)",
        "The signing secret before it was rotated, encrypted",
        "old_secret_sealed",
        LargeBinary,
        nullable=True,
    ),
    time(
        "old_until_ms", ACCOUNT, "更换前密钥的停用时间", "The old secret signs until", nullable=True
    ),
    time("created_ms", ACCOUNT, "登记时间", "When it was registered", nullable=False),
    time("disabled_ms", ACCOUNT, "停用时间", "When it was stopped", nullable=True),
    code("disabled_why", ACCOUNT, "停用原因", "Why it was stopped", nullable=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    identifier(LOG),
    kept(
        L2,
        LOG,
        "通知登记编号",
        "The webhook",
        "webhook",
        String(32),
        ForeignKey("webhooks.id"),
        nullable=False,
    ),
    code("event", LOG, "事件", "What happened", nullable=False),
    statement_id(LOG, nullable=True, index=True),
    kept(
        L2,
        LOG,
        "通知内容(不含个人信息)",
        "What is sent; nothing personal",
        "body",
        LargeBinary,
        nullable=False,
    ),
    time("created_ms", LOG, "产生时间", "When it happened", nullable=False, index=True),
    kept(L2, LOG, "已尝试次数", "How often it was tried", "attempts", Integer, nullable=False),
    time("due_ms", LOG, "下次发送时间", "When it is sent next", nullable=True, index=True),
    time(
        "claimed_until_ms", LOG, "发送中,至此时间", "A gateway is sending it until", nullable=True
    ),
    time("delivered_ms", LOG, "送达时间", "When it was accepted", nullable=True),
    kept(
        L2, LOG, "最近一次应答", "The last answer's status", "last_status", Integer, nullable=True
    ),
    code("last_failure", LOG, "最近一次失败的原因", "Why the last try failed", nullable=True),
    Index("ix_deliveries_webhook_created", "webhook", "created_ms"),
)

followed = Table(
    "followed",
    metadata,
    code("reader", PERMANENT, "读取者", "Who reads: `events`", primary_key=True),
    kept(
        L1,
        PERMANENT,
        "已读记录数",
        "How many entries of the log were read",
        "size",
        BigInteger,
        nullable=False,
    ),
)
