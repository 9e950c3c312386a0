"""Verification records and evidence lists: one JSON each, and pages that say the same."""

import hashlib
import json
from dataclasses import replace

import pytest

from node.casework.exhibit import Exhibit as LinkedExhibit
from node.casework.exhibit import ExhibitWords
from node.casework.vocabulary import LitigationRole
from node.evidence.malformed import Malformed
from node.evidence.steps import FileDigests
from node.evidence.verify import verify
from node.export.certificate.exhibits import (
    EvidenceList,
    Exhibit,
    evidence_list,
    format_exhibits,
    linked,
    parse_exhibits,
)
from node.export.certificate.parts import Case
from node.export.certificate.record import (
    Given,
    Record,
    Tool,
    format_verification,
    parse_verification,
    verification_record,
    verified,
)
from tests.node.export.certificate_samples import (
    ANCHOR,
    FILE,
    ISSUED_MS,
    PROOF,
    text_of,
    typesetter,
    without_spaces,
)
from tests.node.export.pdfa import failures

NUMBER = "EV20261121000000000000-76"
HOSTILE = '龘𠮷\u202e*x*\n#panic("no")'


def record(data: bytes = FILE) -> Record:
    digests = {alg: hashlib.new(alg, data).digest() for alg in ("sha256", "sm3")}
    verdict = verify(PROOF, ANCHOR, FileDigests(len(data), digests))
    given = Given("文件 file", HOSTILE, len(data), digests["sha256"], digests["sm3"])
    return Record(
        "VR-0123456789", ISSUED_MS, (Tool("cunzheng", "0.1.0"),), (verified(verdict, (given,)),)
    )


@pytest.mark.parametrize("data", [FILE, FILE + b"x"])
def test_a_record_has_one_json_and_its_page_says_the_same(data: bytes) -> None:
    made = record(data)
    written = format_verification(made)
    assert parse_verification(written) == made
    for spoilt in (written + b"\n", written.replace(b"VR-", b"\\u0056R-"), b"{}", written[:-1]):
        with pytest.raises(Malformed):
            parse_verification(spoilt)
    pdf = typesetter().set(verification_record(made))
    text = without_spaces(text_of(pdf))
    (result,) = made.results
    assert failures(pdf) == []
    assert result.given[0].sha256.hex() in text
    assert "[U+202E]*x*[U+000A]#panic" in text
    for each in result.steps:
        assert without_spaces(each.zh) in text
        assert without_spaces(each.en) in text


def test_a_result_against_the_file_says_what_that_does_not_mean() -> None:
    """Promise: different bytes are not called tampering, and nothing is said to be proven."""
    text = without_spaces(text_of(typesetter().set(verification_record(record(b"other")))))
    assert "不一致不等于被篡改" in text
    assert "不晚于（联签时间）Nolaterthan(cosigned)-" in text


def test_records_are_checked_at_birth() -> None:
    for change in ({"results": ()}, {"tools": ()}, {"record_no": "x"}, {"operator": ""}):
        with pytest.raises(Malformed):
            replace(record(), **change)  # type: ignore[arg-type]


# The evidence list


def exhibits() -> tuple[Exhibit, ...]:
    words = ExhibitWords(
        NUMBER, LitigationRole.PLAINTIFF, HOSTILE, "原告手机", "合意", "截图", 2, 12
    )
    return (linked(LinkedExhibit(1, words, ISSUED_MS)), Exhibit(7, NUMBER))


def test_an_evidence_list_is_an_array_in_one_spelling() -> None:
    written = format_exhibits(exhibits())
    assert parse_exhibits(written) == exhibits()
    assert [each["evidence_no"] for each in json.loads(written)] == [NUMBER, NUMBER]
    for spoilt in (b"[", b"{}", written + b" ", written.replace(b":2", b":2.0")):
        with pytest.raises(Malformed):
            parse_exhibits(spoilt)


def test_an_evidence_list_has_what_art_19_asks_for() -> None:
    case = Case("（2026）浙0192民初1234号", "浙0192", "杭州互联网法院")
    pdf = typesetter().set(evidence_list(EvidenceList(exhibits(), ISSUED_MS, False, case)))
    text = without_spaces(text_of(pdf))
    assert failures(pdf) == []
    for said in ("证据目录", case.case_no, "杭州互联网法院（浙0192）", NUMBER, "原告手机", "合意"):
        assert said in text
    for said in ("截图", "2/12", "原告", "提交人签名", "提交日期", "[U+202E]", "未提供"):
        assert said in text


def test_exhibits_stand_in_their_order() -> None:
    for wrong in ((), (exhibits()[1], exhibits()[0]), (exhibits()[0],) * 2):
        with pytest.raises(Malformed):
            EvidenceList(wrong, ISSUED_MS, False)
    with pytest.raises(Malformed):
        Exhibit(1, "EV20261121000000000000-77")
