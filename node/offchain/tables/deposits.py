"""Deposits of this gateway's accounts: their openings, events and extraction codes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from node.offchain.columns import (
    EVIDENCE_NO_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    DataClass,
    Retention,
    account,
    blind,
    code,
    data_key,
    identifier,
    kept,
    metadata,
    personal,
    statement_id,
    time,
)

L1, L2 = DataClass.L1, DataClass.L2
DEPOSIT, PERMANENT = Retention.DEPOSIT, Retention.PERMANENT

SKIPPED_LENGTH_MAX = 300

deposits = Table(
    "deposits",
    metadata,
    statement_id(DEPOSIT, primary_key=True),
    account(DEPOSIT, nullable=False),
    kept(
        L2,
        DEPOSIT,
        "客户业务编号",
        "What the client calls it",
        "client_ref",
        String(REFERENCE_LENGTH_MAX),
        nullable=True,
    ),
    code("category", DEPOSIT, "证据类别", "Category", nullable=False),
    code("mode", DEPOSIT, "加盐摘要或摘要", "commitment or digest", nullable=False),
    code("alg", DEPOSIT, "摘要算法", "Digest algorithms", nullable=False),
    kept(L2, DEPOSIT, "项数", "How many items", "count", Integer, nullable=False),
    kept(L2, DEPOSIT, "业务流编号", "Series", "series", LargeBinary(32), nullable=True),
    kept(
        L2, DEPOSIT, "业务流内序号", "Place in the series", "series_seq", BigInteger, nullable=True
    ),
    kept(
        L2, DEPOSIT, "事务编号", "Matter", "matter_id", String(REFERENCE_LENGTH_MAX), nullable=True
    ),
    code("phase", DEPOSIT, "事务阶段", "Phase of the matter", nullable=True),
    kept(
        L2,
        DEPOSIT,
        "来源档案摘要",
        "Digest of the source profile",
        "profile",
        LargeBinary(32),
        nullable=True,
    ),
    code(
        "signature_effect",
        DEPOSIT,
        "电子签名效力说明",
        "What is asserted of the electronic signature",
        nullable=True,
    ),
    time("received_ms", DEPOSIT, "接收时间", "When it was received", nullable=False),
    code("state", DEPOSIT, "状态", "RECEIVED, PENDING, COMMITTED, FINAL or FAILED", nullable=False),
    kept(
        L2,
        DEPOSIT,
        "未上链原因",
        "Why the chain skipped it",
        "skipped",
        String(SKIPPED_LENGTH_MAX),
        nullable=True,
    ),
    kept(L1, PERMANENT, "区块高度", "Block height", "height", BigInteger, nullable=True),
    kept(
        L1,
        PERMANENT,
        "首项序号",
        "Ordinal of the first item",
        "first_item",
        BigInteger,
        nullable=True,
    ),
    time(
        "block_ms",
        PERMANENT,
        "区块时间",
        "Block time, of which its numbers have the date",
        nullable=True,
    ),
    kept(
        L1,
        PERMANENT,
        "记录序号",
        "Index of its entry in the log",
        "leaf_index",
        BigInteger,
        nullable=True,
    ),
    kept(
        L1,
        PERMANENT,
        "交易哈希",
        "Entry hash",
        "entry_hash",
        LargeBinary(32),
        nullable=True,
        index=True,
    ),
    time("final_ms", DEPOSIT, "联签完成时间", "When a quorum had sealed it", nullable=True),
    time(
        "erased_ms",
        PERMANENT,
        "个人信息删除时间",
        "When the personal data was erased",
        nullable=True,
    ),
    time(
        "restricted_ms",
        DEPOSIT,
        "限制处理时间",
        "Since when its processing is restricted, as it was to be erased and may not be yet",
        nullable=True,
        index=True,
    ),
    time("review_ms", DEPOSIT, "限制处理的复核日期", "When that is examined again", nullable=True),
    code("erasure_ground", DEPOSIT, "请求删除的理由", "On what ground", nullable=True),
    account(DEPOSIT, name="erasure_account", nullable=True),
    data_key(DEPOSIT),
    personal(
        "declared_sealed",
        DEPOSIT,
        "存证人申报的来源、收发件人等材料",
        "What the depositor declared: origin, sender, recipient, ...",
    ),
    personal(
        "submitter_sealed", DEPOSIT, "存证主体摘要的开启数据", "What opens the submitter commitment"
    ),
    Index("ix_deposits_account_received", "account", "received_ms", "statement_id"),
    Index("ix_deposits_account_client_ref", "account", "client_ref"),
    Index("ix_deposits_account_matter", "account", "matter_id"),
    Index("ix_deposits_account_series", "account", "series", "series_seq"),
    Index("ix_deposits_first_item", "first_item"),
    Index("ix_deposits_state", "state", "leaf_index"),
)

items = Table(
    "items",
    metadata,
    statement_id(DEPOSIT, ForeignKey("deposits.statement_id"), primary_key=True),
    kept(
        L2,
        DEPOSIT,
        "项在存证单中的次序",
        "The item's place in its statement",
        "item_index",
        Integer,
        primary_key=True,
    ),
    personal(
        "opening_sealed",
        DEPOSIT,
        "加盐摘要的开启数据(盐、摘要、大小、说明)",
        "What opens the salted digest",
    ),
    blind(
        "sha256_blind",
        DEPOSIT,
        "SHA-256 摘要的带密钥摘要,供凭文件检索",
        "Keyed digest of the SHA-256 digest, to find it by file",
        nullable=True,
        index=True,
    ),
    blind(
        "sm3_blind",
        DEPOSIT,
        "SM3 摘要的带密钥摘要,供凭文件检索",
        "Keyed digest of the SM3 digest, to find it by file",
        nullable=True,
        index=True,
    ),
)

events = Table(
    "events",
    metadata,
    statement_id(DEPOSIT, primary_key=True),
    kept(
        L1,
        PERMANENT,
        "所涉存证编号",
        "The evidence number it is about",
        "subject_no",
        String(EVIDENCE_NO_LENGTH_MAX),
        nullable=False,
        index=True,
    ),
    statement_id(PERMANENT, name="subject_id", nullable=False, index=True),
    account(DEPOSIT, nullable=False, index=True),
    code("type", PERMANENT, "事件类型", "correction, invalidation, custody, ...", nullable=False),
    time("received_ms", DEPOSIT, "接收时间", "When it was received", nullable=False),
    data_key(DEPOSIT),
    personal(
        "opening_sealed",
        DEPOSIT,
        "事件说明及其盐、提交人摘要的开启数据",
        "The event's details and salts, and what opens its submitter commitment",
    ),
)

extraction_codes = Table(
    "extraction_codes",
    metadata,
    identifier(DEPOSIT),
    kept(
        L1,
        PERMANENT,
        "存证编号",
        "The evidence number it opens",
        "evidence_no",
        String(EVIDENCE_NO_LENGTH_MAX),
        nullable=False,
        index=True,
    ),
    account(DEPOSIT, nullable=False),
    blind(
        "code_blind",
        DEPOSIT,
        "提取码的带密钥摘要",
        "Keyed digest of the extraction code",
        nullable=False,
    ),
    time("created_ms", DEPOSIT, "生成时间", "When it was made", nullable=False),
    time("expires_ms", DEPOSIT, "失效时间", "When it stops working", nullable=True),
    time("revoked_ms", DEPOSIT, "撤销时间", "When it was revoked", nullable=True),
    UniqueConstraint("evidence_no", "code_blind"),
)
