"""Inspections by authorities (公安部令第82号 Art. 16); what was shown in them is in `accesses`."""

from __future__ import annotations

from sqlalchemy import Table

from node.offchain.columns import (
    Retention,
    data_key,
    identifier,
    metadata,
    personal,
    time,
)

LOG = Retention.LOG

inspections = Table(
    "inspections",
    metadata,
    identifier(LOG),
    time("opened_ms", LOG, "检查开始时间", "When it began", nullable=False, index=True),
    time("closed_ms", LOG, "检查结束时间", "When it ended", nullable=True),
    data_key(LOG),
    personal(
        "inspection_sealed",
        LOG,
        "检查机关、法律依据、文号、范围,检查人员姓名及执法证件号,陪同人员",
        "Authority, legal basis, document number, scope; names and certificate numbers of those "
        "who inspect; who accompanies them",
    ),
)
