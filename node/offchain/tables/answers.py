"""What writes that are not deposits were answered, for a day, under their Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import Integer, LargeBinary, String, Table

from node.offchain.columns import (
    DataClass,
    Retention,
    account,
    code,
    data_key,
    kept,
    metadata,
    time,
)
from node.offchain.tables.requests import IDEMPOTENCY_KEY_LENGTH_MAX

L2, SHORT = DataClass.L2, Retention.SHORT

answers = Table(
    "answers",
    metadata,
    account(SHORT, primary_key=True),
    kept(
        L2,
        SHORT,
        "幂等键",
        "The client's Idempotency-Key",
        "idempotency_key",
        String(IDEMPOTENCY_KEY_LENGTH_MAX),
        primary_key=True,
    ),
    kept(
        L2,
        SHORT,
        "请求摘要",
        "Digest of everything that was asked",
        "request_digest",
        LargeBinary(32),
        nullable=False,
    ),
    kept(L2, SHORT, "应答状态码", "Status of the answer", "status", Integer, nullable=True),
    code("language", SHORT, "应答语言", "Language of the answer", nullable=True),
    data_key(SHORT),
    kept(
        DataClass.L4,
        SHORT,
        "应答内容，供重试",
        "The answer, for retries",
        "answer_sealed",
        LargeBinary,
        nullable=True,
    ),
    time("asked_ms", SHORT, "接收时间", "When it was asked", nullable=False, index=True),
)
