"""What the gateway promised, under the client's Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import (
    Integer,
    LargeBinary,
    String,
    Table,
)

from node.offchain.columns import (
    DataClass,
    Retention,
    account,
    kept,
    metadata,
    statement_id,
    time,
)

L1, L2 = DataClass.L1, DataClass.L2
SHORT, DEPOSIT = Retention.SHORT, Retention.DEPOSIT

IDEMPOTENCY_KEY_LENGTH_MAX = 128
KEY_LENGTH_MAX = 256
"""A public key as text; the longest, of SM2, has 125 characters."""
SKIPPED_LENGTH_MAX = 300

requests = Table(
    "requests",
    metadata,
    account(DEPOSIT, primary_key=True),
    kept(
        L2,
        DEPOSIT,
        "幂等键",
        "The client's Idempotency-Key",
        "idempotency_key",
        String(IDEMPOTENCY_KEY_LENGTH_MAX),
        primary_key=True,
    ),
    kept(
        L2,
        DEPOSIT,
        "存证单在请求中的次序",
        "The statement's place in its request",
        "part",
        Integer,
        primary_key=True,
    ),
    kept(
        L2,
        DEPOSIT,
        "请求摘要",
        "Digest of everything that was asked",
        "request_digest",
        LargeBinary(32),
        nullable=False,
    ),
    statement_id(DEPOSIT, nullable=False, index=True),
    kept(
        L2,
        SHORT,
        "提交给成员的记录",
        "The record proposed to the members",
        "record",
        LargeBinary,
        nullable=True,
    ),
    kept(
        L1,
        SHORT,
        "待其签名的网关公钥",
        "The gateway key that is to sign it, until it has",
        "awaits",
        String(KEY_LENGTH_MAX),
        nullable=True,
        index=True,
    ),
    time("stored_ms", DEPOSIT, "接收时间", "When it was stored", nullable=False),
    time(
        "settled_ms",
        DEPOSIT,
        "落定时间",
        "When the chain had taken or skipped it",
        nullable=True,
        index=True,
    ),
    kept(
        L2,
        DEPOSIT,
        "未上链原因",
        "Why the chain skipped it",
        "skipped",
        String(SKIPPED_LENGTH_MAX),
        nullable=True,
    ),
)
