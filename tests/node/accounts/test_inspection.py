"""公安部令第82号 Art. 16: two officers, somebody of the operator, a legal basis."""

import doctest
import json
from typing import Any

import pytest

from node.accounts import inspection
from node.accounts.inspection import (
    OFFICERS_MIN,
    PEOPLE_MAX,
    format_inspection,
    parse_inspection,
)
from node.evidence.malformed import Malformed

OFFICERS = [{"name": f"检查员{n}", "certificate_no": f"31000{n}"} for n in range(OFFICERS_MIN)]
ASKED: dict[str, Any] = {
    "authority": "某市公安局",
    "legal_basis": "公安部令第82号第十六条",
    "document_no": "网安检〔2026〕7号",
    "scope": "访问记录的留存",
    "officers": OFFICERS,
    "accompanied_by": ["王五"],
}


def parse(**changes: Any) -> Any:
    return parse_inspection(json.dumps({**ASKED, **changes}).encode())


def test_the_docstring_is_true() -> None:
    result = doctest.testmod(inspection)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_what_is_written_is_read_again() -> None:
    made = parse()
    assert [each.certificate_no for each in made.officers] == ["310000", "310001"]
    assert parse_inspection(format_inspection(made)) == made


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"officers": OFFICERS[:1]}, "officers"),
        ({"officers": [OFFICERS[0]] * 2}, "the same name"),
        ({"officers": [OFFICERS[0], {**OFFICERS[1], "certificate_no": "310000"}]}, "the same cert"),
        ({"officers": [OFFICERS[0], {"name": "李四"}]}, "field missing: certificate_no"),
        ({"officers": [OFFICERS[0], "李四"]}, "not a JSON object"),
        ({"officers": [OFFICERS[0], {**OFFICERS[1], "certificate_no": " "}]}, "certificate_no"),
        ({"officers": "张三"}, "officers is not a list"),
        (
            {"officers": [{"name": f"{n}", "certificate_no": f"{n}"} for n in range(99)]},
            f"to {PEOPLE_MAX} officers",
        ),
        ({"accompanied_by": []}, "accompany"),
        ({"accompanied_by": [7]}, "accompanied_by is not a text"),
        ({"legal_basis": ""}, "legal_basis is not a text"),
        ({"document_no": "x" * 129}, "document_no is not a text"),
        ({"note": "x"}, "unknown field: note"),
    ],
)
def test_what_is_not_enough(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse(**changes)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'"x"'])
def test_what_is_no_inspection(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_inspection(data)
