"""Registries loaded by the operator: courts, certification authorities and interests; and source
profiles."""

from __future__ import annotations

from sqlalchemy import (
    LargeBinary,
    String,
    Table,
)

from node.offchain.columns import (
    CODE_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    USCC_LENGTH,
    DataClass,
    Retention,
    account,
    code,
    data_key,
    kept,
    metadata,
    personal,
    time,
)

L1, L2 = DataClass.L1, DataClass.L2
DEPOSIT, PERMANENT = Retention.DEPOSIT, Retention.PERMANENT

courts = Table(
    "courts",
    metadata,
    kept(
        L1,
        PERMANENT,
        "法院代字",
        "The court's code",
        "court_code",
        String(CODE_LENGTH_MAX),
        primary_key=True,
    ),
    kept(L1, PERMANENT, "法院名称", "Name", "name", String(REFERENCE_LENGTH_MAX), nullable=False),
    code("level", PERMANENT, "法院层级", "Level", nullable=True),
    kept(
        L1,
        PERMANENT,
        "上级法院代字",
        "The court above",
        "parent_code",
        String(CODE_LENGTH_MAX),
        nullable=True,
    ),
    time("valid_from_ms", PERMANENT, "启用时间", "In use from", nullable=True),
    time("valid_to_ms", PERMANENT, "停用时间", "In use until", nullable=True),
    kept(
        L1,
        PERMANENT,
        "资料来源",
        "Where this was read",
        "source",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
)

authorities = Table(
    "authorities",
    metadata,
    kept(
        L1,
        PERMANENT,
        "根证书摘要",
        "SHA-256 of the root certificate",
        "root_digest",
        LargeBinary(32),
        primary_key=True,
    ),
    kept(
        L1,
        PERMANENT,
        "电子认证服务提供者",
        "Name",
        "name",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    code("kind", PERMANENT, "公众或电子政务", "PUBLIC or GOVERNMENT", nullable=False),
    kept(
        L1,
        PERMANENT,
        "电子认证服务许可证号",
        "Number of its licence",
        "licence_no",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
    kept(
        L1,
        PERMANENT,
        "密码使用许可证号",
        "Number of its cryptography licence",
        "cipher_licence_no",
        String(REFERENCE_LENGTH_MAX),
        nullable=True,
    ),
    time("valid_from_ms", PERMANENT, "许可起", "Licensed from", nullable=False),
    time("valid_to_ms", PERMANENT, "许可止", "Licensed until", nullable=False),
    kept(
        L1,
        PERMANENT,
        "资料来源",
        "Where this was read",
        "source",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
)

interests = Table(
    "interests",
    metadata,
    kept(
        L1,
        PERMANENT,
        "统一社会信用代码",
        "Unified social credit code",
        "uscc",
        String(USCC_LENGTH),
        primary_key=True,
    ),
    kept(
        L1,
        PERMANENT,
        "节点成员(或平台)",
        "The member, or the platform",
        "member",
        String(REFERENCE_LENGTH_MAX),
        primary_key=True,
    ),
    kept(L1, PERMANENT, "机构名称", "Name", "name", String(REFERENCE_LENGTH_MAX), nullable=False),
    code("relation", PERMANENT, "与其的关系", "What it has to do with it", nullable=False),
    kept(
        L1,
        PERMANENT,
        "资料来源",
        "Where this was read",
        "source",
        String(REFERENCE_LENGTH_MAX),
        nullable=False,
    ),
)

source_profiles = Table(
    "source_profiles",
    metadata,
    kept(
        L2,
        DEPOSIT,
        "来源档案摘要",
        "SHA-256 of the profile's text",
        "profile",
        LargeBinary(32),
        primary_key=True,
    ),
    account(DEPOSIT, primary_key=True),
    data_key(DEPOSIT),
    personal(
        "text_sealed",
        DEPOSIT,
        "来源档案(业务系统、流程、运营者、时钟来源)",
        "The profile: system of record, process, operator, clock",
    ),
    time("registered_ms", DEPOSIT, "登记时间", "When it was registered", nullable=False),
    time("withdrawn_ms", DEPOSIT, "注销时间", "When it was withdrawn", nullable=True),
)
