"""What must be declared, by which article, and what follows from a field."""

from typing import Any

import pytest

from node.casework.declared import (
    BY_CATEGORY,
    EVIDENCE_23,
    CopyDiffers,
    NotDeclared,
    complete,
    flatten,
    needs_profile,
    points,
)
from node.casework.vocabulary import DeclaredPoint, SignatureEffect
from node.words import Category, OpenPoint

DIGEST, OTHER = "ab" * 32, "cd" * 32

WEB = {"source_url": "https://shop.example/1", "collected_at": "2026-09-21T10:00:00+08:00"}
MAIL = {
    "sender": "甲",
    "recipient": "乙",
    "sent_at": "2026-09-21T10:00:00+08:00",
    "received_at": "2026-09-21T10:00:03+08:00",
}
FILE = {"original_status": "ORIGINAL"}
OTHER_DATA = {"sub_type": "iot", "description": "温度记录"}
WHOLE = {
    Category.A14_0: {},
    Category.A14_1_WEB_PUBLICATION: WEB,
    Category.A14_2_NETWORK_COMMUNICATION: MAIL,
    Category.A14_3_ACCOUNT_TRANSACTION_LOG: {},
    Category.A14_4_ELECTRONIC_FILE: FILE,
    Category.A14_5_OTHER_DIGITAL: OTHER_DATA,
}
COPY: dict[str, Any] = {
    "original_status": "REPRODUCTION",
    "copy_reason_original_unavailable": "原件灭失",
    "copy_making_process": "扫描",
}


def judge(category: Category, fields: dict[str, Any]) -> dict[str, Any]:
    return complete(category, fields, [DIGEST])


def missing(category: Category, fields: dict[str, Any]) -> str:
    with pytest.raises(NotDeclared) as refused:
        judge(category, fields)
    return refused.value.field


@pytest.mark.parametrize("category", Category)
def test_each_category_asks_for_its_own_fields(category: Category) -> None:
    """EV-14, ESL-6: each of the five classes has a rule; undeclared has none."""
    whole = WHOLE[category]
    assert judge(category, whole).items() >= whole.items()
    assert set(BY_CATEGORY[category][0]) == set(whole)
    for name in whole:
        assert missing(category, {k: v for k, v in whole.items() if k != name}) == name


def test_a_reason_stands_for_what_is_not_known() -> None:
    for category, point in (
        (Category.A14_1_WEB_PUBLICATION, DeclaredPoint.PROVENANCE_UNKNOWN),
        (Category.A14_2_NETWORK_COMMUNICATION, DeclaredPoint.COMMUNICATION_UNKNOWN),
    ):
        fields = judge(category, {"unknown_reason": "服务器日志已轮转"})
        assert points(category, fields)[0] is point
    assert missing(Category.A14_4_ELECTRONIC_FILE, {"unknown_reason": "x"}) == "original_status"


def test_logs_and_what_cannot_be_described_one_by_one_need_a_profile() -> None:
    for category in Category:
        alone = category is Category.A14_3_ACCOUNT_TRANSACTION_LOG
        assert needs_profile(category, declared_by_item=True) is alone
        assert needs_profile(category, declared_by_item=False) is (category is not Category.A14_0)


@pytest.mark.parametrize(
    ("status", "whole"),
    [
        ("MAKER_COPY", {"maker": "甲公司", "copy_source_digest": DIGEST}),
        (
            "DIRECT_OUTPUT",
            {"maker": "甲", "generation_process": "打印", "copy_source_digest": DIGEST},
        ),
        ("REPRODUCTION", {k: v for k, v in COPY.items() if k != "original_status"}),
        ("IMAGE_OF_PHYSICAL", {"custody_place": "北京市某仓库"}),
    ],
)
def test_what_is_no_original_says_how_it_came_about(status: str, whole: dict[str, Any]) -> None:
    """EV-12/13, EV-15, EV-23."""
    category, fields = Category.A14_4_ELECTRONIC_FILE, {"original_status": status, **whole}
    assert judge(category, fields) == fields
    for name in whole:
        assert missing(category, {k: v for k, v in fields.items() if k != name}) == name


def test_a_makers_copy_is_identical_with_the_original() -> None:
    fields = {"original_status": "MAKER_COPY", "maker": "甲", "copy_source_digest": OTHER}
    with pytest.raises(CopyDiffers):
        judge(Category.A14_0, fields)


def test_a_copy_that_differs_from_its_source_is_explained() -> None:
    fields = {**COPY, "copy_source_digest": DIGEST, "copy_target_digest": OTHER}
    assert missing(Category.A14_0, fields) == "copy_difference_explained"
    explained = judge(Category.A14_0, {**fields, "copy_difference_explained": "转码"})
    assert points(Category.A14_0, explained) == [
        DeclaredPoint.NOT_DEEMED_ORIGINAL,
        DeclaredPoint.COPY_DIFFERS,
    ]


def test_who_describes_a_copy_describes_it_whole() -> None:
    with pytest.raises(NotDeclared) as refused:
        judge(Category.A14_0, {"copy_making_process": "扫描"})
    assert refused.value.field == "copy_reason_original_unavailable"
    assert refused.value.law is EVIDENCE_23


def test_an_agent_has_an_authorisation() -> None:
    """CIV-9."""
    assert missing(Category.A14_0, {"acting_capacity": "AGENT"}) == "authorisation_digest"
    for capacity in ("SELF", "LEGAL_REP", "STATUTORY_AGENT"):
        assert judge(Category.A14_0, {"acting_capacity": capacity})
    assert judge(Category.A14_0, {"acting_capacity": "AGENT", "authorisation_digest": DIGEST})


@pytest.mark.parametrize("nature", ["PERSONAL_STATUS", "UTILITY_CUTOFF", "OTHER_EXCLUDED"])
def test_no_signature_effect_where_the_law_gives_none(nature: str) -> None:
    """ESL-3."""
    fields = judge(Category.A14_0, {"document_nature": nature})
    assert fields["signature_effect"] == "NOT_ASSERTED_ART3"
    assert points(Category.A14_0, fields) == [SignatureEffect.NOT_ASSERTED_ART3]
    ordinary = judge(Category.A14_0, {"document_nature": "ORDINARY"})
    assert "signature_effect" not in ordinary


def test_a_capture_without_a_cleanliness_report_is_flagged() -> None:
    """EV-24."""
    category = Category.A14_1_WEB_PUBLICATION
    fields = judge(category, WEB)
    assert fields["pre_capture_check"] == "ABSENT"
    assert points(category, fields) == [OpenPoint.O04]
    clean = judge(category, {**WEB, "collection_cleanliness_report_digest": DIGEST})
    assert "pre_capture_check" not in clean
    assert "pre_capture_check" in judge(Category.A14_0, {"collection_method": "SELF_CAPTURE"})
    assert "pre_capture_check" not in judge(Category.A14_0, {"collection_method": "SYSTEM_PUSH"})


def test_what_is_nested_becomes_one_name() -> None:
    nested = {
        "title": "合同",
        "copy": {"making_process": "扫描"},
        "corroboration": [{"type": "NOTARY", "ref": "1"}, {"type": "WITNESS", "ref": "2"}],
    }
    assert flatten(nested) == {
        "title": "合同",
        "copy_making_process": "扫描",
        "corroboration_0_type": "NOTARY",
        "corroboration_0_ref": "1",
        "corroboration_1_type": "WITNESS",
        "corroboration_1_ref": "2",
    }
