"""Cases, their parties, the exhibits linked to them, and the receipts courts give."""

from __future__ import annotations

from sqlalchemy import (
    ForeignKey,
    Integer,
    String,
    Table,
)

from node.offchain.columns import (
    CODE_LENGTH_MAX,
    EVIDENCE_NO_LENGTH_MAX,
    USCC_LENGTH,
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

L1, L2 = DataClass.L1, DataClass.L2
DEPOSIT, PERMANENT = Retention.DEPOSIT, Retention.PERMANENT

CASE_NO_LENGTH_MAX = 64

cases = Table(
    "cases",
    metadata,
    identifier(DEPOSIT),
    kept(
        L2,
        DEPOSIT,
        "案号",
        "Case number",
        "case_no",
        String(CASE_NO_LENGTH_MAX),
        nullable=False,
        unique=True,
    ),
    kept(
        L2,
        DEPOSIT,
        "法院代字",
        "The court's code",
        "court_code",
        String(CODE_LENGTH_MAX),
        nullable=False,
        index=True,
    ),
    account(DEPOSIT, nullable=False),
    time("created_ms", DEPOSIT, "立卷时间", "When it was opened here", nullable=False),
)

exhibits = Table(
    "exhibits",
    metadata,
    kept(
        L2,
        DEPOSIT,
        "案件记录编号",
        "The case",
        "case_id",
        String(32),
        ForeignKey("cases.id"),
        primary_key=True,
    ),
    kept(L2, DEPOSIT, "证据目录序号", "Exhibit number", "exhibit_no", Integer, primary_key=True),
    kept(
        L1,
        PERMANENT,
        "存证编号",
        "Evidence number",
        "evidence_no",
        String(EVIDENCE_NO_LENGTH_MAX),
        nullable=False,
        index=True,
    ),
    code("litigation_role", DEPOSIT, "提交方诉讼地位", "Which party submits it", nullable=False),
    kept(L2, DEPOSIT, "份数", "Copies", "copies", Integer, nullable=False),
    kept(L2, DEPOSIT, "页数", "Pages", "pages", Integer, nullable=False),
    data_key(DEPOSIT),
    personal(
        "words_sealed",
        DEPOSIT,
        "名称、来源、证明对象、内容",
        "Name, source, object of proof, content",
    ),
    account(DEPOSIT, nullable=False),
    time("linked_ms", DEPOSIT, "关联案件时间", "When it was linked", nullable=False),
    time("removed_ms", DEPOSIT, "撤出时间", "When it was taken out again", nullable=True),
)

parties = Table(
    "parties",
    metadata,
    kept(
        L2,
        DEPOSIT,
        "案件记录编号",
        "The case",
        "case_id",
        String(32),
        ForeignKey("cases.id"),
        primary_key=True,
    ),
    kept(
        L2,
        DEPOSIT,
        "当事人(机构)统一社会信用代码",
        "A party's unified social credit code",
        "uscc",
        String(USCC_LENGTH),
        primary_key=True,
    ),
    code("litigation_role", DEPOSIT, "诉讼地位", "What it is in the case", nullable=False),
    account(DEPOSIT, nullable=False),
    time("named_ms", DEPOSIT, "登记时间", "When it was named", nullable=False),
)

court_receipts = Table(
    "court_receipts",
    metadata,
    identifier(DEPOSIT),
    kept(
        L2,
        DEPOSIT,
        "案件记录编号",
        "The case",
        "case_id",
        String(32),
        ForeignKey("cases.id"),
        nullable=False,
        index=True,
    ),
    data_key(DEPOSIT),
    personal(
        "receipt_sealed",
        DEPOSIT,
        "收据(份数、页数、时间、经办人)",
        "The receipt: copies, pages, time, handler",
    ),
    account(DEPOSIT, nullable=False),
    time("issued_ms", DEPOSIT, "出具时间", "When it was given", nullable=False),
)
