"""Timestamps of published checkpoints, and the platform's signatures of the same.

Everything here leaves with every evidence bundle and is kept as it was obtained: a token can be
renewed one day only by whoever still has it with the certificates it was verified with.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, String, Table

from node.offchain.columns import REFERENCE_LENGTH_MAX, DataClass, Retention, kept, metadata, time

L1, PERMANENT = DataClass.L1, Retention.PERMANENT

timestamps = Table(
    "timestamps",
    metadata,
    kept(
        L1,
        PERMANENT,
        "检查点的记录数",
        "How many leaves the checkpoint has",
        "tree_size",
        BigInteger,
        primary_key=True,
        autoincrement=False,
    ),
    kept(
        L1,
        PERMANENT,
        "时间戳服务机构",
        "The authority, as the settings name it",
        "authority",
        String(REFERENCE_LENGTH_MAX),
        primary_key=True,
    ),
    kept(L1, PERMANENT, "检查点正文", "The checkpoint body", "body", LargeBinary, nullable=False),
    time("time_ms", PERMANENT, "时间戳时间", "The time of the timestamp", nullable=False),
    time("obtained_ms", PERMANENT, "取得时间", "When it was obtained", nullable=False),
    kept(L1, PERMANENT, "时间戳请求", "TimeStampReq", "request", LargeBinary, nullable=False),
    kept(L1, PERMANENT, "时间戳响应", "TimeStampResp", "response", LargeBinary, nullable=False),
    kept(
        L1,
        PERMANENT,
        "取得时核验所用的证书链(PEM)",
        "The certificates it was verified with (PEM), up to the root",
        "chain",
        LargeBinary,
        nullable=False,
    ),
    Index("ix_timestamps_authority_tree_size", "authority", "tree_size"),
)

checkpoint_signatures = Table(
    "checkpoint_signatures",
    metadata,
    kept(
        L1,
        PERMANENT,
        "检查点的记录数",
        "How many leaves the checkpoint has",
        "tree_size",
        BigInteger,
        primary_key=True,
        autoincrement=False,
    ),
    kept(L1, PERMANENT, "检查点正文", "The checkpoint body", "body", LargeBinary, nullable=False),
    time("signed_ms", PERMANENT, "签名时间", "When it was signed", nullable=False),
    kept(
        L1,
        PERMANENT,
        "平台 P-256 签名(CMS)",
        "The platform's signature with P-256 (CMS)",
        "p7s",
        LargeBinary,
        nullable=True,
    ),
    kept(
        L1,
        PERMANENT,
        "平台 SM2 签名",
        "The platform's signature with SM2",
        "sm2",
        LargeBinary,
        nullable=True,
    ),
    kept(
        L1,
        PERMANENT,
        "签名证书(PEM)",
        "The certificates of both (PEM)",
        "certificates",
        LargeBinary,
        nullable=False,
    ),
)
