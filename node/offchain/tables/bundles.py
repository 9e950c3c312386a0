"""Evidence bundles that were asked for: of which deposits, how far each has come, and, for a day,
its bytes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from node.offchain.columns import (
    EVIDENCE_NO_LENGTH_MAX,
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
from node.offchain.tables.cases import CASE_NO_LENGTH_MAX

L2, L4, SHORT = DataClass.L2, DataClass.L4, Retention.SHORT

bundles = Table(
    "bundles",
    metadata,
    identifier(SHORT),
    account(SHORT, nullable=True),
    kept(
        L2,
        SHORT,
        "存证编号",
        "The first evidence number",
        "evidence_no",
        String(EVIDENCE_NO_LENGTH_MAX),
        nullable=False,
    ),
    kept(
        L2,
        SHORT,
        "案号",
        "The case it is of",
        "case_no",
        String(CASE_NO_LENGTH_MAX),
        nullable=True,
    ),
    code("state", SHORT, "状态", "How far it has come", nullable=False),
    code("why", SHORT, "未能生成的原因", "Why it was not made", nullable=True),
    kept(
        L2,
        SHORT,
        "第几次生成",
        "How often it was begun",
        "attempt",
        Integer,
        nullable=False,
    ),
    kept(
        L2,
        SHORT,
        "已取得证明的存证数",
        "Of how many deposits the proofs are collected",
        "collected",
        Integer,
        nullable=True,
    ),
    time("asked_ms", SHORT, "申请时间", "When it was asked for", nullable=False),
    time("alive_ms", SHORT, "最近进展时间", "When it last went on", nullable=True),
    time("expires_ms", SHORT, "删除时间", "When it is deleted", nullable=False, index=True),
    kept(
        L2,
        SHORT,
        "证据包名称",
        "The bundle's name",
        "name",
        String(REFERENCE_LENGTH_MAX),
        nullable=True,
    ),
    kept(L2, SHORT, "字节数", "Its size", "size", BigInteger, nullable=True),
    data_key(SHORT),
    Index("ix_bundles_state_asked_ms", "state", "asked_ms"),
)


def _bundle_id() -> Column[Any]:
    return kept(
        L2,
        SHORT,
        "证据包记录编号",
        "The bundle's record",
        "bundle_id",
        String(32),
        ForeignKey("bundles.id"),
        nullable=False,
    )


bundle_deposits = Table(
    "bundle_deposits",
    metadata,
    _bundle_id(),
    kept(L2, SHORT, "证据目录序号", "Exhibit number", "place", Integer, nullable=False),
    kept(
        L2,
        SHORT,
        "存证编号",
        "Evidence number",
        "evidence_no",
        String(EVIDENCE_NO_LENGTH_MAX),
        nullable=False,
        index=True,
    ),
    statement_id(SHORT, nullable=False),
    kept(
        L4,
        SHORT,
        "申请人提交的摘要开启数据",
        "What opens it, as whoever asked sent it",
        "opening_sealed",
        LargeBinary,
        nullable=True,
    ),
    data_key(SHORT),
    PrimaryKeyConstraint("bundle_id", "place", name="pk_bundle_deposits"),
)

bundle_parts = Table(
    "bundle_parts",
    metadata,
    _bundle_id(),
    kept(L2, SHORT, "第几次生成", "Of which attempt", "attempt", Integer, nullable=False),
    kept(L2, SHORT, "第几段", "Its place in the bundle", "place", Integer, nullable=False),
    kept(L4, SHORT, "内容", "The bytes", "part_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("bundle_id", "attempt", "place", name="pk_bundle_parts"),
)
